"""What every storage driver must do. Subclass it, and give it a `driver` fixture (root, a real kernel)."""

import os
from pathlib import Path

import pytest

from seaway.layers.driver import StorageDriver, StorageError


class StorageDriverSuite:
    async def base(self, driver: StorageDriver) -> Path:
        await driver.create("base", None)
        directory = driver.layer_dir("base")
        (directory / "etc").mkdir()
        (directory / "etc/os-release").write_text("ID=debian\n")
        (directory / "bin").mkdir()
        os.symlink("busybox", directory / "bin/sh")
        return directory

    async def test_layer_directory_is_empty_and_readable_by_all(self, driver: StorageDriver) -> None:
        await driver.create("base", None)
        directory = driver.layer_dir("base")
        assert os.listdir(directory) == []
        assert directory.stat().st_mode & 0o7777 == 0o755
        assert driver.exists("base")
        assert not driver.exists("other")

    async def test_container_sees_its_image_and_writes_to_itself(self, driver: StorageDriver) -> None:
        directory = await self.base(driver)
        await driver.create_rw("rw", "base")
        root = await driver.mount("rw")
        try:
            assert (root / "etc/os-release").read_text() == "ID=debian\n"
            assert os.readlink(root / "bin/sh") == "busybox"
            (root / "etc/os-release").write_text("ID=changed\n")
            (root / "bin/sh").unlink()
        finally:
            await driver.unmount("rw")
        assert (directory / "etc/os-release").read_text() == "ID=debian\n"
        assert (directory / "bin/sh").is_symlink()

    async def test_what_was_written_is_there_after_a_remount(self, driver: StorageDriver) -> None:
        await self.base(driver)
        await driver.create_rw("rw", "base")
        (await driver.mount("rw") / "data").write_text("kept")
        await driver.unmount("rw")
        assert (await driver.mount("rw") / "data").read_text() == "kept"
        await driver.unmount("rw")

    async def test_mounting_twice_gives_the_same_path(self, driver: StorageDriver) -> None:
        await self.base(driver)
        await driver.create_rw("rw", "base")
        assert await driver.mount("rw") == await driver.mount("rw")
        await driver.unmount("rw")
        await driver.unmount("rw")

    async def test_stack_of_layers_is_seen_from_the_top(self, driver: StorageDriver) -> None:
        await self.base(driver)
        for number in range(1, 6):
            await driver.create(f"layer{number}", f"layer{number - 1}" if number > 1 else "base")
            (driver.layer_dir(f"layer{number}") / f"file{number}").touch()
        await driver.create_rw("rw", "layer5")
        root = await driver.mount("rw")
        seen = sorted(os.listdir(root))
        await driver.unmount("rw")
        assert seen == ["bin", "etc", "file1", "file2", "file3", "file4", "file5"]

    async def test_container_without_an_image(self, driver: StorageDriver) -> None:
        await driver.create_rw("init", None)
        await driver.create_rw("rw", "init")
        root = await driver.mount("rw")
        assert os.listdir(root) == []
        await driver.unmount("rw")

    async def test_a_limit_is_refused_where_the_filesystem_has_none(self, driver: StorageDriver) -> None:
        with pytest.raises(StorageError, match="(?i)quota"):
            await driver.create_rw("rw", None, 1 << 20)
        assert not driver.exists("rw")

    async def test_removal_is_at_once_and_final(self, driver: StorageDriver) -> None:
        await self.base(driver)
        await driver.create_rw("rw", "base")
        await driver.mount("rw")
        await driver.remove("rw")
        assert not driver.exists("rw")
        await driver.remove("base")
        assert not driver.exists("base")
        await driver.close()

    async def test_removing_or_unmounting_what_is_absent_does_nothing(self, driver: StorageDriver) -> None:
        await driver.remove("nothing")
        await driver.unmount("nothing")

    async def test_absent_parent_is_refused_and_leaves_nothing(self, driver: StorageDriver) -> None:
        with pytest.raises(StorageError):
            await driver.create("child", "nothing")
        assert not driver.exists("child")

    async def test_mounting_what_is_absent_is_refused(self, driver: StorageDriver) -> None:
        with pytest.raises(StorageError):
            await driver.mount("nothing")

    async def test_size_counts_what_is_in_the_layer(self, driver: StorageDriver) -> None:
        await driver.create_rw("rw", None)
        (driver.layer_dir("rw") / "a").write_bytes(bytes(1000))
        os.link(driver.layer_dir("rw") / "a", driver.layer_dir("rw") / "b")
        assert await driver.rw_size("rw") == 1000

    async def test_status_names_the_backing_filesystem(self, driver: StorageDriver) -> None:
        assert dict(driver.status())["Backing Filesystem"]
