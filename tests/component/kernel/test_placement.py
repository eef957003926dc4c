"""Trees apart from one another on a real ext4, and a filesystem that knows nothing of it."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from seaway.kernel.placement import make_directory_apart

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
INODES_PER_GROUP = 1024


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    """An ext4 of thirteen block groups."""
    image, mounted = tmp_path / "image", tmp_path / "mounted"
    mounted.mkdir()
    with open(image, "wb") as file:
        file.truncate(100 << 20)
    layout = ["-b", "1024", "-g", "8192", "-N", str(13 * INODES_PER_GROUP), "-O", "^flex_bg"]
    subprocess.run(["mkfs.ext4", "-q", *layout, image], check=True)
    if subprocess.run(["mount", "-o", "loop", image, mounted], capture_output=True, check=False).returncode:
        pytest.skip("no loop devices on this machine")
    yield mounted
    subprocess.run(["umount", "-l", mounted], check=True)


def group(path: Path) -> int:
    return (path.stat().st_ino - 1) // INODES_PER_GROUP


def test_directories_apart_lie_in_groups_of_their_own_with_what_is_in_them(mounted: Path) -> None:
    home = mounted / "home"
    home.mkdir()
    trees = [home / f"tree{n}" / "diff" for n in range(6)]
    for tree in trees:
        tree.parent.mkdir()
        make_directory_apart(tree)
        (tree / "file").touch()
    assert len({group(tree) for tree in trees}) == len(trees)
    assert all(group(tree / "file") == group(tree) for tree in trees)
    assert {group(tree.parent) for tree in trees} == {group(home)}
    assert all(os.listdir(tree.parent) == ["diff"] for tree in trees)


def test_where_there_are_no_groups_it_is_a_directory_like_any_other() -> None:
    path = Path("/dev/shm") / f"seaway-placement-{os.getpid()}"
    make_directory_apart(path)
    assert os.listdir(path) == []
    path.rmdir()
