import asyncio
import datetime
import ssl
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from seaway.api.listeners import open_listeners
from seaway.api.tls import server_context
from seaway.base.errors import InvalidParameter
from seaway.config.hosts import Listen

from .conftest import Engine
from .test_hijack import ATTACH, EXEC, HEAD_101, UPGRADE


@dataclass(frozen=True)
class Files:
    cert: Path
    key: Path


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """A certificate that signs itself: authority, server and client at once."""
    folder, key = tmp_path_factory.mktemp("tls"), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    cert = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(cert.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return Files(folder / "cert.pem", folder / "key.pem")


class Client:
    """A TLS client that can half-close, as Go's can and Python's streams cannot."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")

    async def connect(self, port: int) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port)
        while True:
            try:
                self.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                await self._exchange()
        self.flush()

    def flush(self) -> None:
        if self.outgoing.pending:
            self.writer.write(self.outgoing.read())

    async def _exchange(self) -> None:
        self.flush()
        if data := await self.reader.read(65536):
            self.incoming.write(data)
        else:
            self.incoming.write_eof()

    def send(self, data: bytes) -> None:
        self.tls.write(data)
        self.flush()

    def end(self) -> None:
        with pytest.raises(ssl.SSLWantReadError):
            self.tls.unwrap()
        self.flush()

    async def read(self) -> bytes:
        """To the server's close_notify."""
        received = b""
        async with asyncio.timeout(10):
            while True:
                try:
                    if not (data := self.tls.read(65536)):
                        return received
                    received += data
                except ssl.SSLZeroReturnError:
                    return received
                except ssl.SSLWantReadError:
                    await self._exchange()


async def serve(engine: Engine, context: ssl.SSLContext) -> int:
    sockets = open_listeners(Listen("tcp", "127.0.0.1"))
    await engine.api.listen(sockets, context)
    return int(sockets[0].getsockname()[1])


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_output_follows_the_end_of_stdin(engine: Engine, files: Files, newest: ssl.TLSVersion) -> None:
    port = await serve(engine, server_context(files.cert, files.key))
    context = ssl.create_default_context(cafile=str(files.cert))
    context.maximum_version = newest
    client = Client(context)
    await client.connect(port)
    client.send(ATTACH % UPGRADE + b"early")
    client.send(b"late" * 100_000)
    client.end()
    assert await client.read() == HEAD_101 + b"EARLY" + b"LATE" * 100_000 + b"bye"
    client.writer.close()


async def test_a_slow_reader_holds_the_server_back(engine: Engine, files: Files) -> None:
    port = await serve(engine, server_context(files.cert, files.key))
    client = Client(ssl.create_default_context(cafile=str(files.cert)))
    await client.connect(port)
    client.send(EXEC % (UPGRADE, 16, b'{"Size":8000000}') + b"z")
    await asyncio.sleep(0.1)
    assert (await client.read()).partition(b"\r\n\r\n")[2] == b"x" * 8_000_000 + b"z"
    client.writer.close()


async def test_ordinary_requests(engine: Engine, files: Files) -> None:
    port = await serve(engine, server_context(files.cert, files.key))
    context = ssl.create_default_context(cafile=str(files.cert))
    reader, writer = await asyncio.open_connection("localhost", port, ssl=context)
    writer.write(b"GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n")
    assert (await reader.read()).endswith(b"OK")
    writer.close()


async def test_verify_refuses_strangers(engine: Engine, files: Files) -> None:
    port = await serve(engine, server_context(files.cert, files.key, files.cert, verify=True))
    context = ssl.create_default_context(cafile=str(files.cert))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.open_connection("localhost", port, ssl=context)
    context.load_cert_chain(files.cert, files.key)
    reader, writer = await asyncio.open_connection("localhost", port, ssl=context)
    writer.write(b"GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n")
    assert (await reader.read()).endswith(b"OK")
    writer.close()


async def test_plain_http_on_a_tls_port(engine: Engine, files: Files) -> None:
    port = await serve(engine, server_context(files.cert, files.key))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /_ping HTTP/1.1\r\n\r\n")
    async with asyncio.timeout(5):
        assert (await reader.read()).endswith(b"\r\n\r\nClient sent an HTTP request to an HTTPS server.\n")
    writer.close()


def test_missing_files_are_named(files: Files, tmp_path: Path) -> None:
    with pytest.raises(InvalidParameter, match="could not load X509 key pair"):
        server_context(tmp_path / "none", files.key)
    with pytest.raises(InvalidParameter, match="could not read CA certificate"):
        server_context(files.cert, files.key, tmp_path / "none", verify=True)
