"""The `/containers/{name}/checkpoints` routes, which an engine has in experimental mode."""

from typing import Any

import msgspec
from aiohttp import web

from seaway.api.request import Request
from seaway.api.respond import empty_response, json_response
from seaway.api.router import Route
from seaway.base.errors import InvalidParameter, NotImplementedByEngine
from seaway.engine import checkpoints
from seaway.engine.context import Engine


class CheckpointBody(msgspec.Struct, rename="pascal"):
    checkpoint_id: str = msgspec.field(default="", name="CheckpointID")
    checkpoint_dir: str = ""
    exit: bool = False


class CheckpointHandlers:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def routes(self) -> list[Route]:
        every, one = "/containers/{name}/checkpoints", "/containers/{name}/checkpoints/{checkpoint}"
        return [Route("GET", every, self.list), Route("POST", every, self.create), Route("DELETE", one, self.remove)]

    async def list(self, request: Request) -> web.StreamResponse:
        self._require_experimental()
        names = await checkpoints.list_checkpoints(self._engine, request["name"], request.text("dir"))
        found: Any = [{"Name": name} for name in names]
        return json_response(found or None)

    async def create(self, request: Request) -> web.StreamResponse:
        self._require_experimental()
        body = await request.json(CheckpointBody)
        work = checkpoints.create_checkpoint(
            self._engine, request["name"], body.checkpoint_id, body.checkpoint_dir, leave_running=not body.exit
        )
        await self._engine.supervisor.shielded(work, "checkpoint")
        return empty_response(201)

    async def remove(self, request: Request) -> web.StreamResponse:
        self._require_experimental()
        name, checkpoint = request["name"], request["checkpoint"]
        await checkpoints.remove_checkpoint(self._engine, name, checkpoint, request.text("dir"))
        return empty_response()

    def _require_experimental(self) -> None:
        if not self._engine.settings.config.experimental:
            raise NotImplementedByEngine(
                "This experimental feature is disabled by default. Start the Docker daemon in experimental mode "
                "in order to enable it."
            )


def checkpoint_of_start(request: Request, engine: Engine) -> tuple[str, str]:
    """The name, empty for an ordinary start, and its directory."""
    checkpoint = request.text("checkpoint")
    if checkpoint and not engine.settings.config.experimental:
        raise InvalidParameter("checkpoint is only supported in experimental mode")
    return checkpoint, request.text("checkpoint-dir")
