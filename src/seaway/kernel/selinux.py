"""What of SELinux is the kernel's and the policy's: whether it is there, its labels of containers, labels of files.

`root` is another tree in tests.
"""

import errno
import os
from collections.abc import Callable
from pathlib import Path

ATTRIBUTE = "security.selinux"
_OF_PACKAGE = "usr/share/containers/selinux/contexts"
_NEVER_RELABELLED = frozenset(
    {
        *("/", "/bin", "/boot", "/dev", "/home", "/lib", "/lib64", "/media", "/opt", "/proc", "/root", "/run", "/sbin"),
        *("/srv", "/sys", "/tmp", "/usr", "/var", "/var/lib", "/var/log"),
        *("/etc", "/etc/passwd", "/etc/pki", "/etc/shadow"),
    }
)
SetLabel = Callable[[str, str], None]


class RelabelingRefused(Exception):
    """The host needs the labels that are there."""


def is_enabled(root: Path = Path("/")) -> bool:
    """Before a policy is loaded everything runs as `kernel`, and there are no labels."""
    mounts = (line.split() for line in _text(root / "proc/self/mounts").splitlines())
    mounted = any(len(fields) > 2 and fields[2] == "selinuxfs" for fields in mounts)
    return mounted and _text(root / "proc/self/attr/current").rstrip("\0\n") != "kernel"


def policy_contexts(root: Path = Path("/")) -> str:
    """The text of the policy's `lxc_contexts`, or of the package's that took its place; "" where neither is there."""
    return _text(root / _OF_PACKAGE) or _text(root / "etc/selinux" / _policy(root) / "contexts/lxc_contexts")


def context_option(label: str) -> str:
    """What a mount's options end with, that all its files have the label."""
    return f',context="{label}"' if label else ""


def relabel(path: str, label: str, set_label: SetLabel | None = None) -> None:
    """`path`, which is no link, and all below it; itself the last. Links are labelled, not followed, and what goes
    meanwhile is left out, as is a filesystem without labels. Blocks. Raises RelabelingRefused, OSError."""
    path = path.rstrip("/") or "/"
    if path in _NEVER_RELABELLED or path == os.environ.get("HOME", "").rstrip("/"):
        raise RelabelingRefused(f"SELinux relabeling of {path} is not allowed")
    set_label = set_label or _set_label
    try:
        for parent, directories, names in os.walk(path, topdown=False):
            for name in (*directories, *names):
                _label(f"{parent}/{name}", label, set_label)
        _label(path, label, set_label)
    except OSError as failure:
        if failure.errno != errno.ENOTSUP:
            raise


def _label(path: str, label: str, set_label: SetLabel) -> None:
    try:
        set_label(path, label)
    except FileNotFoundError:
        pass


def _set_label(path: str, label: str) -> None:
    """Nothing is written where it has it: a volume is relabelled at every start."""
    if _label_at(path) != label.encode():
        os.setxattr(path, ATTRIBUTE, label.encode(), follow_symlinks=False)


def _label_at(path: str) -> bytes:
    try:
        return os.getxattr(path, ATTRIBUTE, follow_symlinks=False).rstrip(b"\0")
    except OSError:
        return b""


def _policy(root: Path) -> str:
    pairs = (line.partition("=") for line in _text(root / "etc/selinux/config").splitlines())
    found = {key.strip(): value.strip() for key, _, value in pairs}
    return found.get("SELINUXTYPE", "")


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
