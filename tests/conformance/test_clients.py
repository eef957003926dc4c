"""docker-py and testcontainers as programs use them: objects, streams that are read while they grow, events."""

import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from typing import Any

import pytest
from docker import DockerClient
from docker.errors import APIError, ContainerError, ImageNotFound, NotFound

from conformance.conftest import RunningEngine
from conformance.skopeo import inside

# docker-py forgets what comes in one piece with the head of the answer, of any engine.
SLOWLY = "sleep 0.3"
# It also leaves sockets to the garbage collector.
pytestmark = pytest.mark.filterwarnings(
    "ignore:unclosed:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)


def test_run_gives_the_output(client: DockerClient) -> None:
    assert client.containers.run("busybox", ["echo", "hello"], remove=True) == b"hello\n"
    both = client.containers.run("busybox", "sh -c 'echo out; echo err >&2'", stderr=True, remove=True)
    assert sorted(both.splitlines()) == [b"err", b"out"]
    with pytest.raises(ContainerError) as failure:
        client.containers.run("busybox", "sh -c 'echo bad >&2; exit 4'", remove=True)
    assert (failure.value.exit_status, failure.value.stderr) == (4, b"bad\n")
    with pytest.raises(ImageNotFound):
        client.images.get("nosuch")


def test_a_container_as_an_object(client: DockerClient) -> None:
    made = client.containers.create(
        "busybox",
        ["sleep", "60"],
        name="object",
        labels={"a": "1"},
        environment={"B": "2"},
        mem_limit="64m",
        hostname="box",
    )
    assert (made.status, made.labels) == ("created", {"a": "1"})
    made.start()
    made.reload()
    assert made.status == "running"
    assert made.attrs["HostConfig"]["Memory"] == 64 << 20
    assert [c.name for c in client.containers.list(filters={"label": "a=1"})] == ["object"]
    made.pause()
    made.reload()
    assert made.status == "paused"
    made.unpause()
    made.rename("other")
    assert client.containers.get("other").id == made.id
    titles = made.top()["Titles"]
    assert "PID" in titles
    assert made.stats(stream=False)["memory_stats"]["limit"] == 64 << 20
    made.kill()
    assert made.wait()["StatusCode"] == 137
    made.remove()
    with pytest.raises(NotFound):
        client.containers.get("other")


def test_exec_in_its_forms(client: DockerClient) -> None:
    box = client.containers.run("busybox", ["sleep", "60"], detach=True)
    assert box.exec_run(["sh", "-c", f"{SLOWLY}; echo $A; exit 5"], environment={"A": "1"}) == (5, b"1\n")
    out, err = box.exec_run(f"sh -c '{SLOWLY}; echo out; echo err >&2'", demux=True).output
    assert (out, err) == (b"out\n", b"err\n")
    assert box.exec_run(f"sh -c '{SLOWLY}; id -u'", user="web", tty=True).output == b"33\r\n"
    assert b"".join(box.exec_run(f"sh -c '{SLOWLY}; seq 3'", stream=True).output) == b"1\n2\n3\n"
    connection = box.exec_run("cat", stdin=True, socket=True).output
    connection._sock.sendall(b"through\n")
    assert connection.read(8 + 8)[8:] == b"through\n"
    connection.close()


def test_logs_are_followed_to_the_end(client: DockerClient) -> None:
    box = client.containers.run("busybox", "sh -c 'for n in 1 2 3; do echo $n; sleep 0.1; done'", detach=True)
    assert b"".join(box.logs(stream=True, follow=True)) == b"1\n2\n3\n"
    assert box.logs(tail=1) == b"3\n"
    stamped = box.logs(timestamps=True, tail=1).split()
    assert stamped[0].endswith(b"Z")
    assert stamped[1] == b"3"


def test_the_log_is_whole_when_wait_answers(client: DockerClient) -> None:
    for _ in range(20):
        box = client.containers.run("busybox", ["echo", "-n", "no newline"], detach=True)
        box.wait()
        assert box.logs() == b"no newline"
        box.remove()


def test_attach_streams_both_outputs_and_takes_input(client: DockerClient) -> None:
    box = client.containers.create("busybox", "sh -c 'read line; echo got $line; echo bad >&2'", stdin_open=True)
    connection = box.attach_socket(params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
    box.start()
    connection._sock.sendall(b"word\n")
    taken = connection.read()
    connection.close()
    assert b"got word\n" in taken
    assert b"bad\n" in taken
    assert box.wait()["StatusCode"] == 0


def test_events_tell_a_containers_life(client: DockerClient) -> None:
    seen: list[dict[str, Any]] = []
    events = client.events(decode=True, filters={"type": "container", "label": "watched"})
    reader = threading.Thread(target=lambda: seen.extend(until(events, lambda e: e["Action"] == "destroy")))
    reader.start()
    client.containers.run("busybox", ["true"], labels={"watched": ""}, remove=True)
    reader.join(20)
    events.close()
    assert [event["Action"] for event in seen if event["Action"] != "attach"] == ["create", "start", "die", "destroy"]
    assert seen[-2]["Actor"]["Attributes"]["exitCode"] == "0"


def until(stream: Any, last: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
    taken = []
    for event in stream:
        taken.append(event)
        if last(event):
            break
    return taken


def test_images_volumes_and_networks(client: DockerClient) -> None:
    busybox = client.images.get("busybox")
    assert busybox.tag("copy", "1")
    saved = b"".join(busybox.save(named=True))
    assert [image.id for image in client.images.load(saved)] == [busybox.id]
    client.images.remove("copy:1")
    volume = client.volumes.create("kept", labels={"a": "1"})
    client.containers.run(
        "busybox", "sh -c 'echo x >/d/f'", volumes={"kept": {"bind": "/d", "mode": "rw"}}, remove=True
    )
    assert client.containers.run("busybox", "cat /d/f", volumes=["kept:/d:ro"], remove=True) == b"x\n"
    volume.remove()
    network = client.networks.create("own", labels={"a": "1"})
    box = client.containers.run("busybox", ["sleep", "60"], network="own", name="named", detach=True)
    assert client.containers.run("busybox", "ping -c 1 named", network="own", remove=True)
    with pytest.raises(APIError, match="has active endpoints"):
        network.remove()
    box.remove(force=True)
    network.remove()


def test_testcontainers(engine: RunningEngine) -> None:
    pytest.importorskip("testcontainers")
    program = """
        from testcontainers.core.container import DockerContainer
        from testcontainers.core.waiting_utils import wait_for_logs
        from urllib.request import urlopen
        serve = "sh -c 'mkdir /www; echo page >/www/index.html; echo ready; exec httpd -f -h /www'"
        with DockerContainer("busybox").with_command(serve).with_exposed_ports(80).with_env("A", "1") as box:
            wait_for_logs(box, "ready", timeout=20)
            host, port = box.get_container_host_ip(), box.get_exposed_port(80)
            assert urlopen(f"http://{host}:{port}/", timeout=10).read() == b"page\\n"
            assert box.exec(["sh", "-c", "echo $A"]) == (0, b"1\\n")
    """
    done = subprocess.run(
        inside(engine.namespace, sys.executable, "-W", "ignore", "-c", textwrap.dedent(program)),
        env={
            "DOCKER_HOST": engine.host,
            "TESTCONTAINERS_RYUK_DISABLED": "true",
            "PATH": "/usr/bin:/bin",
            "HOME": "/nonexistent",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
