"""The engine's side of the port proxy: starts it for the first published port, and again if somebody kills it."""

import asyncio
import errno
import json
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from seaway.base.errors import SystemFailure
from seaway.kernel import process
from seaway.networks.firewall.elements import PublishedPort
from seaway.networks.ports import join_host_port

Key = tuple[str, str, int]
AT_ONCE = 1024


class BindFailed(SystemFailure):
    def __init__(self, port: PublishedPort, code: int) -> None:
        self.port, self.errno = port, code
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


def _requests(do: str, ports: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    """No line gets too long, and nobody at the proxy waits long for his turn."""
    return [{"do": do, "ports": ports[start : start + AT_ONCE]} for start in range(0, len(ports), AT_ONCE)]


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
        if failures := await self.bind_all([port]):
            raise failures[0]

    async def bind_all(self, ports: Iterable[PublishedPort]) -> list[BindFailed]:
        """Those that failed; the others are bound."""
        async with self._turn:
            return await self._bind_all(ports)

    async def unbind(self, port: PublishedPort) -> None:
        await self.unbind_all([port])

    async def unbind_all(self, ports: Iterable[PublishedPort]) -> None:
        async with self._turn:
            mine = [port for port in ports if self._bound.pop(_key(port), None)]
            await self._ask_all(_requests("unbind", [_key(port) for port in mine]))

    async def adopt(self, ports: Iterable[PublishedPort]) -> list[BindFailed]:
        """Make the proxy hold exactly `ports`. The failures are somebody else's who took the port meanwhile."""
        wanted = {_key(p): p for p in ports if p.protocol != "sctp"}
        async with self._turn:
            if not wanted and not await self._connect():
                return []
            (answer,) = await self._ask_all([{"do": "list"}])
            held = [(protocol, host_ip, host_port) for protocol, host_ip, host_port, *_ in answer["bound"]]
            await self._ask_all(_requests("unbind", [key for key in held if key not in wanted]))
            return await self._bind_all(wanted.values())

    async def close(self) -> None:
        """The proxy stays while it holds a port."""
        if self._connection:
            self._connection[1].close()
            self._connection = None

    async def _bind_all(self, ports: Iterable[PublishedPort]) -> list[BindFailed]:
        wanted = [port for port in ports if port.protocol != "sctp"]
        answers = await self._ask_all(self._bind_requests(wanted))
        failures = []
        for port, code in zip(wanted, (code for answer in answers for code in answer["errnos"]), strict=True):
            if code:
                failures.append(BindFailed(port, code))
            else:
                self._bound[_key(port)] = port
        return failures

    def _bind_requests(self, ports: Iterable[PublishedPort]) -> list[dict[str, Any]]:
        asked = [(*_key(p), p.container_ip, p.container_port) if self._serving else _key(p) for p in ports]
        return _requests("bind", asked)

    async def _ask_all(self, requests: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        if requests and await self._connect():
            try:
                return await self._exchange(requests)
            except (ConnectionError, EOFError):
                self._connection = None
        if not requests:
            return []
        await self._start()
        return await self._exchange(requests)

    async def _exchange(self, requests: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        assert self._connection
        reader, writer = self._connection
        answers: list[dict[str, Any]] = []
        for request in requests:
            writer.write(json.dumps(request).encode() + b"\n")
            await writer.drain()
            line = await reader.readline()
            if not line:
                writer.close()
                raise EOFError("the port proxy has gone")
            answers.append(json.loads(line))
        return answers

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
        await self._exchange(self._bind_requests(self._bound.values()))
