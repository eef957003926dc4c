"""The engine's figures for `GET /info`, counted anew for each request; `system.info` puts them on the wire."""

import asyncio
import os

from seaway.config import EngineConfig
from seaway.containers.task import Status
from seaway.engine.context import Engine
from seaway.layers.store import LayerStore
from seaway.system.info import Figures


def engine_figures(
    engine: Engine, layers: LayerStore, config: EngineConfig, engine_id: str, images: int, listeners: int
) -> Figures:
    statuses = [c.task.status for c in engine.containers.all()]
    running = sum(s in (Status.RUNNING, Status.RESTARTING) for s in statuses)
    paused = statuses.count(Status.PAUSED)
    return Figures(
        engine_id=engine_id,
        data_root=str(engine.data_root),
        running=running,
        paused=paused,
        stopped=len(statuses) - running - paused,
        images=images,
        storage_driver=layers.driver.name,
        driver_status=tuple(layers.driver.status()),
        runtimes={name: name for name in ("crun", "runc", *config.runtimes)},
        default_runtime=engine.default_runtime,
        log_drivers=("json-file", "none"),
        listeners=listeners,
        open_files=len(os.listdir("/proc/self/fd")),
        tasks=len(asyncio.all_tasks()),
    )
