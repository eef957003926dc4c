"""The host's device nodes that a container gets: those asked for by path, or all of them where it is privileged."""

import os
import re
import stat
from collections.abc import Iterator

from seaway.base.errors import SystemFailure
from seaway.model.container import DeviceMapping, HostConfig
from seaway.runtime.spec.request import Device, DeviceRule

_RULE = re.compile(r"([abc]) (\d+|\*):(\d+|\*) ([rwm]{1,3})$")
_KINDS = ((stat.S_ISBLK, "b"), (stat.S_ISCHR, "c"), (stat.S_ISFIFO, "p"))
_NOT_A_NODE = "not a device node"
_SKIPPED = frozenset({"pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev"})


class BadDevice(SystemFailure):
    pass


def plan_devices(host: HostConfig) -> tuple[Device, ...]:
    """Blocks. Raises BadDevice in dockerd's words."""
    wanted = host.devices or ()
    if not host.privileged:
        return tuple(device for mapping in wanted for device in _mapped(mapping, mapping.cgroup_permissions))
    # A privileged container has the host's nodes already, under the host's names.
    moved = [m for m in wanted if m.path_on_host != m.path_in_container]
    return (*_host_devices("/dev"), *(device for mapping in moved for device in _mapped(mapping, "rwm")))


def parse_device_rule(text: str) -> DeviceRule:
    found = _RULE.match(text)
    if not found:
        raise BadDevice(f"invalid device cgroup rule format: '{text}'")
    kind, major, minor, access = found.groups()
    return DeviceRule(kind, None if major == "*" else int(major), None if minor == "*" else int(minor), access)


def _mapped(mapping: DeviceMapping, access: str) -> list[Device]:
    """A node, what a link leads to, or every node below a directory."""
    host_path, inside = os.path.realpath(mapping.path_on_host), mapping.path_in_container
    try:
        if device := _node(host_path, inside, access):
            return [device]
        found = [d for path in _below(host_path) if (d := _node(path, path.replace(host_path, inside, 1), access))]
        reason = _NOT_A_NODE
    except OSError as failure:
        found, reason = [], (failure.strerror or "").lower()
    if not found:
        text = f'error gathering device information while adding custom device "{mapping.path_on_host}": {reason}'
        raise BadDevice(text)
    return found


def _node(path: str, inside: str, access: str) -> Device | None:
    """None for what is no device."""
    status = os.lstat(path)
    kind = next((letter for is_kind, letter in _KINDS if is_kind(status.st_mode)), None)
    if kind is None:
        return None
    number = status.st_rdev
    return Device(
        path=inside or path,
        type=kind,
        major=os.major(number),
        minor=os.minor(number),
        mode=stat.S_IMODE(status.st_mode),
        uid=status.st_uid,
        gid=status.st_gid,
        access="".join(letter for letter in "rwm" if letter in access),
    )


def _below(directory: str) -> Iterator[str]:
    for parent, _directories, names in os.walk(directory):
        yield from (f"{parent}/{name}" for name in sorted(names))


def _host_devices(directory: str) -> Iterator[Device]:
    with os.scandir(directory) as entries:
        for entry in sorted(entries, key=lambda e: e.name):
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in _SKIPPED:
                    yield from _host_devices(entry.path)
            elif entry.name != "console":
                try:
                    device = _node(entry.path, entry.path, "rwm")
                except FileNotFoundError:
                    continue  # gone meanwhile
                if device and device.type != "p":
                    yield device
