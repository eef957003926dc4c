from dataclasses import replace
from pathlib import Path

from seaway.layers.gc import ImageRecord, Kind, LayerRecord, Listing, MountRecord, find_orphans

HOME, DB, IMAGES = Path("/o"), Path("/l"), Path("/i")
WHOLE = Listing(
    driver_home=HOME,
    layerdb=DB,
    imagedb=IMAGES,
    layers={"base": LayerRecord(None, "d1"), "top": LayerRecord("base", "d2")},
    mounts={"box": MountRecord(("m", "m-init"), "top")},
    unfinished=(),
    images={"image": ImageRecord(("base", "top"))},
    metadata=frozenset({"image"}),
    directories={"d1": "D1", "d2": "D2", "m": "M", "m-init": "MI"},
    containers=frozenset({"box"}),
    layered=frozenset({"box"}),
    names={"docker.io/library/x:1": "image"},
    links={"D1": "d1", "D2": "d2", "M": "m", "MI": "m-init"},
)


def found(listing: Listing) -> list[tuple[Kind, str]]:
    return [(finding.kind, finding.name) for finding in find_orphans(listing)]


def test_a_whole_store_has_no_orphans() -> None:
    assert found(WHOLE) == []


def test_a_container_keeps_the_layers_of_an_image_that_is_gone() -> None:
    gone = replace(WHOLE, images={}, names={}, metadata=frozenset())
    assert found(gone) == []
    assert found(replace(gone, containers=frozenset(), layered=frozenset())) == [
        (Kind.MOUNT, "box"),
        (Kind.LAYER, "base"),
        (Kind.LAYER, "top"),
        *((Kind.DIRECTORY, name) for name in ("d1", "d2", "m", "m-init")),
    ]


def test_what_belongs_to_nothing() -> None:
    listing = replace(
        WHOLE,
        unfinished=(DB / "tmp/write-set-1",),
        metadata=frozenset({"image", "old"}),
        directories={**WHOLE.directories, "stray": "S"},
        names={**WHOLE.names, "docker.io/library/y:1": "old"},
        links={**WHOLE.links, "S": "stray", "ABC": "nowhere"},
        broken_records=(DB / "sha256/half",),
    )
    assert found(listing) == [
        (Kind.UNFINISHED, "write-set-1"),
        (Kind.NAME, "docker.io/library/y:1"),
        (Kind.METADATA, "old"),
        (Kind.RECORD, "half"),
        (Kind.DIRECTORY, "stray"),
        (Kind.LINK, "ABC"),
    ]
    paths = [str(finding.path) for finding in find_orphans(listing)]
    assert paths == ["/l/tmp/write-set-1", "None", "/i/metadata/sha256/old", "/l/sha256/half", "/o/stray", "/o/l/ABC"]


def test_short_names_are_each_layers_own() -> None:
    lost = replace(WHOLE, links={"D1": "d1", "D2": "d1", "M": "m"})
    assert found(lost) == [(Kind.LINK, "D2"), (Kind.LOST_LINK, "d2"), (Kind.LOST_LINK, "m-init")]
    assert [str(finding.path) for finding in find_orphans(lost)] == ["/o/l/D2", "/o/l/D2", "/o/l/MI"]
    nameless = replace(WHOLE, directories=dict.fromkeys(WHOLE.directories, ""), links={})
    assert found(nameless) == []


def test_what_a_container_lacks() -> None:
    assert found(replace(WHOLE, layered=frozenset({"box", "bare"}))) == [(Kind.NO_MOUNT, "bare")]
    without = {name: link for name, link in WHOLE.directories.items() if name != "m"}
    assert (Kind.NO_MOUNT, "box") in found(replace(WHOLE, directories=without))


def test_what_lacks_something() -> None:
    broken = replace(
        WHOLE,
        directories={name: link for name, link in WHOLE.directories.items() if name != "d1"},
        links={name: directory for name, directory in WHOLE.links.items() if directory != "d1"},
        images={**WHOLE.images, "torn": ImageRecord((), is_whole=False), "thin": ImageRecord(("base", "lost"))},
    )
    assert found(broken) == [(Kind.NO_LAYER, "thin"), (Kind.DAMAGED, "torn"), (Kind.NO_DIRECTORY, "base")]


def test_buildkit_s_cache_is_left_alone() -> None:
    cached = {**WHOLE.layers, "cache": LayerRecord("base", "d3")}
    listing = replace(WHOLE, layers=cached, directories={**WHOLE.directories, "d3": ""})
    assert found(listing) == [(Kind.LAYER, "cache"), (Kind.DIRECTORY, "d3")]
    assert found(replace(listing, keeps_unused_layers=True)) == []
