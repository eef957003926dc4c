import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from vm.machine import Machine, MachineFailed

Made = Callable[[str], Machine]


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Made]:
    """One whose second serial port is what a shell writes, and whose first one told of a panic."""
    (tmp_path / "qemu").touch()
    (tmp_path / "console").write_text("booting\nKernel panic - not syncing\n")
    with ExitStack() as ended:

        def make(script: str) -> Machine:
            process = subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE)
            ended.enter_context(process)
            ended.callback(process.kill)
            return Machine(tmp_path, process)

        yield make


def test_what_it_tells_is_read_line_by_line(machine: Made) -> None:
    talking = machine("""echo '{"a": 1}'; echo '{"b": 2}'""")
    assert [talking.next_message(10), talking.next_message(10)] == [{"a": 1}, {"b": 2}]


def test_an_early_end_is_told_with_the_log(machine: Made) -> None:
    with pytest.raises(MachineFailed, match=r"the machine ended; .*\nbooting\nKernel panic"):
        machine("""printf '{"half'""").next_message(10)


def test_silence_is_told_with_the_log(machine: Made) -> None:
    with pytest.raises(MachineFailed, match="nothing was heard for 0 seconds; .*\nbooting\nKernel panic"):
        machine("exec sleep 100").next_message(0.05)
