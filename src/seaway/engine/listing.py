"""`GET /containers/json`: which containers, in which order, in what shape. Reads only; takes no lock."""

import asyncio
from collections.abc import Iterable
from typing import Any

from seaway.base import clock
from seaway.base.errors import NotFound
from seaway.base.filters import Filters
from seaway.containers.container import Container
from seaway.engine.context import Engine
from seaway.engine.inspect import wire_mounts, wire_ports
from seaway.engine.links import link_names
from seaway.engine.listfilters import container_filter
from seaway.engine.status import status_text
from seaway.model.network import EndpointRecord


def list_containers(
    engine: Engine, filters: Filters, *, everything: bool = False, limit: int = 0
) -> list[tuple[Container, dict[str, Any]]]:
    """Newest first, each with its JSON value. Raises InvalidParameter for a filter that is unknown or wrong, NotFound
    for a `before` or `since` that is not there."""
    is_wanted = container_filter(engine, filters)
    everything = everything or limit > 0 or "status" in filters
    found = [c for c in engine.containers.all() if (everything or c.task.is_running) and is_wanted(c)]
    images, links = _ImageNames(engine), link_names(engine.containers)
    now = clock.now_ns()
    return [
        (c, wire_summary(c, images.shown(c), links.get(c.id, ()), now)) for c in (found[:limit] if limit > 0 else found)
    ]


async def with_sizes(engine: Engine, listed: list[tuple[Container, dict[str, Any]]]) -> None:
    """What each holds beyond its image, and with it. One that went away meanwhile has none."""
    async with asyncio.TaskGroup() as group:
        for container, summary in listed:
            group.create_task(_measure(engine, container, summary))


async def _measure(engine: Engine, container: Container, summary: dict[str, Any]) -> None:
    try:
        own, whole = await engine.layers.sizes(container.id)
    except NotFound:
        return
    summary |= {key: size for key, size in (("SizeRw", own), ("SizeRootFs", whole)) if size}


class _ImageNames:
    """A name that means another image by now is no longer shown. Each is looked up once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._ids: dict[str, str] = {}

    def shown(self, container: Container) -> str:
        name = container.config.image
        if name not in self._ids:
            self._ids[name] = self._resolve(name)
        return name if self._ids[name] == container.image else container.image

    def _resolve(self, name: str) -> str:
        try:
            return str(self._engine.images.resolve(name).id)
        except NotFound:
            return ""


def wire_summary(container: Container, image: str, links: Iterable[str], now_ns: int) -> dict[str, Any]:
    host = container.host_config
    annotations = {"Annotations": host.annotations} if isinstance(host.annotations, dict) else {}
    return {
        "Id": container.id,
        "Names": sorted(["/" + container.name, *links]),
        "Image": image,
        "ImageID": container.image,
        "Command": _command(container),
        "Created": clock.parse_time(container.created) // 10**9,
        "Ports": wire_ports(container),
        "Labels": container.config.labels or {},
        "State": container.task.status.value,
        "Status": status_text(container.task, now_ns, container.health),
        "HostConfig": {"NetworkMode": host.network_mode, **annotations},
        "NetworkSettings": {"Networks": {name: _endpoint(e) for name, e in container.endpoints.items()}},
        "Mounts": wire_mounts(container),
    }


def _endpoint(endpoint: EndpointRecord) -> dict[str, Any]:
    """Where it is attached; what was asked for beyond addresses is told by inspect alone."""
    return endpoint.to_wire() | dict.fromkeys(("Aliases", "DNSNames", "DriverOpts", "Links"))


def _command(container: Container) -> str:
    return " ".join([container.path, *(f"'{a}'" if " " in a else a for a in container.args)])
