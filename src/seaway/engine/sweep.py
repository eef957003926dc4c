"""What a killed engine left half-made or half-gone is taken away, before the next one adopts what runs.

A run is kept when its container's record says that it runs, and nothing else is: a start that was not recorded is
undone, a teardown that was begun is ended. Whose directory cannot be read keeps everything, for nobody knows its state.
"""

import logging
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from seaway.base.errors import EngineError
from seaway.containers.container import Container
from seaway.containers.task import Status
from seaway.engine.context import Engine
from seaway.engine.imagemounts import image_layers, owner_of
from seaway.kernel import cgroup, files, mount, proctable, worker
from seaway.kernel.pidfd import boot_id

log = logging.getLogger(__name__)
_MOUNTED = re.compile(r"overlay2/[^/]+/merged|containers/[^/]+/.+")


def forget_last_boot(run_root: Path) -> None:
    """`run_root` is emptied if the machine has booted since: pids and sockets in it mean nothing any more."""
    mark = run_root / "boot-id"
    if mark.exists() and mark.read_text() != boot_id():
        for tree in ("runs", "execs", "runtime"):
            shutil.rmtree(run_root / tree, ignore_errors=True)
    run_root.mkdir(mode=0o700, parents=True, exist_ok=True)
    mark.write_text(boot_id())


def surviving_run(container: Container, runs: Path) -> Path | None:
    """The directory of the run that the record says is under way."""
    if container.task.status not in (Status.RUNNING, Status.PAUSED) or not container.run:
        return None
    directory = runs / container.id / container.run
    return directory if directory.is_dir() else None


async def sweep(engine: Engine) -> None:
    """Once, before `restore`; the networks' own leftovers go with their controller's start."""
    kept = {c.id: run for c in engine.containers.all() if (run := surviving_run(c, engine.run_root))}
    await worker.run_blocking(_kill_strays, engine.run_root, set(kept.values()))
    for directory in await worker.run_blocking(_stray_runs, engine.run_root, set(kept.values())):
        await _discard_run(engine, directory, is_kept=directory.parent.name in kept)
    await _forget_layers(engine)
    await engine.mounts.planner.remove_abandoned(engine.containers.abandoned_volumes)
    layers = [layer for id in kept for layer in (id, *image_layers(engine.containers.get(id)))]
    merged = {engine.layers.graph_data(layer).get("MergedDir", "") for layer in layers}
    await worker.run_blocking(_unmount_strays, engine.data_root, set(kept), merged)
    engine.supervisor.spawn(worker.run_blocking(_free_space, engine.data_root), "empty trash")


def _free_space(root: Path) -> None:
    """What was removed, by a storage driver too, and what dockerd's transfers left."""
    for folder in (root / "seaway/trash", root / "tmp", *root.glob("*/.seaway-trash")):
        files.empty_trash(folder)


def _kill_strays(runs: Path, kept: set[Path]) -> None:
    """conmons, and runtimes that were creating: whose command line names a run that is not kept."""
    named = re.compile(re.escape(f"{runs}/").encode() + rb"([0-9a-f]{64})/([0-9a-f]+)")
    for pid in proctable.processes_with(f"{runs}/"):
        found = named.search(proctable.command_line(pid))
        if found and runs / found[1].decode() / found[2].decode() not in kept:
            proctable.kill(pid)


def _stray_runs(runs: Path, kept: set[Path]) -> list[Path]:
    return [run for container in _children(runs) for run in _children(container) if run not in kept]


async def _discard_run(engine: Engine, directory: Path, *, is_kept: bool) -> None:
    container_id = directory.parent.name
    if not is_kept:
        for runtime in await worker.run_blocking(_children, engine.run_root.parent / "runtime"):
            try:
                await engine.runtime.delete(container_id, runtime.name, force=True)
            except EngineError as failure:
                log.warning("failed to delete what is left of container %s: %s", container_id, failure)
            await worker.run_blocking(shutil.rmtree, runtime / container_id, ignore_errors=True)
        await worker.run_blocking(cgroup.remove_group, f"docker/{container_id}")
    await worker.run_blocking(shutil.rmtree, directory if is_kept else directory.parent, ignore_errors=True)


async def _forget_layers(engine: Engine) -> None:
    """A container's layer is made before its record, and removed before it."""
    for layer in engine.layers.containers():
        if not await worker.run_blocking(engine.containers.directory(owner_of(layer)).exists):
            await engine.layers.remove_rw(layer)


def _unmount_strays(data_root: Path, kept: set[str], merged: set[str]) -> None:
    for target in reversed(_mounts_below(data_root)):
        name = str(target.relative_to(data_root))
        owner = name.split("/")[1] if "/" in name else ""
        if _MOUNTED.fullmatch(name) and str(target) not in merged and owner not in kept:
            mount.unmount(target)


def _mounts_below(directory: Path) -> list[Path]:
    """In the order in which they were mounted."""
    lines = Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines()
    return [target for line in lines if directory in (target := Path(line.split(" ", 5)[4])).parents]


def _children(directory: Path) -> list[Path]:
    return sorted(_directories(directory))


def _directories(directory: Path) -> Iterator[Path]:
    try:
        yield from (entry for entry in directory.iterdir() if entry.is_dir())
    except FileNotFoundError:
        return
