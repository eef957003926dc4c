"""`POST /commit`."""

from aiohttp import web

from seaway.api.handlers.images import wanted_tag
from seaway.api.request import Request
from seaway.api.respond import json_response
from seaway.api.router import Route
from seaway.engine.commit import CommitRequest, commit_container
from seaway.engine.context import Engine
from seaway.images.catalog import Catalog
from seaway.model.container import ContainerConfig


class CommitHandlers:
    def __init__(self, engine: Engine, catalog: Catalog) -> None:
        self._engine, self._catalog = engine, catalog

    def routes(self) -> list[Route]:
        return [Route("POST", "/commit", self.commit)]

    async def commit(self, request: Request) -> web.StreamResponse:
        """A body is the new image's configuration; none, or an empty one, means the container's."""
        body = await request.json(ContainerConfig)
        repository, tag = request.text("repo"), request.text("tag")
        wanted = CommitRequest(
            reference=wanted_tag(repository, tag) if repository else None,
            author=request.text("author"),
            comment=request.text("comment"),
            changes=tuple(request.texts("changes")),
            config=None if body == ContainerConfig() else body,
            pause=not request.text("pause") or request.flag("pause"),
        )
        work = commit_container(self._engine, self._catalog, request.text("container"), wanted)
        with self._engine.metrics.containers.time("commit"):
            image = await self._engine.supervisor.shielded(work, "commit")
        return json_response({"Id": str(image.id)}, 201)
