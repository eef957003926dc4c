"""The IDs are dockerd 20.10's, of the same images."""

import json

from seaway.images.image import parse_image
from seaway.images.v1 import history_of, upgraded, v1_documents
from seaway.oci.digest import sha256_of

BASE, TOP = "1" * 64, "2" * 64
OLD = {"id": BASE, "created": "2014-01-01T00:00:00Z", "docker_version": "1.8.3", "os": "linux", "architecture": "amd64"}
OLD |= {"container_config": {"Cmd": ["/bin/sh", "-c", "#(nop) ADD file:1 in / & <x>"]}, "Size": 5, "throwaway": True}
NEXT = {"id": TOP, "parent": BASE, "created": "2014-01-02T00:00:00.5Z", "container": "3" * 64, "Size": 3}
NEXT |= {"container_config": {"Hostname": "h", "Cmd": ["touch", "/b"], "PortSpecs": None}, "docker_version": "1.7.1"}
NEXT |= {"author": "me", "comment": "second", "config": {"Cmd": ["/bin/sh"], "Env": ["A=1"]}}
NEXT |= {"architecture": "amd64", "os": "linux"}
DIFF_IDS = [
    "sha256:222eae8756318e08c6a0a394492d8900d738e70d3c207a3506c2647ecacf3388",
    "sha256:68e3f1577de38ccff842085cb35998edcf7f6b4c4475895fe4b6e7c212386490",
]
HISTORY = [history_of(OLD), history_of(NEXT)]


def test_a_document_of_old_is_upgraded_as_dockerd_does() -> None:
    base = upgraded(OLD, DIFF_IDS[:1], HISTORY[:1])
    assert sha256_of(base) == "sha256:8c6db8eb59faa9bb6f5f49b83c692fb15e81fd3249309e01ff3f0abea5aa0894"


def test_one_from_before_1_8_3_is_told_again() -> None:
    top = upgraded(NEXT, DIFF_IDS, HISTORY)
    assert sha256_of(top) == "sha256:6e9eb46e798293ee85a7e1719b04296ac58cb9ba1f0a1ce2e3aaac64793cf61d"
    assert "PortSpecs" not in json.loads(top)["container_config"]


def test_v1_ids() -> None:
    base, top = v1_documents(parse_image(upgraded(NEXT, DIFF_IDS, HISTORY)))
    assert base["id"] == "7834722bd671f937423b3a5604c99bf8ffaac25d2a41960160d1b68af1c4007e"
    assert (top["id"], top["parent"]) == (
        "9a61b4784061cea30810d242516f0229f33d76cb3ce1fe1b605fe90a1a04fe4f",
        base["id"],
    )
    assert (base["created"], top["comment"]) == ("1970-01-01T00:00:00Z", "second")
