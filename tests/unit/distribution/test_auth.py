import pytest

from seaway.distribution.auth import (
    Credentials,
    InvalidToken,
    Token,
    parse_challenge,
    parse_token,
    refresh_form,
    token_query,
)

HEADER = 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a:pull,push"'


def test_bearer_challenge() -> None:
    challenge = parse_challenge(HEADER)
    assert challenge
    assert challenge.scheme == "bearer"
    assert challenge.parameters["realm"] == "https://auth.docker.io/token"
    assert challenge.parameters["scope"] == "repository:a:pull,push"
    assert token_query(challenge, ("repository:a:pull,push", "repository:b:pull"), Credentials("me", "pw")) == [
        ("scope", "repository:a:pull,push"),
        ("scope", "repository:b:pull"),
        ("service", "registry.docker.io"),
        ("account", "me"),
    ]


def test_an_identity_token_is_exchanged_for_all_scopes_at_once() -> None:
    challenge = parse_challenge(HEADER)
    assert challenge
    form = refresh_form(challenge, ("a", "b"), Credentials(identity_token="t"))
    assert form == {
        "grant_type": "refresh_token",
        "refresh_token": "t",
        "service": "registry.docker.io",
        "client_id": "docker",
        "scope": "a b",
    }


def test_a_log_in_asks_for_an_identity_token() -> None:
    challenge = parse_challenge(HEADER)
    assert challenge
    assert ("offline_token", "true") in token_query(challenge, (), Credentials("me", "pw"))


def test_other_challenges() -> None:
    basic = parse_challenge(r'Basic realm="say \"hi\"", charset=UTF-8')
    assert basic
    assert dict(basic.parameters) == {"realm": 'say "hi"', "charset": "UTF-8"}
    assert parse_challenge("") is None


def test_basic_credentials() -> None:
    assert Credentials("Aladdin", "open sesame").basic() == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="


def test_token_under_either_name_and_how_long_it_holds() -> None:
    assert parse_token(b'{"token":"a"}', 1000.0) == Token("a", 1050.0)
    body = b'{"token":"a","access_token":"b","expires_in":300,"refresh_token":"r"}'
    assert parse_token(body, 1000.0) == Token("b", 1290.0, "r")
    for body in (b"{}", b"<html>"):
        with pytest.raises(InvalidToken):
            parse_token(body, 0.0)
