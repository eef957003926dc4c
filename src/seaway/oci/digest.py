"""Digests: `algorithm:hex` of the stored bytes. Error texts are go-digest's, which clients see."""

import hashlib
import re

from seaway.base.errors import InvalidParameter

_FORM = re.compile(r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+")
_HEX = re.compile(r"[a-f0-9]+")
_HEX_LENGTHS = {"sha256": 64, "sha384": 96, "sha512": 128}


class InvalidDigest(InvalidParameter):
    pass


class Digest(str):
    """A digest that was parsed or computed: `parse_digest` and `sha256_of` make them."""

    __slots__ = ()

    @property
    def algorithm(self) -> str:
        return self.partition(":")[0]

    @property
    def hex(self) -> str:
        return self.partition(":")[2]

    @property
    def short(self) -> str:
        """The 12 digits that people see."""
        return self.hex[:12]


def parse_digest(text: str) -> Digest:
    if not _FORM.fullmatch(text):
        raise InvalidDigest("invalid checksum digest format")
    algorithm, _, encoded = text.partition(":")
    length = _HEX_LENGTHS.get(algorithm)
    if length is None:
        raise InvalidDigest("unsupported digest algorithm")
    if len(encoded) != length:
        raise InvalidDigest("invalid checksum digest length")
    if not _HEX.fullmatch(encoded):
        raise InvalidDigest("invalid checksum digest format")
    return Digest(text)


def is_digest(text: str) -> bool:
    try:
        parse_digest(text)
    except InvalidDigest:
        return False
    return True


def sha256_of(data: bytes) -> Digest:
    return Digest(f"sha256:{hashlib.sha256(data).hexdigest()}")


def digest_of(algorithm: str, data: bytes) -> Digest:
    """With one of the algorithms that `parse_digest` admits."""
    return Digest(f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}")
