"""The engine as a process: how it starts, what it refuses, which signals it knows, how it ends."""

import base64
import datetime
import grp
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from conformance.engines import RunningEngine, end_leftovers, make_namespace
from conformance.images import busybox_tar
from suites.authorization_plugin import AuthorizationPlugin

HAND_OVER = """\
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.argv[2], sys.argv[2:])
"""


@pytest.fixture
def other(engine: RunningEngine, tmp_path: Path) -> Iterator[RunningEngine]:
    """A second engine, not started yet, with a root and a network of its own."""
    mine = RunningEngine(tmp_path, f"{engine.namespace}-second", engine.program)
    make_namespace(mine.namespace)
    yield mine
    if mine.process and not mine.ended():
        mine.kill()
    end_leftovers(mine.namespace, tmp_path)


def serve(engine: RunningEngine, *flags: str) -> "subprocess.CompletedProcess[str]":
    """Run one that is expected to end at once, in a network that ends with it."""
    command = ["unshare", "--net", engine.program, *(["serve"] if engine.is_seaway else []), *flags]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def log_of(engine: RunningEngine) -> str:
    return (engine.root / "log").read_text()


@pytest.mark.min_api("1.44")
def test_a_second_engine_on_the_same_root_is_refused(engine: RunningEngine, tmp_path: Path) -> None:
    done = serve(
        engine, "-H", f"unix://{tmp_path}/s", "--data-root", str(engine.data_root), "--exec-root", str(tmp_path),
        "--pidfile", f"{tmp_path}/pid", "--bridge", "none",
    )  # fmt: skip
    assert done.returncode == 1
    assert "failed to start daemon: error while opening volume store metadata database" in done.stderr
    assert engine.docker("version").returncode == 0


def test_the_pidfile_of_a_live_process_is_refused(engine: RunningEngine, tmp_path: Path) -> None:
    done = serve(engine, "--pidfile", f"{engine.root}/pid", "--data-root", str(tmp_path), "-H", f"unix://{tmp_path}/s")
    assert done.returncode == 1
    pid = (engine.root / "pid").read_text().strip()
    assert engine.words(f"process with PID {pid} is still running", old="pid file found") in done.stderr


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ('{"hosts": ["unix:///x"], "debug": "yes"}', "unable to configure the Docker daemon with file"),
        ('{"no-such-key": 1}', "the following directives don't match any configuration option: no-such-key"),
        ('{"log-level": "loud"}', "invalid logging level: loud"),
    ],
)
def test_a_bad_configuration(engine: RunningEngine, tmp_path: Path, content: str, sentence: str) -> None:
    file = tmp_path / "daemon.json"
    file.write_text(content)
    for extra in ((), ("--validate",)) if engine.api_version >= (1, 42) else ((),):
        done = serve(engine, "--config-file", str(file), *extra)
        assert done.returncode == 1
        assert sentence in done.stderr.replace("unable to parse logging", "invalid logging")


@pytest.mark.min_api("1.42")
def test_validate(engine: RunningEngine, tmp_path: Path) -> None:
    file = tmp_path / "daemon.json"
    file.write_text('{"debug": true}')
    done = serve(engine, "--validate", "--config-file", str(file))
    assert (done.returncode, done.stderr) == (0, "configuration OK\n")


def test_a_socket_that_cannot_be_made(engine: RunningEngine, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = serve(
        engine, "-H", f"unix://{tmp_path}/file/s", "--data-root", f"{tmp_path}/d", "--exec-root", f"{tmp_path}/e",
        "--pidfile", f"{tmp_path}/pid", "--bridge", "none",
    )  # fmt: skip
    assert done.returncode == 1
    assert "can't create unix socket" in done.stderr
    assert not (tmp_path / "pid").exists()


def test_the_socket_is_roots_and_the_groups(engine: RunningEngine) -> None:
    info = os.stat(engine.root / "docker.sock")
    try:
        group = grp.getgrnam("docker").gr_gid
    except KeyError:
        group = 0
    assert (oct(info.st_mode & 0o777), info.st_uid, info.st_gid) == ("0o660", 0, group)


def test_several_addresses_at_once(other: RunningEngine) -> None:
    other.start("--bridge", "none", "-H", f"unix://{other.root}/second.sock", "--group", "root")
    for name in ("docker.sock", "second.sock"):
        done = subprocess.run(
            ["docker", "-H", f"unix://{other.root}/{name}", "version"], capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr
    assert other.stop() == 0


@pytest.mark.parametrize(("flag", "sentence"), [
    (("--group", "nosuchgroup"), "group nosuchgroup not found"),
    (("-H", "unix:///" + "x" * 200), "can't create unix socket"),
    (("-H", "tcp://127.0.0.1:0.5"), "invalid bind address"),
    (("-H", "http://x"), "invalid bind address"),
    (("--tlsverify", "-H", "tcp://127.0.0.1:0", "--tlscert", "/nosuch"), "could not load X509 key pair"),
])  # fmt: skip
def test_addresses_that_cannot_be(other: RunningEngine, flag: tuple[str, ...], sentence: str) -> None:
    done = serve(
        other, *flag, "--data-root", f"{other.root}/d", "--exec-root", f"{other.root}/e", "--pidfile",
        f"{other.root}/pid", "--bridge", "none",
    )  # fmt: skip
    assert done.returncode == 1
    assert sentence in done.stderr.lower() or sentence in done.stderr
    assert not (other.root / "pid").exists()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A folder as DOCKER_CERT_PATH wants it: one certificate is authority, server and client at once."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    )
    for file in ("ca.pem", "cert.pem"):
        (tmp_path / file).write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return tmp_path


def test_tls_with_clients_verified(other: RunningEngine, certificate: Path) -> None:
    """`run -i` ends its stdin while output is still to come: a half-close, which TLS knows as close_notify."""
    files = [
        f"--{flag}={certificate}/{file}.pem"
        for flag, file in (("tlscacert", "ca"), ("tlscert", "cert"), ("tlskey", "key"))
    ]
    other.start("--bridge", "none", "-H", "tcp://127.0.0.1:2376", "--tlsverify", *files)
    subprocess.run(
        ["docker", "-H", other.host, "import", "-", "busybox"], input=busybox_tar(), check=True, capture_output=True
    )
    inside = ["nsenter", f"--net=/run/netns/{other.namespace}", "docker", "-H", "tcp://localhost:2376"]
    script = "cat; sleep 0.5; echo after the end; cat /nosuch; exit 4"
    done = subprocess.run(
        [*inside, "--tlsverify", *files, "run", "-i", "--rm", "--network", "none", "busybox", "sh", "-c", script],
        input="data\n" * 3000, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.stdout, done.returncode) == ("data\n" * 3000 + "after the end\n", 4)
    assert "nosuch" in done.stderr
    stranger = subprocess.run([*inside, "version"], capture_output=True, text=True, timeout=30, check=False)
    assert "server gave HTTP response to HTTPS client" in stranger.stderr or "HTTPS server" in stranger.stderr
    anonymous = subprocess.run([*inside, "--tls", "version"], capture_output=True, text=True, timeout=30, check=False)
    assert anonymous.returncode
    assert other.stop() == 0


def test_a_certificate_names_the_user_to_authorization_plugins(other: RunningEngine, certificate: Path) -> None:
    guard = AuthorizationPlugin(Path("/run/docker/plugins") / f"seawaytls{os.getpid()}.sock")
    files = [
        f"--{flag}={certificate}/{file}.pem"
        for flag, file in (("tlscacert", "ca"), ("tlscert", "cert"), ("tlskey", "key"))
    ]
    try:
        guarded = ["--tlsverify", *files, "--authorization-plugin", guard.socket_path.stem]
        other.start("--bridge", "none", "-H", "tcp://127.0.0.1:2376", *guarded)
        inside = ["nsenter", f"--net=/run/netns/{other.namespace}", "docker", "-H", "tcp://localhost:2376"]
        subprocess.run([*inside, "--tlsverify", *files, "version"], check=True, capture_output=True, timeout=30)
        asked = guard.asked("AuthZReq", "/version")
        assert (asked["User"], asked["UserAuthNMethod"]) == ("localhost", "TLS")
        assert base64.b64decode(asked["RequestPeerCertificates"][0]) == (certificate / "cert.pem").read_bytes()
        assert other.stop() == 0
    finally:
        guard.close()
        guard.socket_path.unlink()


def test_graceful_end(other: RunningEngine) -> None:
    other.start("--bridge", "none")
    assert other.stop() == 0
    assert not (other.root / "pid").exists()
    assert "Processing signal 'terminated'" in log_of(other)
    assert "Daemon shutdown complete" in log_of(other)


@pytest.mark.seaway_only("dockerd's own dump has another name and content")
@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGQUIT])
def test_stacks_are_dumped(engine: RunningEngine, number: signal.Signals) -> None:
    assert engine.process
    before = set((engine.root / "exec").glob("goroutine-stacks-*.log"))
    for file in before:
        file.unlink()
    engine.process.send_signal(number)
    wait_for(lambda: bool(list((engine.root / "exec").glob("goroutine-stacks-*.log"))), "no dump")
    dump = next((engine.root / "exec").glob("goroutine-stacks-*.log"))
    wait_for(lambda: "Thread MainThread" in dump.read_text(), "no main thread")
    assert "exit watcher" in dump.read_text() or "Task" in dump.read_text()
    assert engine.docker("version").returncode == 0


def test_reload(other: RunningEngine) -> None:
    file = other.root / "daemon.json"
    file.write_text('{"labels": ["a=1"], "shutdown-timeout": 20}')
    other.start("--bridge", "none", "--config-file", str(file))
    assert other.process
    events = subprocess.Popen(
        ["docker", "-H", other.host, "events", "--filter", "type=daemon", "--format", "{{json .}}"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        wait_for(lambda: info_of(other)["NEventsListener"] == 1, "nobody listens")
        file.write_text('{"labels": ["b=2"], "debug": true, "live-restore": true, "insecure-registries": ["r:5000"]}')
        other.process.send_signal(signal.SIGHUP)
        assert events.stdout
        event = json.loads(events.stdout.readline())
    finally:
        events.kill()
        events.communicate()
    assert (event["Type"], event["Action"]) == ("daemon", "reload")
    told = event["Actor"]["Attributes"]
    assert (told["labels"], told["debug"], told["live-restore"]) == ('["b=2"]', "true", "true")
    info = info_of(other)
    assert (info["Labels"], info["Debug"], info["LiveRestoreEnabled"]) == (["b=2"], True, True)
    assert "r:5000" in info["RegistryConfig"]["IndexConfigs"]
    assert "Reloaded configuration" in log_of(other)
    file.write_text('{"labels": ["c=3"], "debug": 7}')
    other.process.send_signal(signal.SIGHUP)
    wait_for(lambda: log_of(other).count("Got signal to reload configuration") == 2, "no second reload")
    assert info_of(other)["Labels"] == ["b=2"]
    assert other.stop() == 0


def info_of(engine: RunningEngine) -> dict[str, object]:
    return dict(json.loads(engine.docker("info", "-f", "{{json .}}").stdout))


def test_socket_activation(other: RunningEngine) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{other.root}/handed.sock")
    listener.listen()
    command = [
        sys.executable,
        "-c",
        HAND_OVER,
        str(listener.fileno()),
        other.program,
        *(["serve"] if other.is_seaway else []),
        "-H",
        "fd://",
    ]
    command += ["--data-root", str(other.data_root), "--exec-root", f"{other.root}/exec", "--bridge", "none"]
    with open(other.root / "log", "ab") as log:
        other.process = subprocess.Popen(
            ["unshare", "--net", *command, "--pidfile", f"{other.root}/pid"],
            env={**os.environ, "LISTEN_FDS": "1", "LISTEN_FDNAMES": "docker.socket"},
            pass_fds=[listener.fileno()],
            stdout=log,
            stderr=log,
        )
    listener.close()
    done = subprocess.run(
        ["docker", "-H", f"unix://{other.root}/handed.sock", "version", "-f", "{{.Server.Version}}"],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + log_of(other)
    assert other.stop() == 0


def test_fd_without_activation_is_refused(other: RunningEngine) -> None:
    done = serve(
        other, "-H", "fd://", "--data-root", f"{other.root}/d", "--exec-root", f"{other.root}/e",
        "--pidfile", f"{other.root}/pid", "--bridge", "none",
    )  # fmt: skip
    assert done.returncode == 1
    assert "no sockets found via socket activation" in done.stderr
