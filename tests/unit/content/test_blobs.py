import asyncio
from pathlib import Path

import pytest

from seaway.content.blobs import BlobNotFound, BlobStore, VerificationFailed
from seaway.oci.digest import sha256_of

DATA = b"seaway" * 400_000
DIGEST = sha256_of(DATA)


async def test_committed_blob_is_read_back(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    await store.add(DIGEST, DATA)
    assert DIGEST in store
    assert store.path(DIGEST).read_bytes() == DATA
    async with store.ingest(DIGEST) as ingest:
        assert ingest is None
    await store.delete(DIGEST)
    await store.delete(DIGEST)
    with pytest.raises(BlobNotFound):
        store.path(DIGEST)


@pytest.mark.parametrize("size", [1000, 300_000, len(DATA)])
async def test_pieces_of_any_size(tmp_path: Path, size: int) -> None:
    async with BlobStore(tmp_path).ingest(DIGEST) as ingest:
        assert ingest
        for start in range(0, len(DATA), size):
            await ingest.write(DATA[start : start + size])
        await ingest.commit()
    assert BlobStore(tmp_path).path(DIGEST).read_bytes() == DATA


async def test_a_partial_blob_is_resumed_by_a_later_store(tmp_path: Path) -> None:
    async with BlobStore(tmp_path).ingest(DIGEST) as ingest:
        assert ingest
        await ingest.write(DATA[:1_500_000])
        await ingest.write(DATA[1_500_000:1_500_007])
    later = BlobStore(tmp_path)
    assert DIGEST not in later
    async with later.ingest(DIGEST) as ingest:
        assert ingest
        assert ingest.size_bytes == 1_500_007
        await ingest.write(DATA[1_500_007:])
        await ingest.commit()
    assert later.path(DIGEST).read_bytes() == DATA


async def test_wrong_bytes_are_refused_and_forgotten(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    async with store.ingest(DIGEST) as ingest:
        assert ingest
        await ingest.write(b"other")
        with pytest.raises(VerificationFailed, match=f"^filesystem layer verification failed for digest {DIGEST}$"):
            await ingest.commit()
    assert not list((tmp_path / "ingest").iterdir())
    assert DIGEST not in store


async def test_restart_forgets_what_is_there(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    async with store.ingest(DIGEST) as ingest:
        assert ingest
        await ingest.write(b"garbage" * 300_000)
        await ingest.restart()
        await ingest.write(DATA)
        await ingest.commit()
    assert store.path(DIGEST).read_bytes() == DATA


async def test_a_leased_blob_is_deleted_by_its_last_user(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    await store.add(DIGEST, DATA)
    with store.lease([DIGEST]):
        with store.lease([DIGEST, DIGEST]):
            pass
        await store.delete(DIGEST)
        assert DIGEST in store
    await store.delete(DIGEST)
    assert DIGEST not in store


async def test_prune_forgets_old_downloads_that_nobody_uses(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    await store.add(DIGEST, DATA)
    other = sha256_of(b"other")
    async with store.ingest(other) as ingest:
        assert ingest
        await ingest.write(b"oth")
    assert await store.prune(older_than_s=3600) == 0
    with store.lease([DIGEST]):
        assert await store.prune(older_than_s=-1) == 3
    assert await store.prune(older_than_s=-1) == len(DATA)
    assert DIGEST not in store


async def test_a_cancelled_write_is_whole_when_the_ingest_ends(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)

    async def write() -> None:
        async with store.ingest(DIGEST) as ingest:
            assert ingest
            for start in range(ingest.size_bytes, len(DATA), 100_000):
                await ingest.write(DATA[start : start + 100_000])
                await asyncio.sleep(0)

    for turns in range(0, 60, 3):
        work = asyncio.create_task(write())
        for _ in range(turns):
            await asyncio.sleep(0)
        work.cancel()
        await asyncio.wait([work])
    async with store.ingest(DIGEST) as ingest:
        assert ingest
        await ingest.write(DATA[ingest.size_bytes :])
        await ingest.commit()
