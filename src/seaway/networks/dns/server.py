"""The DNS server of the users' networks: a process that answers in every container at 127.0.0.11, and lives on while
the engine is away. One JSON object a line on a Unix socket; sockets of a container come along as ancillary data,
with an empty line of their own.

    {"do": "join", "endpoint": ID, "record": {…}}       {"do": "leave", "endpoint": ID}
    {"do": "serve", "sandbox": ID, "view": {…}}         with two sockets, or none: those that it has
    {"do": "close", "sandbox": ID}
    {"do": "sync", "records": {…}, "sandboxes": {…}}    ->  {"missing": [IDs of sandboxes without sockets]}

It ends when it serves nobody and nobody is connected.
"""

import asyncio
import json
import socket
import sys
import time
from typing import Any

from seaway.kernel.background import forget_listener, listen_and_detach
from seaway.networks.dns.answers import Answerer
from seaway.networks.dns.cache import Cache
from seaway.networks.dns.sandbox import Sandbox
from seaway.networks.dns.zone import Record, Zone

TWO_SOCKETS = 2


class Server53:
    def __init__(self) -> None:
        self.idle = asyncio.Event()
        self._zone = Zone()
        self._answerer = Answerer(self._zone)
        self._cache = Cache(time.monotonic)
        self._sandboxes: dict[str, Sandbox] = {}
        self._clients = 0

    async def serve_client(self, connection: socket.socket) -> None:
        self._clients += 1
        try:
            await self._obey(connection)
        except OSError:
            pass  # the engine was killed; its containers ask on
        finally:
            connection.close()
            self._clients -= 1
            if not self._sandboxes and not self._clients:
                self.idle.set()

    async def _obey(self, connection: socket.socket) -> None:
        loop, buffer, fds = asyncio.get_running_loop(), b"", list[int]()
        while True:
            data, more = await _receive(loop, connection)
            if not data:
                return
            buffer, fds = buffer + data, fds + more
            *lines, buffer = buffer.split(b"\n")
            for line in filter(None, lines):
                if answer := await self.obey(json.loads(line), fds):
                    await loop.sock_sendall(connection, json.dumps(answer).encode() + b"\n")

    async def obey(self, order: dict[str, Any], fds: list[int]) -> dict[str, Any]:
        match order["do"]:
            case "join":
                self._zone.join(order["endpoint"], _record(order["record"]))
            case "leave":
                self._zone.leave(order["endpoint"])
            case "serve":
                await self._serve(order["sandbox"], order["view"], fds if order["sockets"] else [])
            case "close":
                self._close(order["sandbox"])
            case "sync":
                self._zone.replace({e: _record(r) for e, r in order["records"].items()})
                for gone in set(self._sandboxes) - set(order["sandboxes"]):
                    self._close(gone)
                for sandbox, view in order["sandboxes"].items():
                    await self._serve(sandbox, view, [])
                return {"missing": sorted(set(order["sandboxes"]) - set(self._sandboxes))}
        return {}

    async def _serve(self, name: str, view: dict[str, Any], fds: list[int]) -> None:
        if len(fds) >= TWO_SOCKETS:
            self._close(name)
            udp, tcp = socket.socket(fileno=fds.pop(0)), socket.socket(fileno=fds.pop(0))
            sandbox = Sandbox(self._answerer, self._cache, udp, tcp)
            await sandbox.start()
            self._sandboxes[name] = sandbox
        if name in self._sandboxes:
            self._sandboxes[name].look(view)

    def _close(self, name: str) -> None:
        if sandbox := self._sandboxes.pop(name, None):
            sandbox.close()


async def _receive(loop: asyncio.AbstractEventLoop, connection: socket.socket) -> tuple[bytes, list[int]]:
    """Data and descriptors, once there is any."""
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(connection, _set, ready)
    try:
        await ready
    finally:
        loop.remove_reader(connection)
    data, fds, _flags, _address = socket.recv_fds(connection, 1 << 16, 16)
    return data, fds


def _set(ready: "asyncio.Future[None]") -> None:
    if not ready.done():
        ready.set_result(None)


def _record(record: dict[str, Any]) -> Record:
    addresses, names = tuple(record["addresses"]), tuple(record["names"])
    return Record(record["network"], record["network_name"], addresses, names)


async def serve(listener: socket.socket) -> None:
    server, loop, clients = Server53(), asyncio.get_running_loop(), set[asyncio.Task[None]]()
    listener.setblocking(False)

    async def accept() -> None:
        while True:
            connection, _ = await loop.sock_accept(listener)
            connection.setblocking(False)
            task = asyncio.ensure_future(server.serve_client(connection))
            clients.add(task)
            task.add_done_callback(clients.discard)

    accepting = asyncio.ensure_future(accept())
    await server.idle.wait()
    accepting.cancel()


def main(path: str) -> None:
    asyncio.run(serve(listen_and_detach(path)))
    forget_listener(path)


if __name__ == "__main__":
    main(sys.argv[1])
