"""Media types of manifests, configs and layers: Docker's schema 2 and OCI's."""

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
DOCKER_FOREIGN_LAYER = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
DOCKER_PLUGIN_CONFIG = "application/vnd.docker.plugin.v1+json"

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
OCI_LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
OCI_LAYER_ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd"

SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+json"
SCHEMA1_SIGNED = "application/vnd.docker.distribution.manifest.v1+prettyjws"

MANIFESTS = frozenset({DOCKER_MANIFEST, OCI_MANIFEST})
INDEXES = frozenset({DOCKER_INDEX, OCI_INDEX})
SCHEMA1_TYPES = frozenset({SCHEMA1, SCHEMA1_SIGNED})
IMAGE_CONFIGS = frozenset({DOCKER_CONFIG, OCI_CONFIG, "application/octet-stream", "text/html", ""})
"""What the engine takes for an image's config; the odd ones come from old registries."""

LAYER_PREFIXES = ("application/vnd.oci.image", "application/vnd.docker", "application/octet-stream")
"""How the media type of a layer begins; that of an artifact does not."""

ACCEPTED = (DOCKER_MANIFEST, DOCKER_INDEX, OCI_INDEX, OCI_MANIFEST, SCHEMA1_SIGNED)
"""What a pull asks for. Schema 1 is asked for so as to be refused with an explanation."""
