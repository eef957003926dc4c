"""The processes of this machine, found by what stands in their command line."""

import os
import signal
from pathlib import Path


def processes_with(text: str) -> list[int]:
    """Their pids. A process that ends meanwhile is left out."""
    wanted = text.encode()
    return [int(name) for name in os.listdir("/proc") if name.isdecimal() and wanted in command_line(int(name))]


def command_line(pid: int) -> bytes:
    """Its arguments, each with a NUL behind it; empty when the process is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def children(pid: int) -> list[int]:
    """Of its first thread. None of a process that is gone."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def kill(pid: int) -> None:
    """Of its own accord it may be gone already."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
