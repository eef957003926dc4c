"""One sampler for however many listeners, and the frames that dockerd would send."""

import asyncio
from contextlib import aclosing
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from seaway.base.errors import InvalidParameter, NotFound
from seaway.base.supervisor import Supervisor
from seaway.containers.task import Status, Task
from seaway.engine import stats
from seaway.engine.stats import Stats, parse_system_ns
from seaway.engine.statsframe import Sample, stats_frame
from seaway.kernel.cgroupstats import CgroupUsage, CpuUsage, IoEntry, MemoryUsage

V1 = CgroupUsage(
    cpu=CpuUsage(total_ns=30, kernel_ns=10, user_ns=20, per_cpu_ns=(10, 20)),
    memory=MemoryUsage(usage=5, max_usage=7, limit=2**63, stats={"hierarchical_memory_limit": 9, "cache": 1}),
    pids=3,
    pids_limit=0,
    io={"io_service_bytes_recursive": (IoEntry(8, 0, "Read", 4096),), "io_serviced_recursive": ()},
)
V2 = CgroupUsage(
    cpu=CpuUsage(total_ns=30),
    memory=MemoryUsage(usage=5, limit=2**64 - 1, failures=2, stats={"anon": 1, "slab_reclaimable": 2, "zswap": 3}),
    pids=3,
    pids_limit=40,
    io={"io_service_bytes_recursive": ()},
)


def frame(usage: CgroupUsage | None) -> dict[str, Any]:
    sample = Sample(at="2026-11-24T09:00:01Z", usage=usage, system_ns=100, cpus=2, machine_memory=1 << 30)
    return stats_frame("abc", "box", sample, Sample())


def test_v1() -> None:
    found = frame(V1)
    assert found["cpu_stats"]["cpu_usage"]["percpu_usage"] == [10, 20]
    assert found["memory_stats"]["limit"] == 1 << 30
    assert (found["memory_stats"]["max_usage"], found["memory_stats"]["stats"]["total_cache"]) == (7, 0)
    assert found["pids_stats"] == {"current": 3}
    assert found["blkio_stats"]["io_service_bytes_recursive"] == [{"major": 8, "minor": 0, "op": "Read", "value": 4096}]
    assert found["precpu_stats"] == frame(None)["precpu_stats"]


def test_v2_has_its_own_names_and_lacks_what_that_kernel_does_not_count() -> None:
    found = frame(V2)
    assert "percpu_usage" not in found["cpu_stats"]["cpu_usage"]
    assert "max_usage" not in found["memory_stats"]
    assert found["memory_stats"]["failcnt"] == 2
    assert (found["memory_stats"]["stats"]["slab"], "zswap" in found["memory_stats"]["stats"]) == (2, False)
    assert found["pids_stats"] == {"current": 3, "limit": 40}
    assert found["blkio_stats"]["io_service_bytes_recursive"] == []
    assert found["blkio_stats"]["io_merged_recursive"] is None


def test_the_time_of_all_cpus() -> None:
    assert parse_system_ns("cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 1\n") == 36 * 10**7


class Containers:
    def __init__(self) -> None:
        task = Task(status=Status.RUNNING, pid=1)
        host = SimpleNamespace(network_mode="bridge")
        self.box: Any = SimpleNamespace(id="abc", name="box", task=task, host_config=host)

    def get(self, container_id: str) -> Any:
        if self.box is None:
            raise NotFound(container_id)
        return self.box


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The pids of which a sample was taken."""
    taken: list[int] = []

    def take(pid: int, container_id: str, *, with_networks: bool) -> Sample:
        taken.append(pid)
        return Sample(at=f"2026-11-24T09:00:{len(taken):02d}Z", usage=V1)

    monkeypatch.setattr(stats, "take_sample", take)
    monkeypatch.setattr(stats, "INTERVAL_S", 0.01)
    return taken


async def test_listeners_share_a_sampler_that_ends_with_the_last(taken: list[int]) -> None:
    containers, supervisor = Containers(), Supervisor()
    sampler = Stats(containers, supervisor)  # type: ignore[arg-type]

    async def listen(frames: int) -> list[str]:
        seen: list[str] = []
        async with aclosing(sampler.frames(containers.box)) as stream:
            async for each in stream:
                seen.append(each["read"])
                if len(seen) == frames:
                    break
        return seen

    async with asyncio.TaskGroup() as group:
        first, second = (group.create_task(listen(5)) for _ in range(2))
    assert first.result() == second.result()
    assert len(taken) <= 6
    assert not sampler._samplers
    count = len(taken)
    await asyncio.sleep(0.05)
    assert len(taken) == count
    await supervisor.close()


async def test_one_frame_needs_two_samples_or_one(taken: list[int]) -> None:
    containers, supervisor = Containers(), Supervisor()
    sampler = Stats(containers, supervisor)  # type: ignore[arg-type]
    frames = [each async for each in sampler.frames(containers.box, stream=False)]
    assert (len(frames), len(taken), frames[0]["preread"]) == (1, 2, "2026-11-24T09:00:01Z")
    frames = [each async for each in sampler.frames(containers.box, stream=False, one_shot=True)]
    assert (len(frames), len(taken), frames[0]["preread"]) == (1, 3, "0001-01-01T00:00:00Z")
    with pytest.raises(InvalidParameter, match="cannot have stream=true and one-shot=true"):
        await anext(sampler.frames(containers.box, one_shot=True))
    await supervisor.close()


async def test_a_removed_container_ends_the_stream_and_a_stopped_one_gives_zeros(taken: list[int]) -> None:
    containers, supervisor = Containers(), Supervisor()
    sampler = Stats(containers, supervisor)  # type: ignore[arg-type]
    stream = sampler.frames(containers.box)
    assert (await anext(stream))["pids_stats"] == {"current": 3}
    containers.box.task = msgspec.structs.replace(containers.box.task, status=Status.EXITED)
    while (await anext(stream))["pids_stats"]:
        pass
    containers.box = None
    assert [each async for each in stream if each["pids_stats"]] == []
    await supervisor.close()
