"""The mount calls behind `type`, `o` and `device`, as dockerd's library plans them."""

from pathlib import Path

import pytest

from seaway.base.errors import SystemFailure
from seaway.volumes.localmount import MountCall, parse_mount_options, perform, plan_mount

ADDRESSES = {"server": "10.0.0.7", "fe80::1": "fe80::1"}
BIND, RDONLY, REC, REMOUNT, SLAVE = 4096, 1, 16384, 32, 1 << 19


def plan(kind: str, device: str, text: str = "") -> list[MountCall]:
    return plan_mount({"type": kind, "device": device, "o": text}, ADDRESSES.__getitem__)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("rw,bind,ro,size=1m,uid=5", (BIND | RDONLY, 0, "size=1m,uid=5")),
        ("ro,rw,sync,async,defaults", (0, 0, "")),
        ("bind,rslave", (BIND, SLAVE | REC, "")),
        ("", (0, 0, "")),
    ],
)
def test_options_are_flags_propagation_and_data(text: str, wanted: tuple[int, int, str]) -> None:
    assert parse_mount_options(text) == wanted


def test_a_bind_is_made_read_only_by_a_second_call() -> None:
    first, second = MountCall("/src", "none", BIND | RDONLY), MountCall("", flags=BIND | RDONLY | REMOUNT)
    assert plan("none", "/src", "bind,ro") == [first, second]
    assert plan("none", "/src", "bind,slave") == [MountCall("/src", "none", BIND), MountCall("", flags=SLAVE)]


@pytest.mark.parametrize(
    ("kind", "device", "text", "wanted"),
    [
        ("nfs", ":/data", "addr=server,rw", MountCall(":/data", "nfs", data="addr=10.0.0.7")),
        ("nfs4", ":/data", "addr=server", MountCall(":/data", "nfs4", data="addr=10.0.0.7")),
        ("nfs", ":/data", "addr=10.0.0.9,ro", MountCall(":/data", "nfs", RDONLY, "addr=10.0.0.9")),
        ("nfs", ":/data", "addr=fe80::1", MountCall(":/data", "nfs", data="addr=fe80::1")),
        ("nfs", "server:/data", "", MountCall("server:/data", "nfs")),
        ("cifs", "//server/a b", "username=u", MountCall("//10.0.0.7/a b", "cifs", data="username=u")),
        ("cifs", "//server/x%20y", "", MountCall("//10.0.0.7/x y", "cifs")),
        ("cifs", "//10.0.0.9/x", "", MountCall("//10.0.0.9/x", "cifs")),
        ("cifs", "//server/x", "addr=server", MountCall("//server/x", "cifs", data="addr=10.0.0.7")),
        ("tmpfs", "tmpfs", "addr=server", MountCall("tmpfs", "tmpfs", data="addr=server")),
    ],
)
def test_the_kernel_gets_addresses(kind: str, device: str, text: str, wanted: MountCall) -> None:
    assert plan(kind, device, text) == [wanted]


def test_failures_in_dockerds_words(tmp_path: Path) -> None:
    options = {"type": "nosuchfs", "device": "//h/x", "o": "username=u,password=secret,ro"}
    with pytest.raises(SystemFailure) as failed:
        perform(options, tmp_path)
    words = f"failed to mount local volume: mount //h/x:{tmp_path}, flags: 0x1, data: username=u,password=********: "
    assert str(failed.value).startswith(words)
    call = MountCall("", flags=SLAVE)
    assert call.failure(tmp_path, "no") == f"remount {tmp_path}, flags: 0x80000: no"
    assert MountCall(":/x", "nfs").failure(tmp_path, "no") == f"mount :/x:{tmp_path}: no"
