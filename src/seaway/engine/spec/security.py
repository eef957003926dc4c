"""Seccomp, AppArmor and privileges of one container: what its record says, and the engine's default beneath."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from seaway.base.errors import SystemFailure
from seaway.containers.container import Container
from seaway.engine.defaults import ContainerDefaults
from seaway.runtime import apparmor
from seaway.runtime.spec.seccomp_custom import InvalidProfile, parse_profile
from seaway.runtime.spec.selinux import NO_LABELS, ContainerLabels


def seccomp_of(container: Container, defaults: ContainerDefaults) -> str | Mapping[str, Any]:
    """`default`, `unconfined`, or a profile. The option holds the profile itself: the CLI reads the file."""
    own = container.seccomp_profile
    if container.host_config.privileged and not own:
        return "unconfined"
    match own:
        case "unconfined":
            return own
        case "builtin":
            return "default"
        case "":
            return defaults.seccomp
    try:
        return _parsed(own)
    except InvalidProfile as invalid:
        raise SystemFailure(str(invalid)) from invalid


@lru_cache(maxsize=16)
def _parsed(text: str) -> Mapping[str, Any]:
    return parse_profile(text)


def apparmor_of(container: Container) -> str:
    """ "" where the host has none: the option is then without effect, in dockerd too."""
    if not apparmor.is_enabled():
        return ""
    if container.apparmor_profile:
        return container.apparmor_profile
    return apparmor.UNCONFINED if container.host_config.privileged else apparmor.DEFAULT_PROFILE


def labels_of(container: Container, defaults: ContainerDefaults) -> ContainerLabels:
    """SELinux's. What a record says counts for nothing while it is not in use."""
    if defaults.selinux is None:
        return NO_LABELS
    process = "" if container.host_config.privileged else container.process_label
    return ContainerLabels(process, container.mount_label)


async def confine(container: Container) -> None:
    """The profile that the specification will name is there. Raises SystemFailure."""
    if apparmor_of(container) == apparmor.DEFAULT_PROFILE:
        await apparmor.ensure_default_profile()
