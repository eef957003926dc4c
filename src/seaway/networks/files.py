"""What a container reads in /etc/hosts, /etc/resolv.conf and /etc/hostname. Content only; the engine writes it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from seaway.base.errors import InvalidParameter

HOSTS_BASE = (
    ("127.0.0.1", "localhost"),
    ("::1", "localhost ip6-localhost ip6-loopback"),
    ("fe00::0", "ip6-localnet"),
    ("ff00::0", "ip6-mcastprefix"),
    ("ff02::1", "ip6-allnodes"),
    ("ff02::2", "ip6-allrouters"),
)
FALLBACK_NAMESERVERS = ("8.8.8.8", "8.8.4.4")
HOST_GATEWAY = "host-gateway"


@dataclass(frozen=True, slots=True)
class Resolver:
    """A resolv.conf. `search` of "." means: no search domain at all."""

    nameservers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


def hosts_content(
    addresses: Iterable[str],
    hostname: str,
    domainname: str = "",
    extra: Sequence[tuple[str, str]] = (),
) -> str:
    """`addresses` are the container's own, `extra` pairs of address and names (extra hosts, links)."""
    own = f"{hostname}.{domainname} {hostname}" if domainname else hostname
    lines = [*HOSTS_BASE, *extra, *((a, own) for a in addresses if a and own)]
    return "".join(f"{address}\t{names}\n" for address, names in lines)


def parse_extra_hosts(entries: Iterable[str], host_gateway: str) -> tuple[tuple[str, str], ...]:
    """`name:address` (or `name=address`), as in --add-host; `host-gateway` is the host. Raises InvalidParameter."""
    return tuple(_parse_extra_host(entry, host_gateway) for entry in entries)


def _parse_extra_host(entry: str, host_gateway: str) -> tuple[str, str]:
    separator = "=" if "=" in entry else ":"
    name, _, address = entry.partition(separator)
    if not name or not address:
        raise InvalidParameter(f'bad format for add-host: "{entry}"')
    if address == HOST_GATEWAY:
        if not host_gateway:
            raise InvalidParameter(
                "unable to derive the IP value for host-gateway: no IP address is available for the default bridge"
            )
        return host_gateway, name
    try:
        ip_address(address.strip("[]"))
    except ValueError as invalid:
        raise InvalidParameter(f'invalid IP address in add-host: "{address}"') from invalid
    return address.strip("[]"), name


def hostname_content(hostname: str) -> str:
    return f"{hostname}\n"


def parse_resolv_conf(text: str) -> Resolver:
    """The last `search` (or `domain`) line wins, as in the resolver."""
    nameservers: list[str] = []
    search: tuple[str, ...] = ()
    options: list[str] = []
    for line in text.splitlines():
        words = line.partition("#")[0].partition(";")[0].split()
        match words:
            case ["nameserver", address, *_]:
                nameservers.append(address)
            case ["search" | "domain", *domains] if domains:
                search = tuple(domains)
            case ["options", *more]:
                options.extend(more)
    return Resolver(tuple(nameservers), search, tuple(options))


def plan_resolver(host: Resolver, dns: Sequence[str], search: Sequence[str], options: Sequence[str]) -> Resolver:
    """The user's wishes over the host's settings. The host's own loopback is out of a container's reach."""
    servers = tuple(dns) or tuple(s for s in host.nameservers if not _is_loopback(s)) or FALLBACK_NAMESERVERS
    domains = tuple(search) or host.search
    return Resolver(servers, () if domains == (".",) else domains, tuple(options) or host.options)


def resolv_conf_content(resolver: Resolver) -> str:
    lines = [f"nameserver {server}" for server in resolver.nameservers]
    if resolver.search:
        lines.append("search " + " ".join(resolver.search))
    if resolver.options:
        lines.append("options " + " ".join(resolver.options))
    return "".join(line + "\n" for line in lines)


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return True


def links_content(links: Mapping[str, tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Aliases of linked containers, each with its (address, name), as lines for /etc/hosts."""
    return tuple((address, f"{alias} {name}".strip()) for alias, (address, name) in links.items())
