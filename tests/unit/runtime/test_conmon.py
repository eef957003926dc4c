from pathlib import Path

from seaway.runtime.bundle import RunDirectory, last_message
from seaway.runtime.conmon import Answer, Launch, conmon_argv, conmon_env, parse_answer


def launch(**changes: object) -> Launch:
    values: dict[str, object] = {
        "container_id": "c" * 64,
        "directory": RunDirectory(Path("/run/r")),
        "runtime_path": "/usr/bin/crun",
        "runtime_args": ("--root", "/run/state"),
        "log_path": None,
        "terminal": False,
        "stdin": False,
    }
    return Launch(**(values | changes))  # type: ignore[arg-type]


def test_one_without_a_log() -> None:
    argv = conmon_argv("conmon", launch())
    assert argv[argv.index("-l") + 1] == "none"
    assert "--runtime-arg=/run/state" in argv


def test_a_container_with_terminal_and_log() -> None:
    argv = conmon_argv("conmon", launch(terminal=True, stdin=True, leave_stdin_open=True, log_path=Path("/l")))
    assert argv[argv.index("-l") + 1] == "k8s-file:/l"
    assert {"-t", "-i", "--leave-stdin-open"} <= set(argv)


def test_log_times_are_utc() -> None:
    assert conmon_env({"_OCI_SYNCPIPE": 7})["TZ"] == "UTC0"
    assert conmon_env({"_OCI_SYNCPIPE": 7})["_OCI_SYNCPIPE"] == "7"


def test_answers() -> None:
    assert parse_answer(b'{"data": 12}') == Answer(12)
    assert parse_answer(b'{"data": -1, "message": "no"}') == Answer(-1, "no")
    assert parse_answer(b"").data == -1


def test_the_runtimes_last_error_counts() -> None:
    lines = [b'{"level":"error","msg":"a"}', b'{"level":"error","msg":"b"}', b'{"level":"warning","msg":"c"}', b"{"]
    assert last_message(lines) == "b"
