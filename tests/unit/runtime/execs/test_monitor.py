"""The exec monitor with its client; the runtime is a script that leaves a process behind, as runtimes do."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from seaway.base.errors import SystemFailure
from seaway.kernel.pidfd import is_alive
from seaway.runtime.channel import Output
from seaway.runtime.execs.client import ExecMonitorClient, ExecOrder, RunningExec, RuntimeRefused

RUNTIME = """
import os, sys
if not (pid := os.fork()):
    os.execvp("sh", ["sh", "-c", sys.argv[2]])
with open(sys.argv[1] + "/pid", "w") as file:
    file.write(str(pid))
"""
LEAVES = f'exec {sys.executable} -I -S -c \'{RUNTIME}\' "$0" "$1"'
"""No shell's background job: a shell waits for what ends before itself, and runtimes do not."""


def order(base: Path, does: str, *, exec_id: str = "e", runtime: str = LEAVES, stdin: bool = False) -> ExecOrder:
    run_dir = base / exec_id
    (run_dir / "exit").mkdir(parents=True)
    return ExecOrder(exec_id, ("/bin/sh", "-c", runtime, str(run_dir), does), run_dir, "box", False, stdin)


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[ExecMonitorClient]:
    client = ExecMonitorClient(tmp_path / "monitor.sock")
    yield client
    client.close()
    leftovers = ExecMonitorClient(tmp_path / "monitor.sock")
    for exec_id, left in (await leftovers.adopt()).items():  # by a test that failed
        leftovers.end(exec_id)
        left.channel.close()
    leftovers.close()


async def exit_code(run: ExecOrder) -> int:
    file = run.run_dir / "exit" / run.exit_name
    deadline = time.monotonic() + 10
    while not file.exists():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    return int(file.read_text())


async def output(running: RunningExec, run: ExecOrder) -> list[Output]:
    await exit_code(run)
    running.channel.process_ended()
    pieces = []
    while piece := await running.channel.recv():
        pieces.append(piece)
    running.channel.close()
    return pieces


async def test_streams_and_exit_code(client: ExecMonitorClient, tmp_path: Path) -> None:
    run = order(tmp_path, "cat; echo err >&2; exit 7", stdin=True)
    running = await client.start(run)
    await running.channel.send(b"in")
    running.channel.close_stdin()
    assert await output(running, run) == [(1, b"in"), (2, b"err\n")]
    assert await exit_code(run) == 7
    assert Path(f"/proc/{running.monitor_pid}").exists()


async def test_a_signals_code(client: ExecMonitorClient, tmp_path: Path) -> None:
    run = order(tmp_path, "sleep 1000")
    running = await client.start(run)
    client.end(run.id)
    assert await exit_code(run) == 128 + signal.SIGKILL
    running.channel.close()


async def test_a_runtime_that_fails_or_is_not_there(client: ExecMonitorClient, tmp_path: Path) -> None:
    with pytest.raises(RuntimeRefused) as refused:
        await client.start(order(tmp_path, "", runtime="echo not today >&2; exit 1"))
    assert refused.value.message == "not today"
    missing = ExecOrder("m", ("/nosuch/runtime",), tmp_path / "e", "box", False, False)
    with pytest.raises(RuntimeRefused, match="fork/exec /nosuch/runtime: no such file or directory"):
        await client.start(missing)
    run = order(tmp_path, "exit 0", exec_id="after")
    running = await client.start(run)
    assert await output(running, run) == []


async def test_a_start_that_is_given_up_ends_the_runtime(client: ExecMonitorClient, tmp_path: Path) -> None:
    starting = asyncio.ensure_future(client.start(order(tmp_path, "", runtime='echo $$ > "$0/me"; sleep 1000')))
    me = tmp_path / "e/me"
    while not me.exists() or not me.read_text():
        await asyncio.sleep(0.01)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    while is_alive(int(me.read_text())):
        await asyncio.sleep(0.01)


async def test_the_next_engine_takes_over(client: ExecMonitorClient, tmp_path: Path) -> None:
    run = order(tmp_path, "cat; echo done; exit 4", stdin=True)
    first = await client.start(run)
    await first.channel.send(b"kept ")
    first.channel.close()
    client.close()
    following = ExecMonitorClient(tmp_path / "monitor.sock")
    adopted = await following.adopt()
    assert [(exec_id, one.pid) for exec_id, one in adopted.items()] == [("e", first.pid)]
    await adopted["e"].channel.send(b"input ")
    adopted["e"].channel.close_stdin()
    assert await output(adopted["e"], run) == [(1, b"kept input done\n")]
    assert await exit_code(run) == 4
    following.close()


async def test_what_a_killed_engine_was_about_to_start_is_ended(client: ExecMonitorClient, tmp_path: Path) -> None:
    starting = asyncio.ensure_future(client.start(order(tmp_path, "", runtime='echo $$ > "$0/me"; sleep 1000')))
    me = tmp_path / "e/me"
    while not me.exists() or not me.read_text():
        await asyncio.sleep(0.01)
    following = ExecMonitorClient(tmp_path / "monitor.sock")
    assert await following.adopt() == {}
    with pytest.raises(RuntimeRefused):
        await starting
    assert not is_alive(int(me.read_text()))
    following.close()


async def test_a_killed_monitor_is_told_and_replaced(client: ExecMonitorClient, tmp_path: Path) -> None:
    run = order(tmp_path, "sleep 1000")
    running = await client.start(run)
    slow = order(tmp_path, "", exec_id="slow", runtime='echo $$ > "$0/new"; mv "$0/new" "$0/began"; exec sleep 1000')
    starting = asyncio.ensure_future(client.start(slow))
    while not (began := slow.run_dir / "began").exists():
        await asyncio.sleep(0.01)
    os.kill(running.monitor_pid, signal.SIGKILL)
    with pytest.raises(SystemFailure, match="the exec monitor has gone"):
        await starting
    for pid in (running.pid, int(began.read_text())):
        os.kill(pid, signal.SIGKILL)
    running.channel.close()
    again = order(tmp_path, "echo again", exec_id="again")
    assert await output(await client.start(again), again) == [(1, b"again\n")]


async def test_without_an_engine_and_an_exec_it_ends(tmp_path: Path) -> None:
    client = ExecMonitorClient(tmp_path / "monitor.sock")
    run = order(tmp_path, "sleep 0.2")
    running = await client.start(run)
    client.close()
    running.channel.close()
    await exit_code(run)
    while is_alive(running.monitor_pid):
        await asyncio.sleep(0.01)
    assert not (tmp_path / "monitor.sock").exists()
    assert await ExecMonitorClient(tmp_path / "monitor.sock").adopt() == {}
