import os
from pathlib import Path

import pytest

from seaway.base.errors import SystemFailure
from seaway.volumes.store import VolumeStore


async def test_copy_up_keeps_owner_mode_links_and_xattrs(tmp_path: Path) -> None:
    store, image = VolumeStore(tmp_path / "root"), tmp_path / "image"
    (image / "sub").mkdir(parents=True)
    (image / "file").write_text("hi")
    os.link(image / "file", image / "hard")
    os.symlink("/etc/passwd", image / "soft")
    os.mkfifo(image / "pipe")
    os.setxattr(image / "file", "trusted.note", b"1")
    os.chown(image / "file", 7, 8)
    os.chmod(image / "file", 0o4711)
    os.chown(image, 5, 6)
    os.chmod(image, 0o1711)
    volume = Path((await store.create("data")).mountpoint)
    assert await store.mounts.fill("data", "c1", tmp_path, "/image")
    info = (volume / "file").stat()
    assert (info.st_uid, info.st_gid, info.st_mode & 0o7777, info.st_nlink) == (7, 8, 0o4711, 2)
    assert os.getxattr(volume / "file", "trusted.note") == b"1"
    assert os.readlink(volume / "soft") == "/etc/passwd"
    assert (volume / "pipe").is_fifo()
    assert (volume.stat().st_uid, volume.stat().st_gid, volume.stat().st_mode & 0o7777) == (5, 6, 0o1711)
    (image / "later").touch()
    assert not await store.mounts.fill("data", "c1", tmp_path, "/image")
    assert not (volume / "later").exists()


async def test_a_device_is_mounted_for_its_first_user_until_its_last(tmp_path: Path) -> None:
    store = VolumeStore(tmp_path)
    await store.create("ram", options={"type": "tmpfs", "device": "tmpfs", "o": "size=1m,nosuid"})
    path = await store.mounts.mount("ram", "c1")
    await store.mounts.mount("ram", "c2")
    try:
        assert os.path.ismount(path)
        (path / "f").touch()
        await store.mounts.unmount("ram", "c1")
        assert (path / "f").exists()
    finally:
        await store.mounts.unmount("ram", "c2")
    assert not os.path.ismount(path)
    await store.remove("ram")


async def test_a_device_that_is_missing_is_told(tmp_path: Path) -> None:
    store = VolumeStore(tmp_path)
    made = await store.create("bad", options={"type": "none", "device": "/nonexist", "o": "bind"})
    text = f"failed to mount local volume: mount /nonexist:{made.mountpoint}, flags: 0x1000: no such file or directory"
    with pytest.raises(SystemFailure, match=text):
        await store.mounts.mount("bad", "c1")
