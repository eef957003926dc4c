"""From a reference to the one image it means here: the endpoint that has it, its manifest, and its config."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from seaway.base.errors import EngineError
from seaway.content.blobs import VerificationFailed
from seaway.distribution.auth import Credentials, InvalidToken
from seaway.distribution.client import RawManifest, Repository
from seaway.distribution.endpoints import Endpoint, RegistryConfig, host_of, plan_endpoints
from seaway.distribution.errors import (
    ManifestVerificationFailed,
    NoBasicAuth,
    NoMatchingManifest,
    RegistryFailure,
    RegistryRefusal,
    RegistryUnreachable,
    UnsupportedImage,
)
from seaway.distribution.hosts import read_hosts
from seaway.distribution.progress import ProgressSink, silent
from seaway.distribution.retry import repeated_when_told
from seaway.distribution.transport import Transport
from seaway.kernel.worker import run_blocking
from seaway.oci import mediatypes
from seaway.oci.digest import Digest, digest_of, sha256_of
from seaway.oci.manifest import Index, InvalidManifest, Manifest, Schema1, parse_manifest
from seaway.oci.platform import Platform, host_platform
from seaway.oci.reference import DEFAULT_DOMAIN, Reference

NESTING_LIMIT = 8
DOCUMENTS_LIMIT = 100
FAULTS_OF_CONTENT = (ManifestVerificationFailed, VerificationFailed, UnsupportedImage, InvalidManifest)
"""What another endpoint may have right."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Resolved:
    reference: Reference
    repository: Repository
    digest: Digest
    """Of what the reference names: the index, where there is one."""
    document: Manifest | Index
    size: int
    """Bytes of that document."""


async def at_first_endpoint(
    http: Transport,
    reference: Reference,
    config: RegistryConfig,
    auth: Credentials | None,
    work: Callable[[Repository], Awaitable[T]],
) -> T:
    """What `work` makes of the first endpoint that serves it: what a mirror cannot do or breaks off, the next one does.
    Raises the failure of the last endpoint tried."""
    failure: EngineError | None = None
    secured: set[str] = set()
    for endpoint in await endpoints_of(reference.domain, config):
        if endpoint.host in secured and not endpoint.url.startswith("https:"):
            continue
        if not endpoint.serves(tag=reference.digest is None):
            continue
        repository = Repository(http, endpoint, reference.path, None if endpoint.is_mirror else auth)
        try:
            await repository.connect()
            if endpoint.url.startswith("https:"):
                secured.add(endpoint.host)
            return await work(repository)
        except (RegistryUnreachable, RegistryFailure) as caught:
            failure = caught
        except (RegistryRefusal, NoBasicAuth, InvalidToken, *FAULTS_OF_CONTENT) as caught:
            failure = caught
            if not endpoint.is_mirror:
                break
    raise failure or RegistryUnreachable(f"no endpoints found for {reference.domain}")


async def resolve(repository: Repository, reference: Reference, progress: ProgressSink = silent) -> Resolved:
    """`reference` has a tag or a digest; the digest counts."""

    async def ask() -> tuple[Digest | None, RawManifest]:
        digest = reference.digest or await repository.tag_digest(reference.tag or "")
        return digest, await repository.manifest(digest or reference.tag or "")

    digest, raw = await repeated_when_told(ask, reference.tag or str(reference.digest), progress)
    return Resolved(reference, repository, _verified(raw, digest), _parsed(raw, reference), len(raw.data))


async def endpoints_of(domain: str, config: RegistryConfig) -> tuple[Endpoint, ...]:
    hosts = await run_blocking(read_hosts, config.certs_dir / domain)
    if domain == DEFAULT_DOMAIN:
        return plan_endpoints(domain, (), config, hosts)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host_of(domain), None, type=socket.SOCK_STREAM)
    except OSError:
        found = []
    return plan_endpoints(domain, [str(address[0]) for *_, address in found], config, hosts)


async def choose_manifest(resolved: Resolved, platform: Platform | None) -> Manifest:
    """The image's manifest: out of an index, or of indexes in it, the one for `platform`, or else for this host."""
    if isinstance(resolved.document, Manifest):
        return resolved.document
    found = await _Choice(resolved, platform).within(resolved.document, 1)
    if found is None:
        raise NoMatchingManifest(f"no matching manifest for {platform or host_platform()} in the manifest list entries")
    return found


@dataclass(frozen=True, slots=True)
class _Choice:
    resolved: Resolved
    platform: Platform | None
    seen: set[Digest] = field(default_factory=set)

    async def within(self, index: Index, depth: int) -> Manifest | None:
        """An entry for the platform; where there is none, one in the indexes that name no platform."""
        if depth > NESTING_LIMIT:
            raise UnsupportedImage(f"indexes in indexes, more than {NESTING_LIMIT} deep")
        entry = index.choose(self.platform, host_platform())
        nested = [d for d in index.manifests if d.media_type in mediatypes.INDEXES and d.platform is None]
        for candidate in [entry] if entry else nested:
            if candidate.digest in self.seen:
                continue
            self.seen.add(candidate.digest)
            if len(self.seen) > DOCUMENTS_LIMIT:
                raise UnsupportedImage(f"more than {DOCUMENTS_LIMIT} indexes in an index")
            raw = await self.resolved.repository.manifest(candidate.digest)
            _verified(raw, candidate.digest)
            document = _parsed(raw, self.resolved.reference)
            if isinstance(document, Manifest):
                return document
            if found := await self.within(document, depth + 1):
                return found
        return None


def _parsed(raw: RawManifest, reference: Reference) -> Manifest | Index:
    """What can be an image of ours; the rest is refused with dockerd's explanations."""
    document = parse_manifest(raw.data, raw.content_type)
    if isinstance(document, Schema1):
        raise UnsupportedImage(_schema1_text(reference))
    for layer in document.layers if isinstance(document, Manifest) else ():
        if not layer.media_type.lower().startswith(mediatypes.LAYER_PREFIXES):
            raise UnsupportedImage(f"unsupported media type {layer.media_type}")
    if isinstance(document, Manifest) and (kind := document.config.media_type) not in mediatypes.IMAGE_CONFIGS:
        class_ = "plugin" if kind == mediatypes.DOCKER_PLUGIN_CONFIG else "unknown"
        raise UnsupportedImage(f'Encountered remote "{kind}"({class_}) when fetching')
    return document


def _verified(raw: RawManifest, expected: Digest | None) -> Digest:
    if expected is None:
        return sha256_of(raw.data)
    if digest_of(expected.algorithm, raw.data) != expected:
        raise ManifestVerificationFailed(f"manifest verification failed for digest {expected}")
    return expected


def _schema1_text(reference: Reference) -> str:
    return (
        "[DEPRECATION NOTICE] Docker Image Format v1 and Docker Image manifest version 2, schema 1 support is disabled "
        f"by default and will be removed in an upcoming release. Suggest the author of {reference} to upgrade the "
        "image to the OCI Format or Docker Image manifest v2, schema 2. More information at "
        "https://docs.docker.com/go/deprecated-image-specs/"
    )
