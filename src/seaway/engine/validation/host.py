"""What of a host configuration is wrong on every platform: policies, ports, names, capabilities."""

import re

from seaway.base.errors import InvalidParameter
from seaway.containers.restart import validate_restart_policy
from seaway.model.container import HostConfig, words
from seaway.networks.files import check_extra_host
from seaway.networks.ports import is_address
from seaway.runtime.spec.capabilities import normalize

HIGHEST_PORT = 65535
_RANGE = re.compile(r"(?:(\d{1,5})(?:-(\d{1,5}))?)?")


def validate_host_config(host: HostConfig) -> None:
    if host.auto_remove and host.restart_policy.name not in ("", "no"):
        raise InvalidParameter("can't create 'AutoRemove' container with restart policy")
    for entry in host.extra_hosts or ():
        check_extra_host(entry)
    validate_port_bindings(host)
    validate_restart_policy(host.restart_policy)
    _validate_capabilities("CapAdd", words(host.cap_add))
    _validate_capabilities("CapDrop", words(host.cap_drop))
    if isinstance(host.annotations, dict) and "" in host.annotations:
        raise InvalidParameter("invalid Annotations: the empty string is not permitted as an annotation key")


def validate_port_bindings(host: HostConfig) -> None:
    for key, bindings in (host.port_bindings or {}).items():
        _validate_port(key.partition("/")[0], ranges=False)
        for binding in bindings or ():
            _validate_port(binding.host_port.partition("/")[0], ranges=True)
            if binding.host_ip and not is_address(binding.host_ip):
                raise InvalidParameter(f"invalid IP address: {binding.host_ip}")


def _validate_port(text: str, *, ranges: bool) -> None:
    found = _RANGE.fullmatch(text)
    ends = [int(end) for end in found.groups() if end] if found else []
    if not found or (found[2] and not ranges) or any(end > HIGHEST_PORT for end in ends) or ends != sorted(ends):
        raise InvalidParameter(f'invalid port specification: "{text}"')


def _validate_capabilities(field: str, names: list[str]) -> None:
    for name in names:
        try:
            normalize(name)
        except ValueError as unknown:
            raise InvalidParameter(f"invalid {field}: {unknown}") from unknown
