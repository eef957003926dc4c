"""What the engine keeps of images, opened and swept: layers, containers' file systems, the catalogue and its events."""

from contextlib import AsyncExitStack
from dataclasses import dataclass

from seaway.daemon.options import storage_driver
from seaway.engine.settings import Settings
from seaway.events.bus import RING_SIZE, EventBus
from seaway.events.journal import Journal
from seaway.images.catalog import Catalog, open_catalog
from seaway.images.graphdir import refuse_graph_directory
from seaway.kernel import worker
from seaway.layers.containers import ContainerLayers
from seaway.layers.store import LayerStore
from seaway.system.dataroot import DataRoot


@dataclass(frozen=True, slots=True)
class ImageStores:
    layers: LayerStore
    roots: ContainerLayers
    catalog: Catalog
    events: EventBus


async def open_image_stores(settings: Settings, root: DataRoot, life: AsyncExitStack) -> ImageStores:
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
    return ImageStores(layers, roots, catalog, events)
