"""A request as handlers see it: its version, path variables and query read as dockerd reads them."""

from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import parse_qs

from aiohttp import web

from seaway.api.body import read_json
from seaway.api.versions import MAX_VERSION, Version
from seaway.base.errors import InvalidParameter
from seaway.base.filters import Filters, parse_filters

T = TypeVar("T")

MAX_DIGITS = 64

_FALSE = {"", "0", "no", "false", "none"}


class Request:
    def __init__(
        self, http: web.BaseRequest, variables: Mapping[str, str] | None = None, version: Version = MAX_VERSION
    ) -> None:
        self.http, self.variables, self.version = http, variables or {}, version

    @property
    def engine_headers(self) -> dict[str, str]:
        """What the reply says of the engine, where it is not HTTP's to say."""
        return getattr(self.http, "engine_headers", None) or {}

    def __getitem__(self, variable: str) -> str:
        return self.variables[variable]

    def text(self, name: str, default: str = "") -> str:
        return self.http.query.get(name, default)

    def file_name(self, name: str) -> str:
        """A path, whose bytes need not be UTF-8: as `os.fsdecode` has it. "" where it is absent."""
        raw = self.http.rel_url.raw_query_string
        return parse_qs(raw, errors="surrogateescape", keep_blank_values=True).get(name, [""])[0]

    def texts(self, name: str) -> list[str]:
        return self.http.query.getall(name, [])

    def has(self, name: str) -> bool:
        return name in self.http.query

    def flag(self, name: str, *, default: bool = False) -> bool:
        """`?all=1`, `?all=true`, `?all=anything`; the default holds only where the parameter is absent."""
        if name not in self.http.query:
            return default
        return self.http.query[name].strip().lower() not in _FALSE

    def integer(self, name: str, default: int | None = None) -> int | None:
        """The default where it is absent or empty."""
        value = self.text(name)
        return parse_int(value, "Atoi") if value else default

    def filters(self) -> Filters:
        return parse_filters(self.text("filters"))

    async def json(self, wanted: type[T], *, required: bool = False) -> T:
        """The body. An empty one is an empty object, or is refused where one is `required`."""
        return await read_json(self.http, wanted, required=required)


def parse_int(text: str, function: str = "ParseInt") -> int:
    """`function` is the one that Go's complaint names."""
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not (digits.isascii() and digits.isdecimal()):
        raise InvalidParameter(f'strconv.{function}: parsing "{text}": invalid syntax')
    number = int(text[:MAX_DIGITS])
    if len(text) > MAX_DIGITS or not -(2**63) <= number < 2**63:
        raise InvalidParameter(f'strconv.{function}: parsing "{text}": value out of range')
    return number
