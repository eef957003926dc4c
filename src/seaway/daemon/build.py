"""Builds each service once, in the order in which they need each other."""

import asyncio
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from seaway.api.handlers.archive import ArchiveHandlers
from seaway.api.handlers.attach import AttachHandlers
from seaway.api.handlers.checkpoints import CheckpointHandlers
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
from seaway.api.handlers.system import InfoHandlers, SystemHandlers
from seaway.api.handlers.usage import UsageHandlers
from seaway.api.handlers.volume_copies import VolumeCopyHandlers
from seaway.api.handlers.volumes import VolumeHandlers
from seaway.api.router import Route, Router
from seaway.api.server import ApiServer, Identity
from seaway.api.versions import Version
from seaway.base.dockerversion import DOCKER_VERSION
from seaway.base.supervisor import Supervisor
from seaway.config import EngineConfig
from seaway.config.cluster import parse_cluster
from seaway.containers.store import ContainerStore
from seaway.daemon.adoption import after_adoption
from seaway.daemon.metrics import metrics_text
from seaway.daemon.options import (
    file_defaults,
    minimum_version,
    network_options,
    programs,
    storage_driver,
    temporary_directory,
    tls,
)
from seaway.discovery.cluster import Cluster
from seaway.distribution.fetch import forget_partial_downloads
from seaway.engine.context import Engine
from seaway.engine.imagemounts import ImageMounts
from seaway.engine.imageusers import ImageUsers
from seaway.engine.info import engine_figures
from seaway.engine.joining import ContainerNetworks
from seaway.engine.logs import ContainerLogs
from seaway.engine.mountplan import MountPlanner
from seaway.engine.mounts import ContainerMounts
from seaway.engine.restore import joined_before
from seaway.engine.settings import Settings
from seaway.engine.spec import labels_of
from seaway.engine.streams import Streams
from seaway.engine.sweep import forget_last_boot
from seaway.engine.transfers import Transfers
from seaway.events.bus import RING_SIZE, EventBus
from seaway.events.journal import Journal
from seaway.images.catalog import Catalog, open_catalog
from seaway.images.graphdir import refuse_graph_directory
from seaway.kernel import worker
from seaway.kernel.process import find_program
from seaway.layers.containers import ContainerLayers
from seaway.layers.store import LayerStore
from seaway.networks.controller import NetworkController
from seaway.plugins.authz import AuthorizationPlugins
from seaway.runtime.crun import Runtime
from seaway.runtime.exits import ExitWatcher
from seaway.system.dataroot import DataRoot
from seaway.system.host import read_host
from seaway.system.info import info_to_wire
from seaway.system.version import EngineVersion, probe_version
from seaway.volumes.store import VolumeStore

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Images:
    layers: LayerStore
    roots: ContainerLayers
    catalog: Catalog
    events: EventBus


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


async def build(
    settings: Settings, root: DataRoot, supervisor: Supervisor, front: Front, life: AsyncExitStack
) -> tuple[Engine, Transfers, Router, Callable[[], str]]:
    """Nothing runs yet. What is made here ends with `life`."""
    config = settings.config
    run_root = Path(config.exec_root) / "seaway"
    forget_last_boot(run_root)
    images = await _open_images(settings, root, life)
    containers = await _load_containers(root, images.roots.driver_name)
    for container in containers.all():
        images.roots.set_label(container.id, labels_of(container, settings.defaults).mount)
    controller = await _restore_networks(config, root, run_root, containers, supervisor)
    runtime = _start_runtime(settings, run_root, supervisor, life)
    logs = _start_logs(settings, containers, runtime, supervisor, life)
    engine = Engine(
        settings=settings,
        data_root=root.path,
        run_root=run_root / "runs",
        containers=containers,
        images=images.catalog,
        layers=images.roots,
        runtime=runtime,
        logs=logs,
        mounts=_mounts(images, containers, root, run_root, settings.ids.root),
        networks=ContainerNetworks(controller, containers, file_defaults(config), settings),
        events=images.events,
        supervisor=supervisor,
        streams=Streams(supervisor),
        host=read_host(),
    )
    version = await front.version
    transfers = Transfers(settings, images.catalog, root.path)
    supervisor.spawn(forget_partial_downloads(transfers.blobs), "partial downloads", service=True)
    router = Router(after_adoption(engine, route) for route in _routes(transfers, root, engine, images, version))
    told = metrics_text(engine, images.events, version, root.engine_id(), images.layers.driver.name)
    return engine, transfers, router, told


async def _open_images(settings: Settings, root: DataRoot, life: AsyncExitStack) -> _Images:
    """What a killed engine left half-made among layers and images goes here."""
    refuse_graph_directory(root.path)
    driver = storage_driver(settings.config, root.path, settings.ids.root)
    store_root = root.path / "image" / driver.name
    layers = LayerStore(store_root, driver, settings.ids)
    life.push_async_callback(layers.close)
    await layers.restore()
    roots = await worker.run_blocking(ContainerLayers, layers)
    life.push_async_callback(roots.close)
    journal = Journal(root.path / "seaway" / "events.jsonl", RING_SIZE)
    life.callback(journal.close)
    events = EventBus(journal)
    catalog = open_catalog(store_root, layers, events.publish)
    await layers.sweep()
    return _Images(layers, roots, catalog, events)


async def _load_containers(root: DataRoot, driver: str) -> ContainerStore:
    containers = ContainerStore(root.path)
    log.info("Loading containers: start.")
    await worker.run_blocking(containers.load, driver)
    log.info("Loading containers: done.")
    return containers


async def _restore_networks(
    config: EngineConfig, root: DataRoot, run_root: Path, containers: ContainerStore, supervisor: Supervisor
) -> NetworkController:
    """The containers that still run are known to it before it brings the host to its state."""
    options = await worker.run_blocking(network_options, config, run_root, root.path, root.engine_id())
    controller = NetworkController(options, supervisor, Cluster(root.engine_id(), supervisor))
    controller.restore(joined_before(containers, run_root / "runs"))
    return controller


async def start_networks(config: EngineConfig, controller: NetworkController, life: AsyncExitStack) -> None:
    cluster = controller.cluster
    life.push_async_callback(cluster.close)
    await cluster.use(parse_cluster(config.cluster_store, config.cluster_advertise, config.cluster_store_opts))
    await controller.start()
    life.push_async_callback(controller.close)


def _start_runtime(settings: Settings, run_root: Path, supervisor: Supervisor, life: AsyncExitStack) -> Runtime:
    exits = ExitWatcher(supervisor)
    exits.start()
    life.push_async_callback(exits.close)
    known = programs(settings.config)
    runtime = Runtime(run_root / "runtime", exits, known, systemd_cgroups=settings.defaults.systemd_cgroups)
    life.callback(runtime.execs.close)
    return runtime


def _start_logs(
    settings: Settings, containers: ContainerStore, runtime: Runtime, supervisor: Supervisor, life: AsyncExitStack
) -> ContainerLogs:
    logs = ContainerLogs(settings, containers, runtime, supervisor)
    logs.start()
    life.callback(logs.close)
    return logs


def _mounts(
    images: _Images, containers: ContainerStore, root: DataRoot, run_root: Path, owner: tuple[int, int]
) -> ContainerMounts:
    volumes, of_images = VolumeStore(root.path, owner=owner), ImageMounts(images.catalog, images.roots)
    planner = MountPlanner(volumes, containers, images.roots, of_images, images.events, root.path)
    staging, label_of = run_root / "subpaths", images.roots.label_of
    return ContainerMounts(volumes, planner, of_images, images.events, staging, label_of, owner)


def _routes(
    transfers: Transfers,
    root: DataRoot,
    engine: Engine,
    stores: _Images,
    version: EngineVersion,
) -> Iterator[Route]:
    catalog, events = stores.catalog, stores.events

    async def info(api: Version) -> dict[str, Any]:
        config = engine.settings.config
        images = len(catalog.images.all())
        figures = engine_figures(engine, stores.layers, config, root.engine_id(), images, events.listeners)
        return info_to_wire(config, await worker.run_blocking(read_host), version, figures, api)

    groups = (
        InfoHandlers(info),
        EventHandlers(events),
        CheckpointHandlers(engine),  # before those that take any path for a name
        ContainerHandlers(engine),
        ContainerControlHandlers(engine),
        ArchiveHandlers(engine),
        AttachHandlers(engine),
        ExecHandlers(engine),
        LogHandlers(engine),
        ImageTransferHandlers(catalog, transfers.puller, temporary_directory(os.environ, root.path)),
        ImagePushHandlers(transfers.pusher),
        RegistryHandlers(transfers.registries),
        CommitHandlers(engine, catalog),
        ImageHandlers(catalog, ImageUsers(engine.containers).of),
        NetworkHandlers(engine),
        SwarmHandlers(),
        VolumeCopyHandlers(engine),  # dockerd's own take any path for a name
        VolumeHandlers(engine),
        UsageHandlers(engine, catalog),
    )
    return (route for group in groups for route in group.routes())


async def _listen(config: EngineConfig, server: ApiServer) -> None:
    context = tls(config) if config.uses_tls else None
    for where in config.listens:
        await server.serve(where, group=config.group, tls=context)
        log.info("API listen on %s", where.address)
