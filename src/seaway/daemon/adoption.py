"""Which requests wait while the containers of an engine before this one are taken over (`engine/adoption.py`)."""

from contextlib import suppress
from dataclasses import replace

from aiohttp import web

from seaway.api.request import Request
from seaway.api.router import Route
from seaway.base.errors import EngineError
from seaway.engine.context import Engine

ONE, INSPECT, EXEC = "/containers/{name", "/containers/{name}/json", "/exec/"
READS = ("GET", "HEAD")


def waits_for(route: Route) -> str:
    """ "one" container, "all" of them, or nothing: "" for what only reads records."""
    if route.pattern.startswith(ONE):
        return "" if route.pattern == INSPECT else "one"
    return "" if route.method in READS and not route.pattern.startswith(EXEC) else "all"


def after_adoption(engine: Engine, route: Route) -> Route:
    kind = waits_for(route)

    async def handler(request: Request) -> web.StreamResponse:
        await (engine.adoption.of(_id_of(engine, request["name"])) if kind == "one" else engine.adoption.of_all())
        return await route.handler(request)

    return replace(route, handler=handler) if kind else route


def _id_of(engine: Engine, name: str) -> str:
    """A name that nobody has is the handler's to refuse."""
    with suppress(EngineError):
        return engine.containers.find(name).id
    return name
