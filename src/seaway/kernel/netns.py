"""Network namespaces that live as long as their name: a file that the namespace is mounted on.

A namespace belongs to a thread, so each piece of work inside one gets a thread of its own, which then ends:
no pooled thread ever returns to the pool in somebody else's namespace.
"""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from seaway.kernel.syscalls import CLONE_NEWNET, MNT_DETACH, MS_BIND, mount, setns, umount2, unshare
from seaway.kernel.worker import run_blocking

T = TypeVar("T")
USER_SUFFIX = ".user"


async def create(path: Path, furnish: Callable[[], T] | None = None) -> None:
    """Make a namespace and mount it on `path`, whose directory exists. It has a loopback device, still down.

    Blocking `furnish` runs inside it right away, which saves a second thread.
    """
    await run_blocking(_in_own_thread, lambda: _create(path, furnish))


async def run_inside(path: Path, work: Callable[[], T]) -> T:
    """Run blocking `work` in the namespace at `path`."""

    def entered() -> T:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            setns(fd, CLONE_NEWNET)
        finally:
            os.close(fd)
        return work()

    return await run_blocking(_in_own_thread, entered)


async def delete(path: Path) -> None:
    """Take the name away; the namespace goes with its last process. An absent one is no error."""
    await run_blocking(_delete, path)


def is_mounted(path: Path) -> bool:
    """False for the plain file that is left after a reboot."""
    try:
        return os.stat(path).st_dev != os.stat(path.parent).st_dev
    except FileNotFoundError:
        return False


def pin(namespace: str, path: Path) -> None:
    """Mount a namespace on a new file: it lives on without a process."""
    os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444))
    try:
        mount(namespace, str(path), "", MS_BIND)
    except BaseException:
        path.unlink()
        raise


def user_namespace_of(path: Path) -> Path:
    """The file of the user namespace that a network namespace belongs to, where it is not the host's."""
    return path.with_name(f"{path.name}{USER_SUFFIX}")


def _create(path: Path, furnish: Callable[[], T] | None) -> None:
    unshare(CLONE_NEWNET)
    pin("/proc/thread-self/ns/net", path)
    if furnish:
        furnish()


def _delete(path: Path) -> None:
    for file in (path, user_namespace_of(path)):
        try:
            if is_mounted(file):
                umount2(str(file), MNT_DETACH)
            file.unlink()
        except FileNotFoundError:
            continue


def _in_own_thread(work: Callable[[], T]) -> T:
    results: list[T] = []
    failures: list[BaseException] = []

    def body() -> None:
        try:
            results.append(work())
        except BaseException as failure:  # handed to the caller below
            failures.append(failure)

    thread = threading.Thread(target=body, name="netns")
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
    return results[0]
