"""Devices that are asked for by what they can do (`--gpus`) or by a vendor's name (CDI), and not by a path."""

import json
import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from seaway.base.errors import SystemFailure
from seaway.kernel.process import find_program
from seaway.model.container import DeviceRequest
from seaway.runtime.spec.cdi import Edits, apply_edits, find_edits
from seaway.runtime.spec.nvidia import HOOK, match_capabilities, nvidia_edits

_KINDS = {stat.S_IFCHR: "c", stat.S_IFBLK: "b", stat.S_IFIFO: "p"}


def apply_requests(spec: dict[str, Any], requests: Iterable[DeviceRequest], spec_dirs: Iterable[str]) -> dict[str, Any]:
    """Blocks on the host's files. Raises SystemFailure where nothing here can serve a request, ValueError too."""
    for request in requests:
        for edits in _edits(request, spec_dirs):
            spec = apply_edits(spec, edits)
    return spec


def _edits(request: DeviceRequest, spec_dirs: Iterable[str]) -> list[Edits]:
    if request.driver == "cdi" and spec_dirs:
        return _cdi_edits(request, spec_dirs)
    selected, hook = match_capabilities(request), find_program(HOOK)
    if request.driver in ("", "nvidia") and selected is not None and hook:
        return [nvidia_edits(request, selected, hook, os.environ)]
    sets = " ".join(f"[{' '.join(names)}]" for names in request.capabilities or ())
    raise SystemFailure(f'could not select device driver "{request.driver}" with capabilities: [{sets}]')


def _cdi_edits(request: DeviceRequest, spec_dirs: Iterable[str]) -> list[Edits]:
    if request.count:
        raise SystemFailure("unexpected count in CDI device request")
    if request.options:
        raise SystemFailure("unexpected options in CDI device request")
    try:
        found = find_edits(_documents(spec_dirs), request.device_ids or ())
        return [{**edits, "deviceNodes": [_complete(n) for n in edits.get("deviceNodes") or ()]} for edits in found]
    except (ValueError, OSError) as failure:
        raise SystemFailure(f"CDI device injection failed: {failure}") from failure


def _documents(spec_dirs: Iterable[str]) -> list[Mapping[str, Any]]:
    """In the directories' order: what comes later wins. One that cannot be read describes nothing."""
    files = [file for directory in spec_dirs for file in sorted(Path(directory).glob("*"))]
    loaded = (_load(file) for file in files if file.suffix in (".json", ".yaml", ".yml"))
    return [document for document in loaded if isinstance(document, dict)]


def _load(file: Path) -> Any:
    import yaml  # few hosts have such files, and it is slow to import

    try:
        text = file.read_text()
        return json.loads(text) if file.suffix == ".json" else yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError):
        return None


def _complete(node: Mapping[str, Any]) -> dict[str, Any]:
    """With what the host's own node has."""
    if node.get("type") and (node.get("major") or node["type"] == "p"):
        return {"major": 0, "minor": 0, **node}
    status = os.stat(node.get("hostPath") or node["path"])
    kind = _KINDS.get(stat.S_IFMT(status.st_mode))
    if kind is None:
        raise ValueError(f"{node['path']}: not a device node")
    number = status.st_rdev
    found = {"type": kind, "major": os.major(number), "minor": os.minor(number)}
    return {"fileMode": stat.S_IMODE(status.st_mode), **node, **found}
