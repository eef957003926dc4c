"""The port proxy: a process that holds the binds of all published ports, and lives on while the engine is away.

It serves what DNAT cannot: 127.0.0.1, [::1] and containers that call the host. One JSON object a line on a Unix socket:

    {"do": "bind", "ports": [["tcp", "0.0.0.0", 80, "172.17.0.2", 80], …]}      ->  {"errnos": [0, …]}
    {"do": "bind", "ports": [["tcp", "0.0.0.0", 80], …]}    holds them and serves nobody      ->  the same
    {"do": "unbind", "ports": [["tcp", "0.0.0.0", 80], …]}                      ->  {}
    {"do": "list"}                                              ->  {"bound": [["tcp", "0.0.0.0", 80, …], …]}

It ends when it holds nothing and nobody is connected. Standard library only: it has to start fast and stay small.
"""

import asyncio
import json
import resource
import socket
import sys
from typing import Any

from seaway.kernel.background import forget_listener, listen_and_detach
from seaway.networks.carriers import Address, HeldBind, TCPBind, UDPBind, carrier, open_socket

Key = tuple[str, str, int]
KEY_LENGTH = 3
LONGEST_LINE = 1 << 24


class Proxy:
    def __init__(self) -> None:
        self.idle = asyncio.Event()
        self._binds: dict[Key, tuple[TCPBind | UDPBind | HeldBind, Address | None]] = {}
        self._clients = 0

    async def serve_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients += 1
        try:
            while line := await reader.readline():
                writer.write(json.dumps(self.answer(json.loads(line))).encode() + b"\n")
                await writer.drain()
        except ConnectionError:
            pass  # the engine was killed; its ports stay
        finally:
            writer.close()
            self._clients -= 1
            if not self._binds and not self._clients:
                self.idle.set()

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        if request["do"] == "list":
            return {"bound": [[*key, *(container or ())] for key, (_, container) in self._binds.items()]}
        if request["do"] == "unbind":
            for port in request["ports"]:
                self._unbind(tuple(port))
            return {}
        return {"errnos": [self._bind(tuple(key), tuple(to) or None) for *key, to in map(_split, request["ports"])]}

    def _unbind(self, key: Key) -> None:
        if found := self._binds.pop(key, None):
            found[0].close()

    def _bind(self, key: Key, container: Address | None) -> int:
        if key in self._binds and self._binds[key][1] == container:
            return 0
        self._unbind(key)
        try:
            sock = open_socket(key[0], key[1:])
        except OSError as failed:
            return failed.errno or 0
        bind = carrier(key[0], container)
        bind.start(sock)
        self._binds[key] = (bind, container)
        return 0


def _split(port: list[Any]) -> list[Any]:
    return [*port[:KEY_LENGTH], port[KEY_LENGTH:]]


async def serve(listener: socket.socket) -> None:
    proxy = Proxy()
    await asyncio.start_unix_server(proxy.serve_client, sock=listener, limit=LONGEST_LINE)
    await proxy.idle.wait()


def main(path: str) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(serve(listen_and_detach(path)))
    forget_listener(path)


if __name__ == "__main__":
    main(sys.argv[1])
