"""What a container's filesystem has mounted, and which of /proc and /sys it may not see or change."""

from typing import Any

from seaway.runtime.spec.request import SpecMount, SpecRequest

_MASKED = (
    "/proc/asound /proc/acpi /proc/interrupts /proc/kcore /proc/keys /proc/latency_stats /proc/timer_list "
    "/proc/timer_stats /proc/sched_debug /proc/scsi /sys/firmware /sys/devices/virtual/powercap"
)
MASKED_PATHS = tuple(_MASKED.split())
READONLY_PATHS = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")

_SAFE = ("nosuid", "noexec", "nodev")
_WRITABLE_DESPITE_READONLY = ("/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue")


def build_mounts(request: SpecRequest) -> list[dict[str, Any]]:
    """Default ones first, then the user's from the outermost inwards."""
    own = sorted(request.mounts, key=lambda mount: mount.destination.rstrip("/").count("/"))
    replaced = {mount.destination for mount in own}
    base = [_adapted(m, request) for m in _defaults(request) if not _is_replaced(m.destination, replaced)]
    return [_to_oci(mount) for mount in (*base, *own)]


def default_masked_paths(cpu_count: int) -> tuple[str, ...]:
    return (*MASKED_PATHS, *(f"/sys/devices/system/cpu/cpu{n}/thermal_throttle" for n in range(cpu_count)))


def masked_paths(request: SpecRequest) -> list[str]:
    if request.masked_paths is not None:
        return list(request.masked_paths)
    if request.privileged:
        return []
    return list(default_masked_paths(request.cpu_count))


def readonly_paths(request: SpecRequest) -> list[str]:
    if request.readonly_paths is not None:
        return list(request.readonly_paths)
    return [] if request.privileged else list(READONLY_PATHS)


def root_propagation(mounts: tuple[SpecMount, ...]) -> str | None:
    """A bind that propagates needs a root that does."""
    options = {option for mount in mounts for option in mount.options}
    if options & {"shared", "rshared"}:
        return "shared"
    return "slave" if options & {"slave", "rslave"} else None


def _defaults(request: SpecRequest) -> tuple[SpecMount, ...]:
    return (
        SpecMount("/proc", "proc", "proc", _SAFE),
        SpecMount("/dev", "tmpfs", "tmpfs", ("nosuid", "strictatime", "mode=755", "size=65536k")),
        SpecMount(
            "/dev/pts", "devpts", "devpts", ("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5")
        ),
        SpecMount("/sys", "sysfs", "sysfs", (*_SAFE, "ro")),
        SpecMount("/sys/fs/cgroup", "cgroup", "cgroup", ("ro", *_SAFE)),
        *_ipc_mounts(request),
    )


def _ipc_mounts(request: SpecRequest) -> tuple[SpecMount, ...]:
    queues = SpecMount("/dev/mqueue", "mqueue", "mqueue", _SAFE)
    if request.shm_size is None:
        return (queues,)
    size = f"size={request.shm_size}"
    return (queues, SpecMount("/dev/shm", "shm", "tmpfs", (*_SAFE, "mode=1777", size)))


def _is_replaced(destination: str, replaced: set[str]) -> bool:
    return destination in replaced or (destination.startswith("/dev/") and "/dev" in replaced)


def _adapted(mount: SpecMount, request: SpecRequest) -> SpecMount:
    options = mount.options
    if (request.privileged and mount.type in ("sysfs", "cgroup")) or (
        request.writable_cgroups and mount.type == "cgroup"
    ):
        options = tuple(option for option in options if option != "ro")
    elif request.readonly_rootfs and mount.destination not in _WRITABLE_DESPITE_READONLY and "ro" not in options:
        options = (*options, "ro")
    return SpecMount(mount.destination, mount.source, mount.type, options)


def _to_oci(mount: SpecMount) -> dict[str, Any]:
    return {
        "destination": mount.destination,
        "type": mount.type,
        "source": mount.source,
        "options": list(mount.options),
    }
