"""What the engine is, and the programs it stands on: GET /version.

Clients gate features on `Version`, so that is the dockerd whose wire we speak; our own name and version are a
component, and the platform's name.
"""

import asyncio
import os
import platform
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from seaway.base import clock
from seaway.base.dockerversion import DOCKER_VERSION
from seaway.kernel import process

API_VERSION, MIN_API_VERSION = "1.51", "1.24"

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386", "loongarch64": "loong64"}
_NUMBER = re.compile(r"\d+\.\d[\w.+~-]*")
_COMMIT = re.compile(r"commit:?\s+([\w.+~-]+)|git\.([0-9a-f]+)")


@dataclass(frozen=True, slots=True)
class Component:
    name: str
    version: str
    commit: str = ""


@dataclass(frozen=True, slots=True)
class EngineVersion:
    seaway: str
    built: str
    kernel: str
    arch: str
    components: tuple[Component, ...] = ()
    experimental: bool = False
    oldest_api: str = MIN_API_VERSION
    python: str = field(default=f"python{platform.python_version()}")

    def component(self, name: str) -> Component | None:
        return next((c for c in self.components if c.name == name), None)


def seaway_version() -> str:
    try:
        return metadata.version("seaway")
    except metadata.PackageNotFoundError:
        return "0"


def go_arch(machine: str) -> str:
    return _MACHINES.get(machine, machine)


async def probe_version(programs: Mapping[str, str | None], *, experimental: bool = False) -> EngineVersion:
    """`programs`: a component's name -> the path of its program; those that are missing or fail are left out."""
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(_probe(name, path)) for name, path in programs.items() if path]
    built = clock.format_time(Path(sys.modules["seaway"].__file__ or __file__).stat().st_mtime_ns)
    host = os.uname()
    found = tuple(c for task in asked if (c := task.result()))
    return EngineVersion(seaway_version(), built, host.release, go_arch(host.machine), found, experimental)


async def _probe(name: str, path: str) -> Component | None:
    try:
        done = await process.run([path, "--version"], timeout_s=5)
    except (process.CommandFailed, OSError, TimeoutError):
        return None
    return parse_component(name, (done.stdout + done.stderr).decode(errors="replace"))


def parse_component(name: str, text: str) -> Component:
    """The text that `crun --version` and its like print."""
    number, commit = _NUMBER.search(text), _COMMIT.search(text)
    hash_ = next(filter(None, commit.groups())) if commit else ""
    return Component(name, number[0] if number else "", "" if hash_ == "unknown" else hash_)


def version_to_wire(version: EngineVersion) -> dict[str, object]:
    shared = {
        "GitCommit": "",
        "GoVersion": version.python,
        "Os": "linux",
        "Arch": version.arch,
        "KernelVersion": version.kernel,
        "BuildTime": version.built,
    }
    details = shared | {
        "ApiVersion": API_VERSION,
        "MinAPIVersion": version.oldest_api,
        "Experimental": str(version.experimental).lower(),
    }
    components = [Component("Seaway", version.seaway), *version.components]
    wire: dict[str, object] = {
        "Platform": {"Name": f"Seaway {version.seaway}"},
        "Components": [{"Name": "Engine", "Version": DOCKER_VERSION, "Details": dict(sorted(details.items()))}]
        + [{"Name": c.name, "Version": c.version, "Details": {"GitCommit": c.commit}} for c in components],
        "Version": DOCKER_VERSION,
        "ApiVersion": API_VERSION,
        "MinAPIVersion": version.oldest_api,
    }
    if version.experimental:
        shared["Experimental"] = "true"
    return wire | shared
