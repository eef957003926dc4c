"""A real bus, of the test's own."""

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from seaway.kernel.dbus import BUS, BUS_PATH, DBusFailed, connected

CONFIGURATION = """
<busconfig>
  <listen>unix:path={}</listen>
  <policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy>
</busconfig>
"""


@pytest.fixture
def bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator["subprocess.Popen[str]"]:
    if not shutil.which("dbus-daemon"):
        pytest.skip("needs dbus-daemon")
    (tmp_path / "conf").write_text(CONFIGURATION.format(tmp_path / "bus"))
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/bus,guid=1;unix:path=/nowhere")
    command = ["dbus-daemon", f"--config-file={tmp_path}/conf", "--nofork", "--nopidfile", "--print-address"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as daemon:
        assert daemon.stdout
        assert daemon.stdout.readline()
        yield daemon
        daemon.terminate()


async def test_calls_and_their_failures(bus: object) -> None:
    async with connected() as mine:
        assert (await mine.call(BUS, BUS_PATH, f"{BUS}.NameHasOwner", "s", BUS)) == (True,)
        with pytest.raises(DBusFailed) as caught:
            await mine.call("com.example.Nobody", "/", "com.example.Nobody.Hello")
        assert caught.value.name == f"{BUS}.Error.NameHasNoOwner"


async def test_a_signal_that_was_asked_for(bus: object) -> None:
    async with connected() as hearing, connected() as telling:
        await hearing.subscribe("type='signal',member='NameOwnerChanged',arg0='com.example.A'")
        for name in ("com.example.B", "com.example.A"):
            await telling.call(BUS, BUS_PATH, f"{BUS}.RequestName", "su", name, 0)
        async with asyncio.timeout(5):
            heard = await anext(hearing.signals())
        assert heard.body[0] == "com.example.A"


async def test_a_bus_that_ends(bus: "subprocess.Popen[str]") -> None:
    with pytest.raises(DBusFailed, match="the bus is gone"):
        async with connected() as mine:
            bus.terminate()
            async for _ in mine.signals():
                pass
    with pytest.raises(DBusFailed, match="no system bus"):
        async with connected():
            pass
