"""etcd's JSON (the gateway of its version 3): keys and values in base64, 64-bit numbers as text. Pure."""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Entry:
    """A key with its value, the lease that it ends with (0: none), and the revision of its last change."""

    key: str
    value: str
    revision: int = 0
    lease: int = 0


@dataclass(frozen=True, slots=True)
class Put:
    key: str
    value: str
    lease: int = 0


@dataclass(frozen=True, slots=True)
class Delete:
    """A key, or with `prefix` all that begin with it."""

    key: str
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Absent:
    """There is no such key, or with `prefix` none that begins with it."""

    key: str
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Present:
    key: str


@dataclass(frozen=True, slots=True)
class Holds:
    """The key has this value."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class UnchangedSince:
    """No key that begins with `prefix` was written after `revision`."""

    prefix: str
    revision: int


Compare = Absent | Present | Holds | UnchangedSince
Change = Put | Delete


@dataclass(frozen=True, slots=True)
class Gone:
    """A key was deleted, or its lease ended."""

    key: str


Event = Entry | Gone


def to_range(key: str, *, prefix: bool) -> dict[str, Any]:
    return {"key": _text(key), **({"range_end": _text(range_end(key))} if prefix else {})}


def to_txn(compares: list[Compare], changes: list[Change]) -> dict[str, Any]:
    return {"compare": [_compare(c) for c in compares], "success": [_change(c) for c in changes]}


def to_watch(prefix: str, revision: int) -> dict[str, Any]:
    return {"create_request": {**to_range(prefix, prefix=True), "start_revision": str(revision)}}


def range_end(prefix: str) -> str:
    """The first key after all that begin with `prefix`."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)


def parse_entry(kv: Mapping[str, Any]) -> Entry:
    return Entry(
        key=_parse(kv.get("key", "")),
        value=_parse(kv.get("value", "")),
        revision=int(kv.get("mod_revision", 0)),
        lease=int(kv.get("lease", 0)),
    )


def parse_events(result: Mapping[str, Any]) -> list[Event]:
    """Of one message of a watch."""
    events: list[Event] = []
    for event in result.get("events", ()):
        entry = parse_entry(event["kv"])
        events.append(Gone(entry.key) if event.get("type") == "DELETE" else entry)
    return events


def _compare(compare: Compare) -> dict[str, Any]:
    match compare:
        case Absent(key, prefix):
            return {**to_range(key, prefix=prefix), "target": "CREATE", "result": "EQUAL", "create_revision": "0"}
        case Present(key):
            return {"key": _text(key), "target": "CREATE", "result": "GREATER", "create_revision": "0"}
        case Holds(key, value):
            return {"key": _text(key), "target": "VALUE", "result": "EQUAL", "value": _text(value)}
        case UnchangedSince(prefix, revision):
            return {
                **to_range(prefix, prefix=True), "target": "MOD", "result": "LESS", "mod_revision": str(revision + 1),
            }  # fmt: skip


def _change(change: Change) -> dict[str, Any]:
    if isinstance(change, Delete):
        return {"request_delete_range": to_range(change.key, prefix=change.prefix)}
    lease = {"lease": str(change.lease)} if change.lease else {}
    return {"request_put": {"key": _text(change.key), "value": _text(change.value), **lease}}


def _text(text: str) -> str:
    return b64encode(text.encode()).decode()


def _parse(text: str) -> str:
    return b64decode(text).decode(errors="replace")
