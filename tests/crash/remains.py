"""What an engine has on this host, as a value to compare: two engines at rest with the same objects are equal."""

import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from conformance.engines import RunningEngine

PATIENCE_S = 15


@dataclass(frozen=True)
class Remains:
    mounts: frozenset[str]
    links: frozenset[str]
    namespaces: frozenset[str]
    firewall: tuple[str, ...]
    layers: frozenset[str]
    layer_records: frozenset[str]
    containers: frozenset[str]
    volumes: frozenset[str]
    runs: frozenset[str]
    conmons: int
    groups: frozenset[str]


def remains(engine: RunningEngine) -> Remains:
    data, run = engine.root / "data", engine.root / "exec" / "seaway"
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    links = _output("ip", "-n", engine.namespace, "-br", "link")
    rules = _output("ip", "netns", "exec", engine.namespace, "nft", "list", "ruleset")
    ids = _names(data / "containers") | _names(data / "image/overlay2/layerdb/mounts")
    return Remains(
        mounts=frozenset(m for m in mounts if m.startswith(f"{engine.root}/")),
        links=frozenset(line.split()[0].partition("@")[0] for line in links.splitlines()),
        namespaces=_names(run / "netns"),
        firewall=tuple(re.sub(r"counter packets \d+ bytes \d+", "", rules).splitlines()),
        layers=_names(data / "overlay2") - {".seaway-trash"},
        layer_records=_names(data / "image/overlay2/layerdb/mounts") | _names(data / "image/overlay2/layerdb/tmp"),
        containers=_names(data / "containers") | _names(data / "seaway" / "new"),
        volumes=_names(data / "volumes"),
        runs=_names(run / "runs") | _names(run / "execs") | _names(run / "runtime/crun"),
        conmons=len(_output("pgrep", "-f", f"conmon.*{engine.root}/").split()),
        groups=frozenset(group.name for group in Path("/sys/fs/cgroup/memory/docker").glob("*") if group.name in ids),
    )


def settled(engine: RunningEngine, wanted: Remains) -> Remains:
    """What remains, once it is as wanted or patience is at its end: teardown goes on behind the answers."""
    wait_until(lambda: remains(engine) == wanted)
    return remains(engine)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)


def _names(directory: Path) -> frozenset[str]:
    return frozenset(entry.name for entry in directory.iterdir()) if directory.is_dir() else frozenset()


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout
