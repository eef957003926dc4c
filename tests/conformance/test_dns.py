"""Names of containers on users' networks, asked as a container asks."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from conformance.conftest import Restarted
from conformance.engines import ENDS_AT_ONCE, RunningEngine
from conformance.hosts import Host

UPSTREAM = """
import dns.message, dns.rrset, socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
    server.bind((sys.argv[1], 53))
    print("ready", flush=True)
    while True:
        query, client = server.recvfrom(4096)
        message = dns.message.from_wire(query)
        answer = dns.message.make_response(message)
        question = message.question[0]
        if question.rdtype == 1:
            answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", "A", "203.0.113.7"))
        server.sendto(answer.to_wire(), client)
"""
TCP_QUERY = """
import dns.message, dns.query, sys
print(dns.query.tcp(dns.message.make_query(sys.argv[1], "A"), "127.0.0.11", timeout=3).answer[0][0])
"""


@pytest.fixture(autouse=True)
def net(engine: RunningEngine) -> Iterator[str]:
    engine.docker("network", "create", "shop")
    yield "shop"
    if ids := engine.docker("ps", "-aq", "--filter", "network=shop").stdout.split():
        engine.docker("rm", "-f", *ids)
    engine.docker("network", "rm", "shop")


def start(engine: RunningEngine, name: str, *options: str) -> str:
    done = engine.docker(
        "run", "-d", *ENDS_AT_ONCE, "--name", name, "--network", "shop", *options, "busybox", "sleep", "600"
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def asked(engine: RunningEngine, asker: str, name: str, kind: str = "a") -> list[str]:
    """The answers' data; busybox says `Address:`, or `name =` for PTR."""
    said = engine.docker("exec", asker, "busybox", "nslookup", f"-type={kind}", name, timeout=40).stdout
    answers = said.partition("answer:")[2]
    return sorted(a or b for a, b in re.findall(r"Address: (\S+)|name = (\S+)", answers))


def address(engine: RunningEngine, name: str, network: str = "shop") -> str:
    template = '{{(index .NetworkSettings.Networks "' + network + '").IPAddress}}'
    return engine.docker("inspect", name, "-f", template).stdout.strip()


@contextmanager
def upstream(engine: RunningEngine, where: str) -> Iterator[None]:
    """A server that knows every name, in the engine's own namespace."""
    here = Host(engine.namespace)
    here.run("ip", "addr", "add", f"{where}/32", "dev", "lo")
    command = ["nsenter", f"--net=/run/netns/{engine.namespace}", sys.executable, "-c", UPSTREAM, where]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        assert server.stdout
        server.stdout.readline()
        try:
            yield
        finally:
            server.kill()
            here.run("ip", "addr", "del", f"{where}/32", "dev", "lo")


def test_names_aliases_and_short_ids(engine: RunningEngine) -> None:
    web = start(engine, "web", "--network-alias", "front", "--hostname", "webhost")
    start(engine, "asker")
    for name in ("web", "front", web[:12], "WEB", "web.shop"):
        assert asked(engine, "asker", name) == [address(engine, "web")]
    reverse = ".".join(reversed(address(engine, "web").split("."))) + ".in-addr.arpa"
    assert asked(engine, "asker", reverse, "ptr") == ["web.shop"]
    assert asked(engine, "asker", "web", "aaaa") == []
    assert "can't resolve" not in engine.docker("exec", "asker", "busybox", "nslookup", "web").stderr


def test_a_renamed_container_has_its_new_name(engine: RunningEngine) -> None:
    start(engine, "before", "--network-alias", "kept")
    start(engine, "asker")
    engine.docker("rename", "before", "after")
    assert asked(engine, "asker", "after") == [address(engine, "after")]
    assert asked(engine, "asker", "kept") == [address(engine, "after")]


def test_one_alias_of_several(engine: RunningEngine) -> None:
    for name in ("one", "two"):
        start(engine, name, "--network-alias", "all")
    start(engine, "asker")
    both = sorted([address(engine, "one"), address(engine, "two")])
    assert asked(engine, "asker", "all") == both
    engine.docker("rm", "-f", "one")
    assert asked(engine, "asker", "all") == [address(engine, "two")]


def test_links_are_the_containers_own_names(engine: RunningEngine) -> None:
    start(engine, "db")
    start(engine, "linked", "--link", "db:store")
    start(engine, "asker")
    with upstream(engine, "198.51.100.1"):
        assert asked(engine, "linked", "store") == [address(engine, "db")]


def test_networks_keep_their_names_to_themselves(engine: RunningEngine) -> None:
    engine.docker("network", "create", "--internal", "deep")
    start(engine, "web")
    engine.docker("run", "-d", "--name", "inner", "--network", "deep", "busybox", "sleep", "600")
    assert asked(engine, "inner", "web") == []
    engine.docker("network", "connect", "--alias", "out", "shop", "inner")
    assert asked(engine, "inner", "web") == [address(engine, "web")]
    assert asked(engine, "web", "out") == [address(engine, "inner")]
    engine.docker("network", "disconnect", "shop", "inner")
    assert asked(engine, "inner", "web") == []
    engine.docker("rm", "-f", "inner")
    engine.docker("network", "rm", "deep")


def test_a_container_of_the_default_bridge_gets_names_with_its_first_own_network(engine: RunningEngine) -> None:
    start(engine, "web")
    engine.docker("run", "-d", "--name", "plain", "busybox", "sleep", "600")
    assert "127.0.0.11" not in engine.docker("exec", "plain", "cat", "/etc/resolv.conf").stdout
    engine.docker("network", "connect", "shop", "plain")
    assert "nameserver 127.0.0.11" in engine.docker("exec", "plain", "cat", "/etc/resolv.conf").stdout
    assert asked(engine, "plain", "web") == [address(engine, "web")]


def test_the_worlds_names_come_from_the_containers_servers(engine: RunningEngine) -> None:
    with upstream(engine, "198.51.100.1"):
        start(engine, "asker", "--dns", "198.51.100.1")
        assert asked(engine, "asker", "example.org") == ["203.0.113.7"]
        assert asked(engine, "asker", "asker") == [address(engine, "asker")]


@pytest.mark.min_api("1.44")
def test_internal_networks_ask_nobody(engine: RunningEngine) -> None:
    engine.docker("network", "create", "--internal", "deep")
    with upstream(engine, "198.51.100.1"):
        command = ("run", "--rm", "--network", "deep", "--dns", "198.51.100.1", "busybox")
        said = engine.docker(*command, "busybox", "nslookup", "example.org", timeout=40)
    assert "203.0.113.7" not in said.stdout
    assert "SERVFAIL" in said.stdout + said.stderr
    engine.docker("network", "rm", "deep")


def test_by_tcp(engine: RunningEngine) -> None:
    start(engine, "web")
    key = engine.docker("inspect", "web", "-f", "{{.NetworkSettings.SandboxKey}}").stdout.strip()
    command = ["nsenter", f"--net={key}", sys.executable, "-c", TCP_QUERY, "web"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    assert said.stdout.strip() == address(engine, "web")


@pytest.mark.seaway_only("dockerd's names die with it")
def test_a_client_that_sends_garbage_and_stalls_harms_nobody(engine: RunningEngine) -> None:
    """By datagrams and by TCP, where it says nothing, or half of a question."""
    start(engine, "web")
    start(engine, "asker")
    wait = "{ sleep 60; } | busybox nc 127.0.0.11 53"
    stalled = f"for n in $(seq 40); do {wait} & done; {wait.replace('{', '{ printf x;')}"
    garbage = "for n in $(seq 200); do head -c 400 /dev/urandom; done | busybox nc -u -w 1 127.0.0.11 53"
    start(engine, "rude")
    engine.docker("exec", "-d", "rude", "sh", "-c", stalled)
    engine.docker("exec", "rude", "sh", "-c", garbage)
    for name in ("rude", "asker"):
        assert asked(engine, name, "web") == [address(engine, "web")]


def test_names_outlive_the_engine_and_the_next_one_goes_on(engine: RunningEngine) -> None:
    start(engine, "web")
    key = engine.docker("inspect", "web", "-f", "{{.NetworkSettings.SandboxKey}}").stdout.strip()
    before = address(engine, "web")
    assert asked(engine, "web", "web") == [before]
    engine.kill()
    ask = ["nsenter", f"--net={key}", sys.executable, "-c", TCP_QUERY, "web"]
    said = subprocess.run(ask, capture_output=True, text=True, timeout=20, check=True)
    assert said.stdout.strip() == before
    engine.start()
    start(engine, "late")
    assert asked(engine, "web", "late") == [address(engine, "late")]
    assert asked(engine, "late", "web") == [before]


@pytest.mark.seaway_only("dockerd's containers die with it")
def test_an_engine_killed_before_the_server_has_started(engine: RunningEngine) -> None:
    start(engine, "web")
    engine.kill()
    engine.start()
    assert asked(engine, "web", "web") == [address(engine, "web")]


@pytest.mark.seaway_only("its DNS server is a process of its own")
def test_a_killed_server_is_replaced(engine: RunningEngine) -> None:
    start(engine, "web")
    found = subprocess.run(
        ["pgrep", "-f", f"dns.server {engine.root}/"], capture_output=True, text=True, check=True
    ).stdout.split()
    os.kill(int(found[0]), signal.SIGKILL)
    start(engine, "late")
    assert asked(engine, "web", "late") == [address(engine, "late")]
    assert asked(engine, "late", "web") == [address(engine, "web")]


@pytest.mark.seaway_only("dockerd reads the host's resolv.conf when a container starts")
def test_the_hosts_resolv_conf_changes_under_running_containers(
    engine: RunningEngine, restarted: Restarted, tmp_path: Path
) -> None:
    source, edited = tmp_path / "resolv.conf", "# mine\nnameserver 192.0.2.9\n"
    source.write_text("nameserver 198.51.100.1\n")
    config = tmp_path / "daemon.json"
    config.write_text(json.dumps({"resolv-conf": str(source)}))
    restarted("--config-file", str(config))
    start(engine, "web")
    for name in ("plain", "editor"):
        engine.docker("run", "-d", *ENDS_AT_ONCE, "--name", name, "busybox", "sleep", "600")
    assert "198.51.100.1" in engine.docker("exec", "editor", "cat", "/etc/resolv.conf").stdout, "not its own file"
    engine.docker("exec", "editor", "sh", "-c", f"printf '{edited}' > /etc/resolv.conf")
    with upstream(engine, "198.51.100.1"):
        assert asked(engine, "web", "example.org") == ["203.0.113.7"]
    (tmp_path / "new").write_text("nameserver 198.51.100.2\n")
    (tmp_path / "new").rename(source)
    wait_until(lambda: "198.51.100.2" in engine.docker("exec", "plain", "cat", "/etc/resolv.conf").stdout)
    with upstream(engine, "198.51.100.2"):
        wait_until(lambda: asked(engine, "web", "example.com") == ["203.0.113.7"])
    assert "198.51.100.2" in engine.docker("exec", "web", "cat", "/etc/resolv.conf").stdout
    assert engine.docker("exec", "editor", "cat", "/etc/resolv.conf").stdout == edited
    engine.kill()
    source.write_text("nameserver 198.51.100.3\n")
    engine.start("--config-file", str(config))
    with upstream(engine, "198.51.100.3"):
        wait_until(lambda: asked(engine, "web", "example.net") == ["203.0.113.7"])


def wait_until(holds: Callable[[], bool]) -> None:
    for _ in range(100):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("it never held")
