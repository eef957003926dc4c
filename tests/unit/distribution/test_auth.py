import pytest

from seaway.distribution.auth import Credentials, InvalidToken, parse_challenge, parse_token, refresh_form, token_query

HEADER = 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a:pull,push"'


def test_bearer_challenge() -> None:
    challenge = parse_challenge(HEADER)
    assert challenge
    assert challenge.scheme == "bearer"
    assert challenge.parameters["realm"] == "https://auth.docker.io/token"
    assert challenge.parameters["scope"] == "repository:a:pull,push"
    assert token_query(challenge, "repository:a:pull", Credentials("me", "pw")) == {
        "scope": "repository:a:pull",
        "service": "registry.docker.io",
        "account": "me",
    }
    assert refresh_form(challenge, "s", Credentials(identity_token="t"))["refresh_token"] == "t"


def test_other_challenges() -> None:
    basic = parse_challenge(r'Basic realm="say \"hi\"", charset=UTF-8')
    assert basic
    assert dict(basic.parameters) == {"realm": 'say "hi"', "charset": "UTF-8"}
    assert parse_challenge("") is None


def test_basic_credentials() -> None:
    assert Credentials("Aladdin", "open sesame").basic() == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="


def test_token_under_either_name() -> None:
    assert parse_token(b'{"token":"a"}') == "a"
    assert parse_token(b'{"token":"a","access_token":"b","expires_in":300}') == "b"
    for body in (b"{}", b"<html>"):
        with pytest.raises(InvalidToken):
            parse_token(body)
