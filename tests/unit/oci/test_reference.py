import pytest

from seaway.oci.digest import sha256_of
from seaway.oci.reference import InvalidReference, parse_reference, parse_repository

DIGEST = sha256_of(b"manifest")


@pytest.mark.parametrize(
    ("text", "full", "familiar"),
    [
        ("busybox", "docker.io/library/busybox", "busybox"),
        ("busybox:1.36", "docker.io/library/busybox:1.36", "busybox:1.36"),
        ("library/busybox", "docker.io/library/busybox", "busybox"),
        ("index.docker.io/busybox", "docker.io/library/busybox", "busybox"),
        ("docker.io/me/app:x", "docker.io/me/app:x", "me/app:x"),
        ("me/app", "docker.io/me/app", "me/app"),
        ("localhost/app", "localhost/app", "localhost/app"),
        ("localhost:5000/app", "localhost:5000/app", "localhost:5000/app"),
        ("[::1]:5000/a/b:t", "[::1]:5000/a/b:t", "[::1]:5000/a/b:t"),
        ("Host/app", "Host/app", "Host/app"),
        ("docker.io/library/a/b", "docker.io/library/a/b", "library/a/b"),
        (f"busybox:1@{DIGEST}", f"docker.io/library/busybox:1@{DIGEST}", f"busybox:1@{DIGEST}"),
        ("a__b--c.d", "docker.io/library/a__b--c.d", "a__b--c.d"),
    ],
)
def test_normalised(text: str, full: str, familiar: str) -> None:
    reference = parse_reference(text)
    assert str(reference) == full
    assert reference.familiar == familiar
    assert parse_reference(familiar) == reference


def test_default_tag_only_where_nothing_was_said() -> None:
    assert parse_reference("a").with_default_tag().familiar == "a:latest"
    assert parse_reference("a:b").with_default_tag().familiar == "a:b"
    assert parse_reference(f"a@{DIGEST}").with_default_tag().tag is None


def test_api_pair_of_repository_and_tag() -> None:
    assert parse_repository("a", "x").tag == "x"
    assert parse_repository("a", DIGEST).digest == DIGEST
    assert parse_repository("a", "").is_name_only
    with pytest.raises(InvalidReference, match="^invalid tag format$"):
        parse_repository("a", "b@d")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "invalid reference format"),
        ("foo:", "invalid reference format"),
        ("-a", "invalid reference format"),
        ("a//b", "invalid reference format"),
        ("a:b:c", "invalid reference format"),
        ("busybox\n", "invalid reference format"),
        ("a___b", "invalid reference format"),
        ("foo@sha256:abc", "invalid reference format"),
        ("foo@sha256:" + "a" * 34, "invalid checksum digest length"),
        ("Foo", "invalid reference format: repository name (library/Foo) must be lowercase"),
        ("foo/Bar", "invalid reference format: repository name (foo/Bar) must be lowercase"),
        ("a" * 64, f"invalid repository name ({'a' * 64}), cannot specify 64-byte hexadecimal strings"),
        ("a" * 300, "repository name must not be more than 255 characters"),
    ],
)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidReference) as failure:
        parse_reference(text)
    assert failure.value.message == message
