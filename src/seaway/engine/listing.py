"""`GET /containers/json`: which containers, in which order, in what shape. Reads only; takes no lock."""

import re
from collections.abc import Callable
from typing import Any

from seaway.base import clock
from seaway.base.errors import InvalidParameter, NotFound
from seaway.base.filters import Filters
from seaway.containers.container import Container
from seaway.containers.task import Status
from seaway.engine.context import Engine
from seaway.engine.inspect import wire_mounts
from seaway.engine.status import status_text

FILTERS = [
    "ancestor",
    "before",
    "expose",
    "exited",
    "health",
    "id",
    "isolation",
    "is-task",
    "label",
    "name",
    "network",
    "publish",
    "since",
    "status",
    "volume",
]
STATES = [status.value for status in Status]


def list_containers(
    engine: Engine, filters: Filters, *, everything: bool = False, limit: int = 0
) -> list[dict[str, Any]]:
    """Raises InvalidParameter for a filter that is unknown or wrong, NotFound for a `before` that is not there."""
    filters.validate(FILTERS)
    everything = everything or limit > 0 or any(f in filters for f in ("status", "exited", "before", "since"))
    wanted = _tests(engine, filters)
    found = [c for c in engine.containers.all() if (everything or c.task.is_running) and all(t(c) for t in wanted)]
    now = clock.now_ns()
    return [wire_summary(c, now) for c in (found[:limit] if limit > 0 else found)]


def _tests(engine: Engine, filters: Filters) -> list[Callable[[Container], bool]]:
    tests: list[Callable[[Container], bool]] = [
        lambda c: filters.matches_prefix("id", c.id),
        lambda c: filters.matches_labels("label", c.config.labels or {}),
        lambda c: _matches_name(filters, c),
    ]
    if statuses := filters.get("status"):
        _validate_states(statuses)
        tests.append(lambda c: c.task.status.value in statuses)
    if codes := filters.get("exited"):
        numbers = [_number(code) for code in codes]
        tests.append(lambda c: c.task.status is Status.EXITED and c.task.exit_code in numbers)
    if ancestors := filters.get("ancestor"):
        images = _images(engine, ancestors)
        tests.append(lambda c: c.image in images)
    if networks := filters.get("network"):
        tests.append(lambda c: any(_on_network(c, n) for n in networks))
    if volumes := filters.get("volume"):
        tests.append(lambda c: any(v in (m.name, m.destination) for v in volumes for m in c.mount_points.values()))
    tests += _order_tests(engine, filters)
    return tests


def _order_tests(engine: Engine, filters: Filters) -> list[Callable[[Container], bool]]:
    before = [engine.containers.find(name).created for name in filters.get("before")]
    since = [engine.containers.find(name).created for name in filters.get("since")]
    return [lambda c: all(c.created < at for at in before), lambda c: all(c.created > at for at in since)]


def _validate_states(statuses: tuple[str, ...]) -> None:
    for status in statuses:
        if status not in STATES:
            raise InvalidParameter(f"invalid filter 'status={status}'")


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError as wrong:
        raise InvalidParameter(f"invalid filter 'exited={text}'") from wrong


def _matches_name(filters: Filters, container: Container) -> bool:
    """As regular expressions, with or without the leading slash."""
    names = filters.get("name")
    try:
        return not names or any(re.search(n, container.name) or re.search(n, f"/{container.name}") for n in names)
    except re.error as wrong:
        raise InvalidParameter(f"invalid filter 'name={names}'") from wrong


def _images(engine: Engine, names: tuple[str, ...]) -> set[str]:
    found = set()
    for name in names:
        try:
            found.add(engine.images.resolve(name).id)
        except NotFound:
            continue  # an ancestor that is not there has no descendants
    return found


def _on_network(container: Container, network: str) -> bool:
    return any(network in (name, end.network_id) for name, end in container.endpoints.items())


def wire_summary(container: Container, now_ns: int) -> dict[str, Any]:
    created_ns = clock.parse_time(container.created)
    return {
        "Id": container.id,
        "Names": ["/" + container.name],
        "Image": container.config.image,
        "ImageID": container.image,
        "Command": " ".join([container.path, *container.args]),
        "Created": created_ns // 10**9,
        "Ports": _ports(container),
        "Labels": container.config.labels or {},
        "State": container.task.status.value,
        "Status": status_text(container.task, now_ns),
        "HostConfig": {"NetworkMode": container.host_config.network_mode},
        "NetworkSettings": {"Networks": {name: endpoint.to_wire() for name, endpoint in container.endpoints.items()}},
        "Mounts": wire_mounts(container),
    }


def _ports(container: Container) -> list[dict[str, Any]]:
    ports: list[dict[str, Any]] = []
    for spec, bindings in (container.sandbox.get("Ports") or {}).items():
        number, _, protocol = spec.partition("/")
        private = {"PrivatePort": int(number), "Type": protocol or "tcp"}
        ports += [{"IP": b["HostIp"], "PublicPort": int(b["HostPort"]), **private} for b in bindings or []] or [private]
    return ports
