"""A mount point as the OCI spec says it. Pure; the options and their order are dockerd's."""

from collections.abc import Iterable

from seaway.model.mount import BindOptions, Mount, MountPoint, TmpfsOptions
from seaway.runtime.spec.request import SpecMount
from seaway.volumes.mountrules import InvalidMount

DEFAULT_TMPFS = ("noexec", "nosuid", "nodev", "rprivate")
_OPPOSITES = (
    ("ro", "rw"),
    ("exec", "noexec"),
    ("suid", "nosuid"),
    ("dev", "nodev"),
    ("async", "sync"),
    ("atime", "noatime"),
    ("diratime", "nodiratime"),
    ("relatime", "norelatime"),
    ("strictatime", "nostrictatime"),
    ("mand", "nomand"),
    ("private", "rprivate", "shared", "rshared", "slave", "rslave", "unbindable", "runbindable"),
)
_GROUP = {word: group for group in _OPPOSITES for word in group}
_FLAGS = frozenset(_GROUP) | {"defaults", "bind", "rbind", "remount", "dirsync"}
_VALUES = frozenset({"mode", "uid", "gid", "size", "nr_inodes", "nr_blocks", "mpol"})
_UNITS = (("g", 1 << 30), ("m", 1 << 20), ("k", 1 << 10))


def bind_mount(
    point: MountPoint,
    source: str,
    flags: Iterable[str] = (),
    *,
    recursive_read_only: bool = True,
    is_directory: bool = True,
) -> SpecMount:
    """A bind, a volume or an image. `flags` are the source's own, which crun would take away;
    `recursive_read_only` is what kernel and runtime can do, `is_directory` is of the source."""
    options = point.spec.bind_options or BindOptions()
    words = ["bind" if options.non_recursive else "rbind"]
    if not point.rw:
        word = _read_only(options, recursive=recursive_read_only)
        words.append(word if is_directory else "ro")  # crun opens the target of `rro` as a directory
    else:
        words += flags
    propagation = point.propagation or "rprivate"
    # crun takes the r of a propagation for the bind's own; without it there is one mount to propagate.
    words.append(propagation.removeprefix("r") if options.non_recursive else propagation)
    return SpecMount(point.destination, source, "bind", tuple(words))


def _read_only(options: BindOptions, *, recursive: bool) -> str:
    if options.read_only_force_recursive:
        if options.read_only_non_recursive:
            raise InvalidMount("mount options conflict: ReadOnlyNonRecursive && ReadOnlyForceRecursive")
        if not recursive:
            raise InvalidMount("recursive read-only mounts need Linux 5.12 or newer")
    return "rro" if recursive and not options.read_only_non_recursive else "ro"


def tmpfs_mount(target: str, words: Iterable[str]) -> SpecMount:
    return SpecMount(target, "tmpfs", "tmpfs", merge_tmpfs_options([*DEFAULT_TMPFS, *words]))


def merge_tmpfs_options(words: Iterable[str]) -> tuple[str, ...]:
    """The last word of each group of opposites, and the last value of each name. Raises InvalidMount."""
    chosen: dict[object, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if equals and name in _VALUES:
            key: object = name
        elif not equals and name in _FLAGS:
            key = _GROUP.get(name, name)
        else:
            shown = " ".join(f'"{part}"' for part in ([name, value] if equals else [name]))
            raise InvalidMount(f"invalid tmpfs option [{shown}]")
        chosen.pop(key, None)
        chosen[key] = word
    return tuple(chosen.values())


def tmpfs_words(mount: Mount) -> list[str]:
    """The words of `--mount type=tmpfs`. Raises InvalidMount."""
    options = mount.tmpfs_options or TmpfsOptions()
    words = ["ro"] if mount.read_only else []
    if options.mode:
        words.append(f"mode={options.mode:o}")
    if options.size_bytes:
        words.append(f"size={_size(options.size_bytes)}")
    for option in options.options or ():
        if not 1 <= len(option) <= 2:
            raise InvalidMount("invalid option array length")
        if option[0] not in ("exec", "noexec"):
            raise InvalidMount(f"invalid option: {option[0]}")
        words.append("=".join(option))
    return words


def _size(size_bytes: int) -> str:
    for suffix, divisor in _UNITS:
        if size_bytes % divisor == 0:
            return f"{size_bytes // divisor}{suffix}"
    return str(size_bytes)
