import os
import subprocess
from pathlib import Path

import pytest

from seaway.kernel.pidfd import is_alive
from seaway.system.pidfile import EngineAlive, remove_pidfile, write_pidfile


def test_a_live_process_keeps_its_pidfile(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    file.write_text(str(os.getppid()))
    with pytest.raises(EngineAlive, match=f"process with PID {os.getppid()} is still running"):
        write_pidfile(str(file))
    assert file.read_text() == str(os.getppid())


def test_the_file_of_a_process_that_nobody_has_asked_after_is_taken_over(tmp_path: Path) -> None:
    file, ended = tmp_path / "pid", subprocess.Popen(["true"])
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
    assert Path(f"/proc/{ended.pid}").exists()
    assert not is_alive(ended.pid)
    file.write_text(str(ended.pid))
    write_pidfile(str(file))
    assert file.read_text() == str(os.getpid())
    remove_pidfile(str(file))
    assert not file.exists()
    ended.wait()
