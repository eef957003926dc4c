"""The OCI spec of a container: pure."""

from seaway.runtime.spec.build import build_spec
from seaway.runtime.spec.request import SpecRequest

__all__ = ["SpecRequest", "build_spec"]
