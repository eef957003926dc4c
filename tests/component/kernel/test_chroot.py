"""The real kernel, in processes of the test's own."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = "import os, sys; from seaway.kernel.chroot import is_chrooted; {before}; sys.exit(is_chrooted())"


@pytest.mark.parametrize(("before", "chrooted"), [("", 0), ("os.chroot('/')", 0), ("os.chroot(sys.argv[1])", 1)])
def test_another_root_than_the_namespaces_is_told(tmp_path: Path, before: str, chrooted: int) -> None:
    (tmp_path / "proc").mkdir()
    bind = f'mount -t proc proc {tmp_path}/proc && exec "$@"'
    command = [sys.executable, "-c", SCRIPT.format(before=before or "pass"), str(tmp_path)]
    done = subprocess.run(["unshare", "-m", "sh", "-c", bind, "sh", *command], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (chrooted, "")
