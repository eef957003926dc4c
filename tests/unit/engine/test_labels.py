"""What SELinux makes of a container's options, its specification and the files that it is given."""

import errno
import os
from pathlib import Path

import msgspec
import pytest
from msgspec import UNSET, UnsetType
from tests.unit.containers.stored import container, stored

from seaway.base.errors import InvalidParameter, SystemFailure
from seaway.config import ConfigError, EngineConfig
from seaway.containers.container import Container
from seaway.engine import labels
from seaway.engine.adapt import adapt_host_config
from seaway.engine.defaults import ContainerDefaults, container_defaults
from seaway.engine.spec import labels_of
from seaway.kernel import selinux
from seaway.model.container import HostConfig
from seaway.model.mount import MountPoint
from seaway.runtime.spec.selinux import NO_LABELS, ContainerLabels, parse_contexts

POLICY = 'process = "u:r:container_t:s0"\nfile = "u:r:file_t:s0"'
IN_USE = ContainerDefaults(selinux=parse_contexts(POLICY))
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


@pytest.mark.parametrize(("flag", "enabled"), [(True, True), (True, False), (False, True)])
def test_it_is_in_use_where_the_host_has_it_and_the_flag_is_given(
    monkeypatch: pytest.MonkeyPatch, *, flag: bool, enabled: bool
) -> None:
    monkeypatch.setattr(selinux, "is_enabled", lambda: enabled)
    monkeypatch.setattr(selinux, "policy_contexts", lambda: POLICY)
    expected = IN_USE.selinux if flag and enabled else None
    assert container_defaults(EngineConfig(selinux_enabled=flag)).selinux == expected


def test_a_policy_that_cannot_be_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selinux, "is_enabled", lambda: True)
    monkeypatch.setattr(selinux, "policy_contexts", lambda: "process = a\nfile = b\n")
    with pytest.raises(ConfigError, match="^invalid SELinux label: 'a'$"):
        container_defaults(EngineConfig(selinux_enabled=True))


def test_a_records_labels_count_while_it_is_in_use() -> None:
    assert labels_of(labelled("a"), IN_USE) == ContainerLabels(PROCESS, MOUNT)
    assert labels_of(labelled("a"), ContainerDefaults()) == NO_LABELS
    assert labels_of(labelled("a", host=HostConfig(privileged=True)), IN_USE) == ContainerLabels("", MOUNT)


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The labels that files get: path -> label."""
    found: dict[str, str] = {}
    monkeypatch.setattr(os, "setxattr", lambda path, name, label, **_: found.setdefault(path, label.decode()))
    return found


SHARED = "u:r:file_t:s0"
BIND = MountPoint(type="bind")
VOLUME = MountPoint(type="volume", driver="local")


@pytest.mark.parametrize(
    ("point", "mode", "label"),
    [
        (BIND, "z", SHARED),
        (BIND, "ro,Z", MOUNT),
        (BIND, "ro", None),
        (BIND, UNSET, None),
        (VOLUME, "z", SHARED),
        (VOLUME, "Z", MOUNT),
        (VOLUME, "ro", None),
        (VOLUME, UNSET, SHARED),
        (MountPoint(type="volume", driver="elsewhere"), UNSET, None),
        (MountPoint(type="image"), UNSET, None),
    ],
)
def test_what_a_mount_says_of_its_source(
    tmp_path: Path, given: dict[str, str], point: MountPoint, mode: str | UnsetType, label: str | None
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "file").touch()
    (tmp_path / "link").symlink_to(source)
    labels.label_source(msgspec.structs.replace(point, mode=mode), f"{tmp_path}/link", MOUNT)
    assert given == ({f"{source}/file": label, str(source): label} if label else {})


def test_the_hosts_own_is_refused_also_by_a_link(tmp_path: Path, given: dict[str, str]) -> None:
    (tmp_path / "link").symlink_to("/usr")
    point = MountPoint(type="bind", source=f"{tmp_path}/link", mode="Z")
    with pytest.raises(SystemFailure) as refused:
        labels.label_source(point, point.source, MOUNT)
    text = f"error setting label on mount source '{point.source}': SELinux relabeling of /usr is not allowed"
    assert str(refused.value) == text
    assert given == {}


def test_what_the_kernel_says_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str, *_args: object, **_kwargs: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted", path)

    monkeypatch.setattr(os, "setxattr", refuse)
    point = MountPoint(type="bind", source=str(tmp_path), mode="Z")
    with pytest.raises(SystemFailure, match=rf"'{tmp_path}': lsetxattr\(label={MOUNT}\) {tmp_path}: operation not"):
        labels.label_source(point, point.source, MOUNT)


def test_the_engines_files_get_the_containers_label(tmp_path: Path, given: dict[str, str]) -> None:
    for name in ("hosts", "hostname", "resolv.conf", "config.v2.json"):
        (tmp_path / name).touch()
    own_hosts = {"/etc/hosts": MountPoint(type="bind", destination="/etc/hosts", source="/srv/hosts")}
    labels.label_own_files(tmp_path, msgspec.structs.replace(labelled("a"), mount_points=own_hosts), MOUNT)
    assert given == {str(tmp_path / name): MOUNT for name in ("hostname", "resolv.conf")}
