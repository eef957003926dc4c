"""From a configuration to a running engine, and to its graceful end."""

import gc
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import uvloop

from seaway.api.metrics import serve_metrics
from seaway.base.errors import SystemFailure
from seaway.base.signalling import dump_stacks, on_signal, stop_signal
from seaway.base.supervisor import Supervisor
from seaway.config import EngineConfig
from seaway.daemon.build import build, start_networks
from seaway.daemon.front import open_front
from seaway.daemon.options import programs
from seaway.engine import health, monitor, oom, shutdown
from seaway.engine.context import Engine
from seaway.engine.exec import collect_finished
from seaway.engine.hostresolver import follow_host_resolver
from seaway.engine.networks import reopen_links
from seaway.engine.reload import move_cluster, reload_config
from seaway.engine.restore import record_ends, restore
from seaway.engine.settings import Settings
from seaway.engine.sweep import sweep
from seaway.kernel.chroot import is_chrooted
from seaway.system.dataroot import DataRoot
from seaway.system.notify import READY, STOPPING, notify
from seaway.system.pidfile import remove_pidfile, write_pidfile
from seaway.system.remap import read_remap

log = logging.getLogger(__name__)


def run(config: EngineConfig, reread: Callable[[], EngineConfig]) -> int:
    """In the foreground until SIGINT or SIGTERM; then the exit status 0. `reread` is for SIGHUP."""
    if os.geteuid() != 0:
        raise SystemFailure("The Docker daemon needs to be run as root")
    if is_chrooted():
        raise SystemFailure("the engine cannot run in a chroot: an exec would enter the machine's real root")
    uvloop.run(serve(config, reread))
    return 0


async def serve(config: EngineConfig, reread: Callable[[], EngineConfig]) -> None:
    stop = stop_signal()
    async with running(config) as service:
        on_signal(signal.SIGHUP, lambda: service.reload(reread))
        for number in (signal.SIGUSR1, signal.SIGQUIT):
            on_signal(number, partial(dump_stacks, Path(config.exec_root)))
        gc.freeze()
        gc.enable()
        notify(READY)
        await stop.wait()
        notify(STOPPING)
    log.info("Daemon shutdown complete")


@dataclass(frozen=True, slots=True)
class Service:
    """An engine that serves its API. `reload` takes the configuration that its argument gives."""

    engine: Engine
    reload: Callable[[Callable[[], EngineConfig]], None]


@asynccontextmanager
async def running(config: EngineConfig) -> AsyncIterator[Service]:
    """An engine inside this program, from its start to its graceful end. It needs root and leaves signals alone."""
    async with AsyncExitStack() as life:
        write_pidfile(config.pidfile)
        life.callback(remove_pidfile, config.pidfile)
        ids = await read_remap(config.userns_remap)
        root = DataRoot(config.data_root, ids)
        life.callback(root.close)
        settings = Settings(config, ids)
        supervisor = Supervisor()
        life.push_async_callback(supervisor.close)
        front = await open_front(settings, supervisor, life)
        engine, transfers, router, metrics = await build(settings, root, supervisor, front, life)
        tell = (transfers.resize, lambda new: engine.runtime.programs.use(programs(new)), partial(move_cluster, engine))
        monitor.follow_runs(engine)
        health.follow_runs(engine)
        oom.follow_runs(engine)
        await record_ends(engine)
        front.rest.set_result(router)
        await start_networks(config, engine.networks.controller, life)
        await sweep(engine)
        await restore(engine)
        await reopen_links(engine)
        engine.supervisor.spawn(collect_finished(engine), "exec collector", service=True)
        engine.supervisor.spawn(follow_host_resolver(engine), "host's resolv.conf", service=True)
        if config.metrics_addr:
            life.callback((await serve_metrics(config.metrics_addr, metrics)).close)
        log.info("Daemon has completed initialization")
        try:
            yield Service(engine, lambda reread: reload_config(engine, root.engine_id(), reread, tell))
        finally:
            await front.server.close()
            if not settings.config.live_restore:
                await shutdown.stop_all(engine, settings.config.shutdown_timeout)
            await engine.supervisor.drain(5.0)
