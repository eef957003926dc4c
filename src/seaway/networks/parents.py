"""What macvlan and ipvlan networks are on: a device of the host's, a VLAN of one, or one that leads nowhere.

`eth0.10` that is not there yet is VLAN 10 of `eth0`: it comes with the first network on it, and goes with the last.
"""

import socket

from seaway.base.errors import InvalidParameter
from seaway.kernel import rtnl
from seaway.kernel.worker import run_blocking
from seaway.networks.network import ParentSettings

VLANS = range(1, 4095)


def parse_vlan(name: str) -> tuple[str, int]:
    """The device and the number. Raises InvalidParameter."""
    if "." not in name:
        raise InvalidParameter(f"invalid subinterface vlan name {name}, example formatting is eth0.10")
    parts = name.split(".")
    if len(parts) != 2:
        raise InvalidParameter(
            "required interface name format is: name.vlan_id, ex. eth0.10 for vlan 10, instead received " + name
        )
    device, digits = parts
    if not (digits.isascii() and digits.isdigit()):
        raise InvalidParameter(f"unable to parse a valid vlan id from: {digits} (ex. eth0.10 for vlan 10)")
    if int(digits) not in VLANS:
        raise InvalidParameter(f"vlan id must be between 1-4094, received: {int(digits)}")
    return device, int(digits)


async def make_parent(parent: ParentSettings) -> None:
    """One that is there is kept. Raises InvalidParameter, RtnlFailed."""
    await run_blocking(_make, parent)


def _make(parent: ParentSettings) -> None:
    if index_of(parent.device):
        return
    if parent.network_dummy:
        request = rtnl.add_dummy(parent.device)
    else:
        device, number = parse_vlan(parent.device)
        if not (index := index_of(device)):
            raise InvalidParameter(f"-o parent interface was not found on the host: {device}")
        request = rtnl.add_vlan(parent.device, index, number)
    with rtnl.Rtnl() as netlink:
        netlink.run([request])
        netlink.run([rtnl.set_up(index_of(parent.device))])


def index_of(name: str) -> int:
    """0: there is no such device."""
    try:
        return socket.if_nametoindex(name)
    except OSError:
        return 0
