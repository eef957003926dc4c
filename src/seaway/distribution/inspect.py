"""What a registry has under a name, without pulling it: `GET /distribution/{name}/json`."""

from typing import Any

import msgspec

from seaway.base import gojson
from seaway.base.errors import EngineError
from seaway.distribution.auth import Credentials
from seaway.distribution.client import Repository
from seaway.distribution.endpoints import RegistryConfig
from seaway.distribution.errors import RegistryRefusal, refusal_error
from seaway.distribution.imageconfig import fetch_config
from seaway.distribution.resolve import Resolved, at_first_endpoint, resolve
from seaway.distribution.transport import transport
from seaway.oci.manifest import Index, Manifest
from seaway.oci.platform import Platform
from seaway.oci.reference import Reference


class _Platform(msgspec.Struct, frozen=True):
    os: str = ""
    architecture: str = ""
    variant: str = ""
    os_version: str = msgspec.field(default="", name="os.version")


async def inspect_remote(reference: Reference, config: RegistryConfig, auth: Credentials | None) -> dict[str, Any]:
    """Raises what `resolve` does, with the status that the registry's refusal stands for."""
    wanted = reference.with_default_tag()

    async def ask(repository: Repository) -> tuple[Resolved, list[Platform]]:
        resolved = await resolve(repository, wanted)
        return resolved, await _platforms(resolved)

    async with transport(config) as http:
        try:
            resolved, platforms = await at_first_endpoint(http, wanted, config, auth, ask)
        except RegistryRefusal as refused:
            raise refusal_error(refused) from refused
    descriptor = {"mediaType": resolved.document.media_type, "digest": str(resolved.digest), "size": resolved.size}
    return {"Descriptor": descriptor, "Platforms": [_to_wire(platform) for platform in platforms] or None}


async def _platforms(resolved: Resolved) -> list[Platform]:
    if isinstance(resolved.document, Index):
        return [d.platform for d in resolved.document.manifests if d.platform]
    found = await _config_platform(resolved.repository, resolved.document)
    return [found] if found else []


async def _config_platform(repository: Repository, manifest: Manifest) -> Platform | None:
    """None where the config cannot be had or says nothing."""
    try:
        wire = gojson.decode(await fetch_config(repository, manifest.config), _Platform)
    except (EngineError, msgspec.DecodeError):
        return None
    if not (wire.os or wire.architecture):
        return None
    return Platform(wire.os, wire.architecture, wire.variant, wire.os_version)


def _to_wire(platform: Platform) -> dict[str, str]:
    wire = {"architecture": platform.architecture, "os": platform.os}
    optional = {"os.version": platform.os_version, "variant": platform.variant}
    return wire | {key: value for key, value in optional.items() if value}
