"""The engine's figures for `GET /info`, counted anew for each request; `system.info` puts them on the wire."""

import asyncio
import os

from seaway.config import EngineConfig
from seaway.containers.task import Status
from seaway.engine.context import Engine
from seaway.layers.store import LayerStore
from seaway.logs.drivers import log_drivers
from seaway.runtime.programs import BUILT_IN
from seaway.system.info import Figures


def engine_figures(
    engine: Engine, layers: LayerStore, config: EngineConfig, engine_id: str, images: int, listeners: int
) -> Figures:
    cluster = engine.networks.controller.cluster
    statuses = [c.task.status for c in engine.containers.all()]
    running = sum(s in (Status.RUNNING, Status.RESTARTING) for s in statuses)
    paused = statuses.count(Status.PAUSED)
    return Figures(
        firewall_backend=engine.networks.controller.firewall_backend,
        engine_id=engine_id,
        data_root=str(engine.data_root),
        running=running,
        paused=paused,
        stopped=len(statuses) - running - paused,
        images=images,
        storage_driver=layers.driver.name,
        driver_status=tuple(layers.driver.status()),
        runtimes={n: p.path or n for n, p in BUILT_IN.items()}
        | {n: r.path or r.type for n, r in config.runtimes.items()},
        default_runtime=engine.default_runtime,
        cgroup_driver="systemd" if engine.defaults.systemd_cgroups else "cgroupfs",
        cdi_spec_dirs=engine.defaults.cdi_spec_dirs,
        volume_drivers=tuple(engine.mounts.volumes.drivers.loaded()),
        network_drivers=("bridge", "host", "null", *(("overlay",) if config.cluster_store else ())),
        cluster_advertise=cluster.advertise,
        cluster_failure=str(cluster.failure or ""),
        log_drivers=tuple(sorted(log_drivers().keys() - {"none"})),
        listeners=listeners,
        open_files=len(os.listdir("/proc/self/fd")),
        tasks=len(asyncio.all_tasks()),
    )


def _runtime_paths(config: EngineConfig) -> dict[str, str]:
    built_in = {name: program.path or name for name, program in BUILT_IN.items()}
    return built_in | {name: runtime.path or runtime.type for name, runtime in config.runtimes.items()}
