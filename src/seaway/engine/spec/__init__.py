"""The OCI spec of a container, from its record and the engine's defaults."""

from seaway.engine.spec.container import (
    Surroundings,
    bounding_set,
    cgroups_path,
    container_spec,
    kernel_version,
    surroundings,
)
from seaway.engine.spec.identity import container_identity
from seaway.engine.spec.process import environment
from seaway.engine.spec.resources import plan_resources
from seaway.engine.spec.security import confine, labels_of

__all__ = [
    "Surroundings", "bounding_set", "cgroups_path", "confine", "container_identity", "container_spec", "environment",
    "kernel_version", "labels_of", "plan_resources", "surroundings",
]  # fmt: skip
