"""Tests that mostly wait, or run in an emulated machine, in pytests of their own beside the others: a lane each.

A lane starts with the session's first test, and is reported at its end. Tests that nothing would run beside, run here.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from beside.remote import SILENCE_S, Remote, RemoteFailed

# An interrupted lane ends its engines.
END_WITHIN_S = 90
TAIL = 60


@dataclass(frozen=True)
class Plan:
    """The tests of a folder; `niceness` is how much they yield to the others."""

    folder: Path
    niceness: int = 0


class Lane:
    def __init__(self, process: "subprocess.Popen[bytes]", reports: BinaryIO, output: Path, tests: int) -> None:
        self._process, self._reports, self._output, self._left = process, reports, output, tests
        self._unread = b""

    def next_message(self, within_s: float) -> dict[str, Any]:
        deadline = time.monotonic() + within_s
        ended = False
        while not (line := self._line()):
            if ended:
                raise RemoteFailed(
                    f"the lane ended with {self._process.returncode}; its output ends with\n{self._tail()}"
                )
            if time.monotonic() > deadline:
                raise RemoteFailed(
                    f"nothing was heard for {within_s:.0f} seconds; the output ends with\n{self._tail()}"
                )
            time.sleep(0.05)
            ended = self._process.poll() is not None  # after which there may still be a line that it wrote
        message: dict[str, Any] = json.loads(line)
        self._left -= message["kind"] == "finished"
        return message

    def end(self) -> None:
        """One that has not told of all its tests is interrupted, upon which it clears up what they made."""
        if self._left:
            self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(END_WITHIN_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _line(self) -> bytes:
        """What is there of the next one, if all of it is."""
        self._unread += self._reports.readline()
        if not self._unread.endswith(b"\n"):
            return b""
        line, self._unread = self._unread, b""
        return line

    def _tail(self) -> str:
        return "\n".join(self._output.read_text(errors="replace").splitlines()[-TAIL:])


def send_beside(config: pytest.Config, items: list[pytest.Item], *plans: Plan) -> list[pytest.Item]:
    """Those of the items that stay here. The others come after them."""
    if config.getoption("--pdb") or config.getoption("--engine-host", None):
        return items
    rest = set(items)
    for plan in plans:
        chosen = [item for item in items if item.path.is_relative_to(plan.folder)]
        if not chosen or len(chosen) == len(items):
            continue
        rest.difference_update(chosen)
        config.pluginmanager.register(Remote(config, chosen, partial(_started, config, plan), SILENCE_S))
    items.sort(key=lambda item: item not in rest)
    return [item for item in items if item in rest]


@contextmanager
def _started(config: pytest.Config, plan: Plan, nodeids: tuple[str, ...]) -> Iterator[Lane]:
    with tempfile.TemporaryDirectory(prefix="seaway-lane-") as folder:
        reports, output = Path(folder, "reports"), Path(folder, "output")
        with open(reports, "wb") as out, open(output, "wb") as said:
            process = subprocess.Popen(
                _command(config, plan, out.fileno(), nodeids),
                cwd=config.rootpath,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                pass_fds=(out.fileno(),),
                start_new_session=True,  # what interrupts this process interrupts the lane once, below
            )
        with open(reports, "rb") as told:
            lane = Lane(process, told, output, len(nodeids))
            try:
                yield lane
            finally:
                lane.end()


def _command(config: pytest.Config, plan: Plan, out: int, nodeids: tuple[str, ...]) -> list[str]:
    command = ["setpriv", "--pdeathsig", "INT", "nice", "-n", str(plan.niceness), sys.executable, "-m", "pytest", "-q"]
    if program := config.getoption("--engine-program", None):
        command += ["--engine-program", program]
    if basetemp := config.getoption("--basetemp"):
        command += ["--basetemp", f"{basetemp}-{plan.folder.name}"]
    return [*command, "--reports-to", str(out), *nodeids]
