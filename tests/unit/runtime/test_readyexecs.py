import asyncio
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from seaway.runtime import readyexecs
from seaway.runtime.bundle import RunDirectory


@pytest.fixture
def ready(monkeypatch: pytest.MonkeyPatch) -> readyexecs.ReadyExecs:
    """Whose conmons are none, and are kept for a moment only."""

    async def begin(_path: str, _launch: Any) -> Any:
        return SimpleNamespace(end=lambda: None)

    monkeypatch.setattr(readyexecs.conmon, "begin", begin)
    monkeypatch.setattr(readyexecs, "READY_FOR_S", 0.01)
    return readyexecs.ReadyExecs("conmon")


def launch(directory: Path) -> Any:
    return SimpleNamespace(process_id="e", directory=RunDirectory(directory / "e"))


async def test_one_that_is_taken_stays(ready: readyexecs.ReadyExecs, tmp_path: Path) -> None:
    keeping = asyncio.ensure_future(ready.keep(launch(tmp_path)))
    await asyncio.sleep(0)
    assert await ready.take("e")
    await keeping
    assert (tmp_path / "e").exists()
    assert await ready.take("e") is None


async def test_a_start_waits_until_nothing_is_left_of_one_that_goes(
    ready: readyexecs.ReadyExecs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    going, may_go = threading.Event(), threading.Event()
    remove = readyexecs.shutil.rmtree

    def slowly(path: Path, ignore_errors: bool) -> None:
        going.set()
        may_go.wait()
        remove(path, ignore_errors)

    monkeypatch.setattr(readyexecs.shutil, "rmtree", slowly)
    keeping = asyncio.ensure_future(ready.keep(launch(tmp_path)))
    await asyncio.to_thread(going.wait)
    taking = asyncio.ensure_future(ready.take("e"))
    await asyncio.sleep(0.01)
    assert not taking.done()
    may_go.set()
    assert await taking is None
    assert not (tmp_path / "e").exists()
    await keeping
