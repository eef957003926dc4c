import asyncio
from pathlib import Path

from seaway.logs.driver import ContainerInfo, ReadRequest
from seaway.logs.jsonfile import JsonFileDriver
from seaway.logs.pieces import SpoolPieces
from seaway.logs.reader import read_logs
from seaway.logs.shipper import Shipper
from seaway.logs.watcher import SpoolWatcher


async def test_lines_are_shipped_as_they_come(tmp_path: Path) -> None:
    watcher = SpoolWatcher()
    spool = tmp_path / "seaway"
    spool.mkdir()
    shipper = Shipper(SpoolPieces(spool, frozenset({""})), JsonFileDriver(ContainerInfo("c1", tmp_path)))
    seen: list[bytes] = []
    async with asyncio.timeout(10):
        tasks = [asyncio.create_task(watcher.run()), asyncio.create_task(shipper.run(watcher.watch(spool)))]
        reader = read_logs(shipper, ReadRequest(follow=True))
        with (spool / "log").open("ab", buffering=0) as log:
            for number in range(3):
                log.write(b"2026-11-24T06:00:01.500000000+00:00 stdout F %d\n" % number)
                seen += [entry.text for entry in await anext(reader)]
        await reader.aclose()  # type: ignore[attr-defined]
        await shipper.finish()
        watcher.unwatch(spool)
        await tasks[1]
    tasks[0].cancel()
    await asyncio.wait(tasks)
    watcher.close()
    assert seen == [b"0\n", b"1\n", b"2\n"]
