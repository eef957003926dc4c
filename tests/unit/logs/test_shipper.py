import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from seaway.logs.driver import ContainerInfo, ReadRequest
from seaway.logs.jsonfile import JsonFileDriver
from seaway.logs.pieces import SpoolPieces
from seaway.logs.reader import read_logs, render
from seaway.logs.remote import DeliveryFailed
from seaway.logs.shipper import Shipper
from seaway.logs.spool import LogLine


def spooled(text: str, flag: str = "F") -> bytes:
    return f"2026-11-24T06:00:01.500000000+00:00 stdout {flag} {text}\n".encode()


class Spool:
    def __init__(self, root: Path) -> None:
        self.dir = root / "seaway"
        self.dir.mkdir()
        self.log = self.dir / "log"
        self.info = ContainerInfo("c1", root)

    def append(self, *texts: str, flag: str = "F") -> None:
        with self.log.open("ab") as file:
            file.write(b"".join(spooled(text, flag) for text in texts))

    def engine(self) -> Shipper:
        return Shipper(SpoolPieces(self.dir, frozenset({""})), JsonFileDriver(self.info))


async def lines(shipper: Shipper, **request: bool) -> list[bytes]:
    return [e.text async for batch in read_logs(shipper, ReadRequest(**request)) for e in batch]


async def test_a_reader_sees_what_is_not_yet_shipped(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append("a", "b")
    shipper = spool.engine()
    assert await lines(shipper) == [b"a\n", b"b\n"]
    spool.append("c")
    assert await lines(shipper) == [b"a\n", b"b\n", b"c\n"]


async def test_the_next_engine_goes_on_where_the_last_one_was(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append("a")
    await spool.engine().ship()
    spool.append("b")
    assert await lines(spool.engine()) == [b"a\n", b"b\n"]


async def test_a_piece_outlives_the_engine_that_read_it(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append("fo", flag="P")
    await spool.engine().ship()
    spool.append("o")
    assert await lines(spool.engine()) == [b"foo\n"]


async def test_an_open_line_costs_no_duplicates_of_the_other_stream(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append("fo", flag="P")
    with spool.log.open("ab") as file:
        file.write(spooled("err").replace(b"stdout", b"stderr") + b"2026-11-24T06:0")
    await spool.engine().ship()
    with spool.log.open("ab") as file:
        file.write(spooled("o").removeprefix(b"2026-11-24T06:0"))
    assert await lines(spool.engine()) == [b"err\n", b"foo\n"]


async def test_the_end_flushes_the_open_line_and_takes_the_spool_away(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append("a")
    spool.append("last", flag="P")
    shipper = spool.engine()
    await shipper.finish()
    assert await lines(shipper) == [b"a\n", b"last"]
    assert list(spool.dir.iterdir()) == []


async def test_a_large_spool_is_renamed_reopened_and_deleted(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    opened = spool.log.open("ab")

    async def reopen() -> None:
        nonlocal opened
        opened.write(spooled("before reopening"))
        opened.close()
        opened = spool.log.open("ab")

    opened.write(spooled("x" * 8000) * 2200)
    opened.flush()
    shipper = Shipper(SpoolPieces(spool.dir, frozenset({""})), JsonFileDriver(spool.info), reopen)
    await shipper.ship()
    opened.write(spooled("after"))
    opened.close()
    assert [text for text in await lines(shipper) if len(text) < 100] == [b"before reopening\n", b"after\n"]
    assert sorted(path.name for path in spool.dir.iterdir()) == ["log", "offset"]


async def test_follow_ends_with_the_containers_output(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append("a")
    shipper = spool.engine()
    seen: list[bytes] = []
    came = asyncio.Event()

    async def follow() -> None:
        async for batch in read_logs(shipper, ReadRequest(follow=True)):
            seen.extend(entry.text for entry in batch)
            came.set()

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        group.create_task(follow())
        for text in ("b", "c"):
            await came.wait()
            came.clear()
            spool.append(text)
            await shipper.ship()
        await came.wait()
        await shipper.finish()
    assert seen == [b"a\n", b"b\n", b"c\n"]


async def test_rendering_has_headers_and_fixed_times(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append("hi")
    (batch,) = [b async for b in read_logs(spool.engine(), ReadRequest())]
    assert render(batch, multiplexed=False) == b"hi\n"
    assert render(batch, multiplexed=True) == b"\1\0\0\0\0\0\0\3hi\n"
    assert render(batch, multiplexed=False, timestamps=True) == b"2026-11-24T06:00:01.500000000Z hi\n"


class Failing(JsonFileDriver):
    """Refuses lines until it is told not to."""

    is_away = True

    def write(self, lines: Sequence[LogLine]) -> None:
        if self.is_away:
            raise DeliveryFailed("dial tcp 10.0.0.1:514: connect: connection refused")
        super().write(lines)


def two_drivers(spool: Spool) -> tuple[Shipper, Shipper, Failing]:
    pieces = SpoolPieces(spool.dir, frozenset({"", "remote"}))
    away = Failing(ContainerInfo("remote", spool.info.directory))
    return Shipper(pieces, JsonFileDriver(spool.info)), Shipper(pieces, away, name="remote", is_remote=True), away


async def test_a_driver_that_is_away_holds_back_neither_the_other_nor_its_own_lines(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    near, far, away = two_drivers(spool)
    spool.append("a")
    with pytest.raises(DeliveryFailed):
        await far.ship()
    await near.ship()
    spool.append("b")
    assert await lines(near) == [b"a\n", b"b\n"]
    away.is_away = False
    assert await lines(far) == [b"a\n", b"b\n"]


async def test_lines_that_were_not_taken_survive_a_kill_and_the_end_of_the_run(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    near, far, _ = two_drivers(spool)
    spool.append("a")
    with pytest.raises(DeliveryFailed):
        await far.ship()
    await near.finish()
    near, far, away = two_drivers(spool)
    away.is_away = False
    spool.append("next run")
    assert await lines(near) == [b"a\n", b"next run\n"]
    assert await lines(far) == [b"a\n", b"next run\n"]
    await near.finish()
    await far.finish()
    assert list(spool.dir.iterdir()) == []


async def test_the_next_run_begins_while_the_last_one_is_still_sent(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    near, far, away = two_drivers(spool)
    spool.append("a")
    await near.finish()
    SpoolPieces(spool.dir, frozenset()).retire()
    spool.append("b")
    away.is_away = False
    await far.finish(with_live=False)
    assert await lines(far) == [b"a\n", b"b\n"]
    assert [path.name for path in spool.dir.glob("log*")] == ["log"]


async def test_what_conmon_writes_before_it_has_reopened_is_not_lost(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    opened = spool.log.open("ab")

    async def told() -> None:
        """conmon has not come to it yet."""

    opened.write(spooled("x" * 8000) * 2200)
    opened.flush()
    shipper = Shipper(SpoolPieces(spool.dir, frozenset({""})), JsonFileDriver(spool.info), told)
    await shipper.ship()
    await shipper.ship()
    opened.write(spooled("late"))
    opened.close()
    (spool.dir / "log.tmp").touch()
    await shipper.ship()
    spool.append("next")
    assert [text for text in await lines(shipper) if len(text) < 100] == [b"late\n", b"next\n"]
    assert sorted(path.name for path in spool.dir.iterdir()) == ["log", "log.tmp", "offset"]


async def test_an_engine_that_was_killed_before_it_told_conmon(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append("a")
    SpoolPieces(spool.dir, frozenset()).retire()
    told = asyncio.Event()

    async def reopen() -> None:
        told.set()

    shipper = Shipper(SpoolPieces(spool.dir, frozenset({""})), JsonFileDriver(spool.info), reopen)
    task = asyncio.ensure_future(shipper.run(asyncio.Event()))
    await told.wait()
    task.cancel()
    await asyncio.wait([task])
    await shipper.finish()
    assert await lines(shipper) == [b"a\n"]
    assert [path.name for path in spool.dir.iterdir()] == []


async def test_a_driver_that_is_far_behind_skips_what_it_would_not_keep(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for number in range(6):
        spool.append(str(number))
        if number < 5:
            SpoolPieces(spool.dir, frozenset()).retire()
    shipper = Shipper(SpoolPieces(spool.dir, frozenset({""})), JsonFileDriver(spool.info), most_pieces=2)
    assert await lines(shipper) == [b"0\n", b"3\n", b"4\n", b"5\n"]


async def test_an_abandoned_shipper_ends_though_its_spool_is_gone(tmp_path: Path) -> None:
    spool, changed = Spool(tmp_path), asyncio.Event()
    spool.append("a")
    shipper = spool.engine()
    shutil.rmtree(spool.dir)
    running = asyncio.ensure_future(shipper.run(changed))
    shipper.abandon()
    await asyncio.wait_for(running, 5)
    assert shipper.has_ended
