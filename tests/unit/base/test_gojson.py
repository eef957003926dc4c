import msgspec
import pytest

from seaway.base import gojson


class Inner(msgspec.Struct, rename="pascal"):
    host_port: str = ""


class Outer(msgspec.Struct, rename="pascal"):
    memory: int = 0
    ports: dict[str, list[Inner] | None] | None = None
    names: list[str] = []


def test_any_key_case_nulls_and_unknown_keys() -> None:
    got = gojson.decode(b'{"memory":null,"PORTS":{"80/tcp":[{"hostport":"1"}],"81/tcp":null},"x":1}', Outer)
    assert got == Outer(ports={"80/tcp": [Inner("1")], "81/tcp": None})


def test_wrong_types_are_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match=r"Expected `int`, got `str` - at `\$.Memory`"):
        gojson.decode(b'{"Memory":"1"}', Outer)


def test_html_is_escaped_as_go_does() -> None:
    assert gojson.encode({"a": "<&>"}, escape_html=True) == b'{"a":"\\u003c\\u0026\\u003e"}'


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert gojson.decode(b'{"Names":["\xff","b\xe9"]}', Outer) == Outer(names=["\ufffd", "b\ufffd"])
    with pytest.raises(msgspec.DecodeError):
        gojson.decode(b'{"Names":["\xff"', Outer)


def test_a_name_that_is_not_utf_8_is_told_as_go_does() -> None:
    name = b"\xff\xc3x\xc3\xa9".decode(errors="surrogateescape")
    assert gojson.encode([Inner(name), {name: (1, name)}]) == (
        '[{"HostPort":"\ufffd\ufffdxé"},{"\ufffd\ufffdxé":[1,"\ufffd\ufffdxé"]}]'.encode()
    )
