import pytest

from seaway.oci.platform import InvalidPlatform, Platform, host_platform, parse_platform


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("linux/amd64", "linux/amd64"),
        ("linux/x86_64", "linux/amd64"),
        ("Linux/aarch64", "linux/arm64"),
        ("linux/arm64/v8", "linux/arm64"),
        ("linux/arm", "linux/arm/v7"),
        ("linux/armel", "linux/arm/v6"),
        ("windows(10.0.17763)/amd64", "windows/amd64"),
    ],
)
def test_normalised(text: str, normal: str) -> None:
    assert str(parse_platform(text)) == normal


def test_what_is_left_out_is_the_hosts() -> None:
    assert parse_platform("linux").architecture == host_platform().architecture
    assert parse_platform("s390x") == Platform("linux", "s390x")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("linux/*", '"linux/*": wildcards not yet supported: invalid argument'),
        ("nonsense", '"nonsense": unknown operating system or architecture: invalid argument'),
        ("linux/arm/v7/x", '"linux/arm/v7/x": cannot parse platform specifier: invalid argument'),
        (
            "linux/a b",
            '"a b" is an invalid component of "linux/a b": platform specifier component must match '
            '"^[A-Za-z0-9_.-]+$": invalid argument',
        ),
    ],
)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidPlatform) as failure:
        parse_platform(text)
    assert failure.value.message == message


def test_an_arm_host_runs_older_variants_best_first() -> None:
    assert [p.variant for p in Platform("linux", "arm", "v7").runnable()] == ["v7", "v6", "v5"]
    assert Platform("linux", "amd64").runnable() == (Platform("linux", "amd64"), Platform("linux", "386"))
    assert [str(p) for p in Platform("linux", "arm64").runnable()] == [
        "linux/arm64",
        *(f"linux/arm/v{n}" for n in (8, 7, 6, 5)),
    ]


@pytest.mark.parametrize(
    ("image", "wanted", "suits"),
    [
        ("linux/amd64", "linux/amd64", True),
        ("linux/386", "linux/amd64", True),
        ("linux/amd64", "linux/386", False),
        ("linux/arm/v6", "linux/arm/v7", True),
        ("linux/arm/v7", "linux/arm/v6", False),
        ("linux/arm64", "linux/amd64", False),
        ("windows/amd64", "linux/amd64", False),
    ],
)
def test_what_suits(image: str, wanted: str, suits: bool) -> None:
    assert parse_platform(image).suits(parse_platform(wanted)) is suits


def test_an_image_without_a_variant_suits_every_one() -> None:
    assert Platform("linux", "arm").suits(Platform("linux", "arm", "v6"))
