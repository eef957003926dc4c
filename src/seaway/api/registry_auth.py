"""`X-Registry-Auth`: who asks, as the docker command sends it along with a pull or a push."""

import base64
import binascii
from collections.abc import Mapping
from typing import TypeVar

import msgspec

from seaway.api.complaints import refused_json
from seaway.base import gojson
from seaway.base.errors import InvalidParameter, with_prefix
from seaway.distribution.auth import Credentials
from seaway.distribution.endpoints import MetaHeaders

HEADER = "X-Registry-Auth"
_ENCODING = "must be a valid base64url-encoded AuthConfig"
T = TypeVar("T")


class InvalidRegistryAuth(InvalidParameter):
    pass


class AuthConfig(msgspec.Struct, frozen=True, rename="lower"):
    username: str = ""
    password: str = ""
    auth: str = ""
    serveraddress: str = ""
    identitytoken: str = ""
    registrytoken: str = ""

    def credentials(self) -> Credentials | None:
        """None for who is nobody: `auth` is the old form of the first two."""
        username, password = self.username, self.password
        if self.auth and not username:
            username, _, password = _decoded(self.auth.encode()).decode(errors="replace").partition(":")
        found = Credentials(username, password.rstrip("\0"), self.identitytoken, self.registrytoken)
        return None if found == Credentials() else found


def meta_headers(headers: Mapping[str, str]) -> MetaHeaders:
    """Those that the client wants the registry to have."""
    return tuple((name, value) for name, value in headers.items() if name.lower().startswith("x-meta-"))


def parse_registry_auth(header: str) -> AuthConfig:
    """Base64url of JSON, padded or not; an empty one is nobody's. Raises InvalidRegistryAuth."""
    if not header:
        return AuthConfig()
    return _parse(header, AuthConfig)


def lenient_credentials(header: str) -> Credentials | None:
    """A pull does not mind a header that means nothing."""
    try:
        return parse_registry_auth(header).credentials()
    except InvalidRegistryAuth:
        return None


def parse_credentials_body(body: bytes) -> Credentials | None:
    """The old place for them: the body of a push. Raises InvalidRegistryAuth."""
    try:
        return _read(body, AuthConfig).credentials()
    except InvalidRegistryAuth as failure:
        raise with_prefix("bad parameters and missing X-Registry-Auth: ", failure) from failure


def _parse(header: str, wanted: type[T]) -> T:
    return _read(_decoded(header.encode()), wanted)


def _read(data: bytes, wanted: type[T]) -> T:
    try:
        return gojson.decode(data, wanted)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as failure:
        raise InvalidRegistryAuth(f"invalid X-Registry-Auth header: {refused_json(failure, data, wanted)}") from failure


def _decoded(text: bytes) -> bytes:
    standard = text.translate(bytes.maketrans(b"-_", b"+/"))
    try:
        return base64.b64decode(standard + b"=" * (-len(standard) % 4), validate=True)
    except binascii.Error as failure:
        raise InvalidRegistryAuth(f"invalid X-Registry-Auth header: {_ENCODING}") from failure
