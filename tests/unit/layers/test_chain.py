from seaway.layers.chain import chain_id, chain_ids
from seaway.oci.digest import Digest

A, B = Digest("sha256:" + "a" * 64), Digest("sha256:" + "b" * 64)


def test_base_layers_chain_id_is_its_diff_id() -> None:
    assert chain_id(None, A) == A


def test_chain_id_hashes_parent_and_own() -> None:
    assert chain_id(A, B) == "sha256:ccd722928bd92476ba1745586fed6e45a102504185ad88cd89e01ff116fd146c"


def test_chain_of_a_stack() -> None:
    assert chain_ids([A, B]) == [A, chain_id(A, B)]
    assert chain_ids([]) == []
