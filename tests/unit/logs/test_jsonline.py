import pytest

from seaway.logs.jsonline import encode_attrs, encode_lines
from seaway.logs.spool import LogLine

TIME = b"2026-11-24T06:53:53.717414470"


def line_of(time: bytes, text: bytes) -> LogLine:
    return (time, b"stdout", b"F" if text.endswith(b"\n") else b"P", text)


@pytest.mark.parametrize(
    ("text", "json"),
    [
        (b"plain\n", rb"plain\n"),
        (b'say "hi" \\ \t\r\n', rb"say \"hi\" \\ \u0009\r\n"),
        (b"<a>&\x1b[0m\n", rb"\u003ca\u003e\u0026\u001b[0m\n"),
        ("é\u2028\n".encode(), "é\\u2028\\n".encode()),
        (b"\xff\xfe \xe2\x82\x7f\n", b"\\ufffd\\ufffd \\ufffd\\ufffd\x7f\\n"),
        (b"piece", b"piece"),
    ],
)
def test_text_is_escaped_as_dockerd_does(text: bytes, json: bytes) -> None:
    (line,) = encode_lines([line_of(TIME, text)])
    assert line == b'{"log":"' + json + b'","stream":"stdout","time":"2026-11-24T06:53:53.71741447Z"}\n'


@pytest.mark.parametrize(("time", "written"), [(b"2026-11-24T06:53:50.000000000", b"2026-11-24T06:53:50Z")])
def test_time_has_no_trailing_zeros(time: bytes, written: bytes) -> None:
    (line,) = encode_lines([line_of(time, b"x\n")])
    assert line.endswith(b'"time":"' + written + b'"}\n')


def test_attributes_are_sorted_and_come_before_the_time() -> None:
    (line,) = encode_lines([line_of(TIME, b"x\n")], encode_attrs({"b": "100%", "a": "1"}))
    assert b'"stream":"stdout","attrs":{"a":"1","b":"100%"},"time"' in line
