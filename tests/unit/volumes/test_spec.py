import json
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from seaway.base import gojson
from seaway.base.errors import InvalidParameter
from seaway.model.mount import Mount, MountPoint
from seaway.volumes.mountrules import check_tmpfs
from seaway.volumes.spec import parse_bind, parse_mount, plan_mounts

ABSOLUTE = "mount path must be absolute"
LOCAL = 'invalid mount config for type "{}": subpath must be a relative path within the volume'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "x",
            f"invalid volume specification: 'x': invalid mount config for type \"volume\": invalid mount path: 'x' {ABSOLUTE}",
        ),
        (
            "a:/",
            "invalid volume specification: 'a:/': invalid mount config for type \"volume\": invalid specification: destination can't be '/'",
        ),
        ("/a:/b:zz", "invalid mode: zz"),
        ("/a:/b:ro,rw", "invalid mode: ro,rw"),
        ("/a:", "invalid volume specification: '/a:'"),
        ("/a:/b:ro:", "invalid volume specification: '/a:/b:ro:'"),
        (
            "ab:/b:shared",
            "invalid volume specification: 'ab:/b:shared': invalid mount config for type \"volume\": field BindOptions must not be specified",
        ),
        (
            "/x:/c:nocopy",
            "invalid volume specification: '/x:/c:nocopy': invalid mount config for type \"bind\": field VolumeOptions must not be specified",
        ),
    ],
)
def test_wrong_binds_have_dockerds_texts(text: str, message: str) -> None:
    with pytest.raises(InvalidParameter) as err:
        parse_bind(text)
    assert str(err.value) == message


DISK = {
    "/vqa:/b:shared": '{"Source": "/vqa", "Destination": "/b", "RW": true, "Name": "", "Driver": "", "Type": "bind", "Relabel": "shared", "Propagation": "shared", "Spec": {"Type": "bind", "Source": "/vqa", "Target": "/b", "BindOptions": {"Propagation": "shared"}}, "SkipMountpointCreation": false}',
    "/tmp/:/c/": '{"Source": "/tmp", "Destination": "/c", "RW": true, "Name": "", "Driver": "", "Type": "bind", "Propagation": "rprivate", "Spec": {"Type": "bind", "Source": "/tmp/", "Target": "/c/"}, "SkipMountpointCreation": false}',
    "vqb:/c:ro,Z": '{"Source": "", "Destination": "/c", "RW": false, "Name": "vqb", "Driver": "local", "Type": "volume", "Relabel": "ro,Z", "Spec": {"Type": "volume", "Source": "vqb", "Target": "/c", "ReadOnly": true}, "SkipMountpointCreation": false}',
}


@pytest.mark.parametrize("text", DISK)
def test_a_mount_point_on_disk_is_dockerds(text: str) -> None:
    point = parse_bind(text, "" if text.startswith("/") else "local")
    assert json.loads(msgspec.json.encode(point)) == json.loads(DISK[text])
    assert gojson.decode(DISK[text], MountPoint) == point


@pytest.mark.parametrize(
    ("mount", "message"),
    [
        (
            {"Type": "volume", "Target": "/c", "ReadOnly": True},
            'invalid mount config for type "volume": must not set ReadOnly mode when using anonymous volumes',
        ),
        ({"Type": "bind", "Target": "/c"}, 'invalid mount config for type "bind": field Source must not be empty'),
        ({"Type": "bind", "Source": "/tmp"}, 'invalid mount config for type "bind": field Target must not be empty'),
        (
            {"Type": "bind", "Source": "tmp", "Target": "/c"},
            f"invalid mount config for type \"bind\": invalid mount path: 'tmp' {ABSOLUTE}",
        ),
        ({"Type": "foo"}, 'invalid mount config for type "foo": field Target must not be empty'),
        ({"Type": "foo", "Target": "/c"}, 'invalid mount config for type "foo": mount type unknown'),
        (
            {"Type": "tmpfs", "Source": "x", "Target": "/c"},
            'invalid mount config for type "tmpfs": field Source must not be specified',
        ),
        (
            {"Type": "tmpfs", "Target": "/c", "BindOptions": {}},
            'invalid mount config for type "tmpfs": field BindOptions must not be specified',
        ),
        (
            {"Type": "bind", "Source": "/t", "Target": "/c", "BindOptions": {"Propagation": "foo"}},
            'invalid mount config for type "bind": invalid propagation mode: foo',
        ),
        *(
            ({"Type": "image", "Source": "x", "Target": "/c", "ImageOptions": {"Subpath": path}}, LOCAL.format("image"))
            for path in ("../x", "/x", "a/../../x")
        ),
        (
            {"Type": "volume", "Source": "xx", "Target": "/c", "VolumeOptions": {"Subpath": ".."}},
            LOCAL.format("volume"),
        ),
    ],
)
def test_wrong_mounts_have_dockerds_texts(mount: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidParameter) as err:
        parse_mount(gojson.convert(mount, Mount))
    assert str(err.value) == message


def test_a_subpath_may_go_up_inside() -> None:
    options = {"Subpath": "a/../b"}
    mount = {"Type": "volume", "Source": "xx", "Target": "/c", "VolumeOptions": options}
    assert parse_mount(gojson.convert(mount, Mount)).subpath == "a/../b"


def none_of(name: str) -> Iterable[MountPoint]:
    return [parse_bind("data:/shared"), parse_bind("/srv:/c")]


def test_own_mounts_win_over_inherited_ones_and_those_over_the_images() -> None:
    plan = plan_mounts(["/tmp:/c"], [], ["other:ro"], {"/t": ""}, ["/c/", "/v", "/t"], mounts_of=none_of)
    assert plan.inherited == {"/shared"}
    assert {d: (p.type, p.source, p.name, p.rw) for d, p in plan.points.items()} == {
        "/shared": ("volume", "", "data", False),
        "/c": ("bind", "/tmp", "", True),
        "/v": ("volume", "", "", True),
    }


def test_one_destination_twice_is_refused() -> None:
    for binds, tmpfs in ((["/tmp:/c", "/var:/c"], {}), (["/tmp:/c"], {"/c": ""})):
        with pytest.raises(InvalidParameter, match="Duplicate mount point: /c"):
            plan_mounts(binds, [], [], tmpfs, [], mounts_of=none_of)


@pytest.mark.parametrize(
    ("spec", "message"), [("", "volumes-from specification cannot be an empty string"), ("x:foo", "invalid mode: foo")]
)
def test_volumes_from_is_checked(spec: str, message: str) -> None:
    with pytest.raises(InvalidParameter, match=message):
        plan_mounts([], [], [spec], None, [], mounts_of=none_of)


def test_tmpfs_target_is_checked() -> None:
    with pytest.raises(InvalidParameter, match="invalid mount path: 'c' mount path must be absolute"):
        check_tmpfs({"c": ""})


def test_wire_mount_of_a_bind_has_no_name_or_driver() -> None:
    assert parse_bind("/tmp:/c").to_wire() == {
        "Type": "bind",
        "Source": "/tmp",
        "Destination": "/c",
        "Mode": "",
        "RW": True,
        "Propagation": "rprivate",
    }
