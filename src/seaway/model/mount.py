"""What a container mounts: `Mount` is what the user asks for, `MountPoint` what became of it.

Both have Go's key names. `MountPoint` is written to config.v2.json as it is here; clients get `to_wire`.
"""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType, field

Options = dict[str, str]


class BindOptions(msgspec.Struct, frozen=True, rename="pascal", omit_defaults=True):
    propagation: str = ""
    non_recursive: bool = False
    create_mountpoint: bool = False
    read_only_non_recursive: bool = False
    read_only_force_recursive: bool = False


class VolumeDriverConfig(msgspec.Struct, frozen=True, rename="pascal", omit_defaults=True):
    name: str = ""
    options: Options | None = None


class VolumeOptions(msgspec.Struct, frozen=True, rename="pascal", omit_defaults=True):
    no_copy: bool = False
    labels: Options | None = None
    subpath: str = ""
    driver_config: VolumeDriverConfig | None = None


class ImageOptions(msgspec.Struct, frozen=True, rename="pascal", omit_defaults=True):
    subpath: str = ""


class TmpfsOptions(msgspec.Struct, frozen=True, rename="pascal", omit_defaults=True):
    size_bytes: int = 0
    mode: int = 0
    options: list[list[str]] | None = None


class Mount(msgspec.Struct, frozen=True, rename="pascal", omit_defaults=True):
    type: str = ""
    source: str = ""
    target: str = ""
    read_only: bool = False
    consistency: str = ""
    bind_options: BindOptions | None = None
    volume_options: VolumeOptions | None = None
    image_options: ImageOptions | None = None
    tmpfs_options: TmpfsOptions | None = None


class MountPoint(msgspec.Struct, frozen=True, rename="pascal", kw_only=True):
    source: str = ""
    destination: str = ""
    rw: bool = field(default=False, name="RW")
    name: str = ""
    driver: str = ""
    type: str = ""
    mode: str | UnsetType = field(default=UNSET, name="Relabel")
    propagation: str | UnsetType = UNSET
    id: str | UnsetType = field(default=UNSET, name="ID")
    spec: Mount = Mount()
    skip_mountpoint_creation: bool = False

    @property
    def copies_data(self) -> bool:
        """Whether an empty volume gets what the image has at its destination."""
        options = self.spec.volume_options
        return self.type == "volume" and not (options and (options.no_copy or options.subpath))

    @property
    def subpath(self) -> str:
        """Of the volume or image; "" is all of it."""
        options = {"volume": self.spec.volume_options, "image": self.spec.image_options}.get(self.type)
        return options.subpath if options else ""

    def to_wire(self) -> dict[str, Any]:
        """An entry of a container's `Mounts`. The bind's empty name and driver are left out, as dockerd does."""
        named = {k: v for k, v in (("Name", self.name), ("Driver", self.driver)) if v}
        wire: dict[str, Any] = {"Type": self.type}
        if "Name" in named:
            wire["Name"] = self.name
        wire |= {"Source": self.source, "Destination": self.destination}
        if "Driver" in named:
            wire["Driver"] = self.driver
        return wire | {"Mode": self.mode or "", "RW": self.rw, "Propagation": self.propagation or ""}
