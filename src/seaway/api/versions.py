"""Which API version a request speaks. Its prefix decides; without one it speaks our newest."""

from functools import lru_cache
from typing import NamedTuple

from seaway.base.errors import InvalidParameter


class Version(NamedTuple):
    """Compares as numbers: 1.9 is older than 1.24."""

    major: int
    minor: int = 0
    patch: int = 0

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}" + (f".{self.patch}" if self.patch else "")


MIN_VERSION = Version(1, 24)
OLDEST_VERSION = Version(1, 22)
"""What an administrator may go back to: skopeo and others of containers/image speak it to every engine."""
MAX_VERSION = Version(1, 51)


_DIGITS = 18


class ClientTooNew(InvalidParameter):
    pass


class ClientTooOld(InvalidParameter):
    pass


def parse_version(text: str) -> Version:
    """`1.41` -> Version; a part that is no number counts as zero, as in dockerd."""
    return Version(*(_number(part) for part in text.split(".")[:3]))


def _number(part: str) -> int:
    # A path may hold a million digits, which int() refuses.
    return int(part[:_DIGITS]) if part.isascii() and part.isdecimal() else 0


@lru_cache(maxsize=64)
def negotiate(prefix: str | None, minimum: Version = MIN_VERSION, maximum: Version = MAX_VERSION) -> Version:
    """The digits of a path prefix (`1.41` of `/v1.41/info`) -> the version to speak."""
    if not prefix:
        return maximum
    asked = parse_version(prefix)
    if asked > maximum:
        raise ClientTooNew(
            f"client version {prefix} is too new. Maximum supported API version is {maximum}",
        )
    if asked < minimum:
        raise ClientTooOld(
            f"client version {prefix} is too old. Minimum supported API version is {minimum}, "
            "please upgrade your client to a newer version"
        )
    return asked
