import os

import pytest

from seaway.layers.hashing import BLOCK, StreamHash
from seaway.oci.digest import sha256_of


@pytest.mark.parametrize("sizes", [[], [1, 2, 3], [BLOCK], [BLOCK - 1, 2, BLOCK, 5]])
def test_in_whatever_pieces_it_comes(sizes: list[int]) -> None:
    pieces, digest = [os.urandom(size) for size in sizes], StreamHash()
    for piece in pieces:
        digest.put(piece)
    assert digest.digest() == sha256_of(b"".join(pieces))
