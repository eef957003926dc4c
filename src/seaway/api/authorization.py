"""What authorization plugins see of a request and of its reply, and the place where they stop one.

They see the body only where it is JSON, as in dockerd, and then all of it: one that is longer than they may be given is
refused, not cut. A reply that streams, or a connection that was taken over, is told of when it has ended.
"""

import base64
import ssl
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from seaway.api.httprequest import HttpRequest
from seaway.base.errors import InvalidParameter
from seaway.kernel import worker
from seaway.plugins.authz import REPLY, REQUEST, AuthorizationPlugins

LARGEST = 4 << 20
SECRET_HEADERS = frozenset({"authorization", "x-registry-auth", "x-registry-config"})


class BodyTooLarge(InvalidParameter):
    pass


class Admitted:
    """A request that the plugins let in."""

    def __init__(self, plugins: AuthorizationPlugins, subject: dict[str, Any]) -> None:
        self._plugins, self._subject = plugins, subject

    async def release(self, response: web.StreamResponse) -> None:
        """Raises what `AuthorizationPlugins.ask` raises: then it is not this response that may leave."""
        reply = {"ResponseStatusCode": response.status, "ResponseHeaders": dict(response.headers)}
        if isinstance(response, web.Response) and isinstance(response.body, bytes) and _is_json(response.headers):
            reply["ResponseBody"] = base64.b64encode(response.body).decode()
        await worker.run_blocking(self._plugins.ask, REPLY, self._subject | reply)


async def admit(plugins: AuthorizationPlugins, http: HttpRequest) -> Admitted:
    """Raises what `AuthorizationPlugins.ask` raises, BodyTooLarge."""
    subject: dict[str, Any] = {
        "RequestMethod": http.method,
        "RequestUri": http.raw_target,
        "RequestHeaders": {k: v for k, v in http.headers.items() if k.lower() not in SECRET_HEADERS},
    }
    if _is_json(http.headers) and http.body_exists:
        subject["RequestBody"] = base64.b64encode(await _whole_body(http)).decode()
    subject |= _client_of(http)
    await worker.run_blocking(plugins.ask, REQUEST, subject)
    return Admitted(plugins, subject)


async def _whole_body(http: HttpRequest) -> bytes:
    pieces, size = [], 0
    while piece := await http.content.readany():
        pieces.append(piece)
        size += len(piece)
        if size > LARGEST:
            raise BodyTooLarge("http: request body too large")
    body = b"".join(pieces)
    http.give_back(body)
    return body


def _client_of(http: HttpRequest) -> dict[str, Any]:
    """Who has a certificate of TLS is known by its common name."""
    session = http.transport.get_extra_info("ssl_object") if http.transport else None
    certificate = session.getpeercert(True) if session else None
    if session is None or not certificate:
        return {}
    names = dict(pair for part in session.getpeercert().get("subject", ()) for pair in part)
    pem = ssl.DER_cert_to_PEM_cert(certificate).encode()
    return {
        "User": names.get("commonName", ""),
        "UserAuthNMethod": "TLS",
        "RequestPeerCertificates": [base64.b64encode(pem).decode()],
    }


def _is_json(headers: Mapping[str, str]) -> bool:
    return str(headers.get("Content-Type", "")).partition(";")[0].strip().lower() == "application/json"
