"""What SELinux makes of a container's options, its specification and the files that it is given."""

import os
from pathlib import Path

import msgspec
import pytest
from tests.unit.containers.stored import container, stored

from seaway.base.errors import InvalidParameter
from seaway.containers.container import Container
from seaway.engine import labels
from seaway.engine.adapt import adapt_host_config
from seaway.engine.defaults import ContainerDefaults
from seaway.engine.spec import labels_of
from seaway.model.container import HostConfig
from seaway.model.mount import MountPoint
from seaway.runtime.spec.selinux import NO_LABELS, ContainerLabels, parse_contexts

IN_USE = ContainerDefaults(selinux=parse_contexts('process = "u:r:container_t:s0"\nfile = "u:r:file_t:s0"'))
PROCESS, MOUNT = "u:r:container_t:s0:c1,c2", "u:r:file_t:s0:c1,c2"


def labelled(name: str, process: str = PROCESS, host: HostConfig | None = None) -> Container:
    return msgspec.structs.replace(container(name, host), process_label=process, mount_label=MOUNT)


def test_who_joins_a_container_has_its_label(tmp_path: Path) -> None:
    containers = stored(tmp_path, labelled("a"), labelled("b", "u:r:other_t:s0"), labelled("c", ""))

    def options(ipc: str = "", pid: str = "", own: list[str] | None = None) -> list[str] | None:
        host = HostConfig(ipc_mode=ipc, pid_mode=pid, security_opt=own)
        return adapt_host_config(host, IN_USE, containers, "crun").security_opt

    of_a = ["label=user:u", "label=role:r", "label=type:container_t", "label=level:s0:c1,c2"]
    assert options("container:a") == options(pid="container:a") == options("container:a", "container:a") == of_a
    assert options("container:a", own=["no-new-privileges"]) == ["no-new-privileges", *of_a]
    assert options("container:a", own=["label=type:x"]) == ["label=type:x"]
    assert options("container:a", "host") == ["label=disable"]
    assert options("container:c") is options() is None
    with pytest.raises(InvalidParameter, match="^--ipc and --pid containers SELinux labels aren't the same$"):
        options("container:a", "container:b")


def test_a_records_labels_count_while_it_is_in_use() -> None:
    assert labels_of(labelled("a"), IN_USE) == ContainerLabels(PROCESS, MOUNT)
    assert labels_of(labelled("a"), ContainerDefaults()) == NO_LABELS
    assert labels_of(labelled("a", host=HostConfig(privileged=True)), IN_USE) == ContainerLabels("", MOUNT)


def test_the_engines_files_get_the_containers_label(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("hosts", "hostname", "resolv.conf", "config.v2.json"):
        (tmp_path / name).touch()
    given: dict[str, bytes] = {}
    monkeypatch.setattr(os, "setxattr", lambda path, name, label, **_: given.setdefault(path, label))
    own_hosts = {"/etc/hosts": MountPoint(type="bind", destination="/etc/hosts", source="/srv/hosts")}
    labels.label_own_files(tmp_path, msgspec.structs.replace(labelled("a"), mount_points=own_hosts), MOUNT)
    assert given == {str(tmp_path / name): MOUNT.encode() for name in ("hostname", "resolv.conf")}
