"""Ports that are published and taken back while their container runs; nothing of dockerd's has this."""

import json
import subprocess
import sys
from typing import Any

import pytest

from conformance.engines import RunningEngine
from conformance.hosts import REFUSED, Host, serve, server, wait_serving

pytestmark = pytest.mark.seaway_only("a container's ports are dockerd's at its start, and for good")


def seaway(engine: RunningEngine, *arguments: str) -> "subprocess.CompletedProcess[str]":
    program = [sys.executable, "-c", "from seaway.cli.main import main; raise SystemExit(main())"]
    command = [*program, arguments[0], "-H", engine.host, *arguments[1:]]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


@pytest.fixture
def here(engine: RunningEngine) -> Host:
    return Host(engine.namespace)


def shown(engine: RunningEngine, container: str, what: str) -> Any:
    return json.loads(engine.docker("inspect", container, "-f", "{{json " + what + "}}").stdout)


def test_publish_and_unpublish(engine: RunningEngine, here: Host) -> None:
    web = serve(engine, "-p", "8300:80", "--expose", "80")
    wait_serving(here, "127.0.0.1", 8300)
    assert seaway(engine, "port", "publish", web, "8301:80", "127.0.0.1:8302:80").stderr == ""
    for port in (8300, 8301, 8302):
        assert here.tcp("127.0.0.1", port) == "hello"
    assert seaway(engine, "port", "ls", web).stdout.splitlines() == [
        *(f"0.0.0.0:{port} -> 80/tcp" for port in (8300,)),
        "[::]:8300 -> 80/tcp",
        "0.0.0.0:8301 -> 80/tcp",
        "[::]:8301 -> 80/tcp",
        "127.0.0.1:8302 -> 80/tcp",
    ]
    engine.kill()
    engine.start()
    assert here.tcp("127.0.0.1", 8301) == "hello"
    engine.docker("restart", "-t", "0", web)
    wait_serving(here, "127.0.0.1", 8302)
    mistyped = seaway(engine, "port", "unpublish", web, "8309:80")
    assert (mistyped.returncode, mistyped.stderr) == (1, f"Error: {web} publishes no such port: 8309:80\n")
    assert seaway(engine, "port", "unpublish", web, "8301:80").returncode == 0
    assert [here.tcp("127.0.0.1", port) for port in (8300, 8301, 8302)] == ["hello", REFUSED, "hello"]
    assert seaway(engine, "port", "unpublish", web, "80").returncode == 0
    for port in (8300, 8301, 8302):
        assert here.tcp("127.0.0.1", port) == REFUSED
    assert shown(engine, web, ".NetworkSettings.Ports") == {"80/tcp": None}
    assert shown(engine, web, ".HostConfig.PortBindings") == {}
    other = serve(engine, "-p", "8300:80")
    wait_serving(here, "127.0.0.1", 8300)
    engine.docker("rm", "-f", web, other)


def test_a_port_that_is_taken_leaves_all_as_it_was(engine: RunningEngine, here: Host) -> None:
    web, other = serve(engine, "-p", "8310:80"), serve(engine, "-p", "8311:80")
    wait_serving(here, "127.0.0.1", 8310)
    with engine.client() as client:
        answer = client.api.post(
            client.api._url("/containers/{0}/update", web),
            json={"PortBindings": {"80/tcp": [{"HostPort": "8311"}]}},
        )
    assert answer.status_code == 500
    assert "Bind for 0.0.0.0:8311 failed: port is already allocated" in answer.json()["message"]
    assert here.tcp("127.0.0.1", 8310) == "hello"
    assert shown(engine, web, ".HostConfig.PortBindings") == {"80/tcp": [{"HostIp": "", "HostPort": "8310"}]}
    engine.docker("rm", "-f", web, other)


def test_of_one_that_does_not_run(engine: RunningEngine, here: Host) -> None:
    engine.docker("create", "--name", "later", "busybox", *server())
    assert seaway(engine, "port", "publish", "later", "8320:80").returncode == 0
    engine.docker("start", "later")
    wait_serving(here, "127.0.0.1", 8320)
    assert "invalid port" in seaway(engine, "port", "publish", "later", "x").stderr
    engine.docker("rm", "-f", "later")
    engine.docker("run", "-d", "--name", "alone", "--network", "none", "busybox", "sleep", "99")
    assert "on no network whose ports" in seaway(engine, "port", "publish", "alone", "8321:80").stderr
    engine.docker("rm", "-f", "alone")
