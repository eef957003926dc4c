"""A client of etcd 3, as much as the engine needs: read, transactions, leases, and watches, over its JSON gateway.

The gateway is plain HTTP, which the engine speaks anyway; the libraries on PyPI bring grpc, which is larger than all
that the engine depends on. One server is asked until it fails, then the next.
"""

import errno
import json
import os
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from seaway.base.errors import SystemFailure, Unavailable
from seaway.discovery.messages import (
    Change,
    Compare,
    Entry,
    Event,
    parse_entry,
    parse_events,
    to_range,
    to_txn,
    to_watch,
)

TIMEOUT_S, CONNECT_TIMEOUT_S = 5.0, 2.0


class StoreUnreachable(Unavailable):
    """No server answered, or the connection broke: whether the request was carried out is not known."""

    def __init__(self, servers: Sequence[str], cause: object) -> None:
        super().__init__(f"the cluster store etcd://{','.join(servers)} cannot be reached: {cause}")


class StoreFailed(SystemFailure):
    """etcd refused."""


class WatchLost(StoreFailed):
    """The changes since the wished revision are not to be had any more: read everything again."""


class EtcdClient:
    def __init__(self, servers: Sequence[str], tls: ssl.SSLContext | None = None) -> None:
        self._servers, self._scheme = list(servers), "https" if tls else "http"
        self._names = tuple(servers)
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=tls or False, force_close=False),
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_S, sock_connect=CONNECT_TIMEOUT_S),
        )

    async def close(self) -> None:
        await self._http.close()

    async def read(self, prefix: str) -> tuple[list[Entry], int]:
        """All keys that begin with it, and the revision at which this was so."""
        answer = await self._call("kv/range", to_range(prefix, prefix=True))
        return [parse_entry(kv) for kv in answer.get("kvs", ())], int(answer["header"]["revision"])

    async def commit(self, compares: Sequence[Compare], changes: Sequence[Change]) -> bool:
        """All the changes in one step if all of `compares` is so, else none and False."""
        answer = await self._call("kv/txn", to_txn(list(compares), list(changes)))
        return bool(answer.get("succeeded"))

    async def grant_lease(self, ttl_s: int) -> int:
        return int((await self._call("lease/grant", {"TTL": str(ttl_s)}))["ID"])

    async def keep_alive(self, lease: int) -> bool:
        """False: the lease has ended, and its keys with it."""
        answer = await self._call("lease/keepalive", {"ID": str(lease)})
        return int(answer.get("result", {}).get("TTL", 0)) > 0

    async def revoke_lease(self, lease: int) -> None:
        await self._call("lease/revoke", {"ID": str(lease)})

    async def watch(self, prefix: str, revision: int) -> AsyncIterator[list[Event]]:
        """The changes from `revision` on, as they come. An empty list comes first: the watch is set. Raises
        WatchLost, StoreUnreachable; it does not end by itself."""
        forever = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S)
        async with self._connected("watch", to_watch(prefix, revision), forever) as answer:
            buffer = b""
            async for piece in answer.content.iter_any():
                *lines, buffer = (buffer + piece).split(b"\n")
                for line in filter(None, lines):
                    yield _watched(json.loads(line))
        raise StoreUnreachable(self._names, "the watch ended")

    async def _call(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        async with self._connected(path, body) as answer:
            text = await answer.read()
        try:
            found: dict[str, Any] = json.loads(text)
        except ValueError as garbage:
            raise StoreFailed(f"the cluster store's answer is no JSON: {text[:100]!r}") from garbage
        return found

    @asynccontextmanager
    async def _connected(
        self, path: str, body: dict[str, Any], timeout: aiohttp.ClientTimeout | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        try:
            async with await self._post(path, body, timeout) as answer:
                if answer.status != 200:
                    raise self._refused(answer.status, await answer.text())
                yield answer
        except (aiohttp.ClientError, TimeoutError, OSError) as failed:
            raise StoreUnreachable(self._names, _reason(failed)) from failed

    async def _post(
        self, path: str, body: dict[str, Any], timeout: aiohttp.ClientTimeout | None
    ) -> aiohttp.ClientResponse:
        """From the first server that can be connected to; it is the first one next time."""
        options = {"timeout": timeout} if timeout else {}
        failure: Exception = ConnectionError("no server")
        for server in list(self._servers):
            try:
                return await self._http.post(f"{self._scheme}://{server}/v3/{path}", json=body, **options)  # type: ignore[arg-type]
            except aiohttp.ClientConnectorError as failed:
                failure = failed
            except (aiohttp.ClientError, TimeoutError, OSError):
                self._put_last(server)
                raise
            self._put_last(server)
        raise failure

    def _put_last(self, server: str) -> None:
        self._servers.remove(server)
        self._servers.append(server)

    def _refused(self, status: int, text: str) -> Exception:
        """A server that has no leader, or is just ending, is as good as none."""
        try:
            message = json.loads(text).get("error") or text
        except (ValueError, AttributeError):
            message = text.strip()
        if status in (408, 502, 503, 504) or "leader" in message:
            return StoreUnreachable(self._names, message)
        return StoreFailed(f"the cluster store refused: {message}")


def _reason(failure: Exception) -> str:
    if isinstance(failure, aiohttp.ClientConnectorError):
        return os.strerror(failure.os_error.errno or errno.EHOSTUNREACH).lower()
    return "no answer in time" if isinstance(failure, TimeoutError) else str(failure) or type(failure).__name__


def _watched(message: dict[str, Any]) -> list[Event]:
    if error := message.get("error"):
        raise StoreFailed(f"the cluster store ended the watch: {error.get('message', error)}")
    result = message.get("result", {})
    if result.get("canceled"):
        raise WatchLost(f"the cluster store ended the watch: {result.get('cancel_reason', 'compacted')}")
    return parse_events(result)
