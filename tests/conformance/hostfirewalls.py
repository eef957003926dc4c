"""The firewalls that an administrator's host may have: real ones, in the network namespace of an engine under test."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from conformance.engines import PATIENCE

BUS_CONFIGURATION = """
<busconfig>
  <type>system</type>
  <listen>unix:path={}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow own="*"/>
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
  </policy>
</busconfig>
"""


@dataclass(frozen=True)
class Firewalld:
    """On a bus of its own: `address` is for DBUS_SYSTEM_BUS_ADDRESS, of whoever wants to talk to it."""

    namespace: str
    root: Path

    @property
    def address(self) -> str:
        return f"unix:path={self.root}/bus"

    def command(self, *arguments: str) -> str:
        done = subprocess.run(
            ["firewall-cmd", *arguments], capture_output=True, text=True, timeout=30 * PATIENCE, env=self._environment
        )
        return done.stdout.strip() or done.stderr.strip()

    @property
    def _environment(self) -> dict[str, str]:
        return {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": self.address}

    @contextmanager
    def bus(self) -> Iterator[None]:
        (self.root / "bus.conf").write_text(BUS_CONFIGURATION.format(self.root / "bus"))
        command = ["dbus-daemon", f"--config-file={self.root}/bus.conf", "--nofork", "--nopidfile", "--print-address"]
        with running(command) as daemon:
            assert daemon.stdout
            assert daemon.stdout.readline().startswith("unix:path=")
            yield

    @contextmanager
    def running(self, backend: str = "nftables") -> Iterator[None]:
        """With the configuration that Debian gives it, and the changes that were made to it by an earlier run."""
        configuration = self.root / "firewalld"
        if not configuration.exists():
            shutil.copytree("/etc/firewalld", configuration)
        file = configuration / "firewalld.conf"
        file.write_text(file.read_text().replace("FirewallBackend=nftables", f"FirewallBackend={backend}"))
        command = ["nsenter", f"--net=/run/netns/{self.namespace}", "firewalld", "--nofork", "--nopid"]
        command += ["--system-config", f"{configuration}", "--log-file", f"{self.root}/firewalld.log"]
        with running(command, environment=self._environment):
            wait_until(lambda: self.command("--state") == "running", "firewalld does not run")
            yield


@dataclass(frozen=True)
class Ufw:
    """With the configuration that Debian gives it, copied to `root`, which takes that one's place for its commands."""

    namespace: str
    root: Path

    def command(self, *arguments: str) -> str:
        copy = self.root / "ufw"
        if not copy.exists():
            shutil.copytree("/etc/ufw", copy)
        script = 'mount --bind "$0" /etc/ufw && exec ufw "$@"'
        command = ["nsenter", f"--net=/run/netns/{self.namespace}", "unshare", "--mount"]
        command += ["sh", "-c", script, f"{copy}", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60 * PATIENCE)
        assert done.returncode == 0, done.stderr
        return done.stdout


@contextmanager
def running(command: list[str], environment: dict[str, str] | None = None) -> "Iterator[subprocess.Popen[str]]":
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            yield process
        finally:
            process.terminate()


def wait_until(holds: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + 10 * PATIENCE
    while not holds():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.1)
