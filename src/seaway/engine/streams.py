"""A process's standard streams, fanned out to the clients that are attached.

The engine holds one connection per run or exec (a client of conmon's that leaves closes the process's stdin). Clients
may come before the start, and miss no byte then. A client that reads slowly holds the process back once its queue is
full, as with dockerd; one that goes away frees it at once. Nobody attached: the output goes to the log alone.
"""

import asyncio
from collections import deque
from collections.abc import Sequence

from seaway.base.supervisor import Supervisor
from seaway.runtime.channel import Channel, Output

QUEUE_BYTES = 1 << 20


class Client:
    """One attached client's view of a process."""

    def __init__(self, streams: "Streams", process_id: str, hub: "Hub") -> None:
        self._streams, self._process_id, self._hub = streams, process_id, hub
        self._queue: deque[Output] = deque()
        self._size = 0
        self._ended = self._left = False
        self._readable, self._room = asyncio.Event(), asyncio.Event()
        self._room.set()

    async def recv(self) -> Sequence[Output]:
        """Everything that has come, at least one piece; empty at the end."""
        if not self._queue and not self._ended:
            self._readable.clear()
            await self._readable.wait()
        pieces = tuple(self._queue)
        self._queue.clear()
        self._size = 0
        self._room.set()
        return pieces

    async def send(self, data: bytes) -> None:
        """To the process's stdin; waits for its start. What comes after its end is dropped."""
        channel = await self._hub.channel()
        try:
            await channel.send(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it ended without reading; its output and its exit code tell the rest

    @property
    def has_ended(self) -> bool:
        """All output has come."""
        return self._ended

    def close_stdin(self) -> None:
        self._hub.close_stdin()

    def leave(self) -> None:
        self._left = True
        self._queue.clear()
        self._room.set()
        self._hub.clients.discard(self)
        self._streams.forget_unused(self._process_id, self._hub)

    async def deliver(self, output: Output) -> None:
        await self._room.wait()
        if self._left:
            return
        self._queue.append(output)
        self._size += len(output.data)
        if self._size >= QUEUE_BYTES:
            self._room.clear()
        self._readable.set()

    def end(self) -> None:
        self._ended = True
        self._readable.set()


class Hub:
    """`is_begun` from the connection to the process on: before that, clients wait for a start."""

    def __init__(self) -> None:
        self.clients: set[Client] = set()
        self.is_begun = self._stdin_ended = False
        self._channel: asyncio.Future[Channel] = asyncio.get_running_loop().create_future()

    async def channel(self) -> Channel:
        return await asyncio.shield(self._channel)

    def close_stdin(self) -> None:
        """Before the start too: the process then finds its stdin at the end."""
        self._stdin_ended = True
        if self._channel.done():
            self._channel.result().close_stdin()

    def connect(self, channel: Channel) -> None:
        self.is_begun = True
        self._channel.set_result(channel)
        if self._stdin_ended:
            channel.close_stdin()

    async def pump(self) -> None:
        """From the run's start to its end."""
        channel = await self.channel()
        try:
            while (output := await channel.recv()) is not None:
                for client in tuple(self.clients):
                    await client.deliver(output)
        finally:
            channel.close()
            self.end()

    def end(self) -> None:
        for client in tuple(self.clients):
            client.end()


class Streams:
    """The hub of each process that runs, or that clients wait for."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._hubs: dict[str, Hub] = {}

    def attach(self, process_id: str, *, is_running: bool = False) -> Client:
        """Where the output of a process that still counts as running has ended, there is no more to come."""
        known = self._hubs.get(process_id)
        has_ended = is_running and not (known and known.is_begun)
        hub = known if known and not has_ended else Hub()
        client = Client(self, process_id, hub)
        if has_ended:
            client.end()
        else:
            self._hubs[process_id] = hub
            hub.clients.add(client)
        return client

    def begin(self, process_id: str, channel: Channel) -> None:
        """Before a container's process starts, once an exec's runs, or on adoption. Closes the channel at its end."""
        hub = self._hubs.setdefault(process_id, Hub())
        hub.connect(channel)
        self._supervisor.spawn(self._pump(process_id, hub), f"streams {process_id[:12]}", service=True)

    def retire(self, process_id: str) -> None:
        """The end is on record: those who come now wait for the next start, a slow one reads on."""
        hub = self._hubs.get(process_id)
        if hub and hub.is_begun:
            del self._hubs[process_id]

    def abandon(self, process_id: str) -> None:
        """The start failed, or the container is removed: those who wait get the end of the stream."""
        if hub := self._hubs.pop(process_id, None):
            hub.end()

    def forget_unused(self, process_id: str, hub: Hub) -> None:
        if not hub.is_begun and not hub.clients and self._hubs.get(process_id) is hub:
            del self._hubs[process_id]

    async def _pump(self, process_id: str, hub: Hub) -> None:
        try:
            await hub.pump()
        finally:
            if self._hubs.get(process_id) is hub:
                del self._hubs[process_id]
