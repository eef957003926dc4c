"""Anybody does anything to the same few containers at the same time: no deadlock, no leak, no answer that is a bug.

SEAWAY_STRESS_OPERATIONS and SEAWAY_STRESS_SEED set how much and which; a failure names the seed.
"""

import os
import random
import re
import subprocess
import threading
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests
from docker import DockerClient

from conformance.conftest import RunningEngine

OPERATIONS = int(os.environ.get("SEAWAY_STRESS_OPERATIONS", "400"))
SEED = int(os.environ.get("SEAWAY_STRESS_SEED", "1"))
NAMES = ("one", "two", "three")
THREADS = 8
PER_REQUEST_S = 60
# Conflicts of one operation with another that are answered with 500, by dockerd too (but for the last: it waits).
KNOWN_500 = re.compile(
    r"is not paused|cannot (pause|resume) container|did not receive an exit event|Cannot restart container"
    r"|cannot stop container|OCI runtime exec failed|Cannot update container|the start was given up"
)
COMMANDS = (
    ["sleep", "1000"],
    ["true"],
    ["sh", "-c", "exit 3"],
    ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"],
)
POLICIES = ("no", "no", "always", "on-failure", "unless-stopped")

pytestmark = [
    pytest.mark.timeout(1800),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


class Actor(threading.Thread):
    """One client that does random things; what it should not have seen is in `wrong`."""

    def __init__(self, client: DockerClient, seed: int, operations: int) -> None:
        super().__init__(daemon=True)
        self.client, self.random, self.operations = client, random.Random(seed), operations
        self.wrong: list[str] = []
        self.seen: Counter[str] = Counter()

    def run(self) -> None:
        for _ in range(self.operations):
            name = self.random.choice(NAMES)
            verb = self.random.choice(list(VERBS))
            try:
                answer = VERBS[verb](self, name)
            except requests.RequestException as failure:
                self.wrong.append(f"{verb} {name}: {failure!r}")
                return
            self.seen[f"{verb} {answer.status_code}"] += 1
            if answer.status_code == 400 or (answer.status_code >= 500 and not KNOWN_500.search(answer.text)):
                self.wrong.append(f"{verb} {name}: {answer.status_code} {answer.text}")

    def post(self, path: str, **query: object) -> requests.Response:
        return self._call("POST", path, params=query)

    def create(self, name: str) -> requests.Response:
        policy = self.random.choice(POLICIES)
        host = {"RestartPolicy": {"Name": policy}, "AutoRemove": policy == "no" and self.random.random() < 0.2}
        body = {"Image": "busybox", "Cmd": self.random.choice(COMMANDS), "HostConfig": host}
        return self._call("POST", "/containers/create", params={"name": name}, json=body)

    def _call(self, method: str, path: str, **options: object) -> requests.Response:
        api = self.client.api
        return api.request(method, f"{api.base_url}/v1.41{path}", timeout=PER_REQUEST_S, **options)


def _simply(verb: str, **query: object):  # type: ignore[no-untyped-def]
    return lambda actor, name: actor.post(f"/containers/{name}/{verb}", **query)


VERBS = {
    "create": Actor.create,
    "create again": Actor.create,
    "start": _simply("start"),
    "start again": _simply("start"),
    "stop": _simply("stop", t=0),
    "stop gently": _simply("stop", t=1),
    "kill": _simply("kill"),
    "signal": _simply("kill", signal="HUP"),
    "pause": _simply("pause"),
    "unpause": _simply("unpause"),
    "restart": _simply("restart", t=0),
    "inspect": lambda actor, name: actor._call("GET", f"/containers/{name}/json"),
    "list": lambda actor, name: actor._call("GET", "/containers/json", params={"all": 1}),
    "stats": lambda actor, name: actor._call("GET", f"/containers/{name}/stats", params={"stream": 0, "one-shot": 1}),
    "remove": lambda actor, name: actor._call("DELETE", f"/containers/{name}"),
    "remove by force": lambda actor, name: actor._call("DELETE", f"/containers/{name}", params={"force": 1, "v": 1}),
}


def left_behind(engine: RunningEngine) -> dict[str, object]:
    """Everything that containers leave on the machine while they are there."""
    root = str(engine.root)
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines() if root in line]
    links = subprocess.run(["ip", "-n", engine.namespace, "-br", "link"], capture_output=True, text=True).stdout
    conmons = subprocess.run(["pgrep", "-fc", f"conmon.*{root}"], capture_output=True, text=True).stdout.strip()
    return {"mounts": mounts, "veths": links.count("veth"), "conmons": conmons}


def test_random_operations_at_the_same_time(engine: RunningEngine) -> None:
    before = left_behind(engine)
    with engine.client() as client:
        tasks_before = client.info()["NGoroutines"]
    with ExitStack() as clients:
        actors = [
            Actor(clients.enter_context(engine.client()), SEED * 1000 + n, OPERATIONS // THREADS)
            for n in range(THREADS)
        ]
        for actor in actors:
            actor.start()
        for actor in actors:
            actor.join()
    seen = sum((actor.seen for actor in actors), Counter())
    assert [wrong for actor in actors for wrong in actor.wrong] == [], f"seed {SEED}, seen {dict(seen)}"
    assert seen["start 204"] + seen["start again 204"] > 0, f"nothing was started: {dict(seen)}"
    for name in NAMES:
        done = engine.docker("rm", "-fv", name)
        assert done.returncode == 0 or "No such container" in done.stderr, done.stderr
    wait_for_equal(lambda: left_behind(engine), before)
    with engine.client() as client:
        assert client.containers.list(all=True, filters={"name": "one"}) == []
        if engine.is_seaway:
            wait_for_equal(lambda: client.info()["NGoroutines"] <= tasks_before + 2, True)
            log = (engine.root / "log").read_text(errors="replace")
            assert "Traceback" not in log
            assert "background work" not in log


def wait_for_equal(look, wanted) -> None:  # type: ignore[no-untyped-def]
    """What is cleaned up behind the last answer takes a moment."""
    deadline = time.monotonic() + 20
    while (found := look()) != wanted:
        assert time.monotonic() < deadline, f"left behind: {found}, was {wanted}"
        time.sleep(0.1)
