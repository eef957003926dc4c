"""Debian's rsyslog as the receiver of a container's log, in the engine's network namespace."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from conformance.certificates import Authority
from conformance.conftest import RunningEngine

HOST, PORT = "127.0.0.1", 6514
CONFIG = """\
global(workDirectory="{folder}" maxMessageSize="64k" {tls_files})
{module}
template(name="text" type="string" string="%programname%:%msg%\\n")
{input}
action(type="omfile" file="{folder}/received" template="text")
"""
TLS_FILES = """DefaultNetstreamDriverCAFile="{0}/ca.cert" DefaultNetstreamDriverCertFile="{0}/server.cert"
  DefaultNetstreamDriverKeyFile="{0}/server.key\""""
TLS = 'StreamDriver.Name="gtls" StreamDriver.Mode="1" StreamDriver.AuthMode="x509/certvalid"'
SOCKET = (
    'module(load="imuxsock" SysSock.Use="off")',
    'input(type="imuxsock" Socket="{folder}/socket" RateLimit.Interval="0")',
)


@dataclass(frozen=True)
class Rsyslog:
    """`lines` are `tag:text`. `options` are the flags of `docker run` that send to it."""

    folder: Path
    options: tuple[str, ...]

    def lines(self) -> list[str]:
        try:
            received = (self.folder / "received").read_text()
        except FileNotFoundError:
            return []
        return [tag + ":" + text.strip() for tag, _, text in (line.partition(":") for line in received.splitlines())]


@contextmanager
def rsyslog(engine: RunningEngine, kind: str, folder: Path) -> Iterator[Rsyslog]:
    """`kind` is a scheme of `syslog-address`. Skips where there is no rsyslogd."""
    if not (program := shutil.which("rsyslogd", path="/usr/sbin:/usr/bin")):
        pytest.skip("needs rsyslogd (Debian: rsyslog, rsyslog-gnutls)")
    options = [f"syslog-address={kind}://" + (f"{folder}/socket" if kind == "unixgram" else f"{HOST}:{PORT}")]
    tls_files = ""
    if kind == "tcp+tls":
        certificates = folder / "certificates"
        authority = Authority(certificates, HOST)
        for name in ("server", "client"):
            authority.issue(name)
        tls_files = TLS_FILES.format(certificates)
        files = (("ca-cert", "ca.cert"), ("cert", "client.cert"), ("key", "client.key"))
        options += [f"syslog-tls-{option}={certificates}/{file}" for option, file in files]
    module, listens = _listening(kind)
    config = folder / "rsyslog.conf"
    config.write_text(
        CONFIG.format(folder=folder, tls_files=tls_files, module=module, input=listens.format(folder=folder))
    )
    command = [
        "nsenter",
        f"--net=/run/netns/{engine.namespace}",
        program,
        "-n",
        "-f",
        str(config),
        "-i",
        f"{folder}/pid",
    ]
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said)
    try:
        yield Rsyslog(folder, ("--log-driver", "syslog", *(f"--log-opt={option}" for option in options)))
    finally:
        process.terminate()
        process.wait(20)


def _listening(kind: str) -> tuple[str, str]:
    if kind == "unixgram":
        return SOCKET
    plugin = "imudp" if kind == "udp" else "imtcp"
    secured = TLS if kind == "tcp+tls" else ""
    return f'module(load="{plugin}" {secured})', f'input(type="{plugin}" port="{PORT}" address="{HOST}")'
