"""Compiles an OCI `linux.seccomp` section to the kernel's filter, through libseccomp as the OCI runtimes do.

A runtime needs 12 ms to compile the default profile, at each start; compiled once here, it costs nothing.
"""

import ctypes
import errno
import os
from collections.abc import Mapping, Sequence
from typing import Any

LIBRARY = "libseccomp.so.2"
_UNKNOWN_SYSCALL = -1
_WITH_DATA = {"SCMP_ACT_ERRNO": 0x0005_0000, "SCMP_ACT_TRACE": 0x7FF0_0000}
_ACTIONS = {
    "SCMP_ACT_ALLOW": 0x7FFF_0000,
    "SCMP_ACT_KILL": 0x0000_0000,
    "SCMP_ACT_KILL_PROCESS": 0x8000_0000,
    "SCMP_ACT_KILL_THREAD": 0x0000_0000,
    "SCMP_ACT_LOG": 0x7FFC_0000,
    "SCMP_ACT_TRAP": 0x0003_0000,
}
_OPERATORS = {
    "SCMP_CMP_NE": 1,
    "SCMP_CMP_LT": 2,
    "SCMP_CMP_LE": 3,
    "SCMP_CMP_EQ": 4,
    "SCMP_CMP_GE": 5,
    "SCMP_CMP_GT": 6,
    "SCMP_CMP_MASKED_EQ": 7,
}


class CannotCompile(Exception):
    """The library is absent, or the section asks for what a filter alone cannot do (SCMP_ACT_NOTIFY)."""


class _Comparison(ctypes.Structure):
    _fields_ = [
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("value", ctypes.c_uint64),
        ("value_two", ctypes.c_uint64),
    ]


def compile_filter(section: Mapping[str, Any]) -> bytes:
    """The filter as an array of struct sock_filter. Raises CannotCompile."""
    library = _load()
    default = _action(section["defaultAction"], section.get("defaultErrnoRet"))
    context = library.seccomp_init(default)
    if not context:
        raise CannotCompile("seccomp_init")
    try:
        for architecture in section.get("architectures") or ():
            token = library.seccomp_arch_resolve_name(architecture.removeprefix("SCMP_ARCH_").lower().encode())
            _check(library.seccomp_arch_add(context, token), architecture, allowed=-errno.EEXIST)
        for rule in section.get("syscalls") or ():
            action = _action(rule["action"], rule.get("errnoRet"))
            if action != default:
                _add_rule(library, context, action, rule)
        return _export(library, context)
    finally:
        library.seccomp_release(context)


def _add_rule(library: ctypes.CDLL, context: int, action: int, rule: Mapping[str, Any]) -> None:
    for name in rule["names"]:
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number == _UNKNOWN_SYSCALL:
            continue  # newer than the library: the default action holds, as with the runtimes
        for comparisons in _alternatives(rule.get("args") or ()):
            array = (_Comparison * max(1, len(comparisons)))(*comparisons)
            _check(library.seccomp_rule_add_array(context, action, number, len(comparisons), array), name)


def _alternatives(arguments: Sequence[Mapping[str, Any]]) -> list[list[_Comparison]]:
    """All must hold; but several about one argument are alternatives, each with a rule of its own."""
    comparisons = [_comparison(a) for a in arguments]
    if len({a["index"] for a in arguments}) < len(arguments):
        return [[c] for c in comparisons]
    return [comparisons]


def _comparison(argument: Mapping[str, Any]) -> _Comparison:
    try:
        operator = _OPERATORS[argument["op"]]
    except KeyError as unknown:
        raise CannotCompile(f"operator {unknown}") from unknown
    return _Comparison(argument["index"], operator, argument["value"], argument.get("valueTwo") or 0)


def _action(name: str, data: int | None) -> int:
    if name in _WITH_DATA:
        return _WITH_DATA[name] | ((errno.EPERM if data is None else data) & 0xFFFF)
    try:
        return _ACTIONS[name]
    except KeyError:
        raise CannotCompile(f"action {name}") from None


def _check(result: int, what: str, allowed: int = 0) -> None:
    if result not in (0, allowed):
        raise CannotCompile(f"{what}: {os.strerror(-result)}")


def _export(library: ctypes.CDLL, context: int) -> bytes:
    fd = os.memfd_create("seccomp.bpf")
    try:
        _check(library.seccomp_export_bpf(context, fd), "seccomp_export_bpf")
        return os.pread(fd, os.fstat(fd).st_size, 0)
    finally:
        os.close(fd)


def _load() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(LIBRARY)
    except OSError as missing:
        raise CannotCompile(str(missing)) from missing
    pointer, number, count = ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint
    library.seccomp_init.restype, library.seccomp_init.argtypes = pointer, [number]
    library.seccomp_arch_resolve_name.restype = number
    library.seccomp_arch_resolve_name.argtypes = [ctypes.c_char_p]
    library.seccomp_arch_add.argtypes = [pointer, number]
    library.seccomp_syscall_resolve_name.argtypes = [ctypes.c_char_p]
    library.seccomp_rule_add_array.argtypes = [pointer, number, ctypes.c_int, count, ctypes.POINTER(_Comparison)]
    library.seccomp_export_bpf.argtypes = [pointer, ctypes.c_int]
    library.seccomp_release.restype, library.seccomp_release.argtypes = None, [pointer]
    return library
