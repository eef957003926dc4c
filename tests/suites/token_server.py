"""A token server for docker-registry: `python token_server.py PORT KEY LOG` (KEY: private key and certificate, PEM).

`ann` with `pw` may do everything, everybody else may pull from `public/…`. A log-in earns the identity token
`ann's refresh token`. Every request is a line of LOG in JSON: [method, parameters, who]. The first token for a scope
that begins with `repository:stale/` has expired already.
"""

import base64
import json
import secrets
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

ISSUER = "tests"
REFRESH = "ann's refresh token"
REGISTRYS_LEEWAY_S = 60


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Signer:
    def __init__(self, pem: bytes) -> None:
        key = serialization.load_pem_private_key(pem, None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self._key = key
        der = x509.load_pem_x509_certificate(pem).public_bytes(serialization.Encoding.DER)
        self._header = {"typ": "JWT", "alg": "ES256", "x5c": [base64.b64encode(der).decode()]}

    def sign(self, claims: dict[str, object]) -> str:
        text = ".".join(encoded(json.dumps(part).encode()) for part in (self._header, claims))
        r, s = decode_dss_signature(self._key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{text}.{encoded(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def access(scope: str, who: str) -> dict[str, object]:
    kind, _, rest = scope.partition(":")
    name, _, actions = rest.rpartition(":")
    allowed = [a for a in actions.split(",") if who or (a == "pull" and name.startswith("public/"))]
    return {"type": kind, "name": name, "actions": allowed}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    signer: Signer
    log_path: str
    staled: set[str] = set()

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        header = self.headers.get("Authorization", "")
        name, _, password = base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")
        if name and (name, password) != ("ann", "pw"):
            return self.answer(401, {"errors": [{"code": "UNAUTHORIZED", "message": "incorrect username or password"}]})
        refresh = REFRESH if name and query.get("offline_token") == ["true"] else ""
        return self.grant(query, query.get("scope", []), name, refresh)

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        if form.get("grant_type") != ["refresh_token"] or form.get("refresh_token") != [REFRESH]:
            return self.answer(401, {"errors": [{"code": "UNAUTHORIZED", "message": "no such refresh token"}]})
        return self.grant(form, " ".join(form.get("scope", [])).split(), "ann", REFRESH)

    def grant(self, parameters: dict[str, list[str]], scopes: list[str], who: str, refresh: str) -> None:
        with open(self.log_path, "a") as log:
            log.write(json.dumps([self.command, parameters, who]) + "\n")
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "sub": who,
            "aud": parameters["service"][0],
            "exp": now + 300,
            "nbf": now - 300,
            "iat": now,
            "jti": secrets.token_hex(8),
            "access": [access(scope, who) for scope in scopes],
        }
        stale = {scope for scope in scopes if scope.startswith("repository:stale/")} - self.staled
        if stale:
            self.staled |= stale
            claims["exp"] = now - REGISTRYS_LEEWAY_S - 1
        key = "access_token" if self.command == "POST" else "token"
        self.answer(200, {key: self.signer.sign(claims), "expires_in": 300, "refresh_token": refresh})

    def answer(self, status: int, document: dict[str, object]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    Handler.signer, Handler.log_path = Signer(Path(sys.argv[2]).read_bytes()), sys.argv[3]
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
