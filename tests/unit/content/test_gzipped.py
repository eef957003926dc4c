import gzip
import random
from collections.abc import AsyncIterator

from seaway.content.gzipped import BLOCK, gzipped


async def pieces(data: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def test_the_same_bytes_however_they_come() -> None:
    data = random.Random(3).randbytes(3_000) * 900
    whole = [b"".join([p async for p in gzipped(pieces(data, size))]) for size in (BLOCK, 70_001, len(data))]
    assert gzip.decompress(whole[0]) == data
    assert len(whole[0]) < len(data)
    assert whole[0] == whole[1] == whole[2]


async def test_nothing_is_a_stream_too() -> None:
    assert gzip.decompress(b"".join([p async for p in gzipped(pieces(b"", 1))])) == b""
