"""Beside the firewalls that hosts have: real firewalld and ufw, in the network namespace of the engine."""

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from conformance.conftest import Restarted, RunningEngine
from conformance.engines import SEAWAY
from conformance.hostfirewalls import Firewalld, Ufw, wait_until
from conformance.hosts import ENGINE_ADDRESS, OTHER_ADDRESS, TIMED_OUT, Host, serve, wait_serving

CLOSED = (TIMED_OUT, "No route to host")
"""Dropped by our rules, rejected by theirs."""
ENGINE_FLAGS = [
    (),
    pytest.param(("--firewall-backend=iptables",), marks=pytest.mark.seaway_only("dockerd 20.10 has no such flag")),
]


@pytest.fixture
def firewalld(
    engine: RunningEngine, other: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Firewalld]:
    """Not yet running; its bus is."""
    if not (shutil.which("firewalld") and shutil.which("dbus-daemon")):
        pytest.skip("needs firewalld and dbus-daemon (Debian: firewalld)")
    found = Firewalld(engine.namespace, tmp_path)
    with found.bus():
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", found.address)
        yield found


@pytest.fixture
def ufw(engine: RunningEngine, other: Host, tmp_path: Path) -> Iterator[Ufw]:
    if not shutil.which("ufw"):
        pytest.skip("needs ufw (Debian: ufw)")
    found = Ufw(engine.namespace, tmp_path)
    yield found
    found.command("disable")


@dataclass(frozen=True)
class Shop:
    """A container that publishes `port` and serves it, on a network of its own."""

    engine: RunningEngine
    other: Host
    port: int

    def open(self) -> str:
        self.engine.docker("network", "create", "shop")
        container = serve(self.engine, "--network", "shop", "--name", "web", "-p", f"{self.port}:80")
        wait_serving(Host(self.engine.namespace), "127.0.0.1", self.port)
        return container

    def close(self) -> None:
        self.engine.docker("rm", "-f", "web")
        self.engine.docker("network", "rm", "shop")

    @property
    def bridge(self) -> str:
        return "br-" + self.engine.docker("network", "inspect", "shop", "-f", "{{.Id}}").stdout[:12]

    @property
    def address(self) -> str:
        where = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        return self.engine.docker("inspect", "web", "-f", where).stdout.strip()

    def answers(self) -> bool:
        return self.other.tcp(ENGINE_ADDRESS, self.port) == "hello"

    def answers_itself(self) -> bool:
        """By the host's address, where the port proxy listens for containers."""
        call = f"echo ahoy | nc -w 1 {ENGINE_ADDRESS} {self.port}"
        return self.engine.docker("exec", "web", "sh", "-c", call).stdout.strip() == "hello"

    def calls_out(self) -> bool:
        return self.engine.docker("exec", "web", "ping", "-c", "1", "-W", "1", OTHER_ADDRESS).returncode == 0

    def check(self) -> None:
        """Open is what shall be, by itself and soon."""
        wait_until(self.answers, "the published port does not answer")
        wait_until(self.calls_out, "the container does not reach another host")

    def check_closed(self) -> None:
        if self.engine.is_seaway:
            address = self.address
            wait_until(lambda: self.other.tcp(address, 80) in CLOSED, "an unpublished port is open")


@pytest.fixture
def shop(engine: RunningEngine, other: Host) -> Iterator[Shop]:
    found = Shop(engine, other, 8093)
    yield found
    found.close()


def check(engine: RunningEngine) -> str:
    """What `seaway check` says on that host."""
    return Host(engine.namespace).run(SEAWAY, "check")


def audited(engine: RunningEngine) -> dict[str, str]:
    """By place, who may call there, of what `seaway network audit` says."""
    said = Host(engine.namespace).run(SEAWAY, "network", "-H", engine.host, "audit", "--json")
    return {row["at"]: row["open_to"] for row in json.loads(said)}


@pytest.mark.seaway_only("dockerd has no audit")
@pytest.mark.parametrize("judge", ["ufw", "firewalld"])
def test_the_audit_tells_the_truth_beside_them(
    request: pytest.FixtureRequest, restarted: Restarted, shop: Shop, judge: str
) -> None:
    """What comes to the host itself, where the port proxy and the host's network listen, is for them to judge."""
    host_firewall = request.getfixturevalue(judge)
    restarted()
    shop.open()
    engine, other = shop.engine, shop.other
    engine.docker("run", "-d", "--network", "host", "--name", "bare", "busybox", "nc", "-ll", "-p", "8094", "-e", "cat")
    with ExitStack() as running:
        if isinstance(host_firewall, Firewalld):
            running.enter_context(host_firewall.running())
        else:
            host_firewall.command("--force", "enable")
        said = audited(engine)
        assert said[f"0.0.0.0:{shop.port}"] == "everybody who reaches this host"
        wait_until(shop.answers, "it says more than there is")
        assert said["the host's addresses"] == f"whom {judge} lets in to this host"
        assert other.tcp(ENGINE_ADDRESS, 8094) in CLOSED
        assert f"for {judge} to judge" in Host(engine.namespace).run(SEAWAY, "network", "-H", engine.host, "audit")
    if isinstance(host_firewall, Ufw):
        host_firewall.command("disable")
    assert audited(engine)["the host's addresses"] == "everybody who reaches this host"
    assert other.tcp(ENGINE_ADDRESS, 8094) == "ahoy"
    engine.docker("rm", "-f", "bare")


@pytest.mark.parametrize("backend", ["nftables", "iptables"])
@pytest.mark.parametrize("flags", ENGINE_FLAGS)
def test_beside_firewalld(
    firewalld: Firewalld, restarted: Restarted, shop: Shop, flags: tuple[str, ...], backend: str
) -> None:
    with firewalld.running(backend):
        restarted(*flags)
        shop.open()
        bridge = shop.bridge
        assert firewalld.command(f"--get-zone-of-interface={bridge}") == "docker"
        assert firewalld.command("--get-zone-of-interface=docker0") == "docker"
        shop.check()
        assert shop.answers_itself()
        assert "zone docker" in check(shop.engine) or not shop.engine.is_seaway
        assert firewalld.command("--reload") == "success"
        shop.check()
        assert firewalld.command("--complete-reload") == "success"
        shop.check()
        shop.check_closed()
        shop.close()
        assert "no zone" in firewalld.command(f"--get-zone-of-interface={bridge}")
        shop.open()
        shop.check()
    shop.check()
    shop.check_closed()


@pytest.mark.seaway_only("dockerd hears only of a firewalld that ran when it started")
def test_firewalld_comes_goes_and_comes_back(firewalld: Firewalld, restarted: Restarted, shop: Shop) -> None:
    restarted()
    shop.open()
    for _ in range(2):
        with firewalld.running():
            shop.check()
        shop.check()


@pytest.mark.parametrize("flags", ENGINE_FLAGS)
def test_beside_ufw(ufw: Ufw, restarted: Restarted, shop: Shop, flags: tuple[str, ...]) -> None:
    restarted(*flags)
    shop.open()
    for command in (("--force", "enable"), ("reload",)):
        ufw.command(*command)
        shop.check()
    assert "(ufw)" in check(shop.engine) or not shop.engine.is_seaway
    assert not shop.answers_itself(), "what comes in is for ufw to judge"
    ufw.command("allow", "in", "on", shop.bridge)
    assert shop.answers_itself()
    restarted(*flags)
    shop.engine.docker("start", "web")
    shop.check()
    shop.check_closed()
    ufw.command("disable")
    shop.check()
