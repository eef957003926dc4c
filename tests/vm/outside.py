"""On the host: tests that belong into the machine run there, and are reported as if they had run here."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

import pytest

from beside.remote import Remote, RemoteFailed
from vm.debian import BuildFailed
from vm.kinds import ORDINARY, SELINUX, Kind
from vm.machine import BOOT_WITHIN_S, Machine, started, why_not
from vm.wanted import Wanted

MARKER = "selinux: needs a machine that starts with SELinux; it runs with --selinux"


def send_into_machine(config: pytest.Config, items: list[pytest.Item]) -> None:
    """These items run in the machine, or are skipped if there can be none, or it is not of their kind."""
    kind = SELINUX if config.getoption("--selinux") else ORDINARY
    if reason := why_not():
        for item in items:
            item.add_marker(pytest.mark.skip(reason=reason))
    elif fitting := [item for item in items if kind is SELINUX or not _skipped_without(item)]:
        config.pluginmanager.register(Remote(config, fitting, partial(_machine, kind), BOOT_WITHIN_S))


def _skipped_without(item: pytest.Item) -> bool:
    """Whether it needs SELinux, which the ordinary machine has not."""
    if not item.get_closest_marker("selinux"):
        return False
    file = item.nodeid.partition("::")[0]
    item.add_marker(pytest.mark.skip(reason=f"needs SELinux: run it with scripts/test-vm --selinux {file}"))
    return True


@contextmanager
def _machine(kind: Kind, nodeids: tuple[str, ...]) -> Iterator[Machine]:
    with ExitStack() as open_until_the_end:
        try:
            machine = open_until_the_end.enter_context(started(Wanted(nodeids), kind))
        except BuildFailed as failure:
            raise RemoteFailed(f"the machine's disk could not be made: {failure}") from failure
        yield machine
