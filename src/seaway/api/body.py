"""JSON bodies, refused in dockerd's words."""

import re
from typing import TypeVar

import msgspec
from aiohttp import web

from seaway.api.complaints import explain_syntax, mistyped
from seaway.api.protocol import BodyCutOff
from seaway.base import gojson
from seaway.base.errors import InvalidParameter
from seaway.kernel import worker

T = TypeVar("T")

# Parsing more than this is kept off the event loop: no client's configuration comes near.
PARSED_AT_ONCE = 1 << 20

_NAME = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_MEDIA_TYPE = re.compile(rf"({_NAME})?(/)?({_NAME})?(.*)", re.DOTALL)
_PARAMETER = re.compile(rf'\s*{_NAME}=({_NAME}|"(?:[^"\\]|\\.)*")\s*')


async def read_json(request: web.BaseRequest, wanted: type[T], *, required: bool) -> T:
    """The body as a `wanted`. An empty body is an empty object, but for a chunked one and where one is `required`."""
    has_body = request.body_exists and request.content_length != 0
    check_content_type(request.headers.get("Content-Type", ""), has_body=has_body)
    if not has_body and not required:
        return gojson.convert({}, wanted)
    body = await _read_all(request) if has_body else b""
    if len(body) > PARSED_AT_ONCE:
        return await worker.run_blocking(parse_json, body, wanted)
    return parse_json(body, wanted)


async def _read_all(request: web.BaseRequest) -> bytes:
    pieces = []
    try:
        while piece := await request.content.readany():
            pieces.append(piece)
    except BodyCutOff as failure:
        raise InvalidParameter(f"invalid JSON: {failure}") from failure
    return b"".join(pieces)


def check_content_type(value: str, *, has_body: bool) -> None:
    if not value and not has_body:
        return
    mime, *parameters = value.split(";")
    mime = mime.strip().lower()
    if fault := _media_type_fault(mime) or _parameter_fault(parameters):
        raise InvalidParameter(f"malformed Content-Type header ({value}): mime: {fault}")
    if mime != "application/json":
        raise InvalidParameter(f"unsupported Content-Type header ({value}): must be 'application/json'")


def _media_type_fault(mime: str) -> str:
    found = _MEDIA_TYPE.match(mime)
    kind, slash, subtype, rest = found.groups() if found else ("", "", "", "")
    if not kind:
        return "no media type"
    if kind == mime:
        return ""
    if not slash:
        return "expected slash after first token"
    if not subtype:
        return "expected token after slash"
    return "unexpected content after media subtype" if rest else ""


def _parameter_fault(parameters: list[str]) -> str:
    """A trailing semicolon is no fault."""
    if parameters and not parameters[-1].strip():
        parameters = parameters[:-1]
    return "" if all(_PARAMETER.fullmatch(p) for p in parameters) else "invalid media parameter"


def parse_json(data: bytes, wanted: type[T]) -> T:
    try:
        return gojson.decode(data, wanted)
    except msgspec.ValidationError as mismatch:
        raise InvalidParameter(f"invalid JSON: {mistyped(str(mismatch), wanted, data)}") from mismatch
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        explain_syntax(data.decode(errors="replace"))
