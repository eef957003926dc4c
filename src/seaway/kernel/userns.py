"""A user namespace with a network namespace that belongs to it, each mounted on a file: what a remapped container's
root may set in its network is then decided by its own user namespace.

A program with threads cannot make one, so small programs of the host do: `cat` lives in the new namespaces, and says
so by its echo, until they are mounted.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from seaway.base.errors import SystemFailure
from seaway.base.idmap import IdMap, IdRange
from seaway.kernel import netns, process
from seaway.kernel.pipes import read_pipe
from seaway.kernel.worker import run_blocking

_HOLDER = ("unshare", "--user", "--net", "cat")


async def create_pair(network: Path, ids: IdMap) -> None:
    """The network namespace on `network`, its owner on the file beside it. `netns.delete` takes both away."""
    question, ask = os.pipe2(os.O_CLOEXEC)
    answer, theirs = os.pipe2(os.O_CLOEXEC)
    try:
        try:
            holder = process.start(_HOLDER, stdin=question, stdout=theirs)
        finally:
            os.close(question)
            os.close(theirs)
        try:
            os.write(ask, b"\n")
            os.set_blocking(answer, False)
            if not await read_pipe(answer):
                raise SystemFailure("unshare: a user namespace could not be made")
            await run_blocking(_pin, holder.pid, network, ids)
        finally:
            os.close(ask)
            await holder.wait()
    finally:
        os.close(answer)


def id_table(ranges: Iterable[IdRange]) -> str:
    """As /proc/<pid>/uid_map takes it."""
    return "".join(f"{r.inside} {r.outside} {r.size}\n" for r in ranges)


def _pin(pid: int, network: Path, ids: IdMap) -> None:
    proc = Path(f"/proc/{pid}")
    (proc / "uid_map").write_text(id_table(ids.uids))
    (proc / "gid_map").write_text(id_table(ids.gids))
    netns.pin(str(proc / "ns/user"), netns.user_namespace_of(network))
    netns.pin(str(proc / "ns/net"), network)
