"""Which ports of containers are open, to whom, and by which rule. From what the engine says of its containers and
networks, and what listens in their namespaces. No input or output."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

BRIDGE = "com.docker.network.bridge."
ANYWHERE = ("0.0.0.0", "::")
EVERYBODY, THIS_HOST = "everybody who reaches this host", "this host"
PROXY = "the port proxy"


@dataclass(frozen=True, slots=True)
class Listener:
    protocol: str
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class Row:
    """`at` is where one calls; `by` the element of the firewall, or who else it is that lets callers in."""

    container: str
    port: str
    at: str
    open_to: str
    by: str


def audit(
    containers: Iterable[Mapping[str, Any]],
    networks: Iterable[Mapping[str, Any]],
    listeners: Mapping[str, Sequence[Listener] | None],
    judge: str = "",
) -> list[Row]:
    """`containers` and `networks` as inspect shows them; `listeners` by container, None where they cannot be seen.
    `judge`: whose rules drop what comes to the host itself, if somebody's do (ufw)."""
    known = {network["Id"]: network for network in networks}
    rows: list[Row] = []
    for container in containers:
        name, attached = container["Name"].lstrip("/"), container["NetworkSettings"]["Networks"] or {}
        heard = listeners.get(container["Id"])
        rows += _published(name, container["NetworkSettings"]["Ports"] or {}, attached, heard, judge)
        if "host" in attached:
            open_to, by = (_let_in(judge), judge) if judge else (EVERYBODY, "nothing: the host's network")
            rows.append(Row(name, "all of its ports", "the host's addresses", open_to, by))
            continue
        for network, endpoint in attached.items():
            of = known.get(endpoint["NetworkID"], {})
            rows += [_open_within(name, network, of, endpoint, each) for each in _outward(heard or ())]
    return rows


def _published(
    name: str, ports: Mapping[str, Any], attached: Mapping[str, Any], heard: Sequence[Listener] | None, judge: str
) -> list[Row]:
    rows = []
    six = any(endpoint["GlobalIPv6Address"] for endpoint in attached.values())
    for key, bindings in sorted(ports.items()):
        number, _, protocol = key.partition("/")
        dead = heard is not None and not any((h.protocol, h.port) == (protocol, int(number)) for h in _outward(heard))
        for binding in bindings or ():
            ip, port = binding["HostIp"], binding["HostPort"]
            by = _translation(protocol, ip, port, six=six)
            open_to = _let_in(judge) if judge and by == PROXY and _callers(ip) != THIS_HOST else _callers(ip)
            rows.append(Row(name, key + (" (nobody listens)" if dead else ""), _at(ip, port), open_to, by))
    return rows


def _let_in(judge: str) -> str:
    """What comes to the host itself, not to a container: other rules than ours say who may."""
    return f"whom {judge} lets in to this host"


def _callers(ip: str) -> str:
    if ip_address(ip).is_loopback:
        return THIS_HOST
    return EVERYBODY if ip in ANYWHERE else f"everybody who reaches {ip}"


def _translation(protocol: str, ip: str, port: str, *, six: bool) -> str:
    if ip_address(ip).is_loopback or (":" in ip and not six):
        return PROXY
    element = f"{protocol} . {port}" if ip in ANYWHERE else f"{protocol} . {ip} . {port}"
    return f"map {'published' if ip in ANYWHERE else 'published_on'}, {element}; {PROXY} for this host"


def _open_within(
    name: str, network: str, of: Mapping[str, Any], endpoint: Mapping[str, Any], listener: Listener
) -> Row:
    options = of.get("Options") or {}
    six = endpoint["GlobalIPv6Address"] if ":" in listener.address else ""
    at, port = _at(six or endpoint["IPAddress"], str(listener.port)), f"{listener.port}/{listener.protocol}"
    driver = of.get("Driver", "")
    if driver in ("macvlan", "ipvlan"):
        wire = options.get("parent", "the network")
        return Row(name, port, at, f"everybody on the wire of {wire}", f"nothing: {driver}")
    if options.get(BRIDGE + "gateway_mode_ipv4") in ("nat-unprotected", "routed"):
        return Row(name, port, at, "everybody who knows the route", "set unprotected")
    if options.get(BRIDGE + "enable_icc", "true") == "false":
        return Row(name, port, at, THIS_HOST, "map within: drop")
    return Row(name, port, at, f"{THIS_HOST}, containers on {network}", "map within: accept")


def _outward(listeners: Iterable[Listener]) -> list[Listener]:
    """Those that anybody but the container itself can call, one for each port."""
    found = {(h.protocol, h.port): h for h in listeners if not ip_address(h.address).is_loopback}
    return [found[key] for key in sorted(found)]


def _at(ip: str, port: str) -> str:
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def parse_listeners(protocol: str, table: str) -> list[Listener]:
    """Of /proc/PID/net/{tcp,udp}{,6}: who waits for callers, and is connected to nobody."""
    waiting = {"tcp": "0A", "udp": "07"}[protocol]
    rows = (line.split() for line in table.splitlines()[1:])
    return [Listener(protocol, *_address(row[1])) for row in rows if row[3] == waiting and row[2].endswith(":0000")]


def _address(text: str) -> tuple[str, int]:
    """`0100007F:0035`: words of the machine's byte order, which is little-endian wherever this runs."""
    digits, _, port = text.partition(":")
    words = [bytes.fromhex(digits[at : at + 8])[::-1] for at in range(0, len(digits), 8)]
    return str(ip_address(b"".join(words))), int(port, 16)
