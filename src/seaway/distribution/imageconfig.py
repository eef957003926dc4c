"""The config of an image in a registry: fetched, verified, and asked which layers it is made of."""

import msgspec

from seaway.base import gojson
from seaway.base.errors import SystemFailure
from seaway.distribution.client import Repository
from seaway.distribution.errors import UnsupportedImage
from seaway.oci.digest import Digest, digest_of, parse_digest
from seaway.oci.manifest import Descriptor

CONFIG_LIMIT = 8 << 20


class InvalidImage(SystemFailure):
    pass


async def fetch_config(repository: Repository, config: Descriptor) -> bytes:
    data = bytearray()
    async with repository.blob(config.digest) as body:
        async for chunk in body.chunks():
            data += chunk
            if len(data) > CONFIG_LIMIT:
                raise InvalidImage(f"image config of more than {CONFIG_LIMIT} bytes")
    if digest_of(config.digest.algorithm, bytes(data)) != config.digest:
        raise InvalidImage(f"image config verification failed for digest {config.digest}")
    return bytes(data)


class _RootFS(msgspec.Struct, frozen=True):
    diff_ids: tuple[str, ...] = ()


class _Config(msgspec.Struct, frozen=True):
    os: str = ""
    rootfs: _RootFS | None = None


def parse_diff_ids(config: bytes) -> tuple[Digest, ...]:
    """The stack that a config names, base first. Raises where no image of ours could come of it."""
    try:
        image = gojson.decode(config, _Config)
    except msgspec.DecodeError as failure:
        raise InvalidImage(f"invalid image configuration: {failure}") from failure
    if image.rootfs is None:
        raise InvalidImage("invalid rootfs in image configuration")
    if image.os not in ("", "linux"):
        raise UnsupportedImage(f'image operating system "{image.os}" cannot be used on this platform')
    return tuple(parse_digest(text) for text in image.rootfs.diff_ids)
