"""Builds each service once, in the order in which they need each other."""

import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

from seaway.api.router import Router
from seaway.base.supervisor import Supervisor
from seaway.config import EngineConfig
from seaway.config.cluster import parse_cluster
from seaway.containers.store import ContainerStore
from seaway.daemon.adoption import after_adoption
from seaway.daemon.front import Front
from seaway.daemon.imagestores import ImageStores, open_image_stores
from seaway.daemon.metrics import metrics_text
from seaway.daemon.options import file_defaults, network_options, programs
from seaway.daemon.routes import engine_routes
from seaway.discovery.cluster import Cluster
from seaway.distribution.fetch import forget_partial_downloads
from seaway.engine.context import Engine
from seaway.engine.imagemounts import ImageMounts
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
from seaway.kernel import worker
from seaway.networks.controller import NetworkController
from seaway.runtime.crun import Runtime
from seaway.runtime.exits import ExitWatcher
from seaway.system.dataroot import DataRoot
from seaway.system.host import read_host
from seaway.volumes.store import VolumeStore

log = logging.getLogger(__name__)


async def build(
    settings: Settings, root: DataRoot, supervisor: Supervisor, front: Front, life: AsyncExitStack
) -> tuple[Engine, Transfers, Router, Callable[[], str]]:
    """Nothing runs yet. What is made here ends with `life`."""
    config = settings.config
    run_root = Path(config.exec_root) / "seaway"
    forget_last_boot(run_root)
    images = await open_image_stores(settings, root, life)
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
    routes = engine_routes(engine, images, transfers, root, version)
    router = Router(after_adoption(engine, route) for route in routes)
    told = metrics_text(engine, images.events, version, root.engine_id(), images.layers.driver.name)
    return engine, transfers, router, told


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
    images: ImageStores, containers: ContainerStore, root: DataRoot, run_root: Path, owner: tuple[int, int]
) -> ContainerMounts:
    volumes, of_images = VolumeStore(root.path, owner=owner), ImageMounts(images.catalog, images.roots)
    planner = MountPlanner(volumes, containers, images.roots, of_images, images.events, root.path)
    staging, label_of = run_root / "subpaths", images.roots.label_of
    return ContainerMounts(volumes, planner, of_images, images.events, staging, label_of, owner)
