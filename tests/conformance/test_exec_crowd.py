"""Two hundred execs at once: each answers with its own words and its own code, and nothing of them is left."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path

import pytest

from conformance.conftest import RunningEngine
from conformance.engines import PATIENCE
from conformance.options import call
from conformance.streams import UPGRADE, Wire, deframed, post

AT_ONCE = 200


@pytest.fixture(params=[1, 10])
def boxes(engine: RunningEngine, request: pytest.FixtureRequest) -> Iterator[list[str]]:
    names = [f"crowd{n}" for n in range(request.param)]
    for name in names:
        done = engine.docker("run", "-d", "--name", name, "--network", "none", "busybox", "sleep", "1000")
        assert done.returncode == 0, done.stderr
    yield names
    engine.docker("rm", "-f", *names)


@pytest.mark.timeout(300)
def test_two_hundred_at_once(engine: RunningEngine, boxes: list[str]) -> None:
    files = open_files(engine)
    together = threading.Barrier(AT_ONCE)

    def one(number: int, box: str) -> tuple[dict[int, bytes], int]:
        command = ["sh", "-c", f"echo {number}; echo e{number} >&2; cat; exit {number % 128}"]
        wanted = {"Cmd": command, "AttachStdin": True, "AttachStdout": True, "AttachStderr": True}
        status, made = call(engine, "POST", f"/containers/{box}/exec", wanted)
        assert status == 201, made
        together.wait(120 * PATIENCE)
        with Wire(engine, timeout=120 * PATIENCE) as wire:
            wire.send(post(f"/v1.41/exec/{made['Id']}/start", {}, UPGRADE))
            assert wire.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 101 ")
            wire.send(f"in{number}".encode()).end()
            said = deframed(wire.read_all())
        return said, ended(engine, made["Id"])

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(one, range(AT_ONCE), cycle(boxes)))
    assert answers == [({1: f"{n}\nin{n}".encode(), 2: f"e{n}\n".encode()}, n % 128) for n in range(AT_ONCE)]
    for box in boxes:
        _, top = call(engine, "GET", f"/containers/{box}/top")
        assert len(top["Processes"]) == 1
    eventually(lambda: open_files(engine) <= files + 5)
    if engine.is_seaway:
        eventually(lambda: not [*(engine.root / "exec" / "seaway" / "execs").iterdir()])


def ended(engine: RunningEngine, exec_id: str) -> int:
    while (found := call(engine, "GET", f"/exec/{exec_id}/json")[1])["Running"]:
        time.sleep(0.02)
    return int(found["ExitCode"])


def open_files(engine: RunningEngine) -> int:
    pid = (engine.root / "pid").read_text()
    return len([*Path(f"/proc/{pid}/fd").iterdir()])


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20 * PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
