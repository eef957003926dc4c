"""On the host: tests that belong into the machine run there, and are reported as if they had run here."""

from contextlib import ExitStack

import pytest

from vm.debian import BuildFailed
from vm.machine import BOOT_WITHIN_S, Machine, MachineFailed, started, why_not
from vm.wanted import Wanted

# More than the longest that a test is given in there between two reports.
SILENCE_S = 1200


class Remote:
    """The items that run in the machine; it is started with the first one, and told of all."""

    def __init__(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        self._config, self._waiting = config, [item.nodeid for item in items]
        self._items = set(self._waiting)
        self._machine: Machine | None = None
        self._failed: str | None = None
        self._open = ExitStack()
        for item in items:
            item.add_marker(pytest.mark.timeout(0), append=False)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool | None:
        if item.nodeid not in self._items:
            return None
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for report in self._reports(item):
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def pytest_sessionfinish(self) -> None:
        self._open.close()

    def _reports(self, item: pytest.Item) -> list[pytest.TestReport]:
        if self._failed:
            return [_failure(item, "not run: the machine failed before")]
        try:
            return self._reports_of(item.nodeid, self._running())
        except (BuildFailed, MachineFailed) as failure:
            self._failed = str(failure)
            return [_failure(item, self._failed)]
        finally:
            self._waiting.remove(item.nodeid)

    def _running(self) -> Machine:
        if not self._machine:
            self._machine = self._open.enter_context(started(Wanted(tuple(self._waiting))))
        return self._machine

    def _reports_of(self, nodeid: str, machine: Machine) -> list[pytest.TestReport]:
        reports: list[pytest.TestReport] = []
        silence = BOOT_WITHIN_S
        while (message := machine.next_message(silence)) and (message["kind"], message["nodeid"]) != (
            "finished",
            nodeid,
        ):
            silence = SILENCE_S
            if message["kind"] == "uncollected":
                raise MachineFailed(f"{message['nodeid']} could not be collected in the machine:\n{message['text']}")
            if message["kind"] == "report" and message["nodeid"] == nodeid:
                data = message["report"]
                report = self._config.hook.pytest_report_from_serializable(config=self._config, data=data)
                if isinstance(report.longrepr, list):
                    report.longrepr = tuple(report.longrepr)  # a skip, of whose triple JSON made a list
                reports.append(report)
        return reports


def _failure(item: pytest.Item, text: str) -> pytest.TestReport:
    return pytest.TestReport(item.nodeid, item.location, {}, "failed", text, "call")


def send_into_machine(config: pytest.Config, items: list[pytest.Item]) -> None:
    """These items run in the machine, or are skipped if there can be none."""
    if reason := why_not():
        for item in items:
            item.add_marker(pytest.mark.skip(reason=reason))
    elif items:
        config.pluginmanager.register(Remote(config, items))
