"""Which system calls a container may make: dockerd's default profile, resolved for one container.

`seccomp_default.json` states the facts in a form of our own (names by what allows them); everything that it does not
allow fails with EPERM. The facts come from two published states of moby's profile, one before 28 and one after: the
names of the later one (so no io_uring), and the earlier rule for socket(), every family but AF_VSOCK, where the later
one lists families. 28.5.2's own file was not at hand to compare with. What depends on flags (clone) is below.
"""

import json
from functools import cache
from importlib import resources
from typing import Any

from seaway.runtime.spec.seccomp_custom import at_least

ALLOW, ERRNO, EPERM, ENOSYS = "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", 1, 38
NEW_NAMESPACES = 0x7E020000  # every CLONE_NEW* flag that unshare knows but time
_S390 = ("s390", "s390x")


def default_profile(caps: frozenset[str], arch: str, kernel: tuple[int, int]) -> dict[str, Any]:
    """The OCI spec's linux.seccomp; `arch` is Go's name for it."""
    facts = _facts()
    allowed = set(" ".join(facts["always"]).split())
    for version, names in facts["since_kernel"].items():
        if at_least(kernel, version):
            allowed.update(names.split())
    allowed.update(facts["on_architecture"].get(arch, "").split())
    for capability in caps:
        allowed.update(facts["with_capability"].get(capability, "").split())
    return {
        "defaultAction": ERRNO,
        "defaultErrnoRet": EPERM,
        "architectures": [f"SCMP_ARCH_{name}" for name in facts["architectures"].get(arch, "").split()],
        "syscalls": [
            {"names": sorted(allowed), "action": ALLOW},
            *map(_with_argument, facts["with_argument"]),
            *([] if "CAP_SYS_ADMIN" in caps else _clone_without_namespaces(arch)),
        ],
    }


def _with_argument(fact: dict[str, Any]) -> dict[str, Any]:
    condition = {"index": fact["index"], "value": fact["value"], "op": f"SCMP_CMP_{fact['op']}"}
    return {"names": [fact["name"]], "action": ALLOW, "args": [condition]}


def _clone_without_namespaces(arch: str) -> list[dict[str, Any]]:
    """clone3's flags lie in memory, out of a filter's reach: ENOSYS makes libc fall back to clone."""
    flags = 1 if arch in _S390 else 0
    condition = {"index": flags, "value": NEW_NAMESPACES, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}
    return [
        {"names": ["clone"], "action": ALLOW, "args": [condition]},
        {"names": ["clone3"], "action": ERRNO, "errnoRet": ENOSYS},
    ]


@cache
def _facts() -> dict[str, Any]:
    text = resources.files(__package__).joinpath("seccomp_default.json").read_text()
    facts: dict[str, Any] = json.loads(text)
    return facts
