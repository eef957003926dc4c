"""A seccomp profile that the user wrote (`--security-opt seccomp=<file>`), in Docker's format, resolved to OCI's."""

import json
from collections.abc import Mapping
from typing import Any

from seaway.base.gosyntax import STOPS_SHORT, syntax_error

_GO_TO_NATIVE = {
    "386": "SCMP_ARCH_X86",
    "amd64": "SCMP_ARCH_X86_64",
    "arm": "SCMP_ARCH_ARM",
    "arm64": "SCMP_ARCH_AARCH64",
    "ppc64le": "SCMP_ARCH_PPC64LE",
    "riscv64": "SCMP_ARCH_RISCV64",
    "s390x": "SCMP_ARCH_S390X",
}


class InvalidProfile(ValueError):
    """In dockerd's words."""


def parse_profile(text: str | bytes) -> dict[str, Any]:
    """Raises InvalidProfile."""
    try:
        decoded = text.decode() if isinstance(text, bytes) else text
        profile = json.loads(decoded)
    except json.JSONDecodeError as error:
        reason = syntax_error(decoded, error, end=STOPS_SHORT)
        raise InvalidProfile(f"Decoding seccomp profile failed: {reason}") from error
    except UnicodeDecodeError as error:
        raise InvalidProfile("Decoding seccomp profile failed: invalid UTF-8") from error
    if profile is None:
        return {}
    if not isinstance(profile, dict):
        kind = {str: "string", bool: "bool", list: "array"}.get(type(profile), "number")
        text = f"json: cannot unmarshal {kind} into Go value of type seccomp.Seccomp"
        raise InvalidProfile(f"Decoding seccomp profile failed: {text}")
    return profile


def custom_profile(
    profile: Mapping[str, Any], caps: frozenset[str], arch: str, kernel: tuple[int, int]
) -> dict[str, Any] | None:
    """None for a profile that says nothing. Raises InvalidProfile in dockerd's words for what contradicts itself."""
    if not profile.get("defaultAction") and not profile.get("syscalls"):
        return None
    if profile.get("architectures") and profile.get("archMap"):
        raise InvalidProfile("both 'architectures' and 'archMap' are specified in the seccomp profile, use either one")
    rules = [
        _rule(entry)
        for entry in profile.get("syscalls") or []
        if _includes(entry.get("includes") or {}, caps, arch, kernel)
        and not _excludes(entry.get("excludes") or {}, caps, arch, kernel)
    ]
    resolved = {
        "defaultAction": profile.get("defaultAction", "SCMP_ACT_ERRNO"),
        "architectures": list(profile.get("architectures") or _architectures(profile.get("archMap") or [], arch)),
        "syscalls": rules,
    }
    optional = ("defaultErrnoRet", "flags", "listenerPath", "listenerMetadata")
    return resolved | {key: profile[key] for key in optional if profile.get(key) is not None}


def at_least(kernel: tuple[int, int], version: str) -> bool:
    major, minor = version.split(".")[:2]
    return kernel >= (int(major), int(minor))


def _rule(entry: Mapping[str, Any]) -> dict[str, Any]:
    if entry.get("name") and entry.get("names"):
        raise InvalidProfile("both 'name' and 'names' are specified in the seccomp profile, use either one")
    names = list(entry.get("names") or [entry["name"]])
    rule: dict[str, Any] = {"names": names, "action": entry["action"]}
    if entry.get("args"):
        rule["args"] = [dict(condition) for condition in entry["args"]]
    if entry.get("errnoRet") is not None:
        rule["errnoRet"] = entry["errnoRet"]
    return rule


def _includes(filters: Mapping[str, Any], caps: frozenset[str], arch: str, kernel: tuple[int, int]) -> bool:
    if filters.get("arches") and arch not in filters["arches"]:
        return False
    if not set(filters.get("caps") or []) <= caps:
        return False
    return not filters.get("minKernel") or at_least(kernel, filters["minKernel"])


def _excludes(filters: Mapping[str, Any], caps: frozenset[str], arch: str, kernel: tuple[int, int]) -> bool:
    if arch in (filters.get("arches") or []):
        return True
    if caps & set(filters.get("caps") or []):
        return True
    return bool(filters.get("minKernel")) and at_least(kernel, filters["minKernel"])


def _architectures(arch_map: list[Mapping[str, Any]], arch: str) -> list[str]:
    native = _GO_TO_NATIVE.get(arch)
    for entry in arch_map:
        if entry.get("architecture") == native:
            return [str(native), *(entry.get("subArchitectures") or [])]
    return []
