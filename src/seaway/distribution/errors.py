"""A registry's refusals in dockerd's words. Pure: a status and a body become an error."""

import math
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

import msgspec

from seaway.base import gojson
from seaway.base.errors import EngineError, Forbidden, InvalidParameter, NotFound, SystemFailure, Unauthorized
from seaway.oci.reference import Reference

TOO_MANY_REQUESTS = 429
MESSAGES = {
    "UNAUTHORIZED": "authentication required",
    "DENIED": "requested access to the resource is denied",
    "TOOMANYREQUESTS": "too many requests",
}


class RegistryUnreachable(SystemFailure):
    """No answer, or none in HTTP. The next endpoint may do better."""


class RegistryFailure(SystemFailure):
    """The registry answered with a failure of its own (5xx), is busy (429), or was cut off. Worth another attempt."""

    retry_after_s: int | None = None
    """When, if it says so."""


class RegistryRefusal(SystemFailure):
    """The registry understood, and said no. `code` is the specification's (`MANIFEST_UNKNOWN`), or empty."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code.lower().replace('_', ' ')}: {message}" if code else message)
        self.code = code


class NoBasicAuth(SystemFailure):
    """The registry wants a name and a password, and nobody gave any."""


class PullRefused(NotFound):
    pass


class RegistryUnauthorized(Unauthorized):
    pass


class RegistryDenied(Forbidden):
    pass


class NotInRegistry(NotFound):
    pass


class UnsupportedImage(InvalidParameter):
    pass


class NoMatchingManifest(NotFound):
    pass


class ManifestVerificationFailed(SystemFailure):
    pass


@dataclass(frozen=True, slots=True)
class Answer:
    """As much of a registry's answer as an error is made from. `challenge` holds the parameters of a Bearer one."""

    status: int
    reason: str
    body: bytes
    challenge: dict[str, str] = field(default_factory=dict)
    retry_after_s: int | None = None


class _Error(msgspec.Struct, frozen=True):
    code: str = "UNKNOWN"
    message: str = ""


class _Errors(msgspec.Struct, frozen=True):
    errors: tuple[_Error, ...] = ()
    details: str = ""


def parse_failure(answer: Answer) -> RegistryFailure | RegistryRefusal:
    if not 400 <= answer.status < 500:
        return _later(f"received unexpected HTTP status: {answer.status} {answer.reason}", answer)
    if answer.status == TOO_MANY_REQUESTS:
        return _later(_parse_body(answer).message, answer)
    code = {"invalid_token": "UNAUTHORIZED", "insufficient_scope": "DENIED"}.get(answer.challenge.get("error", ""))
    if code:
        return RegistryRefusal(code, answer.challenge.get("error_description") or MESSAGES[code])
    return _parse_body(answer)


def _later(message: str, answer: Answer) -> RegistryFailure:
    failure = RegistryFailure(message)
    failure.retry_after_s = answer.retry_after_s
    return failure


def parse_retry_after(header: str, now: float) -> int | None:
    """Seconds, or a date. None for what is neither."""
    if header.isascii() and header.isdecimal():
        return int(header[:9])
    try:
        return max(0, math.ceil(parsedate_to_datetime(header).timestamp() - now))
    except ValueError:
        return None


def _parse_body(answer: Answer) -> RegistryRefusal:
    try:
        wire = gojson.decode(answer.body, _Errors)
    except msgspec.DecodeError as failure:
        return _unparsable(answer, str(failure))
    short = {401: "UNAUTHORIZED", 429: "TOOMANYREQUESTS"}.get(answer.status)
    if short and wire.details:
        return RegistryRefusal(short, wire.details)
    if not wire.errors:
        return _unparsable(answer, "no error details found in HTTP response body")
    first = wire.errors[0]
    return RegistryRefusal(first.code, first.message or MESSAGES.get(first.code, first.code.lower().replace("_", " ")))


def _unparsable(answer: Answer, why: str) -> RegistryRefusal:
    if answer.status == 401:
        return RegistryRefusal("UNAUTHORIZED", MESSAGES["UNAUTHORIZED"])
    text = gojson.encode(answer.body.decode(errors="replace")).decode()
    return RegistryRefusal("", f"error parsing HTTP {answer.status} response body: {why}: {text}")


def refusal_error(refusal: RegistryRefusal) -> EngineError:
    """The same words, with the HTTP status that the registry's code stands for."""
    match refusal.code:
        case "UNAUTHORIZED":
            return RegistryUnauthorized(refusal.message)
        case "DENIED":
            return RegistryDenied(refusal.message)
        case code if code.endswith("_UNKNOWN"):
            return NotInRegistry(refusal.message)
        case _:
            return refusal


def pull_error(failure: EngineError, reference: Reference) -> EngineError:
    """The same failure, as the one who asked for `reference` is told it."""
    if not isinstance(failure, RegistryRefusal):
        return failure
    match failure.code:
        case "DENIED":
            access = "repository does not exist or may require 'docker login'"
            return PullRefused(f"pull access denied for {reference.familiar_name}, {access}: {failure}")
        case "MANIFEST_UNKNOWN":
            return PullRefused(f"manifest for {reference.familiar} not found: {failure}")
        case "NAME_UNKNOWN":
            return PullRefused(f"repository {reference.familiar_name} not found: {failure}")
        case _:
            return refusal_error(failure)
