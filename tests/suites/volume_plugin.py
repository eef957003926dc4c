"""A version 1 volume plugin for tests: directories below one of its own, on a socket, in threads of the test."""

import json
import shutil
import socketserver
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any


class VolumePlugin:
    """`mounts` are the (name, ID) pairs that are mounted now; `calls` all that was asked."""

    def __init__(self, socket_path: Path, home: Path, scope: str = "global") -> None:
        self.socket_path, self.home, self.scope = socket_path, home, scope
        self.mounts: set[tuple[str, str]] = set()
        self.calls: list[str] = []
        self.fails: dict[str, str] = {}
        home.mkdir(parents=True, exist_ok=True)
        socket_path.parent.mkdir(parents=True, exist_ok=True)
        socket_path.unlink(missing_ok=True)
        plugin = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self._body() or b"{}")
                answer = json.dumps(plugin.answer(self.path.lstrip("/"), body)).encode()
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

        class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
            daemon_threads = True

        self._server = Server(str(socket_path), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        self.calls.append(method)
        if method in self.fails:
            return {"Err": self.fails[method]}
        name = body.get("Name", "")
        where = self.home / name
        match method.removeprefix("VolumeDriver."):
            case "Plugin.Activate":
                return {"Implements": ["VolumeDriver"]}
            case "Capabilities":
                return {"Capabilities": {"Scope": self.scope}}
            case "Create":
                where.mkdir(exist_ok=True)
            case "List":
                return {"Volumes": [{"Name": d.name} for d in self.home.iterdir()]}
            case _ if not where.is_dir():
                return {"Err": f"no such volume {name}"}
            case "Remove":
                shutil.rmtree(where)
            case "Mount":
                self.mounts.add((name, body["ID"]))
                return {"Mountpoint": str(where)}
            case "Unmount":
                self.mounts.discard((name, body["ID"]))
            case "Path":
                return {"Mountpoint": str(where)}
            case "Get":
                return {"Volume": {"Name": name, "Mountpoint": str(where), "Status": {"from": "test"}}}
        return {"Err": ""}
