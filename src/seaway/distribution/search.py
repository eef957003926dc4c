"""`docker search`: the index that belongs to a registry, over the old v1 API, which Docker Hub still answers."""

from dataclasses import dataclass
from urllib.parse import quote_plus

import msgspec

from seaway.base import gojson
from seaway.base.errors import EngineError, InvalidParameter, SystemFailure
from seaway.base.filters import Filters
from seaway.distribution.auth import Credentials
from seaway.distribution.endpoints import RegistryConfig
from seaway.distribution.errors import RegistryUnreachable
from seaway.distribution.resolve import endpoints_of
from seaway.distribution.session import RegistrySession
from seaway.distribution.transport import transport
from seaway.oci.reference import DEFAULT_DOMAIN, LEGACY_DOMAIN, OFFICIAL_PREFIX

FILTERS = frozenset({"is-automated", "is-official", "stars"})
DEFAULT_LIMIT, LARGEST_LIMIT = 25, 100


class InvalidSearch(InvalidParameter):
    pass


class SearchFailed(SystemFailure):
    pass


class Found(msgspec.Struct, frozen=True):
    star_count: int = 0
    is_official: bool = False
    name: str = ""
    is_automated: bool = False
    description: str = ""


class _Answer(msgspec.Struct, frozen=True):
    results: tuple[Found, ...] = ()


@dataclass(frozen=True, slots=True)
class Search:
    """`index` is the host to ask."""

    index: str
    term: str
    limit: int
    stars: int
    is_official: bool | None
    wants_automated: bool


def plan_search(term: str, limit: int, filters: Filters) -> Search:
    """Raises InvalidSearch, InvalidFilter."""
    filters.validate(FILTERS)
    if "://" in term:
        raise InvalidSearch(f"invalid repository name: repository name ({term}) should not have a scheme")
    if not 0 <= limit <= LARGEST_LIMIT:
        raise InvalidSearch(f"limit {limit} is outside the range of [1, {LARGEST_LIMIT}]")
    index, name = _split(term)
    return Search(
        index,
        name,
        limit or DEFAULT_LIMIT,
        max((_stars(text) for text in filters.get("stars")), default=0),
        filters.flag("is-official") if "is-official" in filters else None,
        filters.flag("is-automated"),
    )


async def search(wanted: Search, config: RegistryConfig, auth: Credentials | None) -> list[Found]:
    """Raises RegistryUnreachable, SearchFailed. Nothing is automated any more, whatever an index says."""
    if wanted.wants_automated:
        return []
    results = await _ask(wanted, config, auth)
    return [
        msgspec.structs.replace(found, is_automated=False)
        for found in results
        if found.star_count >= wanted.stars and wanted.is_official in (None, found.is_official)
    ]


async def _ask(wanted: Search, config: RegistryConfig, auth: Credentials | None) -> tuple[Found, ...]:
    failure: EngineError = SearchFailed(f"no endpoints found for {wanted.index}")
    async with transport(config) as http:
        for endpoint in await endpoints_of(wanted.index, config):
            if endpoint.is_mirror:
                continue
            url = f"https://{LEGACY_DOMAIN}" if wanted.index == DEFAULT_DOMAIN else endpoint.url
            session = RegistrySession(http, endpoint, auth)
            try:
                status, body = await session.get_v1(f"{url}/v1/search?q={quote_plus(wanted.term)}&n={wanted.limit}")
            except RegistryUnreachable as caught:
                failure = caught
                continue
            if status != 200:
                raise SearchFailed(f"Unexpected status code {status}")
            try:
                return gojson.decode(body, _Answer).results
            except msgspec.DecodeError as bad:
                raise SearchFailed(f"error decoding registry search results: {bad}") from bad
    raise failure


def _split(term: str) -> tuple[str, str]:
    """The host and what to look for there; without a host it is Docker Hub, where `library/x` is `x`."""
    first, slash, rest = term.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        if first not in (DEFAULT_DOMAIN, LEGACY_DOMAIN):
            return first, rest
        term = rest
    return DEFAULT_DOMAIN, term.removeprefix(OFFICIAL_PREFIX)


def _stars(text: str) -> int:
    if not (text.isascii() and text.removeprefix("-").isdecimal()):
        raise InvalidSearch(f"invalid filter 'stars={text}'")
    return int(text)
