"""What is mounted into a container: as asked for (`Mount`), and as resolved (`MountPoint`). Wire and disk share them."""

from typing import Any

import msgspec


class BindOptions(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    propagation: str = ""
    non_recursive: bool = False
    create_mountpoint: bool = False
    read_only_non_recursive: bool = False
    read_only_force_recursive: bool = False


class VolumeDriverConfig(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    name: str = ""
    options: dict[str, str] | None = None


class VolumeOptions(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    no_copy: bool = False
    labels: dict[str, str] | None = None
    subpath: str = ""
    driver_config: VolumeDriverConfig | None = None


class TmpfsOptions(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """`size_bytes` 0 is unlimited, `mode` is permission bits."""

    size_bytes: int = 0
    mode: int = 0
    options: list[list[str]] | None = None


class Mount(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """`type` is bind, volume, tmpfs, image, npipe or cluster."""

    type: str = ""
    source: str = ""
    target: str = ""
    read_only: bool = False
    consistency: str = ""
    bind_options: BindOptions | None = None
    volume_options: VolumeOptions | None = None
    tmpfs_options: TmpfsOptions | None = None


class MountPoint(msgspec.Struct, frozen=True, kw_only=True):
    """A resolved mount, keyed by its destination in config.v2.json."""

    source: str = msgspec.field(default="", name="Source")
    destination: str = msgspec.field(default="", name="Destination")
    rw: bool = msgspec.field(default=True, name="RW")
    name: str = msgspec.field(default="", name="Name")
    driver: str = msgspec.field(default="", name="Driver")
    type: str = msgspec.field(default="", name="Type")
    mode: str = msgspec.field(default="", name="Relabel")
    propagation: str = msgspec.field(default="", name="Propagation")
    spec: dict[str, Any] = msgspec.field(default={}, name="Spec")
    skip_mountpoint_creation: bool = msgspec.field(default=False, name="SkipMountpointCreation")
