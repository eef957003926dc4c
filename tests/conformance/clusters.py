"""Several engines and a real etcd on one wire: a switch in a namespace of its own, each engine in one of its own."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from conformance.conftest import import_busybox
from conformance.engines import ENDS_AT_ONCE, RunningEngine, end_leftovers, make_namespace, own_engine
from conformance.hosts import Host
from seaway.kernel import cgroup
from suites.etcd import Etcd, running_etcd

SWITCH_ADDRESS = "198.51.100.1"
STORE = f"etcd://{SWITCH_ADDRESS}:2379/cluster"
TIMERS = ("--cluster-store-opt", "discovery.heartbeat=1", "--cluster-store-opt", "discovery.ttl=3")


@dataclass
class Member:
    engine: RunningEngine
    address: str

    @property
    def flags(self) -> list[str]:
        return ["--cluster-store", STORE, "--cluster-advertise", f"{self.address}:2376", *TIMERS]

    @property
    def host(self) -> Host:
        return Host(self.engine.namespace)

    @property
    def log(self) -> str:
        return (self.engine.root / "log").read_text()

    def docker(self, *args: str) -> str:
        done = self.engine.docker(*args, timeout=60)
        assert done.returncode == 0, f"{args}: {done.stderr}\n{self.log[-3000:]}"
        return done.stdout.strip()

    def fails(self, *args: str) -> str:
        done = self.engine.docker(*args, timeout=60)
        assert done.returncode, f"{args} went well: {done.stdout}"
        return done.stderr.strip()

    def inspect(self, what: str) -> dict[str, Any]:
        return dict(json.loads(self.docker("inspect", what))[0])

    def run(self, network: str, name: str, *options: str) -> str:
        """A container that sleeps. Returns its address on the network."""
        command = ("run", "-d", *ENDS_AT_ONCE, "--name", name, "--network", network, *options)
        self.docker(*command, "busybox", "sleep", "900")
        return str(self.inspect(name)["NetworkSettings"]["Networks"][network]["IPAddress"])

    def pings(self, name: str, target: str) -> bool:
        ping = self.engine.docker("exec", name, "ping", "-c", "1", "-W", "1", target)
        return ping.returncode == 0

    def network_id(self, name: str) -> str:
        """Empty where there is none."""
        return self.engine.docker("network", "inspect", "-f", "{{.Id}}", name).stdout.strip()

    def networks(self) -> list[str]:
        return self.docker("network", "ls", "--format", "{{.Name}}").split()


@dataclass
class TestCluster:
    __test__ = False
    members: list[Member]
    etcd: Etcd
    switch: str

    def __iter__(self) -> Iterator[Member]:
        return iter(self.members)

    def cut(self, member: Member) -> None:
        """Its cable to the switch."""
        _ip("-n", self.switch, "link", "set", _port(member), "down")

    def mend(self, member: Member) -> None:
        _ip("-n", self.switch, "link", "set", _port(member), "up")


@contextmanager
def cluster_of(count: int, directory: Path) -> Iterator[TestCluster]:
    """Engines at 198.51.100.11 and so on, running, with a busybox image."""
    with ExitStack() as undo:
        undo.callback(cgroup.ensure_crun_can_start())
        members = [_member(number, directory, undo) for number in range(count)]
        _need_vxlan(members[0].engine.namespace)
        switch = f"{members[0].engine.namespace}-switch"
        make_namespace(switch)
        undo.callback(_ip, "netns", "del", switch)
        _ip("-n", switch, "link", "add", "switch", "type", "bridge")
        _ip("-n", switch, "addr", "add", f"{SWITCH_ADDRESS}/24", "dev", "switch")
        _ip("-n", switch, "link", "set", "switch", "up")
        for member in members:
            _plug(member, switch)
        prefix = ("nsenter", f"--net=/run/netns/{switch}")
        etcd = undo.enter_context(running_etcd(directory, f"{SWITCH_ADDRESS}:2379", prefix))
        for member in members:
            member.engine.start(*member.flags)
            import_busybox(member.engine)
        yield TestCluster(members, etcd, switch)


def until(holds: Callable[[], bool], what: str, timeout_s: float = 30) -> None:
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def _member(number: int, directory: Path, undo: ExitStack) -> Member:
    root = directory / f"engine{number}"
    root.mkdir()
    engine = own_engine(root, "seaway")
    if not engine.program:
        pytest.skip("Seaway only")
    make_namespace(engine.namespace)
    undo.callback(_end, engine)
    return Member(engine, f"198.51.100.{number + 11}")


def _need_vxlan(namespace: str) -> None:
    add = ["ip", "-n", namespace, "link", "add", "probe", "type", "vxlan", "id", "1", "dstport", "4789"]
    if subprocess.run(add, check=False, capture_output=True).returncode:
        pytest.skip("needs vxlan in the kernel (the virtual machine of tests/vm has it)")
    _ip("-n", namespace, "link", "del", "probe")


def _plug(member: Member, switch: str) -> None:
    there = member.engine.namespace
    _ip("-n", switch, "link", "add", _port(member), "type", "veth", "peer", "name", "wire", "netns", there)
    _ip("-n", switch, "link", "set", _port(member), "master", "switch", "up")
    _ip("-n", there, "addr", "add", f"{member.address}/24", "dev", "wire")
    _ip("-n", there, "link", "set", "wire", "up")


def _port(member: Member) -> str:
    return "port" + member.address.rpartition(".")[2]


def _end(engine: RunningEngine) -> None:
    try:
        if engine.process and not engine.ended():
            engine.kill()
    finally:
        end_leftovers(engine.namespace, engine.root)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)
