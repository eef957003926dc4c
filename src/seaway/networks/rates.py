"""Limits of an endpoint's bandwidth: `com.seaway.rate.rx` for what the container receives, `….tx` for what it sends."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from seaway.base.errors import InvalidParameter
from seaway.kernel import netns
from seaway.kernel.netlink import Netlink
from seaway.kernel.worker import run_blocking

RX, TX = "com.seaway.rate.rx", "com.seaway.rate.tx"
UNITS = {"": 1, "bit": 1, "kbit": 10**3, "mbit": 10**6, "gbit": 10**9}
LOWEST, HIGHEST = 8_000, 32 * 10**9
_RATE = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)([a-z]*)")


class BadRate(InvalidParameter):
    def __init__(self, option: str, text: str) -> None:
        super().__init__(f'invalid {option} "{text}": a rate is like 512kbit, 10mbit or 1gbit, from 8kbit to 32gbit')


@dataclass(frozen=True, slots=True)
class Rates:
    """Bits a second; 0 is no limit."""

    rx: int = 0
    tx: int = 0

    def __bool__(self) -> bool:
        return bool(self.rx or self.tx)


def parse_rates(options: Mapping[str, str] | None) -> Rates:
    """Raises BadRate."""
    return Rates(*(_parse(name, (options or {}).get(name, "")) for name in (RX, TX)))


def _parse(option: str, text: str) -> int:
    if text in ("", "0"):
        return 0
    found = _RATE.fullmatch(text.strip().lower())
    if not found or found[2] not in UNITS:
        raise BadRate(option, text)
    bits = int(float(found[1]) * UNITS[found[2]])
    if not LOWEST <= bits <= HIGHEST:
        raise BadRate(option, text)
    return bits


async def limit(path: Path, mac: str, host_link: str, rates: Rates) -> None:
    """Of a container's device that is there already."""
    await netns.run_inside(path, lambda: _limit_by_address(mac, rates.tx))
    if host_link:
        await run_blocking(limit_link, host_link, rates.rx)


def limit_link(name: str, bits: int) -> None:
    """What leaves by the device, in the namespace of this thread. The host's device of a pair sends what the container
    receives."""
    with Netlink() as netlink:
        netlink.limit_rate(name, bits)


def _limit_by_address(mac: str, bits: int) -> None:
    with Netlink() as netlink:
        for name in netlink.names_of(mac):
            netlink.limit_rate(name, bits)
