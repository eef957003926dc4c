"""CDI: device descriptions that vendors put on the host, and what one of them changes in an OCI spec. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

Edits = Mapping[str, Any]


class Unresolvable(ValueError):
    pass


def find_edits(documents: Iterable[Mapping[str, Any]], names: Iterable[str]) -> list[Edits]:
    """`vendor.com/class=name` -> edits: a document's own once, then each device's. A later document wins."""
    known: dict[str, tuple[int, Edits, Edits]] = {}
    for number, document in enumerate(documents):
        for device in document.get("devices") or ():
            full = f"{document.get('kind')}={device.get('name')}"
            known[full] = (number, document.get("containerEdits") or {}, device.get("containerEdits") or {})
    wanted = list(dict.fromkeys(names))
    if missing := [name for name in wanted if name not in known]:
        raise Unresolvable(f"unresolvable CDI devices {', '.join(missing)}")
    common = {known[name][0]: known[name][1] for name in wanted}
    return [edits for edits in (*common.values(), *(known[name][2] for name in wanted)) if edits]


def apply_edits(spec: dict[str, Any], edits: Edits) -> dict[str, Any]:
    """A new spec; every device node has its type and numbers already."""
    process, linux = dict(spec["process"]), dict(spec["linux"])
    nodes = edits.get("deviceNodes") or ()
    process["env"] = _with_env(process.get("env") or [], edits.get("env") or ())
    if gids := edits.get("additionalGids"):
        user = process["user"]
        process["user"] = {**user, "additionalGids": [*user.get("additionalGids", []), *gids]}
    linux["devices"] = _with_nodes(linux.get("devices") or [], nodes)
    rules = [_rule(node) for node in nodes]
    linux["resources"] = {**linux["resources"], "devices": [*linux["resources"].get("devices", []), *rules]}
    mounts = [*spec["mounts"], *map(_mount, edits.get("mounts") or ())]
    return {**spec, "process": process, "linux": linux, "mounts": mounts, **_hooks(spec, edits)}


def _with_env(env: list[str], added: Iterable[str]) -> list[str]:
    named = {entry.partition("=")[0]: entry for entry in env}
    return list((named | {entry.partition("=")[0]: entry for entry in added}).values())


def _with_nodes(devices: list[dict[str, Any]], nodes: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    fields = ("path", "type", "major", "minor", "fileMode", "uid", "gid")
    added = [{field: node[field] for field in fields if node.get(field) is not None} for node in nodes]
    replaced = {node["path"] for node in added}
    return [*(device for device in devices if device["path"] not in replaced), *added]


def _rule(node: Mapping[str, Any]) -> dict[str, Any]:
    access = node.get("permissions") or "rwm"
    return {"allow": True, "type": node["type"], "major": node["major"], "minor": node["minor"], "access": access}


def _mount(mount: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "destination": mount["containerPath"],
        "source": mount["hostPath"],
        "type": mount.get("type") or "bind",
        "options": list(mount.get("options") or ("rbind",)),
    }


def _hooks(spec: Mapping[str, Any], edits: Edits) -> dict[str, Any]:
    hooks = {stage: list(entries) for stage, entries in (spec.get("hooks") or {}).items()}
    for hook in edits.get("hooks") or ():
        entry = {key: hook[key] for key in ("path", "args", "env", "timeout") if hook.get(key) is not None}
        hooks.setdefault(hook["hookName"], []).append(entry)
    return {"hooks": hooks} if hooks else {}
