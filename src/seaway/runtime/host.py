"""What this host can give a container: read once at start."""

import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path

from seaway.oci.platform import host_platform
from seaway.runtime.spec.capabilities import parse_mask

_KERNEL = re.compile(r"(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class HostLimits:
    bounding: frozenset[str]
    arch: str
    kernel: tuple[int, int]
    cpu_count: int


def read_host_limits() -> HostLimits:
    status = Path("/proc/self/status").read_text()
    mask = re.search(r"^CapBnd:\s*([0-9a-f]+)$", status, re.M)
    return HostLimits(
        bounding=parse_mask(int(mask[1], 16) if mask else 0),
        arch=host_platform().architecture,
        kernel=parse_kernel(platform.release()),
        cpu_count=os.cpu_count() or 1,
    )


def parse_kernel(release: str) -> tuple[int, int]:
    match = _KERNEL.match(release)
    if not match:
        raise ValueError(f"not a kernel release: {release!r}")
    return int(match[1]), int(match[2])
