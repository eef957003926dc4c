"""Which containers the filters of `docker ps` mean."""

import re
from collections.abc import Callable, Iterable
from typing import TypeAlias

from seaway.base.clock import ZERO_TIME
from seaway.base.errors import InvalidParameter, NotFound
from seaway.base.filters import Filters
from seaway.containers import health
from seaway.containers.container import Container
from seaway.containers.task import Status
from seaway.engine.context import Engine
from seaway.engine.inspect import wire_ports

Test: TypeAlias = Callable[[Container], bool]

FILTERS = (
    *("ancestor", "before", "expose", "exited", "health", "id", "isolation", "is-task", "label", "name", "network"),
    *("publish", "since", "status", "volume"),
)
_STATES = frozenset(status.value for status in Status)
_HEALTHS = (health.NONE, health.STARTING, health.HEALTHY, health.UNHEALTHY)


def container_filter(engine: Engine, filters: Filters) -> Test:
    """Raises InvalidFilter, InvalidParameter, and NotFound for the container of a `before` or `since`."""
    filters.validate(FILTERS)
    tests = [make(engine, filters) for key, make in _TESTS.items() if key in filters]
    return lambda container: all(test(container) for test in tests)


def _by_id(engine: Engine, filters: Filters) -> Test:
    return lambda c: filters.matches_prefix("id", c.id)


def _by_name(engine: Engine, filters: Filters) -> Test:
    """As regular expressions, with or without the leading slash; a wrong one matches its own text alone."""
    names, patterns = filters.get("name"), list(_compiled(filters.get("name")))
    return lambda c: not names or c.name in names or any(p.search(c.name) or p.search(f"/{c.name}") for p in patterns)


def _compiled(patterns: Iterable[str]) -> Iterable[re.Pattern[str]]:
    for pattern in patterns:
        try:
            yield re.compile(pattern)
        except re.error:
            continue


def _by_label(engine: Engine, filters: Filters) -> Test:
    return lambda c: filters.matches_labels("label", c.config.labels or {})


def _by_status(engine: Engine, filters: Filters) -> Test:
    for state in filters.get("status"):
        if state not in _STATES:
            raise InvalidParameter(f"invalid filter 'status={state}'")
    return lambda c: filters.matches_exactly("status", c.task.status.value)


def _by_health(engine: Engine, filters: Filters) -> Test:
    for status in filters.get("health"):
        if status not in _HEALTHS:
            raise InvalidParameter(f"Unrecognised filter value for health: {status}")
    return lambda c: filters.matches_exactly("health", c.health.status if c.health else health.NONE)


def _by_exit_code(engine: Engine, filters: Filters) -> Test:
    codes = {_exit_code(text) for text in filters.get("exited")}
    return lambda c: not c.task.is_running and c.task.started_at != ZERO_TIME and c.task.exit_code in codes


def _exit_code(text: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
        raise InvalidParameter(f'strconv.Atoi: parsing "{text}": invalid syntax')
    return int(text)


def _by_swarm_task(engine: Engine, filters: Filters) -> Test:
    wanted = filters.flag("is-task")
    return lambda c: not wanted


def _by_isolation(engine: Engine, filters: Filters) -> Test:
    """Linux has one kind, which every value means."""
    return lambda c: True


def _by_ancestor(engine: Engine, filters: Filters) -> Test:
    wanted: set[str] = set()
    for name in filters.get("ancestor"):
        try:
            wanted.update(engine.images.with_descendants(name))
        except NotFound:
            continue  # what is not there has no descendants
    return lambda c: c.image in wanted


def _by_network(engine: Engine, filters: Filters) -> Test:
    wanted = filters.get("network")
    return lambda c: any(n == name or end.network_id.startswith(n) for n in wanted for name, end in c.endpoints.items())


def _by_volume(engine: Engine, filters: Filters) -> Test:
    wanted = filters.get("volume")
    return lambda c: any(v in (m.name or m.source, m.destination) for v in wanted for m in c.mount_points.values())


def _by_port(engine: Engine, filters: Filters) -> Test:
    """Either is enough: a port of the host that leads to it, or one of its own that is open while it runs."""
    published, exposed = _ports("publish", filters), _ports("expose", filters)
    return lambda c: any(
        f"{port.get('PublicPort', 0)}/{port['Type']}" in published or f"{port['PrivatePort']}/{port['Type']}" in exposed
        for port in wire_ports(c)
    )


def _ports(key: str, filters: Filters) -> set[str]:
    """`80`, `80/udp`, `8000-8010/tcp` as the ports that they mean."""
    found: set[str] = set()
    for value in filters.get(key):
        if ":" in value:
            raise InvalidParameter(f"filter for '{key}' should not contain ':': {value}")
        port, _, protocol = value.partition("/")
        found.update(f"{number}/{protocol or 'tcp'}" for number in _port_range(key, value, port))
    return found


def _port_range(key: str, value: str, text: str) -> range:
    first, dash, last = text.partition("-")
    if not text:
        raise InvalidParameter(f"error while looking up for {key} {value}: empty string specified for ports.")
    for part in (first, last) if dash else (first,):
        if not (part.isascii() and part.isdecimal() and int(part[:9]) < 65536):
            reason = "value out of range" if part.isascii() and part.isdecimal() else "invalid syntax"
            raise InvalidParameter(
                f'error while looking up for {key} {value}: strconv.ParseUint: parsing "{part}": {reason}'
            )
    if dash and int(last) < int(first):
        text = f"error while looking up for {key} {value}: Invalid range specified for the Port: {text}"
        raise InvalidParameter(text)
    return range(int(first), int(last or first) + 1)


def _found(engine: Engine, name: str) -> Container:
    try:
        return engine.containers.find(name)
    except NotFound:
        raise NotFound(f"no such container {name}") from None


def _by_order(key: str) -> Callable[[Engine, Filters], Test]:
    def make(engine: Engine, filters: Filters) -> Test:
        limits = [_found(engine, name).created for name in filters.get(key)]
        if key == "before":
            return lambda c: all(c.created < created for created in limits)
        return lambda c: all(c.created > created for created in limits)

    return make


_TESTS: dict[str, Callable[[Engine, Filters], Test]] = {
    "id": _by_id,
    "name": _by_name,
    "label": _by_label,
    "status": _by_status,
    "health": _by_health,
    "exited": _by_exit_code,
    "is-task": _by_swarm_task,
    "isolation": _by_isolation,
    "before": _by_order("before"),
    "since": _by_order("since"),
    "publish": _by_port,
    "expose": _by_port,
    "network": _by_network,
    "volume": _by_volume,
    "ancestor": _by_ancestor,
}
