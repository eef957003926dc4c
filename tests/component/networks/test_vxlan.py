"""A VXLAN device, its table, and the watch that sees it go; in a network namespace of the test's own."""

import asyncio

import pytest
from isolated import isolated

from seaway.kernel.linkwatch import LinkWatch
from seaway.kernel.netlink import Netlink, NetlinkFailed
from seaway.kernel.rtnl import Rtnl, delete_link
from seaway.kernel.vxlan import EVERYBODY, Behind, add_vxlan, change_table, hosts_behind
from seaway.kernel.worker import run_blocking
from seaway.networks.overlay import devices
from seaway.networks.overlay.plan import OverlaySettings

SETTINGS = OverlaySettings(256, "ov-1", "vx-1")
MAC = "02:42:0a:00:00:02"
EVERYWHERE = {Behind(EVERYBODY, "192.0.2.2"), Behind(EVERYBODY, "192.0.2.3")}


async def table() -> set[Behind]:
    return await run_blocking(hosts_behind, "vx-1")


def add_bridges(*names: str) -> None:
    with Netlink() as netlink:
        for name in names:
            netlink.add_bridge(name, "02:42:00:00:00:01", 1500)


def ports(bridge: str) -> list[str]:
    with Netlink() as netlink:
        return netlink.ports_of(bridge)


def delete(name: str) -> None:
    with Rtnl() as netlink:
        netlink.run([delete_link(name)])


@isolated
async def test_a_table_becomes_what_it_should_be_whatever_it_was() -> None:
    await devices.build(SETTINGS, "192.0.2.1", EVERYWHERE | {Behind(MAC, "192.0.2.2")})
    assert await table() == EVERYWHERE | {Behind(MAC, "192.0.2.2")}
    await devices.build(SETTINGS, "192.0.2.1", None)
    assert await table() == EVERYWHERE | {Behind(MAC, "192.0.2.2")}
    moved = {Behind(EVERYBODY, "192.0.2.3"), Behind(MAC, "192.0.2.3")}
    await devices.build(SETTINGS, "192.0.2.1", moved)
    assert await table() == moved
    await devices.build(SETTINGS, "192.0.2.9", set())
    assert await table() == set()
    await devices.remove(SETTINGS)
    assert not devices.is_built(SETTINGS)
    assert await table() == set()


@isolated
async def test_a_table_of_thousands_and_entries_that_are_gone_already() -> None:
    await devices.build(SETTINGS, "192.0.2.1", set())
    many = {Behind(f"02:42:0a:00:{n // 256:02x}:{n % 256:02x}", "192.0.2.2") for n in range(3000)}
    await run_blocking(change_table, "vx-1", many, {Behind(MAC, "192.0.2.7"), Behind(EVERYBODY, "192.0.2.7")})
    assert await table() == many
    await run_blocking(change_table, "vx-1", many, ())
    assert await table() == many


@isolated
async def test_two_networks_cannot_have_one_number() -> None:
    await devices.build(SETTINGS, "192.0.2.1", set())
    with pytest.raises(NetlinkFailed, match="add vxlan vx-2 with the ID 256: file exists"):
        await run_blocking(add_vxlan, "vx-2", 256, "192.0.2.1", 4789, 1450, "ov-1")


@isolated
async def test_the_watch_hears_of_its_own_devices_and_a_lost_bridge_comes_back_with_its_ports() -> None:
    await devices.build(SETTINGS, "192.0.2.1", set())
    await run_blocking(add_bridges, "another")
    with devices.watch() as watch:
        delete("another")
        gone = asyncio.create_task(watch.wait_deleted())
        delete("ov-1")
        await asyncio.wait_for(gone, 5)
    await devices.build(SETTINGS, "192.0.2.1", set(), ["vx-1", "not-there"])
    assert await run_blocking(ports, "ov-1") == ["vx-1"]


@isolated
async def test_the_watch_hears_of_nobody_elses_devices() -> None:
    await run_blocking(add_bridges, "other", "ov-x")
    with LinkWatch("ov-") as watch:
        heard = asyncio.create_task(watch.wait_deleted())
        delete("other")
        assert await asyncio.wait({heard}, timeout=0.2) == (set(), {heard})
        delete("ov-x")
        await asyncio.wait_for(heard, 5)
