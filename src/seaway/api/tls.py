"""TLS whose two directions end separately, in front of the HTTP server.

asyncio's and uvloop's TLS drop what is written after the client's close_notify, and `docker -H tcp://… run -i`
ends its stdin just so. Here OpenSSL works on memory and the inner protocol sees an ordinary transport.
"""

import asyncio
import logging
import ssl
from pathlib import Path
from typing import Any

from seaway.base.errors import InvalidParameter

log = logging.getLogger(__name__)

HANDSHAKE_S = 10.0
CHUNK = 1 << 16

# Go's own answer, which tells the docker CLI what to advise.
NOT_TLS = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"


def server_context(cert: Path, key: Path, ca: Path | None = None, *, verify: bool = False) -> ssl.SSLContext:
    """`verify`: only clients whose certificate `ca` (or the system's authorities) signed. Raises InvalidParameter."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        text = f'could not load X509 key pair (cert: "{cert}", key: "{key}"): {error}'
        raise InvalidParameter(text) from error
    if verify:
        context.verify_mode = ssl.CERT_REQUIRED
        _load_authorities(context, ca)
    return context


def _load_authorities(context: ssl.SSLContext, ca: Path | None) -> None:
    if ca is None:
        context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
        return
    try:
        context.load_verify_locations(ca)
    except (OSError, ssl.SSLError) as error:
        raise InvalidParameter(f'could not read CA certificate "{ca}": {error}') from error


class TlsProtocol(asyncio.Protocol):
    """Between the socket's transport and the inner protocol."""

    def __init__(self, context: ssl.SSLContext, inner: asyncio.Protocol) -> None:
        self.inner: asyncio.BaseProtocol = inner
        self.context = context
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.session = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._established = self._peer_ended = self._ended = self.reading_paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self.raw: asyncio.Transport = transport  # type: ignore[assignment]
        self._deadline = asyncio.get_running_loop().call_later(HANDSHAKE_S, self.raw.abort)

    def data_received(self, data: bytes) -> None:
        self._incoming.write(data)
        self.advance()

    def eof_received(self) -> bool:
        self._incoming.write_eof()
        self.advance()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._deadline.cancel()
        if self._established:
            self.inner.connection_lost(exc)

    def pause_writing(self) -> None:
        if self._established:
            self.inner.pause_writing()

    def resume_writing(self) -> None:
        if self._established:
            self.inner.resume_writing()

    def advance(self) -> None:
        try:
            if self._established or self._shake_hands():
                self._deliver()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self._broken(error)
        self.flush()

    def _shake_hands(self) -> bool:
        self.session.do_handshake()
        self._deadline.cancel()
        self._established = True
        self.inner.connection_made(TlsTransport(self))
        return True

    def _deliver(self) -> None:
        while not (self.reading_paused or self._peer_ended or self.raw.is_closing()):
            if data := self.session.read(CHUNK):
                self.inner.data_received(data)  # type: ignore[attr-defined]
            else:
                self._end_of_peer()

    def _end_of_peer(self) -> None:
        if self._peer_ended:
            return
        self._peer_ended = True
        if not self.inner.eof_received():  # type: ignore[attr-defined]
            self.close()

    def _broken(self, error: ssl.SSLError) -> None:
        if not self._established:
            log.info("http: TLS handshake error from %s: %s", self.raw.get_extra_info("peername"), error)
            if error.reason == "HTTP_REQUEST":
                self._outgoing.read()  # no alert, for that is no TLS client
                self.raw.write(NOT_TLS)
            self.flush()
            self.raw.close()
        else:
            # A client that left without a close_notify: what it said before still counts.
            self._end_of_peer()

    def flush(self) -> None:
        if self._outgoing.pending and not self.raw.is_closing():
            self.raw.write(self._outgoing.read())

    def write(self, data: bytes | bytearray | memoryview) -> None:
        view = memoryview(data)
        try:
            while view and not self._ended:
                view = view[self.session.write(view) :]
        except ssl.SSLError as error:
            log.debug("TLS write failed: %s", error)
            self.raw.abort()
        self.flush()

    def write_eof(self) -> None:
        """close_notify; the client may still send."""
        if self._ended:
            return
        self._ended = True
        try:
            self.session.unwrap()
        except ssl.SSLError:
            pass  # it now waits for the client's own close_notify, which is for `advance` to read
        self.flush()

    def close(self) -> None:
        self.write_eof()
        self.raw.close()


class TlsTransport(asyncio.Transport):
    def __init__(self, tls: TlsProtocol) -> None:
        super().__init__()
        self._tls = tls

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        if name == "peercert":
            return self._tls.session.getpeercert()
        if name in ("sslcontext", "ssl_object"):
            return self._tls.context if name == "sslcontext" else self._tls.session
        return self._tls.raw.get_extra_info(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._tls.inner = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._tls.inner

    def is_closing(self) -> bool:
        return self._tls.raw.is_closing()

    def is_reading(self) -> bool:
        return not self._tls.reading_paused

    def pause_reading(self) -> None:
        self._tls.reading_paused = True
        if not self.is_closing():
            self._tls.raw.pause_reading()

    def resume_reading(self) -> None:
        if self._tls.reading_paused and not self.is_closing():
            self._tls.reading_paused = False
            self._tls.raw.resume_reading()
            asyncio.get_running_loop().call_soon(self._tls.advance)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._tls.write(data)

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self._tls.write_eof()

    def close(self) -> None:
        self._tls.close()

    def abort(self) -> None:
        self._tls.raw.abort()

    def get_write_buffer_size(self) -> int:
        return self._tls.raw.get_write_buffer_size()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._tls.raw.set_write_buffer_limits(high, low)
