"""Registries inside an engine's network: Debian's docker-registry, and the one whose repositories are faults."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.request import urlopen

import pytest

from conformance.engines import RunningEngine

STUB = Path(__file__).parent.parent / "suites/registry_stub.py"
T = TypeVar("T")


@contextmanager
def listening(namespace: str, command: Sequence[str], port: int) -> Iterator[None]:
    """The command, in that namespace, from when its port answers until the end."""
    process = subprocess.Popen(
        ["nsenter", f"--net=/run/netns/{namespace}", *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        inside(namespace, lambda: _wait_for(port))
        yield
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def docker_registry(namespace: str, folder: Path, port: int, **settings: Any) -> Iterator[str]:
    """Its address. `settings` are sections of its configuration."""
    if not shutil.which("docker-registry"):
        pytest.skip("needs docker-registry")
    folder.mkdir(exist_ok=True)
    document = {
        "version": 0.1,
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}, "delete": {"enabled": True}},
        **settings,
        "http": {"addr": f"127.0.0.1:{port}", **settings.get("http", {})},
    }
    (folder / "config.yml").write_text(json.dumps(document))
    with listening(namespace, ["docker-registry", "serve", str(folder / "config.yml")], port):
        yield f"127.0.0.1:{port}"


@contextmanager
def faulty_registry(namespace: str, log: Path, port: int, *flags: str) -> Iterator[str]:
    log.touch()
    with listening(namespace, [sys.executable, str(STUB), str(port), str(log), *flags], port):
        yield f"127.0.0.1:{port}"


@contextmanager
def faults(engine: RunningEngine, log: Path, port: int) -> Iterator[str]:
    """The faulty registry beside the engine, which afterwards has none of its images."""
    with faulty_registry(engine.namespace, log, port) as address:
        yield address
        names = engine.docker("images", "--format", "{{.Repository}}:{{.Tag}}").stdout.split()
        if mine := [name for name in names if f":{port}/" in name]:
            engine.docker("rmi", *mine)


def go_on(engine: RunningEngine, registry: str) -> None:
    """Lets the faulty registry send what it holds back."""
    inside(engine.namespace, lambda: urlopen(f"http://{registry}/go-on", timeout=10).close())


def inside(namespace: str, work: Callable[[], T]) -> T:
    """Call it in that network namespace, then come back."""
    home, there = os.open("/proc/thread-self/ns/net", os.O_RDONLY), os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    try:
        _enter(there)
        return work()
    finally:
        _enter(home)
        os.close(home)
        os.close(there)


def _enter(fd: int) -> None:
    from seaway.kernel.syscalls import CLONE_NEWNET, setns

    setns(fd, CLONE_NEWNET)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert time.monotonic() < deadline, f"nothing listens on port {port}"
            time.sleep(0.02)
