"""Links, addresses and routes, over pyroute2. Blocking calls: run them by `kernel.worker` or `netns.run_inside`.

A `Netlink` speaks to the namespace of the thread that opens it. pyroute2's own NetNS helper is not used: it forks a
process per namespace.
"""

import errno
import os
from collections.abc import Iterable
from types import TracebackType
from typing import Any

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from seaway.base.errors import SystemFailure

TICKS_PER_S, LEAST_BURST = 250, 16 << 10
QUEUE_TIME, LIMIT, ROOT = "50ms", 0x5EA0000, 0xFFFFFFFF
"""How long a packet waits for its turn before it is dropped, and the handle of our queueing discipline."""


class NetlinkFailed(SystemFailure):
    def __init__(self, what: str, cause: NetlinkError) -> None:
        self.errno: int = cause.code
        super().__init__(f"{what}: {os.strerror(cause.code).lower()}")


class Netlink:
    """Use as a context manager. Every method raises NetlinkFailed, which keeps the errno."""

    def __enter__(self) -> "Netlink":
        self._route = IPRoute()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._route.close()

    def index_of(self, name: str) -> int | None:
        try:
            return self._get(name)["index"]  # type: ignore[no-any-return]
        except NetlinkFailed as failed:
            if failed.errno == errno.ENODEV:
                return None
            raise

    def kind_of(self, name: str) -> str:
        """`bridge`, `veth` and so on; "" for a device of hardware and for the loopback device."""
        info = self._get(name).get("linkinfo")
        return (info and info.get("kind")) or ""

    def ports_of(self, bridge: str) -> list[str]:
        """The links that are joined to `bridge`; none where there is no such bridge."""
        master = self.index_of(bridge)
        return [link.get("ifname") for link in self._route.get_links() if master and link.get("master") == master]

    def names_of(self, mac: str) -> list[str]:
        """The links with that address."""
        return [link.get("ifname") for link in self._route.get_links() if link.get("address") == mac.lower()]

    def names_with(self, address: str) -> list[str]:
        """The links that have that IP address."""
        indices = {a["index"] for a in self._route.get_addr() if a.get("IFA_ADDRESS") == address}
        return [link.get("ifname") for link in self._route.get_links() if link["index"] in indices]

    def aliases(self) -> dict[int, str]:
        """By the number of the link."""
        links = ((link["index"], link.get("IFLA_IFALIAS")) for link in self._route.get_links())
        return {index: alias for index, alias in links if alias}

    def add_bridge(self, name: str, mac: str, mtu: int) -> None:
        self._link("add", f"add bridge {name}", ifname=name, kind="bridge", address=mac, mtu=mtu)

    def set_up(self, name: str) -> None:
        self._link("set", f"set {name} up", index=self._get(name)["index"], state="up")

    def addresses(self, name: str) -> list[str]:
        """IPv4 addresses in CIDR notation."""
        found: Iterable[Any] = self._route.get_addr(family=2, index=self._get(name)["index"])
        return [f"{a.get('address')}/{a['prefixlen']}" for a in found]

    def add_address(self, name: str, address: str, prefix_length: int, broadcast: str) -> None:
        """The same address once more is no error."""
        arguments = {"index": self._get(name)["index"], "address": address, "prefixlen": prefix_length}
        if broadcast:
            arguments["broadcast"] = broadcast
        try:
            self._route.addr("add", **arguments)
        except NetlinkError as failed:
            if failed.code != errno.EEXIST:
                raise NetlinkFailed(f"add address {address} to {name}", failed) from failed

    def drop_addresses(self, name: str, *, but_for: str) -> None:
        """IPv4 ones; `but_for` in CIDR notation."""
        index = self._get(name)["index"]
        for address, _, prefix_length in (a.partition("/") for a in self.addresses(name) if a != but_for):
            try:
                self._route.addr("del", index=index, address=address, prefixlen=int(prefix_length))
            except NetlinkError as failed:
                if failed.code != errno.EADDRNOTAVAIL:  # it went with its subnet's first
                    raise NetlinkFailed(f"remove address {address} from {name}", failed) from failed

    def limit_rate(self, name: str, bits_per_s: int) -> None:
        """What leaves by the link, by a token bucket; 0 takes the limit away."""
        index = self._get(name)["index"]
        try:
            if bits_per_s:
                rate = bits_per_s // 8
                burst = max(rate // TICKS_PER_S, LEAST_BURST)
                self._route.tc("replace", "tbf", index, rate=rate, burst=burst, latency=QUEUE_TIME, handle=LIMIT)
            else:
                self._route.tc("del", index=index, handle=LIMIT, parent=ROOT)
        except NetlinkError as failed:
            if bits_per_s or failed.code not in (errno.ENOENT, errno.EINVAL):  # there was no limit
                raise NetlinkFailed(f"limit the rate of {name}", failed) from failed

    def _get(self, name: str) -> Any:
        try:
            return self._route.link("get", ifname=name)[0]
        except NetlinkError as failed:
            raise NetlinkFailed(f"find {name}", failed) from failed

    def _link(self, command: str, what: str, **arguments: Any) -> None:
        try:
            self._route.link(command, **arguments)
        except NetlinkError as failed:
            raise NetlinkFailed(what, failed) from failed
