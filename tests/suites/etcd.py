"""A real etcd of a test's own: its own port, its own data, and it may be stopped and started again."""

import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ASK = """
import base64, json, sys, urllib.request
url, prefix = sys.argv[1:]
text = lambda key: base64.b64encode(key.encode()).decode()
end = prefix[:-1] + chr(ord(prefix[-1]) + 1) if prefix else "\\0"
body = json.dumps({"key": text(prefix or "\\0"), "range_end": text(end), "keys_only": True})
with urllib.request.urlopen(url + "/v3/kv/range", body.encode(), timeout=3) as answer:
    for kv in json.load(answer).get("kvs", ()):
        print(base64.b64decode(kv["key"]).decode())
"""


@dataclass(frozen=True)
class Tls:
    """A second address, for clients with a certificate of the authority's."""

    address: str
    authority: Path
    certificate: Path
    key: Path


@dataclass
class Etcd:
    """`prefix` is the command that starts it where it is to live (`nsenter …`)."""

    data: Path
    address: str
    prefix: tuple[str, ...] = ()
    tls: "Tls | None" = None
    process: "subprocess.Popen[bytes] | None" = field(default=None)

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def start(self) -> None:
        host, _, port = self.address.rpartition(":")
        peer = f"http://{host}:{int(port) + 1}"
        command = ["etcd", "--data-dir", str(self.data), "--listen-client-urls", self.url]
        if self.tls:
            command[-1] += f",https://{self.tls.address}"
            command += ["--cert-file", str(self.tls.certificate), "--key-file", str(self.tls.key)]
            command += ["--client-cert-auth", "--trusted-ca-file", str(self.tls.authority)]
        command += ["--advertise-client-urls", self.url, "--listen-peer-urls", peer, "--log-level", "error"]
        command += ["--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}"]
        with open(self.data.with_suffix(".log"), "ab") as log:
            self.process = subprocess.Popen([*self.prefix, *command], stdout=log, stderr=log)
        self._wait_healthy()

    def kill(self) -> None:
        assert self.process
        self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        """It accepts connections and never answers."""
        assert self.process
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGCONT)

    def keys(self, prefix: str = "") -> list[str]:
        """All that begin with it."""
        return self._ask(prefix).split()

    def _ask(self, prefix: str) -> str:
        command = [*self.prefix, sys.executable, "-c", ASK, self.url, prefix]
        return subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout

    def _wait_healthy(self) -> None:
        deadline = time.monotonic() + 30
        while not self._answers():
            assert self.process
            assert self.process.poll() is None, self.data.with_suffix(".log").read_text()
            assert time.monotonic() < deadline, self.data.with_suffix(".log").read_text()
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            self._ask("x")
        except subprocess.CalledProcessError:
            return False
        return True


@contextmanager
def running_etcd(
    directory: Path, address: str = "", prefix: tuple[str, ...] = (), tls: Tls | None = None
) -> Iterator[Etcd]:
    """Skips the test where there is no etcd."""
    if not shutil.which("etcd"):
        pytest.skip("needs etcd (Debian: etcd-server)")
    etcd = Etcd(directory / "etcd", address or f"127.0.0.1:{free_port()}", prefix, tls)
    etcd.start()
    try:
        yield etcd
    finally:
        etcd.thaw()
        etcd.kill()


def free_port() -> int:
    """The next one is free too, as far as anybody can tell."""
    while True:
        with socket.socket() as one, socket.socket() as other:
            one.bind(("127.0.0.1", 0))
            port: int = one.getsockname()[1]
            try:
                other.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port
