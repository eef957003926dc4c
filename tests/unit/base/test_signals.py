import pytest

from seaway.base.errors import InvalidParameter
from seaway.base.signals import parse_signal


@pytest.mark.parametrize(
    ("text", "number"), [("9", 9), ("KILL", 9), ("sigterm", 15), ("SIGRTMIN", 34), ("RTMIN+3", 37), ("SIGRTMAX-1", 63)]
)
def test_numbers_and_names(text: str, number: int) -> None:
    assert parse_signal(text) == number


@pytest.mark.parametrize("text", ["", "0", "65", "FOO", "RTMIN+", "RTMIN+x", "-9", "SIG"])
def test_refused(text: str) -> None:
    with pytest.raises(InvalidParameter, match="invalid signal: "):
        parse_signal(text)
