"""Debian's docker-registry, in the network namespace of an engine under test."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from conformance.engines import RunningEngine

ADDRESS = "127.0.0.1:5000"


@contextmanager
def local_registry(namespace: str, root: Path) -> Iterator[str]:
    """Serves `root` at the address that is yielded, from a configuration of the tests' own."""
    document = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(root / "registry")}},
        "http": {"addr": ADDRESS},
        "log": {"level": "error"},
    }
    (root / "registry.json").write_text(json.dumps(document))
    serve = ["docker-registry", "serve", str(root / "registry.json")]
    with open(root / "registry.log", "ab") as log:
        server = subprocess.Popen(inside(namespace, *serve), stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while subprocess.run(inside(namespace, "curl", "-fs", f"http://{ADDRESS}/v2/"), capture_output=True).returncode:
            assert time.monotonic() < deadline, (root / "registry.log").read_text()
            time.sleep(0.05)
        yield ADDRESS
    finally:
        server.terminate()
        server.wait()


def push(engine: RunningEngine, image: str, destination: str, scratch: Path) -> None:
    """By skopeo, which is no Docker client: what the engine saves has to satisfy others too."""
    archive = scratch / "push.tar"
    assert engine.docker("save", "-o", str(archive), image).returncode == 0
    copy = ["skopeo", "copy", "-q", "--insecure-policy", "--dest-tls-verify=false"]
    copy += [f"docker-archive:{archive}", f"docker://{destination}"]
    subprocess.run(inside(engine.namespace, *copy), check=True, capture_output=True)
    archive.unlink()


def inside(namespace: str, *command: str) -> list[str]:
    return ["nsenter", f"--net=/run/netns/{namespace}", *command]
