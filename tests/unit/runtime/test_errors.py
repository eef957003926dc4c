import pytest

from seaway.base.errors import InvalidParameter, SystemFailure
from seaway.runtime.errors import ProcessGone, RuntimeCommandFailed, command_failure, create_failure, exec_failure

CREATE = "failed to create task for container: failed to create shim task: OCI runtime create failed: "
INIT = "unable to start container process: error during container init: "


@pytest.mark.parametrize(
    ("runtime", "said", "command", "text", "code"),
    [
        ("crun", "executable file `x` not found in $PATH: No such file or directory", "x",
         f'crun create failed: {INIT}exec: "x": executable file not found in $PATH', 127),
        ("crun", "executable file `/x` not found in $PATH: No such file or directory", "/x",
         f'crun create failed: {INIT}exec: "/x": stat /x: no such file or directory', 127),
        ("crun", "open executable: Operation not permitted", "/etc",
         f'crun create failed: {INIT}exec: "/etc": is a directory: permission denied', 126),
        ("runc", f'runc create failed: {INIT}exec: "x": executable file not found in $PATH', "x",
         f'runc create failed: {INIT}exec: "x": executable file not found in $PATH', 127),
    ],
)  # fmt: skip
def test_the_users_command(runtime: str, said: str, command: str, text: str, code: int) -> None:
    failure = create_failure(runtime, said, command)
    assert isinstance(failure, InvalidParameter)
    assert (failure.message, failure.exit_code) == (f"{CREATE}{text}: unknown", code)


def test_what_is_not_the_users_fault() -> None:
    failure = create_failure("crun", "write to `/sys/fs/cgroup/memory/x`: Device or resource busy", "sh")
    assert isinstance(failure, SystemFailure)
    assert failure.exit_code == 128
    assert failure.message.endswith(
        "crun create failed: write to `/sys/fs/cgroup/memory/x`: device or resource busy: unknown"
    )


def test_a_file_mounted_on_a_directory() -> None:
    failure = create_failure("crun", "mount `/etc/hosts` to `etc`: Not a directory", "sh")
    assert failure.exit_code == 127
    assert "Are you trying to mount a directory onto a file (or vice-versa)?" in failure.message


def test_exec() -> None:
    failure = exec_failure("executable file `x` not found in $PATH: No such file or directory", "x")
    assert failure.exit_code == 127
    assert failure.message == (
        "OCI runtime exec failed: exec failed: unable to start container process: "
        'exec: "x": executable file not found in $PATH: unknown'
    )


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("the sysctl `a.b` is not namespaced", 'sysctl "a.b" is not in a separate kernel namespace'),
        (
            "the sysctl `net.x` requires a new network namespace",
            'sysctl "net.x" not allowed in host network namespace',
        ),
        ("invalid rlimit `RLIMIT_FOO`", "wrong rlimit value: RLIMIT_FOO"),
        ("read from the init process", "read from the init process"),
    ],
)
def test_cruns_complaints_have_runcs_words(said: str, words: str) -> None:
    assert create_failure("crun", said, "sh").message == f"{CREATE}crun create failed: {words}: unknown"


def test_what_runc_logs_is_what_it_says() -> None:
    failure = command_failure('time="2026-11-24T09:03:03Z" level=error msg="cannot \\"do\\" it"')
    assert (str(failure), type(failure)) == ('cannot "do" it', RuntimeCommandFailed)
    assert type(command_failure("open pidfd: No such process")) is ProcessGone
