"""Authentication: challenges parsed, tokens asked for. The parsing is pure; `client` does the asking."""

import base64
import re
from dataclasses import dataclass
from types import MappingProxyType

import msgspec

from seaway.base import gojson
from seaway.base.errors import InvalidParameter

_SCHEME = re.compile(r"\s*([A-Za-z]+)\s+")
_PARAMETER = re.compile(r'\s*([A-Za-z_]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))\s*,?')
CLIENT_ID = "docker"
MINIMUM_LIFETIME_S = 60
EARLY_S = 10


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the client sent as X-Registry-Auth."""

    username: str = ""
    password: str = ""
    identity_token: str = ""
    registry_token: str = ""

    def basic(self) -> str:
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()


@dataclass(frozen=True, slots=True)
class Challenge:
    scheme: str
    """In lower case."""
    parameters: MappingProxyType[str, str]


class InvalidToken(InvalidParameter):
    pass


def parse_challenge(header: str) -> Challenge | None:
    """`Bearer realm="https://…",service="…",scope="…"`."""
    match = _SCHEME.match(header)
    if not match:
        return None
    found = _PARAMETER.findall(header[match.end() :])
    parameters = {key.lower(): re.sub(r"\\(.)", r"\1", quoted) or bare for key, quoted, bare in found}
    return Challenge(match[1].lower(), MappingProxyType(parameters))


def token_query(
    challenge: Challenge, scopes: tuple[str, ...], credentials: Credentials | None
) -> list[tuple[str, str]]:
    """The parameters of the GET to the realm. No scope means a log-in, which may earn an identity token."""
    query = [("scope", scope) for scope in scopes]
    if service := challenge.parameters.get("service"):
        query.append(("service", service))
    if credentials and credentials.username:
        query.append(("account", credentials.username))
        if not scopes:
            query += [("client_id", CLIENT_ID), ("offline_token", "true")]
    return query


def refresh_form(challenge: Challenge, scopes: tuple[str, ...], credentials: Credentials) -> dict[str, str]:
    """The form of the POST to the realm, for who logged in with an identity token."""
    form = {
        "grant_type": "refresh_token",
        "refresh_token": credentials.identity_token,
        "service": challenge.parameters.get("service", ""),
        "client_id": CLIENT_ID,
    }
    return form | ({"scope": " ".join(scopes)} if scopes else {})


@dataclass(frozen=True, slots=True)
class Token:
    value: str
    expires_at: float
    """In seconds since 1970; a little early, so that the answer can take its time."""
    refresh: str = ""


class _Token(msgspec.Struct, frozen=True):
    token: str = ""
    access_token: str = ""
    refresh_token: str = ""
    expires_in: int = 0


def parse_token(body: bytes, now: float) -> Token:
    try:
        wire = gojson.decode(body, _Token)
    except msgspec.DecodeError as failure:
        raise InvalidToken(f"unable to decode token response: {failure}") from failure
    if not (value := wire.access_token or wire.token):
        raise InvalidToken("authorization server did not include a token in the response")
    lifetime_s = max(wire.expires_in, MINIMUM_LIFETIME_S)
    return Token(value, now + lifetime_s - EARLY_S, wire.refresh_token)
