import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from seaway.base.errors import SystemFailure
from seaway.cli.main import dockerd, main
from seaway.cli.serve import serve
from seaway.config import EngineConfig


@pytest.fixture(autouse=True)
def _process_state() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, mask = root.handlers[:], root.level, os.umask(0o022)
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    os.umask(mask)


@pytest.fixture
def daemon_json(tmp_path: Path) -> Path:
    path = tmp_path / "daemon.json"
    path.write_text('{"debug": true, "containerd": "/run/x"}')
    return path


def test_serve_runs_the_engine_with_flags_and_file(
    daemon_json: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[EngineConfig] = []
    argv = ["--config-file", str(daemon_json), "--data-root", str(tmp_path)]
    assert serve(argv, "dockerd", lambda config, _reread: ran.append(config)) == 0
    assert (ran[0].debug, ran[0].data_root) == (True, str(tmp_path))
    log = capsys.readouterr().err.splitlines()
    assert 'level=info msg="Starting up"' in log[0]
    assert r'level=warning msg="The \"containerd\" option has no effect' in log[1]


def test_a_failure_of_the_engine_is_one_sentence(daemon_json: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(config: EngineConfig, _reread: object) -> None:
        raise SystemFailure("failed to start daemon: no")

    assert serve(["--config-file", str(daemon_json)], "dockerd", fail) == 1
    assert capsys.readouterr().err.splitlines()[-1] == "failed to start daemon: no"


def test_validate_says_ok(daemon_json: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dockerd(["--validate", "--config-file", str(daemon_json)]) == 0
    assert capsys.readouterr().err == "configuration OK\n"


def test_a_named_file_must_exist(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "none.json"
    assert dockerd(["--validate", f"--config-file={path}"]) == 1
    expected = f"unable to configure the Docker daemon with file {path}: open {path}: no such file or directory\n"
    assert capsys.readouterr().err == expected


def test_a_wrong_flag_is_refused_as_dockerd_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert dockerd(["--bogus"]) == 1
    assert capsys.readouterr().err == "Status: unknown flag: --bogus\nSee 'dockerd --help'., Code: 125\n"


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert dockerd(["--help"]) == dockerd(["--version"]) == main([]) == main(["version"]) == 0
    out = capsys.readouterr().out
    assert "-H, --host list" in out
    assert out.count("Seaway version") == 2


def test_an_unknown_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fly"]) == 1
    assert "'fly' is not a seaway command" in capsys.readouterr().err
