"""The engine's side of the DNS server: tells it who is called what, starts it for the first container that may ask,
and again if somebody kills it. Nobody waits for it: changes are told in order, by a service of the engine's.
"""

import asyncio
import json
import logging
import socket
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from seaway.base.errors import EngineError
from seaway.base.supervisor import Supervisor
from seaway.kernel import netns, process
from seaway.networks.dns.sockets import open_sockets

log = logging.getLogger(__name__)
Sockets = tuple[socket.socket, socket.socket]


@dataclass(frozen=True, slots=True)
class RecordToTell:
    network: str
    network_name: str
    addresses: list[str]
    names: list[str]


@dataclass(frozen=True, slots=True)
class ViewToTell:
    """`servers`: (address, whether it is asked from the host's namespace); none where nobody may be asked."""

    netns: str
    networks: list[str]
    links: dict[str, str]
    servers: list[tuple[str, bool]]


class DnsClient:
    """The model is here; the server is brought to it, whatever happens to either process."""

    def __init__(self, socket_path: Path) -> None:
        self._path = socket_path
        self._records: dict[str, RecordToTell] = {}
        self._views: dict[str, ViewToTell] = {}
        self._orders: asyncio.Queue[tuple[dict[str, Any], Sockets | None]] = asyncio.Queue()
        self._connection: socket.socket | None = None
        self._on_the_way: set[str] = set()
        """Sandboxes whose sockets are still in the queue."""

    def start(self, supervisor: Supervisor) -> None:
        """With what `restore` said already known."""
        if self._views or self._path.exists():
            self._orders.put_nowait(({}, None))
        supervisor.spawn(self._run(), "DNS of the containers", service=True)

    def restore(self, records: Mapping[str, RecordToTell], sandbox_id: str, view: ViewToTell) -> None:
        """A container that an earlier engine started; the server may still be serving it."""
        self._records.update(records)
        self._views[sandbox_id] = view

    def serve(self, sandbox_id: str, view: ViewToTell, sockets: Sockets | None = None) -> None:
        """With sockets for a new sandbox, without for one whose view changes."""
        self._views[sandbox_id] = view
        if sockets:
            self._on_the_way.add(sandbox_id)
        order = {"do": "serve", "sandbox": sandbox_id, "view": asdict(view), "sockets": sockets is not None}
        self._orders.put_nowait((order, sockets))

    def serves(self, sandbox_id: str) -> bool:
        return sandbox_id in self._views

    def close_sandbox(self, sandbox_id: str) -> None:
        if self._views.pop(sandbox_id, None):
            self._orders.put_nowait(({"do": "close", "sandbox": sandbox_id}, None))

    def join(self, endpoint_id: str, record: RecordToTell) -> None:
        self._records[endpoint_id] = record
        self._orders.put_nowait(({"do": "join", "endpoint": endpoint_id, "record": asdict(record)}, None))

    def leave(self, endpoint_id: str) -> None:
        if self._records.pop(endpoint_id, None):
            self._orders.put_nowait(({"do": "leave", "endpoint": endpoint_id}, None))

    def close(self) -> None:
        """The server stays while it serves a container."""
        if self._connection:
            asyncio.get_running_loop().remove_reader(self._connection)
            self._connection.close()
            self._connection = None

    async def _run(self) -> None:
        while True:
            order, sockets = await self._orders.get()
            try:
                await self._tell(order, sockets)
            except (OSError, EngineError) as failed:
                log.error("the DNS server of the containers: %s", failed)
            finally:
                for each in sockets or ():
                    each.close()
                self._on_the_way.discard(order.get("sandbox", ""))
            if not self._views and self._orders.empty():
                self.close()

    async def _tell(self, order: dict[str, Any], sockets: Sockets | None) -> None:
        if self._connection is None:
            await self._connect()
        try:
            await self._send(order, sockets)
        except OSError:
            self.close()
            await self._connect()
            await self._send(order, sockets)

    async def _send(self, order: dict[str, Any], sockets: Sockets | None) -> None:
        if not order or self._connection is None:
            return
        if sockets:
            socket.send_fds(self._connection, [b"\n"], [each.fileno() for each in sockets])
        await asyncio.get_running_loop().sock_sendall(self._connection, json.dumps(order).encode() + b"\n")

    async def _connect(self) -> None:
        """To the server that an earlier engine left, or to a new one; then it knows all that there is."""
        if not await self._reach():
            if not self._views:
                return
            await process.run([sys.executable, "-P", "-m", "seaway.networks.dns.server", str(self._path)])
            if not await self._reach():
                raise ConnectionError("it has ended at once")
        await self._sync()

    async def _reach(self) -> bool:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(connection, str(self._path))
        except (FileNotFoundError, ConnectionRefusedError):
            connection.close()
            return False
        self._connection = connection
        return True

    async def _sync(self) -> None:
        loop, connection = asyncio.get_running_loop(), self._connection
        assert connection
        records = {endpoint: asdict(record) for endpoint, record in self._records.items()}
        views = {sandbox: asdict(view) for sandbox, view in self._views.items()}
        order = {"do": "sync", "records": records, "sandboxes": views}
        await loop.sock_sendall(connection, json.dumps(order).encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            answer += (piece := await loop.sock_recv(connection, 1 << 16))
            if not piece:
                raise ConnectionError("it ended before it answered")
        for sandbox_id in json.loads(answer)["missing"]:
            if sandbox_id not in self._on_the_way:
                await self._open_again(sandbox_id)
        loop.add_reader(connection, self._lost)

    async def _open_again(self, sandbox_id: str) -> None:
        """The server that held the sandbox's sockets is gone."""
        view = self._views[sandbox_id]
        try:
            sockets = await netns.run_inside(Path(view.netns), lambda: open_sockets(again=True))
        except (OSError, EngineError) as failed:
            log.error("no DNS for the sandbox %s any more: %s", sandbox_id[:12], failed)
            return
        order = {"do": "serve", "sandbox": sandbox_id, "view": asdict(view), "sockets": True}
        try:
            await self._send(order, sockets)
        finally:
            for each in sockets:
                each.close()

    def _lost(self) -> None:
        """The server never speaks by itself: this is its end."""
        self.close()
        self._orders.put_nowait(({}, None))
