import json

import pytest

from seaway.oci import mediatypes
from seaway.oci.digest import InvalidDigest, sha256_of
from seaway.oci.manifest import Index, InvalidManifest, Manifest, Schema1, parse_manifest
from seaway.oci.platform import Platform

LAYER = {"mediaType": mediatypes.OCI_LAYER_GZIP, "digest": sha256_of(b"layer"), "size": 5}
CONFIG = {"mediaType": mediatypes.OCI_CONFIG, "digest": sha256_of(b"{}"), "size": 2}


def document(**fields: object) -> bytes:
    return json.dumps({"schemaVersion": 2, **fields}).encode()


def entry(content: bytes, architecture: str, variant: str = "") -> dict[str, object]:
    platform = {"os": "linux", "architecture": architecture, "variant": variant}
    return {"mediaType": mediatypes.OCI_MANIFEST, "digest": sha256_of(content), "size": 9, "platform": platform}


@pytest.mark.parametrize("media_type", [mediatypes.OCI_MANIFEST, mediatypes.DOCKER_MANIFEST])
def test_manifest_of_either_kind_and_back(media_type: str) -> None:
    data = document(mediaType=media_type, config=CONFIG, layers=[LAYER])
    manifest = parse_manifest(data, f"{media_type}; charset=utf-8")
    assert isinstance(manifest, Manifest)
    assert manifest.layers[0].digest == sha256_of(b"layer")
    assert manifest.to_wire() == json.loads(data)


def test_oci_documents_may_leave_their_type_to_the_header() -> None:
    assert isinstance(parse_manifest(document(config=CONFIG), mediatypes.OCI_MANIFEST), Manifest)
    assert isinstance(parse_manifest(document(manifests=[entry(b"a", "amd64")]), "text/plain"), Index)


def test_index_chooses_by_platform() -> None:
    index = parse_manifest(
        document(manifests=[entry(b"7", "arm", "v7"), entry(b"6", "arm", "v6"), entry(b"x", "amd64")])
    )
    assert isinstance(index, Index)

    def chosen(wanted: Platform | None, host: Platform) -> object:
        found = index.choose(wanted, host)
        return found and found.digest

    arm6, amd64 = Platform("linux", "arm", "v6"), Platform("linux", "amd64")
    assert chosen(None, amd64) == sha256_of(b"x")
    assert chosen(None, arm6) == sha256_of(b"6")
    assert chosen(Platform("linux", "arm"), amd64) == sha256_of(b"7")
    assert chosen(Platform("linux", "s390x"), amd64) is None


def test_schema1_is_recognised() -> None:
    assert parse_manifest(b'{"schemaVersion":1,"fsLayers":[]}') == Schema1()


@pytest.mark.parametrize(
    ("data", "content_type", "message"),
    [
        (b"<html>", "text/html", "invalid manifest: JSON is malformed"),
        (document(config={**CONFIG, "digest": "sha256:1"}), mediatypes.OCI_MANIFEST, "invalid checksum digest length"),
        (document(config={**CONFIG, "size": -1}), mediatypes.OCI_MANIFEST, "invalid manifest: negative size"),
        (document(), mediatypes.OCI_MANIFEST, "invalid manifest: no config"),
        (document(mediaType=mediatypes.OCI_INDEX), mediatypes.OCI_MANIFEST, "if present, mediaType in manifest should"),
        (document(mediaType="x/y"), "", "unsupported manifest media type and no default available: x/y"),
        (b"[]", mediatypes.OCI_MANIFEST, "invalid manifest"),
    ],
)
def test_refused(data: bytes, content_type: str, message: str) -> None:
    with pytest.raises((InvalidManifest, InvalidDigest), match=message):
        parse_manifest(data, content_type)
