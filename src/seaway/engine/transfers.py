"""What pulls and pushes share: the registries' settings as they are at that moment, and the slots."""

from pathlib import Path

from seaway.config import EngineConfig
from seaway.content.blobs import BlobStore
from seaway.distribution.endpoints import RegistryConfig
from seaway.distribution.fetch import Downloads
from seaway.distribution.metadata import BlobMetadata
from seaway.distribution.proxies import Proxies
from seaway.distribution.push import Pusher
from seaway.engine.settings import Settings
from seaway.images.catalog import Catalog
from seaway.images.pull import Puller
from seaway.images.push import ImagePusher


class Transfers:
    def __init__(self, settings: Settings, catalog: Catalog, data_root: Path) -> None:
        self._settings = settings
        self.blobs = BlobStore(data_root / "seaway" / "blobs")
        metadata = BlobMetadata(data_root / "image" / catalog.layers.driver.name / "distribution")
        config = settings.config
        self._downloads = Downloads(self.blobs, config.max_concurrent_downloads)
        self._uploads = Pusher(metadata, config.max_concurrent_uploads)
        self.puller = Puller(catalog, self.registries, self._downloads, metadata)
        self.pusher = ImagePusher(catalog, self.registries, self._uploads)

    def registries(self) -> RegistryConfig:
        config = self._settings.config
        return RegistryConfig(
            insecure=config.insecure_registries,
            mirrors=config.registry_mirrors,
            max_download_attempts=config.max_download_attempts,
            proxies=Proxies(config.http_proxy, config.https_proxy, config.no_proxy),
        )

    def resize(self, config: EngineConfig) -> None:
        """What goes already goes on, and counts."""
        self._downloads.slots.resize(config.max_concurrent_downloads)
        self._uploads.slots.resize(config.max_concurrent_uploads)
