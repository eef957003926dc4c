import pytest

from seaway.base.errors import InvalidParameter
from seaway.base.filters import Filters
from seaway.images.catalog import Catalog
from seaway.images.filters import glob, parse_timestamp
from seaway.images.inspect import image_history, inspect_image
from seaway.images.listing import layers_size, list_images
from seaway.images.remove import ImageUser
from seaway.oci.digest import sha256_of
from seaway.oci.reference import parse_reference

from .conftest import MemoryLayers, document
from .test_store import layer

MANIFEST = sha256_of(b"manifest")


async def test_list(catalog: Catalog, layers: MemoryLayers) -> None:
    await layer(layers, b"12345")
    old = await catalog.images.create(document(created="2020-01-01T00:00:00Z"))
    new = await catalog.images.create(document(layers, config={"Labels": {"a": "b"}}), parent=old.id)
    await catalog.tag(new, parse_reference("busybox:1"))
    await catalog.references.add_digest(parse_reference(f"busybox@{MANIFEST}"), new.id)
    assert list_images(catalog) == [
        {
            "Containers": -1,
            "Created": 1714557600,
            "Id": new.id,
            "Labels": {"a": "b"},
            "ParentId": old.id,
            "RepoTags": ["busybox:1"],
            "RepoDigests": [f"busybox@{MANIFEST}"],
            "SharedSize": -1,
            "Size": 5,
        }
    ]
    assert [i["Id"] for i in list_images(catalog, show_all=True)] == [new.id, old.id]
    old_shape = list_images(catalog, show_all=True, version=(1, 41))[1]
    assert (old_shape["RepoTags"], old_shape["RepoDigests"]) == (["<none>:<none>"], ["<none>@<none>"])
    assert old_shape["VirtualSize"] == 0


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"reference": ["busy*"]}, ["busybox:1"]),
        ({"reference": ["*:2"]}, ["nginx:2"]),
        ({"reference": ["*/*"]}, []),
        ({"label": ["a=b"]}, ["busybox:1"]),
        ({"label": ["a"], "label!": ["a=c"]}, ["busybox:1"]),
        ({"label!": ["a"]}, ["nginx:2"]),
        ({"before": ["nginx:2"]}, ["busybox:1"]),
        ({"since": ["busybox:1"]}, ["nginx:2"]),
        ({"until": ["2020-06-01"]}, ["busybox:1"]),
        ({"dangling": ["true"]}, []),
        ({"dangling": ["false"]}, ["nginx:2", "busybox:1"]),
    ],
)
async def test_filters(catalog: Catalog, filters: dict[str, list[str]], found: list[str]) -> None:
    old = await catalog.images.create(document(created="2020-01-01T00:00:00Z", config={"Labels": {"a": "b"}}))
    new = await catalog.images.create(document())
    await catalog.tag(old, parse_reference("busybox:1"))
    await catalog.tag(new, parse_reference("nginx:2"))
    assert [
        tag
        for image in list_images(catalog, Filters({k: tuple(v) for k, v in filters.items()}))
        for tag in image["RepoTags"]
    ] == found


def test_filters_that_are_refused(catalog: Catalog) -> None:
    for filters, text in (
        ({"color": ["red"]}, "^invalid filter 'color'$"),
        ({"dangling": ["x"]}, r"^invalid filter 'dangling=\[x\]'$"),
        ({"until": ["soon"]}, '^failed to parse value as time or duration: "soon"$'),
    ):
        with pytest.raises(InvalidParameter, match=text):
            list_images(catalog, Filters({k: tuple(v) for k, v in filters.items()}))


def test_glob_is_go_s() -> None:
    assert glob("a*").fullmatch("abc")
    assert not glob("a*").fullmatch("a/b")
    assert glob("[a-c]?").fullmatch("bx")
    assert not glob("[^a]x").fullmatch("ax")
    for bad in ("[", "a\\", "[z-a]"):
        with pytest.raises(InvalidParameter, match="syntax error in pattern"):
            glob(bad)


def test_timestamps() -> None:
    assert parse_timestamp("1.5", 0) == 1_500_000_000
    assert parse_timestamp("1h30m", 10**13) == 10**13 - 5400 * 10**9
    assert parse_timestamp("2020-01-01T00:00", 0) == 1577836800 * 10**9


async def test_inspect(catalog: Catalog, layers: MemoryLayers) -> None:
    await layer(layers, b"12345")
    image = await catalog.images.create(document(layers, author="me", variant="v8"))
    wire = inspect_image(catalog, image.id.short)
    assert wire["Id"] == image.id
    assert (wire["Size"], wire["Variant"], wire["Author"]) == (5, "v8", "me")
    assert wire["RootFS"] == {"Type": "layers", "Layers": [image.diff_ids[0]]}
    assert wire["Metadata"] == {"LastTagTime": "0001-01-01T00:00:00Z"}
    assert "Hostname" not in wire["Config"]
    assert "ContainerConfig" not in wire
    old = inspect_image(catalog, image.id.short, (1, 41))
    assert old["VirtualSize"] == 5
    assert old["Config"]["Hostname"] == old["ContainerConfig"]["Hostname"] == ""


async def test_history(catalog: Catalog, layers: MemoryLayers) -> None:
    await layer(layers, b"12345")
    entries = [
        {"created_by": "ADD"},
        {"created_by": "ENV", "empty_layer": True},
        {"created_by": "CMD", "empty_layer": True},
    ]
    base = await catalog.images.create(document(layers, history=entries[:1]))
    image = await catalog.images.create(document(layers, history=entries), parent=base.id)
    await catalog.tag(image, parse_reference("busybox:1"))
    history = image_history(catalog, "busybox:1")
    assert [(e["Id"], e["CreatedBy"], e["Size"]) for e in history] == [
        (image.id, "CMD", 0),
        (base.id, "ENV", 0),
        ("<missing>", "ADD", 5),
    ]
    assert [e["Tags"] for e in history] == [["busybox:1"], None, None]


async def test_sizes_that_are_shared(catalog: Catalog, layers: MemoryLayers) -> None:
    await layer(layers, b"12345")
    await catalog.images.create(document(layers))
    await layer(layers, b"abc")
    await catalog.images.create(document(layers))
    images = list_images(catalog, shared_size=True, users=lambda image_id: [ImageUser("c", is_running=True)])
    assert sorted((i["Size"], i["SharedSize"], i["Containers"]) for i in images) == [(5, 5, 1), (8, 5, 1)]
    assert layers_size(catalog) == 8
