"""References: `[host[:port]/]path[:tag][@digest]`, normalised as the docker command does.

`ubuntu` is docker.io/library/ubuntu; people see the familiar form. A first component is a host if it has a dot or a
colon, is `localhost`, or has a capital letter. Grammar and error texts are those of distribution/reference.
"""

import re
from dataclasses import dataclass, replace

from seaway.base.errors import InvalidParameter
from seaway.oci.digest import Digest, InvalidDigest, parse_digest

DEFAULT_DOMAIN = "docker.io"
DEFAULT_TAG = "latest"
LEGACY_DOMAIN = "index.docker.io"
OFFICIAL_PREFIX = "library/"
PATH_LIMIT = 255

_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_PATH = rf"{_COMPONENT}(?:/{_COMPONENT})*"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_REFERENCE = re.compile(rf"(?P<domain>{_DOMAIN})/(?P<path>{_PATH})(?::(?P<tag>{_TAG}))?(?:@(?P<digest>{_DIGEST}))?")
_IDENTIFIER = re.compile(r"[a-f0-9]{64}")


class InvalidReference(InvalidParameter):
    pass


@dataclass(frozen=True, slots=True)
class Reference:
    domain: str
    path: str
    tag: str | None = None
    digest: Digest | None = None

    @property
    def name(self) -> str:
        """`docker.io/library/ubuntu`: the repository, in full."""
        return f"{self.domain}/{self.path}"

    @property
    def familiar_name(self) -> str:
        """`ubuntu`: the repository, as people write it."""
        if self.domain != DEFAULT_DOMAIN:
            return self.name
        official = self.path.removeprefix(OFFICIAL_PREFIX)
        return self.path if "/" in official else official

    @property
    def familiar(self) -> str:
        """`ubuntu:22.04`, `ubuntu@sha256:…`: as people write it."""
        return self.familiar_name + self._suffix

    @property
    def is_name_only(self) -> bool:
        return self.tag is None and self.digest is None

    def with_default_tag(self) -> "Reference":
        return replace(self, tag=DEFAULT_TAG) if self.is_name_only else self

    def with_tag(self, tag: str) -> "Reference":
        if not re.fullmatch(_TAG, tag):
            raise InvalidReference("invalid tag format")
        return replace(self, tag=tag)

    def with_digest(self, digest: Digest) -> "Reference":
        return replace(self, digest=digest)

    def without_tag(self) -> "Reference":
        return replace(self, tag=None)

    def name_only(self) -> "Reference":
        return Reference(self.domain, self.path)

    def __str__(self) -> str:
        return self.name + self._suffix

    @property
    def _suffix(self) -> str:
        return (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")


def parse_reference(text: str) -> Reference:
    """Tag and digest are None where the text has none: see `with_default_tag`. Raises InvalidReference."""
    if _IDENTIFIER.fullmatch(text):
        raise InvalidReference(f"invalid repository name ({text}), cannot specify 64-byte hexadecimal strings")
    domain, remainder = _split_domain(text)
    path = remainder.partition(":")[0]
    if path.lower() != path:
        raise InvalidReference(f"invalid reference format: repository name ({path}) must be lowercase")
    match = _REFERENCE.fullmatch(f"{domain}/{remainder}")
    if not match:
        raise InvalidReference("invalid reference format")
    if len(match["path"]) > PATH_LIMIT:
        raise InvalidReference(f"repository name must not be more than {PATH_LIMIT} characters")
    return Reference(match["domain"], match["path"], match["tag"], _digest(match["digest"]))


def parse_repository(text: str, tag_or_digest: str) -> Reference:
    """The API's pair of `fromImage` or `repo`, and `tag`, which may hold a digest. An empty second one says nothing."""
    reference = parse_reference(text)
    if not tag_or_digest:
        return reference
    try:
        return reference.with_digest(parse_digest(tag_or_digest))
    except InvalidDigest:
        return reference.with_tag(tag_or_digest)


def _digest(text: str | None) -> Digest | None:
    if text is None:
        return None
    try:
        return parse_digest(text)
    except InvalidDigest as failure:
        raise InvalidReference(failure.message) from failure


def _split_domain(text: str) -> tuple[str, str]:
    first, slash, rest = text.partition("/")
    if not slash:
        return DEFAULT_DOMAIN, OFFICIAL_PREFIX + text
    if first in (DEFAULT_DOMAIN, LEGACY_DOMAIN):
        return DEFAULT_DOMAIN, rest if "/" in rest else OFFICIAL_PREFIX + rest
    if first == "localhost" or "." in first or ":" in first or first.lower() != first:
        return first, rest
    return DEFAULT_DOMAIN, text
