import pytest

from seaway.base.filters import parse_filters
from seaway.events.bus import QUEUE_SIZE, RING_SIZE, EventBus
from seaway.events.message import make_event, matches


def test_containers_and_images_have_the_old_keys() -> None:
    event = make_event("container", "start", "c1", {"name": "x", "image": "busybox"}, 1_461_943_101_607_533_796)
    assert event.to_wire() == {
        "status": "start",
        "id": "c1",
        "from": "busybox",
        "Type": "container",
        "Action": "start",
        "Actor": {"ID": "c1", "Attributes": {"image": "busybox", "name": "x"}},
        "scope": "local",
        "time": 1_461_943_101,
        "timeNano": 1_461_943_101_607_533_796,
    }
    assert list(make_event("image", "pull", "i", {}, 1).to_wire())[:3] == ["status", "id", "Type"]
    assert next(iter(make_event("volume", "create", "v", {}, 1).to_wire())) == "Type"


@pytest.mark.parametrize(
    ("filters", "matching"),
    [
        ("", True),
        ('{"event":["start","die"]}', True),
        ('{"event":["die"]}', False),
        ('{"type":["container"],"container":["c1"]}', True),
        ('{"container":["we"]}', True),
        ('{"volume":["web"],"type":["volume"]}', False),
        ('{"image":["busybox"]}', True),
        ('{"image":["busybox:1"]}', True),
        ('{"image":["busy"]}', False),
        ('{"label":["tier=front"]}', True),
        ('{"label":["tier=back"]}', False),
        ('{"scope":["swarm"]}', False),
        ('{"unknown":["x"]}', True),
    ],
)
def test_filters(filters: str, matching: bool) -> None:
    event = make_event("container", "start", "c1234", {"name": "web", "image": "busybox:1", "tier": "front"}, 1)
    assert matches(parse_filters(filters), event) is matching


def test_actions_with_an_argument_match_by_prefix() -> None:
    event = make_event("container", "exec_create: sh -c true", "c1", {}, 1)
    assert matches(parse_filters('{"event":["exec_create"]}'), event)
    assert not matches(parse_filters('{"event":["exec_start"]}'), event)


def test_the_ring_keeps_the_last_and_times_never_repeat() -> None:
    bus = EventBus()
    published = [bus.publish("volume", "create", str(i)) for i in range(RING_SIZE + 10)]
    assert bus.past(0) == published[10:]
    assert bus.past() == []
    assert bus.past(published[-3].time_ns, published[-2].time_ns) == published[-3:-1]
    assert len({event.time_ns for event in published}) == len(published)


async def test_subscribers_see_what_comes_and_a_slow_one_loses_the_newest() -> None:
    bus = EventBus()
    bus.publish("volume", "create", "before")
    with bus.subscribe() as one:
        for i in range(QUEUE_SIZE + 5):
            bus.publish("volume", "create", str(i))
        seen = [(await one.next()).actor.id for _ in range(QUEUE_SIZE)]
        assert (seen[0], seen[-1], bus.listeners) == ("0", str(QUEUE_SIZE - 1), 1)
    assert bus.listeners == 0
