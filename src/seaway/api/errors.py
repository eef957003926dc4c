"""A failure -> the status and the body that its client reads. The first class in the MRO that is listed decides."""

import logging

from aiohttp import web

from seaway.api.respond import json_response
from seaway.base import errors

log = logging.getLogger(__name__)

STATUS: dict[type[BaseException], int] = {
    errors.InvalidParameter: 400,
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.NotModified: 304,
    errors.SystemFailure: 500,
    errors.NotImplementedByEngine: 501,
    errors.Unavailable: 503,
}


def status_of(failure: BaseException) -> int:
    return next((STATUS[c] for c in type(failure).__mro__ if c in STATUS), 500)


def message_of(failure: BaseException) -> str:
    """An engine's failure owns its words; anything else is our bug, whose class helps to find it in the log."""
    if isinstance(failure, errors.EngineError):
        return _as_text(failure.message)
    return _as_text(f"{type(failure).__name__}: {failure}" if str(failure) else type(failure).__name__)


def _as_text(message: str) -> str:
    """A header's bytes that are no UTF-8 come as surrogates, which no JSON can hold: U+FFFD for each, as in Go."""
    return message.encode(errors="surrogateescape").decode(errors="replace")


def log_failure(failure: BaseException, method: str, path: str) -> None:
    if not isinstance(failure, errors.EngineError):
        log.error("Handler for %s %s failed", method, path, exc_info=failure)
    elif status_of(failure) >= 500:
        log.error("Handler for %s %s returned error: %s", method, path, failure.message)


def error_response(failure: BaseException, *, plain_text: bool = False) -> web.Response:
    """JSON, or plain text for clients older than 1.24, who would show JSON as it is."""
    status, message = status_of(failure), message_of(failure)
    if status == 304:
        return web.Response(status=304)
    if plain_text:
        return web.Response(status=status, text=message + "\n", headers={"X-Content-Type-Options": "nosniff"})
    return json_response({"message": message}, status=status)
