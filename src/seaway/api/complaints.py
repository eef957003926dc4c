"""What is wrong with a JSON body, in Go's words: clients show them, and tests match them. Pure."""

import json
import re
from typing import Any, NoReturn, get_args, get_origin

import msgspec

from seaway.base.errors import InvalidParameter
from seaway.base.gosyntax import syntax_error

_MISTYPED = re.compile(r"Expected `(?P<want>[^`]*)`, got `(?P<got>[^`]*)`(?: - at `(?P<path>[^`]*)`)?")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")
_GO_KINDS = {"str": "string", "int": "number", "float": "number", "bool": "bool", "object": "object", "array": "array"}
_GO_TYPES = {str: "string", int: "int64", float: "float64", bool: "bool"}


def explain_syntax(text: str) -> NoReturn:
    if not text.strip():
        raise InvalidParameter("invalid JSON: got EOF while reading request body")
    if fault := _syntax_fault(text):
        raise InvalidParameter(f"invalid JSON: {fault}")
    raise InvalidParameter("unexpected content after JSON")


def refused_json(failure: Exception, data: bytes, wanted: Any) -> str:
    """Go's sentence about JSON, no request's body, that could not be read as a `wanted`."""
    if isinstance(failure, msgspec.ValidationError):
        return mistyped(str(failure), wanted, data)
    text = data.decode(errors="replace")
    return _syntax_fault(text) or str(failure) if text.strip() else "EOF"


def _syntax_fault(text: str) -> str:
    """Empty where a value can be read: what is wrong is behind it."""
    start = len(text) - len(text.lstrip())
    try:
        json.JSONDecoder(parse_constant=_no_constant).raw_decode(text, start)
    except json.JSONDecodeError as error:
        return syntax_error(text, error)
    except (ValueError, RecursionError) as error:
        return str(error)
    return ""


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"invalid character {name[:1]!r} looking for beginning of value")


def mistyped(complaint: str, wanted: Any, data: bytes = b"") -> str:
    """msgspec's complaint -> Go's sentence about the same field."""
    found = _MISTYPED.match(complaint)
    if not found:
        return complaint
    kind = _GO_KINDS.get(found["got"], found["got"])
    steps = [name or index for name, index in _STEP.findall(found["path"] or "")]
    if found["got"] == "float" and (literal := _literal(data, steps)):
        kind = f"number {literal}"
    if not steps:
        return f"json: cannot unmarshal {kind} into Go value of type {go_type(wanted)}"
    names = ".".join(step for step in steps if not step.isdecimal() and step != "...")
    target = go_type(_type_at(wanted, steps))
    return f"json: cannot unmarshal {kind} into Go struct field {go_type(wanted)}.{names} of type {target}"


def go_type(wanted: Any) -> str:
    """`list[str]` -> `[]string`. A struct may carry the name that Go's has as GO_NAME."""
    options = [a for a in get_args(wanted) if a is not type(None)] if _is_union(wanted) else [wanted]
    origin, args = get_origin(options[0]) or options[0], get_args(options[0])
    if origin in (list, tuple):
        return f"[]{go_type(args[0])}" if args else "[]interface {}"
    if origin is dict:
        return f"map[string]{go_type(args[1])}" if args else "map[string]interface {}"
    return _GO_TYPES.get(origin) or str(getattr(origin, "GO_NAME", getattr(origin, "__name__", "interface {}")))


def _is_union(wanted: Any) -> bool:
    return bool(get_args(wanted)) and get_origin(wanted) not in (list, tuple, dict)


def _type_at(wanted: Any, steps: list[str]) -> Any:
    for step in steps:
        options = get_args(wanted) if _is_union(wanted) else (wanted,)
        wanted = next((found for option in options if (found := _inner(option, step)) is not None), str)
    return wanted


def _inner(option: Any, step: str) -> Any:
    """The type of an object's field, a list's element or a map's value; None where there is none."""
    if isinstance(option, type) and issubclass(option, msgspec.Struct):
        return next((f.type for f in msgspec.structs.fields(option) if f.encode_name == step), None)
    args = get_args(option)
    return args[-1] if args and args[-1] is not Ellipsis else next(iter(args), None)


def _literal(data: bytes, steps: list[str]) -> str:
    """How a number stands in the body; "" behind a map's key, which the complaint does not tell."""
    try:
        value = json.loads(data, parse_float=str, parse_int=str) if data else None
    except ValueError:
        return ""
    for step in steps:
        if isinstance(value, dict):
            value = next((v for k, v in value.items() if k.lower() == step.lower()), None)
        elif isinstance(value, list) and step.isdecimal():
            value = value[int(step)]
    return value if isinstance(value, str) else ""
