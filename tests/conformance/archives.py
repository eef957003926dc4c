"""Archives as `docker save` wrote them before Docker 1.10."""

import io
import json
import tarfile

BASE, TOP = "1" * 64, "2" * 64
DOCUMENTS = {
    BASE: {
        "id": BASE,
        "created": "2014-01-01T00:00:00Z",
        "container_config": {"Cmd": ["/bin/sh", "-c", "#(nop) ADD file:1 in / & <x>"]},
        "docker_version": "1.8.3",
        "os": "linux",
        "architecture": "amd64",
    },
    TOP: {
        "id": TOP,
        "parent": BASE,
        "created": "2014-01-02T00:00:00.5Z",
        "container_config": {"Hostname": "h", "Cmd": ["touch", "/b"], "PortSpecs": None},
        "docker_version": "1.7.1",
        "config": {"Cmd": ["/bin/sh"], "Env": ["A=1"]},
        "architecture": "amd64",
        "os": "linux",
    },
}


def tar(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def v1_archive(**tops: str) -> bytes:
    members = {"repositories": json.dumps({"archives": tops}).encode()}
    for v1_id, name in ((TOP, "b"), (BASE, "a")):
        members[f"{v1_id}/json"] = json.dumps(DOCUMENTS[v1_id]).encode()
        members[f"{v1_id}/layer.tar"] = tar({name: name.encode()})
    return tar(members)
