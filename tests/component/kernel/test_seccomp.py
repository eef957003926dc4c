"""The compiled filter, put on a process of its own: what it refuses."""

import errno
import json
import subprocess
import sys
from typing import Any

import pytest

from seaway.kernel.seccomp import CannotCompile, compile_filter
from seaway.runtime.seccomp_filter import ANNOTATION, with_compiled_filter
from seaway.runtime.spec.seccomp import default_profile

UNDER_FILTER = """
import ctypes, json, os, sys
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]
code = bytes.fromhex(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(Program(len(code) // 8, code)), 0, 0) == 0
def number(call):
    try:
        call()
    except OSError as failure:
        return failure.errno
    return 0
print(json.dumps([number(eval("lambda: " + text)) for text in sys.argv[2:]]))
"""


def errors(section: dict[str, Any], *calls: str) -> Any:
    """The errno of each Python expression under the filter; 0 where it succeeds."""
    command = [sys.executable, "-c", UNDER_FILTER, compile_filter(section).hex(), *calls]
    return json.loads(subprocess.run(command, check=True, capture_output=True, timeout=30).stdout)


@pytest.fixture(autouse=True)
def _library() -> None:
    try:
        compile_filter({"defaultAction": "SCMP_ACT_ALLOW"})
    except CannotCompile as missing:
        pytest.skip(f"needs libseccomp: {missing}")


def rule(names: list[str], number: int, *args: dict[str, Any]) -> dict[str, Any]:
    return {"names": names, "action": "SCMP_ACT_ERRNO", "errnoRet": number, "args": list(args)}


def test_a_syscall_is_refused_with_its_errno_and_an_unknown_one_is_passed_over() -> None:
    section = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule(["getcwd", "no_such_call"], 77)]}
    assert errors(section, "os.getcwd()", "os.getpid()") == [77, 0]


def test_arguments_must_all_hold_but_several_about_one_are_alternatives() -> None:
    first = {"index": 0, "op": "SCMP_CMP_EQ", "value": 0}
    second = {"index": 1, "op": "SCMP_CMP_EQ", "value": 7}
    both = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule(["setpriority", "getpriority"], 77, first, second)]}
    calls = ("os.getpriority(0, 7)", "os.getpriority(1, 7)", "os.getpriority(0, 0)")
    assert errors(both, *calls)[0] == 77
    assert 77 not in errors(both, *calls)[1:]
    either = [{**second, "value": 7}, {**second, "value": 0}]
    section = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule(["getpriority"], 77, *either)]}
    assert errors(section, "os.getpriority(0, 7)", "os.getpriority(0, 0)") == [77, 77]


def test_the_default_profile_compiles_and_holds() -> None:
    set_clock = "__import__('time').clock_settime(0, -1)"  # EINVAL for root, where nothing refuses the call itself
    assert errors({"defaultAction": "SCMP_ACT_ALLOW"}, set_clock) == [errno.EINVAL]
    assert errors(default_profile(frozenset(), "amd64", (6, 1)), set_clock, "os.getpid()") == [errno.EPERM, 0]


def test_what_a_filter_alone_cannot_do_is_left_to_the_runtime() -> None:
    section = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getcwd"], "action": "SCMP_ACT_NOTIFY"}]}
    with pytest.raises(CannotCompile):
        compile_filter(section)
    spec = {"linux": {"seccomp": section}}
    assert with_compiled_filter(spec) is spec


def test_the_profile_stays_beside_its_compiled_form() -> None:
    section = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule(["getcwd"], 77)]}
    spec = with_compiled_filter({"linux": {"seccomp": section}, "annotations": {"a": "b"}})
    assert spec["linux"]["seccomp"] == section
    assert spec["annotations"]["a"] == "b"
    assert spec["annotations"][ANNOTATION]
