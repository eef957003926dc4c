"""The rules: by either backend, beside another engine's, and after somebody has meddled with them."""

import pytest

from conformance.conftest import Restarted, RunningEngine
from conformance.engines import ENDS_AT_ONCE
from conformance.hosts import ENGINE_ADDRESS, OTHER_ADDRESS, REFUSED, TIMED_OUT, Host, serve, wait_serving
from conformance.options import call


@pytest.fixture(scope="module")
def here(engine: RunningEngine) -> Host:
    return Host(engine.namespace)


def address_of(engine: RunningEngine, container: str) -> str:
    return engine.docker(
        "inspect", container, "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    ).stdout.strip()


def said_by(engine: RunningEngine, container: str, command: str) -> str:
    return engine.docker("exec", container, "sh", "-c", command).stdout.strip()


@pytest.mark.seaway_only("dockerd 20.10 has no such flag")
@pytest.mark.parametrize("flags", [(), ("--userland-proxy=false",)])
def test_the_same_by_iptables(
    engine: RunningEngine, here: Host, other: Host, restarted: Restarted, flags: tuple[str, ...]
) -> None:
    restarted("--firewall-backend=iptables", *flags)
    assert call(engine, "GET", "/info")[1]["FirewallBackend"]["Driver"] == "iptables"
    assert "seaway" not in here.run("nft", "list", "tables")
    engine.docker("network", "create", "shop")
    engine.docker("network", "create", "--internal", "deep")
    web = serve(engine, "--network", "shop", "-p", "8090:80", "-p", "127.0.0.1:8091:80")
    inner = serve(engine, "--network", "deep")
    caller = engine.docker("run", "-d", *ENDS_AT_ONCE, "busybox", "sleep", "600").stdout.strip()
    wait_serving(here, "127.0.0.1", 8090)
    assert other.tcp(ENGINE_ADDRESS, 8090) == "hello"
    assert here.tcp(ENGINE_ADDRESS, 8090) == "hello"
    assert here.tcp("127.0.0.1", 8091) == "hello"
    assert other.tcp(ENGINE_ADDRESS, 8091) == REFUSED
    assert other.tcp(address_of(engine, web), 80) == TIMED_OUT
    assert other.tcp(address_of(engine, inner), 80) == TIMED_OUT
    assert said_by(engine, caller, f"echo ahoy | nc -w 2 {ENGINE_ADDRESS} 8090") == "hello"
    assert said_by(engine, caller, f"echo ahoy | nc -w 1 {address_of(engine, web)} 80") == ""
    assert said_by(engine, web, f"ping -c 1 -W 2 {OTHER_ADDRESS} >/dev/null && echo out") == "out"
    assert said_by(engine, inner, f"ping -c 1 -W 1 {OTHER_ADDRESS} >/dev/null && echo out") == ""
    here.run("iptables", "-A", "DOCKER-USER", "-s", OTHER_ADDRESS, "-j", "DROP")
    assert other.tcp(ENGINE_ADDRESS, 8090) == TIMED_OUT
    engine.stop()
    engine.start("--firewall-backend=iptables", *flags)
    assert OTHER_ADDRESS in here.run("iptables", "-S", "DOCKER-USER")
    here.run("iptables", "-F", "DOCKER-USER")
    engine.docker("rm", "-f", web, inner, caller)
    assert "--dport" not in here.run("iptables", "-t", "nat", "-S")
    engine.docker("network", "rm", "shop", "deep")
    engine.stop()
    engine.start()
    assert "SEAWAY" not in here.run("iptables-save")
    assert "table ip seaway" in here.run("nft", "list", "tables")


@pytest.mark.parametrize("program", ["iptables-nft", "iptables-legacy"])
def test_a_host_that_forwards_nothing_by_default(
    engine: RunningEngine, here: Host, other: Host, restarted: Restarted, program: str
) -> None:
    """As ufw sets it."""
    here.run(program, "-P", "FORWARD", "DROP")
    try:
        restarted()
        engine.docker("network", "create", "shop")
        web = serve(engine, "--network", "shop", "-p", "8092:80")
        wait_serving(here, "127.0.0.1", 8092)
        assert other.tcp(ENGINE_ADDRESS, 8092) == "hello"
        assert said_by(engine, web, f"ping -c 1 -W 2 {OTHER_ADDRESS} >/dev/null && echo out") == "out"
        assert other.tcp(address_of(engine, web), 80) == TIMED_OUT or not engine.is_seaway
        engine.docker("rm", "-f", web)
        engine.docker("network", "rm", "shop")
    finally:
        here.run(program, "-P", "FORWARD", "ACCEPT")
        here.run(program, "-F", "FORWARD")


def test_links_where_containers_may_not_talk(engine: RunningEngine, restarted: Restarted) -> None:
    restarted("--icc=false")
    db = serve(engine, "--name", "db", "--expose", "80")
    wait_serving(Host(engine.namespace), address_of(engine, db), 80)
    call = f"echo ahoy | nc -w 1 {address_of(engine, db)} 80"
    for name, options in (("linked", ("--link", "db")), ("stranger", ())):
        engine.docker("run", "-d", "--name", name, *options, "busybox", "sleep", "600")
    assert said_by(engine, "linked", call) == "hello"
    assert said_by(engine, "stranger", call) == ""
    if engine.is_seaway:
        engine.kill()
        engine.start("--icc=false")
        assert said_by(engine, "linked", call) == "hello"
        assert said_by(engine, "stranger", call) == ""
    engine.docker("rm", "-f", "linked")
    if engine.is_seaway:
        assert "elements" not in Host(engine.namespace).run("nft", "list", "set", "ip", "seaway", "linked")
    engine.docker("rm", "-f", "db", "stranger")
