"""The local driver's options `type`, `o`, `device` and `size`: what is valid, and how they are mounted."""

import socket
from collections.abc import Mapping
from pathlib import Path

from seaway.base.errors import SystemFailure
from seaway.base.units import parse_size
from seaway.kernel import syscalls
from seaway.volumes.driver import InvalidVolume

OPTIONS = frozenset({"type", "o", "device", "size"})
FLAGS = {
    "ro": syscalls.MS_RDONLY,
    "nosuid": syscalls.MS_NOSUID,
    "nodev": syscalls.MS_NODEV,
    "noexec": syscalls.MS_NOEXEC,
    "remount": syscalls.MS_REMOUNT,
    "bind": syscalls.MS_BIND,
    "rbind": syscalls.MS_BIND | syscalls.MS_REC,
    "noatime": 1024,
    "nodiratime": 2048,
    "relatime": 1 << 21,
    "strictatime": 1 << 24,
    "sync": 16,
    "dirsync": 128,
}
NEEDS = {"device": ("type",), "type": ("device",), "o": ("device", "type")}
DEFAULTS = frozenset({"rw", "suid", "dev", "exec", "defaults", "async", "atime", "diratime", "norelatime"})


def validate_options(options: Mapping[str, str]) -> int:
    """The size that was asked for, 0 for none. Raises InvalidParameter."""
    for option in options:
        if option not in OPTIONS:
            raise InvalidVolume(f'invalid option: "{option}"')
    for option, needed in NEEDS.items():
        for other in needed if option in options else ():
            if other not in options:
                raise InvalidVolume(f'missing required option: "{other}"')
    return parse_size(options["size"]) if "size" in options else 0


def parse_mount_options(text: str) -> tuple[int, str]:
    """`ro,bind,size=1m` -> (MS_RDONLY | MS_BIND, "size=1m")."""
    flags, data = 0, []
    for word in filter(None, text.split(",")):
        if word in FLAGS:
            flags |= FLAGS[word]
        elif word not in DEFAULTS:
            data.append(word)
    return flags, ",".join(data)


def mount_options(options: Mapping[str, str], target: Path) -> None:
    device, kind = options["device"], options.get("type", "")
    flags, data = parse_mount_options(options.get("o", ""))
    try:
        if kind in ("nfs", "nfs4", "cifs"):
            data = _resolve_address(data)
        syscalls.mount(device, str(target), kind, flags, data)
    except OSError as err:
        reason = (err.strerror or str(err)).rpartition(": ")[2].lower()
        raise SystemFailure(
            f"failed to mount local volume: mount {device}:{target}, flags: {flags:#x}, data: {data}: {reason}"
            if data
            else f"failed to mount local volume: mount {device}:{target}, flags: {flags:#x}: {reason}"
        ) from err


def _resolve_address(data: str) -> str:
    """The kernel takes no host name."""
    words = data.split(",")
    for index, word in enumerate(words):
        if word.startswith("addr="):
            found = socket.getaddrinfo(word.removeprefix("addr="), None, type=socket.SOCK_STREAM)
            words[index] = f"addr={found[0][4][0]}"
    return ",".join(words)
