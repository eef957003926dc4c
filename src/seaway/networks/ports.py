"""Which port of the host is whose, and what the user asked to publish. No input or output."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from ipaddress import ip_address

from seaway.base.errors import InvalidParameter, SystemFailure
from seaway.model.network import PortBinding

ANY_V4, ANY_V6 = "0.0.0.0", "::"
PROTOCOLS = ("tcp", "udp", "sctp")
EPHEMERAL = (49153, 65535)


class PortAlreadyAllocated(SystemFailure):
    def __init__(self, host_ip: str, port: int) -> None:
        super().__init__(f"Bind for {join_host_port(host_ip, port)} failed: port is already allocated")


class AllPortsAllocated(SystemFailure):
    def __init__(self) -> None:
        super().__init__("all ports are allocated")


@dataclass(frozen=True, slots=True)
class Wish:
    """Publish a container's port on one of the host's from `first` to `last`, on each of `host_ips`. 0 is none: the
    container's own address is called."""

    container_port: int
    protocol: str
    host_ips: tuple[str, ...]
    first: int
    last: int

    @property
    def key(self) -> str:
        return f"{self.container_port}/{self.protocol}"

    @property
    def is_exact(self) -> bool:
        return self.first == self.last


class PortAllocator:
    """The ports that the engine's containers hold. An address of all overlaps every other of its family."""

    def __init__(self, ephemeral: tuple[int, int] = EPHEMERAL) -> None:
        self.ephemeral = ephemeral
        self._held: dict[tuple[str, int], set[str]] = {}
        self._next = ephemeral[0]

    def take(self, protocol: str, host_ips: Sequence[str], port: int) -> None:
        """Raises PortAlreadyAllocated, with nothing taken."""
        if not port:
            return
        for host_ip in host_ips:
            if not self.is_free(protocol, host_ip, port):
                raise PortAlreadyAllocated(host_ip, port)
        self._held.setdefault((protocol, port), set()).update(host_ips)

    def release(self, protocol: str, host_ip: str, port: int) -> None:
        held = self._held.get((protocol, port), set())
        held.discard(host_ip)
        if not held:
            self._held.pop((protocol, port), None)

    def is_free(self, protocol: str, host_ip: str, port: int) -> bool:
        v6 = ":" in host_ip
        return not any(
            (":" in held) == v6 and (held == host_ip or ANY_V4 in (held, host_ip) or ANY_V6 in (held, host_ip))
            for held in self._held.get((protocol, port), ())
        )

    def candidates(self, wish: Wish) -> Iterable[int]:
        """The ports worth trying, in order. Ephemeral ones go round, so that a freed one rests before its next use."""
        if (wish.first, wish.last) != self.ephemeral:
            return range(wish.first, wish.last + 1)
        start, (low, high) = self._next, self.ephemeral
        return (*range(start, high + 1), *range(low, start))

    def used(self, port: int) -> None:
        low, high = self.ephemeral
        if low <= port <= high:
            self._next = low if port == high else port + 1


def plan_wishes(
    bindings: Mapping[str, Sequence[PortBinding] | None],
    exposed: Iterable[str] = (),
    *,
    publish_all: bool = False,
    ephemeral: tuple[int, int] = EPHEMERAL,
    default_ips: tuple[str, ...] = (ANY_V4, ANY_V6),
    routed: frozenset[int] = frozenset(),
) -> tuple[Wish, ...]:
    """Exact ports first, so that an ephemeral one never takes what another binding asks for by number."""
    wishes = [_parse_wish(key, b, ephemeral, default_ips) for key, bs in bindings.items() for b in bs or ()]
    if publish_all:
        bound = {parse_port(key) for key in bindings}
        more = parse_exposed(exposed)
        wishes += [
            Wish(port, protocol, default_ips, *ephemeral) for port, protocol in more if (port, protocol) not in bound
        ]
    wishes = [one for wish in wishes for one in _by_family(wish, routed)]
    return tuple(sorted(wishes, key=lambda w: (w.last - w.first, w.container_port, w.protocol)))


def _by_family(wish: Wish, routed: frozenset[int]) -> list[Wish]:
    """Where a family is routed, the host's ports are none of its business. Raises nothing."""
    if not routed:
        return [wish]
    own = tuple(ip for ip in wish.host_ips if (6 if ":" in ip else 4) in routed)
    rest = tuple(ip for ip in wish.host_ips if ip not in own)
    return [
        *([replace(wish, host_ips=own, first=0, last=0)] if own else []),
        *([replace(wish, host_ips=rest)] if rest else []),
    ]


def default_host_ips(default: str = ANY_V4) -> tuple[str, ...]:
    """For a binding that names none: all of both families, or the one that the network is configured with."""
    return (ANY_V4, ANY_V6) if default == ANY_V4 else (default,)


def parse_port(text: str) -> tuple[int, str]:
    """`80` or `80/tcp`. Raises InvalidParameter."""
    number, _, protocol = text.partition("/")
    protocol = protocol.lower() or "tcp"
    if protocol not in PROTOCOLS:
        raise InvalidParameter(f"invalid proto: {protocol}")
    return _parse_number(number, text), protocol


def parse_exposed(keys: Iterable[str]) -> list[tuple[int, str]]:
    """As `parse_port`; images also tell ranges, `8000-8010/tcp`. What says nothing exposes nothing, as in dockerd."""
    ports = []
    for key in keys:
        numbers, _, protocol = key.partition("/")
        first, _, last = numbers.partition("-")
        with suppress(InvalidParameter):
            low, kind = parse_port(f"{first}/{protocol}")
            ports += [(number, kind) for number in range(low, parse_port(last or first)[0] + 1)]
    return ports


def is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def join_host_port(host_ip: str, port: int) -> str:
    return f"[{host_ip}]:{port}" if ":" in host_ip else f"{host_ip}:{port}"


def _parse_wish(key: str, binding: PortBinding, ephemeral: tuple[int, int], default_ips: tuple[str, ...]) -> Wish:
    port, protocol = parse_port(key)
    ips = (binding.host_ip,) if binding.host_ip else default_ips
    if binding.host_port in ("", "0"):
        return Wish(port, protocol, ips, *ephemeral)
    first, _, last = binding.host_port.partition("-")
    low, high = _parse_number(first, binding.host_port), _parse_number(last or first, binding.host_port)
    if high < low:
        raise InvalidParameter(f"invalid port specification: {binding.host_port!r}")
    return Wish(port, protocol, ips, low, high)


def _parse_number(text: str, whole: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= 65535:
        raise InvalidParameter(f'invalid port specification: "{whole}"')
    return int(text)
