"""A version 1 plugin for tests: JSON by POST on a socket, answered in threads of the test."""

import json
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any


class PluginServer:
    """A subclass says what it implements and answers. `calls` are the methods that were asked for."""

    implements: tuple[str, ...] = ()

    def __init__(self, socket_path: Path) -> None:
        self.socket_path = socket_path
        self.calls: list[str] = []
        socket_path.parent.mkdir(parents=True, exist_ok=True)
        socket_path.unlink(missing_ok=True)
        self._server = _Server(str(socket_path), _handler(self))
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @contextmanager
    def listening_on_tcp(self, tls: ssl.SSLContext) -> Iterator[int]:
        """Yields the port of another listener, which speaks TLS."""
        server = _TlsServer(("localhost", 0), _handler(self))
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()
        server.server_close()

    def answer(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        raise NotImplementedError

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        self.calls.append(method)
        return {"Implements": list(self.implements)} if method == "Plugin.Activate" else self.answer(method, body)


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


class _TlsServer(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client whose certificate it refuses."""


def _handler(plugin: PluginServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            answer = json.dumps(plugin._answer(self.path.lstrip("/"), json.loads(self._body() or b"{}"))).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def _body(self) -> bytes:
            if "Content-Length" in self.headers:
                return self.rfile.read(int(self.headers["Content-Length"]))
            pieces = []
            while size := int(self.rfile.readline(), 16):  # dockerd sends chunks
                pieces.append(self.rfile.read(size + 2)[:size])
            return b"".join(pieces)

        def log_message(self, format: str, *args: Any) -> None: ...

        def address_string(self) -> str:
            return "engine"

    return Handler
