"""In a process that runs tests for another one: each report is a line of JSON that the other one reads."""

import json
import os
from typing import Any

import pytest


class Reporter:
    """Writes to the file descriptor `out`."""

    def __init__(self, config: pytest.Config, out: int) -> None:
        self._config, self._out = config, out

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
            line = line[os.write(self._out, line) :]
