"""The local driver: a directory on this machine, or what `type`, `o` and `device` mount over it.

volumes/<name>/_data        the data, 0755
volumes/<name>/opts.json    the options, where there are any
volumes/.<name>.new         one that is being made; the rename to <name> is the commit point
"""

import os
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from seaway.base.errors import SystemFailure
from seaway.base.failpoints import failpoint
from seaway.kernel.files import fsync_directory, move_to_trash, replace_file
from seaway.kernel.mount import is_mounted, unmount
from seaway.kernel.quota import ProjectQuotas
from seaway.volumes import localmount
from seaway.volumes.driver import InvalidVolume
from seaway.volumes.localopts import validate_options

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+\Z")


class StoredOptions(msgspec.Struct, frozen=True, rename="pascal"):
    mount_type: str = ""
    mount_opts: str = ""
    mount_device: str = ""
    quota: dict[str, int] = msgspec.field(default_factory=lambda: {"Size": 0})


class LocalDriver:
    scope = "local"

    def __init__(self, home: Path, trash: Path, owner: tuple[int, int] = (0, 0)) -> None:
        self._home, self._trash, self._owner = home, trash, owner
        self._users: dict[str, set[str]] = {}
        self._quotas = ProjectQuotas(home)

    def validate(self, name: str, options: Mapping[str, str]) -> None:
        validate_name(name)
        if validate_options(options) and not self._quotas.supported():
            raise InvalidVolume("quota size requested but no quota support")

    def create(self, name: str, options: Mapping[str, str], fill: Callable[[Path], None] | None = None) -> None:
        """`fill` puts its first contents into a new one, before anybody can see it."""
        staging, made = self._home / f".{name}.new", self._home / name
        try:
            if self.directory(name).is_dir():
                return
            self._home.mkdir(mode=0o701, parents=True, exist_ok=True)
            shutil.rmtree(staging, ignore_errors=True)
            self._make(staging, options)
            if fill:
                fill(staging / "_data")
            failpoint("volume: staged")
            os.rename(staging, made)
        except OSError as exc:
            shutil.rmtree(staging, ignore_errors=True)
            reason = os.strerror(exc.errno or 0).lower()
            raise SystemFailure(f"error while creating volume root path '{made}': mkdir {made}: {reason}") from exc
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
        fsync_directory(self._home)

    def _make(self, staging: Path, options: Mapping[str, str]) -> None:
        _make_directory(staging, 0o701)
        _make_directory(staging / "_data", 0o755)
        os.chown(staging / "_data", *self._owner)
        if options:
            get, size = options.get, validate_options(options)
            stored = StoredOptions(get("type", ""), get("o", ""), get("device", ""), {"Size": size})
            replace_file(staging / "opts.json", msgspec.json.encode(stored))
            if size:
                self._limit(staging / "_data", size)

    def remove(self, name: str) -> None:
        while is_mounted(self.directory(name)):  # nothing of the device may be below when the tree is deleted
            unmount(self.directory(name))
        try:
            gone = move_to_trash(self._home / name, self._trash)
        except OSError:  # the trash is on another filesystem
            gone = self._home / name
        failpoint("volume: in the trash")
        if gone:
            shutil.rmtree(gone, ignore_errors=True)
        self._users.pop(name, None)

    def rename(self, name: str, new: str) -> None:
        """Nobody uses it."""
        os.rename(self._home / name, self._home / new)
        fsync_directory(self._home)

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
        named = {"type": stored.mount_type, "o": stored.mount_opts, "device": stored.mount_device}
        size = stored.quota.get("Size", 0)
        return {key: value for key, value in named.items() if value} | ({"size": str(size)} if size else {})

    def sweep(self) -> None:
        """What a killed engine left half-made, or mounted without a user."""
        for staging in self._home.glob(".*.new"):
            shutil.rmtree(staging, ignore_errors=True)
        for name in self.names():
            if not self._users.get(name) and (self.options(name) or {}).get("device"):
                unmount(self.directory(name))

    def mount(self, name: str, user: str) -> Path:
        path, options = self.directory(name), self.options(name) or {}
        if not path.is_dir():
            raise SystemFailure(f"failed to mount local volume: {path}: no such file or directory")
        # a mount may be there from the engine before this one, whose users are counted again one by one
        if options.get("device") and not self._users.get(name) and not is_mounted(path):
            localmount.perform(options, path)
            failpoint("volume: mounted")
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

    def _limit(self, directory: Path, size: int) -> None:
        try:
            self._quotas.limit(directory, size)
        except OSError as exc:
            raise SystemFailure(f"failed to set size quota: {(exc.strerror or '').lower()}") from exc


def validate_name(name: str) -> None:
    if len(name) < 2:
        raise InvalidVolume("volume name is too short, names should be at least two alphanumeric characters")
    if not _NAME.match(name):
        raise InvalidVolume(
            f'"{name}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" '
            "are allowed. If you intended to pass a host directory, use absolute path"
        )


def _make_directory(path: Path, mode: int) -> None:
    try:
        path.mkdir()
    except FileExistsError:
        return
    path.chmod(mode)  # whatever the umask
