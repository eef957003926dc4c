"""Images as they were before Docker 1.10: one document for each layer, whose ID says what it stands on.

The oldest clients know an image by such documents, so `save` still writes them; they are made up from what the image
is now. Pure.
"""

from typing import Any

import msgspec

from seaway.base import gojson
from seaway.images.image import Image
from seaway.model.container import ContainerConfig
from seaway.oci.digest import Digest, sha256_of

_EPOCH = "1970-01-01T00:00:00Z"
_NEVER_KEPT = ("id", "parent", "Size", "parent_id", "layer_id", "throwaway")
_LOSSLESS_SINCE = (1, 8, 3)
"""Documents of older engines are told again with the known fields only."""


def v1_documents(image: Image) -> list[dict[str, Any]]:
    """One for each layer, base first; only the last says more than its place."""
    documents: list[dict[str, Any]] = []
    parent = ""
    for number, chain in enumerate(image.chain_ids, 1):
        own = _own_fields(image) if number == len(image.chain_ids) else _empty_fields()
        v1_id = _v1_id(own, chain, parent)
        os = {"os": image.os} if image.os else {}
        documents.append({"id": v1_id, **({"parent": parent} if parent else {}), **own, **os})
        parent = v1_id
    return documents


def _v1_id(fields: dict[str, Any], chain: Digest, parent: str) -> str:
    named = {**fields, "layer_id": str(chain)} | ({"parent": f"sha256:{parent}"} if parent else {})
    return sha256_of(gojson.encode(dict(sorted(named.items())), escape_html=True)).hex


def _empty_fields() -> dict[str, Any]:
    return {"created": _EPOCH, "container_config": msgspec.to_builtins(ContainerConfig())}


def _own_fields(image: Image) -> dict[str, Any]:
    """In the order in which Go's struct has them, without what is empty and may be left out."""
    container_config = gojson.convert(image.container_config, ContainerConfig)
    fields: dict[str, Any] = {
        "comment": msgspec.json.decode(image.raw).get("comment", ""),
        "created": image.created or "0001-01-01T00:00:00Z",
        "container": image.container,
        "container_config": msgspec.to_builtins(container_config),
        "docker_version": image.docker_version,
        "author": image.author,
        "config": msgspec.to_builtins(image.config) if image.has_config else None,
        "architecture": image.architecture,
        "variant": image.variant,
        "os": image.os,
    }
    return {key: value for key, value in fields.items() if value or key == "created"}


def history_of(document: dict[str, Any]) -> dict[str, Any]:
    """The entry that an image's history has of a v1 document."""
    command = (document.get("container_config") or {}).get("Cmd") or []
    entry = {
        "created": document.get("created", ""),
        "author": document.get("author", ""),
        "created_by": " ".join(command),
        "comment": document.get("comment", ""),
    }
    return {key: value for key, value in entry.items() if value or key == "created"}


def upgraded(document: dict[str, Any], diff_ids: list[str], history: list[dict[str, Any]]) -> bytes:
    """A v1 document as an image's configuration of today, byte for byte as dockerd makes it."""
    if _version(document.get("docker_version", "")) < _LOSSLESS_SINCE:
        document = _known_fields(document)
    kept = {key: value for key, value in document.items() if key not in _NEVER_KEPT}
    kept |= {"rootfs": {"type": "layers", "diff_ids": diff_ids}, "history": history}
    return gojson.encode(dict(sorted(kept.items())), escape_html=True)


def _known_fields(document: dict[str, Any]) -> dict[str, Any]:
    names = ("comment", "container", "docker_version", "author", "architecture", "variant", "os")
    known = {name: document[name] for name in names if document.get(name)}
    known["created"] = document.get("created") or "0001-01-01T00:00:00Z"
    if document.get("config") is not None:
        known["config"] = _go_config(document["config"])
    return known | {"container_config": _go_config(document.get("container_config"))}


def _go_config(value: Any) -> Any:
    return msgspec.to_builtins(gojson.convert(value, ContainerConfig))


def _version(text: str) -> tuple[int, ...]:
    numbers = text.partition("-")[0].split(".")
    return tuple(int(number) for number in numbers) if all(n.isdigit() for n in numbers) else (0,)
