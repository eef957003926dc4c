"""The suite of all volume drivers, and what is special to plugins and entry points."""

import json
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from seaway.base.errors import Conflict, EngineError, NotFound
from seaway.base.filters import Filters
from seaway.plugins.client import PluginClient
from seaway.plugins.discovery import PluginDirectories
from seaway.volumes.driver import VolumeDriver
from seaway.volumes.drivers import VolumeDrivers
from seaway.volumes.local import LocalDriver
from seaway.volumes.plugin import PluginDriver
from seaway.volumes.store import VolumeStore
from suites.volume_driver import VolumeDriverSuite
from suites.volume_plugin import VolumePlugin

OWN = """
from pathlib import Path
import shutil
from seaway.base.errors import NotFound

class Driver:
    scope = "local"
    def __init__(self, home):
        self.home = home
        home.mkdir(parents=True)
    def validate(self, name, options): pass
    def create(self, name, options): (self.home / name).mkdir(exist_ok=True)
    def remove(self, name): shutil.rmtree(self.home / name, ignore_errors=True)
    def path(self, name): return str(self.home / name)
    def mount(self, name, user):
        if not (self.home / name).is_dir(): raise NotFound(name)
        return self.home / name
    def unmount(self, name, user): pass
    def status(self, name): return None
    def names(self): return sorted(p.name for p in self.home.iterdir())
"""


@pytest.fixture
def directories(tmp_path: Path) -> PluginDirectories:
    return PluginDirectories(tmp_path / "run", (tmp_path / "etc", tmp_path / "lib"))


@pytest.fixture
def plugin(tmp_path: Path) -> Iterator[VolumePlugin]:
    made = VolumePlugin(tmp_path / "run/test.sock", tmp_path / "plugin")
    yield made
    made.close()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python package with an entry point, as pip would have put it there."""
    site = tmp_path / "site"
    (site / "ownvolumes-1.dist-info").mkdir(parents=True)
    (site / "ownvolumes-1.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: ownvolumes\nVersion: 1\n")
    (site / "ownvolumes-1.dist-info/entry_points.txt").write_text("[seaway.volume_drivers]\nown = ownvolumes:Driver\n")
    (site / "ownvolumes.py").write_text(OWN)
    monkeypatch.syspath_prepend(site)
    monkeypatch.delitem(sys.modules, "ownvolumes", raising=False)


class TestLocal(VolumeDriverSuite):
    @pytest.fixture
    def driver(self, tmp_path: Path) -> VolumeDriver:
        return LocalDriver(tmp_path / "volumes", tmp_path / "trash")


class TestPlugin(VolumeDriverSuite):
    @pytest.fixture
    def driver(self, plugin: VolumePlugin, directories: PluginDirectories) -> VolumeDriver:
        return PluginDriver(PluginClient(directories.find("test")))


class TestEntryPoint(VolumeDriverSuite):
    @pytest.fixture
    def driver(self, tmp_path: Path, package: None) -> VolumeDriver:
        return VolumeDrivers(tmp_path / "root").get("own")


async def test_a_plugin_s_volumes_in_the_store(
    tmp_path: Path, plugin: VolumePlugin, directories: PluginDirectories
) -> None:
    (plugin.home / "found").mkdir()
    store = VolumeStore(tmp_path / "root", plugins=directories)
    made = await store.create("made", "test", {"a": "b"})
    assert (made.driver, made.scope, made.mountpoint) == ("test", "global", str(plugin.home / "made"))
    assert (await store.inspect("found"))["Status"] == {"from": "test"}
    assert await store.discover() == []
    assert {v.name: v.driver for v in store.matching(Filters(), ())} == {"found": "test", "made": "test"}
    assert await store.mounts.mount("made", "c1") == plugin.home / "made"
    assert plugin.mounts == {("made", "c1")}
    assert await store.mounts.unmount("made", "c1")
    assert plugin.mounts == set()
    await store.remove("made")
    assert [p.name for p in plugin.home.iterdir()] == ["found"]


async def test_what_a_plugin_lost_is_not_there(
    tmp_path: Path, plugin: VolumePlugin, directories: PluginDirectories
) -> None:
    store = VolumeStore(tmp_path / "root", plugins=directories)
    await store.create("lost", "test", labels={"a": "b"})
    (plugin.home / "lost").rmdir()
    with pytest.raises(NotFound, match="get lost: no such volume"):
        await store.inspect("lost")
    with pytest.raises(
        Conflict, match="create lost: found references to volume 'lost' in driver 'test' but the volume"
    ):
        await store.create("lost", users=lambda: {"c1"})
    assert await store.discover() == []
    assert store.all() == []
    (plugin.home / "lost").mkdir()
    await store.discover()
    assert store.get("lost").labels == {"a": "b"}
    (plugin.home / "lost").rmdir()
    assert (await store.create("lost", "test")).labels is None
    assert (plugin.home / "lost").is_dir()


async def test_a_plugin_that_fails_says_why(
    tmp_path: Path, plugin: VolumePlugin, directories: PluginDirectories
) -> None:
    store = VolumeStore(tmp_path / "root", plugins=directories)
    plugin.fails["VolumeDriver.Create"] = "no room"
    with pytest.raises(EngineError, match="create x1: no room"):
        await store.create("x1", "test")
    await store.create("x2", "local")
    plugin.fails["VolumeDriver.List"] = "tired"
    assert await store.discover() == ["list volumes of driver test: tired"]
    assert [v.name for v in store.all()] == ["x2"]


async def test_force_removes_what_a_lost_plugin_had(
    tmp_path: Path, plugin: VolumePlugin, directories: PluginDirectories
) -> None:
    await VolumeStore(tmp_path / "root", plugins=directories).create("lost", "test")
    plugin.close()
    (tmp_path / "run/test.sock").unlink()
    store = VolumeStore(tmp_path / "root", plugins=directories)
    with pytest.raises(EngineError, match='remove lost: error looking up volume plugin test: plugin "test" not found'):
        await store.remove("lost")
    assert await store.remove("lost", force=True)
    assert VolumeStore(tmp_path / "root", plugins=directories).all() == []


def test_where_plugins_are_found(tmp_path: Path, plugin: VolumePlugin, directories: PluginDirectories) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "lib/deep").mkdir(parents=True)
    (tmp_path / "etc/spec.spec").write_text(f"unix://{tmp_path}/run/test.sock\n")
    (tmp_path / "lib/deep/deep.json").write_text(
        '{"Name": "deep", "Addr": "https://h:1", "TLSConfig": {"CAFile": "/ca"}}'
    )
    assert directories.names() == ["deep", "spec", "test"]
    assert PluginClient(directories.find("spec")).activate() == {"VolumeDriver"}
    deep = directories.find("deep")
    assert (deep.address, deep.tls and deep.tls.ca) == ("https://h:1", "/ca")
    for name in ("nope", "../run/test", "", "a/b"):
        with pytest.raises(EngineError, match=f'plugin "{name}" not found'):
            directories.find(name)


async def test_a_list_waits_for_no_dead_plugin(
    tmp_path: Path, plugin: VolumePlugin, directories: PluginDirectories
) -> None:
    for n in range(3):
        with socket.socket(socket.AF_UNIX) as gone:
            gone.bind(str(tmp_path / f"run/dead{n}.sock"))
    store = VolumeStore(tmp_path / "root", plugins=directories)
    (plugin.home / "alive").mkdir()
    began = time.monotonic()
    assert await store.discover() == []
    plugin.close()
    assert await store.discover() == ["list volumes of driver test: VolumeDriver.List: [Errno 111] Connection refused"]
    assert time.monotonic() - began < 4
    assert [volume.name for volume in store.all()] == ["alive"]


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """For localhost; it signed itself: authority, server and client at once."""
    path = tmp_path / "plugin.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", "-", "-out", "-"]
    both = subprocess.run(command, capture_output=True, check=True).stdout
    path.write_bytes(both)
    return path


def test_a_plugin_behind_tls(
    tmp_path: Path, plugin: VolumePlugin, directories: PluginDirectories, certificate: Path
) -> None:
    """It asks for the engine's certificate, and its own is checked."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.load_verify_locations(certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    with plugin.listening_on_tcp(context) as port:
        tls = {"CAFile": str(certificate), "CertFile": str(certificate), "KeyFile": str(certificate)}
        spec = {"Name": "secure", "Addr": f"https://localhost:{port}"}
        (tmp_path / "etc").mkdir()
        (tmp_path / "etc/secure.json").write_text(json.dumps(spec | {"TLSConfig": tls}))
        driver = PluginDriver(PluginClient(directories.find("secure")))
        driver.create("data", {})
        assert driver.names() == ["data"]
        for wrong in ({"CAFile": str(certificate)}, {}):
            (tmp_path / "etc/secure.json").write_text(json.dumps(spec | {"TLSConfig": wrong}))
            with pytest.raises(EngineError, match=r"Plugin\.Activate: "):
                PluginDriver(PluginClient(directories.find("secure")))
