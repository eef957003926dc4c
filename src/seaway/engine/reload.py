"""SIGHUP: daemon.json is read again, and what may change while the engine runs changes, or nothing does."""

import json
import logging
import socket
from collections.abc import Callable, Iterable

from seaway.base.errors import EngineError
from seaway.base.logfmt import set_level
from seaway.config import ConfigError, EngineConfig
from seaway.config.cluster import parse_cluster
from seaway.config.reloading import attributes, reloaded
from seaway.engine.context import Engine

log = logging.getLogger(__name__)
Apply = Callable[[EngineConfig], None]


def move_cluster(engine: Engine, config: EngineConfig) -> None:
    """Behind the reload. An address that this host has not got leaves the engine where it is."""
    engine.supervisor.spawn(_move_cluster(engine, config), "cluster")


async def _move_cluster(engine: Engine, config: EngineConfig) -> None:
    wanted = parse_cluster(config.cluster_store, config.cluster_advertise, config.cluster_store_opts)
    try:
        await engine.networks.controller.cluster.use(wanted)
    except EngineError as failure:
        log.error("%s", failure)


def reload_config(
    engine: Engine, engine_id: str, reread: Callable[[], EngineConfig], apply: Iterable[Apply] = ()
) -> None:
    """`reread` gives the configuration of the same flags and the file as it is now; `apply` tells those who keep
    something made of it. A file that is wrong leaves everything as it was."""
    log.info("Got signal to reload configuration, reloading from: %s", engine.settings.config.config_file)
    try:
        config = reloaded(engine.settings.config, reread())
        engine.settings.use(config)
    except (ConfigError, EngineError) as failure:
        log.error("%s", failure)
        return
    set_level("debug" if config.debug else config.log_level)
    for tell in apply:
        tell(config)
    shown = attributes(config)
    log.info("Reloaded configuration: %s", json.dumps(shown, sort_keys=True))
    engine.events.publish("daemon", "reload", engine_id, {"name": socket.gethostname(), **shown})
