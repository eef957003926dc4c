"""A registry whose repositories are its faults, for the engine's namespace: `python registry_stub.py PORT LOG [basic]`.

Every request is a line of LOG: method, path, Range; and one of LOG.headers: path and headers in JSON. `good` is an
image; what each other name does wrong is below, or in `registry_oddities`. It is a forward proxy, too, for itself, and an
index of the old v1 API to search. LOG.most has the number of `wide`'s layers that were asked for at one time.
"""

import gzip
import hashlib
import io
import json
import random
import socket
import struct
import sys
import tarfile
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from registry_oddities import Oddities

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
GO_ON = threading.Event()
"""`GET /go-on` lets `slow`, and the second layer of `late`, be sent to its end."""
COUNTING = threading.Lock()
FOUND = [
    {"name": "ann/app", "description": "An app", "star_count": 7, "is_official": False, "is_automated": True},
    {"name": "app", "description": "The app", "star_count": 3, "is_official": True, "is_automated": False},
]


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def tar(*members: tarfile.TarInfo, content: bytes = b"") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for member in members:
            if member.isreg():
                member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


@dataclass
class Image:
    layer: bytes
    """As it is sent."""
    claimed: str
    config: bytes
    manifest: bytes


def image(
    name: str, layer_tar: bytes, *, layer: bytes | None = None, claimed: str = "", size: int | None = None
) -> Image:
    sent = gzip.compress(layer_tar, 1, mtime=0) if layer is None else layer
    config = json.dumps(
        {
            "os": "linux",
            "architecture": "amd64",
            "rootfs": {"type": "layers", "diff_ids": [digest(layer_tar)]},
            "config": {"Labels": {"name": name}},
        }
    ).encode()
    claimed = claimed or digest(sent)
    described = {"mediaType": LAYER, "digest": claimed, "size": len(sent) if size is None else size}
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "layers": [described],
        "config": {"mediaType": CONFIG, "digest": digest(config), "size": len(config)},
    }
    return Image(sent, claimed, config, json.dumps(document).encode())


def images() -> dict[str, Image]:
    noise = random.Random(1).randbytes(4 << 20)
    good, big = tar(entry("hello"), content=b"hello\n"), tar(entry("noise"), content=noise)
    packed = gzip.compress(big, 1, mtime=0)
    wrong = bytearray(packed)
    wrong[-9] ^= 1
    dev = entry("dev/zero", tarfile.CHRTYPE)
    dev.devmajor, dev.devminor = 1, 5
    return {
        "good": image("good", good),
        "stalls": image("stalls", tar(entry("stalls"), content=noise)),
        "slow": image("slow", tar(entry("slow"), content=noise)),
        "resets": image("resets", tar(entry("resets"), content=noise)),
        "dies": image("dies", tar(entry("dies"), content=noise)),
        "norange": image("norange", tar(entry("norange"), content=noise)),
        "html": image("html", good),
        "wrong": image("wrong", big, layer=bytes(wrong), claimed=digest(packed)),
        "short": image("short", big, layer=packed[: len(packed) // 2]),
        "lies": image("lies", good, size=1 << 40),
        "otherdiff": image("otherdiff", good, layer=gzip.compress(big, 1, mtime=0)),
        "climbs": image("climbs", tar(entry("../../climbed"), content=b"x")),
        "absolute": image(
            "absolute", tar(entry("l", tarfile.SYMTYPE, "/"), entry("l/tmp/seaway-absolute"), content=b"x")
        ),
        "hardlink": image("hardlink", tar(entry("h", tarfile.LNKTYPE, "../../../../etc/passwd"))),
        "elsewhere": image("elsewhere", tar(entry("elsewhere"), content=b"x")),
        "device": image("device", tar(dev)),
        "notar": image("notar", b"this is no tar" * 100),
    }


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    images: dict[str, Image]
    oddities: Oddities
    wants_names: bool
    log_path: str
    most: Path
    broken: set[object] = set()
    together: list["Handler"] = []

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        with open(self.log_path, "a") as log:
            log.write(f"{self.command} {self.path} {self.headers.get('Range', '')}\n")
        with open(f"{self.log_path}.headers", "a") as log:
            log.write(json.dumps([self.path, dict(self.headers.items())]) + "\n")
        if self.path.startswith("http:"):
            self.path = urlsplit(self.path).path
        if self.wants_names and self.path.startswith("/v2/") and "Authorization" not in self.headers:
            return self.answer(401, b"{}", headers={"WWW-Authenticate": 'Basic realm="tests"'})
        if self.path == "/go-on":
            GO_ON.set()
            return self.answer(200, b"")
        if self.path == "/v1/_ping":
            return self.answer(200, b'{"standalone":true}', headers={"X-Docker-Registry-Standalone": "true"})
        if self.path.startswith("/v1/search?"):
            return self.answer(200, json.dumps({"num_results": len(FOUND), "results": FOUND}).encode())
        if self.path == "/v2/":
            return self.answer(200, b"{}")
        if self.path.startswith("/foreign/"):
            return self.answer(200, self.oddities.foreign[self.path.removeprefix("/foreign/")])
        if self.path.startswith("/store/"):
            self.path = self.path.replace("/store/", "/v2/stored/blobs/")
        name, kind, what = self.path.removeprefix("/v2/").split("/", 2)
        if name in self.oddities.documents:
            self.send_oddity(name, kind, what)
            return None
        found = self.images.get("elsewhere" if name == "stored" else name)
        if found is None:
            code = json.dumps(
                {"errors": [{"code": "NAME_UNKNOWN", "message": "repository name not known to registry"}]}
            )
            return self.answer(404, code.encode())
        if name == "html":
            return self.answer(200, b"<html>Please log in to the hotel's network</html>", "text/html")
        if name == "elsewhere" and kind == "blobs":
            port = self.server.server_address[1]
            return self.answer(307, b"", headers={"Location": f"http://localhost:{port}/store/{what}"})
        if kind == "manifests":
            return self.answer(200, found.manifest, MANIFEST, {"Docker-Content-Digest": digest(found.manifest)})
        if what == digest(found.config):
            return self.answer(200, found.config)
        return self.send_layer(name, found)

    def send_oddity(self, name: str, kind: str, what: str) -> None:
        if name in ("busy", "tomorrow", "fails") and (name, kind) not in self.broken:
            self.broken.add((name, kind))
            wait = {"busy": "1", "tomorrow": "86400", "fails": "1"}[name]
            body = json.dumps({"errors": [{"code": "TOOMANYREQUESTS", "message": "come back later"}]}).encode()
            self.answer(503 if name == "fails" else 429, body, headers={"Retry-After": wait})
        elif kind == "manifests" and what in self.oddities.documents[name]:
            data, media_type = self.oddities.documents[name][what]
            self.answer(200, data, media_type, {"Docker-Content-Digest": what if ":" in what else digest(data)})
        elif kind == "blobs" and what in self.oddities.blobs:
            if what in self.oddities.layers.get("wide", ()):
                self.count_together()
            if what in self.oddities.layers.get("late", ())[1:]:
                GO_ON.wait(10)
            self.answer(200, self.oddities.blobs[what], "application/octet-stream")
        else:
            self.refuse()

    def count_together(self) -> None:
        """Takes a while, for others to come."""
        with COUNTING:
            self.together.append(self)
            most = max(len(self.together), int(self.most.read_text()) if self.most.exists() else 0)
            self.most.write_text(str(most))
        time.sleep(0.3)
        with COUNTING:
            self.together.remove(self)

    def refuse(self) -> None:
        unknown = json.dumps({"errors": [{"code": "BLOB_UNKNOWN", "message": "blob unknown to registry"}]})
        self.answer(404, unknown.encode())

    def send_layer(self, name: str, found: Image) -> None:
        first = self.headers.get("Range", "").removeprefix("bytes=").removesuffix("-") if name != "norange" else ""
        data = found.layer[int(first or 0) :]
        headers = {"Content-Range": f"bytes {first}-{len(found.layer) - 1}/{len(found.layer)}"} if first else {}
        breaks = name in ("stalls", "dies", "norange", "slow", "resets") and name not in self.broken
        self.broken.add(name)
        if not breaks:
            self.answer(206 if first else 200, data, "application/octet-stream", headers)
            return
        self.start(200, len(data), "application/octet-stream", {})
        self.wfile.write(data[: len(data) // 2])
        self.wfile.flush()
        if name == "slow":
            GO_ON.wait(10)
            self.wfile.write(data[len(data) // 2 :])
        if name == "stalls":
            self.rfile.read(1)  # until the client goes away
        if name == "resets":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        self.close_connection = True

    def start(self, status: int, length: int, kind: str, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in {"Content-Type": kind, "Content-Length": str(length), **headers}.items():
            self.send_header(key, value)
        self.end_headers()

    def answer(
        self, status: int, data: bytes, kind: str = "application/json", headers: dict[str, str] | None = None
    ) -> None:
        self.start(status, len(data), kind, headers or {})
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    Handler.images, Handler.log_path, Handler.wants_names = images(), sys.argv[2], "basic" in sys.argv
    Handler.most = Path(f"{sys.argv[2]}.most")
    Handler.oddities = Oddities(f"http://127.0.0.1:{sys.argv[1]}")
    Handler.oddities.make(tar(entry("hello"), content=b"hello\n"))
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
