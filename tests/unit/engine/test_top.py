import pytest

from seaway.base.errors import SystemFailure
from seaway.engine.top import parse_ps, validate_ps_args

OUTPUT = """UID          PID    PPID  CMD
root           7       1  sleep 1000
root           8       1  sh -c  a b
-              -       -  thread of 8
root           9       1  another's
-              -       -  thread of 9
"""


def test_the_containers_processes_with_their_threads() -> None:
    found = parse_ps(OUTPUT, frozenset({7, 8}))
    assert found.titles == ["UID", "PID", "PPID", "CMD"]
    assert [row[-1] for row in found.rows] == ["sleep 1000", "sh -c a b", "thread of 8"]


def test_without_a_pid_column_nothing_can_be_told_apart() -> None:
    with pytest.raises(SystemFailure, match="Couldn't find PID field in ps output"):
        parse_ps("UID CMD\nroot x\n", frozenset({1}))


@pytest.mark.parametrize("args", ["-o foo=PID", "-o uid= PIDX"])
def test_nothing_else_may_be_called_pid(args: str) -> None:
    with pytest.raises(SystemFailure, match="is not allowed"):
        validate_ps_args(args)
    validate_ps_args("-o pid=PID")
