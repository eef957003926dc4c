"""What the builder finds of an earlier build."""

from typing import Any

import msgspec
import pytest

from seaway.images.cached import find_cached, is_same_step
from seaway.images.catalog import Catalog
from seaway.images.image import Image
from seaway.model.container import ContainerConfig
from seaway.oci.platform import Platform

from .conftest import document

STEP = ContainerConfig(cmd=["/bin/sh", "-c", "make"], env=["A=1", "B=2"], image="base", hostname="h")


async def made(
    catalog: Catalog, parent: Image | None, created: str, step: ContainerConfig = STEP, **more: Any
) -> Image:
    raw = document(container_config=msgspec.to_builtins(step), created=created, **more)
    return await catalog.images.create(raw, parent.id if parent else None)


async def test_the_newest_on_the_same_parent(catalog: Catalog) -> None:
    base = await catalog.images.create(document(author="base"))
    await made(catalog, base, "2024-01-01T00:00:00Z")
    newest = await made(catalog, base, "2024-03-01T00:00:00Z")
    await made(catalog, None, "2024-05-01T00:00:00Z")
    assert find_cached(catalog, base.id, STEP) == newest
    assert find_cached(catalog, newest.id, STEP) is None


async def test_from_scratch(catalog: Catalog) -> None:
    image = await made(catalog, None, "2024-01-01T00:00:00Z")
    assert find_cached(catalog, None, STEP) == image


async def test_of_the_platform_that_is_built_for(catalog: Catalog) -> None:
    image = await made(catalog, None, "2024-01-01T00:00:00Z")
    assert find_cached(catalog, None, STEP, Platform("linux", "amd64")) == image
    assert find_cached(catalog, None, STEP, Platform("linux", "s390x")) is None


@pytest.mark.parametrize(
    ("change", "is_same"),
    [
        ({"hostname": "other", "image": "sha256:1"}, True),
        ({"labels": {}}, True),
        ({"cmd": ["/bin/sh", "-c", "make "]}, False),
        ({"env": ["B=2", "A=1"]}, False),
        ({"labels": {"a": "b"}}, False),
        ({"user": "web"}, False),
        ({"working_dir": "/src"}, False),
        ({"open_stdin": True}, False),
    ],
)
def test_what_makes_a_step_another(change: dict[str, Any], is_same: bool) -> None:
    assert is_same_step(STEP, msgspec.structs.replace(STEP, **change)) is is_same
