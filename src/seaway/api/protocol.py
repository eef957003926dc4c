"""What HTTP itself refuses or redirects before any route is asked, in the words of Go's server."""

import re
from http import HTTPStatus

from aiohttp import HttpVersion10, HttpVersion11, web
from aiohttp.http_exceptions import BadHttpMethod, LineTooLong
from yarl import URL

from seaway.api.respond import json_response
from seaway.base.errors import InvalidParameter

_OTHER_METHOD = re.compile(r"b['\"][!#$%&'*+\-.^_`|~0-9A-Za-z]+ \S+ HTTP/1\.[01]['\"]")
_MISNAMED_HEADER = re.compile(r"Invalid header token:\s+b['\"][^\n]*:")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2}).{0,2}", re.DOTALL)


class BodyCutOff(InvalidParameter):
    """The client ended its side in the middle of a body."""


def refuse_protocol(request: web.BaseRequest, target: str) -> web.Response | None:
    if request._version not in (HttpVersion10, HttpVersion11):
        request._version = HttpVersion11
        return plain_refusal(505, "unsupported protocol version")
    if request.headers.get("Expect", "100-continue").lower() != "100-continue":
        return plain_refusal(417)
    if _BAD_ESCAPE.search(target.partition("?")[0]):
        return plain_refusal(400)
    return None


def refuse_unparsed(status: int, failure: BaseException | None) -> web.Response:
    """For what aiohttp's parser refused: it knows fewer methods than Go, which asks the routes for any."""
    complaint = str(getattr(failure, "message", ""))
    if isinstance(failure, BadHttpMethod) and _OTHER_METHOD.search(complaint):
        reply = no_such_page()
        reply.force_close()
        return reply
    if isinstance(failure, LineTooLong):
        return plain_refusal(431)
    if complaint.startswith("Missing 'Host' header"):
        return plain_refusal(status, "missing required Host header")
    return plain_refusal(status, "invalid header name" if _MISNAMED_HEADER.match(complaint) else "")


def no_such_page() -> web.Response:
    return json_response({"message": "page not found"}, status=404)


def plain_refusal(status: int, reason: str = "") -> web.Response:
    """Text, and the end of the connection."""
    phrase = HTTPStatus(status).phrase + (f": {reason}" if reason else "")
    reply = web.Response(status=status, reason=phrase, text=f"{status} {phrase}")
    reply.force_close()
    return reply


def check_query(target: str) -> None:
    if bad := _BAD_ESCAPE.search(target.partition("?")[2]):
        raise InvalidParameter(f'invalid URL escape "{bad[0]}"')


def moved(path: str, query: str) -> web.Response:
    location = URL.build(path=path).raw_path + (f"?{query}" if query else "")
    return web.Response(status=301, headers={"Location": location})
