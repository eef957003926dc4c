import pytest

from seaway.base.errors import InvalidParameter
from seaway.base.units import format_duration, parse_size


@pytest.mark.parametrize(("text", "size"), [("32", 32), ("1k", 1024), ("1.5 GB", 3 * 2**29), ("2MiB", 2**21), ("0", 0)])
def test_sizes_are_powers_of_1024(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "q", "-1", "1x", "1 2"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(InvalidParameter, match=f"invalid size: '{text}'"):
        parse_size(text)


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0s"),
        (250_000_000, "250ms"),
        (1_500_000_000, "1.5s"),
        (30 * 10**9, "30s"),
        (90 * 10**9, "1m30s"),
        (3600 * 10**9, "1h0m0s"),
        (1500, "1.5µs"),
    ],
)
def test_durations_as_go_prints_them(ns: int, text: str) -> None:
    assert format_duration(ns) == text
