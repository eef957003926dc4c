import bz2
import gzip
import lzma
import os
from collections.abc import AsyncIterator, Callable

import pytest
from backports import zstd

from seaway.content.bombs import unpacked_limit
from seaway.content.compression import OUTPUT_LIMIT, Bomb, CorruptStream, decompressed, safely_decompressed

TEXT = bytes(range(256)) * 3000


async def pieces(data: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def read(data: bytes, size: int = 1000) -> bytes:
    return b"".join([piece async for piece in decompressed(pieces(data, size))])


@pytest.mark.parametrize("size", [1, 7, 5000, 1 << 20])
@pytest.mark.parametrize("compress", [gzip.compress, zstd.compress, bz2.compress, lzma.compress, bytes])
async def test_each_format_in_pieces_of_any_size(compress: Callable[[bytes], bytes], size: int) -> None:
    text = TEXT[: size * 3000]
    assert await read(compress(text), size) == text


@pytest.mark.parametrize("compress", [gzip.compress, zstd.compress, bz2.compress, lzma.compress])
async def test_members_follow_one_another_and_padding_is_ignored(compress: Callable[[bytes], bytes]) -> None:
    assert await read(compress(b"a" * 5000) + compress(b"b") + bytes(512), 11) == b"a" * 5000 + b"b"


async def test_a_bomb_comes_in_bounded_pieces() -> None:
    bomb = gzip.compress(bytes(64 << 20))
    sizes = [len(piece) async for piece in decompressed(pieces(bomb, 1 << 20))]
    assert sum(sizes) == 64 << 20
    assert max(sizes) <= OUTPUT_LIMIT


async def test_truncated_and_corrupt() -> None:
    data = gzip.compress(TEXT)
    with pytest.raises(CorruptStream, match="^unexpected EOF$"):
        await read(data[:-100])
    with pytest.raises(CorruptStream):
        await read(data[:400] + bytes(300) + data[700:])


async def test_empty_and_short() -> None:
    assert await read(b"") == b""
    assert await read(b"BZ") == b"BZ"


async def test_a_stream_of_unknown_length_is_held_to_what_came_of_it() -> None:
    def limit(taken: int) -> int:
        return 100 * taken

    honest = os.urandom(4 << 20)
    assert (
        b"".join([piece async for piece in safely_decompressed(pieces(gzip.compress(honest), 1 << 16), limit)])
        == honest
    )
    seen, bomb = 0, gzip.compress(bytes(64 << 20))
    with pytest.raises(Bomb, match=f"^decompression bomb: more than {100 * len(bomb)} bytes unpacked$"):
        async for piece in safely_decompressed(pieces(bomb, 1 << 20), limit):
            seen += len(piece)
    assert seen <= 100 * len(bomb)


def test_how_much_a_layer_may_unpack_to() -> None:
    assert unpacked_limit(1000) == 10 << 30
    assert unpacked_limit(1 << 30) == 100 << 30
