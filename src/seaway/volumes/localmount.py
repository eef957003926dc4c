"""How the local driver mounts what `type`, `o` and `device` say: the plan is pure, `perform` makes the calls."""

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address
from pathlib import Path
from urllib.parse import unquote, urlsplit

from seaway.base.errors import SystemFailure
from seaway.kernel import syscalls

Resolve = Callable[[str], str]
NETWORK_TYPES = frozenset({"nfs", "nfs4", "cifs"})
_SET = {
    "ro": syscalls.MS_RDONLY,
    "nosuid": syscalls.MS_NOSUID,
    "nodev": syscalls.MS_NODEV,
    "noexec": syscalls.MS_NOEXEC,
    "sync": 16,
    "remount": syscalls.MS_REMOUNT,
    "mand": 64,
    "dirsync": 128,
    "noatime": 1024,
    "nodiratime": 2048,
    "bind": syscalls.MS_BIND,
    "rbind": syscalls.MS_BIND | syscalls.MS_REC,
    "relatime": 1 << 21,
    "strictatime": 1 << 24,
}
_CLEAR = {
    "rw": "ro",
    "suid": "nosuid",
    "dev": "nodev",
    "exec": "noexec",
    "async": "sync",
    "nomand": "mand",
    "atime": "noatime",
    "diratime": "nodiratime",
    "norelatime": "relatime",
    "nostrictatime": "strictatime",
}
_PROPAGATION = {
    "unbindable": syscalls.MS_UNBINDABLE,
    "private": syscalls.MS_PRIVATE,
    "slave": syscalls.MS_SLAVE,
    "shared": syscalls.MS_SHARED,
}
_PROPAGATION |= {f"r{word}": flag | syscalls.MS_REC for word, flag in _PROPAGATION.items()}
_READ_ONLY_BIND = syscalls.MS_BIND | syscalls.MS_RDONLY


@dataclass(frozen=True, slots=True)
class MountCall:
    """One mount(2). Its text is what dockerd says of a failed one."""

    source: str
    kind: str = ""
    flags: int = 0
    data: str = ""

    def failure(self, target: Path, reason: str) -> str:
        what = f"mount {self.source}:{target}" if self.source else f"remount {target}"
        flags = f", flags: {self.flags:#x}" if self.flags else ""
        return f"{what}{flags}{f', data: {self.data}' if self.data else ''}: {reason}"


def plan_mount(options: Mapping[str, str], resolve: Resolve) -> list[MountCall]:
    """The kernel takes no host names, no propagation together with another change, and no read-only new bind."""
    kind, text, device = options.get("type", ""), options.get("o", ""), options["device"]
    if kind in NETWORK_TYPES:
        text, device = _with_addresses(kind, text, device, resolve)
    flags, propagation, data = parse_mount_options(text)
    calls = [MountCall(device, kind, flags, data)]
    if propagation:
        calls.append(MountCall("", flags=propagation))
    if flags & _READ_ONLY_BIND == _READ_ONLY_BIND:
        calls.append(MountCall("", flags=flags | syscalls.MS_REMOUNT))
    return calls


def parse_mount_options(text: str) -> tuple[int, int, str]:
    """`ro,bind,rslave,size=1m` -> (MS_RDONLY | MS_BIND, MS_SLAVE | MS_REC, "size=1m")."""
    flags, propagation, data = 0, 0, []
    for word in filter(None, text.split(",")):
        if word in _SET:
            flags |= _SET[word]
        elif word in _CLEAR:
            flags &= ~_SET[_CLEAR[word]]
        elif word in _PROPAGATION:
            propagation |= _PROPAGATION[word]
        elif word != "defaults":
            data.append(word)
    return flags, propagation, ",".join(data)


def _with_addresses(kind: str, text: str, device: str, resolve: Resolve) -> tuple[str, str]:
    """`addr=`'s host by its address; without one, a CIFS share's."""
    if host := _value(text, "addr"):
        if not _is_ipv4(host):
            text = text.replace(f"addr={host}", f"addr={resolve(host)}", 1)
    elif kind == "cifs":
        host = urlsplit(device).netloc
        if host and not _is_address(host):
            device = unquote(device.replace(host, resolve(host), 1))
    return text, device


def perform(options: Mapping[str, str], target: Path) -> None:
    """Raises SystemFailure in dockerd's words, which show no password."""
    try:
        calls = plan_mount(options, resolve_host)
    except OSError as err:
        reason = (err.strerror or str(err)).lower()
        raise SystemFailure(f"error resolving passed in network volume address: {reason}") from err
    done = 0
    try:
        for call in calls:
            syscalls.mount(call.source, str(target), call.kind, call.flags, call.data)
            done += 1
    except OSError as err:
        if done:
            syscalls.umount2(str(target), syscalls.MNT_DETACH)
        reason = (err.strerror or str(err)).rpartition(": ")[2].lower()
        text = f"failed to mount local volume: {calls[done].failure(target, reason)}"
        if password := _value(options.get("o", ""), "password"):
            text = text.replace(f"password={password}", "password=********")
        raise SystemFailure(text) from err


def resolve_host(host: str) -> str:
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    addresses = [str(address[0]) for *_, address in found]
    return next((a for a in addresses if _is_ipv4(a)), addresses[0])


def _value(text: str, name: str) -> str:
    values = (word.removeprefix(f"{name}=") for word in text.split(",") if word.startswith(f"{name}="))
    return next(values, "")


def _is_ipv4(text: str) -> bool:
    return _is_address(text) and isinstance(ip_address(text), IPv4Address)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
