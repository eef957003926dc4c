import pytest

from seaway.base.clock import format_time, parse_time


def test_trailing_zeros_are_dropped() -> None:
    assert format_time(1_000_000_000) == "1970-01-01T00:00:01Z"
    assert format_time(1_500_000_001) == "1970-01-01T00:00:01.500000001Z"


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1970-01-01T00:00:01.5Z", 1_500_000_000),
        ("1970-01-01T02:00:00+02:00", 0),
        ("1970-01-01T00:00:00-00:30", 1800 * 10**9),
    ],
)
def test_offsets(text: str, ns: int) -> None:
    assert parse_time(text) == ns


def test_garbage() -> None:
    with pytest.raises(ValueError, match="RFC 3339"):
        parse_time("yesterday")
