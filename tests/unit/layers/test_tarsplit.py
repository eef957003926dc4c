"""Lines as dockerd writes and reads them."""

import pytest

from seaway.layers.tarsplit import FileContent, Segment, decode_entry, encode_file, encode_segment

LINES = {
    b'{"type":2,"payload":"ZDAv","position":0}\n': Segment(b"d0/"),
    b'{"type":1,"name":"d/f","size":9,"payload":"uQlWx3WkEAE=","position":1}\n': FileContent(
        b"d/f", 9, 0xB90956C775A41001
    ),
    b'{"type":1,"name":"d/","payload":null,"position":2}\n': FileContent(b"d/", 0, None),
    b'{"type":1,"name_raw":"/w==","payload":null,"position":3}\n': FileContent(b"\xff", 0, None),
}


@pytest.mark.parametrize(("line", "entry"), LINES.items())
def test_decode(line: bytes, entry: Segment | FileContent) -> None:
    assert decode_entry(line) == entry


def test_encode_is_the_same_line() -> None:
    encoded = [
        encode_segment(entry.data, position)
        if isinstance(entry, Segment)
        else encode_file(entry.name, entry.size, entry.crc, position)
        for position, entry in enumerate(LINES.values())
    ]
    assert encoded == list(LINES)


def test_quotes_and_controls_in_a_name() -> None:
    name = 'a"b\\c\nd é'.encode()
    assert decode_entry(encode_file(name, 0, None, 0)) == FileContent(name, 0, None)


def test_dockerds_last_empty_segment() -> None:
    assert decode_entry(b'{"type":2,"payload":"","position":9}') == Segment(b"")
    assert decode_entry(b'{"type":2,"payload":null,"position":9}') == Segment(b"")


@pytest.mark.parametrize("line", [b"", b"{}", b'{"type":3}', b'{"type":2,"payload":"abc"}', b"[1]", b"null"])
def test_foreign_lines_are_refused(line: bytes) -> None:
    with pytest.raises(ValueError):
        decode_entry(line)
