"""On the host: tests that belong into the machine run there, and are reported as if they had run here."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from beside.remote import Remote, RemoteFailed
from vm.debian import BuildFailed
from vm.machine import BOOT_WITHIN_S, Machine, started, why_not
from vm.wanted import Wanted


def send_into_machine(config: pytest.Config, items: list[pytest.Item]) -> None:
    """These items run in the machine, or are skipped if there can be none."""
    if reason := why_not():
        for item in items:
            item.add_marker(pytest.mark.skip(reason=reason))
    elif items:
        config.pluginmanager.register(Remote(config, items, _machine, BOOT_WITHIN_S))


@contextmanager
def _machine(nodeids: tuple[str, ...]) -> Iterator[Machine]:
    with ExitStack() as open_until_the_end:
        try:
            machine = open_until_the_end.enter_context(started(Wanted(nodeids)))
        except BuildFailed as failure:
            raise RemoteFailed(f"the machine's disk could not be made: {failure}") from failure
        yield machine
