"""Runs a coroutine function in network, mount and PID namespaces of its own, which vanish with it and whatever it leaves."""

import functools
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

INSIDE = """
import importlib, logging, sys, uvloop  # as the engine does
logging.disable()
sys.path.insert(0, sys.argv[1])
from seaway.kernel.syscalls import mount
mount("tmpfs", "/run", "tmpfs")
story = getattr(importlib.import_module(sys.argv[2]), sys.argv[3]).__wrapped__
uvloop.run(story())
"""


def isolated(story: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    """The test passes when the story, told in a process of its own, raises nothing."""

    @functools.wraps(story)
    def test() -> None:
        here = str(Path(__file__).parent)
        python = [
            sys.executable,
            "-W",
            "error",
            "-c",
            INSIDE,
            here,
            story.__module__.rpartition(".")[2],
            story.__name__,
        ]
        command = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--", *python]
        told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if told.returncode or told.stderr:
            pytest.fail(f"{told.stdout}\n{told.stderr}", pytrace=False)

    del test.__wrapped__  # pytest would follow it and await the story itself
    test.__wrapped__ = story  # type: ignore[attr-defined]
    return test
