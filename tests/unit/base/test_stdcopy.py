import pytest
from hypothesis import given
from hypothesis import strategies as st

from seaway.base.stdcopy import BadFrame, Deframer, Stream, frame

STREAMS = st.sampled_from(list(Stream))


def test_the_header_is_dockers() -> None:
    assert frame(Stream.STDERR, b"oops") == b"\x02\0\0\0\0\0\0\x04oops"


@given(st.lists(st.tuples(STREAMS, st.binary(max_size=50)), max_size=8), st.integers(1, 20))
def test_frames_survive_any_cut(frames: list[tuple[Stream, bytes]], step: int) -> None:
    wire = b"".join(frame(*one) for one in frames)
    deframer = Deframer()
    seen = [one for at in range(0, len(wire), step) for one in deframer.feed(wire[at : at + step])]
    assert seen == frames


def test_an_unknown_stream_is_refused() -> None:
    with pytest.raises(BadFrame):
        list(Deframer().feed(b"\x09" + bytes(7)))
