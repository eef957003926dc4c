"""crun takes a compiled seccomp filter in an annotation, and spares its 12 ms of compiling at each start.

The profile stays in the spec: a crun that does not know the annotation compiles it as ever.
"""

import base64
import logging
from functools import lru_cache
from typing import Any

import msgspec

from seaway.kernel.seccomp import CannotCompile, compile_filter

ANNOTATION = "run.oci.seccomp_bpf_data"
log = logging.getLogger(__name__)


def with_compiled_filter(spec: dict[str, Any]) -> dict[str, Any]:
    """Blocks for some milliseconds the first time that a profile is seen."""
    section = spec.get("linux", {}).get("seccomp")
    if not section or not (compiled := _compiled(msgspec.json.encode(section))):
        return spec
    return {**spec, "annotations": {**(spec.get("annotations") or {}), ANNOTATION: compiled}}


@lru_cache(maxsize=32)
def _compiled(section: bytes) -> str:
    try:
        return base64.b64encode(compile_filter(msgspec.json.decode(section))).decode()
    except CannotCompile as reason:
        log.debug("the seccomp profile is left to the runtime to compile: %s", reason)
        return ""
