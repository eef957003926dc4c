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


def descendants(pid: int) -> list[int]:
    """Children, by way of the first threads, and theirs. None of a process that is gone."""
    try:
        children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [*children, *(further for child in children for further in descendants(child))]


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    """Of its own accord it may be gone already."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass
