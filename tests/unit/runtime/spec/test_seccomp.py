from typing import Any

import pytest

from seaway.runtime.spec.capabilities import DEFAULT
from seaway.runtime.spec.seccomp import default_profile
from seaway.runtime.spec.seccomp_custom import custom_profile

KERNEL = (6, 1)


def allowed(profile: dict[str, Any]) -> set[str]:
    return {
        name
        for rule in profile["syscalls"]
        if rule["action"] == "SCMP_ACT_ALLOW" and "args" not in rule
        for name in rule["names"]
    }


def test_an_ordinary_container() -> None:
    profile = default_profile(frozenset(DEFAULT), "amd64", KERNEL)
    assert (profile["defaultAction"], profile["defaultErrnoRet"]) == ("SCMP_ACT_ERRNO", 1)
    assert profile["architectures"] == ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]
    names = allowed(profile)
    assert {"openat", "execve", "futex_waitv", "arch_prctl", "ptrace", "chroot"} <= names
    assert not names & {"mount", "clone", "clone3", "bpf", "io_uring_setup", "kexec_load", "reboot", "setns", "socket"}


def test_new_namespaces_are_refused_by_a_mask() -> None:
    rules = default_profile(frozenset(DEFAULT), "amd64", KERNEL)["syscalls"]
    clone = next(r for r in rules if r["names"] == ["clone"])
    assert clone["args"] == [{"index": 0, "value": 2114060288, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]
    clone3 = next(r for r in rules if r["names"] == ["clone3"])
    assert (clone3["action"], clone3["errnoRet"]) == ("SCMP_ACT_ERRNO", 38)
    s390 = default_profile(frozenset(), "s390x", KERNEL)["syscalls"]
    assert next(r for r in s390 if r["names"] == ["clone"])["args"][0]["index"] == 1


def test_capabilities_open_calls() -> None:
    admin = default_profile(frozenset({"CAP_SYS_ADMIN"}), "amd64", KERNEL)
    assert {"mount", "clone", "clone3", "setns"} <= allowed(admin)
    assert not any(r["names"] == ["clone3"] for r in admin["syscalls"])
    assert "settimeofday" in allowed(default_profile(frozenset({"CAP_SYS_TIME"}), "amd64", KERNEL))


def test_architecture_and_kernel() -> None:
    arm = default_profile(frozenset(), "arm64", (4, 4))
    assert arm["architectures"] == ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]
    assert "set_tls" in allowed(arm)
    assert not allowed(arm) & {"arch_prctl", "ptrace"}


def test_vsock_is_refused() -> None:
    rules = default_profile(frozenset(), "amd64", KERNEL)["syscalls"]
    socket = [r for r in rules if r["names"] == ["socket"]]
    assert [r["args"] for r in socket] == [[{"index": 0, "value": 40, "op": "SCMP_CMP_NE"}]]


def test_a_profile_of_the_users() -> None:
    profile = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}],
        "syscalls": [
            {"name": "mkdir", "action": "SCMP_ACT_ERRNO"},
            {"names": ["mount"], "action": "SCMP_ACT_ERRNO", "excludes": {"caps": ["CAP_SYS_ADMIN"]}},
            {"names": ["bpf"], "action": "SCMP_ACT_ERRNO", "includes": {"minKernel": "9.0"}},
        ],
    }
    resolved = custom_profile(profile, frozenset({"CAP_SYS_ADMIN"}), "amd64", KERNEL)
    assert resolved["architectures"] == ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]
    assert resolved["syscalls"] == [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]


def test_a_profile_that_contradicts_itself() -> None:
    with pytest.raises(ValueError, match="use either one"):
        custom_profile({"architectures": ["a"], "archMap": [{}], "syscalls": [{}]}, frozenset(), "amd64", KERNEL)
