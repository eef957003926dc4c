import json
from pathlib import Path

import pytest

from seaway.images.references import InvalidTag, ReferenceDoesNotExist, ReferenceStore, ReferenceTaken
from seaway.oci.digest import sha256_of
from seaway.oci.reference import parse_reference

ONE, TWO = sha256_of(b"one"), sha256_of(b"two")
MANIFEST = sha256_of(b"manifest")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "repositories.json"


async def test_the_file_has_familiar_names(path: Path) -> None:
    store = ReferenceStore(path)
    await store.add_tag(parse_reference("docker.io/library/busybox"), ONE)
    await store.add_digest(parse_reference(f"busybox:1.36@{MANIFEST}"), ONE)
    await store.add_tag(parse_reference("registry.test:5000/a/b:v1"), TWO)
    assert json.loads(path.read_text()) == {
        "Repositories": {
            "busybox": {"busybox:latest": ONE, f"busybox@{MANIFEST}": ONE},
            "registry.test:5000/a/b": {"registry.test:5000/a/b:v1": TWO},
        }
    }
    assert path.stat().st_mode & 0o777 == 0o600


async def test_names_survive_a_restart(path: Path) -> None:
    await ReferenceStore(path).add_tag(parse_reference("busybox:1"), ONE)
    again = ReferenceStore(path)
    assert again.get(parse_reference("busybox:1")) == ONE
    assert [r.familiar for r in again.references(ONE)] == ["busybox:1"]


async def test_a_digest_goes_before_a_tag(path: Path) -> None:
    store = ReferenceStore(path)
    await store.add_tag(parse_reference("busybox:1"), ONE)
    await store.add_digest(parse_reference(f"busybox@{MANIFEST}"), TWO)
    assert store.get(parse_reference(f"busybox:1@{MANIFEST}")) == TWO


async def test_a_tag_is_taken_over_only_by_force(path: Path) -> None:
    store = ReferenceStore(path)
    await store.add_tag(parse_reference("busybox"), ONE)
    with pytest.raises(ReferenceTaken, match="tag busybox:latest is already set to image sha256:"):
        await store.add_tag(parse_reference("busybox"), TWO)
    await store.add_tag(parse_reference("busybox"), TWO, force=True)
    assert store.get(parse_reference("busybox")) == TWO
    await store.add_digest(parse_reference(f"busybox@{MANIFEST}"), ONE)
    with pytest.raises(ReferenceTaken, match="cannot overwrite digest sha256:"):
        await store.add_digest(parse_reference(f"busybox@{MANIFEST}"), TWO)


async def test_tags_that_are_refused(path: Path) -> None:
    store = ReferenceStore(path)
    with pytest.raises(InvalidTag, match="refusing to create a tag with a digest reference"):
        await store.add_tag(parse_reference(f"busybox@{MANIFEST}"), ONE)
    with pytest.raises(InvalidTag, match="refusing to create an ambiguous tag using digest algorithm as name"):
        await store.add_tag(parse_reference("sha256:abc"), ONE)


async def test_delete(path: Path) -> None:
    store = ReferenceStore(path)
    await store.add_tag(parse_reference("busybox"), ONE)
    await store.delete(parse_reference("busybox:latest"))
    with pytest.raises(ReferenceDoesNotExist, match="reference does not exist"):
        await store.delete(parse_reference("busybox"))
    assert not ReferenceStore(path).all()
