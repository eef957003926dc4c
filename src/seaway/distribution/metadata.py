"""Under which digests registries know our layers, in dockerd's files (`image/<driver>/distribution`).

    v2metadata-by-diffid/sha256/<diff ID>    [{"Digest":"sha256:…","SourceRepository":"docker.io/library/x","HMAC":"…"}]
    diffid-by-digest/sha256/<digest>         the diff ID

The newest entry is the last. The HMAC's key are the credentials with which a layer was pushed: who knows others cannot
tell by a mount that the repository has it. All of it is only a hint, which a registry confirms or not.
"""

import asyncio
import hashlib
import hmac
from collections.abc import Callable
from pathlib import Path

import msgspec

from seaway.base import gojson
from seaway.base.failpoints import failpoint
from seaway.distribution.auth import Credentials
from seaway.kernel.files import replace_file_lazily
from seaway.kernel.worker import run_blocking
from seaway.oci.digest import Digest

ENTRIES_LIMIT = 50


class KnownBlob(msgspec.Struct, frozen=True, omit_defaults=True):
    digest: str = msgspec.field(name="Digest")
    repository: str = msgspec.field(name="SourceRepository")
    hmac: str = msgspec.field(default="", name="HMAC")


class BlobMetadata:
    def __init__(self, root: Path) -> None:
        self._by_diff_id = root / "v2metadata-by-diffid"
        self._by_digest = root / "diffid-by-digest"
        self._changing = asyncio.Lock()

    async def known(self, diff_id: Digest) -> tuple[KnownBlob, ...]:
        return await run_blocking(self._read, diff_id)

    async def add(self, diff_id: Digest, blob: KnownBlob) -> None:
        async with self._changing:
            await run_blocking(_write, self._way_back(blob), diff_id.encode())
            failpoint("notes: half written")
            await run_blocking(self._change, diff_id, lambda old: (*(b for b in old if b != blob), blob))

    async def remove(self, diff_id: Digest, blob: KnownBlob) -> None:
        async with self._changing:
            await run_blocking(self._change, diff_id, lambda old: tuple(b for b in old if b != blob))

    def read(self, diff_id: Digest) -> tuple[KnownBlob, ...]:
        """Raises FileNotFoundError, msgspec.DecodeError."""
        return gojson.decode(self._path(diff_id).read_bytes(), tuple[KnownBlob, ...])

    def leads_back(self, blob: KnownBlob) -> bool:
        """Does the blob's digest have its diff ID?"""
        return self._way_back(blob).is_file()

    def _read(self, diff_id: Digest) -> tuple[KnownBlob, ...]:
        try:
            return self.read(diff_id)
        except (FileNotFoundError, msgspec.DecodeError):
            return ()

    def _change(self, diff_id: Digest, change: Callable[[tuple[KnownBlob, ...]], tuple[KnownBlob, ...]]) -> None:
        old = self._read(diff_id)
        if (new := change(old)) != old:
            _write(self._path(diff_id), gojson.encode(new[-ENTRIES_LIMIT:]))

    def _way_back(self, blob: KnownBlob) -> Path:
        return self._by_digest / blob.digest.replace(":", "/")

    def _path(self, diff_id: Digest) -> Path:
        return self._by_diff_id / diff_id.algorithm / diff_id.hex


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    replace_file_lazily(path, data)


class _Key(msgspec.Struct, omit_defaults=True, rename="lower"):
    username: str = ""
    password: str = ""
    identity_token: str = msgspec.field(default="", name="identitytoken")
    registry_token: str = msgspec.field(default="", name="registrytoken")


def signing_key(credentials: Credentials | None) -> bytes:
    """Empty for nobody, whose layers are not signed."""
    if credentials is None:
        return b""
    who = credentials
    fields = gojson.encode(_Key(who.username, who.password, who.identity_token, who.registry_token))
    return f"sha256:{hashlib.sha256(fields).hexdigest()}".encode()


def signed(blob: KnownBlob, key: bytes) -> KnownBlob:
    return msgspec.structs.replace(blob, hmac=_signature(blob, key)) if key else blob


def is_ours(blob: KnownBlob, key: bytes) -> bool:
    """Was it signed with this key?"""
    if not (blob.hmac and key):
        return not blob.hmac and not key
    return hmac.compare_digest(blob.hmac, _signature(blob, key))


def _signature(blob: KnownBlob, key: bytes) -> str:
    return hmac.new(key, f"{blob.digest}{blob.repository}".encode(), hashlib.sha256).hexdigest()


def mount_candidates(blobs: tuple[KnownBlob, ...], repository: str, key: bytes, limit: int) -> list[KnownBlob]:
    """Those of other repositories of the same registry, likeliest first: signed by us, then near, then new."""
    domain = repository.partition("/")[0]
    elsewhere = [b for b in blobs if b.repository != repository and b.repository.startswith(f"{domain}/")]
    usable = [b for b in elsewhere if is_ours(b, key) or not b.hmac]
    order = sorted(
        enumerate(usable),
        key=lambda nb: (is_ours(nb[1], key), _shared_components(nb[1].repository, repository), nb[0]),
        reverse=True,
    )
    return [blob for _, blob in order[:limit]]


def _shared_components(one: str, other: str) -> int:
    shared = 0
    for mine, theirs in zip(one.split("/"), other.split("/"), strict=False):
        if mine != theirs:
            break
        shared += 1
    return shared
