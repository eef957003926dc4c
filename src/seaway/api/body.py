"""JSON bodies, refused in dockerd's words."""

import json
import re
from typing import Any, NoReturn, TypeVar

import msgspec
from aiohttp import web

from seaway.base import gojson
from seaway.base.errors import InvalidParameter
from seaway.base.gosyntax import syntax_error

T = TypeVar("T")

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+(/[!#$%&'*+\-.^_`|~0-9A-Za-z]+)?$")
_MISTYPED = re.compile(r"Expected `(?P<want>[^`]*)`, got `(?P<got>[^`]*)`(?: - at `(?P<path>[^`]*)`)?")
_GO_KINDS = {"str": "string", "int": "number", "float": "number", "bool": "bool", "object": "object", "array": "array"}
_GO_TYPES = {"str": "string", "int": "int64", "float": "float64", "bool": "bool"}


async def read_json(request: web.BaseRequest, wanted: type[T], empty: T | None = None) -> T:
    """The body as a `wanted`; an empty body (not a chunked one) gives `empty`, or is refused where that is None."""
    has_body = request.body_exists and request.content_length != 0
    check_content_type(request.headers.get("Content-Type", ""), has_body=has_body)
    if not has_body and empty is not None:
        return empty
    return parse_json(await request.content.read() if has_body else b"", wanted)


def check_content_type(value: str, *, has_body: bool) -> None:
    if not value and not has_body:
        return
    mime = value.partition(";")[0].strip().lower()
    if not mime:
        raise InvalidParameter(f"malformed Content-Type header ({value}): mime: no media type")
    if not _TOKEN.match(mime):
        raise InvalidParameter(f"malformed Content-Type header ({value}): mime: expected token after slash")
    if mime != "application/json":
        raise InvalidParameter(f"unsupported Content-Type header ({value}): must be 'application/json'")


def parse_json(data: bytes, wanted: type[T]) -> T:
    try:
        return gojson.decode(data, wanted)
    except msgspec.ValidationError as mismatch:
        raise InvalidParameter(f"invalid JSON: {mistyped(str(mismatch), wanted)}") from mismatch
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        _explain(data.decode(errors="replace"))


def _explain(text: str) -> NoReturn:
    if not text.strip():
        raise InvalidParameter("invalid JSON: got EOF while reading request body")
    start = len(text) - len(text.lstrip())
    try:
        json.JSONDecoder(parse_constant=_no_constant).raw_decode(text, start)
    except json.JSONDecodeError as error:
        raise InvalidParameter(f"invalid JSON: {syntax_error(text, error)}") from error
    except (ValueError, RecursionError) as error:
        raise InvalidParameter(f"invalid JSON: {error}") from error
    raise InvalidParameter("unexpected content after JSON")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"invalid character {name[:1]!r} looking for beginning of value")


def mistyped(complaint: str, wanted: Any) -> str:
    """msgspec's complaint -> Go's sentence about the same field."""
    found = _MISTYPED.match(complaint)
    if not found:
        return complaint
    kind = _GO_KINDS.get(found["got"], found["got"])
    target = _GO_TYPES.get(found["want"].removesuffix(" | null"), found["want"])
    path = (found["path"] or "$").removeprefix("$").removeprefix(".")
    if not path:
        return f"json: cannot unmarshal {kind} into Go value of type {getattr(wanted, '__name__', target)}"
    return (
        f"json: cannot unmarshal {kind} into Go struct field {getattr(wanted, '__name__', '')}.{path} of type {target}"
    )
