"""systemd's notification socket (sd_notify): when the engine is ready, reloads, and stops. Without one: nothing."""

import os
import socket
import time
from collections.abc import Mapping

READY, STOPPING = "READY=1", "STOPPING=1"


def reloading() -> str:
    return f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}"


def notify(state: str, environ: Mapping[str, str] = os.environ) -> None:
    """A service manager that does not listen is no failure of ours."""
    address = environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as to_manager:
        try:
            to_manager.sendto(state.encode(), "\0" + address[1:] if address.startswith("@") else address)
        except OSError:
            pass
