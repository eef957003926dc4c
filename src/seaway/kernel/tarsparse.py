"""Sparse members of a tar, where their data lies: GNU's old headers (type S), PAX formats 0.1 and 1.0. Pure."""

from collections.abc import Callable, Mapping, Sequence

SparseMap = tuple[tuple[int, int], ...]
_PAIR, _FIRST_AT, _FIRST, _MORE = 24, 386, 4, 21
MAX_BLOCKS = 4096


def old_pairs(block: bytes, number: Callable[[bytes], int], *, extension: bool) -> tuple[list[tuple[int, int]], bool]:
    """The (offset, length) pairs of one header or extension block, and whether another block follows."""
    start, count = (0, _MORE) if extension else (_FIRST_AT, _FIRST)
    pairs = []
    for at in range(start, start + count * _PAIR, _PAIR):
        if not block[at]:
            break
        pairs.append((number(block[at : at + 12]), number(block[at + 12 : at + 24])))
    return pairs, bool(block[start + count * _PAIR])


def old_real_size(block: bytes, number: Callable[[bytes], int]) -> int:
    return number(block[483:495])


def is_pax_sparse(pax: Mapping[bytes, bytes]) -> bool:
    return any(key.startswith(b"GNU.sparse.") for key in pax)


def is_mapped_in_data(pax: Mapping[bytes, bytes]) -> bool:
    return pax.get(b"GNU.sparse.major") == b"1" and pax.get(b"GNU.sparse.minor") == b"0"


def pax_map(text: bytes) -> SparseMap:
    """`GNU.sparse.map` of format 0.1. Raises ValueError."""
    return _pairs([int(word) for word in text.split(b",")])


def read_data_map(read_block: Callable[[], bytes]) -> tuple[SparseMap, int]:
    """The map that format 1.0 puts before the data, in whole blocks: how many, then pairs, a number a line. Returns
    how many bytes it took, too. Raises ValueError."""
    text, blocks = b"", 0
    while True:
        text += read_block()
        blocks += 1
        lines = text.split(b"\n")[:-1]
        if lines and len(lines) > 2 * int(lines[0]):
            numbers = [int(line) for line in lines[1 : 1 + 2 * int(lines[0])]]
            return _pairs(numbers), blocks * 512
        if blocks > MAX_BLOCKS:
            raise ValueError("sparse map too long")


def _pairs(numbers: Sequence[int]) -> SparseMap:
    pairs = tuple(zip(numbers[::2], numbers[1::2], strict=True))
    end = 0
    for offset, length in pairs:
        if offset < end or length < 0:
            raise ValueError("sparse map out of order")
        end = offset + length
    return pairs


def checked(pairs: SparseMap, stored: int, real_size: int) -> SparseMap:
    """Raises ValueError where the map does not fit the data."""
    ends = max((offset + length for offset, length in _pairs([n for pair in pairs for n in pair])), default=0)
    if sum(length for _, length in pairs) != stored or ends > real_size:
        raise ValueError("sparse map does not fit")
    return pairs
