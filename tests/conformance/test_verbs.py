"""The verbs on one container: pause, kill, stop, restart, rm, top, stats, update, prune."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from docker import DockerClient
from docker.models.containers import Container

from conformance.conftest import RunningEngine

# docker-py leaves the socket of a stream that was not read to its end to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def box(client: DockerClient) -> Container:
    return client.containers.run("busybox", ["sleep", "1000"], detach=True, mem_limit="64m", labels={"verbs": "1"})


def status(box: Container) -> str:
    box.reload()
    return str(box.status)


def test_pause_freezes_and_unpause_thaws(engine: RunningEngine, box: Container) -> None:
    box.pause()
    assert status(box) == "paused"
    assert box.attrs["State"]["Running"] is True
    assert "is already paused" in engine.docker("pause", box.id).stderr
    assert "is paused, unpause the container before exec" in engine.docker("exec", box.id, "true").stderr
    assert (
        "container is paused and must be unpaused first" in engine.docker("rm", box.id).stderr or not engine.is_seaway
    )
    box.unpause()
    assert status(box) == "running"
    assert f"Container {box.id} is not paused" in engine.docker("unpause", box.id).stderr


@pytest.mark.parametrize("runtime", [None, "runc"])
def test_a_paused_container_can_be_stopped_killed_and_removed(
    engine: RunningEngine, client: DockerClient, runtime: str | None
) -> None:
    for verb in (["stop", "-t", "1"], ["kill"], ["rm", "-f"]):
        box = client.containers.run("busybox", ["sleep", "1000"], detach=True, runtime=runtime)
        box.pause()
        assert engine.docker(*verb, box.id).returncode == 0
        left = engine.docker("inspect", "-f", "{{.State.Status}} {{.State.Paused}} {{.State.ExitCode}}", box.id)
        assert left.stdout.strip() == ("" if verb[0] == "rm" else "exited false 137")


@pytest.mark.parametrize("name", ["USR1", "sigusr1", "10"])
def test_kill_by_name_and_number(client: DockerClient, name: str) -> None:
    box = client.containers.run(
        "busybox", ["sh", "-c", "trap 'exit 42' USR1; echo up; while :; do sleep 0.05; done"], detach=True
    )
    log = box.logs(stream=True, follow=True)
    next(log)
    log.close()
    box.kill(name)
    assert box.wait(timeout=20)["StatusCode"] == 42


def test_what_kill_refuses(engine: RunningEngine, box: Container) -> None:
    assert "nvalid signal: FOO" in engine.docker("kill", "-s", "FOO", box.id).stderr
    assert "support signal 99" in engine.docker("kill", "-s", "99", box.id).stderr
    engine.docker("kill", box.id)
    assert f"ontainer {box.id} is not running" in engine.docker("kill", box.id).stderr


def test_restart_of_a_container_that_is_removed_at_its_end(engine: RunningEngine, client: DockerClient) -> None:
    box = client.containers.run("busybox", ["sleep", "1000"], detach=True, auto_remove=True)
    assert engine.docker("restart", "-t", "0", box.id).returncode == 0
    assert status(box) == "running"
    assert engine.docker("rm", "-f", box.id).returncode == 0
    assert engine.docker("inspect", box.id).returncode == 1


def test_top_shows_the_containers_processes_alone(engine: RunningEngine, box: Container) -> None:
    found = box.top()
    assert [row[-1] for row in found["Processes"]] == ["sleep 1000"]
    assert found["Titles"][-1] == "CMD"
    assert box.top(ps_args="-o pid,comm")["Titles"] == ["PID", "COMMAND"]
    assert "Couldn't find PID field in ps output" in engine.docker("top", box.id, "-o", "user").stderr
    assert "is not allowed" in engine.docker("top", box.id, "-o", "foo=PID").stderr
    box.kill()
    assert f"ontainer {box.id} is not running" in engine.docker("top", box.id).stderr


def test_stats_are_the_kernels(client: DockerClient, box: Container) -> None:
    frame = box.stats(stream=False)
    assert frame["id"] == box.id
    assert frame["memory_stats"]["limit"] == 64 << 20
    assert 0 < frame["memory_stats"]["usage"] < 64 << 20
    assert frame["pids_stats"]["current"] == 1
    assert frame["cpu_stats"]["system_cpu_usage"] > frame["precpu_stats"]["system_cpu_usage"] > 0
    assert set(frame["networks"]["eth0"]) >= {"rx_bytes", "tx_bytes", "rx_dropped", "tx_errors"}
    url = client.api._url("/containers/{0}/stats", box.id)
    with client.api._get(url, stream=True) as stream:
        first, second = (json.loads(line) for line, _ in zip(stream.iter_lines(), range(2), strict=False))
    assert first["preread"] == "0001-01-01T00:00:00Z"
    assert second["preread"] == first["read"]


def test_stats_of_what_does_not_run_are_zero(engine: RunningEngine, box: Container) -> None:
    box.kill()
    frame = box.stats(stream=False)
    assert (frame["read"], frame["pids_stats"], frame["memory_stats"]) == ("0001-01-01T00:00:00Z", {}, {})
    assert "networks" not in frame
    assert "0B / 0B" in engine.docker("stats", "--no-stream", box.id).stdout


def cgroup_value(box: Container, controller: str, file: str) -> int:
    return int(Path(f"/sys/fs/cgroup/{controller}/docker/{box.id}/{file}").read_text())


@pytest.mark.skipif(not Path("/sys/fs/cgroup/memory").exists(), reason="reads cgroup v1 files")
def test_update_reaches_the_running_container_and_its_record(engine: RunningEngine, box: Container) -> None:
    assert engine.docker("update", "-m", "100m", "--memory-swap", "200m", "--cpus", "0.5", box.id).returncode == 0
    assert cgroup_value(box, "memory", "memory.limit_in_bytes") == 100 << 20
    assert cgroup_value(box, "cpu", "cpu.cfs_quota_us") == 50_000
    box.reload()
    assert (box.attrs["HostConfig"]["Memory"], box.attrs["HostConfig"]["NanoCpus"]) == (100 << 20, 500_000_000)
    assert "update the memoryswap at the same time" in engine.docker("update", "-m", "300m", box.id).stderr
    assert "NanoCPUs has already been set" in engine.docker("update", "--cpu-quota", "5000", box.id).stderr
    assert "Minimum memory limit allowed is 6MB" in engine.docker("update", "-m", "1m", box.id).stderr


def test_update_takes_limits_away(engine: RunningEngine) -> None:
    engine.docker(
        "run", "-d", "--name", "limited", "--cpu-quota", "50000", "--pids-limit", "100", "busybox", "sleep", "60"
    )
    read = "cd /sys/fs/cgroup; cat cpu/cpu.cfs_quota_us pids/pids.max 2>/dev/null || cat cpu.max pids.max"
    assert engine.docker("exec", "limited", "sh", "-c", read).stdout.split()[-1] == "100"
    updated = engine.docker("update", "--cpu-quota", "-1", "--pids-limit", "-1", "limited")
    assert updated.returncode == 0, updated.stderr
    assert engine.docker("exec", "limited", "sh", "-c", read).stdout.split() in (
        ["-1", "max"],
        ["max", "100000", "max"],
    )
    shown = engine.docker(
        "inspect", "-f", "{{.HostConfig.CpuQuota}} {{.HostConfig.PidsLimit}}", "limited"
    ).stdout.split()
    assert shown[0] == "-1"
    assert shown[1] in ("0", "<nil>", "-1")


def test_update_of_the_restart_policy(engine: RunningEngine, box: Container) -> None:
    assert engine.docker("update", "--restart", "on-failure:3", box.id).returncode == 0
    box.reload()
    assert box.attrs["HostConfig"]["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 3}
    assert "invalid restart policy" in engine.docker("update", "--restart", "bogus", box.id).stderr


def test_prune_removes_what_does_not_run_and_matches(engine: RunningEngine, box: Container) -> None:
    engine.docker("create", "--name", "pruned", "--label", "prune=me", "busybox", "true")
    engine.docker("create", "--name", "kept", "busybox", "true")
    assert (
        "pruned"
        not in engine.docker("container", "prune", "-f", "--filter", "label!=prune=me", "--filter", "until=1h").stdout
    )
    done = engine.docker("container", "prune", "-f", "--filter", "label=prune=me").stdout
    assert len(done.split()[2]) == 64
    names = engine.docker("ps", "-a", "--format", "{{.Names}}").stdout
    assert "pruned" not in names
    assert "kept" in names
    assert status(box) == "running"
    assert "nvalid filter 'foo'" in engine.docker("container", "prune", "-f", "--filter", "foo=bar").stderr
    assert "pruned" not in engine.docker("rm", "kept").stdout


def waiting(client: DockerClient, box: Container, condition: str) -> requests.Response:
    """The headers are here, so the engine waits already."""
    url = client.api._url("/containers/{0}/wait", box.id)
    return client.api._post(url, params={"condition": condition}, stream=True)


def test_wait_for_each_condition(engine: RunningEngine, client: DockerClient) -> None:
    box = client.containers.create("busybox", ["sh", "-c", "exit 7"])
    assert box.wait(condition="not-running")["StatusCode"] == 0
    with waiting(client, box, "next-exit") as ended, waiting(client, box, "removed") as gone:
        box.start()
        assert json.loads(next(ended.iter_lines()))["StatusCode"] == 7
        assert engine.docker("wait", box.id).stdout == "7\n"
        box.remove()
        assert json.loads(next(gone.iter_lines()))["StatusCode"] == 7


def test_no_exit_escapes_those_who_wait_already(client: DockerClient) -> None:
    """Eight at a time wait for the next exit of a container that ends at once."""

    def round_trip(number: int) -> int:
        box = client.containers.create("busybox", ["sh", "-c", f"exit {number}"])
        with waiting(client, box, "next-exit") as ended, waiting(client, box, "removed") as gone:
            box.start()
            code = int(json.loads(next(ended.iter_lines()))["StatusCode"])
            box.remove(force=True)
            assert json.loads(next(gone.iter_lines()))["StatusCode"] == code
            return code

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(round_trip, range(40))) == list(range(40))


@pytest.mark.min_api("1.42")
def test_a_condition_that_is_none(client: DockerClient, box: Container) -> None:
    with waiting(client, box, "never") as answer:
        assert answer.status_code == 400
        assert 'invalid condition: "never"' in answer.json()["message"]


@pytest.mark.seaway_only("a killed engine's containers are adopted")
def test_a_paused_container_is_adopted_paused(engine: RunningEngine, box: Container) -> None:
    box.pause()
    engine.kill()
    engine.start()
    assert engine.docker("inspect", "-f", "{{.State.Status}}", box.id).stdout == "paused\n"
    assert engine.docker("unpause", box.id).returncode == 0
    assert engine.docker("exec", box.id, "echo", "alive").stdout == "alive\n"
    assert engine.docker("stop", "-t", "0", box.id).returncode == 0
    assert engine.docker("inspect", "-f", "{{.State.ExitCode}}", box.id).stdout == "137\n"


def test_rename_and_what_it_refuses(engine: RunningEngine, box: Container) -> None:
    engine.docker("create", "--name", "occupied", "busybox", "true")
    assert engine.docker("rename", box.id, "renamed").returncode == 0
    assert engine.docker("inspect", "-f", "{{.Name}} {{.State.Status}}", "renamed").stdout == "/renamed running\n"
    for name, text in (
        ("renamed", "Renaming a container with the same name as its current name"),
        ("occupied", 'Error when allocating new name: Conflict. The container name "/occupied" is already in use'),
        ("/bad/name", "Error when allocating new name: Invalid container name (/bad/name)"),
        ("bad name", "Error when allocating new name: Invalid container name (/bad name)"),
    ):
        assert text in engine.docker("rename", "renamed", name).stderr
    assert "No such container: nosuch" in engine.docker("rename", "nosuch", "other").stderr
    engine.docker("rm", "occupied")


def test_a_link_can_be_removed_alone(engine: RunningEngine) -> None:
    engine.docker("run", "-d", "--name", "child", "busybox", "sleep", "1000")
    engine.docker("run", "-d", "--name", "parent", "--link", "child:db", "busybox", "sleep", "1000")
    hosts = ("exec", "parent", "cat", "/etc/hosts")
    assert "\tdb " in engine.docker(*hosts).stdout
    assert "cannot remove the default link name of the container" in engine.docker("rm", "--link", "child").stderr
    assert "No such container" in engine.docker("rm", "--link", "/parent/other").stderr
    assert engine.docker("rm", "--link", "/parent/db").returncode == 0
    assert engine.docker("inspect", "-f", "{{.HostConfig.Links}}", "parent").stdout == "[]\n"
    if engine.is_seaway:
        assert "\tdb " not in engine.docker(*hosts).stdout
    engine.docker("rm", "-f", "child", "parent")


def test_links_follow_a_rename_and_execs_have_their_variables(engine: RunningEngine) -> None:
    engine.docker("run", "-d", "--name", "child", "busybox", "sleep", "1000")
    engine.docker("run", "-d", "--name", "parent", "--link", "child:db", "busybox", "sleep", "1000")
    assert "DB_NAME=/parent/db\n" in engine.docker("exec", "parent", "env").stdout
    assert engine.docker("rename", "child", "grown").returncode == 0
    assert engine.docker("inspect", "-f", "{{.HostConfig.Links}}", "parent").stdout == "[/grown:/parent/db]\n"
    assert engine.docker("restart", "-t", "0", "parent").returncode == 0
    assert "\tdb " in engine.docker("exec", "parent", "cat", "/etc/hosts").stdout
    engine.docker("rm", "-f", "grown", "parent")


def test_a_link_to_who_shares_a_network_leads_to_its_owner(engine: RunningEngine) -> None:
    engine.docker("run", "-d", "--name", "owner", "busybox", "sleep", "1000")
    engine.docker("run", "-d", "--name", "guest", "--network", "container:owner", "busybox", "sleep", "1000")
    made = engine.docker("run", "-d", "--name", "parent", "--link", "guest:db", "busybox", "sleep", "1000")
    assert made.returncode == 0, made.stderr
    address = engine.docker("inspect", "-f", "{{.NetworkSettings.IPAddress}}", "owner").stdout.strip()
    assert f"{address}\tdb " in engine.docker("exec", "parent", "cat", "/etc/hosts").stdout
    engine.docker("rm", "-f", "owner", "guest", "parent")
