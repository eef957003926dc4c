import fcntl
from pathlib import Path

import pytest

from seaway.system.dataroot import DataRoot, DataRootInUse
from seaway.system.pidfile import EngineAlive, remove_pidfile, write_pidfile


def test_a_second_engine_is_refused_and_the_root_is_free_after_close(tmp_path: Path) -> None:
    first = DataRoot(str(tmp_path))
    with pytest.raises(DataRootInUse, match="error while opening volume store metadata database"):
        DataRoot(str(tmp_path))
    first.close()
    DataRoot(str(tmp_path)).close()


def test_a_running_dockerd_is_respected(tmp_path: Path) -> None:
    (tmp_path / "volumes").mkdir()
    with open(tmp_path / "volumes" / "metadata.db", "wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(DataRootInUse, match=r"volume store metadata database"):
            DataRoot(str(tmp_path))


def test_the_engine_keeps_its_id(tmp_path: Path) -> None:
    root = DataRoot(str(tmp_path))
    assert root.engine_id() == root.engine_id() == (tmp_path / "engine-id").read_text()
    root.close()


def test_the_pidfile_of_a_living_process_is_respected(tmp_path: Path) -> None:
    file = tmp_path / "docker.pid"
    file.write_text("1")
    with pytest.raises(EngineAlive, match="process with PID 1 is still running"):
        write_pidfile(str(file))
    file.write_text("not a pid")
    write_pidfile(str(file))
    remove_pidfile(str(file))
    assert not file.exists()
