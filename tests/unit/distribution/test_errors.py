import json

import pytest

from seaway.base.errors import NotFound, Unauthorized
from seaway.distribution.errors import Answer, RegistryFailure, RegistryRefusal, parse_failure, pull_error
from seaway.oci.reference import parse_reference


def body(code: str, message: str) -> bytes:
    return json.dumps({"errors": [{"code": code, "message": message, "detail": {"x": 1}}]}).encode()


BEARER = {"realm": "https://auth", "error": "insufficient_scope"}


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (Answer(500, "Internal Server Error", b""), "received unexpected HTTP status: 500 Internal Server Error"),
        (Answer(404, "Not Found", body("MANIFEST_UNKNOWN", "nothing")), "manifest unknown: nothing"),
        (Answer(401, "Unauthorized", b"", BEARER), "denied: requested access to the resource is denied"),
        (Answer(401, "Unauthorized", b"<html>"), "unauthorized: authentication required"),
        (Answer(429, "", b'{"details":"slow down"}'), "toomanyrequests: slow down"),
        (Answer(429, "", body("TOOMANYREQUESTS", "slow down")), "toomanyrequests: slow down"),
        (
            Answer(404, "Not Found", b'{"a":1}'),
            "error parsing HTTP 404 response body: no error details found in HTTP response body: " + r'"{\"a\":1}"',
        ),
    ],
)
def test_an_answer_becomes_an_error(answer: Answer, text: str) -> None:
    assert parse_failure(answer).message == text


def test_only_the_registrys_own_failures_are_worth_another_attempt() -> None:
    assert isinstance(parse_failure(Answer(503, "Service Unavailable", b"")), RegistryFailure)
    assert not isinstance(parse_failure(Answer(404, "Not Found", b"")), RegistryFailure)


@pytest.mark.parametrize(
    ("code", "kind", "text"),
    [
        (
            "DENIED",
            NotFound,
            "pull access denied for me/app, repository does not exist or may require 'docker login': denied: no",
        ),
        ("MANIFEST_UNKNOWN", NotFound, "manifest for me/app:1 not found: manifest unknown: no"),
        ("NAME_UNKNOWN", NotFound, "repository me/app not found: name unknown: no"),
        ("UNAUTHORIZED", Unauthorized, "unauthorized: no"),
        ("TOOMANYREQUESTS", RegistryRefusal, "toomanyrequests: no"),
    ],
)
def test_what_the_user_is_told(code: str, kind: type[Exception], text: str) -> None:
    failure = pull_error(RegistryRefusal(code, "no"), parse_reference("me/app:1"))
    assert isinstance(failure, kind)
    assert failure.message == text
