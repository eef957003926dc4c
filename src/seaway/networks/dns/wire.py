"""The little of DNS's wire format that every query needs; whole messages are dnspython's. Garbage raises FormError."""

import struct
from dataclasses import dataclass

HEADER_BYTES = 12
OPT, SOA = 41, 6
RESPONSE, TRUNCATED, OPCODE = 0x80, 0x02, 0x78
POINTER = 0xC0
_COUNTS, _FIXED, _U32 = struct.Struct("!4H"), struct.Struct("!HHIH"), struct.Struct("!I")


class FormError(Exception):
    """What came is no DNS query."""


@dataclass(frozen=True, slots=True)
class Question:
    """`name` in lower case and without the last dot; `end` is where the message goes on behind it."""

    name: str
    kind: int
    end: int


@dataclass(frozen=True, slots=True)
class TTL:
    at: int
    value: int


def parse_question(query: bytes) -> Question:
    """Of an ordinary query with one question."""
    if len(query) < HEADER_BYTES or query[2] & (RESPONSE | OPCODE) or query[4:6] != b"\x00\x01":
        raise FormError
    labels, at = [], HEADER_BYTES
    try:
        while length := query[at]:
            if length >= POINTER:
                raise FormError
            labels.append(query[at + 1 : at + 1 + length])
            at += length + 1
        kind, _class = struct.unpack_from("!HH", query, at + 1)
    except (IndexError, struct.error) as garbage:
        raise FormError from garbage
    return Question(b".".join(labels).decode("latin-1").lower(), kind, at + 5)


def is_plain(query: bytes, question: Question) -> bool:
    """Nothing behind the question but an OPT record without options: whoever asks the same gets the same answer."""
    rest = query[question.end :]
    counts = query[6:HEADER_BYTES]
    if not rest:
        return counts == bytes(6)
    return counts == b"\0\0\0\0\0\x01" and len(rest) == 11 and rest[:3] == b"\0\0\x29" and rest[9:] == b"\0\0"


def lifetime(answer: bytes) -> tuple[int, list[TTL]]:
    """For how many seconds the answer holds, 0 for not at all, and where its TTLs are. RFC 2308: that a name or a type
    does not exist holds as long as the SOA beside it says."""
    try:
        return _lifetime(answer)
    except (IndexError, struct.error) as garbage:
        raise FormError from garbage


def _lifetime(answer: bytes) -> tuple[int, list[TTL]]:
    questions, answers, authorities, more = _COUNTS.unpack_from(answer, 4)
    at = HEADER_BYTES
    for _ in range(questions):
        at = _skip_name(answer, at) + 4
    found: list[TTL] = []
    limits = []
    for number in range(answers + authorities + more):
        at = _skip_name(answer, at)
        kind, _class, value, length = _FIXED.unpack_from(answer, at)
        if kind != OPT:
            found.append(TTL(at + 4, value))
        at += _FIXED.size + length
        if number < answers:
            limits.append(value)
        elif kind == SOA and not answers:
            limits.append(min(value, _U32.unpack_from(answer, at - _U32.size)[0]))
    if at > len(answer):
        raise FormError
    return min(limits, default=0), found


def _skip_name(data: bytes, at: int) -> int:
    while length := data[at]:
        if length >= POINTER:
            return at + 2
        at += length + 1
    return at + 1
