"""Follows the host's resolv.conf: its servers may change while containers run, on a laptop say, or with a VPN."""

import logging
from collections.abc import Iterator
from pathlib import Path

from asyncinotify import Inotify, Mask

from seaway.base.errors import EngineError
from seaway.containers.container import Container
from seaway.engine.context import Engine
from seaway.engine.netfiles import read_host_file
from seaway.kernel.worker import run_blocking

log = logging.getLogger(__name__)
CHANGED = Mask.CLOSE_WRITE | Mask.MOVED_TO | Mask.CREATE | Mask.DELETE


async def follow_host_resolver(engine: Engine) -> None:
    """Runs as long as the engine does. What an earlier engine recorded of the servers may be old already."""
    source = engine.networks.host_resolv_conf
    before = read_host_file(source)
    await _apply(engine, "")
    with Inotify() as inotify:
        for directory in set(_directories(source)):
            inotify.add_watch(directory, CHANGED)
        while True:
            await inotify.get()
            if (now := read_host_file(source)) != before:
                log.info("%s has changed", source)
                await _apply(engine, before)
                before = now


async def _apply(engine: Engine, before: str) -> None:
    for container in engine.containers.all():
        if container.task.is_running and engine.networks.controller.sandbox(container.id):
            try:
                await _update(engine, container, before)
            except (EngineError, OSError) as failed:
                log.error("the resolv.conf of %s: %s", container.name, failed)


async def _update(engine: Engine, container: Container, before: str) -> None:
    """The container's own file, too, unless somebody has edited it."""
    async with engine.locks.hold(container.id):
        engine.networks.ask_servers_of_today(container)
        if before:
            await run_blocking(engine.networks.update_resolv_conf, container, before)


def _directories(source: Path) -> Iterator[Path]:
    """Where a new file may take its place: beside it, and beside each of the links that lead to it."""
    for _ in range(10):
        if source.parent.is_dir():
            yield source.parent
        if not source.is_symlink():
            return
        source = source.parent / source.readlink()
