"""Which options a SIGHUP changes, and what the `daemon reload` event says of them. Pure."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from seaway.config.engine import EngineConfig

FIELDS = (
    "debug",
    "labels",
    "max_concurrent_downloads",
    "max_concurrent_uploads",
    "max_download_attempts",
    "shutdown_timeout",
    "features",
    "insecure_registries",
    "registry_mirrors",
    "live_restore",
    "network_diagnostic_port",
    "runtimes",
    "default_runtime",
    "default_shm_size",
    "default_ipc_mode",
    "log_driver",
    "log_opts",
)
UNTOLD = ("authorization_plugins",)
"""Reloaded, and not in the event."""
_AS_JSON = ("labels", "insecure_registries", "registry_mirrors")


def reloaded(old: EngineConfig, new: EngineConfig) -> EngineConfig:
    """`old` with what may change while the engine runs."""
    changes: dict[str, Any] = {field: getattr(new, field) for field in (*FIELDS, *UNTOLD)}
    if "cluster-advertise" in new.configured:  # as dockerd 1.10 has it: who says nothing of it changes nothing
        changes["cluster_advertise"] = new.cluster_advertise
        changes["cluster_store"] = new.cluster_store or old.cluster_store
        changes["cluster_store_opts"] = new.cluster_store_opts
    return replace(old, **changes, configured=new.configured)


def attributes(config: EngineConfig) -> dict[str, str]:
    """As dockerd prints them: lists in JSON, maps as Go shows them."""
    shown = {field.replace("_", "-"): _shown(getattr(config, field)) for field in FIELDS}
    shown |= {field.replace("_", "-"): json.dumps(getattr(config, field)) for field in _AS_JSON}
    shown["runtimes"] = " ".join(f"{name}:{runtime.path}" for name, runtime in sorted(config.runtimes.items()))
    if config.cluster_store:
        shown["cluster-store"], shown["cluster-advertise"] = config.cluster_store, config.cluster_advertise
        shown["cluster-store-opts"] = json.dumps(dict(config.cluster_store_opts), sort_keys=True)
    return shown


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return f"map[{' '.join(f'{key}:{_shown(item)}' for key, item in sorted(value.items()))}]"
    return str(value)
