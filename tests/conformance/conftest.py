"""An engine of the tests' own: its data root, socket, network namespace and names meet nobody else's."""

import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pytest

from seaway.kernel import cgroup

APPLETS = [
    "sh",
    "ls",
    "cat",
    "echo",
    "true",
    "sleep",
    "seq",
    "dd",
    "yes",
    "head",
    "wc",
    "nc",
    "wget",
    "env",
    "id",
    "stat",
    "hostname",
]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@dataclass
class RunningEngine:
    root: Path
    namespace: str
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def host(self) -> str:
        return f"unix://{self.root}/docker.sock"

    def start(self) -> None:
        command = [str(Path(sys.executable).parent / "seaway"), "serve", "-H", self.host]
        command += [
            "--data-root",
            f"{self.root}/data",
            "--exec-root",
            f"{self.root}/exec",
            "--pidfile",
            f"{self.root}/pid",
        ]
        with open(self.root / "log", "ab") as log:
            self.process = subprocess.Popen(
                ["nsenter", f"--net=/run/netns/{self.namespace}", *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait_answering()

    def kill(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        assert self.process
        self.process.terminate()
        return self.process.wait(60)

    def docker(self, *args: str, input: str | None = None, timeout: float = 30) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["docker", "-H", self.host, *args],
            input=input,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def _wait_answering(self) -> None:
        deadline = time.monotonic() + 20
        while self.docker("version").returncode:
            assert time.monotonic() < deadline, (self.root / "log").read_text()
            time.sleep(0.05)


def busybox_tar() -> bytes:
    buffer = BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in ("bin", "etc", "tmp", "proc", "sys", "dev"):
            directory = tarfile.TarInfo(name)
            directory.type, directory.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(directory)
        archive.add(shutil.which("busybox") or "/bin/busybox", "bin/busybox")
        for applet in APPLETS:
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(link)
        for name, text in (
            ("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nweb:x:33:34::/tmp:/bin/sh\n"),
            ("etc/group", "root:x:0:\n"),
        ):
            file = tarfile.TarInfo(name)
            file.size = len(text)
            archive.addfile(file, BytesIO(text.encode()))
    return buffer.getvalue()


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    if os.geteuid():
        pytest.skip("needs root")
    if not shutil.which("docker"):
        pytest.skip("needs the docker CLI (Debian: docker.io or docker-cli)")
    undo_cgroup = cgroup.ensure_crun_can_start()
    root, namespace = tmp_path_factory.mktemp("engine"), f"seaway-test-{os.getpid()}"
    subprocess.run(["ip", "netns", "add", namespace], check=True)
    subprocess.run(["ip", "-n", namespace, "link", "set", "lo", "up"], check=True)
    engine = RunningEngine(root, namespace)
    try:
        engine.start()
        subprocess.run(
            ["docker", "-H", engine.host, "import", "-", "busybox"],
            input=busybox_tar(),
            check=True,
            capture_output=True,
        )
        yield engine
        if ids := engine.docker("ps", "-aq").stdout.split():
            engine.docker("rm", "-f", *ids)
        assert engine.stop() == 0
    finally:
        if engine.process and engine.process.poll() is None:
            engine.kill()
        _end_leftovers(namespace, root)
        undo_cgroup()


def _end_leftovers(namespace: str, root: Path) -> None:
    """Whatever still runs in the namespace or on the root is ours: port proxy, conmons of a failed test."""
    pids = subprocess.run(
        ["ip", "netns", "pids", namespace], capture_output=True, text=True, check=False
    ).stdout.split()
    pids += subprocess.run(["pgrep", "-f", str(root)], capture_output=True, text=True, check=False).stdout.split()
    for pid in set(pids) - {str(os.getpid())}:
        subprocess.run(["kill", "-9", pid], check=False, capture_output=True)
    for line in reversed(Path("/proc/mounts").read_text().splitlines()):
        if (target := line.split()[1]).startswith(str(root)):
            subprocess.run(["umount", "-l", target], check=False)
    subprocess.run(["ip", "netns", "del", namespace], check=False)
