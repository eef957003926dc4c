"""Where a test runs: here, in a process beside, or in a virtual machine with Debian's kernel, which has cgroup v2.

pytest tests/vm                             what depends on cgroup v2, in the machine
pytest --in-vm tests/conformance/test_x.py  any other tests, there
"""

import signal
from pathlib import Path

import pytest

from beside.lanes import Plan, send_beside
from beside.reporter import Reporter
from vm import modules, outside, wanted

VM = Path(__file__).parent / "vm"
BESIDE = (Plan(VM, niceness=5), Plan(Path(__file__).parent / "conformance/dockerpy"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--in-vm", action="store_true", help="run all tests in a virtual machine with Debian's kernel")
    parser.addoption("--selinux", action="store_true", help="the virtual machine starts with SELinux")
    parser.addoption("--reports-to", type=int, metavar="FD", help="where a lane beside the others tells of its tests")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", modules.MARKER)
    config.addinivalue_line("markers", outside.MARKER)
    if (out := config.getoption("--reports-to")) is not None:
        config.pluginmanager.register(Reporter(config, out))
    if (
        signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    ):  # as in a shell's background, and all programs would inherit it
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if wanted.is_inside():
        modules.load_for(items)
        return
    everything = config.getoption("--in-vm")
    here = items if everything else send_beside(config, items, *BESIDE)
    outside.send_into_machine(config, [item for item in here if everything or item.path.is_relative_to(VM)])
    if not everything:
        modules.skip_without(here)
