"""The `platform` of a query: `linux/arm64` where an image is made or fetched, JSON where one is chosen."""

import msgspec

from seaway.api.request import Request
from seaway.api.versions import Version
from seaway.base import gojson
from seaway.base.errors import InvalidParameter
from seaway.oci.platform import Platform, parse_platform


class UnclearPlatform(InvalidParameter):
    pass


class _Platform(msgspec.Struct, frozen=True):
    os: str = ""
    architecture: str = ""
    variant: str = ""
    os_version: str = msgspec.field(default="", name="os.version")


def spelled_platform(request: Request, since: Version = Version(1, 32)) -> Platform | None:
    """Older clients than `since` cannot mean it."""
    text = request.text("platform") if request.version >= since else ""
    return parse_platform(text) if text else None


def chosen_platform(request: Request, since: Version) -> Platform | None:
    text = request.text("platform") if request.version >= since else ""
    return _decode(text) if text else None


def chosen_platforms(request: Request, since: Version) -> Platform | None:
    """The one of a list, for an image here is of one platform."""
    texts = request.texts("platforms") if request.version >= since else []
    if len(texts) > 1:
        raise UnclearPlatform("multiple platforms are not supported")
    return _decode(texts[0]) if texts else None


def _decode(text: str) -> Platform:
    try:
        wire = gojson.decode(text.encode(), _Platform)
    except msgspec.DecodeError as failure:
        raise UnclearPlatform(f"failed to parse platform: {failure}") from failure
    if not (wire.os or wire.architecture) and (wire.variant or wire.os_version):
        raise UnclearPlatform("optional platform fields provided, but OS and Architecture are missing")
    if not (wire.os and wire.architecture):
        raise UnclearPlatform("both OS and Architecture must be provided")
    return Platform(wire.os, wire.architecture, wire.variant, wire.os_version)
