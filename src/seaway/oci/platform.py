"""Platforms: `os/architecture[/variant]`, normalised as containerd does, and which image runs on which host."""

import platform as _host
import re
from dataclasses import dataclass

from seaway.base.errors import InvalidParameter

_OS = r"^([A-Za-z0-9_-]+)(?:\(([A-Za-z0-9_.-]*)\))?$"
_COMPONENT = r"^[A-Za-z0-9_.-]+$"
# fmt: off
_KNOWN_OSES = frozenset({
    "aix", "android", "darwin", "dragonfly", "freebsd", "hurd", "illumos", "ios", "js", "linux", "nacl", "netbsd",
    "openbsd", "plan9", "solaris", "windows", "zos",
})
_KNOWN_ARCHITECTURES = frozenset({
    "386", "amd64", "amd64p32", "arm", "armbe", "arm64", "arm64be", "ppc64", "ppc64le", "loong64", "mips",
    "mipsle", "mips64", "mips64le", "mips64p32", "mips64p32le", "ppc", "riscv", "riscv64", "s390", "s390x",
    "sparc", "sparc64", "wasm",
})
# fmt: on
_ARCHITECTURES: dict[str, tuple[str, str | None]] = {
    "i386": ("386", ""),
    "x86_64": ("amd64", None),
    "x86-64": ("amd64", None),
    "aarch64": ("arm64", None),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
}
_VARIANTS = {
    ("amd64", "v1"): "",
    ("arm64", "8"): "",
    ("arm64", "v8"): "",
    ("arm", ""): "v7",
    ("arm", "7"): "v7",
    ("arm", "5"): "v5",
    ("arm", "6"): "v6",
    ("arm", "8"): "v8",
}


class InvalidPlatform(InvalidParameter):
    pass


@dataclass(frozen=True, slots=True)
class Platform:
    os: str
    architecture: str
    variant: str = ""
    os_version: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)

    def normalised(self) -> "Platform":
        architecture, variant = _normalise_architecture(self.architecture, self.variant)
        return Platform(_normalise_os(self.os), architecture, variant, self.os_version)

    def satisfies(self, wanted: "Platform") -> bool:
        """Is this exactly what was asked for?"""
        mine, theirs = self.normalised(), wanted.normalised()
        return (mine.os, mine.architecture, mine.variant) == (theirs.os, theirs.architecture, theirs.variant)

    def suits(self, wanted: "Platform") -> bool:
        """Does it run where that is asked for? A configuration need not name its variant."""
        mine, theirs = self.normalised(), wanted.normalised()
        is_vague = not self.variant and (mine.os, mine.architecture) == (theirs.os, theirs.architecture)
        return is_vague or any(mine.satisfies(platform) for platform in theirs.runnable())

    def runnable(self) -> "tuple[Platform, ...]":
        """The platforms whose images run here, best first: a CPU runs what older ones do, and those of 32 bits."""
        host = self.normalised()
        return (*_older(host), *_narrower(host))


def _older(host: Platform) -> tuple[Platform, ...]:
    if host.architecture in ("arm", "amd64") and host.variant.startswith("v") and host.variant[1:].isdigit():
        oldest = 5 if host.architecture == "arm" else 1
        variants = [f"v{n}" for n in range(int(host.variant[1:]), oldest - 1, -1)]
        return tuple(Platform(host.os, host.architecture, v).normalised() for v in variants)
    return (host,)


def _narrower(host: Platform) -> tuple[Platform, ...]:
    match host.architecture:
        case "amd64":
            return (Platform(host.os, "386"),)
        case "arm64":
            return Platform(host.os, "arm", "v8").runnable()
    return ()


def host_platform() -> Platform:
    system, machine = _host.uname().system.lower(), _host.machine().lower()
    variant = {"armv6l": "v6", "armv7l": "v7", "armv8l": "v8"}.get(machine, "")
    return Platform(system, "arm" if variant else machine, variant).normalised()


def parse_platform(text: str) -> Platform:
    """`linux`, `arm64`, `linux/arm/v7`: what is left out is the host's. Raises InvalidPlatform."""
    if "*" in text:
        raise InvalidPlatform(f'"{text}": wildcards not yet supported: invalid argument')
    parts = text.split("/", 3)
    system, version = _parse_os(parts[0], text)
    for part in parts[1:]:
        if not re.fullmatch(_COMPONENT, part):
            raise InvalidPlatform(
                f'"{part}" is an invalid component of "{text}": platform specifier component must match '
                f'"{_COMPONENT}": invalid argument'
            )
    if len(parts) == 1:
        return _parse_single(system, version, text)
    if len(parts) > 3:
        raise InvalidPlatform(f'"{text}": cannot parse platform specifier: invalid argument')
    return Platform(system, parts[1], "".join(parts[2:]), version).normalised()


def _parse_os(part: str, text: str) -> tuple[str, str]:
    match = re.fullmatch(_OS, part)
    if not match:
        pattern = _OS.replace("\\", "\\\\")
        raise InvalidPlatform(
            f'"{part}" is an invalid OS component of "{text}": OSAndVersion specifier component must match '
            f'"{pattern}": invalid argument'
        )
    return _normalise_os(match[1]), match[2] or ""


def _parse_single(system: str, version: str, text: str) -> Platform:
    host = host_platform()
    if system in _KNOWN_OSES:
        return Platform(system, host.architecture, host.variant, version)
    architecture, variant = _normalise_architecture(text, "")
    if architecture not in _KNOWN_ARCHITECTURES:
        raise InvalidPlatform(f'"{text}": unknown operating system or architecture: invalid argument')
    return Platform(host.os, architecture, variant)


def _normalise_os(name: str) -> str:
    lowered = name.lower()
    return "darwin" if lowered == "macos" else lowered or _host.uname().system.lower()


def _normalise_architecture(architecture: str, variant: str) -> tuple[str, str]:
    lowered, variant = architecture.lower(), variant.lower()
    name, forced = _ARCHITECTURES.get(lowered, (lowered, None))
    variant = variant if forced is None else forced
    return name, _VARIANTS.get((name, variant), variant)
