"""JSON as Go's encoding/json reads and writes it, so that no other module has to know its leniency.

Reading: any key case, unknown keys ignored, null means the zero value. Writing: sorted map keys are the caller's
matter; `<`, `>` and `&` are escaped as Go does where `escape_html` is asked for.
"""

import re
from functools import lru_cache
from typing import Any, TypeVar, get_args, get_origin

import msgspec

T = TypeVar("T")
_SURROGATE = re.compile("[\ud800-\udfff]")


@lru_cache(maxsize=512)
def _fields(struct: type[msgspec.Struct]) -> dict[str, tuple[str, Any]]:
    return {f.encode_name.lower(): (f.encode_name, f.type) for f in msgspec.structs.fields(struct)}


@lru_cache(maxsize=2048)
def _options(wanted: Any) -> tuple[Any, ...]:
    """The members of a union without None, or the type itself."""
    args = get_args(wanted)
    if get_origin(wanted) in (list, tuple, dict, set, frozenset) or not args:
        return (wanted,)
    return tuple(a for a in args if a is not type(None))


def normalise(value: Any, wanted: Any) -> Any:
    """Rename keys to the struct's spelling and drop nulls, so that msgspec's strict conversion applies."""
    if not value or not isinstance(value, (dict, list)):
        return value
    for option in _options(wanted):
        origin = get_origin(option) or option
        if isinstance(value, dict) and isinstance(origin, type) and issubclass(origin, msgspec.Struct):
            return _normalise_struct(value, origin)
        if isinstance(value, dict) and origin is dict:
            inner = get_args(option)[1] if get_args(option) else Any
            nullable = _admits_none(inner)
            return {k: normalise(v, inner) if v is not None or nullable else _zero(inner) for k, v in value.items()}
        if isinstance(value, list) and origin in (list, tuple):
            inner = get_args(option)[0] if get_args(option) else Any
            nullable = _admits_none(inner)
            return [normalise(v, inner) if v is not None or nullable else _zero(inner) for v in value]
    return value


def _zero(wanted: Any) -> Any:
    origin = get_origin(wanted) or wanted
    if origin in (dict, list, tuple, str, int, bool):
        return origin()
    return {}


def _admits_none(wanted: Any) -> bool:
    return wanted is Any or type(None) in get_args(wanted)


def _normalise_struct(value: dict[str, Any], struct: type[msgspec.Struct]) -> dict[str, Any]:
    fields, result = _fields(struct), {}
    for key, item in value.items():
        known = fields.get(key.lower())
        if known and item is not None:
            result[known[0]] = normalise(item, known[1]) if isinstance(item, (dict, list)) else _sized(item)
    return result


def _sized(value: Any) -> Any:
    """Go's integers have 64 bits: a longer number is none."""
    return float(value) if isinstance(value, int) and not -(2**63) <= value < 2**63 else value


def convert(value: Any, wanted: type[T]) -> T:
    """A parsed JSON value -> a Struct. Raises msgspec.ValidationError."""
    return msgspec.convert(normalise({} if value is None else value, wanted), wanted, strict=True)


def decode(data: bytes | str, wanted: type[T]) -> T:
    """Raises msgspec.DecodeError (syntax) or msgspec.ValidationError (its subclass: types)."""
    return convert(_parsed(data), wanted)


def _parsed(data: bytes | str) -> Any:
    """Bytes that are no UTF-8 are U+FFFD."""
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        text = data.decode(errors="replace") if isinstance(data, bytes) else data
        if "\ufffd" not in text:
            raise
        return msgspec.json.decode(text)


def encode(value: Any, *, escape_html: bool = False) -> bytes:
    """A byte of a file's name that is not UTF-8 becomes U+FFFD."""
    try:
        data = msgspec.json.encode(value)
    except UnicodeEncodeError:
        data = msgspec.json.encode(_replace_surrogates(msgspec.to_builtins(value)))
    if escape_html:
        data = data.replace(b"<", b"\\u003c").replace(b">", b"\\u003e").replace(b"&", b"\\u0026")
    return data


def _replace_surrogates(value: Any) -> Any:
    match value:
        case str():
            return _SURROGATE.sub("\ufffd", value)
        case dict():
            return {_replace_surrogates(key): _replace_surrogates(each) for key, each in value.items()}
        case list() | tuple():
            return [_replace_surrogates(each) for each in value]
    return value
