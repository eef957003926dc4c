import pytest

from seaway.api.versions import MAX_VERSION, ClientTooNew, ClientTooOld, Version, negotiate, parse_version


def test_without_a_prefix_the_newest_is_spoken() -> None:
    assert negotiate(None) == MAX_VERSION
    assert str(negotiate(None)) == "1.51"


@pytest.mark.parametrize("text", ["1.24", "1.41", "1.51"])
def test_versions_between_the_bounds_are_spoken(text: str) -> None:
    assert str(negotiate(text)) == text


def test_versions_compare_as_numbers() -> None:
    assert parse_version("1.9") < parse_version("1.24") < Version(1, 100)
    assert parse_version("1..") == Version(1)


def test_refusals_are_dockerds() -> None:
    with pytest.raises(
        ClientTooNew, match=r"^client version 1\.52 is too new\. Maximum supported API version is 1\.51$"
    ):
        negotiate("1.52")
    with pytest.raises(ClientTooOld) as refused:
        negotiate("1.23")
    assert str(refused.value) == (
        "client version 1.23 is too old. Minimum supported API version is 1.24, "
        "please upgrade your client to a newer version"
    )


def test_a_version_of_any_length_is_compared() -> None:
    with pytest.raises(ClientTooNew):
        negotiate("9" * 10_000)
