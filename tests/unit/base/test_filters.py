import pytest

from seaway.base.filters import InvalidFilter, parse_filters


def test_both_spellings_mean_the_same() -> None:
    assert parse_filters('{"label":["a=b"]}') == parse_filters('{"label":{"a=b":true}}')
    assert not parse_filters("")


@pytest.mark.parametrize("text", ["x", "[]", '{"a":1}', '{"a":[1]}', "\udcff"])
def test_other_json_is_refused(text: str) -> None:
    with pytest.raises(InvalidFilter, match=r"^invalid filter$"):
        parse_filters(text)


def test_unknown_keys_are_named() -> None:
    with pytest.raises(InvalidFilter, match=r"^invalid filter 'nope'$"):
        parse_filters('{"nope":["1"]}').validate({"name"})


def test_flags() -> None:
    assert parse_filters('{"dangling":["1"]}').flag("dangling")
    assert not parse_filters('{"dangling":["false"]}').flag("dangling", default=True)
    assert parse_filters("").flag("dangling", default=True)
    for bad in ('["maybe"]', '["true","false"]'):
        with pytest.raises(InvalidFilter, match=r"invalid filter 'dangling=\[.*\]'"):
            parse_filters(f'{{"dangling":{bad}}}').flag("dangling")


def test_values_are_alternatives_and_labels_conditions() -> None:
    filters = parse_filters('{"id":["ab","cd"],"label":["a","b=1"]}')
    assert filters.matches_prefix("id", "abc")
    assert not filters.matches_exactly("id", "abc")
    assert filters.matches_exactly("name", "anything")
    assert filters.matches_labels("label", {"a": "", "b": "1"})
    assert not filters.matches_labels("label", {"a": "", "b": "2"})


def test_negated_labels() -> None:
    filters = parse_filters('{"label!":["keep"]}')
    assert filters.lacks_labels("label!", {"a": "1"})
    assert not filters.lacks_labels("label!", {"keep": ""})
