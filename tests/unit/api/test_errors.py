import pytest

from seaway.api.errors import error_response, status_of
from seaway.base import errors


class NoSuchContainer(errors.NotFound):
    pass


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (NoSuchContainer("x"), 404),
        (errors.Conflict("x"), 409),
        (errors.Unavailable("x"), 503),
        (errors.NotImplementedByEngine("x"), 501),
        (errors.EngineError("x"), 500),
        (KeyError("x"), 500),
    ],
)
def test_the_first_listed_class_decides(failure: Exception, status: int) -> None:
    assert status_of(failure) == status


def test_a_body_is_json_with_a_newline() -> None:
    reply = error_response(NoSuchContainer("No such container: <x>"))
    assert (reply.status, reply.body) == (404, b'{"message":"No such container: <x>"}\n')
    assert reply.headers["Content-Type"] == "application/json"


def test_old_clients_read_plain_text() -> None:
    reply = error_response(errors.InvalidParameter("too old"), plain_text=True)
    assert (reply.status, reply.body, reply.content_type) == (400, b"too old\n", "text/plain")


def test_not_modified_has_no_body() -> None:
    assert error_response(errors.NotModified("container is already stopped")).body is None


def test_bytes_of_a_header_that_are_no_text() -> None:
    answer = error_response(errors.InvalidParameter(b"type \xff\xe9".decode(errors="surrogateescape")))
    assert answer.body == '{"message":"type \ufffd\ufffd"}\n'.encode()
