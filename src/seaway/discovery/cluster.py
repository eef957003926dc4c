"""This engine's place in a cluster: a lease in etcd, what it holds under it, and a mirror of what all engines hold.

    <prefix>/docker/nodes/<advertise>     each engine that lives, as libkv's discovery has it
    <prefix>/seaway/network/v1/…          what the cluster's networks keep

A session lasts as long as etcd answers. Whatever fails ends it, and the next one puts right what the last one left in
doubt: a transaction whose answer did not come, a key that was to go, a lease that ended meanwhile.
"""

import asyncio
import logging
import ssl
from collections.abc import Mapping, Sequence
from typing import Protocol

from seaway.base.errors import EngineError, Unavailable
from seaway.base.supervisor import Supervisor
from seaway.config.cluster import ClusterConfig
from seaway.discovery.advertise import resolve_advertise
from seaway.discovery.etcd import EtcdClient, StoreFailed, StoreUnreachable
from seaway.discovery.holdings import Holdings
from seaway.discovery.messages import Change, Compare
from seaway.discovery.mirror import Mirror
from seaway.discovery.nodes import Nodes
from seaway.discovery.session import Place, Session
from seaway.discovery.tls import store_tls
from seaway.kernel.worker import run_blocking

log = logging.getLogger(__name__)
RETRY_S = 1.0


class NoCluster(Unavailable):
    def __init__(self) -> None:
        super().__init__("this engine is in no cluster: it needs --cluster-store and --cluster-advertise")


class Listener(Protocol):
    """Both are called on the event loop and must not wait."""

    def placed(self, advertise: str) -> None:
        """The engine is about to join a cluster under this address: time to `adopt` what it holds there."""

    def changed(self, keys: frozenset[str]) -> None:
        """These entries are others now, or all has been read anew."""


class Cluster:
    """`use` says which cluster, at the start and after each reload; None: none."""

    def __init__(self, engine_id: str, supervisor: Supervisor) -> None:
        self.engine_id, self._supervisor = engine_id, supervisor
        self._listeners: list[Listener] = []
        self._news = asyncio.Event()
        self._networks, self.nodes = Mirror(self._tell), Nodes()
        self.holdings = Holdings(self)
        self._place: Place | None = None
        self._service: asyncio.Task[None] | None = None
        self._client: EtcdClient | None = None
        self._session: Session | None = None
        self._attempted = asyncio.Event()
        self._attempted.set()
        self._failure: EngineError | None = None
        self._lease = 0

    @property
    def advertise(self) -> str:
        """IP:port; empty without a cluster."""
        return self._place.advertise if self._place else ""

    @property
    def entries(self) -> Mapping[str, str]:
        """What all engines hold, as last heard, by `key` (below the networks' prefix)."""
        return self._networks.entries

    @property
    def was_connected(self) -> bool:
        """Whether `entries` says anything: in this cluster it has been read at least once."""
        return self._lease != 0

    @property
    def failure(self) -> EngineError | None:
        """Why there is no connection to the store just now, where there should be one."""
        return None if self._session else self._failure

    @property
    def lease_now(self) -> int:
        """0: there is no connection."""
        return self._session.lease if self._session else 0

    async def lease(self) -> int:
        """As `ready`."""
        return (await self.ready()).lease

    def listen(self, listener: Listener) -> None:
        self._listeners.append(listener)

    async def use(self, config: ClusterConfig | None) -> None:
        """Join that cluster, and leave the one before. What is held is held there from then on."""
        joins = config if config and config.advertise else None
        if joins == (self._place.config if self._place else None):
            return
        advertise = await run_blocking(resolve_advertise, joins.advertise) if joins else ""
        tls = await run_blocking(store_tls, joins) if joins else None
        await self._leave(keep=False)
        if joins is None:
            for mirror in (self._networks, self.nodes.mirror):
                mirror.clear()
            return
        self._place = place = Place(joins, self.engine_id, advertise)
        self.nodes.own = advertise
        for listener in self._listeners:
            listener.placed(advertise)
        self._attempted.clear()
        self._service = self._supervisor.spawn(self._serve(place, tls), "cluster", service=True)

    async def close(self) -> None:
        """What is still held belongs to containers that go on: it stays until the lease ends, or the next engine."""
        await self._leave(keep=bool(self.holdings.entries))

    async def ready(self) -> Session:
        """Raises why there is no connection; waits only for an attempt that is under way."""
        await self._attempted.wait()
        if self._session is None:
            raise self._failure or NoCluster()
        return self._session

    async def connected(self) -> None:
        """Waits until there is a connection; at once where there is no cluster."""
        while self._place and self._session is None:
            await self._news.wait()

    async def commit(self, compares: Sequence[Compare], changes: Sequence[Change]) -> bool:
        """A transaction; keys are whole ones (`path`). Raises StoreUnreachable: it may have been carried out."""
        session, client = await self.ready(), self._client
        assert client
        try:
            return await client.commit(compares, changes)
        except EngineError as lost:
            session.end(lost)
            raise

    def path(self, key: str) -> str:
        """Raises NoCluster."""
        if self._place is None:
            raise NoCluster
        return self._place.networks + key

    async def read(self, prefix: str) -> tuple[dict[str, str], int]:
        """As `entries`, but what the store says this moment, and at which revision."""
        session, client, whole = await self.ready(), self._client, self.path(prefix)
        assert client
        try:
            found, revision = await client.read(whole)
        except EngineError as lost:
            session.end(lost)
            raise
        return {prefix + e.key.removeprefix(whole): e.value for e in found}, revision

    async def heard(self, key: str, *, present: bool) -> None:
        """Wait until `entries` says so, too. Raises StoreUnreachable."""
        while (key in self.entries) is not present:
            await self.ready()
            await self._news.wait()

    async def _serve(self, place: Place, tls: ssl.SSLContext | None) -> None:
        self._client = client = EtcdClient(place.config.servers, tls)
        loop = asyncio.get_running_loop()
        try:
            while True:
                began = loop.time()
                try:
                    await self._connect(place, client)
                except* (StoreUnreachable, StoreFailed) as failures:
                    self._lost(_first(failures))
                if loop.time() - began < RETRY_S:
                    await asyncio.sleep(RETRY_S)
                self._attempted.clear()
        finally:
            self._session = None
            await client.close()

    async def _connect(self, place: Place, client: EtcdClient) -> None:
        session = Session(place, client, self._networks, self.nodes.mirror)
        await session.begin(self._lease, self.holdings.entries)
        self._lease, self._session, self._failure = session.lease, session, None
        self._attempted.set()
        self._wake()
        log.info("cluster store etcd://%s: connected as %s", ",".join(place.config.servers), place.advertise)
        await session.last()

    def _lost(self, cause: EngineError) -> None:
        if self._session or str(cause) != str(self._failure):
            log.error("%s", cause)
        self._failure, self._session = cause, None
        self._attempted.set()
        self._wake()

    async def _leave(self, *, keep: bool) -> None:
        if self._service is None:
            return
        if self._session:
            try:
                await self._session.quit(keep=keep)
            except EngineError as failed:
                log.warning("%s", failed)
        self._service.cancel()
        await asyncio.wait([self._service])
        self._service, self._client, self._place, self._lease = None, None, None, 0
        self.nodes.own = ""
        self._failure = None
        self._attempted.set()

    def _tell(self, keys: frozenset[str]) -> None:
        for listener in self._listeners:
            listener.changed(keys)
        self._wake()

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()


def _first(failures: BaseExceptionGroup[EngineError]) -> EngineError:
    first = failures.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
