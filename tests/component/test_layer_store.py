"""The layer store on a real filesystem, with both drivers: what goes in comes out, and bad input leaves nothing."""

import asyncio
import gzip
import hashlib
import io
import os
import stat
import tarfile
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from seaway.kernel.mount import unmount
from seaway.kernel.syscalls import mount
from seaway.layers.chain import MaxDepthExceeded
from seaway.layers.containers import ContainerLayers
from seaway.layers.driver import StorageDriver, StorageError
from seaway.layers.layerdb import Layer, LayerDb
from seaway.layers.overlay2 import Overlay2
from seaway.layers.store import DiffIdMismatch, LayerStore, NoSuchLayer
from seaway.layers.transfer import BadLayer, FilePart
from seaway.layers.vfs import Vfs
from seaway.oci.digest import Digest, sha256_of
from suites.tars import directory, hardlink, make_tar, member, symlink

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture(params=[Overlay2, Vfs])
async def driver(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[StorageDriver]:
    yield request.param(tmp_path / "driver")
    for merged in tmp_path.glob("driver/*/merged"):
        unmount(merged)


@pytest.fixture
def store(driver: StorageDriver, tmp_path: Path) -> LayerStore:
    return LayerStore(tmp_path / "image", driver)


async def chunks(data: bytes, size: int = 70_000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        await asyncio.sleep(0)
        yield data[start : start + size]


async def collected(stream: AsyncIterator[bytes]) -> bytes:
    return b"".join([chunk async for chunk in stream])


def leftovers(tmp_path: Path) -> list[str]:
    """Files and directories that belong to some layer, wherever."""
    found = [*tmp_path.glob("image/layerdb/*/*"), *tmp_path.glob("driver/dir/*"), *tmp_path.glob("driver/l/*")]
    return [str(p.relative_to(tmp_path)) for p in found] + [str(p) for p in tmp_path.glob("driver/*/diff")]


EVERYTHING = [
    directory("./"),
    directory("etc/", mode=0o2750, uid=5, gid=7),
    member("etc/passwd", data=b"root:x:0:0::/:/bin/sh\n", mode=0o640, uid=1000, gid=2_097_152),
    member("bin/su", data=b"\x7fELF", mode=0o4755, pax_headers={"SCHILY.xattr.user.note": "hello"}),
    hardlink("bin/su2", "bin/su"),
    symlink("bin/sh", "/bin/busybox"),
    member("dev/null", tarfile.CHRTYPE, mode=0o666, devmajor=1, devminor=3),
    member("dev/loop", tarfile.BLKTYPE, mode=0o660, devmajor=7, devminor=0),
    member("run/pipe", tarfile.FIFOTYPE, mode=0o600),
    member("empty"),
    member("long/" + "n" * 180 + "/file", data=b"x" * 1000),
    member("ünï", data=b"unicode"),
]


async def test_every_kind_of_file_keeps_what_it_has(store: LayerStore) -> None:
    layer = await store.register(chunks(make_tar(*EVERYTHING)), None)
    root = store.driver.layer_dir(layer.cache_id)
    etc, passwd, su = (root / name for name in ("etc", "etc/passwd", "bin/su"))
    assert (stat.S_IMODE(etc.stat().st_mode), etc.stat().st_uid, etc.stat().st_gid) == (0o2750, 5, 7)
    assert (stat.S_IMODE(passwd.stat().st_mode), passwd.stat().st_uid, passwd.stat().st_gid) == (0o640, 1000, 2_097_152)
    assert [p.lstat().st_mtime_ns for p in (etc, passwd, root / "bin/sh")] == [1_700_000_000_250_000_000] * 3
    assert stat.S_IMODE(su.stat().st_mode) == 0o4755
    assert os.getxattr(su, "user.note") == b"hello"
    assert (root / "bin/su2").stat().st_ino == su.stat().st_ino
    assert os.readlink(root / "bin/sh") == "/bin/busybox"
    null, loop = (root / "dev/null").stat(), (root / "dev/loop").stat()
    assert (stat.S_ISCHR(null.st_mode), null.st_rdev) == (True, os.makedev(1, 3))
    assert (stat.S_ISBLK(loop.st_mode), loop.st_rdev) == (True, os.makedev(7, 0))
    assert stat.S_ISFIFO((root / "run/pipe").stat().st_mode)
    assert layer.size == sum(len(data) for _, data in EVERYTHING)


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
async def test_a_layer_comes_out_bit_for_bit(store: LayerStore, form: int, tmp_path: Path) -> None:
    tar = make_tar(*EVERYTHING, form=form) + b"\0" * 4096 + b"trailing"
    layer = await store.register(chunks(tar), None)
    assert layer.diff_id == sha256_of(tar) == layer.chain_id
    assert await collected(store.tar_stream(layer.chain_id)) == tar


async def test_from_a_file_and_compressed(store: LayerStore, tmp_path: Path) -> None:
    tar = make_tar(*EVERYTHING)
    (tmp_path / "layer.tar.gz").write_bytes(gzip.compress(tar))
    told: list[int] = []
    source = FilePart(tmp_path / "layer.tar.gz", taken=told.append)
    layer = await store.register(source, None, sha256_of(tar))
    assert await collected(store.tar_stream(layer.chain_id)) == tar
    assert told[-1] == (tmp_path / "layer.tar.gz").stat().st_size


async def test_from_a_part_of_a_file_that_has_no_name(store: LayerStore, tmp_path: Path) -> None:
    tar = make_tar(member("big", data=os.urandom(5_000_001)))
    told: list[int] = []
    with tempfile.TemporaryFile(dir=tmp_path) as archive:
        archive.write(b"before" + tar + b"behind")
        archive.flush()
        source = FilePart(Path(f"/proc/self/fd/{archive.fileno()}"), 6, len(tar), told.append)
        layer = await store.register(source, None, sha256_of(tar))
    assert await collected(store.tar_stream(layer.chain_id)) == tar
    assert told == sorted(told)
    assert told[-1] == len(tar)


async def test_a_corrupt_file_is_told_while_somebody_is_told_of_it(store: LayerStore, tmp_path: Path) -> None:
    (tmp_path / "layer").write_bytes(gzip.compress(make_tar(member("a")))[:-20])
    with pytest.raises(BadLayer, match="unexpected EOF|truncated"):
        await store.register(FilePart(tmp_path / "layer", taken=lambda count: None), None)


async def test_large_content_passes_in_pieces(store: LayerStore) -> None:
    tar = make_tar(member("big", data=os.urandom(5_000_001)), member("after", data=b"end"))
    layer = await store.register(chunks(tar, 1_000_003), None)
    assert hashlib.sha256(await collected(store.tar_stream(layer.chain_id))).hexdigest() == layer.diff_id.hex


async def test_a_layer_is_compressed_to_the_same_bytes_each_time(store: LayerStore) -> None:
    tar = make_tar(member("big", data=os.urandom(3_000_001)), member("zeros", data=bytes(2_000_000)), member("empty"))
    layer = await store.register(chunks(tar), None)
    twice = [[piece async for piece in store.gzip_stream(layer.chain_id)] for _ in range(2)]
    blobs = [b"".join(piece.data for piece in pieces) for pieces in twice]
    assert gzip.decompress(blobs[0]) == tar
    assert blobs[0] == blobs[1]
    counts = [piece.source_bytes for piece in twice[0]]
    assert counts == sorted(counts)
    assert counts[-1] == len(tar)


async def test_many_files_before_their_directories(store: LayerStore) -> None:
    """The writers make parents that the tar names later; those get its mode then, and lose no file."""
    names = [f"d{n % 7}/e{n % 11}/f{n}" for n in range(800)]
    files = [member(name, data=name.encode()) for name in names]
    directories = [directory(f"d{d}/", mode=0o700) for d in range(7)]
    layer = await store.register(chunks(make_tar(*files, *directories)), None)
    root = store.driver.layer_dir(layer.cache_id)
    assert [(root / name).read_text() for name in names] == names
    assert {stat.S_IMODE((root / f"d{d}").stat().st_mode) for d in range(7)} == {0o700}


async def test_whiteouts_hide_the_parents_files(store: LayerStore) -> None:
    base = make_tar(member("a/gone", data=b"1"), member("a/kept", data=b"2"), member("b/old", data=b"3"), member("c/x"))
    top = make_tar(
        member("a/.wh.gone"), directory("b/"), member("b/new", data=b"4"), member("b/.wh..wh..opq"), member(".wh.c")
    )
    parent = await store.register(chunks(base), None)
    layer = await store.register(chunks(top), parent.chain_id)
    roots = ContainerLayers(store)
    await roots.create_rw("c1", layer.chain_id)
    root = await roots.mount("c1")
    seen = sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file() and p.parent.name in "abc")
    await roots.unmount("c1")
    assert seen == ["a/kept", "b/new"]
    assert not (root / "c").exists()
    assert await collected(store.tar_stream(layer.chain_id)) == top


async def test_records_are_dockerds(store: LayerStore, tmp_path: Path) -> None:
    parent = await store.register(chunks(make_tar(member("a", data=b"12345"))), None)
    layer = await store.register(chunks(make_tar(member("b"))), parent.chain_id)
    db = tmp_path / "image/layerdb"
    record = db / "sha256" / layer.chain_id.hex
    assert layer.chain_id == sha256_of(f"{parent.chain_id} {layer.diff_id}".encode())
    assert {p.name: p.read_text() for p in record.iterdir() if p.suffix != ".gz"} == {
        "cache-id": layer.cache_id,
        "diff": layer.diff_id,
        "parent": parent.chain_id,
        "size": "0",
        "seaway-pending": "",
    }
    assert {stat.S_IMODE(p.stat().st_mode) for p in record.iterdir()} == {0o644}
    lines = gzip.decompress((db / "sha256" / parent.chain_id.hex / "tar-split.json.gz").read_bytes()).splitlines()
    assert lines[1].startswith(b'{"type":1,"name":"a","size":5,"payload":"')
    roots = ContainerLayers(store)
    await roots.create_rw("c1", layer.chain_id)
    mount = {p.name: p.read_text() for p in (db / "mounts/c1").iterdir()}
    assert mount == {"mount-id": mount["mount-id"], "init-id": f"{mount['mount-id']}-init", "parent": layer.chain_id}


async def test_container_gets_its_init_layer(store: LayerStore) -> None:
    tar = make_tar(directory("etc/", mode=0o700), symlink("etc/hosts", "/etc/shadow"), member("etc/keep"))
    layer = await store.register(chunks(tar), None)
    roots = ContainerLayers(store)
    await roots.create_rw("c1", layer.chain_id)
    root = await roots.mount("c1")
    hosts = root / "etc/hosts"
    assert hosts.is_file()
    assert not hosts.is_symlink()
    assert stat.S_IMODE(hosts.stat().st_mode) == 0o755
    assert os.readlink(root / "etc/mtab") == "/proc/mounts"
    assert all((root / name).is_dir() for name in ("dev/pts", "dev/shm", "proc", "sys"))
    assert stat.S_IMODE((root / "etc").stat().st_mode) == 0o700
    (root / "data").write_bytes(bytes(77))
    assert await roots.rw_size("c1") == 77
    await roots.unmount("c1")


async def test_init_layer_respects_what_the_image_hides(store: LayerStore) -> None:
    """The layer is not mounted to fill it, so the lookup through whiteouts and opaque directories is its own."""
    base = make_tar(
        directory("etc/", mode=0o700, uid=9),
        directory("etc/hosts/"),
        member("etc/old"),
        directory("proc/", mode=0o555),
        directory("dev/", mode=0o711),
        directory("dev/pts/", mode=0o700),
    )
    middle = make_tar(member(".wh.dev"), directory("etc/", mode=0o750), member("etc/.wh..wh..opq"))
    top = make_tar(symlink("sys", "/etc"))
    parent = None
    for tar in (base, middle, top):
        parent = (await store.register(chunks(tar), parent)).chain_id
    roots = ContainerLayers(store)
    await roots.create_rw("c1", parent)
    root = await roots.mount("c1")
    modes = {name: oct((root / name).lstat().st_mode) for name in ("etc", "etc/hosts", "proc", "dev", "dev/pts", "sys")}
    old = (root / "etc/old").exists()
    await roots.unmount("c1")
    assert not old
    assert modes == {
        "etc": "0o40750",
        "etc/hosts": "0o100755",
        "proc": "0o40555",
        "dev": "0o40755",
        "dev/pts": "0o40755",
        "sys": "0o40755",
    }


BAD_TARS = {
    "climbs out": make_tar(member("../evil", data=b"x")),
    "climbs out from inside": make_tar(directory("a/"), member("a/../../evil", data=b"x")),
    "hard link climbs out": make_tar(hardlink("evil", "../../etc/passwd")),
    "hard link to the host": make_tar(hardlink("evil", "/etc/passwd")),
    "hard link through a symlink": make_tar(symlink("up", "/../../.."), hardlink("evil", "up/etc/passwd")),
    "header cut": make_tar(member("a", data=b"content"))[:700],
    "content cut": make_tar(member("a", data=bytes(100_000)))[:60_000],
    "garbage follows": make_tar(member("a"), member("b"))[:512] + b"garbage" * 200,
    "gzip cut": gzip.compress(make_tar(member("a", data=os.urandom(100_000))))[:50_000],
    "gzip damaged": gzip.compress(make_tar(member("a", data=os.urandom(100_000))))[:-50] + bytes(50),
    "gzip header only": b"\x1f\x8b" + bytes(1000),
    "two contents of one name": make_tar(member("a", data=b"1"), member("a", data=b"2")),
    "content, then a link of its name": make_tar(member("a", data=b"1"), symlink("./a", "b")),
    "headers without end": make_tar(member("a", pax_headers={"comment": "c"}))[:1024] * 40,
    "time beyond all": make_tar(member("a", pax_headers={"mtime": "99999999999999999999"})),
    "whiteout of the parent": make_tar(member("etc/.wh...")),
}


@pytest.mark.parametrize("tar", BAD_TARS.values(), ids=BAD_TARS)
async def test_bad_tar_is_refused_and_nothing_is_left(store: LayerStore, tar: bytes, tmp_path: Path) -> None:
    with pytest.raises(BadLayer):
        await store.register(chunks(tar), None)
    await store.driver.close()
    assert leftovers(tmp_path) == []


async def test_links_lead_nowhere_but_into_the_layer(store: LayerStore, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    tar = make_tar(symlink("abs", str(outside)), directory(str(outside)[1:]), member("abs/file", data=b"x"))
    layer = await store.register(chunks(tar), None)
    assert os.listdir(outside) == []
    assert (Path(f"{store.driver.layer_dir(layer.cache_id)}{outside}") / "file").read_bytes() == b"x"


async def test_wrong_digest_is_refused_and_nothing_is_left(store: LayerStore, tmp_path: Path) -> None:
    with pytest.raises(DiffIdMismatch):
        await store.register(chunks(make_tar(member("a"))), None, sha256_of(b"other"))
    await store.driver.close()
    assert leftovers(tmp_path) == []


async def test_source_that_fails_midway_leaves_nothing(store: LayerStore, tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield make_tar(member("a", data=bytes(100_000)))[:50_000]
        raise ConnectionResetError("registry died")

    with pytest.raises(ConnectionResetError):
        await store.register(broken(), None)
    await store.driver.close()
    assert leftovers(tmp_path) == []


async def test_cancelled_registration_leaves_nothing(store: LayerStore, tmp_path: Path) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield make_tar(member("a", data=bytes(100_000)))[:50_000]
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await store.register(endless(), None)
    await store.driver.close()
    assert leftovers(tmp_path) == []


async def test_same_layer_twice_is_one(store: LayerStore, tmp_path: Path) -> None:
    tar = make_tar(member("a"))
    first, second = await asyncio.gather(store.register(chunks(tar), None), store.register(chunks(tar), None))
    assert first == second
    assert len(list(tmp_path.glob("image/layerdb/sha256/*"))) == 1


async def test_changed_file_is_not_given_out(store: LayerStore) -> None:
    layer = await store.register(chunks(make_tar(member("a", data=b"right"))), None)
    (store.driver.layer_dir(layer.cache_id) / "a").write_bytes(b"wrong")
    with pytest.raises(StorageError, match='file integrity checksum failed for "a"'):
        await collected(store.tar_stream(layer.chain_id))


async def test_release_keeps_what_is_used(store: LayerStore, tmp_path: Path) -> None:
    base = await store.register(chunks(make_tar(member("a"))), None)
    top = await store.register(chunks(make_tar(member("b"))), base.chain_id)
    images: set[Digest] = {top.chain_id}
    store.add_user(lambda: images)
    await store.release(base.chain_id)
    await store.release(top.chain_id)
    assert store.get(top.chain_id) == top
    images.clear()
    async with store.transaction():
        await store.release(top.chain_id)
        assert store.get(top.chain_id) == top
    with pytest.raises(NoSuchLayer):
        store.get(base.chain_id)
    await store.driver.close()
    assert leftovers(tmp_path) == []


async def test_next_engine_finds_layers_and_removes_what_was_half_made(driver: StorageDriver, tmp_path: Path) -> None:
    store = LayerStore(tmp_path / "image", driver)
    layer = await store.register(chunks(make_tar(member("a"))), None)
    roots = ContainerLayers(store)
    await roots.create_rw("c1", layer.chain_id)
    half = tmp_path / "image/layerdb/tmp/write-set-7"
    half.mkdir()
    (half / "cache-id").write_text("f" * 64)
    await driver.create("f" * 64, layer.cache_id)
    again = LayerStore(tmp_path / "image", driver)
    await again.restore()
    assert again.all() == [layer]
    again_roots = ContainerLayers(again)
    assert again_roots.has_rw("c1")
    assert not driver.exists("f" * 64)
    assert not half.exists()


async def test_mounts_are_counted(store: LayerStore, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = await store.register(chunks(make_tar(member("a"))), None)
    roots = ContainerLayers(store)
    await roots.create_rw("c1", layer.chain_id)
    root = await roots.mount("c1")
    with monkeypatch.context() as without:
        without.setattr(store.driver, "mount", None)  # it is not asked again
        assert await roots.mount("c1") == root
    await roots.unmount("c1")
    assert (root / "a").exists()
    await roots.unmount("c1")
    await roots.remove_rw("c1")
    await roots.remove_rw("c1")
    assert not roots.has_rw("c1")


async def test_stack_has_a_limit(driver: StorageDriver, tmp_path: Path) -> None:
    records, parent = LayerDb(tmp_path / "image/layerdb"), None
    for number in range(125):
        layer = Layer(sha256_of(b"%d" % number), sha256_of(b""), parent, "c" * 64, 0)
        records.commit_layer(records.begin(layer.cache_id), layer)
        parent = layer.chain_id
    with pytest.raises(MaxDepthExceeded, match="max depth exceeded"):
        await LayerStore(tmp_path / "image", driver).register(chunks(make_tar(member("one-more"))), parent)


async def test_full_disk_is_the_hosts_failure(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount("tmpfs", str(disk), "tmpfs", data="size=1m")
    try:
        store = LayerStore(tmp_path / "image", Overlay2(disk / "overlay2"))
        with pytest.raises(StorageError, match="/big: no space left on device"):
            await store.register(chunks(make_tar(member("big", data=bytes(3_000_000)))), None)
        await store.close()
        assert leftovers(tmp_path) == []
        assert not list(disk.glob("overlay2/*/diff"))
    finally:
        unmount(disk)


async def test_the_next_store_sweeps_what_no_image_came_to_use(tmp_path: Path) -> None:
    """The layers of a killed engine: two nobody has, one that an image has all the same."""
    first = open_store(tmp_path)
    wanted = await first.register(chunks(make_tar(member("a"))), None)
    base = await first.register(chunks(make_tar(member("b"))), None)
    await first.register(chunks(make_tar(member("c"))), base.chain_id)
    await first.close()
    second = open_store(tmp_path)
    second.add_user(lambda: [wanted.chain_id])
    await second.sweep()
    await second.close()
    assert second.all() == [wanted]
    assert not list(tmp_path.glob("image/layerdb/sha256/*/seaway-pending"))
    assert len(list(tmp_path.glob("overlay2/*/diff"))) == 1


async def test_an_image_that_is_going_marks_its_layers(tmp_path: Path) -> None:
    first = open_store(tmp_path)
    async with first.transaction():
        base = await first.register(chunks(make_tar(member("a"))), None)
        top = await first.register(chunks(make_tar(member("b"))), base.chain_id)
        first.add_user(lambda: [top.chain_id])
    assert not list(tmp_path.glob("image/layerdb/sha256/*/seaway-pending"))
    await first.mark_going(top.chain_id)
    await first.close()
    second = open_store(tmp_path)
    second.add_user(lambda: [base.chain_id])
    await second.sweep()
    assert second.all() == [base]
    await second.close()


def open_store(root: Path) -> LayerStore:
    return LayerStore(root / "image", Overlay2(root / "overlay2"))


async def test_a_containers_changes_become_the_layer_that_their_tar_would_be(store: LayerStore) -> None:
    base = await store.register(chunks(make_tar(directory("gone/"), member("gone/f", data=b"1"), member("kept"))), None)
    roots = ContainerLayers(store)
    await roots.create_rw("c1", base.chain_id)
    root = await roots.mount("c1")
    (root / "gone/f").unlink()
    (root / "new").mkdir(mode=0o751)
    (root / "new/large").write_bytes(os.urandom(3 << 20) + b"odd")
    (root / "new/small").write_bytes(b"text")
    os.link(root / "new/small", root / "new/linked")
    (root / "new/link").symlink_to("small")
    os.setxattr(root / "new/small", "user.note", b"hello")
    os.chown(root / "new/small", 5, 7)
    layer = await store.register(roots.diff("c1"), base.chain_id)
    tar = await collected(store.tar_stream(layer.chain_id))
    again = await store.register(chunks(tar), None)
    assert sha256_of(tar) == layer.diff_id == again.diff_id
    assert layer.size == again.size == (3 << 20) + len("odd") + len("text")
    with tarfile.open(fileobj=io.BytesIO(tar)) as members:
        names = members.getnames()
    assert names == ["gone", "gone/.wh.f", "new", "new/large", "new/link", "new/linked", "new/small"]
    made, small = store.driver.layer_dir(layer.cache_id), (root / "new/small").stat()
    found = (made / "new/small").stat()
    assert (found.st_uid, found.st_gid, int(found.st_mtime), found.st_nlink) == (5, 7, int(small.st_mtime), 2)
    assert os.getxattr(made / "new/small", "user.note") == b"hello"
    await roots.unmount("c1")
