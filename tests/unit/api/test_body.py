import msgspec
import pytest

from seaway.api.body import check_content_type, parse_json
from seaway.base.errors import InvalidParameter


class Options(msgspec.Struct, rename="pascal"):
    image: str = ""
    memory: int = 0


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "invalid JSON: got EOF while reading request body"),
        (b"  \n", "invalid JSON: got EOF while reading request body"),
        (b"x", "invalid JSON: invalid character 'x' looking for beginning of value"),
        (b"{x", "invalid JSON: invalid character 'x' looking for beginning of object key string"),
        (b'{"a" 1}', "invalid JSON: invalid character '1' after object key"),
        (b'{"a":1 "b":2}', "invalid JSON: invalid character '\"' after object key:value pair"),
        (b"[1 2]", "invalid JSON: invalid character '2' after array element"),
        (b'{"a":', "invalid JSON: unexpected EOF"),
        (b'{"a', "invalid JSON: unexpected EOF"),
        (b'{"Image":"a"}{}', "unexpected content after JSON"),
        (
            b'{"Image":1}',
            "invalid JSON: json: cannot unmarshal number into Go struct field Options.Image of type string",
        ),
        (
            b'{"memory":"x"}',
            "invalid JSON: json: cannot unmarshal string into Go struct field Options.Memory of type int64",
        ),
        (b"[]", "invalid JSON: json: cannot unmarshal array into Go value of type Options"),
    ],
)
def test_refusals_are_gos(body: bytes, text: str) -> None:
    with pytest.raises(InvalidParameter) as refused:
        parse_json(body, Options)
    assert refused.value.message == text


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"Image":"\xff"}', b"\xff\xfe"])
def test_hostile_bodies_are_refused(body: bytes) -> None:
    with pytest.raises(InvalidParameter):
        parse_json(body, Options)


def test_keys_in_any_case_and_unknown_ones() -> None:
    assert parse_json(b'{"IMAGE":"a","Nope":[1],"Memory":null}', Options) == Options("a", 0)


def test_content_types() -> None:
    check_content_type("application/json; charset=utf-8", has_body=True)
    check_content_type("", has_body=False)
    for value, text in {
        "": "malformed Content-Type header (): mime: no media type",
        "text/plain": "unsupported Content-Type header (text/plain): must be 'application/json'",
    }.items():
        with pytest.raises(InvalidParameter) as refused:
            check_content_type(value, has_body=True)
        assert refused.value.message == text
