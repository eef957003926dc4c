"""The composition root: builds each service once, restores, serves, shuts down. Only this module wires."""

import hashlib
import logging
import os
import signal
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import uvloop

from seaway.api.handlers.archive import ArchiveHandlers
from seaway.api.handlers.attach import AttachHandlers
from seaway.api.handlers.commit import CommitHandlers
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
from seaway.api.handlers.swarm import SwarmHandlers
from seaway.api.handlers.system import SystemHandlers
from seaway.api.handlers.usage import UsageHandlers
from seaway.api.handlers.volume_copies import VolumeCopyHandlers
from seaway.api.handlers.volumes import VolumeHandlers
from seaway.api.router import Router
from seaway.api.server import ApiServer, Identity
from seaway.api.tls import server_context
from seaway.api.versions import Version
from seaway.base.errors import SystemFailure
from seaway.base.signalling import dump_stacks, on_signal, stop_signal
from seaway.base.supervisor import Supervisor
from seaway.config import EngineConfig, RuntimeConfig
from seaway.containers.store import ContainerStore
from seaway.distribution.fetch import forget_partial_downloads
from seaway.engine import health, monitor, shutdown
from seaway.engine.context import Engine
from seaway.engine.exec import collect_finished
from seaway.engine.imagemounts import ImageMounts
from seaway.engine.info import engine_figures
from seaway.engine.joining import ContainerNetworks
from seaway.engine.logs import ContainerLogs
from seaway.engine.mounts import ContainerMounts
from seaway.engine.netfiles import FileDefaults
from seaway.engine.reload import reload_config
from seaway.engine.restore import joined_before, restore
from seaway.engine.settings import Settings
from seaway.engine.streams import Streams
from seaway.engine.sweep import forget_last_boot, sweep
from seaway.engine.transfers import Transfers
from seaway.events.bus import RING_SIZE, EventBus
from seaway.events.journal import Journal
from seaway.images.catalog import Catalog, open_catalog
from seaway.kernel import worker
from seaway.kernel.process import find_program
from seaway.layers.driver import StorageDriver
from seaway.layers.options import check_storage_options
from seaway.layers.overlay2 import Overlay2
from seaway.layers.store import LayerStore
from seaway.layers.vfs import Vfs
from seaway.model.container import LogConfig
from seaway.networks.controller import NetworkController
from seaway.networks.network import BridgeSettings
from seaway.networks.options import NetworkOptions
from seaway.networks.usernet import DEFAULT_POOLS, NetworkDefaults
from seaway.runtime.crun import BUILT_IN, Runtime, RuntimeProgram
from seaway.runtime.exits import ExitWatcher
from seaway.system.dataroot import DataRoot
from seaway.system.host import read_host
from seaway.system.info import info_to_wire
from seaway.system.notify import READY, STOPPING, notify
from seaway.system.pidfile import remove_pidfile, write_pidfile
from seaway.system.version import EngineVersion, probe_version
from seaway.volumes.store import VolumeStore

log = logging.getLogger(__name__)

DOCKER_VERSION = "28.5.2"


def run(config: EngineConfig, reread: Callable[[], EngineConfig]) -> int:
    """In the foreground until SIGINT or SIGTERM; then the exit status 0. `reread` is for SIGHUP."""
    if os.geteuid() != 0:
        raise SystemFailure("The Docker daemon needs to be run as root")
    uvloop.run(serve(config, reread))
    return 0


async def serve(config: EngineConfig, reread: Callable[[], EngineConfig]) -> None:
    stop = stop_signal()
    async with running(config) as service:
        on_signal(signal.SIGHUP, lambda: service.reload(reread))
        for number in (signal.SIGUSR1, signal.SIGQUIT):
            on_signal(number, partial(dump_stacks, Path(config.exec_root)))
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
        root = DataRoot(config.data_root)
        life.callback(root.close)
        settings = Settings(config)
        engine, transfers, server = await _build(settings, root, life)
        tell = (transfers.resize, lambda new: engine.runtime.use(_programs(new)))
        monitor.follow_runs(engine)
        health.follow_runs(engine)
        await sweep(engine)
        await restore(engine)
        engine.supervisor.spawn(collect_finished(engine), "exec collector", service=True)
        await _listen(config, server)
        log.info("Daemon has completed initialization")
        try:
            yield Service(engine, lambda reread: reload_config(engine, root.engine_id(), reread, tell))
        finally:
            await server.close()
            if not settings.config.live_restore:
                await shutdown.stop_all(engine, settings.config.shutdown_timeout)
            await engine.supervisor.drain(5.0)


async def _build(settings: Settings, root: DataRoot, life: AsyncExitStack) -> tuple[Engine, Transfers, ApiServer]:
    config = settings.config
    run_root = Path(config.exec_root) / "seaway"
    forget_last_boot(run_root)
    supervisor = Supervisor()
    life.push_async_callback(supervisor.close)
    driver = _storage_driver(config, root.path)
    store_root = root.path / "image" / driver.name
    layers = LayerStore(store_root, driver)
    life.push_async_callback(layers.close)
    await layers.restore()
    journal = Journal(root.path / "seaway" / "events.jsonl", RING_SIZE)
    life.callback(journal.close)
    events = EventBus(journal)
    catalog = open_catalog(store_root, layers, events.publish)
    await layers.sweep()
    exits = ExitWatcher(supervisor)
    exits.start()
    life.push_async_callback(exits.close)
    containers = ContainerStore(root.path)
    log.info("Loading containers: start.")
    containers.load()
    log.info("Loading containers: done.")
    controller = NetworkController(_network_options(config, run_root, root.path, root.engine_id()), supervisor)
    controller.restore(joined_before(containers, run_root / "runs"))
    await controller.start()
    life.push_async_callback(controller.close)
    runtime = Runtime(run_root / "runtime", exits, _programs(config), systemd_cgroups=settings.defaults.systemd_cgroups)
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
        settings=settings,
        data_root=root.path,
        run_root=run_root / "runs",
        containers=containers,
        images=catalog,
        layers=layers,
        runtime=runtime,
        logs=logs,
        mounts=mounts,
        networks=ContainerNetworks(controller, containers, _file_defaults(config)),
        events=events,
        supervisor=supervisor,
        streams=Streams(supervisor),
        host=read_host(),
    )
    version = await probe_version({"crun": find_program("crun"), "conmon": find_program("conmon")})
    transfers = Transfers(settings, catalog, root.path)
    supervisor.spawn(forget_partial_downloads(transfers.blobs), "partial downloads", service=True)
    router = _routes(transfers, root, engine, layers, catalog, events, version)
    return engine, transfers, ApiServer(router, Identity(DOCKER_VERSION, config.experimental))


def _routes(
    transfers: Transfers,
    root: DataRoot,
    engine: Engine,
    layers: LayerStore,
    catalog: Catalog,
    events: EventBus,
    version: EngineVersion,
) -> Router:
    async def info(api: Version) -> dict[str, Any]:
        config = engine.settings.config
        images = len(catalog.images.all())
        figures = engine_figures(engine, layers, config, root.engine_id(), images, events.listeners)
        return info_to_wire(config, await worker.run_blocking(read_host), version, figures, api)

    groups = (
        SystemHandlers(version, info),
        EventHandlers(events),
        ContainerHandlers(engine),
        ContainerControlHandlers(engine),
        ArchiveHandlers(engine),
        AttachHandlers(engine),
        ExecHandlers(engine),
        LogHandlers(engine),
        ImageTransferHandlers(catalog, transfers.puller, root.path / "tmp"),
        ImagePushHandlers(transfers.pusher),
        RegistryHandlers(transfers.registries),
        CommitHandlers(engine, catalog),
        ImageHandlers(catalog, engine.containers),
        NetworkHandlers(engine),
        SwarmHandlers(),
        VolumeCopyHandlers(engine),  # dockerd's own take any path for a name
        VolumeHandlers(engine),
        UsageHandlers(engine, catalog),
    )
    return Router(route for group in groups for route in group.routes())


async def _listen(config: EngineConfig, server: ApiServer) -> None:
    tls = _tls(config) if config.uses_tls else None
    for where in config.listens:
        await server.serve(where, group=config.group, tls=tls)
        log.info("API listen on %s", where.address)


def _tls(config: EngineConfig) -> ssl.SSLContext:
    authority = Path(config.tlscacert) if config.tlscacert else None
    return server_context(Path(config.tlscert), Path(config.tlskey), authority, verify=config.tlsverify)


def _storage_driver(config: EngineConfig, root: Path) -> StorageDriver:
    match config.storage_driver or os.environ.get("DOCKER_DRIVER", "") or "overlay2":
        case "overlay2":
            overlay2 = Overlay2(root / "overlay2")
            check_storage_options(config.storage_opts, dict(overlay2.status()).get("Backing Filesystem", ""))
            return overlay2
        case "vfs":
            return Vfs(root / "vfs")
        case other:
            raise SystemFailure(f"error initializing graphdriver: driver not supported: {other}")


def _programs(config: EngineConfig) -> dict[str, RuntimeProgram]:
    return {**BUILT_IN, **{name: _program(runtime) for name, runtime in config.runtimes.items()}}


def _program(runtime: RuntimeConfig) -> RuntimeProgram:
    """A shim of containerd's that drives runc stands for runc, or for the program that its options name."""
    if runtime.path:
        return RuntimeProgram(runtime.path, runtime.args)
    built_in = BUILT_IN.get(runtime.type, RuntimeProgram(runtime.type))
    return RuntimeProgram(runtime.options.get("BinaryName") or built_in.path, runtime.args)


def _network_options(config: EngineConfig, run_root: Path, data_root: Path, engine_id: str) -> NetworkOptions:
    bridge = BridgeSettings(
        name=config.bridge or "docker0",
        subnet=config.bip or "172.17.0.0/16",
        gateway=config.bip.partition("/")[0],
        ip_range=config.fixed_cidr,
        mtu=config.mtu,
        icc=config.icc,
        masquerade=config.ip_masq and config.iptables,
        default_gateway=config.default_gateway,
        subnet6=(config.fixed_cidr_v6 or config.bip6 or _unique_local(engine_id)) if config.ipv6 else "",
        gateway6=config.bip6.partition("/")[0],
        default_gateway6=config.default_gateway_v6,
        default_ip=config.ip,
    )
    return NetworkOptions(
        run_root=run_root,
        bridge=bridge,
        ip_forward=config.ip_forward,
        firewall=config.iptables,
        userland_proxy=config.userland_proxy,
        database=data_root / "seaway" / "networks.db",
        networks=NetworkDefaults(
            pools=[(IPv4Network(p.base), p.size) for p in config.default_address_pools if ":" not in p.base]
            or DEFAULT_POOLS,
            driver_options=config.default_network_opts,
        ),
    )


def _unique_local(engine_id: str) -> str:
    """A subnet that this engine keeps, and that hardly another one has."""
    digits = hashlib.sha256(engine_id.encode()).hexdigest()
    return f"fd{digits[:2]}:{digits[2:6]}:{digits[6:10]}::/64"


def _file_defaults(config: EngineConfig) -> FileDefaults:
    return FileDefaults(
        dns=config.dns,
        search=config.dns_search,
        options=config.dns_opts,
        host_gateways=config.host_gateway_ips,
        resolv_conf=config.resolv_conf,
    )
