"""A disk that is full in the middle of a pull: a message that says so, and the space comes back."""

import os
from pathlib import Path

import pytest

from conformance.conftest import RunningEngine
from conformance.registries import faulty_registry

PORT = 5013


@pytest.mark.parametrize("left", [2 << 20, 6 << 20], ids=["for-half-a-download", "for-half-of-the-files"])
def test_it_is_told_and_the_space_comes_back(small: RunningEngine, tmp_path: Path, left: int) -> None:
    filler = small.data_root / "filler"
    with faulty_registry(small.namespace, tmp_path / "requests", PORT) as registry:
        assert small.docker("pull", f"{registry}/good:1").returncode == 0
        free = os.statvfs(small.data_root)
        filler.write_bytes(bytes(free.f_bavail * free.f_frsize - left))
        before = os.statvfs(small.data_root).f_bavail
        failed = small.docker("pull", f"{registry}/resets:1", timeout=60)
        assert failed.returncode == 1
        assert "no space left on device" in failed.stderr
        assert os.statvfs(small.data_root).f_bavail >= before - 16
        assert small.docker("image", "inspect", f"{registry}/good:1").returncode == 0
        filler.unlink()
        done = small.docker("pull", f"{registry}/resets:1", timeout=60)
        assert done.returncode == 0, done.stderr
