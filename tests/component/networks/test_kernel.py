import errno
import json
import socket
from pathlib import Path

import pytest
from isolated import isolated

from seaway.kernel import netns, nft, nftwatch, process, rtnl
from seaway.kernel.netlink import Netlink
from seaway.kernel.worker import run_blocking
from seaway.networks.dns.sockets import TABLE, open_sockets

PLACE = Path("/run/box")


def build_bridge() -> None:
    with Netlink() as netlink:
        netlink.add_bridge("br7", "02:42:ac:11:00:01", 1500)
        netlink.add_address("br7", "172.17.0.1", 16, "172.17.255.255")
        netlink.add_address("br7", "172.17.0.1", 16, "172.17.255.255")
        netlink.set_up("br7")
        assert netlink.addresses("br7") == ["172.17.0.1/16"]


def furnish(host_fd: int) -> None:
    with rtnl.Rtnl() as netlink:
        netlink.run([rtnl.set_up(1), rtnl.add_veth("eth0", 16, "02:42:ac:11:00:02", 1400, "veth7", host_fd)])
        netlink.run([rtnl.add_address(16, "172.17.0.2", 16, "172.17.255.255"), rtnl.set_up(16)])
        netlink.run([rtnl.set_default_route("172.17.0.9"), rtnl.set_default_route("172.17.0.1")])


def take_away() -> None:
    with rtnl.Rtnl() as netlink:
        netlink.run([rtnl.join_bridge("veth7", socket.if_nametoindex("br7"))])
        netlink.run([rtnl.set_hairpin(socket.if_nametoindex("veth7"))])
        netlink.run([rtnl.delete_link("veth7"), rtnl.delete_link("veth7")])
        with pytest.raises(rtnl.RtnlFailed, match="join veth7 to its bridge: no such device") as caught:
            netlink.run([rtnl.join_bridge("veth7", socket.if_nametoindex("br7")), rtnl.set_up(1)])
        assert caught.value.errno == errno.ENODEV


@isolated
async def test_a_namespace_gets_a_veth_and_takes_it_along() -> None:
    with open("/proc/self/ns/net", "rb") as host:
        await run_blocking(build_bridge)
        await netns.create(PLACE, lambda: furnish(host.fileno()))
    assert netns.is_mounted(PLACE)
    inside = (await process.run(["nsenter", f"--net={PLACE}", "ip", "-j", "addr"])).stdout
    (eth0,) = [device for device in json.loads(inside) if device["ifname"] == "eth0"]
    assert (eth0["address"], eth0["mtu"], eth0["addr_info"][0]["local"]) == ("02:42:ac:11:00:02", 1400, "172.17.0.2")
    routes = (await process.run(["nsenter", f"--net={PLACE}", "ip", "route"])).stdout.decode()
    assert [line.split()[2] for line in routes.splitlines() if "default" in line] == ["172.17.0.1"]
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


def nftables_sockets() -> set[str]:
    """Inodes of the namespace's netlink sockets that somebody has opened for nftables."""
    rows = [line.split() for line in Path("/proc/self/net/netlink").read_text().splitlines()[1:]]
    return {row[-1] for row in rows if row[1] == str(nftwatch.NETLINK_NETFILTER) and row[2] != "0"}


@isolated
async def test_changes_share_a_socket_and_see_what_others_did() -> None:
    ports = "add table ip one\nadd set ip one ports { type inet_service; }\nadd element ip one ports { 80, 81 }"
    await nft.apply(ports)
    await nft.query("list chains")
    opened = nftables_sockets()
    assert opened
    await nft.apply("delete element ip one ports { 80 }")
    for _ in range(2):
        with pytest.raises(nft.FirewallFailed) as failed:
            await nft.apply("delete element ip one ports { 80 }")
        assert str(failed.value).count("Error:") == 1
    await process.run(["nft", "delete", "table", "ip", "one"])
    with pytest.raises(nft.FirewallFailed, match="No such file or directory"):
        await nft.apply("add element ip one ports { 82 }")
    await nft.apply(ports)
    await nft.apply("delete element ip one ports { 81 }")
    assert '"elem": [80]' in await nft.query("list set ip one ports")
    assert nftables_sockets() == opened


@isolated
async def test_the_nft_program_stands_in_for_the_library() -> None:
    await nft._run_program([], "add table ip one")
    with pytest.raises(nft.FirewallFailed, match="syntax error"):
        await nft._run_program([], "nonsense")


@isolated
async def test_sockets_for_dns_are_led_to_in_place_of_former_ones() -> None:
    for again in (True, False, True):
        if not again:
            await process.run(["nft", "delete", "table", "ip", TABLE])
        sockets = open_sockets(again=again)
        port = sockets[0].getsockname()[1]
        rules = [rule for rule in (await nft.query(f"list table ip {TABLE}")).split('"rule": ') if "dnat" in rule]
        assert [f'"port": {port}' in rule for rule in rules] == [True, True]
        for each in sockets:
            each.close()
