"""Project quotas on a real ext4 and a real xfs; skipped where the kernel has none."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from seaway.base.errors import InvalidParameter
from seaway.kernel.quota import ProjectQuotas
from seaway.layers.vfs import Vfs
from seaway.volumes.store import VolumeStore
from suites.disks import disk_with_project_quotas

# As a container's root: this one's may exceed every quota of ext4 (CAP_SYS_RESOURCE).
AS_A_CONTAINER = ["setpriv", "--bounding-set=-sys_resource"]


@pytest.fixture(params=["ext4", "xfs"])
def limited(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    with disk_with_project_quotas(request.param, tmp_path / "image", tmp_path / "mounted"):
        yield tmp_path / "mounted"


def fill(file: Path, mib: int) -> str:
    """What dd complains of."""
    write = [*AS_A_CONTAINER, "dd", "if=/dev/zero", f"of={file}", "bs=1M", f"count={mib}", "conv=fsync"]
    return subprocess.run(write, capture_output=True, text=True, check=False).stderr


def is_full(complaint: str) -> bool:
    return "Disk quota exceeded" in complaint or "No space left on device" in complaint


async def test_a_volume_holds_as_much_as_it_may(limited: Path) -> None:
    store = VolumeStore(limited)
    small, large = (
        await store.create("small", options={"size": "1m"}),
        await store.create("large", options={"size": "9m"}),
    )
    assert is_full(fill(Path(small.mountpoint, "f"), 5))
    assert not is_full(fill(Path(large.mountpoint, "f"), 5))


async def test_a_whole_copy_counts_with_its_image(limited: Path) -> None:
    driver = Vfs(limited / "vfs", limit_bytes=20 << 20)
    await driver.create("base", None)
    (driver.layer_dir("base") / "image").write_bytes(bytes(3 << 20))
    await driver.create_rw("default", "base")
    await driver.create_rw("small", "base", 6 << 20)
    await driver.create_rw("free", "base", 0)
    grown = {name: is_full(fill(driver.layer_dir(name) / "f", 5)) for name in ("base", "default", "small", "free")}
    assert grown == {"base": False, "default": False, "small": True, "free": False}


def test_directories_of_several_homes_share_no_limit(limited: Path) -> None:
    """They are counted on one filesystem."""
    one, other = limited / "volumes", limited / "overlay2"
    for home in (one, other):
        assert ProjectQuotas(home).supported()
        (home / "a").mkdir()
        ProjectQuotas(home).limit(home / "a", 4 << 20)
    assert not is_full(fill(one / "a/f", 3))
    assert not is_full(fill(other / "a/f", 3))
    assert is_full(fill(other / "a/g", 3))


async def test_without_quotas_a_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameter, match="create v1: quota size requested but no quota support"):
        await VolumeStore(tmp_path).create("v1", options={"size": "1m"})
