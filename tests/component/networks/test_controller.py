import asyncio
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from isolated import isolated

from seaway.base.errors import Forbidden, NotFound
from seaway.base.ids import new_id
from seaway.base.supervisor import Supervisor
from seaway.kernel import netns, process
from seaway.model.network import EndpointIPAMConfig, EndpointSettings, NetworkCreate, PortBinding
from seaway.networks.controller import NetworkController
from seaway.networks.joined import Joined
from seaway.networks.network import BridgeSettings
from seaway.networks.options import NetworkOptions
from seaway.networks.sandbox import ExternalConnectivityFailed, Sandbox, SandboxRequest

RUN = Path("/run/engine")
PUBLISH_8080 = {"80/tcp": [PortBinding("", "8080")]}
OUTSIDE = Path("/run/outside")


async def begin(running: dict[str, Joined] | None = None, backend: str = "nftables") -> NetworkController:
    await process.run(["ip", "link", "set", "lo", "up"])
    bridge = BridgeSettings(name="sea0", subnet="172.30.0.0/16")
    options = NetworkOptions(RUN, bridge, table="sea", backend=backend, ephemeral=(40000, 40002))
    controller = NetworkController(options, Supervisor())
    controller.restore(running or {})
    await controller.start()
    return controller


async def add_neighbour() -> None:
    """Another host, 192.0.2.2, on the wire of ours, 192.0.2.1."""
    await netns.create(OUTSIDE)
    for command in (
        f"ip link add wire type veth peer name wire netns {OUTSIDE}",
        "ip addr add 192.0.2.1/24 dev wire",
        "ip link set wire up",
        f"nsenter --net={OUTSIDE} ip addr add 192.0.2.2/24 dev wire",
        f"nsenter --net={OUTSIDE} ip link set wire up",
        f"nsenter --net={OUTSIDE} ip route add 172.30.0.0/16 via 192.0.2.1",
    ):
        await process.run(command.split())


def listen() -> socket.socket:
    return socket.create_server(("0.0.0.0", 80))


def connect(host: str, port: int) -> Callable[[], socket.socket]:
    return lambda: socket.create_connection((host, port), timeout=1)


async def peer_seen(server: socket.socket, calling: socket.socket) -> str:
    server.settimeout(2)
    connection, (address, _port) = await asyncio.to_thread(server.accept)
    connection.close()
    calling.close()
    return str(address)


async def shown(command: str) -> str:
    return (await process.run(command.split())).stdout.decode()


async def nothing_left(controller: NetworkController) -> None:
    assert await shown("ip -o link show master sea0") == ""
    assert list((RUN / "netns").iterdir()) == []
    assert "8080" not in await shown("nft list table ip sea")
    await controller.close()
    async with asyncio.timeout(5):
        while (RUN / "port-proxy.sock").exists():
            await asyncio.sleep(0.01)


@isolated
async def test_a_container_on_the_default_bridge() -> None:
    controller = await begin()
    web = new_id()
    sandbox = await controller.connect_sandbox(web, SandboxRequest("web", exposed_ports=["80/tcp"]))
    assert sandbox.netns_path == RUN / "netns" / sandbox.id[:12]
    endpoint = sandbox.endpoints["bridge"]
    assert (endpoint.ip_address, endpoint.ip_prefix_len, endpoint.gateway) == ("172.30.0.2", 16, "172.30.0.1")
    assert sandbox.ports == {"80/tcp": None}
    (eth0,) = [
        i for i in json.loads(await shown(f"nsenter --net={sandbox.netns_path} ip -j addr")) if i["ifname"] == "eth0"
    ]
    assert eth0["address"] == endpoint.mac_address == "02:42:ac:1e:00:02"
    assert [a["local"] for a in eth0["addr_info"]] == ["172.30.0.2"]
    assert controller.inspect("bridge")["Containers"] == {
        web: {
            "Name": "web",
            "EndpointID": endpoint.endpoint_id,
            "MacAddress": "02:42:ac:1e:00:02",
            "IPv4Address": "172.30.0.2/16",
            "IPv6Address": "",
        }
    }
    leaving = controller.disconnect(web)
    again = await controller.connect_sandbox(new_id(), SandboxRequest("other"))
    assert leaving.done()
    assert again.endpoints["bridge"].ip_address == "172.30.0.2"
    (other,) = controller.inspect("bridge")["Containers"]
    await controller.disconnect(other)
    await controller.disconnect(other)
    await nothing_left(controller)


@isolated
async def test_the_way_out_is_masqueraded_and_the_way_in_is_a_published_port() -> None:
    controller = await begin()
    await add_neighbour()
    web = new_id()
    sandbox = await controller.connect_sandbox(web, SandboxRequest("web", port_bindings=PUBLISH_8080))
    assert sandbox.netns_path
    assert sandbox.ports == {"80/tcp": [PortBinding("0.0.0.0", "8080"), PortBinding("::", "8080")]}

    out = await netns.run_inside(OUTSIDE, listen)
    assert await peer_seen(out, await netns.run_inside(sandbox.netns_path, connect("192.0.2.2", 80))) == "192.0.2.1"

    server = await netns.run_inside(sandbox.netns_path, listen)
    assert await peer_seen(server, await netns.run_inside(OUTSIDE, connect("192.0.2.1", 8080))) == "192.0.2.2"
    for host in ("127.0.0.1", "::1", "192.0.2.1"):
        seen = await peer_seen(server, await asyncio.to_thread(connect(host, 8080)))
        assert seen == ("192.0.2.1" if host == "192.0.2.1" else "172.30.0.1")
    assert (
        await peer_seen(server, await netns.run_inside(sandbox.netns_path, connect("192.0.2.1", 8080))) == "172.30.0.1"
    )
    with pytest.raises(TimeoutError):  # nobody published 80
        await netns.run_inside(OUTSIDE, connect("172.30.0.2", 80))

    await controller.disconnect(web)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.to_thread(connect("127.0.0.1", 8080))
    out.close()
    server.close()
    await nothing_left(controller)


@isolated
async def test_a_port_has_one_owner_and_the_loser_leaves_nothing() -> None:
    controller = await begin()
    first, second = new_id(), new_id()
    request = SandboxRequest("second", port_bindings={"53/udp": [PortBinding("", "53")], **PUBLISH_8080})
    await controller.connect_sandbox(first, SandboxRequest("first", port_bindings=PUBLISH_8080))
    with pytest.raises(
        ExternalConnectivityFailed,
        match=r"^driver failed programming external connectivity on endpoint second \([0-9a-f]{64}\): "
        r"Bind for 0\.0\.0\.0:8080 failed: port is already allocated$",
    ):
        await controller.connect_sandbox(second, request)
    assert len(list((RUN / "netns").iterdir())) == 1
    controller.disconnect(first)
    sandbox = await controller.connect_sandbox(second, request)
    assert sandbox.endpoints["bridge"].ip_address == "172.30.0.2"
    await controller.disconnect(second)
    await nothing_left(controller)


@isolated
async def test_ports_that_the_host_uses_and_ports_of_the_engines_choice() -> None:
    controller = await begin()
    names = [new_id(), new_id()]
    with socket.create_server(("127.0.0.1", 8080)), socket.create_server(("0.0.0.0", 40000)):
        with pytest.raises(
            ExternalConnectivityFailed, match=r"listen tcp4 0\.0\.0\.0:8080: bind: address already in use$"
        ):
            await controller.connect_sandbox(names[0], SandboxRequest("a", port_bindings=PUBLISH_8080))
        for name, port in zip(names, ("40001", "40002"), strict=True):
            request = SandboxRequest("a", exposed_ports=["80/tcp"], publish_all=True)
            sandbox = await controller.connect_sandbox(name, request)
            assert [b.host_port for b in sandbox.ports["80/tcp"] or ()] == [port, port]
        with pytest.raises(ExternalConnectivityFailed, match=r"all ports are allocated$"):
            await controller.connect_sandbox(new_id(), SandboxRequest("a", exposed_ports=["80/tcp"], publish_all=True))
    for name in names:
        await controller.disconnect(name)
    await nothing_left(controller)


@isolated
async def test_the_next_engine_keeps_what_runs_and_sweeps_the_rest() -> None:
    controller = await begin()
    web, dead = new_id(), new_id()
    sandbox = await controller.connect_sandbox(web, SandboxRequest("web", port_bindings=PUBLISH_8080))
    await controller.connect_sandbox(dead, SandboxRequest("dead", port_bindings={"80/tcp": [PortBinding("", "8081")]}))
    assert sandbox.netns_path
    server = await netns.run_inside(sandbox.netns_path, listen)
    await controller.close()
    assert await peer_seen(server, await asyncio.to_thread(connect("127.0.0.1", 8080))) == "172.30.0.1"

    record = Sandbox(sandbox.id, sandbox.netns_path, sandbox.endpoints, sandbox.ports)
    lost = Joined("lost", Sandbox("1" * 64, None, {"gone": EndpointSettings()}))
    heir = await begin({web: Joined("web", record), "1" * 64: lost})
    assert list(heir.inspect("bridge")["Containers"]) == [web]
    assert [p.name for p in (RUN / "netns").iterdir()] == [sandbox.id[:12]]
    assert "8081" not in await shown("nft list table ip sea")
    assert await peer_seen(server, await asyncio.to_thread(connect("127.0.0.1", 8080))) == "172.30.0.1"
    with pytest.raises(ConnectionRefusedError):
        await asyncio.to_thread(connect("127.0.0.1", 8081))
    with pytest.raises(ExternalConnectivityFailed, match="port is already allocated"):
        await heir.connect_sandbox(dead, SandboxRequest("dead", port_bindings=PUBLISH_8080))
    server.close()
    await heir.disconnect(web)
    await nothing_left(heir)


@isolated
async def test_the_users_networks_are_apart_and_outlive_the_engine() -> None:
    await process.run(["ip", "link", "set", "lo", "up"])
    database = Path("/run/state/networks.db")
    options = NetworkOptions(RUN, BridgeSettings("sea0", "172.30.0.0/16"), table="sea", database=database)
    controller = NetworkController(options, Supervisor())
    await controller.start()
    web = await controller.create(NetworkCreate(name="web"))
    deep = await controller.create(NetworkCreate(name="deep", internal=True))
    both = {"web": EndpointSettings(ipam_config=EndpointIPAMConfig(ipv4_address="172.17.0.9")), "deep": None}
    first = await controller.connect_sandbox("a" * 64, SandboxRequest("first", "web", both))
    other = await controller.connect_sandbox("b" * 64, SandboxRequest("other", "bridge"))
    assert [e.ip_address for e in first.endpoints.values()] == ["172.17.0.9", "172.18.0.2"]
    assert [e.gateway for e in first.endpoints.values()] == ["172.17.0.1", ""]
    assert first.netns_path
    assert other.netns_path
    server = await netns.run_inside(first.netns_path, listen)
    with pytest.raises(TimeoutError):  # bridges do not reach each other
        await netns.run_inside(other.netns_path, connect("172.17.0.9", 80))
    server.close()
    with pytest.raises(Forbidden, match="has active endpoints"):
        await controller.remove("deep")
    await controller.disconnect("a" * 64)
    await controller.disconnect("b" * 64)
    await controller.close()

    heir = NetworkController(options, Supervisor())
    await heir.start()
    assert [heir.find(n.id) for n in (web, deep)] == [web, deep]
    await heir.remove("web")
    await heir.remove("deep")
    assert [line.split()[1] for line in (await shown("ip -o link")).splitlines()] == ["lo:", "sea0:"]
    assert NetworkController(options, Supervisor()).networks()[3:] == []
    await nothing_left(heir)


@isolated
async def test_a_running_container_changes_its_networks() -> None:
    controller = await begin()
    await controller.create(NetworkCreate(name="web"))
    shop = "a" * 64
    sandbox = await controller.connect_sandbox(shop, SandboxRequest("shop", port_bindings=PUBLISH_8080))
    assert sandbox.netns_path
    sandbox = await controller.live.attach(shop, "web")
    assert sandbox.endpoints["web"].ip_address == "172.17.0.2"
    with pytest.raises(Forbidden, match="^endpoint with name shop already exists in network web$"):
        await controller.live.attach(shop, "web")
    await controller.live.detach(shop, "bridge")
    assert "default via 172.17.0.1 dev eth1" in await shown(f"nsenter --net={sandbox.netns_path} ip route")
    server = await netns.run_inside(sandbox.netns_path, listen)
    assert await peer_seen(server, await asyncio.to_thread(connect("127.0.0.1", 8080))) == "172.17.0.1"
    with pytest.raises(NotFound, match="^container a{64} is not connected to network bridge$"):
        await controller.live.detach(shop, "bridge")
    sandbox = await controller.live.attach(shop, "bridge")
    assert sandbox.endpoints["bridge"].ip_address == "172.30.0.2"
    server.close()
    await controller.disconnect(shop)
    await controller.remove("web")
    await nothing_left(controller)


@isolated
async def test_an_engine_without_a_default_bridge() -> None:
    controller = NetworkController(NetworkOptions(RUN, BridgeSettings(name="none"), table="sea"), Supervisor())
    await controller.start()
    sandbox = await controller.connect_sandbox("a" * 64, SandboxRequest("box", "default", port_bindings=PUBLISH_8080))
    assert (list(sandbox.endpoints), sandbox.ports) == (["none"], {})
    with pytest.raises(NotFound, match="^network bridge not found$"):
        await controller.connect_sandbox("b" * 64, SandboxRequest("box", "bridge"))
    assert [line.split()[1] for line in (await shown("ip -o link")).splitlines()] == ["lo:"]
    await controller.disconnect("a" * 64)
    await controller.close()


@isolated
async def test_a_flushed_table_comes_back_by_itself() -> None:
    controller = await begin()
    web = new_id()
    await controller.connect_sandbox(web, SandboxRequest("web", port_bindings=PUBLISH_8080))
    before = await shown("nft list table ip sea")
    for flush in ("delete table ip sea", "flush ruleset", "flush chain ip sea forward"):
        await process.run(["nft", *flush.split()])
        async with asyncio.timeout(5):
            while await listed() != before:
                await asyncio.sleep(0.01)
    await controller.disconnect(web)
    await nothing_left(controller)


@isolated
async def test_others_closed_chain_lets_us_pass_again() -> None:
    """As `ufw enable`, or a firewall that loads its rules anew, while the engine runs."""
    controller = await begin()
    for command in ("iptables-nft -P FORWARD DROP", "iptables-nft -F"):
        await process.run(command.split())
        async with asyncio.timeout(5):
            while "-A FORWARD -j SEAWAYsea-PASS" not in await shown("iptables-nft -S FORWARD"):
                await asyncio.sleep(0.01)
    quiet = await shown("nft -a list table ip filter")
    await asyncio.sleep(1)
    assert await shown("nft -a list table ip filter") == quiet, "it puts right what is right"
    await controller.close()


@isolated
async def test_flushed_iptables_come_back_by_themselves() -> None:
    await come_back_by_themselves("nft")


@isolated
async def test_flushed_legacy_iptables_come_back_by_themselves() -> None:
    """Nobody tells of these: they are looked at every five seconds."""
    await come_back_by_themselves("legacy")


async def come_back_by_themselves(kind: str) -> None:
    programs = Path("/run/programs")
    programs.mkdir()
    for name in ("iptables", "ip6tables"):
        for tool in ("", "-save", "-restore"):
            (programs / f"{name}{tool}").symlink_to(f"/usr/sbin/{name}-{kind}{tool}")
    os.environ["PATH"] = f"{programs}:{os.environ['PATH']}"
    controller = await begin(backend="iptables")
    web = new_id()
    await controller.connect_sandbox(web, SandboxRequest("web", port_bindings=PUBLISH_8080))
    before = await rules()
    assert "8080" in before
    for flush in ("-F", "-t nat -F", "-D FORWARD -j SEAWAYsea-FWD"):
        await process.run(["iptables", *flush.split()])
        async with asyncio.timeout(15):
            while await rules() != before:
                await asyncio.sleep(0.05)
    await controller.disconnect(web)
    assert "8080" not in await rules()
    await controller.close()


async def rules() -> str:
    lines = (await shown("iptables-save")).splitlines()
    return "\n".join(sorted(line for line in lines if "sea" in line and line[0] != ":"))


async def listed() -> str:
    try:
        return await shown("nft list table ip sea")
    except process.CommandFailed:
        return ""


@isolated
async def test_the_administrators_chain_is_never_flushed() -> None:
    controller = await begin()
    await process.run(["nft", "add", "rule", "ip", "sea", "user", "ip", "saddr", "192.0.2.9", "drop"])
    await controller.create(NetworkCreate(name="web"))
    await process.run(["nft", "flush", "chain", "ip", "sea", "forward"])
    async with asyncio.timeout(5):
        while "jump user" not in await listed():
            await asyncio.sleep(0.01)
    await controller.close()
    heir = await begin()
    assert "ip saddr 192.0.2.9 drop" in await listed()
    await nothing_left(heir)


@isolated
async def test_the_hosts_network_and_none() -> None:
    controller = await begin()
    host = await controller.connect_sandbox("a" * 64, SandboxRequest("h", "host", port_bindings=PUBLISH_8080))
    assert (host.netns_path, host.ports) == (None, {})
    assert host.endpoints["host"].network_id == controller.find("host").id
    none = await controller.connect_sandbox(
        "b" * 64, SandboxRequest("n", "none", endpoints={"none": EndpointSettings()})
    )
    assert none.netns_path
    (lo,) = json.loads(await shown(f"nsenter --net={none.netns_path} ip -j addr"))
    assert "UP" in lo["flags"]
    await controller.disconnect("a" * 64)
    await controller.disconnect("b" * 64)
    await nothing_left(controller)


@isolated
async def test_a_bridge_that_was_there_before_stays() -> None:
    controller = await begin()
    await process.run(["ip", "link", "add", "mine", "type", "bridge"])
    await controller.create(NetworkCreate(name="web", options={"com.docker.network.bridge.name": "mine"}))
    await controller.remove("web")
    assert "mine" in await shown("ip -o link")
    await nothing_left(controller)


@isolated
async def test_a_udp_client_that_talks_on_reaches_the_ports_next_owner() -> None:
    controller = await begin()
    await add_neighbour()
    request = SandboxRequest("first", port_bindings={"53/udp": [PortBinding("", "53")]})
    client = await netns.run_inside(OUTSIDE, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    client.connect(("192.0.2.1", 53))
    client.settimeout(2)
    await controller.connect_sandbox("9" * 64, SandboxRequest("takes the first address"))
    for name in ("a" * 64, "b" * 64):
        sandbox = await controller.connect_sandbox(name, request)
        assert sandbox.netns_path
        server = await netns.run_inside(sandbox.netns_path, udp_server)
        client.send(b"ahoy")
        asked, asker = await asyncio.to_thread(server.recvfrom, 100)
        server.sendto(asked + b" from " + name[:1].encode(), asker)
        assert await asyncio.to_thread(client.recv, 100) == b"ahoy from " + name[:1].encode()
        server.close()
        await controller.disconnect(name)
        if name[0] == "a":
            await controller.connect_sandbox("c" * 64, SandboxRequest("takes the second address"))
    client.close()
    await controller.disconnect("9" * 64)
    await controller.disconnect("c" * 64)
    await nothing_left(controller)


def udp_server() -> socket.socket:
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.settimeout(2)
    server.bind(("0.0.0.0", 53))
    return server
