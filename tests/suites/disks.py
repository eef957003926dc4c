"""Filesystems of the tests' own, in a file."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_MAKE = {
    "ext4": ("mkfs.ext4", "-q", "-O", "quota,project", "-E", "quotatype=prjquota"),
    "xfs": ("mkfs.xfs", "-q", "-K"),
}
_SIZE = 320 << 20
"""xfs has no smaller ones."""


@contextmanager
def disk_with_project_quotas(kind: str, image: Path, mounted: Path) -> Iterator[None]:
    """Skips where this machine has none (CONFIG_QFMT_V2, or xfs and its programs)."""
    mounted.mkdir(parents=True, exist_ok=True)
    with open(image, "wb") as file:
        file.truncate(_SIZE)
    for command in ([*_MAKE[kind], str(image)], ["mount", "-o", "loop,prjquota", str(image), str(mounted)]):
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            pytest.skip(f"needs {command[0]}")
        if done.returncode:
            pytest.skip(f"no project quotas on {kind} here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", mounted], check=False, capture_output=True)  # it may be gone already
