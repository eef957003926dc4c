"""A registry that challenges, fails, breaks off and speaks TLS: our own server, real sockets."""

import asyncio
import datetime
import json
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from seaway.content.blobs import BlobStore
from seaway.distribution.auth import Credentials
from seaway.distribution.client import Repository
from seaway.distribution.endpoints import Endpoint, RegistryConfig
from seaway.distribution.errors import (
    NoBasicAuth,
    PullRefused,
    RegistryFailure,
    RegistryUnreachable,
    UnsupportedImage,
)
from seaway.distribution.fetch import Downloads
from seaway.distribution.progress import Progress
from seaway.distribution.pull import pull
from seaway.distribution.transport import transport
from seaway.oci import mediatypes as m
from seaway.oci.digest import Digest, sha256_of
from seaway.oci.manifest import Descriptor
from seaway.oci.reference import parse_reference

CONFIG = RegistryConfig(retry_delay_s=0, certs_dir=Path("/nonexistent"))
LAYER = bytes(range(256)) * 8192
IMAGE = json.dumps({"os": "linux", "rootfs": {"type": "layers", "diff_ids": [sha256_of(LAYER)]}}).encode()
MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": m.OCI_MANIFEST,
        "config": {"mediaType": m.OCI_CONFIG, "digest": sha256_of(IMAGE), "size": len(IMAGE)},
        "layers": [{"mediaType": m.OCI_LAYER, "digest": sha256_of(LAYER), "size": len(LAYER)}],
    }
).encode()


class Sink:
    def __init__(self) -> None:
        self.layers: list[bytes] = []
        self.images: list[bytes] = []

    def has_image(self, image_id: Digest) -> bool:
        return False

    def check_depth(self, layers: int) -> None:
        pass

    def has_layer(self, diff_ids: Sequence[Digest]) -> bool:
        return False

    async def recognise(self, diff_id: Digest, layer: Descriptor) -> None:
        pass

    async def register(
        self,
        diff_ids: Sequence[Digest],
        layer: Descriptor,
        blob: Path,
        taken: Callable[[int], None],
        below: asyncio.Event | None,
    ) -> None:
        if below:
            await below.wait()
        self.layers.append(blob.read_bytes())
        taken(layer.size)

    async def create_image(self, config: bytes) -> None:
        self.images.append(config)


class Server:
    """Serves one image. The layer's download breaks off `cuts` times, and answers 500 `failures` times."""

    def __init__(self) -> None:
        self.host = ""
        self.cuts = self.failures = self.stalls = self.shift = 0
        self.refuses_ranges = self.changes_token = False
        self.token = "sesame"
        self.token_scheme = ""
        self.manifest, self.manifest_type = MANIFEST, m.OCI_MANIFEST
        self.ranges: list[str] = []
        self.never = asyncio.Event()
        self.token_requests: list[dict[str, str]] = []

    def routes(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/v2/", self.ping)
        app.router.add_get("/v2/app/manifests/{reference}", self.get_manifest)
        app.router.add_get("/v2/app/blobs/{digest}", self.get_blob)
        app.router.add_get("/token", self.give_token)
        return app

    def _challenge(self, request: web.Request) -> web.Response | None:
        accepted = {"bearer": f"Bearer {self.token}", "basic": "Basic bWU6cHc="}.get(self.token_scheme)
        if accepted in (None, request.headers.get("Authorization")):
            return None
        how = (
            f'Bearer realm="http://{self.host}/token",service="here"'
            if self.token_scheme == "bearer"
            else "Basic realm=x"
        )
        return web.Response(status=401, headers={"WWW-Authenticate": how})

    async def ping(self, request: web.Request) -> web.Response:
        return self._challenge(request) or web.json_response({})

    async def give_token(self, request: web.Request) -> web.Response:
        self.token_requests.append(dict(request.query))
        return web.json_response({"token": self.token})

    async def get_manifest(self, request: web.Request) -> web.Response:
        return self._challenge(request) or web.Response(body=self.manifest, content_type=self.manifest_type)

    async def get_blob(self, request: web.Request) -> web.StreamResponse:
        if refused := self._challenge(request):
            return refused
        if request.match_info["digest"] == sha256_of(IMAGE):
            return web.Response(body=IMAGE)
        if self.failures:
            self.failures -= 1
            return web.Response(status=500)
        self.ranges.append(request.headers.get("Range", ""))
        start = int(self.ranges[-1].removeprefix("bytes=").rstrip("-") or 0)
        if start and self.refuses_ranges:
            return web.Response(status=416)
        answer = web.StreamResponse(status=206 if start else 200)
        if start:
            answer.headers["Content-Range"] = f"bytes {start - self.shift}-{len(LAYER) - 1}/{len(LAYER)}"
        answer.content_length = len(LAYER) - start
        await answer.prepare(request)
        if self.stalls:
            self.stalls -= 1
            await answer.write(LAYER[start : start + 500_000])
            await self.never.wait()
        if self.cuts:
            self.cuts -= 1
            self.token = "open barley" if self.changes_token else self.token
            await answer.write(LAYER[start : start + 500_000])
            assert request.transport
            await asyncio.sleep(0.05)
            request.transport.close()
            return answer
        await answer.write(LAYER[start:])
        return answer


@asynccontextmanager
async def listening(server: Server, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    runner = web.AppRunner(server.routes(), shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    server.host = "127.0.0.1:" + str(runner.addresses[0][1])
    try:
        yield server
    finally:
        server.never.set()
        await runner.cleanup()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with listening(Server()) as server:
        yield server


async def pull_from(
    server: Server, folder: Path, auth: Credentials | None = None, config: RegistryConfig = CONFIG
) -> tuple[Sink, list[Progress]]:
    sink, events = Sink(), list[Progress]()
    reference = parse_reference(f"{server.host}/app")
    await pull(reference, None, sink, events.append, config, auth, Downloads(BlobStore(folder)))
    assert (sink.layers, sink.images) == ([LAYER], [IMAGE])
    return sink, events


async def test_an_anonymous_token_is_asked_for_once(server: Server, tmp_path: Path) -> None:
    server.token_scheme = "bearer"
    await pull_from(server, tmp_path)
    assert server.token_requests == [{"scope": "repository:app:pull", "service": "here"}]


async def test_basic_credentials(server: Server, tmp_path: Path) -> None:
    server.token_scheme = "basic"
    await pull_from(server, tmp_path, Credentials("me", "pw"))
    with pytest.raises(NoBasicAuth, match='^Head "http://.*/manifests/latest": no basic auth credentials$'):
        await pull_from(server, tmp_path)


async def test_a_download_that_breaks_off_is_resumed(server: Server, tmp_path: Path) -> None:
    server.cuts = 2
    await pull_from(server, tmp_path)
    assert len(server.ranges) == 3
    assert server.ranges[0] == ""
    assert all(r.startswith("bytes=") for r in server.ranges[1:])


async def test_a_registry_that_stalls_is_asked_again(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seaway.distribution.transport.READ_TIMEOUT_S", 0.3)
    server.stalls = 1
    await pull_from(server, tmp_path)
    assert server.ranges == ["", "bytes=500000-"]


async def test_a_registry_that_goes_on_elsewhere_is_read_from_the_start(server: Server, tmp_path: Path) -> None:
    server.cuts, server.shift = 1, 7
    await pull_from(server, tmp_path)
    assert server.ranges == ["", "bytes=500000-", ""]


async def test_a_registry_that_refuses_ranges_is_read_from_the_start(server: Server, tmp_path: Path) -> None:
    server.cuts, server.refuses_ranges = 1, True
    await pull_from(server, tmp_path)
    assert server.ranges == ["", "bytes=500000-", ""]


async def test_a_token_that_expires_in_the_middle_is_renewed(server: Server, tmp_path: Path) -> None:
    server.token_scheme, server.cuts, server.changes_token = "bearer", 1, True
    await pull_from(server, tmp_path)
    assert len(server.token_requests) == 2
    assert server.ranges == ["", "bytes=500000-"]


async def test_a_failing_registry_gets_five_attempts(server: Server, tmp_path: Path) -> None:
    server.failures = 4
    await pull_from(server, tmp_path)
    server.failures = 5
    with pytest.raises(RegistryFailure, match="^received unexpected HTTP status: 500 Internal Server Error$"):
        await pull_from(server, tmp_path)


async def test_a_retry_is_counted_down(server: Server, tmp_path: Path) -> None:
    server.failures = 1
    config = RegistryConfig(retry_delay_s=1, certs_dir=Path("/nonexistent"))
    _, events = await pull_from(server, tmp_path, config=config)
    assert Progress(sha256_of(LAYER).short, "Retrying in 1 second") in events


async def test_schema1_is_refused(server: Server, tmp_path: Path) -> None:
    server.manifest, server.manifest_type = b'{"schemaVersion":1}', m.SCHEMA1_SIGNED
    text = r"^\[DEPRECATION NOTICE\] Docker Image Format v1 .* Suggest the author of 127.0.0.1:[0-9]+/app:latest to"
    with pytest.raises(UnsupportedImage, match=text):
        await pull_from(server, tmp_path)


async def test_a_registry_that_answers_in_html(server: Server, tmp_path: Path) -> None:
    reference = parse_reference(f"{server.host}/other")
    with pytest.raises(Exception, match="^error parsing HTTP 404 response body: ") as failure:
        await pull(reference, None, Sink(), print, CONFIG, None, Downloads(BlobStore(tmp_path)))
    assert not isinstance(failure.value, PullRefused)


def certificate(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "registry.test")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now - datetime.timedelta(1))
    builder = builder.not_valid_after(now + datetime.timedelta(1))
    signed = builder.sign(key, hashes.SHA256())
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM) + secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context


async def test_an_insecure_registry_may_have_a_certificate_of_its_own(tmp_path: Path) -> None:
    async with listening(Server(), certificate(tmp_path)) as server:
        await pull_from(server, tmp_path)


async def test_certificate_faults_and_plain_http_in_gos_words(tmp_path: Path, server: Server) -> None:
    async with listening(Server(), certificate(tmp_path)) as secure, transport(CONFIG) as http:
        for host, text in (
            (secure.host, "tls: failed to verify certificate: x509: certificate signed by unknown authority"),
            (server.host, "http: server gave HTTP response to HTTPS client"),
        ):
            with pytest.raises(RegistryUnreachable) as failure:
                await Repository(http, Endpoint(f"https://{host}", host), "app", None).connect()
            assert failure.value.message == f'Get "https://{host}/v2/": {text}'
