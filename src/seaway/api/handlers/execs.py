"""The exec routes."""

import base64
from typing import Any, ClassVar

import msgspec
from aiohttp import web

from seaway.api.errors import log_failure
from seaway.api.handlers.attach import parse_size
from seaway.api.hijack import HijackedStream, hijack, stream_type, wants_upgrade
from seaway.api.request import Request
from seaway.api.respond import empty_response, json_response
from seaway.api.router import Route
from seaway.api.versions import Version
from seaway.base.errors import EngineError, SystemFailure
from seaway.base.stdcopy import Stream
from seaway.containers.execs import Exec, ExecOptions
from seaway.engine.attach import Attachment, copy_streams
from seaway.engine.context import Engine
from seaway.engine.detach import parse_detach_keys
from seaway.engine.events import container_event
from seaway.engine.exec import create_exec, executable, start_exec
from seaway.engine.resize import resize_exec


class ExecBody(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    GO_NAME: ClassVar[str] = "ExecOptions"

    user: str = ""
    privileged: bool = False
    tty: bool = False
    console_size: list[int] = []
    attach_stdin: bool = False
    attach_stdout: bool = False
    attach_stderr: bool = False
    detach: bool = False
    detach_keys: str = ""
    env: list[str] = []
    working_dir: str = ""
    cmd: list[str] = []


class StartBody(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    GO_NAME: ClassVar[str] = "ExecStartOptions"

    detach: bool = False
    tty: bool = False
    console_size: list[int] = []


class ExecHandlers:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def routes(self) -> list[Route]:
        return [
            Route("POST", "/containers/{name}/exec", self.create),
            Route("POST", "/exec/{id}/start", self.start),
            Route("POST", "/exec/{id}/resize", self.resize),
            Route("GET", "/exec/{id}/json", self.inspect),
        ]

    async def create(self, request: Request) -> web.StreamResponse:
        body = await request.json(ExecBody)
        execution = await create_exec(self._engine, request["name"], parse_options(body, request.version))
        return json_response({"Id": execution.id}, 201)

    async def start(self, request: Request) -> web.StreamResponse:
        body = await request.json(StartBody)
        execution, _ = executable(self._engine, request["id"])
        size = parse_console(body.console_size, request.version) if body.tty else None
        if body.detach:
            await self._engine.supervisor.shielded(start_exec(self._engine, execution.id, size), "exec")
            return empty_response(200)
        return await self._attached(request, execution, size, framed=not body.tty)

    async def _attached(
        self, request: Request, execution: Exec, size: tuple[int, int] | None, *, framed: bool
    ) -> web.StreamResponse:
        options = execution.options
        content_type = stream_type(request.version, upgraded=wants_upgrade(request.http), tty=not framed)
        attachment = Attachment(
            stdin=options.stdin,
            stdout=options.stdout,
            stderr=options.stderr and framed,
            tty=options.tty,
            framed=framed,
            ends_stdin=not options.tty,
            detach_keys=options.detach_keys,
        )
        try:
            async with hijack(request.http, content_type, request.engine_headers) as stream:
                await self._converse(request, execution, size, attachment, stream)
        except ConnectionResetError:
            pass  # the client is gone; the process goes on
        return stream.response

    async def _converse(
        self,
        request: Request,
        execution: Exec,
        size: tuple[int, int] | None,
        attachment: Attachment,
        stream: HijackedStream,
    ) -> None:
        """The head has left: a failure is told on the stream."""
        client = self._engine.streams.attach(execution.id)
        try:
            ended = await self._engine.supervisor.shielded(start_exec(self._engine, execution.id, size), "exec")
            if await copy_streams(client, stream, attachment):
                container = self._engine.containers.get(execution.container_id)
                container_event(self._engine, container, "exec_detach", execID=execution.id)
            elif client.has_ended:
                await ended
        except EngineError as failure:
            log_failure(failure, request.http.method, request.http.path)
            await stream.write(attachment.to_wire(Stream.STDOUT, f"{failure.message}\r\n".encode()))
        finally:
            client.leave()

    async def inspect(self, request: Request) -> web.StreamResponse:
        return json_response(wire_exec(self._engine.execs.get(request["id"])))

    async def resize(self, request: Request) -> web.StreamResponse:
        height, width = parse_size(request)
        await resize_exec(self._engine, request["id"], height, width)
        return empty_response(200)


def parse_options(body: ExecBody, version: Version) -> ExecOptions:
    try:
        keys = parse_detach_keys(body.detach_keys) if body.detach_keys else b""
    except ValueError as failure:
        raise SystemFailure(f"Invalid escape keys ({body.detach_keys}) provided") from failure
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
        detach_keys=keys,
        console_size=parse_console(body.console_size, version),
    )


def parse_console(size: list[int], version: Version) -> tuple[int, int] | None:
    """(height, width), which clients before 1.42 do not know."""
    return (size[0], size[1]) if len(size) >= 2 and version >= Version(1, 42) else None


def wire_exec(execution: Exec) -> dict[str, Any]:
    options = execution.options
    process = {
        "tty": options.tty,
        "entrypoint": options.command[0],
        "arguments": list(options.command[1:]),
        "privileged": options.privileged,
    }
    return {
        "ID": execution.id,
        "Running": execution.running,
        "ExitCode": execution.exit_code,
        "ProcessConfig": process | ({"user": options.user} if options.user else {}),
        "OpenStdin": options.stdin,
        "OpenStderr": options.stderr,
        "OpenStdout": options.stdout,
        "CanRemove": execution.can_remove,
        "ContainerID": execution.container_id,
        "DetachKeys": base64.b64encode(options.detach_keys).decode(),
        "Pid": execution.pid,
    }
