"""Where the host's own routes lead: no network takes a subnet of theirs unasked."""

import sys
from ipaddress import IPv4Network
from pathlib import Path

from seaway.kernel.worker import run_blocking

ROUTES, DESTINATION, MASK = Path("/proc/net/route"), 1, 7


async def host_routes() -> list[IPv4Network]:
    return await run_blocking(routes_beside)


def routes_beside(device: str = "") -> list[IPv4Network]:
    """Of the host, but for the default one and those by `device`. Blocking. The kernel's text is read in a tenth of the
    time that netlink's answer takes."""
    rows = [line.split() for line in ROUTES.read_text().splitlines()[1:]]
    others = [row for row in rows if row[0] != device]
    masks = ((_number(row[DESTINATION]), int(row[MASK], 16).bit_count()) for row in others)
    return [IPv4Network(mask) for mask in masks if mask[1]]


def _number(text: str) -> int:
    """`000011AC`, in the machine's own byte order, is 172.17.0.0."""
    return int.from_bytes(int(text, 16).to_bytes(4, sys.byteorder), "big")
