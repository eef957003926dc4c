"""What a container is to mount, from the five ways to say it. Values in, mount points out; the texts are dockerd's.

Precedence by destination: Binds and Mounts (one destination twice is an error, a bind's with Tmpfs too), then
VolumesFrom, then the Volumes of the configuration, which are anonymous.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from msgspec import UNSET, structs

from seaway.model.mount import BindOptions, Mount, MountPoint, VolumeOptions
from seaway.volumes.mountrules import PROPAGATION, InvalidMount, check_mode, check_tmpfs, clean, validate


def parse_bind(text: str, volume_driver: str = "") -> MountPoint:
    """`[source:]destination[:mode]`."""
    source, target, mode = _split_bind(text)
    check_mode(mode)
    words = set(mode.split(","))
    kind = "bind" if source.startswith("/") else "volume"
    propagation = next(iter(words & PROPAGATION), "")
    mount = Mount(
        type=kind,
        source=source,
        target=target,
        read_only="ro" in words,
        bind_options=BindOptions(propagation=propagation) if propagation else None,
        volume_options=VolumeOptions(no_copy=True) if "nocopy" in words else None,
    )
    try:
        point = parse_mount(mount)
    except InvalidMount as err:
        raise InvalidMount(f"invalid volume specification: '{text}': {err}") from None
    if kind == "volume":
        return structs.replace(point, mode=mode or UNSET, driver=volume_driver)
    return structs.replace(point, mode=mode or UNSET, skip_mountpoint_creation=False)


def _split_bind(text: str) -> tuple[str, str, str]:
    match text.split(":"):
        case [target] if target:
            return "", target, ""
        case [source, target] if source and target:
            return source, target, ""
        case [source, target, mode] if source and target:
            return source, target, mode
    raise InvalidMount(f"invalid volume specification: '{text}'")


def parse_mount(mount: Mount) -> MountPoint:
    """Whether a bind's source exists is for the caller to see, who raises `bind_source_missing`."""
    try:
        validate(mount)
    except InvalidMount as err:
        raise InvalidMount(f'invalid mount config for type "{mount.type}": {err}') from None
    point = MountPoint(
        type=mount.type, destination=clean(mount.target), rw=not mount.read_only, spec=mount, propagation=UNSET
    )
    match mount.type:
        case "bind":
            options = mount.bind_options or BindOptions()
            return structs.replace(
                point,
                source=clean(mount.source),
                propagation=options.propagation or "rprivate",
                skip_mountpoint_creation=not options.create_mountpoint,
            )
        case "volume":
            config = mount.volume_options and mount.volume_options.driver_config
            return structs.replace(point, name=mount.source, driver=(config and config.name) or "")
        case "image":
            return structs.replace(point, source=mount.source, rw=False)
    return point


def bind_source_missing(source: str) -> InvalidMount:
    return InvalidMount(f'invalid mount config for type "bind": bind source path does not exist: {source}')


def propagation_near(point: MountPoint, data_root: str) -> str:
    """The propagation of a bind. One that holds the engine's data root must not keep its mounts alive."""
    source, asked = point.source, point.spec.bind_options and point.spec.bind_options.propagation
    if not (source.startswith(data_root) or data_root.startswith(source)):
        return point.propagation or "rprivate"
    if asked in ("private", "rprivate", "slave", "shared"):
        raise InvalidMount(
            'invalid mount config: must use either propagation mode "rslave" or "rshared" when mount source is within '
            f'the daemon root, daemon root: "{data_root}", bind mount source: "{source}", propagation: "{asked}"'
        )
    return asked or "rslave"


def parse_volumes_from(text: str) -> tuple[str, str]:
    """`container[:mode]` -> (container, mode), mode empty where none is given."""
    if not text:
        raise InvalidMount("volumes-from specification cannot be an empty string")
    container, _, mode = text.partition(":")
    check_mode(mode)
    words = set(mode.split(","))
    if words & PROPAGATION or "nocopy" in words:
        raise InvalidMount(f"invalid mode: {mode}")
    return container, mode


def inherited(point: MountPoint, mode: str) -> MountPoint:
    """Another container's mount, as --volumes-from takes it: its SELinux label is the other's matter."""
    rw = point.rw and "ro" not in mode.split(",")
    return structs.replace(point, rw=rw, mode=UNSET, id=UNSET)


@dataclass(frozen=True, slots=True)
class MountPlan:
    """By destination. What is `inherited` from other containers gets no copy of the image's data."""

    points: dict[str, MountPoint]
    inherited: frozenset[str]


def plan_mounts(
    binds: Iterable[str],
    mounts: Iterable[Mount],
    volumes_from: Iterable[str],
    tmpfs: Mapping[str, str] | None,
    volumes: Iterable[str],
    *,
    volume_driver: str = "",
    mounts_of: Callable[[str], Iterable[MountPoint]],
) -> MountPlan:
    """An anonymous volume has no name yet, no volume its source; a driver "" is whatever
    driver has a volume of that name, else the local one.

    `mounts_of` names another container's mount points, and raises where there is no such container."""
    points: dict[str, MountPoint] = {}
    for spec in volumes_from:
        container, mode = parse_volumes_from(spec)
        points |= {p.destination: inherited(p, mode) for p in mounts_of(container)}
    check_tmpfs(tmpfs)
    own: dict[str, MountPoint] = {}
    taken = {clean(target) for target in tmpfs or {}}
    for bind in binds:
        point = parse_bind(bind, volume_driver)
        if point.destination in taken:
            raise InvalidMount(f"Duplicate mount point: {point.destination}")
        _add(own, point)
    for mount in mounts:
        _add(own, parse_mount(mount))
    from_others = frozenset(points).difference(own)
    points |= own
    for target in volumes:
        destination = clean(target)
        if destination not in points and destination not in taken:
            points[destination] = anonymous(destination, volume_driver)
    return MountPlan(points, from_others)


def _add(own: dict[str, MountPoint], point: MountPoint) -> None:
    if own.setdefault(point.destination, point) is not point:
        raise InvalidMount(f"Duplicate mount point: {point.destination}")


def anonymous(destination: str, driver: str = "") -> MountPoint:
    return MountPoint(type="volume", destination=destination, rw=True, driver=driver)
