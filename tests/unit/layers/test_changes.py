import os
from pathlib import Path

import pytest

from seaway.layers.changes import Change, Kind, layer_changes

M, A, D = Kind.MODIFIED, Kind.ADDED, Kind.DELETED


@pytest.fixture
def base(tmp_path: Path) -> Path:
    base = tmp_path / "base"
    (base / "etc").mkdir(parents=True)
    for name in ("passwd", "group"):
        (base / "etc" / name).write_text(name)
    (base / "lib" / "deep").mkdir(parents=True)
    (base / "lib" / "deep" / "file").write_text("x")
    return base


def top(tmp_path: Path) -> Path:
    (tmp_path / "top").mkdir()
    return tmp_path / "top"


def copy_up(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(source.read_bytes())
    status = source.stat()
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_added_modified_and_what_was_only_opened(tmp_path: Path, base: Path) -> None:
    layer = top(tmp_path)
    copy_up(base / "etc" / "passwd", layer / "etc" / "passwd")
    (layer / "new" / "sub").mkdir(parents=True)
    (layer / "new" / "sub" / "file").touch()
    assert layer_changes(layer, [base], is_whole=False) == [
        Change("/new", A),
        Change("/new/sub", A),
        Change("/new/sub/file", A),
    ]
    (layer / "etc" / "passwd").chmod(0o600)
    assert layer_changes(layer, [base], is_whole=False)[:2] == [Change("/etc", M), Change("/etc/passwd", M)]


@pytest.mark.skipif(os.geteuid() != 0, reason="device nodes need root")
def test_whiteouts_and_what_they_hide_further_below(tmp_path: Path, base: Path) -> None:
    layer, middle = top(tmp_path), tmp_path / "middle"
    for folder in (layer / "etc", middle / "etc"):
        folder.mkdir(parents=True)
    os.mknod(layer / "etc" / "group", 0o20600, 0)
    os.mknod(middle / "etc" / "passwd", 0o20600, 0)
    (layer / "etc" / "passwd").write_text("again")
    assert layer_changes(layer, [middle, base], is_whole=False) == [
        Change("/etc", M),
        Change("/etc/group", D),
        Change("/etc/passwd", A),
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="trusted attributes need root")
def test_an_opaque_directory_deletes_what_it_does_not_have(tmp_path: Path, base: Path) -> None:
    layer = top(tmp_path)
    (layer / "lib").mkdir()
    (layer / "lib" / "other").touch()
    os.setxattr(layer / "lib", "trusted.overlay.opaque", b"y")
    assert layer_changes(layer, [base], is_whole=False) == [
        Change("/lib", M),
        Change("/lib/other", A),
        Change("/lib/deep", D),
    ]


def test_a_whole_tree_is_compared_as_it_is(tmp_path: Path, base: Path) -> None:
    layer = top(tmp_path)
    for name in ("etc/passwd", "lib/deep/file"):
        copy_up(base / name, layer / name)
    assert layer_changes(layer, [base], is_whole=True) == [Change("/etc", M), Change("/etc/group", D)]
    (layer / "lib" / "deep" / "file").unlink()
    (layer / "lib" / "deep").rmdir()
    (layer / "lib" / "deep").touch()
    assert Change("/lib/deep", M) in layer_changes(layer, [base], is_whole=True)


def test_no_link_is_followed(tmp_path: Path, base: Path) -> None:
    layer = top(tmp_path)
    (layer / "etc").symlink_to("/")
    assert layer_changes(layer, [base], is_whole=False) == [
        Change("/etc", M),
        Change("/etc/group", D),
        Change("/etc/passwd", D),
    ]
