"""Which handler answers `METHOD /path`, and the version that the path's prefix asks for. Pure.

Patterns are dockerd's: `{name}` takes anything, slashes included. An unknown path and a wrong method are the same: no
route. A path that is not in its simplest form is sent there.
"""

import posixpath
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from aiohttp import web

from seaway.api.request import Request

Handler: TypeAlias = Callable[[Request], Awaitable[web.StreamResponse]]

_PREFIX = re.compile(r"/v([0-9.]+)(?=/)")
_ANY = "{}"
_VARIABLE = re.compile(r"\{(\w+)(?::([^}]*))?\}")


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    pattern: str
    handler: Handler


@dataclass(frozen=True, slots=True)
class Match:
    handler: Handler
    variables: dict[str, str]
    version: str | None


def split_version(path: str) -> tuple[str | None, str]:
    """`/v1.41/info` -> (`1.41`, `/info`)."""
    found = _PREFIX.match(path)
    return (found[1], path[found.end() :]) if found else (None, path)


def clean_path(path: str) -> str:
    """`//info`, `/a/../info` -> `/info`; a slash at the end stays."""
    if "//" not in path and "/." not in path:
        return path
    cleaned = posixpath.normpath("/" + path.lstrip("/"))
    return cleaned + "/" if path.endswith("/") and cleaned != "/" else cleaned


def compile_pattern(pattern: str) -> re.Pattern[str]:
    pieces, end = [], 0
    for variable in _VARIABLE.finditer(pattern):
        pieces += [re.escape(pattern[end : variable.start()]), f"(?P<{variable[1]}>{variable[2] or '.+'})"]
        end = variable.end()
    return re.compile("".join([*pieces, re.escape(pattern[end:])]), re.DOTALL)


class Router:
    """Exact routes first, then patterns in the order in which they were added, by their first segment."""

    def __init__(self, routes: Iterable[Route] = ()) -> None:
        self._exact: dict[tuple[str, str], Handler] = {}
        self._patterns: dict[tuple[str, str], list[tuple[re.Pattern[str], Handler]]] = {}
        for route in routes:
            self.add(route)

    def add(self, route: Route) -> None:
        if "{" not in route.pattern:
            self._exact[route.method, route.pattern] = route.handler
            return
        first = _first_segment(route.pattern)
        key = (route.method, _ANY if "{" in first else first)
        self._patterns.setdefault(key, []).append((compile_pattern(route.pattern), route.handler))

    def match(self, method: str, path: str) -> Match | None:
        version, path = split_version(path)
        if handler := self._exact.get((method, path)):
            return Match(handler, {}, version)
        for first in (_first_segment(path), _ANY):
            for pattern, handler in self._patterns.get((method, first), ()):
                if found := pattern.fullmatch(path):
                    return Match(handler, found.groupdict(), version)
        return None


def _first_segment(path: str) -> str:
    return path.split("/", 2)[1] if path.startswith("/") else ""
