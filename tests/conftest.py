"""Where a test runs: on this machine's kernel, or in a virtual machine with Debian's, which has cgroup v2.

pytest tests/vm                             what depends on cgroup v2, in the machine
pytest --in-vm tests/conformance/test_x.py  any other tests, there
"""

import signal
from pathlib import Path

import pytest

from vm import modules, outside, wanted

VM = Path(__file__).parent / "vm"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--in-vm", action="store_true", help="run all tests in a virtual machine with Debian's kernel")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", modules.MARKER)
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
    outside.send_into_machine(config, [item for item in items if everything or item.path.is_relative_to(VM)])
    if not everything:
        modules.skip_without(items)
