"""Tests that run in a pytest beside the others are reported as if they had run here."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
CONFTEST = """
from pathlib import Path
from beside.lanes import Plan, send_beside
from beside.reporter import Reporter

def pytest_addoption(parser):
    parser.addoption("--reports-to", type=int)

def pytest_configure(config):
    if config.getoption("--reports-to") is not None:
        config.pluginmanager.register(Reporter(config, config.getoption("--reports-to")))

def pytest_collection_modifyitems(config, items):
    send_beside(config, items, Plan(Path(__file__).parent / "aside", niceness=1))
"""
# Each waits for what the other does, so that they pass together alone.
ASIDE = """
import os, time, pytest
from pathlib import Path

def meet(mine, other):
    Path(mine).touch()
    for _ in range(600):
        if Path(other).exists():
            return
        time.sleep(0.05)
    raise AssertionError("nobody came")

def test_meets():
    meet("aside-was-here", "other-was-here")
    Path("pids").write_text(f"{os.getpid()} {os.getppid()}")

@pytest.mark.parametrize("text", ["a::b", "[c] d"])
def test_parametrized(text):
    assert text

def test_skipped():
    pytest.skip("for a reason")
"""
HERE = (
    ASIDE.split("def test_meets")[0]
    + """
def test_meets():
    meet("other-was-here", "aside-was-here")
"""
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pytest.ini").write_text(f"[pytest]\npythonpath = {TESTS}\naddopts = -ra --import-mode=importlib\n")
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "aside").mkdir()
    (tmp_path / "aside/test_aside.py").write_text(ASIDE)
    (tmp_path / "test_here.py").write_text(HERE)
    return tmp_path


def run(project: Path, *args: str) -> tuple[int, str]:
    done = subprocess.run(command(*args), cwd=project, capture_output=True, text=True, check=False, timeout=100)
    return done.returncode, done.stdout


def command(*args: str) -> list[str]:
    return [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", *args]


def test_they_run_at_once_and_are_told_last(project: Path) -> None:
    status, said = run(project)
    assert status == 0, said
    assert "4 passed, 1 skipped" in said
    assert said.index("test_here.py::test_meets PASSED") < said.index("aside/test_aside.py::test_meets PASSED")
    assert "aside/test_aside.py::test_parametrized[a::b] PASSED" in said
    assert "for a reason" in said
    own, parent = map(int, (project / "pids").read_text().split())
    assert own != parent


def test_alone_they_run_here(project: Path) -> None:
    (project / "other-was-here").touch()
    status, said = run(project, "aside")
    assert (status, "3 passed, 1 skipped" in said) == (0, True), said


def test_a_failure_there_is_one_here(project: Path) -> None:
    with open(project / "aside/test_aside.py", "a") as file:
        file.write("\ndef test_fails():\n    value = 7\n    assert value == 8, 'not eight'\n")
    status, said = run(project)
    assert status == 1
    assert "AssertionError: not eight" in said
    assert "1 failed, 4 passed, 1 skipped" in said


def test_a_lane_that_dies_fails_what_it_has_not_told(project: Path) -> None:
    with open(project / "aside/test_aside.py", "a") as file:
        file.write(
            "\ndef test_dies():\n    print('last words', flush=True)\n    os._exit(7)\n\ndef test_after():\n    pass\n"
        )
    status, said = run(project)
    assert status == 1
    assert "the lane ended with 7" in said
    assert "not run: what runs the tests failed before: the lane ended with 7" in said
    assert "2 failed, 4 passed, 1 skipped" in said


SLOW = """
import time, pytest
from pathlib import Path

@pytest.fixture
def made():
    Path("made").touch()
    yield
    Path("made").unlink()

def test_long(made):
    time.sleep(300)
"""


@contextmanager
def interrupted(project: Path, number: signal.Signals) -> Iterator["subprocess.Popen[str]"]:
    (project / "aside/test_aside.py").write_text(SLOW)
    (project / "test_here.py").write_text("import time\n\ndef test_long():\n    time.sleep(300)\n")
    process = subprocess.Popen(
        command(),
        cwd=project,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "TMPDIR": str(project)},  # one that is killed leaves the lane's folder
    )
    wait_until(project / "made", exists=True)
    os.kill(process.pid, number)
    with process:
        yield process


def wait_until(path: Path, *, exists: bool) -> None:
    for _ in range(1200):
        if path.exists() == exists:
            return
        time.sleep(0.05)
    raise AssertionError(f"{path} is {'missing' if exists else 'still there'}")


def test_an_interrupt_ends_the_lane_that_clears_up(project: Path) -> None:
    with interrupted(project, signal.SIGINT) as process:
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 2
        assert re.search(r"no tests ran|KeyboardInterrupt", said)
    assert not (project / "made").exists()


def test_a_lane_does_not_outlive_what_started_it(project: Path) -> None:
    with interrupted(project, signal.SIGKILL) as process:
        assert process.wait(60) == -signal.SIGKILL
    wait_until(project / "made", exists=False)
