"""Whether this process sees the root of its mount namespace, or was given another directory for a root.

An OCI runtime cannot pivot_root in a chroot. It moves the container's root over the namespace's and goes there by
chroot, and whoever enters the namespace later, as every exec does, is in the machine's own root.
"""

import os
import threading

from seaway.kernel.syscalls import CLONE_FS, CLONE_NEWNS, setns, unshare


def is_chrooted() -> bool:
    """Blocks for a thread of its own: to enter the namespace anew leads to its root."""
    roots: list[os.stat_result] = []
    thread = threading.Thread(target=_look, args=(roots,), name="chroot")
    thread.start()
    thread.join()
    return bool(roots) and not os.path.samestat(roots[0], os.stat("/"))


def _look(roots: list[os.stat_result]) -> None:
    """Nothing where it may not be asked."""
    try:
        fd = os.open("/proc/thread-self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
        try:
            unshare(CLONE_FS)
            setns(fd, CLONE_NEWNS)
        finally:
            os.close(fd)
        roots.append(os.stat("/"))
    except OSError:
        return
