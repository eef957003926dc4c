"""In the machine: pytest with the tests that were asked for, each report a line on the second serial port."""

import json
import os
import sys
import termios
import tty
from pathlib import Path
from typing import Any

import pytest

from vm.wanted import FILE, Wanted

PORT = "/dev/ttyS1"
# The machine is emulated, and others may use the real one's cores.
SLOWER = 8


class Reporter:
    def __init__(self, config: pytest.Config, port: int) -> None:
        self._config, self._port = config, port

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        default = float(self._config.getini("timeout") or 0)
        for item in items:
            marker = item.get_closest_marker("timeout")
            seconds = marker.args[0] if marker and marker.args else default
            item.add_marker(pytest.mark.timeout(seconds * SLOWER), append=False)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._send(kind="uncollected", nodeid=report.nodeid, text=report.longreprtext)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._send(kind="started", nodeid=nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        data = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        self._send(kind="report", nodeid=report.nodeid, report=data)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self._send(kind="finished", nodeid=nodeid)

    def _send(self, **message: Any) -> None:
        line = json.dumps(message).encode() + b"\n"
        while line:
            line = line[os.write(self._port, line) :]


class Plugin:
    def __init__(self, port: int) -> None:
        self._port = port

    def pytest_configure(self, config: pytest.Config) -> None:
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
