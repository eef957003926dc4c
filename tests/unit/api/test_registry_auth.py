import base64
import json

import pytest

from seaway.api.registry_auth import (
    InvalidRegistryAuth,
    lenient_credentials,
    parse_credentials_body,
    parse_registry_auth,
)
from seaway.base.errors import InvalidParameter
from seaway.distribution.auth import Credentials


def encoded(**fields: str) -> str:
    return base64.urlsafe_b64encode(json.dumps(fields).encode()).decode()


@pytest.mark.parametrize("strip", ["", "="])
def test_a_name_and_a_password_padded_or_not(strip: str) -> None:
    header = encoded(username="ann", password="s3cret??>>", serveraddress="r.example").rstrip(strip or None)
    assert parse_registry_auth(header).credentials() == Credentials("ann", "s3cret??>>")


def test_the_old_form_holds_both_in_one() -> None:
    auth = base64.b64encode(b"ann:pa:ss").decode()
    assert parse_registry_auth(encoded(auth=auth)).credentials() == Credentials("ann", "pa:ss")


def test_nobody() -> None:
    assert lenient_credentials("") is None
    assert lenient_credentials("e30=") is None
    assert lenient_credentials("!!!") is None


@pytest.mark.parametrize("header", ["!!!", "W10=", "e30xx"])
def test_what_is_refused_where_it_matters(header: str) -> None:
    with pytest.raises(InvalidRegistryAuth, match="invalid X-Registry-Auth header: "):
        parse_registry_auth(header)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "EOF"),
        (b"{", "unexpected EOF"),
        (b"nonsense", "invalid character 'o' in literal null (expecting 'u')"),
        (b"[]", "json: cannot unmarshal array into Go value of type AuthConfig"),
        (b'{"username": 1}', "json: cannot unmarshal number into Go struct field AuthConfig.username of type string"),
    ],
)
def test_a_push_without_credentials_is_told_what_its_body_lacks(body: bytes, words: str) -> None:
    with pytest.raises(InvalidParameter) as refused:
        parse_credentials_body(body)
    told = f"bad parameters and missing X-Registry-Auth: invalid X-Registry-Auth header: {words}"
    assert refused.value.message == told
