"""Blobs and manifests on their way into one repository of a registry."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import quote, urljoin

import aiohttp

from seaway.distribution.client import Repository
from seaway.distribution.errors import RegistryFailure, RegistryRefusal
from seaway.oci.digest import Digest, sha256_of
from seaway.oci.manifest import Descriptor

NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class UploadSession:
    location: str


class Uploads:
    def __init__(self, repository: Repository) -> None:
        self._session, self._scopes = repository.session, repository.scopes
        self._base = repository.base

    async def blob_size(self, digest: Digest) -> int | None:
        """None where the registry does not have it."""
        url = f"{self._base}/blobs/{digest}"
        async with self._session.send("HEAD", url, self._scopes, accepted=(200, NOT_FOUND)) as answer:
            return None if answer.status == NOT_FOUND else answer.content_length or 0

    async def begin(self) -> UploadSession:
        url = f"{self._base}/blobs/uploads/"
        async with self._session.send("POST", url, self._scopes, data=b"", accepted=(202,)) as answer:
            return UploadSession(_location(answer))

    async def mount(self, digest: Digest, source_path: str) -> UploadSession | None:
        """The blob of another repository of this registry. None when it is there now; else it wants an upload."""
        url = f"{self._base}/blobs/uploads/?from={quote(source_path, safe='')}&mount={quote(digest, safe='')}"
        scopes = (*self._scopes, f"repository:{source_path}:pull")
        async with self._session.send("POST", url, scopes, data=b"", accepted=(201, 202)) as answer:
            return None if answer.status == 201 else UploadSession(_location(answer))

    async def send(self, session: UploadSession, chunks: AsyncIterator[bytes], media_type: str) -> Descriptor:
        """The blob's descriptor. Its digest is known only when the last byte has gone out."""
        sha256, size = hashlib.sha256(), 0

        async def counted() -> AsyncIterator[bytes]:
            nonlocal size
            async for chunk in chunks:
                sha256.update(chunk)
                size += len(chunk)
                yield chunk

        headers = {"Content-Type": "application/octet-stream"}
        request = self._session.send(
            "PATCH", session.location, self._scopes, headers=headers, data=counted(), accepted=(202, 204)
        )
        async with request as answer:
            location = _location(answer)
        digest = Digest(f"sha256:{sha256.hexdigest()}")
        await self._finish(location, digest)
        return Descriptor(media_type, digest, size)

    async def put_blob(self, data: bytes, media_type: str) -> Descriptor:
        """A small one, unless it is there."""
        digest = sha256_of(data)
        if await self.blob_size(digest) is None:
            session = await self.begin()
            await self._finish(session.location, digest, data)
        return Descriptor(media_type, digest, len(data))

    async def put_manifest(self, tag: str, data: bytes, media_type: str) -> None:
        url = f"{self._base}/manifests/{tag}"
        headers = {"Content-Type": media_type}
        async with self._session.send("PUT", url, self._scopes, headers=headers, data=data, accepted=(200, 201, 202)):
            pass

    async def cancel(self, session: UploadSession) -> None:
        try:
            async with self._session.send("DELETE", session.location, self._scopes, accepted=(200, 202, 204)):
                pass
        except (RegistryFailure, RegistryRefusal):
            pass  # it goes by itself, later

    async def _finish(self, location: str, digest: Digest, data: bytes = b"") -> None:
        url = f"{location}{'&' if '?' in location else '?'}digest={quote(digest, safe='')}"
        headers = {"Content-Type": "application/octet-stream"}
        async with self._session.send("PUT", url, self._scopes, headers=headers, data=data, accepted=(200, 201, 204)):
            pass


def _location(answer: aiohttp.ClientResponse) -> str:
    location = answer.headers.get("Location")
    if not location:
        raise RegistryFailure("the registry's answer to an upload has no Location")
    return urljoin(str(answer.url), location)
