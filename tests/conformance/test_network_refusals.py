"""What is wrong with a network, an endpoint or a container's place on networks, and what the engine says of it.

The texts are dockerd's. Tables whose test has no marker hold for every dockerd, those with `min_api` for the newer
ones, which answer 400 where the older ones answered 500 or took it.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from conformance.engines import RunningEngine
from conformance.options import call, create_and_start

SUBNET = "10.91.0.0/24"
BRIDGE, NETWORK = "com.docker.network.bridge.", "com.docker.network."
NO_IP = "user specified IP address is supported on user defined networks only"
NO_OWN_SUBNET = "user specified IP address is supported only when connecting to networks with user configured subnets"
NO_MANAGER = (
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm '
    "and try again."
)
DEPENDS = "are not supported if the network depends on a configuration network"


@pytest.fixture(scope="module", autouse=True)
def place(engine: RunningEngine) -> Iterator[None]:
    """`own` has a subnet of its own and `run` and `stopped` on it, `plain` has none, `config` is a configuration that
    `used` uses; `in-host`, `in-none` and `shared` have no network of their own."""

    def network(name: str, **body: Any) -> None:
        status, answer = call(engine, "POST", "/networks/create", {"Name": name, **body})
        assert status == 201, answer

    network("own", **pool(Subnet=SUBNET))
    network("plain")
    network("config", ConfigOnly=True, **pool(Subnet="10.93.0.0/24"))
    network("used", ConfigFrom={"Network": "config"})
    modes = {"run": "own", "stopped": "own", "in-host": "host", "in-none": "none", "shared": "container:run"}
    for name, mode in modes.items():
        engine.docker("create", "--name", name, f"--network={mode}", "busybox", "sleep", "600")
    assert engine.docker("start", *(name for name in modes if name != "stopped")).returncode == 0
    yield
    engine.docker("rm", "-f", *modes)
    for name in ("own", "plain", "used", "config"):
        assert engine.docker("network", "rm", name).returncode == 0


def pool(**config: Any) -> dict[str, Any]:
    return {"IPAM": {"Config": [config]}}


def option(name: str, value: str) -> dict[str, Any]:
    return {"Options": {name: value}}


def on(name: str, **endpoint: Any) -> dict[str, Any]:
    return {"EndpointsConfig": {name: endpoint}}


ALWAYS_REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({"Name": "none"}, 403, "operation is not permitted on predefined none network "),
    ({"Name": "own"}, 409, "network with name own already exists"),
    ({"Driver": "nosuch"}, 404, 'plugin "nosuch" not found'),
    ({"Driver": "host"}, 403, 'only one instance of "host" network is allowed'),
    ({"Scope": "swarm"}, 403, "cannot create a swarm scoped network when swarm is not active"),
    *(({"Scope": scope}, 500, NO_MANAGER) for scope in ("global", "garbage", "Swarm", "LOCAL")),
    ({"Scope": "swarm", "Driver": "overlay"}, 403, "cannot create a swarm scoped network when swarm is not active"),
    ({"Scope": "local", "Driver": "overlay"}, 403, "cannot downgrade network scope for overlay networks"),
    *(({"Scope": scope, "Driver": "overlay"}, 500, NO_MANAGER) for scope in ("", "global", "garbage")),
    ({"Scope": "global", "Driver": "null"}, 403, 'only one instance of "null" network is allowed'),
    ({"Scope": "global", "Driver": "nosuch"}, 404, 'plugin "nosuch" not found'),
    ({"Scope": "global", "ConfigFrom": {"Network": "nosuch"}}, 404, 'configuration network "nosuch" does not exist'),
    ({"Ingress": True}, 403, "Ingress network can only be global scope network"),
    (
        {"ConfigOnly": True, "Internal": True},
        403,
        "configuration network can only contain network specific fields. "
        "Network operator fields like [ ingress | internal | attachable | scope ] are not supported.",
    ),
    (
        {"ConfigOnly": True, "ConfigFrom": {"Network": "config"}},
        403,
        "a configuration network cannot depend on another configuration network",
    ),
    ({"ConfigFrom": {"Network": "nosuch"}}, 404, 'configuration network "nosuch" does not exist'),
    ({"ConfigFrom": {"Network": "own"}}, 404, 'configuration network "own" does not exist'),
    (
        {"ConfigFrom": {"Network": "config"}, **pool(Subnet="10.9.0.0/24")},
        403,
        f"user specified configurations {DEPENDS}",
    ),
    ({"ConfigFrom": {"Network": "config"}, "Labels": {"a": "b"}}, 403, f"user specified configurations {DEPENDS}"),
    ({"ConfigFrom": {"Network": "config"}, "EnableIPv6": True}, 403, f"user specified configurations {DEPENDS}"),
    ({"ConfigFrom": {"Network": "config"}, **option("a", "b")}, 403, f"network driver options {DEPENDS}"),
    (pool(Subnet="10.91.0.128/25"), 403, "Pool overlaps with other one on this address space"),
    (
        pool(Subnet="10.9.1.0/24", Gateway="10.9.1.0"),
        500,
        "failed to allocate gateway (10.9.1.0): Address already in use",
    ),
    (
        pool(Subnet="10.9.2.0/24", Gateway="10.9.2.255"),
        500,
        "failed to allocate gateway (10.9.2.255): Address already in use",
    ),
    (
        pool(Subnet="10.9.3.0/24", Gateway="10.9.3.1", AuxiliaryAddresses={"a": "10.9.3.1"}),
        500,
        "failed to allocate secondary ip address (a:10.9.3.1): Address already in use",
    ),
    (option(f"{BRIDGE}name", "lo"), 500, "existing interface lo is not a bridge"),
]

REFUSED_BY_NEWER: list[tuple[dict[str, Any], int, str]] = [
    ({"Name": " "}, 400, "invalid network name: name is empty"),
    (
        {"IPAM": {"Config": [{"Subnet": "10.9.4.0/24"}, {"Subnet": "10.9.5.0/24"}]}},
        403,
        "bridge driver doesn't support multiple subnets",
    ),
    ({"IPAM": {"Driver": "null"}}, 400, "ipv4 pool is empty"),
    (
        {"IPAM": {"Driver": "null", "Config": [{"Subnet": "10.9.6.0/24"}]}},
        400,
        "null ipam driver does not handle specific address pool requests",
    ),
    *(
        (
            option(BRIDGE + name, "x"),
            400,
            f'failed to parse {BRIDGE}{name} value: x (strconv.ParseBool: parsing "x": invalid syntax)',
        )
        for name in ("default_bridge", "enable_icc", "enable_ip_masquerade", "inhibit_ipv4")
    ),
    *(
        (option(name, value), 400, f"failed to parse {name} value: {value} (nil ip)")
        for name in (f"{BRIDGE}host_binding_ipv4", f"{NETWORK}host_ipv4")
        for value in ("x", "", "192.0.2.9/24")
    ),
    (
        option(f"{NETWORK}driver.mtu", "x"),
        400,
        f'failed to parse {NETWORK}driver.mtu value: x (strconv.Atoi: parsing "x": invalid syntax)',
    ),
    (option(f"{NETWORK}driver.mtu", "-1"), 400, "invalid MTU number: -1"),
    (
        option(f"{BRIDGE}name", "a-name-of-sixteen"),
        400,
        "failed to check bridge interface existence: numerical result out of range",
    ),
    (option(f"{BRIDGE}name", "a/b"), 400, "invalid bridge name a/b: invalid argument"),
]


def refused_create(engine: RunningEngine, body: dict[str, Any], status: int, text: str) -> None:
    before = engine.docker("network", "ls", "-q").stdout
    assert call(engine, "POST", "/networks/create", {"Name": "refused", "CheckDuplicate": True, **body}) == (
        status,
        {"message": text},
    )
    assert engine.docker("network", "ls", "-q").stdout == before


@pytest.mark.parametrize(("body", "status", "text"), ALWAYS_REFUSED)
def test_networks(engine: RunningEngine, body: dict[str, Any], status: int, text: str) -> None:
    refused_create(engine, body, status, text)


@pytest.mark.min_api("1.44")
@pytest.mark.parametrize(("body", "status", "text"), REFUSED_BY_NEWER)
def test_networks_of_newer_engines(engine: RunningEngine, body: dict[str, Any], status: int, text: str) -> None:
    refused_create(engine, body, status, text)


SHARING = "container sharing network namespace with another container or host cannot be connected to any other network"
PRIVATE = "container cannot be connected to multiple networks with one of the networks in private (none) mode"


@pytest.mark.parametrize(
    ("path", "container", "status", "text"),
    [
        ("nosuch/connect", "run", 404, "network nosuch not found"),
        ("plain/connect", "nosuch", 404, "No such container: nosuch"),
        ("own/connect", "run", 403, "endpoint with name run already exists in network own"),
        ("none/connect", "run", 400, PRIVATE),
        ("plain/connect", "in-none", 400, PRIVATE),
        ("plain/connect", "in-host", 400, SHARING),
        ("plain/connect", "shared", 400, SHARING),
        ("host/connect", "in-host", 403, "endpoint with name in-host already exists in network host"),
        ("config/connect", "run", 403, "cannot create endpoint on configuration-only network"),
        ("nosuch/disconnect", "run", 404, "network nosuch not found"),
        ("plain/disconnect", "nosuch", 404, "No such container: nosuch"),
    ],
)
def test_connecting(engine: RunningEngine, path: str, container: str, status: int, text: str) -> None:
    assert call(engine, "POST", f"/networks/{path}", {"Container": container}) == (status, {"message": text})


@pytest.mark.parametrize(("network", "container"), [("plain", "run"), ("own", "shared"), ("own", "in-host")])
def test_who_is_not_connected_is_not_disconnected(engine: RunningEngine, network: str, container: str) -> None:
    full = call(engine, "GET", f"/containers/{container}/json")[1]["Id"]
    status, answer = call(engine, "POST", f"/networks/{network}/disconnect", {"Container": container})
    assert status in (404, 500)
    assert answer == {"message": f"container {full} is not connected to network {network}"}


def test_an_endpoint_of_nobody(engine: RunningEngine) -> None:
    asked = {"Container": "nosuch", "Force": True}
    assert call(engine, "POST", "/networks/own/disconnect", asked) == (404, {"message": "endpoint nosuch not found"})


def test_a_stopped_container_may_be_told_again(engine: RunningEngine) -> None:
    """What it was told first counts, and nobody hears of it before it starts."""
    before = call(engine, "GET", "/containers/stopped/json")[1]["NetworkSettings"]["Networks"]
    since = call(engine, "GET", "/info")[1]["SystemTime"]
    asked = {"Container": "stopped", "EndpointConfig": {"Aliases": ["again"]}}
    assert call(engine, "POST", "/networks/own/connect", asked)[0] == 200
    assert call(engine, "GET", "/containers/stopped/json")[1]["NetworkSettings"]["Networks"] == before
    until = call(engine, "GET", "/info")[1]["SystemTime"]
    told = engine.docker("events", "--since", since, "--until", until, "--filter", "event=connect").stdout
    assert told == ""


@pytest.mark.min_api("1.44")
@pytest.mark.parametrize(
    ("network", "container", "text"),
    [
        ("host", "run", "cannot connect container to host network - container must be created in host network mode"),
        (
            "host",
            "stopped",
            "cannot connect container to host network - container must be created in host network mode",
        ),
    ],
)
def test_the_hosts_network(engine: RunningEngine, network: str, container: str, text: str) -> None:
    asked = {"Container": container}
    assert call(engine, "POST", f"/networks/{network}/connect", asked) == (400, {"message": text})


@pytest.mark.min_api("1.44")
@pytest.mark.parametrize(
    ("network", "endpoint", "text"),
    [
        ("own", {"IPAMConfig": {"IPv4Address": "x"}}, "invalid endpoint settings:\ninvalid IPv4 address: x"),
        (
            "own",
            {"IPAMConfig": {"IPv6Address": "10.91.0.7"}},
            "invalid endpoint settings:\ninvalid IPv6 address: 10.91.0.7",
        ),
        (
            "own",
            {"IPAMConfig": {"IPv4Address": "10.92.0.5"}},
            "invalid endpoint settings:\nno configured subnet or ip-range contain the IP address 10.92.0.5",
        ),
        ("own", {"IPAMConfig": {"IPv6Address": "fd00::1"}}, f"invalid endpoint settings:\n{NO_OWN_SUBNET}"),
        (
            "plain",
            {"IPAMConfig": {"LinkLocalIPs": ["x"]}},
            "invalid endpoint settings:\ninvalid link-local IP address: x",
        ),
        (
            "plain",
            {"IPAMConfig": {"LinkLocalIPs": ["10.0.0.1"]}},
            "invalid endpoint settings:\ninvalid link local IP address: 10.0.0.1",
        ),
        ("plain", {"IPAMConfig": {"IPv4Address": "172.31.0.9"}}, f"invalid endpoint settings:\n{NO_OWN_SUBNET}"),
        ("plain", {"Links": ["a:b:c"]}, "bad format for links: a:b:c"),
        ("plain", {"MacAddress": "x"}, "invalid MAC address x"),
        ("bridge", {"IPAMConfig": {"IPv4Address": "172.17.0.99"}}, f"invalid endpoint settings:\n{NO_IP}"),
        (
            "bridge",
            {"Aliases": ["x"]},
            "invalid endpoint settings:\n"
            "network-scoped alias is supported only for containers in user defined networks",
        ),
    ],
)
def test_endpoints(engine: RunningEngine, network: str, endpoint: dict[str, Any], text: str) -> None:
    asked = {"Container": "run" if network != "own" else "in-host", "EndpointConfig": endpoint}
    assert call(engine, "POST", f"/networks/{network}/connect", asked) == (400, {"message": text})


@pytest.mark.parametrize(
    ("config", "host", "status", "text"),
    [
        (
            {"Hostname": "h"},
            {"NetworkMode": "container:run"},
            400,
            "conflicting options: hostname and the network mode",
        ),
        (
            {},
            {"NetworkMode": "container:run", "Dns": ["8.8.8.8"]},
            400,
            "conflicting options: dns and the network mode",
        ),
        (
            {},
            {"NetworkMode": "container:run", "ExtraHosts": ["a:1.2.3.4"]},
            400,
            "conflicting options: custom host-to-IP mapping and the network mode",
        ),
        (
            {"MacAddress": "02:42:00:00:00:01"},
            {"NetworkMode": "host"},
            400,
            "conflicting options: mac-address and the network mode",
        ),
        (
            {},
            {"NetworkMode": "container:run", "PublishAllPorts": True},
            400,
            "conflicting options: port publishing and the container type network mode",
        ),
        (
            {"ExposedPorts": {"80/tcp": {}}},
            {"NetworkMode": "container:run"},
            400,
            "conflicting options: port exposing and the container type network mode",
        ),
        (
            {},
            {"NetworkMode": "host", "Links": ["run:a"]},
            400,
            "conflicting options: host type networking can't be used with links. This would result in undefined behavior",
        ),
        (
            {},
            {"Links": ["in-host:a"]},
            400,
            "conflicting options: host type networking can't be used with links. This would result in undefined behavior",
        ),
        ({}, {"Links": [":a"]}, 400, 'could not get container for : invalid name or ID supplied: ""'),
        ({}, {"Links": ["nosuch:a"]}, 400, "could not get container for nosuch: No such container: nosuch"),
        ({}, {"ExtraHosts": ["a"]}, 400, 'bad format for add-host: "a"'),
        ({}, {"ExtraHosts": ["a:"]}, 400, 'invalid IP address in add-host: ""'),
        ({}, {"ExtraHosts": ["a:[::1]"]}, 400, 'invalid IP address in add-host: "[::1]"'),
        ({}, {"PortBindings": {"80/tcp": [{"HostPort": "-1"}]}}, 400, 'invalid port specification: "-1"'),
        ({}, {"PortBindings": {"x/tcp": [{}]}}, 400, 'invalid port specification: "x"'),
        ({}, {"PortBindings": {"80/tcp": [{"HostPort": "90-80"}]}}, 400, 'invalid port specification: "90-80"'),
    ],
)
def test_containers(
    engine: RunningEngine, config: dict[str, Any], host: dict[str, Any], status: int, text: str
) -> None:
    answer = create_and_start(engine, config, host, start=False)
    assert (answer.status, answer.message) == (status, text)


@pytest.mark.min_api("1.44")
@pytest.mark.parametrize(
    ("config", "host", "text"),
    [
        ({}, {"NetworkMode": "container:"}, "invalid network mode: invalid container format container:<name|id>"),
        ({}, {"NetworkMode": "container"}, "invalid network mode: invalid container format container:<name|id>"),
        ({}, {"Links": [""]}, "empty string specified for links"),
        ({}, {"Links": ["a:b:c"]}, "bad format for links: a:b:c"),
        ({}, {"NetworkMode": "own", "Links": ["a:b:c"]}, "bad format for links: a:b:c"),
        (
            {"NetworkingConfig": on("host", Aliases=["x"])},
            {"NetworkMode": "host"},
            "invalid config for network host: invalid endpoint settings:\n"
            "network-scoped alias is supported only for containers in user defined networks",
        ),
        (
            {"NetworkingConfig": on("own", DriverOpts={"com.docker.network.endpoint.sysctls": "x"})},
            {"NetworkMode": "own"},
            "invalid config for network own: invalid endpoint settings:\nunrecognised network interface sysctl 'x'; "
            "represent 'net.X.Y.ethN.Z=V' as 'net.X.Y.IFNAME.Z=V', 'X' must be 'ipv4', 'ipv6' or 'mpls'",
        ),
        (
            {"MacAddress": "02:42:00:00:00:01", "NetworkingConfig": on("own", MacAddress="02:42:00:00:00:02")},
            {"NetworkMode": "own"},
            "the container-wide MAC address must match the endpoint-specific MAC address for the main network, "
            "or be left empty",
        ),
    ],
)
def test_containers_of_newer_engines(
    engine: RunningEngine, config: dict[str, Any], host: dict[str, Any], text: str
) -> None:
    answer = create_and_start(engine, config, host, start=False)
    assert (answer.status, answer.message) == (400, text)


@pytest.mark.seaway_only("dockerd takes them, and the container fails to start")
@pytest.mark.parametrize(
    ("endpoint", "fault"),
    [
        *(({"MacAddress": mac}, f"invalid MAC address {mac}") for mac in ("01:00:5e:00:00:01", "00:00:00:00:00:00")),
        *(
            (
                {"DriverOpts": {f"{NETWORK}endpoint.ifname": name}},
                f"invalid endpoint settings:\ninvalid interface name: {name}",
            )
            for name in ("lo", "..", "a/b", "a b", "a:b", "eth%d", "all", "sixteen-letters-", "é" * 8)
        ),
    ],
)
def test_what_no_device_can_have(engine: RunningEngine, endpoint: dict[str, Any], fault: str) -> None:
    networking = {"EndpointsConfig": {"own": endpoint}}
    answer = create_and_start(engine, {"NetworkingConfig": networking}, {"NetworkMode": "own"}, start=False)
    assert (answer.status, answer.message) == (400, f"invalid config for network own: {fault}")
    if "MacAddress" in endpoint:
        answer = create_and_start(engine, endpoint, {}, start=False)
        assert (answer.status, answer.message) == (400, f"address {endpoint['MacAddress']}: invalid MAC address")


@pytest.mark.seaway_only("dockerd takes it, and no container starts there")
@pytest.mark.parametrize("mtu", ["67", "65536"])
@pytest.mark.parametrize("driver", ["bridge", "macvlan"])
def test_an_mtu_that_no_device_can_have(engine: RunningEngine, driver: str, mtu: str) -> None:
    body = {"Driver": driver, **option(f"{NETWORK}driver.mtu", mtu)}
    refused_create(engine, body, 400, f"invalid MTU number: {mtu}")


@pytest.mark.seaway_only("dockerd publishes on all addresses of the host when it cannot read the one that it is told")
@pytest.mark.parametrize("address", ["x", "[::1]", "10.0.0.256"])
def test_an_address_to_publish_on_that_is_none(engine: RunningEngine, address: str) -> None:
    host = {"PortBindings": {"80/tcp": [{"HostIp": address}]}}
    answer = create_and_start(engine, {}, host, start=False)
    assert (answer.status, answer.message) == (400, f"invalid IP address: {address}")


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("bridge", 403, "bridge is a pre-defined network and cannot be removed"),
        ("config", 403, 'error while removing network: configuration network "config" is in use'),
        ("nosuch", 404, "network nosuch not found"),
    ],
)
def test_removals(engine: RunningEngine, path: str, status: int, text: str) -> None:
    assert call(engine, "DELETE", f"/networks/{path}") == (status, {"message": text})


def test_inspects(engine: RunningEngine) -> None:
    unparsed = 'invalid value for verbose: x: strconv.ParseBool: parsing "x": invalid syntax'
    assert call(engine, "GET", "/networks/own?verbose=x") == (400, {"message": unparsed})
    assert call(engine, "GET", "/networks/own?scope=swarm") == (404, {"message": "network own not found"})
    assert call(engine, "GET", "/networks/own?scope=bad") == (404, {"message": "network own not found"})


def test_starting_on_a_configuration(engine: RunningEngine) -> None:
    answer = create_and_start(engine, {}, {"NetworkMode": "config"})
    assert answer.status == 403
    assert answer.message.endswith("cannot create endpoint on configuration-only network")


def test_what_is_exposed_may_be_nonsense(engine: RunningEngine) -> None:
    """Images say such things."""
    assert create_and_start(engine, {"ExposedPorts": {"x": {}, "80/xyz": {}, "0/tcp": {}}}, {}).status == 204


def test_a_link_on_a_users_network_may_lead_to_one_that_comes_later(engine: RunningEngine) -> None:
    assert create_and_start(engine, {}, {"NetworkMode": "own", "Links": ["later:a"]}).status == 204


@pytest.mark.min_api("1.44")
def test_a_mac_address_with_dashes(engine: RunningEngine) -> None:
    shown = engine.docker(
        "run", "--rm", "--mac-address", "02-42-00-00-00-0A", "busybox", "cat", "/sys/class/net/eth0/address"
    )
    assert shown.stdout.strip() == "02:42:00:00:00:0a"


@pytest.mark.min_api("1.44")
def test_subnets_of_two_addresses(engine: RunningEngine) -> None:
    """RFC 3021: both are for use."""
    status, answer = call(engine, "POST", "/networks/create", {"Name": "two", **pool(Subnet="10.9.7.0/31")})
    assert status == 201, answer
    try:
        shown = engine.docker(
            "run", "--rm", "--network", "two", "busybox", "sh", "-c", "ip addr show eth0; ping -c1 -w5 10.9.7.0"
        )
        assert "inet 10.9.7.1/31" in shown.stdout
        assert " 0% packet loss" in shown.stdout
    finally:
        engine.docker("network", "rm", "two")
