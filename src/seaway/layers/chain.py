"""Chain IDs name a stack of layers: the base's is its diff ID, every other is the hash of its parent's and its own."""

from collections.abc import Iterable

from seaway.base.errors import SystemFailure
from seaway.oci.digest import Digest, sha256_of

MAX_DEPTH = 125


class MaxDepthExceeded(SystemFailure):
    def __init__(self) -> None:
        super().__init__("max depth exceeded")


def chain_id(parent: Digest | None, diff_id: Digest) -> Digest:
    return diff_id if parent is None else sha256_of(f"{parent} {diff_id}".encode())


def chain_ids(diff_ids: Iterable[Digest]) -> list[Digest]:
    """The chain ID after each layer, base first."""
    chain: list[Digest] = []
    for diff_id in diff_ids:
        chain.append(chain_id(chain[-1] if chain else None, diff_id))
    return chain
