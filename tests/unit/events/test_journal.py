from pathlib import Path

from seaway.events.bus import RING_SIZE, EventBus
from seaway.events.journal import Journal


def published(path: Path, names: range) -> EventBus:
    journal = Journal(path, RING_SIZE)
    bus = EventBus(journal)
    for number in names:
        bus.publish("container", "start", f"id{number}", {"name": f"c{number}"})
    journal.close()
    return bus


def test_events_outlive_the_engine(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    before = published(path, range(3)).past(since_ns=0)
    assert published(path, range(0)).past(since_ns=0) == before
    assert [e.actor.attributes["name"] for e in before] == ["c0", "c1", "c2"]


def test_it_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    published(path, range(3 * RING_SIZE))
    assert len(path.read_bytes().splitlines()) < 2 * RING_SIZE
    kept = published(path, range(0)).past(since_ns=0)
    assert [e.actor.id for e in kept] == [f"id{n}" for n in range(2 * RING_SIZE, 3 * RING_SIZE)]


def test_a_line_cut_by_a_crash_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    published(path, range(2))
    path.write_bytes(path.read_bytes()[:-20])
    assert [e.actor.id for e in published(path, range(5, 6)).past(since_ns=0)] == ["id0", "id5"]


def test_times_never_go_back(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    last = published(path, range(1)).past(since_ns=0)[-1]
    path.write_bytes(path.read_bytes().replace(str(last.time_ns).encode(), b"9000000000000000000"))
    assert published(path, range(1)).past(since_ns=0)[-1].time_ns == 9000000000000000001
