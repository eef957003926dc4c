"""The engine's side of the port proxy: starts it for the first published port, and again if somebody kills it."""

import asyncio
import errno
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from seaway.base.errors import SystemFailure
from seaway.kernel import process
from seaway.networks.firewall.ruleset import PublishedPort
from seaway.networks.ports import join_host_port

Key = tuple[str, str, int]


class BindFailed(SystemFailure):
    def __init__(self, port: PublishedPort, code: int) -> None:
        self.errno = code
        family = "6" if ":" in port.host_ip else "4"
        where = join_host_port(port.host_ip, port.host_port)
        super().__init__(
            f"Error starting userland proxy: listen {port.protocol}{family} {where}: bind: {os.strerror(code).lower()}"
        )

    @property
    def is_without_family(self) -> bool:
        """This host has no IPv6."""
        return self.errno in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)


def _key(port: PublishedPort) -> Key:
    return port.protocol, port.host_ip, port.host_port


def _bind_request(port: PublishedPort, *, serving: bool) -> dict[str, Any]:
    host = [port.host_ip, port.host_port]
    container = [port.container_ip, port.container_port] if serving else None
    return {"do": "bind", "protocol": port.protocol, "host": host, "container": container}


class ProxyClient:
    """`socket_path` is the proxy's; a proxy that an earlier engine left there is taken over with its binds.

    Not `serving`, it holds the ports, so that nobody else gets them, and leaves all traffic to the firewall.
    """

    def __init__(self, socket_path: Path, *, serving: bool = True) -> None:
        self._path, self._serving = socket_path, serving
        self._bound: dict[Key, PublishedPort] = {}
        self._turn = asyncio.Lock()
        self._connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def bind(self, port: PublishedPort) -> None:
        """Raises BindFailed. SCTP has DNAT only."""
        if port.protocol == "sctp":
            return
        async with self._turn:
            await self._bind(port)
            self._bound[_key(port)] = port

    async def unbind(self, port: PublishedPort) -> None:
        async with self._turn:
            if self._bound.pop(_key(port), None):
                await self._ask({"do": "unbind", "protocol": port.protocol, "host": [port.host_ip, port.host_port]})

    async def adopt(self, ports: Iterable[PublishedPort]) -> list[BindFailed]:
        """Make the proxy hold exactly `ports`. The failures are somebody else's who took the port meanwhile."""
        wanted = {_key(p): p for p in ports if p.protocol != "sctp"}
        failures = []
        async with self._turn:
            if not wanted and not await self._connect():
                return []
            for protocol, host_ip, host_port, *_ in (await self._ask({"do": "list"}))["bound"]:
                if (protocol, host_ip, host_port) not in wanted:
                    await self._ask({"do": "unbind", "protocol": protocol, "host": [host_ip, host_port]})
            for key, port in wanted.items():
                try:
                    await self._bind(port)
                    self._bound[key] = port
                except BindFailed as failed:
                    failures.append(failed)
        return failures

    async def close(self) -> None:
        """The proxy stays while it holds a port."""
        if self._connection:
            self._connection[1].close()
            self._connection = None

    async def _bind(self, port: PublishedPort) -> None:
        answer = await self._ask(_bind_request(port, serving=self._serving))
        if code := answer.get("errno"):
            raise BindFailed(port, code)

    async def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        if await self._connect():
            try:
                return await self._exchange(request)
            except (ConnectionError, EOFError):
                self._connection = None
        await self._start()
        return await self._exchange(request)

    async def _exchange(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._connection
        reader, writer = self._connection
        writer.write(json.dumps(request).encode() + b"\n")
        await writer.drain()
        line = await reader.readline()
        if not line:
            writer.close()
            raise EOFError("the port proxy has gone")
        answer: dict[str, Any] = json.loads(line)
        return answer

    async def _connect(self) -> bool:
        if self._connection:
            return True
        try:
            self._connection = await asyncio.open_unix_connection(str(self._path), limit=1 << 24)
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        return True

    async def _start(self) -> None:
        """A new proxy gets every bind that the old one had."""
        await process.run([sys.executable, "-P", "-m", "seaway.networks.portproxy", str(self._path)])
        if not await self._connect():
            raise SystemFailure("the port proxy has ended at once")
        for port in self._bound.values():
            await self._exchange(_bind_request(port, serving=self._serving))
