"""An engine for measuring: its own root, its own network namespace, a busybox image; gone at the end."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent
NAMESPACE = f"seaway-bench-{os.getpid()}"
sys.path[:0] = [str(REPOSITORY / "src"), str(REPOSITORY / "tests")]

from conformance.engines import end_leftovers  # noqa: E402
from conformance.images import busybox_tar  # noqa: E402
from seaway.kernel import cgroup  # noqa: E402


@contextmanager
def own_engine(*command: str, namespace: str = NAMESPACE) -> Iterator[Path]:
    """Yields the engine's directory, with `docker.sock` in it. `command` is what takes serve's flags. Engines that run
    beside each other have a network namespace each."""
    root = Path(tempfile.mkdtemp(prefix="seaway-bench-", dir="/var/tmp"))
    undo_cgroup = cgroup.ensure_crun_can_start()
    for arguments in (["netns", "add", namespace], ["-n", namespace, "link", "set", "lo", "up"]):
        subprocess.run(["ip", *arguments], check=True)
    flags = ["-H", f"unix://{root}/docker.sock", "--data-root", f"{root}/data"]
    flags += ["--exec-root", f"{root}/exec", "--pidfile", f"{root}/pid"]
    with open(root / "log", "wb") as log:
        inside = ["nsenter", f"--net=/run/netns/{namespace}", *command, *flags]
        engine = subprocess.Popen(inside, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        _wait_for(root / "docker.sock", engine)
        docker(root, "import", "-", "busybox", stdin=busybox_tar())
        yield root
    finally:
        engine.terminate()
        engine.wait(60)
        end_leftovers(namespace, root)
        undo_cgroup()
        shutil.rmtree(root, ignore_errors=True)


def docker(root: Path, *arguments: str, stdin: bytes = b"") -> bytes:
    command = ["docker", "-H", f"unix://{root}/docker.sock", *arguments]
    return subprocess.run(command, input=stdin, check=True, capture_output=True).stdout


def _wait_for(socket: Path, engine: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 20
    while not socket.exists():
        if engine.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"the engine does not start: {(socket.parent / 'log').read_text()}")
        time.sleep(0.05)
