"""Project quotas on a real ext4; skipped where the kernel has none (CONFIG_QFMT_V2)."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from seaway.base.errors import InvalidParameter
from seaway.volumes.store import VolumeStore


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[Path]:
    image, mounted = tmp_path / "image", tmp_path / "mounted"
    mounted.mkdir()
    with open(image, "wb") as file:
        file.truncate(100 << 20)
    made = subprocess.run(
        ["mkfs.ext4", "-q", "-O", "quota,project", "-E", "quotatype=prjquota", image], capture_output=True, check=False
    )
    done = subprocess.run(["mount", "-o", "loop,prjquota", image, mounted], capture_output=True, check=False)
    if made.returncode or done.returncode:
        pytest.skip("no project quotas on this machine")
    yield mounted
    subprocess.run(["umount", "-l", mounted], check=True)


async def test_a_volume_holds_as_much_as_it_may(limited: Path) -> None:
    store = VolumeStore(limited)
    small, large = (
        await store.create("small", options={"size": "1m"}),
        await store.create("large", options={"size": "9m"}),
    )
    # As a container's root: this one's may exceed every quota (CAP_SYS_RESOURCE).
    write = [
        "setpriv",
        "--bounding-set=-sys_resource",
        "dd",
        "if=/dev/zero",
        f"of={small.mountpoint}/f",
        "bs=1M",
        "count=5",
    ]
    written = subprocess.run(write, capture_output=True, text=True, check=False)
    assert "Disk quota exceeded" in written.stderr or "No space left on device" in written.stderr
    Path(large.mountpoint, "f").write_bytes(bytes(5 << 20))


async def test_without_quotas_a_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameter, match="create v1: quota size requested but no quota support"):
        await VolumeStore(tmp_path).create("v1", options={"size": "1m"})
