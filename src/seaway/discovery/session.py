"""One stretch of being connected to the cluster store: it begins with a lease and lasts until anything fails."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seaway.base.errors import EngineError
from seaway.config.cluster import ClusterConfig
from seaway.discovery.etcd import EtcdClient, StoreFailed
from seaway.discovery.held import Step, plan_hold
from seaway.discovery.messages import Delete, Put
from seaway.discovery.mirror import Mirror

log = logging.getLogger(__name__)
NETWORKS = "seaway/network/v1/"
STEPS_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Place:
    """Which engine is where in which cluster. `advertise` is IP:port."""

    config: ClusterConfig
    engine_id: str
    advertise: str

    @property
    def networks(self) -> str:
        return below(self.config.prefix, NETWORKS)

    @property
    def nodes(self) -> str:
        return below(self.config.prefix, self.config.nodes + "/")


class Session:
    """`begin`, then `last`."""

    def __init__(self, place: Place, client: EtcdClient, networks: Mirror, nodes: Mirror) -> None:
        self._place, self._client, self._networks, self._nodes = place, client, networks, nodes
        self._end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.lease = 0

    async def begin(self, last_lease: int, held: Mapping[str, str]) -> None:
        """Under the lease of the last session, if it still runs. All that is `held` is in the store afterwards, and
        nothing else of this engine's."""
        place, client = self._place, self._client
        alive = last_lease and await client.keep_alive(last_lease)
        self.lease = last_lease if alive else await client.grant_lease(place.config.ttl_s)
        await client.commit([], [Put(place.nodes + place.advertise, place.advertise, self.lease)])
        await self._nodes.load(client, place.nodes)
        await self._networks.load(client, place.networks)
        stored = self._networks.entries
        await self._carry_out(plan_hold(held, stored, place.engine_id, self.lease, place.networks))

    async def last(self) -> None:
        """Raises, in an exception group, what ended it."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._networks.follow(self._client, self._place.networks))
            group.create_task(self._nodes.follow(self._client, self._place.nodes))
            group.create_task(self._keep_alive())
            group.create_task(_wait(self._end))

    def end(self, cause: EngineError) -> None:
        """The next one looks at what became of what was under way."""
        if not self._end.done():
            self._end.set_exception(cause)

    async def quit(self, *, keep: bool) -> None:
        """With `keep` the lease runs out by itself, with what is held under it."""
        if keep:
            await self._client.commit([], [Delete(self._place.nodes + self._place.advertise)])
        else:
            await self._client.revoke_lease(self.lease)

    async def _carry_out(self, plan: Sequence[Step]) -> None:
        for step in plan:
            if step.lost_to:
                log.error("cluster store: %s is held by engine %s now, and stays there", step.key, step.lost_to)
        wanted = [step for step in plan if step.changes]
        for start in range(0, len(wanted), STEPS_AT_ONCE):
            async with asyncio.TaskGroup() as group:
                for step in wanted[start : start + STEPS_AT_ONCE]:
                    group.create_task(self._client.commit(step.compares, step.changes))

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(self._place.config.heartbeat_s)
            if not await self._client.keep_alive(self.lease):
                raise StoreFailed("the cluster store has ended this engine's lease")


async def _wait(end: "asyncio.Future[None]") -> None:
    await end


def below(prefix: str, path: str) -> str:
    return f"{prefix}/{path}" if prefix else path
