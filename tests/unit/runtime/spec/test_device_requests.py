from pathlib import Path
from typing import Any

import pytest

from seaway.base.errors import SystemFailure
from seaway.engine.spec.requests import apply_requests
from seaway.model.container import DeviceRequest
from seaway.runtime.spec.nvidia import match_capabilities, nvidia_edits

SPEC: dict[str, Any] = {
    "process": {"env": ["PATH=/bin", "A=1"], "user": {"uid": 0, "gid": 0, "additionalGids": [0]}},
    "linux": {"devices": [], "resources": {"devices": []}},
    "mounts": [],
}
YAML = """
cdiVersion: "0.6.0"
kind: acme.com/accel
containerEdits:
  env: ["ACME=yes", "A=2"]
devices:
- name: one
  containerEdits:
    deviceNodes: [{path: /dev/accel, hostPath: /dev/null, permissions: rw}]
    mounts: [{hostPath: /opt/acme, containerPath: /acme, options: [ro, bind]}]
    hooks: [{hookName: createContainer, path: /bin/true, args: ["true", x]}]
    additionalGids: [44]
"""


def cdi(*names: str, **fields: Any) -> DeviceRequest:
    return DeviceRequest(driver="cdi", device_ids=list(names), **fields)


def test_a_device_of_a_vendor(tmp_path: Path) -> None:
    (tmp_path / "acme.yaml").write_text(YAML)
    (tmp_path / "broken.json").write_text("{")
    spec = apply_requests(SPEC, [cdi("acme.com/accel=one")], [str(tmp_path)])
    assert spec["process"]["env"] == ["PATH=/bin", "A=2", "ACME=yes"]
    assert spec["process"]["user"]["additionalGids"] == [0, 44]
    (device,) = spec["linux"]["devices"]
    assert (device["path"], device["type"], device["major"], device["minor"]) == ("/dev/accel", "c", 1, 3)
    rule = {"allow": True, "type": "c", "major": 1, "minor": 3, "access": "rw"}
    assert spec["linux"]["resources"]["devices"] == [rule]
    assert spec["mounts"][0] == {
        "destination": "/acme", "source": "/opt/acme", "type": "bind", "options": ["ro", "bind"],
    }  # fmt: skip
    assert spec["hooks"] == {"createContainer": [{"path": "/bin/true", "args": ["true", "x"]}]}


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        (cdi("acme.com/accel=two"), "CDI device injection failed: unresolvable CDI devices acme.com/accel=two"),
        (cdi("x", count=1), "unexpected count in CDI device request"),
        (
            DeviceRequest(driver="foo", capabilities=[["gpu", "nvidia"], ["x"]]),
            r'could not select device driver "foo" with capabilities: \[\[gpu nvidia\] \[x\]\]',
        ),
    ],
)
def test_what_nothing_here_can_serve(tmp_path: Path, request_: DeviceRequest, text: str) -> None:
    with pytest.raises(SystemFailure, match=f"^{text}$"):
        apply_requests(SPEC, [request_], [str(tmp_path)])


def test_gpus() -> None:
    request = DeviceRequest(count=2, capabilities=[["tpu"], ["gpu", "utility"]])
    assert match_capabilities(request) == ["gpu", "utility"]
    edits = nvidia_edits(request, ["gpu", "utility"], "/usr/bin/hook", {"HOME": "/"})
    assert edits["env"] == ["NVIDIA_VISIBLE_DEVICES=0,1", "NVIDIA_DRIVER_CAPABILITIES=utility"]
    assert edits["hooks"][0]["path"] == "/usr/bin/hook"
    with pytest.raises(ValueError, match="cannot set both Count and DeviceIDs on device request"):
        nvidia_edits(DeviceRequest(count=1, device_ids=["0"]), [], "", {})
