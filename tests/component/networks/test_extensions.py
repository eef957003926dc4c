"""Where a driver that is not built in comes from."""

import sys
from pathlib import Path

import pytest

from seaway.networks.driver import NodeListener
from seaway.networks.extensions import NetworkExtensions
from seaway.networks.plugin import NotImplementedByPlugin
from seaway.plugins.discovery import NoSuchPlugin, PluginDirectories
from suites.network_plugin import NetworkPlugin

OWN = """
class Wire:
    scope = "local"

class Pools:
    wants_mac = True
"""


@pytest.fixture
def extensions(tmp_path: Path) -> NetworkExtensions:
    return NetworkExtensions(PluginDirectories(tmp_path / "run", (tmp_path / "etc",)))


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python package with entry points, as pip would have put it there."""
    site = tmp_path / "site"
    (site / "ownnets-1.dist-info").mkdir(parents=True)
    (site / "ownnets-1.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: ownnets\nVersion: 1\n")
    points = "[seaway.network_drivers]\nown = ownnets:Wire\n[seaway.ipam_drivers]\nown = ownnets:Pools\n"
    (site / "ownnets-1.dist-info/entry_points.txt").write_text(points)
    (site / "ownnets.py").write_text(OWN)
    monkeypatch.syspath_prepend(site)
    monkeypatch.delitem(sys.modules, "ownnets", raising=False)


def test_a_packages_drivers(extensions: NetworkExtensions, package: None) -> None:
    assert extensions.network("own").scope == "local"
    assert extensions.ipam("own").wants_mac
    assert extensions.network("own") is extensions.network("own")


def test_a_plugins_drivers(extensions: NetworkExtensions, tmp_path: Path) -> None:
    plugin = NetworkPlugin(tmp_path / "run/wire.sock", "")
    try:
        assert extensions.network("wire").scope == "local"
        pool = extensions.ipam("wire").request_pool("", "", {"site": "north"}, v6=False)
        assert (pool.id, pool.subnet) == ("pool-1", "10.201.0.0/24")
        assert plugin.asked("IpamDriver.RequestPool")["AddressSpace"] == "here"
    finally:
        plugin.close()


def test_a_plugin_hears_of_the_clusters_engines(extensions: NetworkExtensions, tmp_path: Path) -> None:
    plugin = NetworkPlugin(tmp_path / "run/wide.sock", "")
    plugin.scope = "global"
    try:
        driver = extensions.network("wide")
        assert extensions.in_use() == {"wide": driver}
        assert isinstance(driver, NodeListener)
        driver.node_joined("192.0.2.1", own=True)
        driver.node_left("192.0.2.2", own=False)
        own = {"Address": "192.0.2.1", "BindAddress": "", "Self": True}
        assert plugin.asked("NetworkDriver.DiscoverNew") == {"DiscoveryType": 1, "DiscoveryData": own}
        other = {"Address": "192.0.2.2", "BindAddress": "", "Self": False}
        assert plugin.asked("NetworkDriver.DiscoverDelete") == {"DiscoveryType": 1, "DiscoveryData": other}
    finally:
        plugin.close()


def test_a_plugin_for_something_else(extensions: NetworkExtensions, tmp_path: Path) -> None:
    plugin = NetworkPlugin(tmp_path / "run/other.sock", "")
    plugin.implements = ("VolumeDriver",)
    try:
        with pytest.raises(NotImplementedByPlugin, match='plugin "other" found, but not implements "NetworkDriver"'):
            extensions.network("other")
    finally:
        plugin.close()


def test_nobody(extensions: NetworkExtensions) -> None:
    with pytest.raises(NoSuchPlugin, match='plugin "nobody" not found'):
        extensions.ipam("nobody")
