"""What every volume driver does, whoever wrote it. A test class inherits it and gives the fixture `driver`."""

from pathlib import Path

import pytest

from seaway.base.errors import EngineError
from seaway.volumes.driver import VolumeDriver


class VolumeDriverSuite:
    def test_what_is_created_is_named_and_mounted(self, driver: VolumeDriver) -> None:
        driver.validate("data", {})
        driver.create("data", {})
        assert driver.names() == ["data"]
        path = driver.mount("data", "c1")
        (path / "f").write_text("kept")
        driver.unmount("data", "c1")
        assert (driver.mount("data", "c2") / "f").read_text() == "kept"
        driver.unmount("data", "c2")

    def test_creating_again_changes_nothing(self, driver: VolumeDriver) -> None:
        driver.create("data", {})
        (driver.mount("data", "c1") / "f").write_text("kept")
        driver.create("data", {})
        assert (driver.mount("data", "c2") / "f").read_text() == "kept"
        driver.unmount("data", "c1")
        assert (Path(driver.path("data")) / "f").exists()
        driver.unmount("data", "c2")

    def test_a_second_user_sees_the_same(self, driver: VolumeDriver) -> None:
        driver.create("data", {})
        first, second = driver.mount("data", "c1"), driver.mount("data", "c2")
        assert first == second
        driver.unmount("data", "c1")
        (second / "f").write_text("still there")
        driver.unmount("data", "c2")

    def test_mounting_again_after_a_crash_counts_once(self, driver: VolumeDriver) -> None:
        driver.create("data", {})
        assert driver.mount("data", "c1") == driver.mount("data", "c1")
        driver.unmount("data", "c1")
        driver.remove("data")

    def test_removal(self, driver: VolumeDriver) -> None:
        driver.create("data", {})
        driver.create("other", {})
        path = driver.mount("data", "c1")
        driver.unmount("data", "c1")
        driver.remove("data")
        driver.remove("data")
        assert driver.names() == ["other"]
        assert not path.exists()

    def test_mounting_what_is_not_there_fails_in_the_engine_s_way(self, driver: VolumeDriver) -> None:
        with pytest.raises(EngineError):
            driver.mount("gone", "c1")

    def test_its_scope_is_known(self, driver: VolumeDriver) -> None:
        assert driver.scope in ("local", "global")
