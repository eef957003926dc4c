"""Tests that run in another process, or another machine, and are reported as if they had run here."""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Any, Protocol

import pytest

# More than the longest that a test is given there between two reports.
SILENCE_S = 1200


class RemoteFailed(Exception):
    """It ended, hung or could not be started before its tests were done; the message has what it said last."""


class Teller(Protocol):
    def next_message(self, within_s: float) -> dict[str, Any]:
        """What a `Reporter` tells next. Raises RemoteFailed if nothing comes within that time, or ever."""


class Remote:
    """The items that run there; `start` is called with their IDs before the session's first test, and left at its end."""

    def __init__(
        self,
        config: pytest.Config,
        items: list[pytest.Item],
        start: Callable[[tuple[str, ...]], AbstractContextManager[Teller]],
        start_within_s: float,
    ) -> None:
        self._config, self._start, self._start_within_s = config, start, start_within_s
        self._nodeids = tuple(item.nodeid for item in items)
        self._items = set(self._nodeids)
        self._teller: Teller | None = None
        self._failed: str | None = None
        self._open = ExitStack()
        for item in items:
            item.add_marker(pytest.mark.timeout(0), append=False)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool | None:
        self._ensure_started()
        if item.nodeid not in self._items:
            return None
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for report in self._reports(item):
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def pytest_sessionfinish(self) -> None:
        self._open.close()

    def _ensure_started(self) -> None:
        if self._teller or self._failed:
            return
        try:
            self._teller = self._open.enter_context(self._start(self._nodeids))
        except RemoteFailed as failure:
            self._failed = str(failure)

    def _reports(self, item: pytest.Item) -> list[pytest.TestReport]:
        if self._failed or not self._teller:
            return [_failure(item, f"not run: {self._failed}")]
        try:
            return self._reports_of(item.nodeid, self._teller)
        except RemoteFailed as failure:
            self._failed = f"what runs the tests failed before: {str(failure).splitlines()[0]}"
            return [_failure(item, str(failure))]

    def _reports_of(self, nodeid: str, teller: Teller) -> list[pytest.TestReport]:
        reports: list[pytest.TestReport] = []
        silence = self._start_within_s
        while (message := teller.next_message(silence)) and (message["kind"], message["nodeid"]) != (
            "finished",
            nodeid,
        ):
            silence = SILENCE_S
            if message["kind"] == "uncollected":
                raise RemoteFailed(f"{message['nodeid']} could not be collected there:\n{message['text']}")
            if message["kind"] == "report" and message["nodeid"] == nodeid:
                data = message["report"]
                report = self._config.hook.pytest_report_from_serializable(config=self._config, data=data)
                if isinstance(report.longrepr, list):
                    report.longrepr = tuple(report.longrepr)  # a skip, of whose triple JSON made a list
                reports.append(report)
        return reports


def _failure(item: pytest.Item, text: str) -> pytest.TestReport:
    return pytest.TestReport(item.nodeid, item.location, {}, "failed", text, "call")
