"""Where the other engines reach this one."""

from ipaddress import ip_address

from seaway.base.errors import EngineError, SystemFailure
from seaway.kernel.netlink import Netlink


def resolve_advertise(text: str) -> str:
    """ "IP:port" of "IP:port" or "interface:port": the interface's first address. Blocking. Raises SystemFailure."""
    host, _, port = text.rpartition(":")
    try:
        ip_address(host.strip("[]"))
        return text
    except ValueError:
        return f"{_address_of(host, text)}:{port}"


def _address_of(interface: str, text: str) -> str:
    try:
        with Netlink() as netlink:
            addresses = [a.partition("/")[0] for a in netlink.addresses(interface)]
    except EngineError as missing:
        raise SystemFailure(
            f"discovery advertise parsing failed (invalid cluster advertise IP address or interface name ({text}) : "
            "route ip+net: no such network interface)"
        ) from missing
    if not addresses:
        raise SystemFailure(
            f"discovery advertise parsing failed (no available advertise IP address in interface ({text}))"
        )
    usable = [a for a in addresses if not ip_address(a).is_loopback]
    if not usable:
        raise SystemFailure(
            f"discovery advertise parsing failed (could not find a valid ip-address in interface {text})"
        )
    return usable[0]
