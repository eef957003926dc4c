"""D-Bus messages as bytes and back, as its specification's "Marshaling" has them. No input or output.

Values are Python's: int, bool, str, list, a dict for a{..}, a tuple for a structure, (signature, value) for a variant.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

CALL, RETURN, ERROR, SIGNAL = 1, 2, 3, 4
PATH, INTERFACE, MEMBER, ERROR_NAME, REPLY_SERIAL, DESTINATION, SENDER, SIGNATURE = range(1, 9)
FIELD_TYPES = {PATH: "o", REPLY_SERIAL: "u", SIGNATURE: "g"}
NO_AUTO_START = 2
"""Of a service that does not run: whoever only asks for it must not have it started."""
FIXED_SIZE = 16
"""The bytes by which the length of the rest is known."""
_FIXED = {"y": "B", "b": "I", "n": "h", "q": "H", "i": "i", "u": "I", "x": "q", "t": "Q", "d": "d"}
_BASE = {"s": 4, "o": 4, "a": 4, "(": 8, "{": 8, "g": 1, "v": 1}
_ORDER = {ord("l"): "<", ord("B"): ">"}


@dataclass(frozen=True, slots=True)
class Message:
    kind: int
    serial: int
    fields: dict[int, Any] = field(default_factory=dict)
    body: tuple[Any, ...] = ()


def to_wire(message: Message) -> bytes:
    """`fields` name the signature of a body that is not empty."""
    body = bytearray()
    for kind, value in zip(_split(message.fields.get(SIGNATURE, "")), message.body, strict=True):
        _put(body, kind, value)
    head = bytearray(struct.pack("<4BII", ord("l"), message.kind, NO_AUTO_START, 1, len(body), message.serial))
    _put(head, "a(yv)", [(code, (FIELD_TYPES.get(code, "s"), value)) for code, value in message.fields.items()])
    _align(head, 8)
    return bytes(head + body)


def rest_size(fixed: bytes) -> int:
    """How many bytes follow these FIXED_SIZE ones. Raises ValueError where they are no message."""
    order = _ORDER.get(fixed[0])
    if not order:
        raise ValueError(f"no D-Bus message begins with {fixed[:1]!r}")
    body, _, fields = struct.unpack_from(f"{order}III", fixed, 4)
    return int((fields + 7 & ~7) + body)


def parse_message(data: bytes) -> Message:
    """Of a whole message. Raises ValueError."""
    try:
        reader = _Reader(data, _ORDER[data[0]], 12)
        fields = {code: value for code, (_, value) in reader.take("a(yv)")}
        reader.align(8)
        body = tuple(reader.take(kind) for kind in _split(fields.get(SIGNATURE, "")))
        (serial,) = struct.unpack_from(f"{reader.order}I", data, 8)
    except (struct.error, LookupError, UnicodeDecodeError) as failed:
        raise ValueError(f"no D-Bus message: {failed}") from failed
    return Message(data[1], serial, fields, body)


class _Reader:
    def __init__(self, data: bytes, order: str, at: int) -> None:
        self._data, self.order, self._at = data, order, at

    def align(self, size: int) -> None:
        self._at += -self._at % size

    def take(self, kind: str) -> Any:
        self.align(_alignment(kind))
        match kind[0]:
            case "s" | "o":
                return self._text(self.take("u"))
            case "g":
                return self._text(self.take("y"))
            case "v":
                signature = self.take("g")
                return signature, self.take(signature)
            case "a":
                items = list(self._items(self.take("u"), kind[1:]))
                return dict(items) if kind[1] == "{" else items
            case "(" | "{":
                return tuple(self.take(each) for each in _split(kind[1:-1]))
        return bool(self._number(kind)) if kind == "b" else self._number(kind)

    def _items(self, size: int, kind: str) -> Iterator[Any]:
        self.align(_alignment(kind))
        end = self._at + size
        while self._at < end:
            yield self.take(kind)

    def _number(self, kind: str) -> Any:
        layout = self.order + _FIXED[kind]
        (value,) = struct.unpack_from(layout, self._data, self._at)
        self._at += struct.calcsize(layout)
        return value

    def _text(self, size: int) -> str:
        start, self._at = self._at, self._at + size + 1
        return self._data[start : start + size].decode()


def _put(out: bytearray, kind: str, value: Any) -> None:
    _align(out, _alignment(kind))
    match kind[0]:
        case "s" | "o" | "g":
            text = value.encode()
            out += (bytes([len(text)]) if kind == "g" else struct.pack("<I", len(text))) + text + b"\0"
        case "v":
            signature, inner = value
            _put(out, "g", signature)
            _put(out, signature, inner)
        case "a":
            _put_array(out, kind[1:], list(value.items()) if kind[1] == "{" else value)
        case "(" | "{":
            for each, part in zip(_split(kind[1:-1]), value, strict=True):
                _put(out, each, part)
        case _:
            out += struct.pack("<" + _FIXED[kind], value)


def _put_array(out: bytearray, kind: str, items: list[Any]) -> None:
    """Its size does not count the gap before the first item."""
    at = len(out)
    out += bytes(4)
    _align(out, _alignment(kind))
    start = len(out)
    for item in items:
        _put(out, kind, item)
    struct.pack_into("<I", out, at, len(out) - start)


def _align(out: bytearray, size: int) -> None:
    out += bytes(-len(out) % size)


def _alignment(kind: str) -> int:
    return _BASE.get(kind[0]) or struct.calcsize(_FIXED[kind[0]])


def _split(signature: str) -> list[str]:
    """`sa{sv}` is s and a{sv}."""
    found, at = [], 0
    while at < len(signature):
        end = _end(signature, at)
        found.append(signature[at:end])
        at = end
    return found


def _end(signature: str, at: int) -> int:
    while signature[at] == "a":
        at += 1
    if signature[at] not in "({":
        return at + 1
    at += 1
    while signature[at] not in ")}":
        at = _end(signature, at)
    return at + 1
