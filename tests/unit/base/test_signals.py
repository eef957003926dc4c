import pytest

from seaway.base.errors import InvalidParameter
from seaway.base.signals import parse_signal


@pytest.mark.parametrize(
    ("text", "number"), [("9", 9), ("KILL", 9), ("sigterm", 15), ("SIGRTMIN", 34), ("RTMIN+3", 37), ("SIGRTMAX-1", 63)]
)
def test_numbers_and_names(text: str, number: int) -> None:
    assert parse_signal(text) == number


@pytest.mark.parametrize("text", ["", "0", "FOO", "RTMIN+", "RTMIN+x", "SIG", "RTMIN+16"])
def test_refused(text: str) -> None:
    with pytest.raises(InvalidParameter, match="invalid signal: "):
        parse_signal(text)


@pytest.mark.parametrize("text", ["65", "-9", "9" * 5000])
def test_numbers_that_linux_does_not_have(text: str) -> None:
    with pytest.raises(InvalidParameter, match="the linux daemon does not support signal "):
        parse_signal(text)
