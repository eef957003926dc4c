"""`--gpus`: a device request as NVIDIA's runtime hook understands it. Pure."""

from collections.abc import Mapping
from typing import Any

from seaway.model.container import DeviceRequest

HOOK = "nvidia-container-runtime-hook"
_DRIVER = ("compute", "compat32", "graphics", "utility", "video", "display")
CAPABILITIES = frozenset({"gpu", "nvidia", *_DRIVER})


def match_capabilities(request: DeviceRequest) -> list[str] | None:
    """The first of the alternatives that this driver has all of."""
    return next((every for every in request.capabilities or () if CAPABILITIES.issuperset(every)), None)


def nvidia_edits(request: DeviceRequest, selected: list[str], hook: str, environ: Mapping[str, str]) -> dict[str, Any]:
    """As CDI edits. Raises ValueError in dockerd's words."""
    if request.count and request.device_ids:
        raise ValueError("cannot set both Count and DeviceIDs on device request")
    env = [f"NVIDIA_VISIBLE_DEVICES={_visible(request)}"]
    if driver := [name for name in selected if name in _DRIVER]:
        env.append(f"NVIDIA_DRIVER_CAPABILITIES={','.join(driver)}")
    env += [f"{name}={value}" for name, value in (request.options or {}).items()]
    prestart = {
        "hookName": "prestart",
        "path": hook,
        "args": [HOOK, "prestart"],
        "env": [f"{name}={value}" for name, value in environ.items()],
    }
    return {"env": env, "hooks": [prestart]}


def _visible(request: DeviceRequest) -> str:
    if request.device_ids:
        return ",".join(request.device_ids)
    if request.count > 0:
        return ",".join(map(str, range(request.count)))
    return "all" if request.count else "void"
