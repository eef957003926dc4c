"""The listeners, open before there is an engine, and what answers at once on them."""

import asyncio
import logging
import os
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

from seaway.api.handlers.system import SystemHandlers
from seaway.api.router import Router
from seaway.api.server import ApiServer, Identity
from seaway.base.dockerversion import DOCKER_VERSION
from seaway.base.supervisor import Supervisor
from seaway.config import EngineConfig
from seaway.daemon.options import minimum_version, tls
from seaway.engine.settings import Settings
from seaway.kernel.process import find_program
from seaway.plugins.authz import AuthorizationPlugins
from seaway.system.version import EngineVersion, probe_version

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Front:
    """What answers before there is an engine: /_ping and /version. All else waits until `rest` is there."""

    server: ApiServer
    rest: "asyncio.Future[Router]"
    version: "asyncio.Task[EngineVersion]"


async def open_front(settings: Settings, supervisor: Supervisor, life: AsyncExitStack) -> Front:
    oldest = minimum_version(os.environ)
    guards = AuthorizationPlugins(lambda: settings.config.authorization_plugins)
    guards.require_all()
    version = supervisor.spawn(_probe_version(str(oldest)), "versions")
    rest: asyncio.Future[Router] = asyncio.get_running_loop().create_future()
    identity = Identity(DOCKER_VERSION, settings.config.experimental)
    server = ApiServer(Router(SystemHandlers(version).routes()), identity, guards, oldest, rest)
    life.push_async_callback(server.close, 0)
    await _listen(settings.config, server)
    return Front(server, rest, version)


async def _probe_version(oldest_api: str) -> EngineVersion:
    version = await probe_version({name: find_program(name) for name in ("crun", "runc", "conmon", "docker-init")})
    return replace(version, oldest_api=oldest_api)


async def _listen(config: EngineConfig, server: ApiServer) -> None:
    context = tls(config) if config.uses_tls else None
    for where in config.listens:
        await server.serve(where, group=config.group, tls=context)
        log.info("API listen on %s", where.address)
