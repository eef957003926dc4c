"""A client's connection joined to a process's standard streams, as `docker attach` and `docker exec` do it."""

import asyncio
from dataclasses import dataclass
from typing import Any, Protocol

from seaway.base.errors import Conflict, EngineError, InvalidParameter
from seaway.base.stdcopy import Stream, frame
from seaway.containers.container import Container
from seaway.containers.task import Status
from seaway.engine.context import Engine
from seaway.engine.detach import DEFAULT_KEYS, DetachFilter, parse_detach_keys
from seaway.engine.events import container_event
from seaway.engine.streams import Client
from seaway.engine.wait import wait_container
from seaway.logs.driver import ReadRequest
from seaway.logs.reader import read_logs, render


class Peer(Protocol):
    """The client's end. `read` gives b"" at its end; `write` waits for a slow client, and raises ConnectionResetError
    once it is gone."""

    async def read(self) -> bytes: ...
    async def write(self, data: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class Attachment:
    """What is joined, and how. `ends_stdin`: the client's end is the process's end of stdin, not of the attachment."""

    stdin: bool = False
    stdout: bool = False
    stderr: bool = False
    tty: bool = False
    framed: bool = True
    ends_stdin: bool = False
    detach_keys: bytes = b""

    def to_wire(self, stream: Stream, data: bytes) -> bytes:
        return frame(stream, data) if self.framed else data

    @property
    def streams(self) -> frozenset[int]:
        asked = {Stream.STDOUT: self.stdout, Stream.STDERR: self.stderr}
        return frozenset(stream for stream, wanted in asked.items() if wanted)


@dataclass(frozen=True, slots=True)
class AttachRequest:
    stdin: bool = False
    stdout: bool = False
    stderr: bool = False
    logs: bool = False
    stream: bool = False
    detach_keys: str = ""


def attachable(engine: Engine, name: str, request: AttachRequest) -> tuple[Container, bytes]:
    """The container and the detach keys, or a refusal. One that does not run yet can be attached to."""
    try:
        keys = parse_detach_keys(request.detach_keys)
    except ValueError as failure:
        raise InvalidParameter(f"Invalid detach keys ({request.detach_keys}) provided") from failure
    container = engine.containers.find(name)
    match container.task.status:
        case Status.PAUSED:
            raise Conflict(f"container {name} is paused, unpause the container before attach")
        case Status.RESTARTING:
            raise Conflict(f"container {name} is restarting, wait until the container is running")
    return container, keys


async def attach_container(
    engine: Engine, container: Container, keys: bytes, request: AttachRequest, peer: Peer, *, multiplexed: bool
) -> None:
    """Until the output ends, the client detaches, or it is gone (ConnectionResetError)."""
    config = container.config
    once = config.stdin_once and not config.tty
    attachment = Attachment(
        stdin=request.stdin and config.open_stdin,
        stdout=request.stdout,
        stderr=request.stderr,
        tty=config.tty,
        framed=multiplexed and not config.tty,
        ends_stdin=once,
        detach_keys=keys,
    )
    client = engine.streams.attach(container.id, is_running=container.task.status is Status.RUNNING)
    try:
        if request.logs:
            await _send_logs(engine, container, attachment, peer)
        container_event(engine, container, "attach")
        if not request.stream:
            return
        if await copy_streams(client, peer, attachment):
            container_event(engine, container, "detach")
        elif once:
            await _wait_stopped(engine, container)
    except EngineError as failure:
        await peer.write(attachment.to_wire(Stream.STDOUT, f"Error attaching: {failure.message}\n".encode()))
    finally:
        client.leave()


async def _send_logs(engine: Engine, container: Container, attachment: Attachment, peer: Peer) -> None:
    if not attachment.streams:
        return
    shipper = await engine.logs.reader(container)
    wanted = ReadRequest(stdout=attachment.stdout, stderr=attachment.stderr)
    async for batch in read_logs(shipper, wanted):
        await peer.write(render(batch, multiplexed=attachment.framed))


async def _wait_stopped(engine: Engine, container: Container) -> None:
    """dockerd lets the client of a `docker run -i` go when the container has stopped, not before."""
    exit_of_run = wait_container(engine, container.id, "")
    try:
        await exit_of_run
    finally:
        exit_of_run.cancel()


async def copy_streams(client: Client, peer: Peer, attachment: Attachment) -> bool:
    """True where the client let go by its detach keys."""
    if not (attachment.streams or attachment.stdin):
        return False
    keys = DetachFilter(attachment.detach_keys or DEFAULT_KEYS) if attachment.tty else None
    outgoing = asyncio.ensure_future(_copy_out(client, peer, attachment))
    incoming = asyncio.ensure_future(_copy_in(client, peer, attachment, keys)) if attachment.stdin else None
    try:
        await _first_end(outgoing, incoming)
    finally:
        for copying in (outgoing, incoming):
            if copying:
                copying.cancel()
    return bool(keys and keys.detached)


async def _first_end(outgoing: "asyncio.Task[None]", incoming: "asyncio.Task[bool] | None") -> None:
    """The end of stdin is an end of all only where `_copy_in` says so."""
    if incoming:
        both: list[asyncio.Task[Any]] = [outgoing, incoming]
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if incoming.done() and incoming.result() and not outgoing.done():
            return
    await outgoing


async def _copy_out(client: Client, peer: Peer, attachment: Attachment) -> None:
    wanted = attachment.streams
    while pieces := await client.recv():
        data = [attachment.to_wire(Stream(p.stream), p.data) for p in pieces if p.stream in wanted]
        if data:
            await peer.write(b"".join(data))


async def _copy_in(client: Client, peer: Peer, attachment: Attachment, keys: DetachFilter | None) -> bool:
    """Whether the attachment is over with the client's input."""
    try:
        while data := await peer.read():
            passed = keys.feed(data) if keys else data
            if passed:
                await client.send(passed)
            if keys and keys.detached:
                return True
    finally:
        if attachment.ends_stdin:
            client.close_stdin()
    return not (attachment.ends_stdin and attachment.streams)
