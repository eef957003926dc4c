"""A process by descriptor: no reused pid is ever signalled, and its end is an event, not a poll."""

import asyncio
import os
import select
import signal
import time
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path


def boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def start_time(pid: int) -> int:
    """Clock ticks since boot; with the pid and the boot ID it names one process for ever. Raises ProcessLookupError."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except FileNotFoundError:
        raise ProcessLookupError(pid) from None
    return int(stat[stat.rindex(b")") + 2 :].split()[19])


def kill_all(pids: Iterable[int], timeout_s: float = 2) -> None:
    """Blocks until they have ended, or the time is over."""
    waiting = select.poll()
    with ExitStack() as opened:
        left: set[int] = set()
        for pid in pids:
            try:
                process = PidFd(pid)
                opened.callback(process.close)
                process.send_signal(signal.SIGKILL)
            except ProcessLookupError:
                continue
            waiting.register(process.fileno(), select.POLLIN)
            left.add(process.fileno())
        deadline = time.monotonic() + timeout_s
        while left and (remaining_s := deadline - time.monotonic()) > 0:
            for fd, _ in waiting.poll(remaining_s * 1000):
                waiting.unregister(fd)
                left.discard(fd)


def is_alive(pid: int) -> bool:
    """False for one that has ended and only waits for its parent to ask."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat[stat.rindex(b")") + 2 : stat.rindex(b")") + 3] not in b"ZX"


class PidFd:
    """Raises ProcessLookupError when the process is gone at the time of opening."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._fd = os.pidfd_open(pid)

    def fileno(self) -> int:
        return self._fd

    def send_signal(self, number: int) -> None:
        signal.pidfd_send_signal(self._fd, number)

    async def wait_exit(self) -> None:
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()

        def finish() -> None:
            loop.remove_reader(self._fd)
            if not ended.done():
                ended.set_result(None)

        loop.add_reader(self._fd, finish)
        try:
            await ended
        finally:
            loop.remove_reader(self._fd)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
