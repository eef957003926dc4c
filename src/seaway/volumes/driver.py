"""What a volume driver does, and what a volume is."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import msgspec

from seaway.base.errors import Conflict, InvalidParameter, NotFound

ANONYMOUS_LABEL = "com.docker.volume.anonymous"
LOCAL = "local"


class NoSuchVolume(NotFound):
    def __init__(self, name: str) -> None:
        super().__init__(f"get {name}: no such volume")


class VolumeInUse(Conflict):
    pass


class InvalidVolume(InvalidParameter):
    pass


class Volume(msgspec.Struct, frozen=True):
    name: str
    driver: str
    mountpoint: str
    created_at: str
    labels: dict[str, str] | None = None
    options: dict[str, str] | None = None
    scope: str = "local"

    @property
    def is_anonymous(self) -> bool:
        return ANONYMOUS_LABEL in (self.labels or {})

    @property
    def is_plain(self) -> bool:
        """Whether its data is a directory here: no other is measured or pruned."""
        return self.driver == "local" and not self.options

    def to_wire(self) -> dict[str, Any]:
        return {
            "CreatedAt": self.created_at,
            "Driver": self.driver,
            "Labels": self.labels,
            "Mountpoint": self.mountpoint,
            "Name": self.name,
            "Options": self.options,
            "Scope": self.scope,
        }


class VolumeDriver(Protocol):
    """Keeps the data of volumes. Everything may block: the store calls it from a worker thread, one call per volume
    at a time.

    `validate` refuses bad names and options before anything is made. `create` of a name that exists changes nothing.
    `remove` of one that does not is a no-op. `mount` is called for every user (again after a crash of the engine) and
    answers the directory to bind; `unmount` undoes it; the first and last matter. `path` is where the data is or will
    be, "" where only `mount` can say. `status` is what `inspect` shows as Status, None for nothing.

    Errors: EngineError only.
    """

    scope: str

    def validate(self, name: str, options: Mapping[str, str]) -> None: ...
    def create(self, name: str, options: Mapping[str, str]) -> None: ...
    def remove(self, name: str) -> None: ...
    def path(self, name: str) -> str: ...
    def mount(self, name: str, user: str) -> Path: ...
    def unmount(self, name: str, user: str) -> None: ...
    def status(self, name: str) -> dict[str, Any] | None: ...
    def names(self) -> list[str]: ...
