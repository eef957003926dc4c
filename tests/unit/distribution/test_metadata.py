from pathlib import Path

import pytest

from seaway.distribution.auth import Credentials
from seaway.distribution.metadata import (
    ENTRIES_LIMIT,
    BlobMetadata,
    KnownBlob,
    is_ours,
    mount_candidates,
    signed,
    signing_key,
)
from seaway.oci.digest import sha256_of

DIFF_ID, BLOB = sha256_of(b"layer"), str(sha256_of(b"blob"))
HERE = "r.example:5000/team/app"


async def test_dockerd_s_files(tmp_path: Path) -> None:
    metadata = BlobMetadata(tmp_path)
    await metadata.add(DIFF_ID, KnownBlob(BLOB, HERE))
    file = tmp_path / "v2metadata-by-diffid/sha256" / DIFF_ID.hex
    assert file.read_text() == f'[{{"Digest":"{BLOB}","SourceRepository":"{HERE}"}}]'
    assert (tmp_path / "diffid-by-digest" / BLOB.replace(":", "/")).read_text() == DIFF_ID


async def test_the_newest_is_last_and_the_oldest_goes(tmp_path: Path) -> None:
    metadata = BlobMetadata(tmp_path)
    for number in (*range(ENTRIES_LIMIT + 2), 30):
        await metadata.add(DIFF_ID, KnownBlob(BLOB, f"r.example/{number}"))
    names = [blob.repository for blob in await metadata.known(DIFF_ID)]
    assert (len(names), names[0], names[-1]) == (ENTRIES_LIMIT, "r.example/2", "r.example/30")
    await metadata.remove(DIFF_ID, KnownBlob(BLOB, "r.example/30"))
    assert [blob.repository for blob in await metadata.known(DIFF_ID)][-1] == f"r.example/{ENTRIES_LIMIT + 1}"


async def test_what_cannot_be_read_is_no_hint(tmp_path: Path) -> None:
    file = tmp_path / "v2metadata-by-diffid/sha256" / DIFF_ID.hex
    file.parent.mkdir(parents=True)
    file.write_text("{")
    assert await BlobMetadata(tmp_path).known(DIFF_ID) == ()


def test_signatures() -> None:
    ann, bob = signing_key(Credentials("ann", "pw")), signing_key(Credentials("bob", "pw"))
    blob = signed(KnownBlob(BLOB, HERE), ann)
    assert is_ours(blob, ann)
    assert not is_ours(blob, bob)
    assert not is_ours(blob, b"")
    assert signed(KnownBlob(BLOB, HERE), signing_key(None)).hmac == ""


@pytest.mark.parametrize("limit", [1, 4])
def test_mounts_come_from_the_same_registry_the_nearest_first(limit: int) -> None:
    key = signing_key(Credentials("ann", "pw"))
    names = ["r.example:5000/other/x", "r.example:5000/team/base", "elsewhere/team/app", HERE]
    blobs = tuple(KnownBlob(BLOB, name) for name in names)
    mine = signed(KnownBlob(BLOB, "r.example:5000/far/away"), key)
    theirs = signed(KnownBlob(BLOB, "r.example:5000/team/secret"), signing_key(Credentials("bob", "pw")))
    found = [blob.repository for blob in mount_candidates((mine, theirs, *blobs), HERE, key, limit)]
    assert found == ["r.example:5000/far/away", "r.example:5000/team/base", "r.example:5000/other/x"][:limit]
