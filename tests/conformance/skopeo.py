"""Pushing by skopeo, which is no Docker client: what the engine saves has to satisfy others too."""

import subprocess
from pathlib import Path

from conformance.engines import RunningEngine


def push(engine: RunningEngine, image: str, destination: str, scratch: Path) -> None:
    """From the engine's `docker save` to a registry without TLS in the engine's network."""
    archive = scratch / "push.tar"
    assert engine.docker("save", "-o", str(archive), image).returncode == 0
    copy = ["skopeo", "copy", "-q", "--insecure-policy", "--dest-tls-verify=false"]
    copy += [f"docker-archive:{archive}", f"docker://{destination}"]
    subprocess.run(inside(engine.namespace, *copy), check=True, capture_output=True)
    archive.unlink()


def inside(namespace: str, *command: str) -> list[str]:
    return ["nsenter", f"--net=/run/netns/{namespace}", *command]
