from seaway.runtime.spec.process import DEFAULT_PATH, build_env, build_process
from seaway.runtime.spec.request import ProcessRequest, Rlimit


def test_docker_gives_path_hostname_and_term() -> None:
    env = build_env(["A=1"], hostname="abc", terminal=True)
    assert env == (f"PATH={DEFAULT_PATH}", "HOSTNAME=abc", "TERM=xterm", "A=1")


def test_the_user_replaces_and_removes() -> None:
    env = build_env(["PATH=/x", "HOSTNAME"], hostname="abc", terminal=False, links=["DB_NAME=/a/db"])
    assert env == ("PATH=/x", "DB_NAME=/a/db")


def test_no_limit_is_the_largest_number() -> None:
    process = build_process(ProcessRequest(args=("x",), rlimits=(Rlimit("core", -1, 0),)))
    assert process["rlimits"] == [{"type": "RLIMIT_CORE", "hard": 2**64 - 1, "soft": 0}]
