"""`RegistryConfig` of GET /info: which registries are insecure, and the mirrors of Docker Hub. Pure."""

import re
from typing import Any

from seaway.config.engine import EngineConfig

LOOPBACK = ("::1/128", "127.0.0.0/8")

_CIDR = re.compile(r"[0-9a-fA-F.:]+/\d+$")


def registry_config(config: EngineConfig, api: tuple[int, ...]) -> dict[str, Any]:
    insecure = [r.partition("://")[2] or r for r in config.insecure_registries]
    networks = sorted({*LOOPBACK, *(r for r in insecure if _CIDR.match(r))})
    indexes = {
        r: {"Name": r, "Mirrors": [], "Secure": False, "Official": False} for r in insecure if not _CIDR.match(r)
    }
    mirrors = [m if m.endswith("/") else f"{m}/" for m in config.registry_mirrors]
    indexes["docker.io"] = {"Name": "docker.io", "Mirrors": mirrors, "Secure": True, "Official": True}
    wire: dict[str, Any] = {"InsecureRegistryCIDRs": networks, "IndexConfigs": indexes, "Mirrors": mirrors}
    if api < (1, 47):
        wire |= {"AllowNondistributableArtifactsCIDRs": None, "AllowNondistributableArtifactsHostnames": None}
    return wire
