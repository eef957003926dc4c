"""The capabilities of a container: the default set, what the user adds and drops, and what this host can give."""

from collections.abc import Iterable

# The index is the bit.
_KERNEL_ORDER = """
    CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
    NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN
    SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE
    MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE
"""
_DEFAULT = """
    CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL
    AUDIT_WRITE
"""
ALL = tuple(f"CAP_{name}" for name in _KERNEL_ORDER.split())
DEFAULT = tuple(f"CAP_{name}" for name in _DEFAULT.split())


def parse_mask(mask: int) -> frozenset[str]:
    """CapBnd of /proc/self/status as a number -> names."""
    return frozenset(name for bit, name in enumerate(ALL) if mask >> bit & 1)


def normalize(name: str) -> str:
    """`net_admin`, `CAP_NET_ADMIN` -> CAP_NET_ADMIN; ALL stays. Raises ValueError with the name as given."""
    upper = name.strip().upper()
    if upper == "ALL":
        return upper
    full = upper if upper.startswith("CAP_") else f"CAP_{upper}"
    if full not in ALL:
        raise ValueError(f'unknown capability: "{full}"')
    return full


def resolve(add: Iterable[str], drop: Iterable[str], bounding: frozenset[str], *, privileged: bool) -> tuple[str, ...]:
    """What the container gets, in the kernel's order. Dropping wins over adding by name, adding over dropping ALL."""
    if privileged:
        return tuple(name for name in ALL if name in bounding)
    added, dropped = {normalize(n) for n in add}, {normalize(n) for n in drop}
    if "ALL" in added:
        chosen = set(ALL) - dropped
    elif "ALL" in dropped:
        chosen = added
    else:
        chosen = (set(DEFAULT) - dropped) | (added - dropped)
    return tuple(name for name in ALL if name in chosen and name in bounding)
