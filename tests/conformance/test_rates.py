"""Bandwidth limits, and what is open to whom; nothing of dockerd's has these."""

import json
import re
import subprocess
import time

import pytest

from conformance.engines import RunningEngine
from conformance.hosts import Host, serve, wait_serving
from conformance.test_live_ports import seaway

pytestmark = pytest.mark.seaway_only("an extension")
RX, TX = "com.seaway.rate.rx", "com.seaway.rate.tx"


def limits(engine: RunningEngine, container: str) -> tuple[list[str], list[str]]:
    """(what the host's devices send, what the container's send), as tc says it."""
    key = engine.docker("inspect", container, "-f", "{{.NetworkSettings.SandboxKey}}").stdout.strip()
    inside = subprocess.run(["nsenter", f"--net={key}", "tc", "qdisc"], capture_output=True, text=True, check=True)
    return _rates(Host(engine.namespace).run("tc", "qdisc")), _rates(inside.stdout)


def _rates(text: str) -> list[str]:
    return re.findall(r"tbf .* rate (\S+)", text)


def test_limits_from_the_start_and_live(engine: RunningEngine) -> None:
    engine.docker("network", "create", "shop")
    wish = f"name=shop,driver-opt={RX}=8mbit,driver-opt={TX}=4mbit"
    started = engine.docker("run", "-d", "--name", "slow", "--network", wish, "busybox", "sleep", "99")
    assert started.returncode == 0, started.stderr
    assert limits(engine, "slow") == (["8Mbit"], ["4Mbit"])
    assert seaway(engine, "network", "limit", "slow", "shop", "--rx", "16mbit", "--tx", "0").stderr == ""
    assert limits(engine, "slow") == (["16Mbit"], [])
    engine.docker("restart", "-t", "0", "slow")
    assert limits(engine, "slow") == (["16Mbit"], [])
    engine.docker("stop", "-t", "0", "slow")
    assert seaway(engine, "network", "limit", "slow", "shop", "--tx", "1mbit").returncode == 0
    engine.docker("start", "slow")
    assert limits(engine, "slow") == (["16Mbit"], ["1Mbit"])
    assert "a rate is like" in seaway(engine, "network", "limit", "slow", "shop", "--tx", "x").stderr
    assert "not connected" in seaway(engine, "network", "limit", "slow", "bridge", "--tx", "1mbit").stderr
    refused = engine.docker("create", "--network", f"name=shop,driver-opt={RX}=fast", "busybox")
    assert "a rate is like" in refused.stderr
    engine.docker("rm", "-f", "slow")
    engine.docker("network", "rm", "shop")


def test_a_connected_endpoint_and_its_speed(engine: RunningEngine) -> None:
    """A megabyte at four megabits a second takes two seconds."""
    engine.docker("network", "create", "shop")
    name = engine.docker("run", "-d", "busybox", "sleep", "99").stdout.strip()
    done = engine.docker("network", "connect", "--driver-opt", f"{TX}=4mbit", "shop", name)
    assert done.returncode == 0, done.stderr
    assert limits(engine, name) == ([], ["4Mbit"])
    engine.docker("run", "-di", "--name", "sink", "--network", "shop", "busybox", "nc", "-l", "-p", "9")
    send = "until nc sink 9 < /payload; do :; done"
    engine.docker("exec", name, "sh", "-c", "head -c 1000000 /dev/zero > /payload")
    began = time.monotonic()
    engine.docker("exec", name, "sh", "-c", send)
    assert engine.docker("wait", "sink").stdout.strip() == "0"
    assert time.monotonic() - began > 1.5
    engine.docker("rm", "-f", name, "sink")
    engine.docker("network", "rm", "shop")


def test_audit(engine: RunningEngine) -> None:
    web = serve(engine, "--name", "audited", "-p", "8400:80", "-p", "127.0.0.1:8401:80")
    wait_serving(Host(engine.namespace), "127.0.0.1", 8400)
    said = json.loads(seaway(engine, "network", "audit", "--json").stdout)
    mine = {(r["at"], r["open_to"]) for r in said if r["container"] == "audited"}
    address = engine.docker("inspect", web, "-f", "{{.NetworkSettings.IPAddress}}").stdout.strip()
    assert ("0.0.0.0:8400", "everybody who reaches this host") in mine
    assert ("127.0.0.1:8401", "this host") in mine
    assert (f"{address}:80", "this host, containers on bridge") in mine or any("nobody" in r["port"] for r in said)
    assert "map published, tcp . 8400" in seaway(engine, "network", "audit").stdout
    engine.docker("rm", "-f", web)
