"""The engines that the conformance tests talk to: one that they start themselves, or one that runs already."""

import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import Path

import pytest
from docker import DockerClient

NUMBERS = count()
# How many times slower than usual this machine is.
PATIENCE = float(os.environ.get("SEAWAY_TEST_PATIENCE", "1"))
# For a container that an engine's end meets: as PID 1 busybox heeds no SIGTERM, and an engine waits ten seconds for it.
ENDS_AT_ONCE = ("--stop-signal", "KILL")
SEAWAY = str(Path(sys.executable).parent / "seaway")


@dataclass
class RunningEngine:
    """`program` is the engine under test, in a network namespace and on a root of the tests' own.

    Seaway by default; a real dockerd takes the same flags, and is held to the same tests.
    """

    root: Path
    namespace: str
    program: str = SEAWAY
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def host(self) -> str:
        return f"unix://{self.root}/docker.sock"

    @property
    def data_root(self) -> Path:
        return self.root / "data"

    @property
    def is_seaway(self) -> bool:
        return self.program == SEAWAY

    @cached_property
    def api_version(self) -> tuple[int, ...]:
        return parse_version(self.docker("version", "-f", "{{.Server.APIVersion}}").stdout)

    @cached_property
    def cli_version(self) -> tuple[int, ...]:
        """What the docker command speaks to it."""
        return parse_version(self.docker("version", "-f", "{{.Client.APIVersion}}").stdout)

    def words(self, new: str, *, old: str) -> str:
        """dockerd's words for one thing: today's, and those of releases before 25 (Debian 12 has 20.10)."""
        return new if self.api_version >= (1, 44) else old

    def start(self, *flags: str, failpoint: str = "") -> None:
        """`failpoint`: where the engine is to kill itself (`seaway.base.failpoints`)."""
        with open(self.root / "log", "ab") as log:
            self.process = subprocess.Popen(
                self._command(*flags),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, "SEAWAY_FAILPOINT": failpoint},
            )
        self._wait_answering()

    def refusal(self, *flags: str) -> str:
        """What an engine says that does not start with these flags; the one that runs is ended for it."""
        self.stop()
        try:
            done = subprocess.run(self._command(*flags), capture_output=True, text=True, timeout=60, check=False)
        finally:
            self.start()
        assert done.returncode, "it started"
        return done.stderr

    def _command(self, *flags: str) -> list[str]:
        command = [self.program, *(["serve"] if self.is_seaway else []), "-H", self.host]
        command += ["--data-root", f"{self.data_root}", "--exec-root", f"{self.root}/exec"]
        return ["nsenter", f"--net=/run/netns/{self.namespace}", *command, "--pidfile", f"{self.root}/pid", *flags]

    def kill(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        (self.root / "pid").unlink(missing_ok=True)

    def stop(self) -> int:
        assert self.process
        self.process.terminate()
        return self.process.wait(60 * PATIENCE)

    def ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def docker(self, *args: str, input: str | None = None, timeout: float = 30) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["docker", "-H", self.host, *args],
            input=input,
            capture_output=True,
            text=True,
            timeout=timeout * PATIENCE,
            check=False,
        )

    def client(self) -> "closing[DockerClient]":
        """docker-py against this engine, to be used in a `with`."""
        return closing(DockerClient(base_url=self.host, version="auto"))

    def _wait_answering(self) -> None:
        """Until it has taken over what an engine before it left: a network is removed only then."""
        deadline = time.monotonic() + 30 * PATIENCE
        while self.docker("version").returncode:
            assert not self.ended(), (self.root / "log").read_text()
            assert time.monotonic() < deadline, (self.root / "log").read_text()
            time.sleep(0.05)
        self.docker("network", "rm", "no-such-network")


@dataclass
class ForeignEngine(RunningEngine):
    """An engine that others started: its address is given, and it is neither stopped nor started here."""

    address: str = ""

    @property
    def host(self) -> str:
        return self.address

    @property
    def data_root(self) -> Path:
        return Path(self.docker("info", "-f", "{{.DockerRootDir}}").stdout.strip())

    @property
    def is_seaway(self) -> bool:
        return "Seaway" in self.docker("version", "-f", "{{json .Server}}").stdout

    def start(self, *flags: str, failpoint: str = "") -> None:
        pytest.skip("an engine of others is not restarted")

    def refusal(self, *flags: str) -> str:
        pytest.skip("an engine of others is not restarted")

    def kill(self) -> None:
        pytest.skip("an engine of others is not killed")

    def stop(self) -> int:
        pytest.skip("an engine of others is not stopped")


def foreign_engine(address: str, root: Path) -> ForeignEngine:
    return ForeignEngine(root, _namespace_name(address.removeprefix("unix://")), address=address)


def own_engine(root: Path, program: str) -> RunningEngine:
    namespace = f"seaway-test-{os.getpid()}-{next(NUMBERS)}"
    return RunningEngine(root, namespace, SEAWAY if program == "seaway" else shutil.which(program) or program)


def make_namespace(name: str) -> None:
    subprocess.run(["ip", "netns", "add", name], check=True)
    subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)


def parse_version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.strip().split("."))


def _namespace_name(path: str) -> str:
    """What /run/netns calls the network of the process that listens on a socket."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        pid = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
    theirs = os.stat(f"/proc/{pid}/ns/net")
    named = [file.name for file in Path("/run/netns").glob("*") if os.path.samestat(file.stat(), theirs)]
    assert named, f"the network namespace of {path} has no name under /run/netns"
    return named[0]


def end_leftovers(namespace: str, root: Path) -> None:
    """Whatever still runs in the namespace or on the root is ours: port proxy, conmons of a failed test."""
    found = subprocess.run(["ip", "netns", "pids", namespace], capture_output=True, text=True, check=False).stdout
    found += subprocess.run(["pgrep", "-f", str(root)], capture_output=True, text=True, check=False).stdout
    for pid in set(found.split()) - {str(os.getpid())}:
        subprocess.run(["kill", "-9", pid], check=False, capture_output=True)
    for line in reversed(Path("/proc/mounts").read_text().splitlines()):
        if (target := line.split()[1]).startswith(str(root)):
            subprocess.run(["umount", "-l", target], check=False)
    subprocess.run(["ip", "netns", "del", namespace], check=False)
