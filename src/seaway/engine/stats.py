"""`GET /containers/{id}/stats`: one sampler per container, a sample a second, for however many listeners."""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

from seaway.base import clock
from seaway.base.errors import InvalidParameter, NotFound
from seaway.base.supervisor import Supervisor
from seaway.containers.container import Container
from seaway.containers.store import ContainerStore
from seaway.containers.task import Status
from seaway.engine.statsframe import Sample, stats_frame
from seaway.kernel import cgroupstats, netstats, worker

INTERVAL_S = 1.0
_CPU_COLUMNS = 8
_QUEUED = 2


class Stats:
    """The samplers under way."""

    def __init__(self, containers: ContainerStore, supervisor: Supervisor) -> None:
        self._containers, self._supervisor = containers, supervisor
        self._listeners: dict[str, set[asyncio.Queue[Sample | None]]] = {}
        self._samplers: dict[str, asyncio.Task[None]] = {}

    async def frames(
        self, container: Container, *, stream: bool = True, one_shot: bool = False
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Without `stream` one frame: after two samples, so that there is a CPU share, or at once with `one_shot`."""
        if stream and one_shot:
            raise InvalidParameter("cannot have stream=true and one-shot=true")
        if not stream and container.task.status not in (Status.RUNNING, Status.PAUSED):
            yield stats_frame(container.id, container.name, Sample(), Sample())
        elif one_shot:
            yield stats_frame(container.id, container.name, await self._sample(container), Sample())
        else:
            async with aclosing(self._listen(container, stream=stream)) as frames:
                async for frame in frames:
                    yield frame

    async def _listen(self, container: Container, *, stream: bool) -> AsyncGenerator[dict[str, Any], None]:
        before, is_first = Sample(), True
        async with self._subscribed(container.id) as queue:
            while (sample := await queue.get()) is not None:
                if stream or not is_first:
                    yield stats_frame(container.id, container.name, sample, before)
                    if not stream:
                        return
                before, is_first = sample, False

    @asynccontextmanager
    async def _subscribed(self, container_id: str) -> AsyncIterator["asyncio.Queue[Sample | None]"]:
        queue: asyncio.Queue[Sample | None] = asyncio.Queue(_QUEUED)
        listeners = self._listeners.setdefault(container_id, set())
        listeners.add(queue)
        if container_id not in self._samplers:
            work = self._collect(container_id, listeners)
            self._samplers[container_id] = self._supervisor.spawn(work, f"stats {container_id[:12]}", service=True)
        try:
            yield queue
        finally:
            listeners.discard(queue)
            if not listeners and self._listeners.get(container_id) is listeners:
                self._forget(container_id).cancel()

    def _forget(self, container_id: str) -> "asyncio.Task[None]":
        del self._listeners[container_id]
        return self._samplers.pop(container_id)

    async def _collect(self, container_id: str, listeners: "set[asyncio.Queue[Sample | None]]") -> None:
        """Until the last listener leaves, or the container is removed."""
        try:
            while True:
                sample = await self._sample(self._containers.get(container_id))
                for queue in listeners:
                    _offer(queue, sample)
                await asyncio.sleep(INTERVAL_S)
        except NotFound:
            pass
        finally:
            if self._listeners.get(container_id) is listeners:
                self._forget(container_id)
            for queue in listeners:
                _offer(queue, None)

    async def _sample(self, container: Container) -> Sample:
        if container.task.status not in (Status.RUNNING, Status.PAUSED):
            return Sample()
        networks = container.host_config.network_mode not in ("host", "none")
        try:
            return await worker.run_blocking(take_sample, container.task.pid, container.id, with_networks=networks)
        except (FileNotFoundError, ProcessLookupError):
            return Sample()  # it ended just now


def _offer(queue: "asyncio.Queue[Sample | None]", sample: Sample | None) -> None:
    """A listener that is too slow misses the oldest ones."""
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(sample)


def take_sample(pid: int, container_id: str, *, with_networks: bool) -> Sample:
    """Blocks. Raises FileNotFoundError, ProcessLookupError where the process is gone."""
    usage = cgroupstats.read_usage(pid, container_id)
    interfaces = netstats.read_interfaces(pid) if with_networks else None
    return Sample(
        at=clock.now(),
        usage=usage,
        system_ns=parse_system_ns(Path("/proc/stat").read_text()),
        cpus=len(os.sched_getaffinity(0)),
        machine_memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        interfaces=interfaces,
    )


def parse_system_ns(stat: str) -> int:
    """The text of /proc/stat -> what all CPUs did together, idling included."""
    columns = stat.split("\n", 1)[0].split()[1 : 1 + _CPU_COLUMNS]
    return sum(map(int, columns)) * cgroupstats.TICK_NS
