"""The routes of the API that need an engine, in the order in which they are tried."""

import os
from collections.abc import Iterator
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
from seaway.api.handlers.system import InfoHandlers
from seaway.api.handlers.usage import UsageHandlers
from seaway.api.handlers.volume_copies import VolumeCopyHandlers
from seaway.api.handlers.volumes import VolumeHandlers
from seaway.api.router import Route
from seaway.api.versions import Version
from seaway.daemon.imagestores import ImageStores
from seaway.daemon.options import temporary_directory
from seaway.engine.context import Engine
from seaway.engine.imageusers import ImageUsers
from seaway.engine.info import engine_figures
from seaway.engine.transfers import Transfers
from seaway.kernel import worker
from seaway.system.dataroot import DataRoot
from seaway.system.host import read_host
from seaway.system.info import info_to_wire
from seaway.system.version import EngineVersion


def engine_routes(
    engine: Engine, images: ImageStores, transfers: Transfers, root: DataRoot, version: EngineVersion
) -> Iterator[Route]:
    """Each handler's routes once; the first whose pattern fits is taken."""
    catalog, events = images.catalog, images.events

    async def info(api: Version) -> dict[str, Any]:
        config = engine.settings.config
        count = len(catalog.images.all())
        figures = engine_figures(engine, images.layers, config, root.engine_id(), count, events.listeners)
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
