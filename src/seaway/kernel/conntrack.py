"""What the kernel remembers of flows. A UDP flow that was translated to a container stays so for as long as its client
talks, also when the container is gone: whoever publishes a UDP port, or takes it back, ends the flows of before.

Blocking, and of the caller's network namespace.
"""

import contextlib
import logging
import socket
from collections.abc import Iterable
from typing import Any

from pyroute2.netlink.exceptions import NetlinkError
from pyroute2.netlink.nfnetlink.nfctsocket import NFCTAttrTuple, NFCTSocket

log = logging.getLogger(__name__)


def forget_udp(ports: Iterable[int]) -> None:
    """Flows to any of the host's UDP `ports`."""
    wanted = set(ports)
    if not wanted:
        return
    with NFCTSocket() as conntrack:
        try:
            flows = list(conntrack.dump())
        except (NetlinkError, OSError) as failed:  # a kernel without nf_conntrack_netlink
            log.warning("old flows to published UDP ports stay until they time out: %s", failed)
            return
        for flow in flows:
            if (found := _tuple(flow)) and found.dport in wanted:
                with contextlib.suppress(NetlinkError):  # it ended by itself
                    conntrack.entry("del", tuple_orig=found)


def _tuple(flow: Any) -> NFCTAttrTuple | None:
    """The flow as its client sees it, if it is one of UDP over IPv4."""
    original = flow.get_attr("CTA_TUPLE_ORIG")
    addresses, protocol = original.get_attr("CTA_TUPLE_IP"), original.get_attr("CTA_TUPLE_PROTO")
    if protocol.get_attr("CTA_PROTO_NUM") != socket.IPPROTO_UDP or not addresses.get_attr("CTA_IP_V4_SRC"):
        return None
    return NFCTAttrTuple(
        saddr=addresses.get_attr("CTA_IP_V4_SRC"),
        daddr=addresses.get_attr("CTA_IP_V4_DST"),
        proto=socket.IPPROTO_UDP,
        sport=protocol.get_attr("CTA_PROTO_SRC_PORT"),
        dport=protocol.get_attr("CTA_PROTO_DST_PORT"),
    )
