import pytest

from seaway.engine.mountspec import bind_mount, merge_tmpfs_options, tmpfs_mount, tmpfs_words
from seaway.model.mount import BindOptions, Mount, MountPoint, TmpfsOptions
from seaway.volumes.mountrules import InvalidMount


def point(*, rw: bool = True, propagation: str = "rprivate", **bind: bool) -> MountPoint:
    spec = Mount(type="bind", bind_options=BindOptions(**bind))  # type: ignore[arg-type]
    return MountPoint(type="bind", source="/s", destination="/d", rw=rw, propagation=propagation, spec=spec)


@pytest.mark.parametrize(
    ("asked", "options"),
    [
        (point(), ("rbind", "rprivate")),
        (point(rw=False), ("rbind", "rro", "rprivate")),
        (point(rw=False, read_only_non_recursive=True), ("rbind", "ro", "rprivate")),
        (point(non_recursive=True, propagation="rslave"), ("bind", "slave")),  # crun takes the r for the bind's own
        (point(non_recursive=True, propagation="shared"), ("bind", "shared")),
    ],
)
def test_bind_options(asked: MountPoint, options: tuple[str, ...]) -> None:
    assert bind_mount(asked, "/s").options == options


def test_a_kernel_that_cannot_make_submounts_read_only() -> None:
    assert bind_mount(point(rw=False), "/s", recursive_read_only=False).options == ("rbind", "ro", "rprivate")
    with pytest.raises(InvalidMount, match="recursive read-only mounts"):
        bind_mount(point(rw=False, read_only_force_recursive=True), "/s", recursive_read_only=False)


def test_contradicting_bind_options() -> None:
    asked = point(rw=False, read_only_non_recursive=True, read_only_force_recursive=True)
    with pytest.raises(InvalidMount, match="mount options conflict: ReadOnlyNonRecursive && ReadOnlyForceRecursive"):
        bind_mount(asked, "/s")


def test_the_last_of_opposite_tmpfs_options_wins() -> None:
    assert tmpfs_mount("/t", ["exec", "size=1m", "ro", "size=2m", "rw"]).options == (
        "nosuid",
        "nodev",
        "rprivate",
        "exec",
        "size=2m",
        "rw",
    )


@pytest.mark.parametrize(
    ("word", "shown"),
    [("bogus=1", '["bogus" "1"]'), ("bogus", '["bogus"]'), ("size", '["size"]'), ("ro=1", '["ro" "1"]')],
)
def test_unknown_tmpfs_options(word: str, shown: str) -> None:
    with pytest.raises(InvalidMount) as refused:
        merge_tmpfs_options([word])
    assert str(refused.value) == f"invalid tmpfs option {shown}"


def test_the_words_of_a_tmpfs_mount() -> None:
    mount = Mount(
        type="tmpfs", read_only=True, tmpfs_options=TmpfsOptions(size_bytes=3 << 20, mode=0o1770, options=[["exec"]])
    )
    assert tmpfs_words(mount) == ["ro", "mode=1770", "size=3m", "exec"]
    assert tmpfs_words(Mount(tmpfs_options=TmpfsOptions(size_bytes=1500))) == ["size=1500"]
    with pytest.raises(InvalidMount, match="invalid option: uid"):
        tmpfs_words(Mount(tmpfs_options=TmpfsOptions(options=[["uid", "1"]])))


def test_flags_of_the_source_are_kept_where_it_may_be_written() -> None:
    flags = ("ro", "nosuid")
    assert bind_mount(point(), "/s", flags).options == ("rbind", "ro", "nosuid", "rprivate")
    assert bind_mount(point(rw=False), "/s", flags).options == ("rbind", "rro", "rprivate")
