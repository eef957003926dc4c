"""Who calls: the engine's own host, and another one that is a network namespace on the same wire."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from conformance.engines import ENDS_AT_ONCE, RunningEngine

ENGINE_ADDRESS, OTHER_ADDRESS = "192.0.2.1", "192.0.2.2"
CALL = """
import socket, sys
kind, host, port = sys.argv[1:]
family = socket.AF_INET6 if ":" in host else socket.AF_INET
with socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM) as caller:
    caller.settimeout(2)
    try:
        caller.connect((host, int(port)))
        caller.sendall(b"ahoy\\n")
        print(caller.recv(100).decode().strip())
    except TimeoutError:
        print("nobody answers")
    except OSError as failed:
        print(failed.strerror)
"""
UDP_SERVER = """
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
    server.bind(("0.0.0.0", int(sys.argv[1])))
    print("ready", flush=True)
    while True:
        _, caller = server.recvfrom(100)
        server.sendto(b"hello", caller)
"""
WHO_CALLS = """
import socket, sys
with socket.create_server(("0.0.0.0", int(sys.argv[1]))) as server:
    print("ready", flush=True)
    while True:
        connection, (address, _) = server.accept()
        with connection:
            connection.sendall(address.encode())
"""
# An INIT chunk (RFC 9260, 3.3.2) behind the common header: ports, verification tag 0, CRC32c.
SEND_SCTP = """
import socket, struct, sys
host, port = sys.argv[1], int(sys.argv[2])
def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x82F63B78 * (crc & 1)
    return crc ^ 0xFFFFFFFF
chunk = struct.pack("!BBHIIHHI", 1, 0, 20, 7, 65536, 1, 1, 7)
packet = struct.pack("!HHII", 40000, port, 0, 0) + chunk
packet = packet[:8] + struct.pack("<I", crc32c(packet)) + packet[12:]
with socket.socket(socket.AF_INET, socket.SOCK_RAW, 132) as raw:
    raw.sendto(packet, (host, 0))
"""
RECEIVE_SCTP = """
import socket, struct
with socket.socket(socket.AF_INET, socket.SOCK_RAW, 132) as raw:
    raw.settimeout(1)
    print("ready", flush=True)
    try:
        packet = raw.recv(2000)
        print(struct.unpack_from("!H", packet, 22)[0], flush=True)
    except TimeoutError:
        print("nobody answers", flush=True)
"""
TIMED_OUT, REFUSED = "nobody answers", "Connection refused"


@dataclass(frozen=True)
class Host:
    namespace: str

    def tcp(self, host: str, port: int) -> str:
        """What the other side says, or why it does not."""
        return self._call("tcp", host, port)

    def udp(self, host: str, port: int) -> str:
        return self._call("udp", host, port)

    @contextmanager
    def answering_with_callers_address(self, port: int) -> Iterator[None]:
        with started(f"/run/netns/{self.namespace}", WHO_CALLS, str(port)):
            yield

    def run(self, *command: str) -> str:
        done = subprocess.run(
            ["nsenter", f"--net=/run/netns/{self.namespace}", *command],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
        return done.stdout

    def _call(self, kind: str, host: str, port: int) -> str:
        return self.run(sys.executable, "-c", CALL, kind, host, str(port)).strip()


@contextmanager
def neighbour(engine: RunningEngine) -> Iterator[Host]:
    """Another host, which knows the way to the containers' addresses too."""
    here, there = engine.namespace, f"{engine.namespace}-other"
    commands = [
        f"ip netns add {there}",
        f"ip -n {here} link add wire type veth peer name wire netns {there}",
        f"ip -n {here} addr add {ENGINE_ADDRESS}/24 dev wire",
        f"ip -n {here} link set wire up",
        f"ip -n {there} addr add {OTHER_ADDRESS}/24 dev wire",
        f"ip -n {there} link set wire up",
        f"ip -n {there} link set lo up",
        f"ip -n {there} route add default via {ENGINE_ADDRESS}",
    ]
    try:
        for command in commands:
            subprocess.run(command.split(), check=True)
        yield Host(there)
    finally:
        subprocess.run(["ip", "-n", here, "link", "del", "wire"], check=False)
        subprocess.run(["ip", "netns", "del", there], check=False)


def server(says: str = "hello") -> list[str]:
    """Busybox's command that answers every caller on port 80, many at a time, once he has said a line."""
    return ["nc", "-ll", "-p", "80", "-e", "sh", "-c", f"read -r line; echo {says}"]


def serve(engine: RunningEngine, *options: str, says: str = "hello") -> str:
    """A container that serves. Returns its ID."""
    started = engine.docker("run", "-d", *ENDS_AT_ONCE, *options, "busybox", *server(says))
    assert started.returncode == 0, started.stderr
    return started.stdout.strip()


@contextmanager
def serving_udp(engine: RunningEngine, container: str, port: int) -> Iterator[None]:
    """Answers datagrams in a container's network; busybox has no server for that."""
    with started(network_of(engine, container), UDP_SERVER, str(port)):
        yield


def network_of(engine: RunningEngine, container: str) -> str:
    return engine.docker("inspect", container, "-f", "{{.NetworkSettings.SandboxKey}}").stdout.strip()


@contextmanager
def started(network: str, program: str, *arguments: str) -> "Iterator[subprocess.Popen[str]]":
    """A Python program in that network, once it has said that it is ready."""
    command = ["nsenter", f"--net={network}", sys.executable, "-c", program, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout
        running.stdout.readline()
        try:
            yield running
        finally:
            running.kill()


def sctp_arrives(engine: RunningEngine, container: str, caller: Host, port: int) -> str:
    """The port of the container at which a call to `port` of the engine's host arrives."""
    with started(network_of(engine, container), RECEIVE_SCTP) as receiving:
        caller.run(sys.executable, "-c", SEND_SCTP, ENGINE_ADDRESS, str(port))
        assert receiving.stdout
        return receiving.stdout.readline().strip()


def wait_serving(host: Host, address: str, port: int) -> None:
    """`nc` listens some moments after its container started."""
    for _ in range(50):
        if host.tcp(address, port) not in (REFUSED, TIMED_OUT, ""):
            return
    raise AssertionError(f"{address}:{port} never answered")
