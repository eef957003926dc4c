import errno
from pathlib import Path

import pytest
from isolated import isolated

from seaway.kernel import netns, nft
from seaway.kernel.netlink import Netlink, NetlinkFailed
from seaway.kernel.worker import run_blocking

PLACE = Path("/run/box")


def build_bridge() -> None:
    with Netlink() as netlink:
        netlink.add_bridge("br7", "02:42:ac:11:00:01", 1500)
        netlink.add_address("br7", "172.17.0.1", 16, "172.17.255.255")
        netlink.add_address("br7", "172.17.0.1", 16, "172.17.255.255")
        netlink.set_up("br7")
        netlink.add_veth("veth7", "br7", "eth0", "02:42:ac:11:00:02", PLACE, 1500)
        assert netlink.addresses("br7") == ["172.17.0.1/16"]


def furnish() -> list[str]:
    with Netlink() as netlink:
        netlink.set_up("lo")
        netlink.add_address("eth0", "172.17.0.2", 16, "172.17.255.255")
        netlink.set_up("eth0")
        netlink.add_default_route("172.17.0.1")
        return netlink.links()


def take_away() -> None:
    with Netlink() as netlink:
        assert netlink.index_of("veth7") is not None
        netlink.delete("veth7")
        netlink.delete("veth7")
        assert netlink.index_of("veth7") is None
        with pytest.raises(NetlinkFailed, match="find veth7: no such device") as caught:
            netlink.set_up("veth7")
        assert caught.value.errno == errno.ENODEV


@isolated
async def test_a_namespace_gets_a_veth_and_takes_it_along() -> None:
    await netns.create(PLACE)
    assert netns.is_mounted(PLACE)
    await run_blocking(build_bridge)
    assert await netns.run_inside(PLACE, furnish) == ["lo", "eth0"]
    await run_blocking(take_away)
    await netns.delete(PLACE)
    await netns.delete(PLACE)
    assert not PLACE.exists()


@isolated
async def test_a_transaction_is_applied_whole_or_not_at_all() -> None:
    await nft.apply("add table ip one")
    with pytest.raises(nft.FirewallFailed, match="No such file or directory"):
        await nft.apply("add table ip two\nadd element ip one nothing { 1 }")
    with pytest.raises(nft.FirewallFailed):
        await nft.apply("list table ip two")


@isolated
async def test_the_nft_program_stands_in_for_the_library() -> None:
    await nft._apply_by_program("add table ip one")
    with pytest.raises(nft.FirewallFailed, match="syntax error"):
        await nft._apply_by_program("nonsense")
