from seaway.logs.spool import PIECE_BYTES, SpoolParser

T1, T2 = b"2026-11-24T06:53:53.717414473", b"2026-11-24T06:53:53.918342306"


def spool(time: bytes, flag: bytes, text: bytes, stream: bytes = b"stdout") -> bytes:
    return b"%b+00:00 %b %b %b\n" % (time, stream, flag, text)


def test_whole_lines_pass_through() -> None:
    lines = SpoolParser().feed(spool(T1, b"F", b"a b") + spool(T2, b"F", b"", b"stderr"))
    assert lines == [(T1, b"stdout", b"F", b"a b\n"), (T2, b"stderr", b"F", b"\n")]


def test_pieces_are_joined_with_the_time_of_the_first() -> None:
    lines = SpoolParser().feed(spool(T1, b"P", b"foo") + spool(T1, b"F", b"err", b"stderr") + spool(T2, b"F", b"bar"))
    assert lines == [(T1, b"stderr", b"F", b"err\n"), (T1, b"stdout", b"F", b"foobar\n")]


def test_output_that_ends_without_a_newline_is_a_last_line_without_one() -> None:
    parser = SpoolParser()
    assert parser.feed(spool(T1, b"P", b"last")) == []
    assert parser.open_lines == [(T1, b"stdout", b"P", b"last")]
    assert parser.finish() == [(T1, b"stdout", b"P", b"last")]
    assert parser.finish() == []


def test_a_long_line_is_cut_at_16_kib() -> None:
    piece = b"x" * 8192
    lines = SpoolParser().feed(spool(T1, b"P", piece) * 4 + spool(T2, b"F", b"end"))
    assert [line[3] for line in lines] == [b"x" * PIECE_BYTES, b"x" * PIECE_BYTES, b"end\n"]
    assert {line[0] for line in lines} == {T1}


def test_chunks_may_end_anywhere() -> None:
    data = spool(T1, b"F", b"one") + spool(T1, b"P", b"tw") + spool(T2, b"F", b"o")
    for cut in range(len(data)):
        parser = SpoolParser()
        texts = [line[3] for line in parser.feed(data[:cut]) + parser.feed(data[cut:])]
        assert texts == [b"one\n", b"two\n"]
        assert parser.unfinished_bytes == 0
