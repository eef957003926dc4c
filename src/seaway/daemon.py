"""The composition root: builds each service once, restores, serves, shuts down. Only this module wires."""

import asyncio
import logging
import os
import signal
import ssl
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import uvloop

from seaway.api.handlers.attach import AttachHandlers
from seaway.api.handlers.container_control import ContainerControlHandlers
from seaway.api.handlers.containers import ContainerHandlers
from seaway.api.handlers.events import EventHandlers
from seaway.api.handlers.execs import ExecHandlers
from seaway.api.handlers.image_push import ImagePushHandlers
from seaway.api.handlers.image_transfer import ImageTransferHandlers
from seaway.api.handlers.images import ImageHandlers
from seaway.api.handlers.logs import LogHandlers
from seaway.api.handlers.networks import NetworkHandlers
from seaway.api.handlers.registry import RegistryHandlers
from seaway.api.handlers.system import SystemHandlers
from seaway.api.handlers.volumes import VolumeHandlers
from seaway.api.router import Router
from seaway.api.server import ApiServer, Identity
from seaway.api.tls import server_context
from seaway.api.versions import Version
from seaway.base.errors import SystemFailure
from seaway.base.supervisor import Supervisor
from seaway.config import EngineConfig
from seaway.containers.store import ContainerStore
from seaway.content.blobs import BlobStore
from seaway.distribution.endpoints import RegistryConfig
from seaway.distribution.fetch import Downloads, forget_partial_downloads
from seaway.distribution.metadata import BlobMetadata
from seaway.distribution.push import Pusher
from seaway.engine import monitor, shutdown
from seaway.engine.context import Engine
from seaway.engine.defaults import container_defaults
from seaway.engine.exec import collect_finished
from seaway.engine.imagemounts import ImageMounts
from seaway.engine.info import engine_figures
from seaway.engine.joining import ContainerNetworks
from seaway.engine.logs import ContainerLogs
from seaway.engine.mounts import ContainerMounts
from seaway.engine.restore import joined_before, restore
from seaway.engine.streams import Streams
from seaway.engine.sweep import forget_last_boot, sweep
from seaway.events.bus import EventBus
from seaway.images.catalog import Catalog, open_catalog
from seaway.images.pull import Puller
from seaway.images.push import ImagePusher
from seaway.kernel import worker
from seaway.kernel.process import find_program
from seaway.layers.driver import StorageDriver
from seaway.layers.overlay2 import Overlay2
from seaway.layers.store import LayerStore
from seaway.layers.vfs import Vfs
from seaway.model.container import LogConfig
from seaway.networks.controller import NetworkController, NetworkOptions
from seaway.networks.network import BridgeSettings
from seaway.runtime.crun import BUILT_IN, Runtime, RuntimeProgram
from seaway.runtime.exits import ExitWatcher
from seaway.system.dataroot import DataRoot
from seaway.system.host import read_host
from seaway.system.info import info_to_wire
from seaway.system.pidfile import remove_pidfile, write_pidfile
from seaway.system.version import EngineVersion, probe_version
from seaway.volumes.store import VolumeStore

log = logging.getLogger(__name__)

DOCKER_VERSION = "28.5.2"
FORCE_AFTER = 3


def run(config: EngineConfig) -> int:
    """In the foreground until SIGINT or SIGTERM; then the exit status 0."""
    if os.geteuid() != 0:
        raise SystemFailure("The Docker daemon needs to be run as root")
    uvloop.run(serve(config))
    return 0


async def serve(config: EngineConfig) -> None:
    async with AsyncExitStack() as life:
        write_pidfile(config.pidfile)
        life.callback(remove_pidfile, config.pidfile)
        root = DataRoot(config.data_root)
        life.callback(root.close)
        stop = _stop_signal()
        engine, server = await _build(config, root, life)
        monitor.follow_runs(engine)
        await sweep(engine)
        await restore(engine)
        engine.supervisor.spawn(collect_finished(engine), "exec collector", service=True)
        await _listen(config, server)
        log.info("Daemon has completed initialization")
        await stop.wait()
        log.info("Processing signal, shutting down")
        await server.close()
        if not config.live_restore:
            await shutdown.stop_all(engine, config.shutdown_timeout)
        await engine.supervisor.drain(5.0)
    log.info("Daemon shutdown complete")


async def _build(config: EngineConfig, root: DataRoot, life: AsyncExitStack) -> tuple[Engine, ApiServer]:
    run_root = Path(config.exec_root) / "seaway"
    forget_last_boot(run_root)
    supervisor = Supervisor()
    life.push_async_callback(supervisor.close)
    driver = _storage_driver(config, root.path)
    store_root = root.path / "image" / driver.name
    layers = LayerStore(store_root, driver)
    life.push_async_callback(layers.close)
    await layers.restore()
    events = EventBus()
    catalog = open_catalog(store_root, layers, events.publish)
    exits = ExitWatcher(supervisor)
    exits.start()
    life.push_async_callback(exits.close)
    containers = ContainerStore(root.path)
    log.info("Loading containers: start.")
    containers.load()
    log.info("Loading containers: done.")
    controller = NetworkController(_network_options(config, run_root), supervisor)
    controller.restore(joined_before(containers, run_root / "runs"))
    await controller.start()
    life.push_async_callback(controller.close)
    runtime = Runtime(run_root / "runtime", exits, _programs(config))
    logs = ContainerLogs(
        LogConfig(type=config.log_driver, config=dict(config.log_opts)), containers, runtime, supervisor
    )
    logs.start()
    life.callback(logs.close)
    mounts = ContainerMounts(
        VolumeStore(root.path),
        containers,
        layers,
        ImageMounts(catalog, layers),
        events,
        root.path,
        run_root / "subpaths",
    )
    engine = Engine(
        data_root=root.path,
        run_root=run_root / "runs",
        containers=containers,
        images=catalog,
        layers=layers,
        runtime=runtime,
        logs=logs,
        mounts=mounts,
        networks=ContainerNetworks(controller, containers),
        events=events,
        supervisor=supervisor,
        streams=Streams(supervisor),
        cpus=os.cpu_count() or 1,
        default_runtime=_default_runtime(config),
        defaults=container_defaults(config),
    )
    version = await probe_version({"crun": find_program("crun"), "conmon": find_program("conmon")})
    router = _routes(config, root, engine, layers, catalog, controller, events, version)
    return engine, ApiServer(router, Identity(DOCKER_VERSION, config.experimental))


def _routes(
    config: EngineConfig,
    root: DataRoot,
    engine: Engine,
    layers: LayerStore,
    catalog: Catalog,
    controller: NetworkController,
    events: EventBus,
    version: EngineVersion,
) -> Router:
    async def info(api: Version) -> dict[str, Any]:
        images = len(catalog.images.all())
        figures = engine_figures(engine, layers, config, root.engine_id(), images, events.listeners)
        return info_to_wire(config, await worker.run_blocking(read_host), version, figures, api)

    puller = _puller(config, root, catalog, engine.supervisor)
    groups = (
        SystemHandlers(version, info),
        EventHandlers(events),
        ContainerHandlers(engine),
        ContainerControlHandlers(engine),
        AttachHandlers(engine),
        ExecHandlers(engine),
        LogHandlers(engine),
        ImageTransferHandlers(catalog, puller, root.path / "tmp"),
        ImagePushHandlers(
            ImagePusher(catalog, puller.registries, Pusher(puller.metadata, config.max_concurrent_uploads))
        ),
        RegistryHandlers(puller.registries),
        ImageHandlers(catalog, engine.containers),
        NetworkHandlers(controller),
        VolumeHandlers(engine),
    )
    return Router(route for group in groups for route in group.routes())


async def _listen(config: EngineConfig, server: ApiServer) -> None:
    tls = _tls(config) if config.uses_tls else None
    for where in config.listens:
        await server.serve(where, group=config.group, tls=tls)
        log.info("API listen on %s", where.address)


def _puller(config: EngineConfig, root: DataRoot, catalog: Catalog, supervisor: Supervisor) -> Puller:
    registries = RegistryConfig(
        insecure=config.insecure_registries,
        mirrors=config.registry_mirrors,
        max_concurrent_downloads=config.max_concurrent_downloads,
        max_download_attempts=config.max_download_attempts,
    )
    metadata = BlobMetadata(root.path / "image" / catalog.layers.driver.name / "distribution")
    blobs = BlobStore(root.path / "seaway" / "blobs")
    supervisor.spawn(forget_partial_downloads(blobs), "partial downloads", service=True)
    return Puller(catalog, registries, Downloads(blobs, config.max_concurrent_downloads), metadata)


def _tls(config: EngineConfig) -> ssl.SSLContext:
    authority = Path(config.tlscacert) if config.tlscacert else None
    return server_context(Path(config.tlscert), Path(config.tlskey), authority, verify=config.tlsverify)


def _storage_driver(config: EngineConfig, root: Path) -> StorageDriver:
    match config.storage_driver or os.environ.get("DOCKER_DRIVER", "") or "overlay2":
        case "overlay2":
            return Overlay2(root / "overlay2")
        case "vfs":
            return Vfs(root / "vfs")
        case other:
            raise SystemFailure(f"error initializing graphdriver: driver not supported: {other}")


def _default_runtime(config: EngineConfig) -> str:
    """dockerd's default is called runc; ours is crun, unless somebody chose, or only runc is there."""
    if "default-runtime" in config.configured:
        return config.default_runtime
    return "crun" if find_program("crun") else "runc"


def _programs(config: EngineConfig) -> dict[str, RuntimeProgram]:
    own = {name: RuntimeProgram(r.path, r.args) for name, r in config.runtimes.items()}
    return {**BUILT_IN, **own}


def _network_options(config: EngineConfig, run_root: Path) -> NetworkOptions:
    bridge = BridgeSettings(
        name=config.bridge or "docker0",
        subnet=config.bip or "172.17.0.0/16",
        gateway=config.bip.partition("/")[0],
        ip_range=config.fixed_cidr,
        mtu=config.mtu,
        icc=config.icc,
        masquerade=config.ip_masq,
        default_ip=config.ip,
    )
    return NetworkOptions(run_root=run_root, bridge=bridge, ip_forward=config.ip_forward)


def _stop_signal() -> asyncio.Event:
    """The third SIGINT ends the process without cleanup."""
    stop, interrupts = asyncio.Event(), 0

    def received(number: int) -> None:
        nonlocal interrupts
        interrupts += number == signal.SIGINT
        if interrupts >= FORCE_AFTER:
            log.error("Forcing docker daemon shutdown without cleanup; %d interrupts received", interrupts)
            os._exit(128 + signal.SIGINT)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, received, number)
    return stop
