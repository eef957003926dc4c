"""What many containers cost: memory and `ps` with RUNNING ones, a restart with RESTARTED, a load of STOPPED.

    python bench/container_scale.py [RUNNING [RESTARTED [STOPPED]]]        1000 200 1000 unless said otherwise

As root, with an engine of its own. Exits with 1 where a figure is above its limit.
"""

import http.client
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import own_engine

from conformance.engines import RunningEngine, end_leftovers
from conformance.images import busybox_tar
from seaway.kernel import cgroup

RUNNING, RESTARTED, STOPPED = (int(n) for n in [*sys.argv[1:], *["1000", "200", "1000"][len(sys.argv) - 1 :]])
AT_ONCE = 8
missed: list[str] = []


class Connection(http.client.HTTPConnection):
    def __init__(self, engine: RunningEngine) -> None:
        super().__init__("d", timeout=120)
        self.path = engine.host.removeprefix("unix://")

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def call(engine: RunningEngine, method: str, path: str, body: object = None) -> bytes:
    connection = Connection(engine)
    connection.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    text = answer.read()
    assert answer.status < 300, (method, path, answer.status, text)
    connection.close()
    return text


def report(what: str, value: float, unit: str, limit: float) -> None:
    print(f"{what:50} {value:8.1f} {unit:3} (limit {limit:g})", flush=True)
    if value > limit:
        missed.append(what)


def make(engine: RunningEngine, numbers: Iterator[int] | range, *, start: bool) -> None:
    def one(number: int) -> None:
        body = {"Image": "busybox", "Cmd": ["sleep", "100000"], "HostConfig": {"NetworkMode": "none"}}
        call(engine, "POST", f"/containers/create?name=scale{number}", body)
        if start:
            call(engine, "POST", f"/containers/scale{number}/start")

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(one, numbers))


def end(engine: RunningEngine, numbers: range) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda n: call(engine, "DELETE", f"/containers/scale{n}?force=1"), numbers))


def memory_mb(engine: RunningEngine) -> float:
    assert engine.process
    status = Path(f"/proc/{engine.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s*(\d+)", status)[1]) / 1024  # type: ignore[index]


def ps_ms(engine: RunningEngine, path: str = "/containers/json") -> float:
    def once() -> float:
        begun = time.monotonic()
        call(engine, "GET", path)
        return 1000 * (time.monotonic() - begun)

    return statistics.median(once() for _ in range(15))


def restart_s(engine: RunningEngine, path: str) -> tuple[int, float]:
    """How many containers the first answer has, and the seconds to it."""
    engine.stop()
    begun = time.monotonic()
    with open(engine.root / "log", "ab") as log:
        command = engine._command(*LIVE)
        engine.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=INSTALLED)
    while True:
        try:
            return len(json.loads(call(engine, "GET", path))), time.monotonic() - begun
        except (FileNotFoundError, ConnectionRefusedError):
            assert time.monotonic() < begun + 60, (engine.root / "log").read_text()[-2000:]
            time.sleep(0.005)


def cpu_s(engine: RunningEngine) -> float:
    """Of the engine since its start: on a busy machine this says more than the clock."""
    assert engine.process
    fields = Path(f"/proc/{engine.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


LIVE = ("--live-restore",)
# An installed engine has its modules compiled.
INSTALLED = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@contextmanager
def an_engine() -> Iterator[RunningEngine]:
    with tempfile.TemporaryDirectory(prefix="seaway-bench-", dir="/var/tmp", ignore_cleanup_errors=True) as folder:
        engine, undo = RunningEngine(Path(folder), own_engine.NAMESPACE), cgroup.ensure_crun_can_start()
        for arguments in (["netns", "add", engine.namespace], ["-n", engine.namespace, "link", "set", "lo", "up"]):
            subprocess.run(["ip", *arguments], check=True)
        try:
            engine.start(*LIVE)
            own_engine.docker(engine.root, "import", "-", "busybox", stdin=busybox_tar())
            yield engine
        finally:
            engine.stop()
            end_leftovers(engine.namespace, engine.root)
            undo()


def main() -> int:
    with an_engine() as engine:
        empty = restart_s(engine, "/containers/json")[1]
        print(f"{'an engine without containers':50} {empty:8.2f} s", flush=True)
        make(engine, range(STOPPED), start=False)
        found, taken = restart_s(engine, "/containers/json?all=1")
        assert found == STOPPED
        report(f"{STOPPED} stopped: what their load adds to a start", taken - empty, "s", 1)
        end(engine, range(STOPPED))
        make(engine, range(RESTARTED), start=True)
        found, taken = restart_s(engine, "/containers/json")
        assert found == RESTARTED
        report(f"{RESTARTED} running: a restart to the first ps", taken, "s", 2)
        print(f"{'  the engine had used by then':50} {cpu_s(engine):8.2f} s", flush=True)
        make(engine, range(RESTARTED, RUNNING), start=True)
        report(f"{RUNNING} running: ps", ps_ms(engine), "ms", 50)
        report(f"{RUNNING} running: the engine's memory", memory_mb(engine), "MB", 150)
        found, taken = restart_s(engine, "/containers/json")
        print(f"{f'{found} running: a restart to the first ps':50} {taken:8.2f} s", flush=True)
        report(f"{RUNNING} adopted: the engine's memory", memory_mb(engine), "MB", 150)
        end(engine, range(RUNNING))
    return print("missed:", ", ".join(missed)) or 1 if missed else 0


sys.exit(main())
