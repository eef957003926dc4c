import pytest

from seaway.api.handlers.events import parse_moment
from seaway.base.errors import InvalidParameter


def test_moments() -> None:
    assert parse_moment("") is None
    assert parse_moment("1461943101") == 1_461_943_101_000_000_000
    assert parse_moment("1461943101.5") == 1_461_943_101_500_000_000
    assert parse_moment("1970-01-01T00:00:01Z") == 1_000_000_000


@pytest.mark.parametrize("text", ["abc", "1.x", "99999999999999999999", "9" * 10_000, "1970-01-01Tx"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(InvalidParameter):
        parse_moment(text)
