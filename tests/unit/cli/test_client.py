import argparse
import subprocess
import sys

import pytest

from seaway.cli.client import connect, run


def test_where_no_engine_is(capsys: pytest.CaptureFixture[str]) -> None:
    def nobody(arguments: argparse.Namespace) -> None:
        connect("unix:///nosuch.sock")

    assert run(argparse.Namespace(run=nobody)) == 1
    said = capsys.readouterr().err
    assert said == "Cannot connect to the Docker daemon at unix:///nosuch.sock. Is the docker daemon running?\n"


@pytest.mark.parametrize("words", [("port", "ls", "x"), ("network", "audit"), ("volume", "clone", "x")])
def test_each_command_says_so(words: tuple[str, ...]) -> None:
    command = [sys.executable, "-c", "from seaway.cli.main import main; raise SystemExit(main())", *words]
    kind, *rest = words
    done = subprocess.run([*command[:3], kind, "-H", "unix:///nosuch.sock", *rest], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Cannot connect to the Docker daemon at unix:///nosuch.sock.")
