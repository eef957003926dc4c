"""AppArmor's profile of containers, `docker-default`: what it says, and that the kernel has it. dockerd's is its model.

The kernel counts as having AppArmor where the parser is installed too, as for dockerd.
"""

import tempfile
from pathlib import Path

from seaway.base.errors import SystemFailure
from seaway.kernel import process

DEFAULT_PROFILE, UNCONFINED = "docker-default", "unconfined"
_ENABLED = Path("/sys/module/apparmor/parameters/enabled")
_LOADED = Path("/sys/kernel/security/apparmor/profiles")
_ABSTRACTIONS = Path("/etc/apparmor.d")
_PARSER = "apparmor_parser"
_SIGNALLERS = ("unconfined", "runc", "crun", "conmon")
_RULES = """
  network,
  capability,
  file,
  umount,
  deny mount,
  deny @{PROC}/* w,
  deny @{PROC}/{[^1-9],[^1-9][^0-9],[^1-9s][^0-9y][^0-9s],[^1-9][^0-9][^0-9][^0-9/]*}/** w,
  deny @{PROC}/sys/[^k]** w,
  deny @{PROC}/sys/kernel/{?,??,[^s][^h][^m]**} w,
  deny @{PROC}/sysrq-trigger rwklx,
  deny @{PROC}/kcore rwklx,
  deny /sys/[^f]*/** wklx,
  deny /sys/f[^s]*/** wklx,
  deny /sys/fs/[^c]*/** wklx,
  deny /sys/fs/c[^g]*/** wklx,
  deny /sys/fs/cg[^r]*/** wklx,
  deny /sys/firmware/** rwklx,
  deny /sys/devices/virtual/powercap/** rwklx,
  deny /sys/kernel/security/** rwklx,
"""


def profile_text(name: str, abstractions: Path = _ABSTRACTIONS) -> str:
    """Containers write nothing in /proc and /sys but their own, mount nothing, and signal only each other."""
    head = ["#include <tunables/global>"] if (abstractions / "tunables/global").exists() else ["@{PROC}=/proc/"]
    base = ["  #include <abstractions/base>"] if (abstractions / "abstractions/base").exists() else []
    signals = [f"  signal (receive) peer={peer}," for peer in _SIGNALLERS]
    own = [f"  signal (send,receive) peer={name},", f"  ptrace (trace,read,tracedby,readby) peer={name},"]
    opened = f"profile {name} flags=(attach_disconnected,mediate_deleted) {{"
    return "\n".join([*head, opened, *base, *signals, *own, _RULES.strip("\n"), "}", ""])


def is_enabled() -> bool:
    try:
        return _ENABLED.read_text().startswith("Y") and process.find_program(_PARSER) is not None
    except OSError:
        return False


async def ensure_default_profile() -> None:
    """It may be gone: packages' upgrades unload what is not in /etc/apparmor.d. Raises SystemFailure."""
    try:
        if any(line.startswith(f"{DEFAULT_PROFILE} ") for line in _LOADED.read_text().splitlines()):
            return
    except OSError:
        pass  # loading it says what is wrong
    parser = process.find_program(_PARSER) or _PARSER
    with tempfile.NamedTemporaryFile("w", prefix=DEFAULT_PROFILE) as file:
        file.write(profile_text(DEFAULT_PROFILE))
        file.flush()
        try:
            await process.run([parser, "-Kr", file.name])
        except (process.CommandFailed, OSError) as failure:
            text = f"AppArmor enabled on system but the {DEFAULT_PROFILE} profile could not be loaded: {failure}"
            raise SystemFailure(text) from failure
