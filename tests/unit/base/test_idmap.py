import pytest

from seaway.base.idmap import NO_SHIFT, IdMap, IdNotMapped, IdRange, laid_out, parse_id_map

TWO_PIECES = laid_out([(100000, 10), (300000, 65526)])


def test_pieces_lie_one_after_the_other() -> None:
    assert (IdRange(0, 100000, 10), IdRange(10, 300000, 65526)) == TWO_PIECES


def test_ids_go_out_and_come_back() -> None:
    ids = IdMap(TWO_PIECES, laid_out([(200000, 100)]))
    assert ids.root == (100000, 200000)
    assert ids.to_host(33, 33) == (300023, 200033)
    assert ids.to_container(300023, 200033) == (33, 33)


def test_what_has_no_place_is_refused() -> None:
    ids = IdMap(TWO_PIECES, TWO_PIECES)
    with pytest.raises(IdNotMapped, match="Container ID 65536 cannot be mapped to a host ID"):
        ids.to_host(65536, 0)
    with pytest.raises(IdNotMapped, match="Host ID 0 cannot be mapped to a container ID"):
        ids.to_container(100000, 0)


@pytest.mark.parametrize("ids", [NO_SHIFT, IdMap(TWO_PIECES, laid_out([(200000, 100)]))])
def test_a_map_is_read_back_from_its_text(ids: IdMap) -> None:
    assert parse_id_map(str(ids)) == ids


def test_without_ranges_nothing_is_shifted() -> None:
    assert not NO_SHIFT
    assert NO_SHIFT.root == (0, 0)
    assert NO_SHIFT.to_container(5, 6) == (5, 6)
