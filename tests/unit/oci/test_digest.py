import pytest

from seaway.oci.digest import InvalidDigest, digest_of, is_digest, parse_digest, sha256_of

EMPTY = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_digest_knows_its_parts() -> None:
    digest = parse_digest(EMPTY)
    assert (digest.algorithm, digest.short) == ("sha256", "e3b0c44298fc")
    assert digest == sha256_of(b"") == f"sha256:{digest.hex}"


def test_other_algorithms() -> None:
    assert parse_digest(digest_of("sha512", b"x")).algorithm == "sha512"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "invalid checksum digest format"),
        ("sha256", "invalid checksum digest format"),
        (EMPTY + "\n", "invalid checksum digest format"),
        ("sha256:abc", "invalid checksum digest length"),
        ("sha256:" + "A" * 64, "invalid checksum digest format"),
        ("md5:d41d8cd98f00b204e9800998ecf8427e", "unsupported digest algorithm"),
    ],
)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidDigest) as failure:
        parse_digest(text)
    assert failure.value.message == message
    assert not is_digest(text)
