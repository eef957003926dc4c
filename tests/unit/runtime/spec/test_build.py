"""Golden specs: run with UPDATE_GOLDEN=1 to write them anew, then read the difference."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seaway.runtime.spec import SpecRequest, build_spec
from seaway.runtime.spec.capabilities import ALL, DEFAULT
from seaway.runtime.spec.request import (
    Device,
    DeviceRule,
    Namespaces,
    ProcessRequest,
    Resources,
    Rlimit,
    SpecMount,
    Throttle,
    User,
)

GOLDEN = Path(__file__).parents[3] / "golden" / "spec"
PLAIN = SpecRequest(
    process=ProcessRequest(args=("sh",), env=("PATH=/bin",)),
    rootfs="/var/lib/docker/overlay2/abc/merged",
    cgroups_path="/docker/abc",
    bounding=frozenset(ALL),
    hostname="abc",
    namespaces=Namespaces(network="/run/netns/abc"),
    seccomp="unconfined",
)
FULL = replace(
    PLAIN,
    process=ProcessRequest(
        args=("redis-server",),
        cwd="/data",
        user=User(999, 999, (1, 2)),
        terminal=True,
        console_size=(24, 80),
        no_new_privileges=True,
        rlimits=(Rlimit("nofile", 1024, 512), Rlimit("core", -1, -1)),
        oom_score_adj=100,
    ),
    readonly_rootfs=True,
    cap_add=("net_admin",),
    cap_drop=("CAP_MKNOD",),
    mounts=(
        SpecMount("/data/deep", "/srv/deep", "bind", ("rbind", "rslave")),
        SpecMount("/data", "/srv", "bind", ("rbind", "ro")),
        SpecMount("/dev/shm", "/run/shm/abc", "bind", ("rbind",)),
    ),
    devices=(Device("/dev/fuse", "c", 10, 229),),
    device_rules=(DeviceRule("c", 42, None, "rmw"),),
    namespaces=Namespaces("host", "private", "host", "host", "private"),
    resources=Resources(
        memory=64 << 20,
        memory_swap=128 << 20,
        nano_cpus=1_500_000_000,
        cpuset_cpus="0-1",
        pids=0,
        blkio_weight=300,
        read_bps=(Throttle(8, 0, 1024),),
    ),
    sysctls={"kernel.msgmax": "65536"},
    init_path="/usr/bin/tini",
    cpu_count=1,
)
PRIVILEGED = replace(PLAIN, privileged=True, bounding=frozenset(ALL) - {"CAP_SYS_RESOURCE"})


@pytest.mark.parametrize(("name", "request_"), [("plain", PLAIN), ("full", FULL), ("privileged", PRIVILEGED)])
def test_golden(name: str, request_: SpecRequest) -> None:
    spec = build_spec(request_)
    file = GOLDEN / f"{name}.json"
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(json.dumps(spec, indent=1) + "\n")
    assert spec == json.loads(file.read_text())


def test_a_host_gives_only_what_it_has() -> None:
    spec = build_spec(PRIVILEGED)
    caps = spec["process"]["capabilities"]["bounding"]
    assert "CAP_SYS_RESOURCE" not in caps
    assert "CAP_SYS_ADMIN" in caps
    assert "seccomp" not in spec["linux"]


def capabilities(**changes: Any) -> set[str]:
    return set(build_spec(replace(PLAIN, **changes))["process"]["capabilities"]["effective"])


def test_adding_and_dropping() -> None:
    assert capabilities() == set(DEFAULT)
    assert capabilities(cap_drop=("all",), cap_add=("chown",)) == {"CAP_CHOWN"}
    assert capabilities(cap_add=("ALL",), cap_drop=("sys_admin",)) == set(ALL) - {"CAP_SYS_ADMIN"}
    assert capabilities(cap_add=("chown",), cap_drop=("chown",)) == set(DEFAULT) - {"CAP_CHOWN"}
    with pytest.raises(ValueError, match='unknown capability: "CAP_NOSUCH"'):
        capabilities(cap_add=("nosuch",))


def test_a_bind_on_dev_replaces_what_lies_below() -> None:
    mounts = build_spec(replace(PLAIN, mounts=(SpecMount("/dev", "/dev", "bind", ("rbind",)),)))["mounts"]
    assert [m["type"] for m in mounts if m["destination"].startswith("/dev")] == ["bind"]


def test_selinux_labels_are_there_where_they_are_asked_for() -> None:
    process, mount = "u:r:container_t:s0:c1,c2", "u:r:file_t:s0:c1,c2"
    request = replace(PLAIN, process=replace(PLAIN.process, selinux_label=process), mount_label=mount)
    spec = build_spec(request)
    assert (spec["process"]["selinuxLabel"], spec["linux"]["mountLabel"]) == (process, mount)
    assert "selinuxLabel" not in build_spec(PLAIN)["process"]
    assert not build_spec(PLAIN)["linux"].get("mountLabel")


def test_a_shared_bind_needs_a_shared_root() -> None:
    bind = SpecMount("/m", "/m", "bind", ("rbind", "rshared"))
    assert build_spec(replace(PLAIN, mounts=(bind,)))["linux"]["rootfsPropagation"] == "shared"
