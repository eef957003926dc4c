"""In the machine: pytest with the tests that were asked for, each report a line on the second serial port."""

import os
import sys
import termios
import tty
from pathlib import Path

import pytest

from beside.reporter import Reporter
from vm.wanted import FILE, Wanted

PORT = "/dev/ttyS1"
# The machine is emulated, and others may use the real one's cores.
SLOWER = 8


class Slower:
    """Tests are given more time than on the real machine."""

    def __init__(self, config: pytest.Config) -> None:
        self._default = float(config.getini("timeout") or 0)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            marker = item.get_closest_marker("timeout")
            seconds = marker.args[0] if marker and marker.args else self._default
            item.add_marker(pytest.mark.timeout(seconds * SLOWER), append=False)


class Plugin:
    def __init__(self, port: int) -> None:
        self._port = port

    def pytest_configure(self, config: pytest.Config) -> None:
        config.pluginmanager.register(Slower(config))
        config.pluginmanager.register(Reporter(config, self._port))


def main() -> int:
    os.environ["SEAWAY_TEST_PATIENCE"] = str(SLOWER)
    wanted = Wanted.read(Path(FILE))
    port = os.open(PORT, os.O_WRONLY | os.O_NOCTTY)
    tty.setraw(port)
    try:
        return pytest.main(["-q", "-p", "no:cacheprovider", *wanted.options, *wanted.nodeids], [Plugin(port)])
    finally:
        termios.tcdrain(port)


if __name__ == "__main__":
    sys.exit(main())
