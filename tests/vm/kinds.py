"""Kinds of machine: the ordinary one, and those that a run has to ask for, each with a disk of its own."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """What it has more than the ordinary one: packages of Debian, options of the kernel, and a folder here with files."""

    packages: tuple[str, ...] = ()
    kernel_options: tuple[str, ...] = ()
    system: str | None = None


ORDINARY = Kind()
# With Debian's policy, permissive: everything has a label, nothing is forbidden.
SELINUX = Kind(("selinux-policy-default",), ("security=selinux", "selinux=1"), "system-selinux")
