import os
from pathlib import Path

import pytest

from seaway.base.errors import Conflict, EngineError, InvalidParameter, NotFound
from seaway.base.filters import Filters
from seaway.volumes.prune import prune_volumes
from seaway.volumes.store import VolumeStore

CHARACTERS = 'includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path'


@pytest.fixture
def store(tmp_path: Path) -> VolumeStore:
    return VolumeStore(tmp_path)


async def test_a_volume_is_a_directory_and_outlives_the_engine(store: VolumeStore, tmp_path: Path) -> None:
    made = await store.create("data", labels={"a": "b"})
    assert made.mountpoint == str(tmp_path / "volumes/data/_data")
    assert os.stat(made.mountpoint).st_mode & 0o7777 == 0o755
    assert os.stat(tmp_path / "volumes/data").st_mode & 0o7777 == 0o701
    assert VolumeStore(tmp_path).get("data") == made
    assert await store.create("data", labels={"other": ""}) == made


@pytest.mark.parametrize(
    ("name", "driver", "options", "message"),
    [
        ("a", "", {}, "create a: volume name is too short, names should be at least two alphanumeric characters"),
        ("a/b", "", {}, f'create a/b: "a/b" {CHARACTERS}'),
        ("ab", "", {"bad": "x"}, 'create ab: invalid option: "bad"'),
        ("ab", "", {"type": "tmpfs"}, 'create ab: missing required option: "device"'),
        ("ab", "", {"size": "1m"}, "create ab: quota size requested but no quota support"),
        ("ab", "foo", {}, 'create ab: error looking up volume plugin foo: plugin "foo" not found'),
    ],
)
async def test_what_cannot_be_made(
    store: VolumeStore, name: str, driver: str, options: dict[str, str], message: str
) -> None:
    with pytest.raises(EngineError) as err:
        await store.create(name, driver, options)
    assert str(err.value) == message
    assert isinstance(err.value, NotFound if driver else InvalidParameter)


async def test_options_are_stored_where_dockerd_looks(store: VolumeStore, tmp_path: Path) -> None:
    await store.create("vqg", options={"type": "tmpfs", "device": "tmpfs", "o": "size=1m"})
    text = (tmp_path / "volumes/vqg/opts.json").read_text()
    assert text == '{"MountType":"tmpfs","MountOpts":"size=1m","MountDevice":"tmpfs","Quota":{"Size":0}}'


async def test_a_volume_that_dockerd_made_is_found(tmp_path: Path) -> None:
    (tmp_path / "volumes/old/_data").mkdir(parents=True)
    (tmp_path / "volumes/metadata.db").touch()
    assert [v.name for v in VolumeStore(tmp_path).all()] == ["old"]


async def test_removal(store: VolumeStore, tmp_path: Path) -> None:
    await store.create("data")
    with pytest.raises(Conflict, match=r"remove data: volume is in use - \[c1, c2\]"):
        await store.remove("data", lambda: {"c2", "c1"})
    await store.remove("data")
    assert not (tmp_path / "volumes/data").exists()
    assert VolumeStore(tmp_path).all() == []
    with pytest.raises(NotFound, match="get data: no such volume"):
        await store.remove("data")
    assert await store.remove("data", force=True) is None


async def test_filters(store: VolumeStore) -> None:
    for name, labels in (("web-data", {"tier": "front"}), ("db-data", {"tier": "back"})):
        await store.create(name, labels=labels)

    def names(**filters: tuple[str, ...]) -> list[str]:
        return [v.name for v in store.matching(Filters(filters), {"db-data"})]

    assert names(name=("web",)) == ["web-data"]
    assert names(label=("tier=back",)) == ["db-data"]
    assert names(dangling=("true",)) == ["web-data"]
    assert names(dangling=("0",)) == ["db-data"]
    with pytest.raises(InvalidParameter, match="invalid filter 'foo'"):
        names(foo=("x",))


async def test_prune_takes_anonymous_ones_unless_told_otherwise(store: VolumeStore) -> None:
    await store.create("named")
    used, unused = await store.create(), await store.create()
    Path(unused.mountpoint, "f").write_bytes(b"12345")

    def users(name: str) -> set[str]:
        return {"c1"} if name == used.name else set()

    pruned = await prune_volumes(store, Filters(), users)
    assert (pruned.volumes, pruned.space_bytes) == ((unused,), 5)
    pruned = await prune_volumes(store, Filters({"all": ("1",)}), users)
    assert [v.name for v in pruned.volumes] == ["named"]
    assert store.all() == [used]
