"""The `/containers` routes, bodies and queries in, the engine's verbs called, answers out."""

from typing import Any, ClassVar

import msgspec
from aiohttp import web

from seaway.api.createversions import config_of_version, endpoints_of_version, host_config_of_version
from seaway.api.handlers.checkpoints import checkpoint_of_start
from seaway.api.mountversions import mount_warnings
from seaway.api.platforms import spelled_platform
from seaway.api.request import Request
from seaway.api.respond import empty_response, encoded_response, json_response
from seaway.api.router import Route
from seaway.api.sysctlversions import with_interface_sysctls
from seaway.api.versions import Version
from seaway.base.errors import InvalidParameter
from seaway.engine import create, inspect, kill, listing, remove, rename, restart, start, unlink, wait
from seaway.engine.context import Engine
from seaway.model.container import ContainerConfig, HostConfig, NetworkingConfig

BODY_AT_START = "starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24"


class CreateBody(ContainerConfig, frozen=True, kw_only=True, rename="pascal"):
    """A container's configuration with what belongs to the host beside it."""

    GO_NAME: ClassVar[str] = "CreateRequest"

    host_config: HostConfig | None = None
    networking_config: NetworkingConfig | None = None


def plain_config(body: CreateBody) -> ContainerConfig:
    """The part of the body that is the container's own."""
    fields = ContainerConfig.__struct_fields__
    return ContainerConfig(**{f: getattr(body, f) for f in fields})


class ContainerHandlers:
    def __init__(self, engine: Engine) -> None:
        self._engine, self._inspections = engine, inspect.Inspections(engine)

    def routes(self) -> list[Route]:
        one = "/containers/{name}"
        return [
            Route("GET", "/containers/json", self.list),
            Route("POST", "/containers/create", self.create),
            Route("GET", f"{one}/json", self.inspect),
            Route("POST", f"{one}/start", self.start),
            Route("POST", f"{one}/stop", self.stop),
            Route("POST", f"{one}/restart", self.restart),
            Route("POST", f"{one}/kill", self.kill),
            Route("POST", f"{one}/rename", self.rename),
            Route("POST", f"{one}/wait", self.wait),
            Route("DELETE", "/containers/{name:.+}", self.remove),
        ]

    async def list(self, request: Request) -> web.StreamResponse:
        listed = listing.list_containers(
            self._engine, request.filters(), everything=request.flag("all"), limit=request.integer("limit", 0) or 0
        )
        if request.flag("size"):
            await listing.with_sizes(self._engine, listed)
        if request.version < (1, 46):
            for _, summary in listed:
                summary["HostConfig"].pop("Annotations", None)
        return json_response([summary for _, summary in listed])

    async def create(self, request: Request) -> web.StreamResponse:
        body = await request.json(CreateBody, required=True)
        if plain_config(body) == ContainerConfig():
            raise InvalidParameter("config cannot be empty in order to create a container")
        config = config_of_version(plain_config(body), request.version)
        unified = self._engine.settings.defaults.unified_cgroups
        host = host_config_of_version(body.host_config or HostConfig(), request.version, unified_cgroups=unified)
        wishes = (body.networking_config.endpoints_config if body.networking_config else None) or {}
        endpoints = endpoints_of_version(wishes, request.version)
        host, endpoints, moved = with_interface_sysctls(host, endpoints, request.version)
        platform = spelled_platform(request, since=Version(1, 41))
        work = create.create_container(self._engine, request.text("name"), config, host, endpoints, platform)
        with self._engine.metrics.containers.time("create"):
            created = await self._engine.supervisor.shielded(work, "create")
        warnings = [*moved, *created.warnings, *mount_warnings(host, request.version)]
        return json_response({"Id": created.id, "Warnings": warnings}, 201)

    async def inspect(self, request: Request) -> web.StreamResponse:
        container = self._engine.containers.find(request["name"])
        is_old = request.version < (1, 45) and inspect.has_aliases(container)
        if not (is_old or request.flag("size")):
            return encoded_response(self._inspections.encoded(container))
        found = inspect.inspect_container(self._engine, container)
        if request.flag("size"):
            found["SizeRw"], found["SizeRootFs"] = await self._engine.layers.sizes(container.id)
        if is_old:
            found["NetworkSettings"] = inspect.with_legacy_aliases(container, found["NetworkSettings"])
        return json_response(found)

    async def start(self, request: Request) -> web.StreamResponse:
        if _has_object(request.http):
            raise InvalidParameter(BODY_AT_START)
        return await self._mutate(
            start.start_container(self._engine, request["name"], *checkpoint_of_start(request, self._engine)), "start"
        )

    async def stop(self, request: Request) -> web.StreamResponse:
        work = kill.stop_container(self._engine, request["name"], request.integer("t"), _signal(request))
        return await self._mutate(work, "stop")

    async def restart(self, request: Request) -> web.StreamResponse:
        work = restart.restart_container(self._engine, request["name"], request.integer("t"), _signal(request))
        return await self._mutate(work, "restart")

    async def kill(self, request: Request) -> web.StreamResponse:
        return await self._mutate(kill.kill_container(self._engine, request["name"], request.text("signal")), "kill")

    async def rename(self, request: Request) -> web.StreamResponse:
        work = rename.rename_container(self._engine, request["name"], request.text("name"))
        return await self._mutate(work, "rename")

    async def remove(self, request: Request) -> web.StreamResponse:
        name = request["name"]
        if request.flag("link"):
            return await self._mutate(unlink.remove_link(self._engine, name), "unlink")
        work = remove.remove_container(self._engine, name, force=request.flag("force"), volumes=request.flag("v"))
        with self._engine.metrics.containers.time("delete"):
            return await self._mutate(work, "remove")

    async def wait(self, request: Request) -> web.StreamResponse:
        """The headers leave at once: a client knows then that no exit can escape it."""
        condition = request.text("condition") if request.version >= (1, 30) else ""
        if request.version < (1, 42) and condition not in wait.CONDITIONS:
            condition = ""
        exit_of_run = wait.wait_container(self._engine, request["name"], condition)
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        try:
            if request.version >= (1, 30):
                await response.prepare(request.http)
            how = await exit_of_run
            await response.prepare(request.http)
        finally:
            exit_of_run.cancel()
        answer: dict[str, Any] = {"StatusCode": how.code}
        if how.error and (condition != "removed" or request.version >= (1, 34)):
            answer["Error"] = {"Message": how.error}
        await response.write(msgspec.json.encode(answer) + b"\n")
        await response.write_eof()
        return response

    async def _mutate(self, work: Any, name: str) -> web.StreamResponse:
        await self._engine.supervisor.shielded(work, name)
        return empty_response()


def _has_object(request: web.BaseRequest) -> bool:
    """By its length, as dockerd looks; one of an unknown length may be one."""
    length = request.content_length
    return request.body_exists if length is None else length > len('{"a":1}')


def _signal(request: Request) -> str:
    return request.text("signal") if request.version >= (1, 42) else ""
