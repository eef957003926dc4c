"""What a mount may say, whoever says it. Pure; the texts are dockerd's."""

import posixpath
from collections.abc import Mapping

from seaway.base.errors import InvalidParameter
from seaway.model.mount import Mount

PROPAGATION = frozenset({"private", "rprivate", "shared", "rshared", "slave", "rslave"})
MODE_KINDS = (
    frozenset({"rw", "ro"}),
    frozenset({"z", "Z"}),
    PROPAGATION,
    frozenset({"nocopy"}),
    frozenset({"consistent", "cached", "delegated"}),
)
OPTION_FIELDS = {
    "bind": ("VolumeOptions", "ImageOptions"),
    "volume": ("BindOptions", "ImageOptions"),
    "tmpfs": ("BindOptions", "ImageOptions"),
    "image": ("BindOptions", "VolumeOptions"),
}


class InvalidMount(InvalidParameter):
    pass


def check_mode(mode: str) -> None:
    words = mode.split(",") if mode else []
    kinds = [i for word in words for i, kind in enumerate(MODE_KINDS) if word in kind]
    if len(kinds) != len(words) or len(set(kinds)) != len(kinds):
        raise InvalidMount(f"invalid mode: {mode}")


def validate(mount: Mount) -> None:
    if not mount.target:
        raise InvalidMount("field Target must not be empty")
    _check_target(mount.target)
    if mount.type not in OPTION_FIELDS:
        raise InvalidMount("mount type unknown")
    given = {"BindOptions": mount.bind_options, "VolumeOptions": mount.volume_options}
    given["ImageOptions"] = mount.image_options  # type: ignore[assignment]
    for name in OPTION_FIELDS[mount.type]:
        if given[name] is not None:
            raise InvalidMount(f"field {name} must not be specified")
    match mount.type:
        case "bind":
            _validate_bind(mount)
        case "volume":
            _validate_volume(mount)
        case "tmpfs" if mount.source:
            raise InvalidMount("field Source must not be specified")
        case "image":
            _validate_image(mount)


def _validate_bind(mount: Mount) -> None:
    if not mount.source:
        raise InvalidMount("field Source must not be empty")
    if mount.bind_options and mount.bind_options.propagation not in PROPAGATION | {""}:
        raise InvalidMount(f"invalid propagation mode: {mount.bind_options.propagation}")
    if not mount.source.startswith("/"):
        raise InvalidMount(f"invalid mount path: '{mount.source}' mount path must be absolute")


def _validate_volume(mount: Mount) -> None:
    subpath = mount.volume_options.subpath if mount.volume_options else ""
    if not mount.source and subpath:
        raise InvalidMount("must not set Subpath when using anonymous volumes")
    if not mount.source and mount.read_only:
        raise InvalidMount("must not set ReadOnly mode when using anonymous volumes")
    _check_subpath(subpath)


def _validate_image(mount: Mount) -> None:
    if not mount.source:
        raise InvalidMount("field Source must not be empty")
    _check_subpath(mount.image_options.subpath if mount.image_options else "")


def _check_subpath(subpath: str) -> None:
    """Go's filepath.IsLocal: it may go up, not out."""
    if posixpath.normpath(subpath).split("/")[0] in ("", ".."):
        raise InvalidMount("subpath must be a relative path within the volume")


def _check_target(target: str) -> None:
    if clean(target) == "/":
        raise InvalidMount("invalid specification: destination can't be '/'")
    if not target.startswith("/"):
        raise InvalidMount(f"invalid mount path: '{target}' mount path must be absolute")


def clean(path: str) -> str:
    return posixpath.normpath("/" + path.lstrip("/")) if path.startswith("/") else posixpath.normpath(path)


def check_tmpfs(tmpfs: Mapping[str, str] | None) -> None:
    for target in tmpfs or {}:
        _check_target(target)
