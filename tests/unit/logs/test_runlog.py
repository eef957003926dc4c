from pathlib import Path

import pytest

from seaway.logs.driver import ContainerInfo
from seaway.logs.localfile import LocalLog
from seaway.logs.runlog import RunLog, next_run_log


def run_log(root: Path, kind: str, before: RunLog | None = None, **options: str) -> RunLog:
    info = ContainerInfo("c" * 64, root, options={name.replace("_", "-"): value for name, value in options.items()})
    return next_run_log(kind, info, root / "seaway", None, before)


@pytest.fixture(autouse=True)
def spool(tmp_path: Path) -> None:
    (tmp_path / "seaway").mkdir()


def test_a_driver_of_files_ships_and_is_read(tmp_path: Path) -> None:
    made = run_log(tmp_path, "json-file")
    assert made.shippers == [made.readable]


def test_a_cache_is_read_beside_a_remote_driver(tmp_path: Path) -> None:
    made = run_log(tmp_path, "gelf", gelf_address="udp://127.0.0.1:9")
    assert made.readable
    assert isinstance(made.readable.driver, LocalLog)
    assert made.shippers == [made.readable, made.remote]


def test_without_a_cache_only_the_remote_driver_is_left(tmp_path: Path) -> None:
    made = run_log(tmp_path, "gelf", gelf_address="udp://127.0.0.1:9", cache_disabled="true")
    assert made.readable is None
    assert made.shippers == [made.remote]


@pytest.mark.parametrize("has_ended", [False, True])
def test_a_remote_driver_that_is_behind_goes_on(tmp_path: Path, *, has_ended: bool) -> None:
    first = run_log(tmp_path, "gelf", gelf_address="udp://127.0.0.1:9")
    assert first.remote
    first.remote.has_ended = has_ended
    second = run_log(tmp_path, "gelf", first, gelf_address="udp://127.0.0.1:9")
    assert (second.remote is first.remote) is not has_ended
    assert (second.pieces is first.pieces) is not has_ended
    assert second.readable is not first.readable
