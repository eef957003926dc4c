"""The local driver: a directory on this machine, or what `type`, `o` and `device` mount over it.

volumes/<name>/_data        the data, 0755
volumes/<name>/opts.json    the options, where there are any
"""

import os
import re
import shutil
import socket
from collections.abc import Mapping
from pathlib import Path

import msgspec

from seaway.base.errors import SystemFailure
from seaway.kernel import syscalls
from seaway.kernel.files import move_to_trash, replace_file
from seaway.kernel.mount import is_mounted, unmount
from seaway.volumes.driver import InvalidVolume

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+\Z")
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
DEFAULTS = frozenset({"rw", "suid", "dev", "exec", "defaults", "async", "atime", "diratime", "norelatime"})


class StoredOptions(msgspec.Struct, frozen=True, rename="pascal"):
    mount_type: str = ""
    mount_opts: str = ""
    mount_device: str = ""
    quota: dict[str, int] = msgspec.field(default_factory=lambda: {"Size": 0})


class LocalDriver:
    scope = "local"

    def __init__(self, home: Path, trash: Path) -> None:
        self._home, self._trash = home, trash
        self._users: dict[str, set[str]] = {}

    def validate(self, name: str, options: Mapping[str, str]) -> None:
        validate_name(name)
        validate_options(options)

    def create(self, name: str, options: Mapping[str, str]) -> None:
        self._home.mkdir(mode=0o701, parents=True, exist_ok=True)
        _make_directory(self._home / name, 0o701)
        _make_directory(self.directory(name), 0o755)
        if options:
            get = options.get
            stored = StoredOptions(get("type", ""), get("o", ""), get("device", ""))
            replace_file(self._home / name / "opts.json", msgspec.json.encode(stored))

    def remove(self, name: str) -> None:
        while is_mounted(self.directory(name)):  # nothing of the device may be below when the tree is deleted
            unmount(self.directory(name))
        try:
            gone = move_to_trash(self._home / name, self._trash)
        except OSError:  # the trash is on another filesystem
            gone = self._home / name
        if gone:
            shutil.rmtree(gone, ignore_errors=True)
        self._users.pop(name, None)

    def path(self, name: str) -> str:
        return str(self.directory(name))

    def status(self, name: str) -> None:
        return None

    def directory(self, name: str) -> Path:
        return self._home / name / "_data"

    def options(self, name: str) -> dict[str, str] | None:
        try:
            stored = msgspec.json.decode((self._home / name / "opts.json").read_bytes(), type=StoredOptions)
        except (FileNotFoundError, msgspec.DecodeError):
            return None
        return {"type": stored.mount_type, "o": stored.mount_opts, "device": stored.mount_device}

    def mount(self, name: str, user: str) -> Path:
        path, options = self.directory(name), self.options(name) or {}
        # a mount may be there from the engine before this one, whose users are counted again one by one
        if options.get("device") and not self._users.get(name) and not is_mounted(path):
            mount_options(options, path)
        self._users.setdefault(name, set()).add(user)
        return path

    def unmount(self, name: str, user: str) -> None:
        users = self._users.get(name, set())
        users.discard(user)
        if not users and (self.options(name) or {}).get("device"):
            unmount(self.directory(name))

    def names(self) -> list[str]:
        try:
            return sorted(e.name for e in os.scandir(self._home) if e.is_dir() and _NAME.match(e.name))
        except FileNotFoundError:
            return []


def validate_name(name: str) -> None:
    if len(name) < 2:
        raise InvalidVolume("volume name is too short, names should be at least two alphanumeric characters")
    if not _NAME.match(name):
        raise InvalidVolume(
            f'"{name}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" '
            "are allowed. If you intended to pass a host directory, use absolute path"
        )


def validate_options(options: Mapping[str, str]) -> None:
    for option in options:
        if option not in OPTIONS:
            raise InvalidVolume(f'invalid option: "{option}"')
    if options.get("size"):
        raise InvalidVolume("quota size requested but no quota support")
    if (options.get("type") or options.get("o")) and not options.get("device"):
        raise InvalidVolume('missing required option: "device"')


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


def _make_directory(path: Path, mode: int) -> None:
    try:
        path.mkdir()
    except FileExistsError:
        return
    path.chmod(mode)  # whatever the umask
