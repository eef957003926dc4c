"""Repositories that are no faults, or faults of documents: beside those of `registry_stub`.

Each is a table of what is behind `/manifests/1` and the digests: (bytes, media type). Blobs are common to all.
"""

import gzip
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from backports import zstd

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+prettyjws"


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@dataclass
class Oddities:
    own_url: str
    documents: dict[str, dict[str, tuple[bytes, str]]] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    foreign: dict[str, bytes] = field(default_factory=dict)
    layers: dict[str, list[str]] = field(default_factory=dict)
    """Of images that have several, by name."""

    def put(self, name: str, document: dict[str, Any], kind: str, reference: str = "") -> dict[str, Any]:
        data = json.dumps(document).encode()
        known = self.documents.setdefault(name, {})
        known[digest(data)] = known["1"] = (data, kind)
        if reference:
            known[reference] = (data, kind)
        return {"mediaType": kind, "digest": digest(data), "size": len(data)}

    def image(self, name: str, tar: bytes, sent: bytes, kind: str, copies: int = 1, **changes: Any) -> dict[str, Any]:
        config = {
            "os": "linux",
            "architecture": "amd64",
            "rootfs": {"type": "layers", "diff_ids": [digest(tar)] * copies},
            "config": {"Labels": {"name": name}},
        }
        data = json.dumps(config).encode()
        self.blobs |= {digest(data): data, digest(sent): sent}
        layer = {"mediaType": kind, "digest": digest(sent), "size": len(sent), **changes}
        described = {"mediaType": CONFIG, "digest": digest(data), "size": len(data)}
        document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": described, "layers": [layer] * copies}
        return self.put(name, document, MANIFEST)

    def _make_several(self, name: str, tars: list[bytes]) -> None:
        """An image of these layers, of which no other image has one."""
        config = {
            "os": "linux",
            "architecture": "amd64",
            "rootfs": {"type": "layers", "diff_ids": [digest(tar) for tar in tars]},
            "config": {"Labels": {"name": name}},
        }
        data, layers = json.dumps(config).encode(), [gzip.compress(tar, 1, mtime=0) for tar in tars]
        self.blobs |= {digest(data): data, **{digest(layer): layer for layer in layers}}
        self.layers[name] = [digest(layer) for layer in layers]
        described = [{"mediaType": f"{LAYER}+gzip", "digest": digest(layer), "size": len(layer)} for layer in layers]
        about = {"mediaType": CONFIG, "digest": digest(data), "size": len(data)}
        self.put(name, {"schemaVersion": 2, "mediaType": MANIFEST, "config": about, "layers": described}, MANIFEST)

    def index(self, name: str, *entries: dict[str, Any]) -> dict[str, Any]:
        return self.put(name, {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}, INDEX)

    def make(self, tar: bytes) -> None:
        packed = gzip.compress(tar, 1, mtime=0)
        self.image("zstd", tar, zstd.compress(tar), f"{LAYER}+zstd")
        self.image("plain", tar, tar, LAYER)
        self.image("artifact", tar, packed, "application/vnd.acme.rocket")
        for padding, (name, lie) in enumerate({"toosmall": -1, "toolarge": 1}.items(), 1):
            own = tar + bytes(512 * padding)  # a layer that no other image has brought
            sent = gzip.compress(own, 1, mtime=0)
            self.image(name, own, sent, f"{LAYER}+gzip", size=len(sent) + lie)
        self.image("tower", tar, packed, f"{LAYER}+gzip", copies=10_000)
        self.foreign["layer"] = gzip.compress(tar, 9, mtime=0)
        self.image("foreign", tar, self.foreign["layer"], FOREIGN, urls=[f"{self.own_url}/foreign/layer"])
        del self.blobs[digest(self.foreign["layer"])]
        for wait in ("busy", "tomorrow", "fails"):
            self.image(wait, tar, packed, f"{LAYER}+gzip")
        self._make_several("wide", [tar + bytes(1024 * number) for number in range(10, 16)])
        self._make_several("late", [tar + bytes(1024 * number) for number in (20, 21)])
        self.put("schema1", {"schemaVersion": 1, "name": "schema1", "tag": "1"}, SCHEMA1)
        self._make_indexes(tar, packed)

    def _make_indexes(self, tar: bytes, packed: bytes) -> None:
        inner = self.image("nested", tar, packed, f"{LAYER}+gzip")
        other = {**inner, "platform": {"os": "linux", "architecture": "s390x"}}
        for _ in range(2):
            inner = self.index("nested", other, {**inner, "platform": {"os": "linux", "architecture": "amd64"}})
        self.index("nested", {key: inner[key] for key in ("mediaType", "digest", "size")})
        deep = self.image("deep", tar, packed, f"{LAYER}+gzip")
        deep["platform"] = {"os": "linux", "architecture": "amd64"}
        for _ in range(30):
            deep = self.index("deep", deep)
        claimed = digest(b"who could know the digest of what it is in?")
        self.put("circle", {"manifests": [{"mediaType": INDEX, "digest": claimed, "size": 9}]}, INDEX, claimed)
