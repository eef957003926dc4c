"""What HTTP itself refuses or redirects before any route is asked, in the words of Go's server."""

import re
from http import HTTPStatus

from aiohttp import HttpVersion10, HttpVersion11, web
from yarl import URL

from seaway.base.errors import InvalidParameter

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2}).{0,2}", re.DOTALL)


class BodyCutOff(InvalidParameter):
    """The client ended its side in the middle of a body."""


def refuse_protocol(request: web.BaseRequest, target: str) -> web.Response | None:
    if request.version not in (HttpVersion10, HttpVersion11):
        return plain_refusal(505, "unsupported protocol version")
    if request.headers.get("Expect", "100-continue").lower() != "100-continue":
        return plain_refusal(417)
    if _BAD_ESCAPE.search(target.partition("?")[0]):
        return plain_refusal(400)
    return None


def plain_refusal(status: int, reason: str = "") -> web.Response:
    """Text, and the end of the connection."""
    text = f"{status} {HTTPStatus(status).phrase}" + (f": {reason}" if reason else "")
    reply = web.Response(status=status, text=text)
    reply.force_close()
    return reply


def check_query(target: str) -> None:
    if bad := _BAD_ESCAPE.search(target.partition("?")[2]):
        raise InvalidParameter(f'invalid URL escape "{bad[0]}"')


def moved(path: str, query: str) -> web.Response:
    location = URL.build(path=path).raw_path + (f"?{query}" if query else "")
    return web.Response(status=301, headers={"Location": location})
