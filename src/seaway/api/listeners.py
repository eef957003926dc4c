"""Addresses to listen on -> listening sockets: unix, tcp, and those that systemd passed (fd)."""

import grp
import logging
import os
import socket
from collections.abc import Mapping
from pathlib import Path

from seaway.base.errors import SystemFailure
from seaway.config.hosts import Listen

log = logging.getLogger(__name__)

FIRST_FD = 3
BACKLOG = 1024


def open_listeners(listen: Listen, *, group: str = "docker") -> list[socket.socket]:
    """A host name may give several sockets. Raises SystemFailure."""
    try:
        match listen.protocol:
            case "unix":
                return [open_unix(Path(listen.address), group)]
            case "tcp":
                return open_tcp(listen.address, listen.port)
            case _:
                return inherited_sockets(listen.address, os.environ)
    except OSError as error:
        raise SystemFailure(f"can't create {listen.protocol} socket {listen}: {error.strerror or error}") from error


def open_unix(path: Path, group: str) -> socket.socket:
    """root:docker 0660 from the first moment: never a socket that others may use."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    previous = os.umask(0o777)
    try:
        listener.bind(str(path))
        _give_to_group(path, group)
        path.chmod(0o660)
        listener.listen(BACKLOG)
    except BaseException:
        listener.close()
        raise
    finally:
        os.umask(previous)
    listener.setblocking(False)
    return listener


def _give_to_group(path: Path, group: str) -> None:
    try:
        os.chown(path, -1, int(group) if group.isdecimal() else grp.getgrnam(group).gr_gid)
    except KeyError:
        if group != "docker":
            raise SystemFailure(f"group {group} not found") from None
        log.warning("could not change group %s to docker: group docker not found", path)


def open_tcp(host: str, port: int) -> list[socket.socket]:
    opened: list[socket.socket] = []
    try:
        for family, _, _, _, target in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE):
            listener = socket.socket(family, socket.SOCK_STREAM)
            opened.append(listener)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind(target)
            listener.listen(BACKLOG)
            listener.setblocking(False)
    except BaseException:
        for listener in opened:
            listener.close()
        raise
    return opened


def inherited_sockets(name: str, environ: Mapping[str, str]) -> list[socket.socket]:
    """`fd://` takes all sockets that systemd passed, `fd://3` and `fd://docker.socket` one of them."""
    count = int(environ.get("LISTEN_FDS", "0")) if environ.get("LISTEN_PID") == str(os.getpid()) else 0
    if not count:
        raise SystemFailure(
            "no sockets found via socket activation: make sure the service was started by systemd",
        )
    names = environ.get("LISTEN_FDNAMES", "").split(":")
    fds = [fd for i, fd in enumerate(range(FIRST_FD, FIRST_FD + count)) if _is_asked(name, fd, names[i : i + 1])]
    if not fds:
        raise SystemFailure(f"failed to find listener with name or fd {name!r} among the sockets that systemd passed")
    return [_adopt(fd) for fd in fds]


def _is_asked(name: str, fd: int, names: list[str]) -> bool:
    return name in ("", "*", str(fd), *names)


def _adopt(fd: int) -> socket.socket:
    os.set_inheritable(fd, False)
    listener = socket.socket(fileno=fd)
    listener.setblocking(False)
    return listener
