"""What each version of the API lets a client ask of a container and its endpoints. Pure; the texts are dockerd's.

A field that is younger than the request's version counts as not given: an old client may send back what a newer
engine told it. `mountversions` has the rules of `Mounts`.
"""

from collections.abc import Mapping

from msgspec import UNSET, structs

from seaway.api.mountversions import mounts_of_version
from seaway.api.versions import Version
from seaway.base.errors import InvalidParameter
from seaway.model.container import ContainerConfig, Healthcheck, HostConfig
from seaway.model.network import EndpointSettings


def config_of_version(config: ContainerConfig, version: Version) -> ContainerConfig:
    if version < (1, 44) and isinstance(config.healthcheck, Healthcheck):
        return structs.replace(config, healthcheck=structs.replace(config.healthcheck, start_interval=0))
    return config


def host_config_of_version(host: HostConfig, version: Version, *, unified_cgroups: bool = False) -> HostConfig:
    """Old clients know no cgroup namespaces: on cgroup v1 they get the host's, whatever the engine's default is.

    Raises InvalidParameter for mounts that this version cannot ask for.
    """
    if version < (1, 25):
        host = structs.replace(host, auto_remove=False)
    if version < (1, 40) and not host.ipc_mode:
        host = structs.replace(host, ipc_mode="shareable")
    if version < (1, 41) and not host.cgroupns_mode and not unified_cgroups:
        host = structs.replace(host, cgroupns_mode="host")
    if version < (1, 42):
        host = structs.replace(host, console_size=[0, 0])
    else:
        host = structs.replace(host, kernel_memory=UNSET)
    if version < (1, 43):
        host = structs.replace(host, annotations=UNSET)
    return mounts_of_version(host, version)


def endpoints_of_version(
    wishes: Mapping[str, EndpointSettings | None], version: Version
) -> dict[str, EndpointSettings | None]:
    """Of a create, by network. Raises InvalidParameter for more than one network before 1.44."""
    if len(wishes) > 1 and version < (1, 44):
        raise InvalidParameter(f"Container cannot be created with multiple network endpoints: {', '.join(wishes)}")
    adapted = {name: wish and endpoint_of_version(wish, version) for name, wish in wishes.items()}
    if version < (1, 44):
        return {name: wish and structs.replace(wish, mac_address="") for name, wish in adapted.items()}
    return adapted


def endpoint_of_version(wish: EndpointSettings, version: Version) -> EndpointSettings:
    return structs.replace(wish, gw_priority=0) if version < (1, 48) else wish
