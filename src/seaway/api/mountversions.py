"""What each version of the API lets a container's `Mounts` say. Pure; the texts are dockerd's.

Older versions than a field's either ignore it or refuse it, as dockerd does: what would be unsafe to ignore is refused.
"""

from msgspec import UNSET, structs

from seaway.api.versions import Version
from seaway.base.errors import InvalidParameter
from seaway.model.container import HostConfig
from seaway.model.mount import BindOptions, Mount

_OPTIONS = {"bind_options": "bind", "volume_options": "volume", "tmpfs_options": "tmpfs"}
_NAMES = {"bind_options": "BindOptions", "volume_options": "VolumeOptions", "tmpfs_options": "TmpfsOptions"}
DRIVER_IGNORED = (
    "WARNING: the container-wide volume-driver configuration is ignored for volumes specified via 'mount'. "
    "Use '--mount type=volume,volume-driver=...' instead"
)


def mounts_of_version(host: HostConfig, version: Version) -> HostConfig:
    """Raises InvalidParameter."""
    if not isinstance(host.mounts, list):
        return host
    return structs.replace(host, mounts=[_adapted(mount, version) for mount in host.mounts])


def mount_warnings(host: HostConfig, version: Version) -> tuple[str, ...]:
    mounts = [] if host.mounts is UNSET else host.mounts or []
    ignored = version >= (1, 48) and host.volume_driver and any(mount.type == "volume" for mount in mounts)
    return (DRIVER_IGNORED,) if ignored else ()


def _adapted(mount: Mount, version: Version) -> Mount:
    mount = _without_foreign_options(mount, version)
    if mount.bind_options:
        mount = structs.replace(mount, bind_options=_bind_options(mount.bind_options, version))
    if version < (1, 44) and mount.type == "bind" and mount.read_only:
        flat = structs.replace(mount.bind_options or BindOptions(), read_only_non_recursive=True)
        mount = structs.replace(mount, bind_options=flat)
    if version < (1, 45) and mount.volume_options and mount.volume_options.subpath:
        raise InvalidParameter("VolumeOptions.Subpath needs API v1.45 or newer")
    if version < (1, 48) and mount.type == "image":
        raise InvalidParameter('Mount type "Image" needs API v1.48 or newer')
    return mount


def _without_foreign_options(mount: Mount, version: Version) -> Mount:
    """Options of another type of mount: refused since 1.42, dropped before, but for a bind's."""
    for field, kind in _OPTIONS.items():
        if getattr(mount, field) is None or mount.type == kind:
            continue
        if version >= (1, 42):
            raise InvalidParameter(f'{_NAMES[field]} must not be specified on mount type "{mount.type}"')
        if field != "bind_options":
            mount = structs.replace(mount, **{field: None})
    return mount


def _bind_options(options: BindOptions, version: Version) -> BindOptions:
    if version < (1, 40):
        options = structs.replace(options, non_recursive=False)
    if version < (1, 42):
        options = structs.replace(options, create_mountpoint=False)
    if version < (1, 44) and options.read_only_force_recursive:
        raise InvalidParameter("BindOptions.ReadOnlyForceRecursive needs API v1.44 or newer")
    return options
