"""From a reference to the one image it means here: the endpoint that has it, its manifest, and its config."""

import asyncio
import socket
from dataclasses import dataclass

import aiohttp

from seaway.base.errors import EngineError
from seaway.distribution.auth import Credentials
from seaway.distribution.client import RawManifest, Repository
from seaway.distribution.endpoints import Endpoint, RegistryConfig, host_of, plan_endpoints
from seaway.distribution.errors import (
    ManifestVerificationFailed,
    NoMatchingManifest,
    RegistryFailure,
    RegistryRefusal,
    RegistryUnreachable,
    UnsupportedImage,
)
from seaway.oci import mediatypes
from seaway.oci.digest import Digest, digest_of, sha256_of
from seaway.oci.manifest import Index, Manifest, Schema1, parse_manifest
from seaway.oci.platform import Platform, host_platform
from seaway.oci.reference import DEFAULT_DOMAIN, Reference


@dataclass(frozen=True, slots=True)
class Resolved:
    reference: Reference
    repository: Repository
    digest: Digest
    """Of what the reference names: the index, where there is one."""
    document: Manifest | Index
    size: int
    """Bytes of that document."""


async def resolve(
    http: aiohttp.ClientSession, reference: Reference, config: RegistryConfig, auth: Credentials | None
) -> Resolved:
    """`reference` has a tag or a digest; the digest counts. Raises the failure of the last endpoint tried."""
    failure: EngineError | None = None
    secured: set[str] = set()
    for endpoint in await endpoints_of(reference.domain, config):
        if endpoint.host in secured and not endpoint.url.startswith("https:"):
            continue
        repository = Repository(http, endpoint, reference.path, None if endpoint.is_mirror else auth)
        try:
            await repository.connect(config)
            if endpoint.url.startswith("https:"):
                secured.add(endpoint.host)
            digest = reference.digest or await repository.tag_digest(reference.tag or "")
            raw = await repository.manifest(digest or reference.tag or "")
        except (RegistryUnreachable, RegistryFailure) as caught:
            failure = caught
        except RegistryRefusal as caught:
            failure = caught
            if not endpoint.is_mirror:
                break
        else:
            return Resolved(reference, repository, _verified(raw, digest), _parsed(raw, reference), len(raw.data))
    raise failure or RegistryUnreachable(f"no endpoints found for {reference.domain}")


async def endpoints_of(domain: str, config: RegistryConfig) -> tuple[Endpoint, ...]:
    if domain == DEFAULT_DOMAIN:
        return plan_endpoints(domain, (), config)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host_of(domain), None, type=socket.SOCK_STREAM)
    except OSError:
        found = []
    return plan_endpoints(domain, [str(address[0]) for *_, address in found], config)


async def choose_manifest(resolved: Resolved, platform: Platform | None) -> Manifest:
    """The image's manifest: out of an index, the one for `platform`, or else for this host."""
    if isinstance(resolved.document, Manifest):
        return resolved.document
    host = host_platform()
    entry = resolved.document.choose(platform, host)
    if entry is None:
        raise NoMatchingManifest(f"no matching manifest for {platform or host} in the manifest list entries")
    raw = await resolved.repository.manifest(entry.digest)
    _verified(raw, entry.digest)
    document = _parsed(raw, resolved.reference)
    if isinstance(document, Index):
        raise UnsupportedImage("unsupported manifest format")
    return document


def _parsed(raw: RawManifest, reference: Reference) -> Manifest | Index:
    """What can be an image of ours; the rest is refused with dockerd's explanations."""
    document = parse_manifest(raw.data, raw.content_type)
    if isinstance(document, Schema1):
        raise UnsupportedImage(_schema1_text(reference))
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
