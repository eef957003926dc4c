"""Copies on a real xfs share their blocks with the original; skipped where mkfs.xfs is missing."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from seaway.kernel.treecopy import TreeCopy

SIZE = 32 << 20


@pytest.fixture
def xfs(tmp_path: Path) -> Iterator[Path]:
    if not shutil.which("mkfs.xfs"):
        pytest.skip("needs mkfs.xfs")
    image, mounted = tmp_path / "image", tmp_path / "mounted"
    mounted.mkdir()
    image.touch()
    os.truncate(image, 400 << 20)
    made = subprocess.run(["mkfs.xfs", "-q", "-m", "reflink=1", image], capture_output=True, check=False)
    done = subprocess.run(["mount", "-o", "loop", image, mounted], capture_output=True, check=False)
    if made.returncode or done.returncode:
        pytest.skip("no xfs on this machine")
    yield mounted
    subprocess.run(["umount", "-l", mounted], check=True)


def test_a_copy_takes_no_room_and_is_its_own(xfs: Path) -> None:
    for name in ("original", "copy"):
        (xfs / name).mkdir()
    (xfs / "original/f").write_bytes(os.urandom(SIZE))
    os.sync()
    before = free(xfs)
    copy(xfs / "original", xfs / "copy")
    os.sync()
    assert before - free(xfs) < SIZE // 8
    assert (xfs / "copy/f").read_bytes() == (xfs / "original/f").read_bytes()
    with open(xfs / "copy/f", "r+b") as file:
        file.write(b"changed")
    assert (xfs / "original/f").read_bytes()[:7] != b"changed"


def test_from_one_filesystem_to_another(xfs: Path, tmp_path: Path) -> None:
    (xfs / "original").mkdir()
    (tmp_path / "copy").mkdir()
    data = os.urandom(1 << 20)
    (xfs / "original/f").write_bytes(data)
    copy(xfs / "original", tmp_path / "copy")
    assert (tmp_path / "copy/f").read_bytes() == data


def free(path: Path) -> int:
    room = os.statvfs(path)
    return room.f_bfree * room.f_frsize


def copy(source: Path, target: Path) -> None:
    reader, writer = (os.open(path, os.O_RDONLY | os.O_DIRECTORY) for path in (source, target))
    try:
        TreeCopy().run(reader, writer)
    finally:
        os.close(reader)
        os.close(writer)
