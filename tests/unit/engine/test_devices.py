from pathlib import Path

import pytest

from seaway.engine.spec.devices import BadDevice, parse_device_rule, plan_devices
from seaway.model.container import DeviceMapping, HostConfig
from seaway.runtime.spec.request import DeviceRule


def host(path: str, inside: str, access: str = "rwm", *, privileged: bool = False) -> HostConfig:
    mapping = DeviceMapping(path_on_host=path, path_in_container=inside, cgroup_permissions=access)
    return HostConfig(devices=[mapping], privileged=privileged)


def test_a_node_and_what_a_link_leads_to(tmp_path: Path) -> None:
    link = tmp_path / "null"
    link.symlink_to("/dev/null")
    (device,) = plan_devices(host(str(link), "/dev/n", "r"))
    assert (device.path, device.type, device.major, device.minor, device.access) == ("/dev/n", "c", 1, 3, "r")


def test_every_node_below_a_directory() -> None:
    paths = [device.path for device in plan_devices(host("/dev", "/in"))]
    assert {"/in/null", "/in/zero", "/in/full"} <= set(paths)


@pytest.mark.parametrize(("name", "reason"), [("gone", "no such file or directory"), ("file", "not a device node")])
def test_what_is_no_device(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / name
    text = f'error gathering device information while adding custom device "{path}": {reason}'
    with pytest.raises(BadDevice, match=text):
        plan_devices(host(str(path), "/dev/x"))


def test_a_privileged_container_has_the_hosts_nodes() -> None:
    paths = [device.path for device in plan_devices(host("/dev/null", "/dev/null", privileged=True))]
    assert paths.count("/dev/null") == 1
    assert "/dev/console" not in paths


def test_rules() -> None:
    assert parse_device_rule("c 42:* rmw") == DeviceRule("c", 42, None, "rmw")
    with pytest.raises(BadDevice, match="invalid device cgroup rule format: 'c 42 rwm'"):
        parse_device_rule("c 42 rwm")
