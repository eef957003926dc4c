"""Calls to a version 1 plugin: JSON by POST, `/<Subsystem>.<Method>`. Blocking, a connection for each call."""

import http.client
import json
import socket
import ssl
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from seaway.base.errors import SystemFailure
from seaway.plugins.discovery import PluginAddress, TlsFiles

MEDIA_TYPE = "application/vnd.docker.plugins.v1.2+json"
CALL_TIMEOUT_S = 120.0
CONNECT_TIMEOUT_S = 10.0
FIRST_DELAY_S = 0.05


class PluginFailed(SystemFailure):
    """It answered with an error, or not at all."""


class PluginClient:
    def __init__(self, address: PluginAddress, timeout_s: float = CALL_TIMEOUT_S) -> None:
        self.name, self._address, self._timeout_s = address.name, address, timeout_s

    def activate(self, *, patience_s: float = CONNECT_TIMEOUT_S) -> frozenset[str]:
        """The subsystems that it implements."""
        return frozenset(self.call("Plugin.Activate", {}, patience_s=patience_s).get("Implements") or ())

    def call(
        self,
        method: str,
        arguments: Mapping[str, Any],
        timeout_s: float | None = None,
        *,
        patience_s: float = CONNECT_TIMEOUT_S,
    ) -> dict[str, Any]:
        """Raises PluginFailed. A plugin that is just starting is waited for, `patience_s` at most."""
        connection = self._connected(method, timeout_s or self._timeout_s, patience_s)
        try:
            headers = {"Accept": MEDIA_TYPE, "Content-Type": MEDIA_TYPE}
            connection.request("POST", f"/{method}", json.dumps(dict(arguments)), headers)
            answer = connection.getresponse()
            return self._read(method, answer.status, answer.read())
        except (OSError, http.client.HTTPException) as exc:
            raise PluginFailed(f"{method}: {exc}") from exc
        finally:
            connection.close()

    def _read(self, method: str, status: int, body: bytes) -> dict[str, Any]:
        try:
            value = json.loads(body or b"{}")
        except ValueError:
            value = {"Err": body.decode(errors="replace").strip()} if status != 200 else None
        if not isinstance(value, dict):
            raise PluginFailed(f"{method}: the answer is no JSON object")
        if status != 200:
            raise PluginFailed(f"{method}: {value.get('Err') or f'status {status}'}")
        if text := value.get("Err"):
            raise PluginFailed(str(text))
        return value

    def _connected(self, method: str, timeout_s: float, patience_s: float) -> http.client.HTTPConnection:
        delay_s, deadline = FIRST_DELAY_S, time.monotonic() + patience_s
        while True:
            connection = _connection(self._address, timeout_s)
            try:
                connection.connect()
            except (ConnectionRefusedError, FileNotFoundError) as exc:
                if time.monotonic() + delay_s > deadline:
                    raise PluginFailed(f"{method}: {exc}") from exc
            except OSError as exc:
                raise PluginFailed(f"{method}: {exc}") from exc
            else:
                return connection
            time.sleep(delay_s)  # a worker's thread; the plugin tells nobody when it listens
            delay_s *= 2


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("plugin", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.sock.settimeout(self.timeout)
            self.sock.connect(self._path)
        except BaseException:
            self.sock.close()
            raise


def _connection(where: PluginAddress, timeout_s: float) -> http.client.HTTPConnection:
    parts = urlsplit(where.address)
    if parts.scheme == "unix":
        return _UnixConnection(where.address.removeprefix("unix://"), timeout_s)
    host, port = parts.hostname or "", parts.port
    if where.tls or parts.scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=timeout_s, context=_tls(where.tls or TlsFiles()))
    return http.client.HTTPConnection(host, port, timeout=timeout_s)


def _tls(files: TlsFiles) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=files.ca or None)
    if files.insecure:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if files.cert:
        context.load_cert_chain(files.cert, files.key or None)
    return context
