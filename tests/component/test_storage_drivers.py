"""Both drivers under the suite that every driver runs, and overlay2's layout, which dockerd must be able to read."""

import os
import re
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from seaway.kernel.mount import unmount
from seaway.layers.overlay2 import Overlay2
from seaway.layers.vfs import Vfs
from suites.storage_driver import StorageDriverSuite

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


class TestOverlay2(StorageDriverSuite):
    @pytest.fixture
    async def driver(self, tmp_path: Path) -> AsyncIterator[Overlay2]:
        yield Overlay2(tmp_path / "overlay2")
        for merged in tmp_path.glob("overlay2/*/merged"):
            unmount(merged)

    async def test_layout_is_dockerds(self, driver: Overlay2, tmp_path: Path) -> None:
        home = tmp_path / "overlay2"
        for name, parent in (("base", None), ("top", "base"), ("init", "top"), ("rw", "init")):
            await driver.create(name, parent)
        links = {name: (home / name / "link").read_text() for name in ("base", "top", "init", "rw")}
        assert all(re.fullmatch("[A-Z2-7]{26}", link) for link in links.values())
        assert os.readlink(home / "l" / links["top"]) == "../top/diff"
        assert (home / "rw/lower").read_text() == f"l/{links['init']}:l/{links['top']}:l/{links['base']}"
        assert sorted(os.listdir(home / "base")) == ["committed", "diff", "link"]
        assert sorted(os.listdir(home / "rw")) == ["diff", "link", "lower", "work"]
        modes = {
            p: stat.S_IMODE((home / p).stat().st_mode) for p in ("rw", "rw/diff", "rw/work", "l", "base/committed")
        }
        assert modes == {"rw": 0o710, "rw/diff": 0o755, "rw/work": 0o700, "l": 0o700, "base/committed": 0o600}

    async def test_merged_is_there_only_while_mounted(self, driver: Overlay2, tmp_path: Path) -> None:
        await driver.create("base", None)
        await driver.create_rw("rw", "base")
        assert await driver.mount("rw") == tmp_path / "overlay2/rw/merged"
        await driver.unmount("rw")
        assert not (tmp_path / "overlay2/rw/merged").exists()

    async def test_deep_stack_mounts_though_its_options_exceed_a_page(self, driver: Overlay2) -> None:
        await driver.create("0", None)
        for number in range(1, 127):
            await driver.create(str(number), str(number - 1))
        (driver.layer_dir("0") / "base").touch()
        await driver.create_rw("rw", "126")
        root = await driver.mount("rw")
        assert (root / "base").exists()
        await driver.unmount("rw")

    async def test_metadata_names_the_directories(self, driver: Overlay2, tmp_path: Path) -> None:
        await driver.create("base", None)
        await driver.create_rw("rw", "base")
        home = tmp_path / "overlay2"
        assert driver.metadata("rw") == {
            "LowerDir": f"{home}/base/diff",
            "MergedDir": f"{home}/rw/merged",
            "UpperDir": f"{home}/rw/diff",
            "WorkDir": f"{home}/rw/work",
        }


class TestVfs(StorageDriverSuite):
    @pytest.fixture
    def driver(self, tmp_path: Path) -> Vfs:
        return Vfs(tmp_path / "vfs")
