"""The log of one run of a container: the spool, and who ships it.

What `docker logs` reads is the driver's, or the cache beside a remote driver; a remote driver has a shipper of its own,
so that a receiver that is away holds up no reader.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from seaway.logs.driver import ContainerInfo
from seaway.logs.drivers import log_drivers, make_driver
from seaway.logs.localfile import cache_of
from seaway.logs.options import parse_cache_options, parse_json_file_options, parse_local_options
from seaway.logs.pieces import SpoolPieces
from seaway.logs.rotating import Limits
from seaway.logs.shipper import ROTATE_BYTES, Shipper

Reopen: TypeAlias = Callable[[], Awaitable[None]]
REMOTE = "remote"
"""The name of a remote driver's shipper, and so of its offset beside the spool."""
REMOTE_PIECES = 64


@dataclass(slots=True)
class RunLog:
    """`finishing` is the remote driver's work on the last lines of a run that has ended."""

    pieces: SpoolPieces
    readable: Shipper | None
    remote: Shipper | None
    output_ended: bool = False
    finishing: "asyncio.Task[None] | None" = None

    @property
    def shippers(self) -> list[Shipper]:
        return [shipper for shipper in (self.readable, self.remote) if shipper]

    def end_finishing(self) -> None:
        if self.finishing:
            self.finishing.cancel()


def next_run_log(
    kind: str, info: ContainerInfo, directory: Path, reopen: Reopen | None, before: RunLog | None
) -> RunLog:
    """For a run of a container with the log driver `kind`, whose spool is in `directory`. `reopen` tells its conmon to
    open the spool again; None: nobody writes to it. A remote driver that is still behind with the run `before` goes on
    where it is. Raises EngineError where the driver refuses its options."""
    if before and before.remote and not before.remote.has_ended:
        before.end_finishing()
        readable = _readable(kind, info, before.pieces, reopen) if before.readable else None
        return RunLog(before.pieces, readable, before.remote)
    is_remote = log_drivers()[kind].is_remote
    has_cache = is_remote and cache_of(info) is not None
    readers = {""} if not is_remote else {"", REMOTE} if has_cache else {REMOTE}
    pieces = SpoolPieces(directory, frozenset(readers))
    readable = _readable(kind, info, pieces, reopen) if "" in readers else None
    remote = _remote(kind, info, pieces, None if readable else reopen) if is_remote else None
    return RunLog(pieces, readable, remote)


def _readable(kind: str, info: ContainerInfo, pieces: SpoolPieces, reopen: Reopen | None) -> Shipper:
    cache = cache_of(info) if log_drivers()[kind].is_remote else None
    return Shipper(pieces, cache or make_driver(kind, info), reopen, most_pieces=_pieces_kept(kind, info))


def _remote(kind: str, info: ContainerInfo, pieces: SpoolPieces, reopen: Reopen | None) -> Shipper:
    """Only one of a run's shippers rotates the spool."""
    driver = make_driver(kind, info)
    return Shipper(pieces, driver, reopen, name=REMOTE, is_remote=True, most_pieces=REMOTE_PIECES)


def _pieces_kept(kind: str, info: ContainerInfo) -> int:
    """As much of the spool as the driver's files hold: older lines would be rotated away anyway."""
    match kind:
        case "json-file":
            limits = parse_json_file_options(info.options)
        case "local":
            limits = parse_local_options(info.options)
        case _:
            limits = parse_cache_options(info.options) or Limits()
    return limits.max_size * limits.max_file // ROTATE_BYTES + 2 if limits.max_size else 0
