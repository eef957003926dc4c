"""A container's two sockets for DNS. They have a port of the kernel's choice, and the container's own nftables leads
127.0.0.11:53 to it: a container that serves DNS itself binds port 53 of every address as it likes. Without nftables
they have port 53 itself.

Blocking, and for a thread in the container's namespace.
"""

import socket

from seaway.kernel import nft

ADDRESS, DNS_PORT = "127.0.0.11", 53
TABLE = "seaway-dns"


def open_sockets(*, again: bool = False) -> tuple[socket.socket, socket.socket]:
    """(UDP, TCP), both on the same port and led to. `again`: there may be rules for former ones."""
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        udp.bind((ADDRESS, 0 if nft.can_apply_blocking() else DNS_PORT))
        port = udp.getsockname()[1]
        tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            tcp.bind((ADDRESS, port))
            tcp.listen(64)
            if port != DNS_PORT:
                nft.apply_blocking(plan_rules(port, again=again and _is_led()))
        except BaseException:
            tcp.close()
            raise
    except BaseException:
        udp.close()
        raise
    return udp, tcp


def _is_led() -> bool:
    """To ask takes a tenth of a millisecond; to delete, or to fail because there is nothing, 10 to 20."""
    try:
        nft.apply_blocking(f"list table ip {TABLE}")
    except nft.FirewallFailed:
        return False
    return True


def plan_rules(port: int, *, again: bool = False) -> str:
    """Two rules rather than one with a set: in a new namespace they take a third of a millisecond."""
    table = f"table ip {TABLE}"
    return (
        (f"add {table}\ndelete {table}\n" if again else "")
        + f"{table} {{\n\tchain output {{\n\t\ttype nat hook output priority -100;\n"
        + f"\t\tip daddr {ADDRESS} udp dport 53 dnat to {ADDRESS}:{port}\n"
        + f"\t\tip daddr {ADDRESS} tcp dport 53 dnat to {ADDRESS}:{port}\n\t}}\n}}\n"
    )
