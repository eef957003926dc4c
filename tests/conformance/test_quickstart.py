"""The README's first command, in a network namespace and on a root of the test's own."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.engines import make_namespace

ROOT = Path(__file__).parents[2]


@pytest.fixture
def quickstart(tmp_path: Path) -> Iterator[list[str]]:
    if os.geteuid():
        pytest.skip("needs root")
    if not (ROOT / ".venv/bin/seaway").exists():
        pytest.skip("needs the checkout's own .venv, which scripts/setup makes")
    namespace = f"seaway-quick-{os.getpid()}"
    make_namespace(namespace)
    yield [
        *("nsenter", f"--net=/run/netns/{namespace}"),
        *("env", f"SEAWAY_QUICKSTART={tmp_path / 'q'}", "bash", str(ROOT / "scripts/quickstart")),
    ]
    subprocess.run(["ip", "netns", "del", namespace], check=True)


def said(command: list[str], *args: str) -> str:
    done = subprocess.run([*command, *args], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(300)
def test_a_container_runs_and_stop_takes_all_of_it_away(quickstart: list[str], tmp_path: Path) -> None:
    assert "Hello from a container that Seaway runs." in said(quickstart)
    assert "Hello from a container that Seaway runs." in said(quickstart)
    inside = quickstart[:2]
    assert "seaway" in said([*inside, "nft", "list", "tables"])
    assert "stopped, and removed" in said(quickstart, "stop")
    assert list(tmp_path.iterdir()) == []
    assert said([*inside, "nft", "list", "tables"]) == ""
    assert "seaway0" not in said([*inside, "ip", "-o", "link"])
