"""A container's standard streams, fanned out to the clients that are attached.

The engine holds one connection per run (a client of conmon's that leaves closes the container's stdin). Clients may
come before the start, and miss no byte then. A client that reads slowly holds the container back once its queue is
full, as with dockerd; one that goes away frees it at once. Nobody attached: the output goes to the log alone.
"""

import asyncio
from pathlib import Path

from seaway.base.supervisor import Supervisor
from seaway.runtime.attach import AttachChannel, Output

QUEUE_PIECES = 256


class Client:
    """One attached client's view of a run. Iterate `recv` until None."""

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self._queue: asyncio.Queue[Output | None] = asyncio.Queue(QUEUE_PIECES)
        self.gone = asyncio.Event()

    async def recv(self) -> Output | None:
        return await self._queue.get()

    async def send(self, data: bytes) -> None:
        """To the container's stdin; waits for its start. What comes after its end is dropped."""
        channel = await self._hub.channel()
        try:
            await channel.send(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it ended without reading; its output and its exit code tell the rest

    async def close_stdin(self) -> None:
        (await self._hub.channel()).close_stdin()

    def leave(self) -> None:
        self.gone.set()
        self._hub.clients.discard(self)

    async def deliver(self, output: Output | None) -> None:
        if self.gone.is_set():
            return
        try:
            self._queue.put_nowait(output)
        except asyncio.QueueFull:
            await self._deliver_slowly(output)

    async def _deliver_slowly(self, output: Output | None) -> None:
        put = asyncio.ensure_future(self._queue.put(output))
        gone = asyncio.ensure_future(self.gone.wait())
        try:
            await asyncio.wait([put, gone], return_when=asyncio.FIRST_COMPLETED)
        finally:
            put.cancel()
            gone.cancel()


class Hub:
    def __init__(self) -> None:
        self.clients: set[Client] = set()
        self._channel: asyncio.Future[AttachChannel] = asyncio.get_running_loop().create_future()

    def attach(self) -> Client:
        client = Client(self)
        self.clients.add(client)
        return client

    async def channel(self) -> AttachChannel:
        return await asyncio.shield(self._channel)

    async def connect(self, run_dir: Path) -> None:
        self._channel.set_result(await AttachChannel.connect(run_dir))

    async def pump(self) -> None:
        """From the run's start to its end."""
        channel = await self.channel()
        try:
            while (output := await channel.recv()) is not None:
                for client in list(self.clients):
                    await client.deliver(output)
        finally:
            channel.close()
            for client in list(self.clients):
                await client.deliver(None)


class Streams:
    """The hub of each container that runs, or that clients wait for."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._hubs: dict[str, Hub] = {}

    def attach(self, container_id: str) -> Client:
        return self._hub(container_id).attach()

    async def begin(self, container_id: str, run_dir: Path) -> None:
        """Between the runtime's create and start, or on adoption."""
        hub = self._hub(container_id)
        await hub.connect(run_dir)
        self._supervisor.spawn(self._pump(container_id, hub), f"streams {container_id[:12]}")

    async def abandon(self, container_id: str) -> None:
        """The start failed, or the container is removed: those who wait get the end of the stream."""
        hub = self._hubs.pop(container_id, None)
        for client in list(hub.clients) if hub else []:
            await client.deliver(None)

    async def _pump(self, container_id: str, hub: Hub) -> None:
        try:
            await hub.pump()
        finally:
            if self._hubs.get(container_id) is hub:
                del self._hubs[container_id]

    def _hub(self, container_id: str) -> Hub:
        return self._hubs.setdefault(container_id, Hub())
