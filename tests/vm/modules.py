"""Modules of the kernel that a test needs: `@pytest.mark.modules("ipvlan", "8021q")`."""

import shutil
import subprocess
from pathlib import Path

import pytest

MARKER = "modules(*names): needs these modules of the kernel; where they are missing, it runs with --in-vm"

# Where a kind of link has another name than its module.
_LINKS = {"8021q": "vlan"}


def load_for(items: list[pytest.Item]) -> None:
    for name in sorted({name for item in items for name in _needed(item)}):
        subprocess.run(["modprobe", name], check=True, capture_output=True)


def skip_without(items: list[pytest.Item]) -> None:
    known = {name: _is_there(name) for item in items for name in _needed(item)}
    for item in items:
        if missing := [name for name in _needed(item) if not known[name]]:
            item.add_marker(pytest.mark.skip(reason=f"needs the kernel's {', '.join(missing)}: run it with --in-vm"))


def _needed(item: pytest.Item) -> list[str]:
    return [name for marker in item.iter_markers("modules") for name in marker.args]


def _is_there(name: str) -> bool:
    """Loaded, to be loaded, or part of the kernel."""
    if Path("/sys/module", name.replace("-", "_")).exists():
        return True
    if (
        shutil.which("modprobe")
        and subprocess.run(["modprobe", name], check=False, capture_output=True).returncode == 0
    ):
        return True
    return _makes_links(_LINKS.get(name, name))


def _makes_links(kind: str) -> bool:
    """A kernel that has no modules says so by making a link of that kind, or by another complaint."""
    if not shutil.which("unshare") or not shutil.which("ip"):
        return False
    command = ["unshare", "--net", "ip", "link", "add", "link", "lo", "name", "probe", "type", kind]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return "Unknown device type" not in done.stderr and "Operation not permitted" not in done.stderr
