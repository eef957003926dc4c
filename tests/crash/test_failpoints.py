"""The engine is killed at each step of each change: afterwards the change is made or it is not, and nothing is left."""

import json
from collections.abc import Iterator

import pytest

from conformance.engines import RunningEngine
from conformance.hosts import Host
from conformance.volumes import prune
from crash.remains import Remains, remains, settled, wait_until

CREATE = ("create: layer made", "create: volumes made", "create: staged", "create: recorded", "volume: staged")
START = (
    "start: volumes mounted",
    "start: namespace made",
    "publish: ports bound",
    "publish: ports translated",
    "start: joined",
    "start: bundle made",
    "start: conmon runs",
    "start: process made",
    "start: process runs",
    "start: recorded",
)
EXIT = ("exit: seen", "exit: recorded", "exit: process deleted", "exit: released")
REMOVE = ("remove: marked", "remove: volumes gone", "remove: layer gone", "remove: directory gone")
RENAME = ("rename: reserved", "rename: recorded")
EXEC = ("exec: bundle made", "exec: ordered", "exec: process made")
NETWORK = ("network: recorded", "network: bridge made", "network: firewall gone", "network: bridge gone")
CONNECT = ("connect: device made", "connect: joined", "connect: recorded")
DISCONNECT = ("disconnect: device gone", "disconnect: left", "disconnect: recorded")
OPTIONS = ("--name", "subject", "-p", "18080:80", "-v", "kept:/data", "-v", "/anonymous")


@pytest.fixture
def at_rest(engine: RunningEngine) -> Iterator[Remains]:
    """Before the test; its own container is removed behind it."""
    engine.docker("volume", "create", "kept")
    yield remains(engine)
    engine.docker("rm", "-fv", "subject", "renamed")


def dies(engine: RunningEngine, failpoint: str, *command: str) -> None:
    engine.kill()
    engine.start(failpoint=failpoint)
    engine.docker(*command)
    wait_until(engine.ended)
    assert engine.ended(), f"{failpoint} was not reached"
    (engine.root / "pid").unlink(missing_ok=True)
    engine.start()


def state(engine: RunningEngine, name: str = "subject") -> str:
    found = engine.docker("inspect", "-f", "{{json .State}}", name)
    return json.loads(found.stdout)["Status"] if found.returncode == 0 else "absent"


def leaves_nothing(engine: RunningEngine, before: Remains) -> None:
    """The name, the port and the volume are free again."""
    engine.docker("rm", "-fv", "subject")
    assert settled(engine, before) == before
    again = engine.docker("run", "--rm", *OPTIONS, "busybox", "echo", "works")
    assert again.stdout == "works\n", again.stderr
    assert settled(engine, before) == before


@pytest.mark.parametrize("failpoint", CREATE)
def test_create(engine: RunningEngine, at_rest: Remains, failpoint: str) -> None:
    dies(engine, failpoint, "create", *OPTIONS, "busybox", "true")
    wanted = "created" if failpoint == "create: recorded" else "absent"
    assert state(engine) == wanted
    if wanted == "absent":
        assert settled(engine, at_rest) == at_rest
    leaves_nothing(engine, at_rest)


@pytest.mark.parametrize("failpoint", START)
def test_start(engine: RunningEngine, at_rest: Remains, failpoint: str) -> None:
    engine.docker("create", *OPTIONS, "busybox", "sleep", "1000")
    created = settled(engine, remains(engine))
    dies(engine, failpoint, "start", "subject")
    if failpoint == "start: recorded":
        assert state(engine) == "running"
        assert engine.docker("exec", "subject", "echo", "in").stdout == "in\n"
    else:
        assert state(engine) == "created"
        assert settled(engine, created) == created
        assert engine.docker("start", "subject").returncode == 0
    leaves_nothing(engine, at_rest)


@pytest.mark.parametrize("failpoint", EXIT)
def test_exit(engine: RunningEngine, at_rest: Remains, failpoint: str) -> None:
    engine.docker("create", *OPTIONS, "busybox", "sh", "-c", "echo last words; exit 7")
    created = settled(engine, remains(engine))
    dies(engine, failpoint, "start", "subject")
    wait_until(lambda: state(engine) == "exited")
    assert engine.docker("inspect", "-f", "{{.State.ExitCode}}", "subject").stdout == "7\n"
    # at least once: the engine may die between a line's way to the log and the note of it
    assert set(engine.docker("logs", "subject").stdout.splitlines()) == {"last words"}
    assert settled(engine, created) == created
    leaves_nothing(engine, at_rest)


@pytest.mark.parametrize("failpoint", EXIT)
def test_exit_of_one_that_removes_itself(engine: RunningEngine, at_rest: Remains, failpoint: str) -> None:
    dies(engine, failpoint, "run", "-d", "--rm", *OPTIONS, "busybox", "true")
    assert settled(engine, at_rest) == at_rest
    leaves_nothing(engine, at_rest)


@pytest.mark.parametrize("failpoint", REMOVE)
def test_remove(engine: RunningEngine, at_rest: Remains, failpoint: str) -> None:
    engine.docker("run", *OPTIONS, "busybox", "true")
    dies(engine, failpoint, "rm", "-v", "subject")
    wait_until(lambda: state(engine) == "absent")
    assert state(engine) == "absent"
    if failpoint == "remove: marked":
        prune(engine)
    leaves_nothing(engine, at_rest)


@pytest.mark.parametrize("failpoint", RENAME)
def test_rename(engine: RunningEngine, at_rest: Remains, failpoint: str) -> None:
    engine.docker("create", *OPTIONS, "busybox", "true")
    dies(engine, failpoint, "rename", "subject", "renamed")
    held = {name for name in ("subject", "renamed") if state(engine, name) == "created"}
    assert held == ({"subject"} if failpoint == "rename: reserved" else {"renamed"})
    engine.docker("rm", "-fv", "renamed")
    leaves_nothing(engine, at_rest)


@pytest.mark.parametrize("failpoint", EXEC)
def test_exec(engine: RunningEngine, at_rest: Remains, failpoint: str) -> None:
    engine.docker("run", "-d", *OPTIONS, "busybox", "sleep", "1000")
    running = settled(engine, remains(engine))
    dies(engine, failpoint, "exec", "subject", "sh", "-c", "sleep 0.5; echo x >/data/made")
    assert state(engine) == "running"
    assert settled(engine, running) == running
    assert engine.docker("exec", "subject", "echo", "in").stdout == "in\n"
    leaves_nothing(engine, at_rest)


@pytest.mark.parametrize("failpoint", NETWORK)
def test_networks(engine: RunningEngine, at_rest: Remains, failpoint: str) -> None:
    is_removal = failpoint.endswith("gone")
    if is_removal:
        engine.docker("network", "create", "shop")
    dies(engine, failpoint, "network", *(("rm", "shop") if is_removal else ("create", "shop")))
    assert engine.docker("run", "--rm", "--network", "shop", "busybox", "echo", "works").stdout == "works\n"
    assert engine.docker("network", "rm", "shop").returncode == 0
    leaves_nothing(engine, at_rest)


@pytest.mark.modules("macvlan")
def test_a_network_on_a_device_of_the_hosts(engine: RunningEngine, at_rest: Remains) -> None:
    """The device stays, the half-made network is one."""
    here = Host(engine.namespace)
    here.run("ip", "link", "add", "lan", "type", "veth", "peer", "name", "lan-end")
    dies(engine, "network: parent made", "network", "create", "-d", "macvlan", "-o", "parent=lan", "shop")
    assert engine.docker("network", "rm", "shop").returncode == 0
    here.run("ip", "link", "del", "lan")
    leaves_nothing(engine, at_rest)


@pytest.mark.parametrize("failpoint", [*CONNECT, *DISCONNECT])
def test_networks_of_a_running_container(engine: RunningEngine, at_rest: Remains, failpoint: str) -> None:
    """What was half done is done by asking again; nothing of it is left on the host."""
    verb = failpoint.partition(":")[0]
    engine.docker("network", "create", "shop")
    engine.docker("run", "-d", *OPTIONS, "busybox", "sleep", "1000")
    if verb == "disconnect":
        engine.docker("network", "connect", "shop", "subject")
    dies(engine, failpoint, "network", verb, "shop", "subject")
    again = engine.docker("network", verb, "shop", "subject")
    assert (again.returncode == 0) is (failpoint != f"{verb}: recorded"), again.stderr
    devices = engine.docker("exec", "subject", "ls", "/sys/class/net").stdout.split()
    assert sorted(devices) == (["eth0", "eth1", "lo"] if verb == "connect" else ["eth0", "lo"])
    assert engine.docker("exec", "subject", "busybox", "ping", "-c1", "-W2", "172.17.0.1").returncode == 0
    engine.docker("rm", "-fv", "subject")
    assert engine.docker("network", "rm", "shop").returncode == 0
    leaves_nothing(engine, at_rest)
