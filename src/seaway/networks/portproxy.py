"""The port proxy: a process that holds the binds of all published ports, and lives on while the engine is away.

It serves what DNAT cannot: 127.0.0.1, [::1] and containers that call the host. One JSON object a line on a Unix socket:

    {"do": "bind", "protocol": "tcp", "host": ["0.0.0.0", 80], "container": ["172.17.0.2", 80]}  ->  {} or {"errno": 98}
    {"do": "bind", ..., "container": null}        holds the port and serves nobody      ->  the same
    {"do": "unbind", "protocol": "tcp", "host": ["0.0.0.0", 80]}                                 ->  {}
    {"do": "list"}                                                                               ->  {"bound": [...]}

It ends when it holds nothing and nobody is connected. Standard library only: it has to start fast and stay small.
"""

import asyncio
import json
import socket
import sys
from typing import Any

from seaway.networks.background import forget_listener, listen_and_detach
from seaway.networks.carriers import Address, HeldBind, TCPBind, UDPBind, carrier, open_socket

Key = tuple[str, str, int]


class Proxy:
    def __init__(self) -> None:
        self.idle = asyncio.Event()
        self._binds: dict[Key, tuple[TCPBind | UDPBind | HeldBind, Address | None]] = {}
        self._clients = 0

    async def serve_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients += 1
        try:
            while line := await reader.readline():
                writer.write(json.dumps(await self.answer(json.loads(line))).encode() + b"\n")
                await writer.drain()
        except ConnectionError:
            pass  # the engine was killed; its ports stay
        finally:
            writer.close()
            self._clients -= 1
            if not self._binds and not self._clients:
                self.idle.set()

    async def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        if request["do"] == "list":
            return {"bound": [[*key, *(container or ())] for key, (_, container) in self._binds.items()]}
        key: Key = (request["protocol"], *request["host"])
        if request["do"] == "unbind":
            if found := self._binds.pop(key, None):
                found[0].close()
            return {}
        try:
            await self._bind(key, tuple(request["container"]) if request["container"] else None)
        except OSError as failed:
            return {"errno": failed.errno}
        return {}

    async def _bind(self, key: Key, container: Address | None) -> None:
        if found := self._binds.pop(key, None):
            if found[1] == container:
                self._binds[key] = found
                return
            found[0].close()
        sock = open_socket(key[0], key[1:])
        bind = carrier(key[0], container)
        await bind.start(sock)
        self._binds[key] = (bind, container)


async def serve(listener: socket.socket) -> None:
    proxy = Proxy()
    await asyncio.start_unix_server(proxy.serve_client, sock=listener)
    await proxy.idle.wait()


def main(path: str) -> None:
    asyncio.run(serve(listen_and_detach(path)))
    forget_listener(path)


if __name__ == "__main__":
    main(sys.argv[1])
