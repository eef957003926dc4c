from typing import ClassVar

import msgspec
import pytest

from seaway.api.body import check_content_type, parse_json
from seaway.base.errors import InvalidParameter


class Inner(msgspec.Struct, rename="pascal"):
    GO_NAME: ClassVar[str] = "HostConfig"

    labels: dict[str, str] = {}


class Options(msgspec.Struct, rename="pascal"):
    image: str = ""
    memory: int = 0
    env: list[str] | None = None
    inner: Inner | None = None


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
        (b"nul", "invalid JSON: unexpected EOF"),
        (b"[1,]", "invalid JSON: invalid character ']' looking for beginning of value"),
        (b'{"a":1,}', "invalid JSON: invalid character '}' looking for beginning of object key string"),
        (b'{"a":"\x01"}', "invalid JSON: invalid character '\\x01' in string literal"),
        (b'{"a":"\\x"}', "invalid JSON: invalid character 'x' in string escape code"),
        (
            b'{"Memory":1.50}',
            "invalid JSON: json: cannot unmarshal number 1.50 into Go struct field Options.Memory of type int64",
        ),
        (
            b'{"Memory":9223372036854775808}',
            "invalid JSON: json: cannot unmarshal number 9223372036854775808 "
            "into Go struct field Options.Memory of type int64",
        ),
        (
            b'{"Env":"x"}',
            "invalid JSON: json: cannot unmarshal string into Go struct field Options.Env of type []string",
        ),
        (
            b'{"Env":[1]}',
            "invalid JSON: json: cannot unmarshal number into Go struct field Options.Env of type string",
        ),
        (
            b'{"Inner":{"Labels":{"a":1}}}',
            "invalid JSON: json: cannot unmarshal number into Go struct field Options.Inner.Labels of type string",
        ),
        (
            b'{"Inner":1}',
            "invalid JSON: json: cannot unmarshal number into Go struct field Options.Inner of type HostConfig",
        ),
    ],
)
def test_refusals_are_gos(body: bytes, text: str) -> None:
    with pytest.raises(InvalidParameter) as refused:
        parse_json(body, Options)
    assert refused.value.message == text


@pytest.mark.parametrize("body", [b"[" * 100_000, b"\xff\xfe"])
def test_hostile_bodies_are_refused(body: bytes) -> None:
    with pytest.raises(InvalidParameter):
        parse_json(body, Options)


@pytest.mark.parametrize("body", [b"null", b"{}", b'{"Env":null,"Inner":null}'])
def test_null_is_nothing(body: bytes) -> None:
    assert parse_json(body, Options) == Options()
    assert parse_json(b'{"Env":["a",null]}', Options).env == ["a", ""]


def test_keys_in_any_case_and_unknown_ones() -> None:
    assert parse_json(b'{"IMAGE":"a","Nope":[1],"Memory":null}', Options) == Options("a", 0)


def test_content_types() -> None:
    check_content_type("application/json; charset=utf-8", has_body=True)
    check_content_type("APPLICATION/JSON;", has_body=True)
    check_content_type("", has_body=False)
    for value, text in {
        "": "malformed Content-Type header (): mime: no media type",
        ";": "malformed Content-Type header (;): mime: no media type",
        "/json": "malformed Content-Type header (/json): mime: no media type",
        "text/": "malformed Content-Type header (text/): mime: expected token after slash",
        "a b": "malformed Content-Type header (a b): mime: expected slash after first token",
        "application/json; x": "malformed Content-Type header (application/json; x): mime: invalid media parameter",
        "garbage": "unsupported Content-Type header (garbage): must be 'application/json'",
        "text/plain": "unsupported Content-Type header (text/plain): must be 'application/json'",
    }.items():
        with pytest.raises(InvalidParameter) as refused:
            check_content_type(value, has_body=True)
        assert refused.value.message == text
