"""The exec routes."""

from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from seaway.api.handlers.attach import copy_streams
from seaway.api.hijack import hijack, stream_type, wants_upgrade
from seaway.api.request import Request
from seaway.api.respond import empty_response, json_response
from seaway.api.router import Route
from seaway.base.errors import Conflict, EngineError
from seaway.base.stdcopy import Stream, frame
from seaway.containers.execs import Exec, ExecOptions
from seaway.engine.context import Engine
from seaway.engine.exec import create_exec, start_exec


class ExecBody(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    user: str = ""
    privileged: bool = False
    tty: bool = False
    attach_stdin: bool = False
    attach_stdout: bool = False
    attach_stderr: bool = False
    detach: bool = False
    detach_keys: str = ""
    env: list[str] = []
    working_dir: str = ""
    cmd: list[str] = []


class StartBody(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    detach: bool = False
    tty: bool = False


class ExecHandlers:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def routes(self) -> list[Route]:
        return [
            Route("POST", "/containers/{name}/exec", self.create),
            Route("POST", "/exec/{id}/start", self.start),
            Route("POST", "/exec/{id}/resize", self.resize),
            Route("POST", "/containers/{name}/resize", self.resize_container),
            Route("GET", "/exec/{id}/json", self.inspect),
        ]

    async def create(self, request: Request) -> web.StreamResponse:
        body = await request.json(ExecBody)
        execution = await create_exec(self._engine, request["name"], parse_options(body))
        return json_response({"Id": execution.id}, 201)

    async def start(self, request: Request) -> web.StreamResponse:
        body = await request.json(StartBody, empty=StartBody())
        execution = self._engine.execs.get(request["id"])
        if body.detach:
            await self._engine.supervisor.shielded(start_exec(self._engine, execution.id), "exec")
            return empty_response(200)
        return await self._attached(request, execution)

    async def _attached(self, request: Request, execution: Exec) -> web.StreamResponse:
        options = execution.options
        client = self._engine.streams.attach(execution.id)
        content_type = stream_type(request.version, upgraded=wants_upgrade(request.http), tty=options.tty)
        wanted = {s for s, asked in ((Stream.STDOUT, options.stdout), (Stream.STDERR, options.stderr)) if asked}
        try:
            async with hijack(request.http, content_type) as stream:
                try:
                    ended = await self._engine.supervisor.shielded(start_exec(self._engine, execution.id), "exec")
                except EngineError as failure:
                    text = f"{failure}\r\n".encode()
                    await stream.write(text if options.tty else frame(Stream.STDOUT, text))
                    return stream.response
                await copy_streams(client, stream, wanted, tty=options.tty, stdin=options.stdin, once=True)
                await ended
        finally:
            client.leave()
        return stream.response

    async def inspect(self, request: Request) -> web.StreamResponse:
        return json_response(wire_exec(self._engine.execs.get(request["id"])))

    async def resize(self, request: Request) -> web.StreamResponse:
        execution = self._engine.execs.get(request["id"])
        if not execution.running:
            raise Conflict(f"Exec {execution.id} is not running, so it can not be resized.")
        self._resize(request, self._engine.run_root.parent / "execs" / execution.id)
        return empty_response(200)

    async def resize_container(self, request: Request) -> web.StreamResponse:
        container = self._engine.containers.find(request["name"])
        run = self._engine.runs.request(container.id)
        if run is None:
            raise Conflict(f"container {container.id} is not running")
        self._resize(request, run.run_dir)
        return empty_response(200)

    def _resize(self, request: Request, run_dir: Path) -> None:
        self._engine.runtime.resize(run_dir, request.integer("h") or 0, request.integer("w") or 0)


def parse_options(body: ExecBody) -> ExecOptions:
    return ExecOptions(
        command=tuple(body.cmd),
        user=body.user,
        env=tuple(body.env),
        working_dir=body.working_dir,
        tty=body.tty,
        stdin=body.attach_stdin,
        stdout=body.attach_stdout,
        stderr=body.attach_stderr,
        privileged=body.privileged,
        detach_keys=body.detach_keys,
    )


def wire_exec(execution: Exec) -> dict[str, Any]:
    options = execution.options
    return {
        "ID": execution.id,
        "Running": execution.running,
        "ExitCode": execution.exit_code,
        "ProcessConfig": {
            "tty": options.tty,
            "entrypoint": options.command[0],
            "arguments": list(options.command[1:]),
            "privileged": options.privileged,
            "user": options.user,
        },
        "OpenStdin": options.stdin,
        "OpenStderr": options.stderr,
        "OpenStdout": options.stdout,
        "CanRemove": execution.can_remove,
        "ContainerID": execution.container_id,
        "DetachKeys": options.detach_keys,
        "Pid": execution.pid,
    }
