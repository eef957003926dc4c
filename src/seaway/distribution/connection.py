"""What goes wrong below HTTP, in the words of Go's net/http, which dockerd's users know; and the TLS settings."""

import errno
import os
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from seaway.base.errors import InvalidParameter
from seaway.distribution.endpoints import Endpoint
from seaway.distribution.errors import RegistryUnreachable
from seaway.distribution.hosts import Host

_ADDRESS = re.compile(r"\('([^']+)', (\d+)")


class InvalidCertificates(InvalidParameter):
    pass


@asynccontextmanager
async def told_as_go_does(method: str, url: str) -> AsyncIterator[None]:
    verb = method.capitalize()
    try:
        yield
    except aiohttp.ClientHttpProxyError as failure:
        raise RegistryUnreachable(f'{verb} "{url}": {failure.message or failure.status}') from failure
    except aiohttp.ClientConnectionError as failure:
        raise RegistryUnreachable(f'{verb} "{url}": {describe(failure)}') from failure
    except (aiohttp.ClientError, ConnectionError) as failure:
        raise RegistryUnreachable(f'{verb} "{url}": {failure or "unexpected EOF"}') from failure
    except TimeoutError as failure:
        raise RegistryUnreachable(f'{verb} "{url}": net/http: request canceled') from failure


def describe(failure: aiohttp.ClientConnectionError) -> str:
    match failure:
        case aiohttp.ClientConnectorCertificateError():
            return f"tls: failed to verify certificate: x509: {_certificate_fault(failure.certificate_error)}"
        case aiohttp.ClientConnectorSSLError():
            reason = getattr(failure.os_error, "reason", "") or ""
            if reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"):
                return "http: server gave HTTP response to HTTPS client"
            return f"tls: {reason or failure.os_error}".lower()
        case aiohttp.ClientProxyConnectionError():
            return f"proxyconnect tcp: dial tcp {_address(failure)}: connect: {_errno_text(failure.os_error)}"
        case aiohttp.ClientConnectorDNSError():
            return f"dial tcp: lookup {failure.host}: no such host"
        case aiohttp.ClientConnectorError():
            return f"dial tcp {_address(failure)}: connect: {_errno_text(failure.os_error)}"
        case aiohttp.ServerTimeoutError():
            return "net/http: request canceled while waiting for connection (Client.Timeout exceeded)"
        case aiohttp.ServerDisconnectedError():
            return "EOF"
        case _:
            return str(failure) or "EOF"


def _address(failure: aiohttp.ClientConnectorError) -> str:
    """The address that was dialled, IPv4 first; the name where the error does not tell."""
    tried = sorted(_ADDRESS.findall(str(failure.os_error)), key=lambda found: ":" in found[0])
    host, port = tried[0] if tried else (failure.host, failure.port)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _errno_text(failure: OSError) -> str:
    code = failure.errno
    if code is None and "111" in str(failure):
        code = errno.ECONNREFUSED
    return os.strerror(code).lower() if code else str(failure).lower()


def _certificate_fault(failure: Exception) -> str:
    text = getattr(failure, "verify_message", "") or str(failure)
    if "self-signed" in text or "self signed" in text or "issuer" in text:
        return "certificate signed by unknown authority"
    if "expired" in text:
        return "certificate has expired or is not yet valid"
    return text


def tls_context(endpoint: Endpoint, certs_dir: Path) -> ssl.SSLContext:
    """The system's authorities and those of `certs_dir/<host>`: *.crt, and pairs of *.cert and *.key to log in with.
    A mirror of `hosts.toml` has those named there as well."""
    context = ssl.create_default_context() if endpoint.verify_tls else _trusting_context()
    folder = certs_dir / endpoint.host
    for file in sorted(folder.iterdir()) if folder.is_dir() else ():
        if file.suffix == ".crt":
            context.load_verify_locations(file)
        elif file.suffix == ".cert":
            context.load_cert_chain(file, _key_of(file))
    if endpoint.told:
        _load_told(context, endpoint.told)
    return context


def _load_told(context: ssl.SSLContext, host: Host) -> None:
    try:
        for authority in host.ca:
            context.load_verify_locations(authority)
        for certificate, key in host.clients:
            context.load_cert_chain(certificate, key)
    except OSError as failure:
        raise InvalidCertificates(f"certificates of the mirror {host.url}: {failure}") from failure


def _trusting_context() -> ssl.SSLContext:
    """Without the system's authorities, whose reading takes longer than most requests."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _key_of(certificate: Path) -> Path:
    key = certificate.with_suffix(".key")
    if not key.exists():
        raise InvalidCertificates(
            f"missing key {key.name} for client certificate {certificate.name}. "
            "CA certificates must use the extension .crt"
        )
    return key
