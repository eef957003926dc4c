"""A disk that is full while data goes in: the client is told, and what is there is whole."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from conformance.conftest import RunningEngine, import_busybox

TOLD = "no space left on device"
LEFT = 2 << 20
BIG = 4 << 20


@pytest.fixture
def small(small: RunningEngine) -> RunningEngine:
    import_busybox(small)
    return small


@contextmanager
def nearly_full(engine: RunningEngine) -> Iterator[None]:
    filler = engine.data_root / "filler"
    free = os.statvfs(engine.data_root)
    filler.write_bytes(bytes(free.f_bavail * free.f_frsize - LEFT))
    yield
    filler.unlink()


def test_copy_up(small: RunningEngine) -> None:
    """A container is not made, and its volume is empty, so that the next one fills it."""
    script = f"busybox mkdir /data; echo first > /data/a; head -c {BIG} /dev/zero > /data/b"
    assert small.docker("run", "--name", "made", "busybox", "sh", "-c", script).returncode == 0
    small.docker("commit", "made", "filled")
    create = ("create", "--name", "subject", "-v", "named:/data", "-v", "/data/anonymous", "filled", "true")
    with nearly_full(small):
        failed = small.docker(*create)
        assert failed.returncode == 1
        assert TOLD in failed.stderr
        assert small.docker("volume", "ls", "-q").stdout == "named\n"
        assert small.docker("ps", "-aq", "--filter", "name=subject").stdout == ""
        if small.is_seaway:  # dockerd leaves what it had copied
            assert list((small.data_root / "volumes/named/_data").iterdir()) == []
    done = small.docker("run", "--rm", "-v", "named:/data", "filled", "wc", "-c", "/data/b")
    assert not small.is_seaway or done.stdout == f"{BIG} /data/b\n"


@pytest.mark.parametrize("where", ["/tmp/in", "/v/in"])
def test_a_copy_in(small: RunningEngine, tmp_path: Path, where: str) -> None:
    (tmp_path / "in").write_bytes(os.urandom(BIG))
    small.docker("create", "--name", "subject", "-v", "named:/v", "busybox", "true")
    with nearly_full(small):
        failed = small.docker("cp", str(tmp_path / "in"), f"subject:{where}")
        assert failed.returncode == 1
        assert TOLD in failed.stderr
        if small.is_seaway:  # dockerd leaves half a file
            assert small.docker("cp", f"subject:{where}", "-").returncode == 1
    assert small.docker("cp", str(tmp_path / "in"), f"subject:{where}").returncode == 0
    assert small.docker("cp", f"subject:{where}", str(tmp_path / "out")).returncode == 0
    assert (tmp_path / "out").read_bytes() == (tmp_path / "in").read_bytes()


def test_a_new_volume(small: RunningEngine) -> None:
    """A full disk holds no directory more; what could not be made is not there."""
    free = os.statvfs(small.data_root)
    filler = small.data_root / "filler"
    filler.write_bytes(bytes(free.f_bavail * free.f_frsize))
    failed = small.docker("volume", "create", "late", "--label", "a=b")
    names = small.docker("volume", "ls", "-q").stdout.split()
    filler.unlink()
    assert names == (["late"] if failed.returncode == 0 else [])
    assert small.docker("volume", "create", "late").returncode == 0
    assert small.docker("volume", "rm", "late").returncode == 0
