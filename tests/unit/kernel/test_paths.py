import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from seaway.kernel.paths import make_directories, open_in_root


@pytest.fixture
def root(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "root" / "etc").mkdir(parents=True)
    (tmp_path / "root" / "etc" / "passwd").write_text("ours")
    (tmp_path / "outside").write_text("theirs")
    fd = os.open(tmp_path / "root", os.O_PATH | os.O_DIRECTORY)
    yield fd
    os.close(fd)


def read(root: int, path: str) -> str:
    with open(open_in_root(root, path, os.O_RDONLY)) as file:
        return file.read()


@pytest.mark.parametrize("target", ["../../outside", "/outside", "/proc/self/root/outside"])
def test_no_link_leads_out(root: int, tmp_path: Path, target: str) -> None:
    (tmp_path / "root" / "link").symlink_to(target)
    with pytest.raises(FileNotFoundError):
        open_in_root(root, "link", os.O_RDONLY)


def test_a_link_inside_is_followed_from_the_root(root: int, tmp_path: Path) -> None:
    (tmp_path / "root" / "link").symlink_to("/etc/passwd")
    assert read(root, "link") == read(root, "../../etc/passwd") == "ours"


def test_directories_are_made_where_they_are_missing(root: int, tmp_path: Path) -> None:
    (tmp_path / "root" / "run").symlink_to("etc")
    old = os.umask(0o77)
    try:
        os.close(make_directories(root, "/run/a/b/"))
    finally:
        os.umask(old)
    assert (tmp_path / "root/etc/a/b").stat().st_mode & 0o777 == 0o755
    os.close(make_directories(root, "/etc/a"))
    with pytest.raises(NotADirectoryError):
        make_directories(root, "/etc/passwd/x")
