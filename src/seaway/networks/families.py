"""The versions of IP that a network is asked to have. Pure."""

from collections.abc import Mapping

from seaway.base.errors import InvalidParameter
from seaway.model.network import NetworkCreate
from seaway.networks.drivers import FALSE, TRUE


def wanted_families(request: NetworkCreate, options: Mapping[str, str]) -> frozenset[int]:
    """4 and 6, or one of them. What the request does not say, one of `options` may. Raises InvalidParameter."""
    wishes = ((4, request.enable_ipv4, True), (6, request.enable_ipv6, False))
    asked = [(v, _enabled(options, v, default=default) if wish is None else wish) for v, wish, default in wishes]
    families = frozenset(version for version, enabled in asked if enabled)
    if not families:
        raise InvalidParameter("IPv4 or IPv6 must be enabled")
    return families


def _enabled(options: Mapping[str, str], version: int, *, default: bool) -> bool:
    name = f"com.docker.network.enable_ipv{version}"
    value = options.get(name)
    if value is not None and value not in (*TRUE, *FALSE):
        raise InvalidParameter(f'driver-opt "{name}" is not a valid bool')
    return default if value is None else value in TRUE
