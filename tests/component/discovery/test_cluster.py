"""Engines of a cluster, with a real etcd between them."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from conformance.certificates import Authority
from seaway.base.errors import EngineError
from seaway.base.supervisor import Supervisor
from seaway.config.cluster import ClusterConfig
from seaway.discovery.cluster import Cluster, NoCluster
from seaway.discovery.etcd import StoreUnreachable
from suites.etcd import Etcd, Tls, free_port, running_etcd

NODES = "test/docker/nodes/"
NETWORKS = "test/seaway/network/v1/"


@pytest.fixture
def etcd(tmp_path: Path) -> Iterator[Etcd]:
    with running_etcd(tmp_path) as etcd:
        yield etcd


def config(etcd: Etcd, number: int = 1, **changes: int) -> ClusterConfig:
    default = ClusterConfig((etcd.address,), "test", f"192.0.2.{number}:2376", heartbeat_s=1, ttl_s=2)
    return replace(default, **changes)


@asynccontextmanager
async def engine(etcd: Etcd, number: int = 1, **changes: int) -> AsyncIterator[Cluster]:
    supervisor = Supervisor()
    cluster = Cluster(f"engine{number}", supervisor)
    await cluster.use(config(etcd, number, **changes))
    try:
        yield cluster
    finally:
        await cluster.close()
        await supervisor.close()


def value(number: int, what: str = "") -> str:
    return json.dumps({"Engine": f"engine{number}", "What": what})


async def until(holds: Callable[[], bool], *, timeout_s: float = 20) -> None:
    async with asyncio.timeout(timeout_s):
        while not holds():
            await asyncio.sleep(0.02)


@dataclass
class Heard:
    keys: list[frozenset[str]] = field(default_factory=list)

    def placed(self, advertise: str) -> None:
        raise AssertionError("it is in its cluster already")

    def changed(self, keys: frozenset[str]) -> None:
        if keys:
            self.keys.append(keys)


async def test_engines_see_each_other_and_one_that_leaves_is_gone_at_once(etcd: Etcd) -> None:
    async with engine(etcd, 1) as one:
        async with engine(etcd, 2) as two:
            await two.ready()
            await until(lambda: one.nodes.all() == ["192.0.2.1:2376", "192.0.2.2:2376"])
        await until(lambda: one.nodes.all() == ["192.0.2.1:2376"])
        assert etcd.keys(NODES) == [NODES + "192.0.2.1:2376"]


async def test_what_one_holds_the_others_see_and_nobody_takes(etcd: Etcd) -> None:
    heard = Heard()
    async with engine(etcd, 1) as one, engine(etcd, 2) as two:
        two.listen(heard)
        await two.ready()
        assert await one.holdings.hold({"a": value(1), "b": value(1)})
        assert not await two.holdings.hold({"b": value(2), "c": value(2)})
        await until(lambda: two.entries.keys() == {"a", "b"})
        await one.holdings.release(["a", "b"])
        await until(lambda: not two.entries)
        assert await two.holdings.hold({"b": value(2)})
    assert heard.keys[0] == {"a", "b"}


async def test_an_engine_that_dies_leaves_nothing_after_its_lease(etcd: Etcd) -> None:
    async with engine(etcd, 1) as one:
        supervisor = Supervisor()
        dying = Cluster("engine2", supervisor)
        await dying.use(config(etcd, 2))
        assert await dying.holdings.hold({"a": value(2)})
        await supervisor.close()  # no farewell: its tasks just end
        await until(lambda: "a" in one.entries)
        await until(lambda: not one.entries and one.nodes.all() == ["192.0.2.1:2376"])


async def test_a_store_that_is_away_is_named_and_after_its_return_all_is_held_again(etcd: Etcd, tmp_path: Path) -> None:
    async with engine(etcd) as one:
        assert await one.holdings.hold({"a": value(1), "b": value(1)})
        etcd.kill()
        await until(lambda: one.failure is not None)
        with pytest.raises(StoreUnreachable, match=f"the cluster store etcd://{etcd.address} cannot be reached: "):
            await one.holdings.hold({"c": value(1)})
        await one.holdings.release(["b"])
        etcd.data = tmp_path / "another"  # with all that the old one knew, the leases too
        etcd.start()
        await until(lambda: etcd.keys(NETWORKS) == [NETWORKS + "a"])
        await until(lambda: one.failure is None)
        assert etcd.keys(NODES) == [NODES + "192.0.2.1:2376"]


async def test_a_frozen_store_costs_the_lease_and_a_thawed_one_gives_a_new_one(etcd: Etcd) -> None:
    async with engine(etcd) as one:
        assert await one.holdings.hold({"a": value(1)})
        etcd.freeze()
        await until(lambda: one.failure is not None)
        assert "no answer in time" in str(one.failure)
        etcd.thaw()
        await until(lambda: one.failure is None)
        await until(lambda: etcd.keys(NETWORKS) == [NETWORKS + "a"])


async def test_a_new_engine_takes_over_what_the_last_one_held_and_sweeps_the_rest(etcd: Etcd) -> None:
    supervisor = Supervisor()
    last = Cluster("engine1", supervisor)
    await last.use(config(etcd, ttl_s=60))
    assert await last.holdings.hold({"runs": value(1), "ended": value(1)})
    await supervisor.close()
    supervisor = Supervisor()
    new = Cluster("engine1", supervisor)
    new.holdings.adopt({"runs": value(1, "moved")})
    await new.use(config(etcd, ttl_s=60))
    await new.ready()
    assert etcd.keys(NETWORKS) == [NETWORKS + "runs"]
    await until(lambda: new.entries == {"runs": value(1, "moved")})
    await new.close()
    await supervisor.close()


async def test_a_key_that_another_engine_took_meanwhile_stays_its_own(
    etcd: Etcd, caplog: pytest.LogCaptureFixture
) -> None:
    async with engine(etcd, 2) as two:
        assert await two.holdings.hold({"a": value(2)})
        supervisor = Supervisor()
        one = Cluster("engine1", supervisor)
        one.holdings.adopt({"a": value(1)})
        await one.use(config(etcd, 1))
        await one.ready()
        await until(lambda: "a" in one.entries)
        assert one.entries["a"] == value(2)
        assert "a is held by engine engine2 now" in caplog.text
        await one.close()
        await supervisor.close()


async def test_another_cluster_after_a_reload(etcd: Etcd, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    with running_etcd(tmp_path / "b") as other:
        async with engine(etcd) as one:
            assert await one.holdings.hold({"a": value(1)})
            await one.use(config(other))
            await one.ready()
            assert etcd.keys() == []
            assert other.keys(NETWORKS) == [NETWORKS + "a"]
            await one.use(None)
            assert other.keys() == []
            with pytest.raises(NoCluster):
                await one.holdings.hold({"b": value(1)})


async def test_two_that_race_for_a_key_never_both_have_it(etcd: Etcd) -> None:
    async with engine(etcd, 1) as one, engine(etcd, 2) as two:
        for number in range(50):
            key = f"k{number}"
            async with asyncio.TaskGroup() as group:
                first = group.create_task(one.holdings.hold({key: value(1)}))
                second = group.create_task(two.holdings.hold({key: value(2)}))
            assert [first.result(), second.result()].count(True) == 1


async def test_an_interface_that_is_not_there_is_refused(etcd: Etcd) -> None:
    supervisor = Supervisor()
    cluster = Cluster("engine1", supervisor)
    with pytest.raises(EngineError, match=r"invalid cluster advertise IP address or interface name \(nix0:1\)"):
        await cluster.use(ClusterConfig((etcd.address,), advertise="nix0:1"))
    with pytest.raises(EngineError, match="could not find a valid ip-address in interface lo:1"):
        await cluster.use(ClusterConfig((etcd.address,), advertise="lo:1"))
    await cluster.close()


async def test_a_store_behind_tls_lets_in_whom_the_authority_knows(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "tls", "127.0.0.1")
    authority.issue("server")
    authority.issue("client")
    ca, certificate, key = (authority.folder / name for name in ("ca.cert", "server.cert", "server.key"))
    tls = Tls(f"127.0.0.1:{free_port()}", ca, certificate, key)
    with running_etcd(tmp_path, tls=tls) as etcd:
        known = replace(config(etcd), servers=(tls.address,), ca=str(ca))
        mine = {"certificate": str(authority.folder / "client.cert"), "key": str(authority.folder / "client.key")}
        supervisor = Supervisor()
        cluster = Cluster("engine1", supervisor)
        await cluster.use(replace(known, **mine))
        assert await cluster.holdings.hold({"a": value(1)})
        assert etcd.keys(NETWORKS) == [NETWORKS + "a"]
        await cluster.use(known)
        with pytest.raises(StoreUnreachable, match=r"cannot be reached: .*(certificate required|bad certificate)"):
            await cluster.ready()
        with pytest.raises(EngineError, match="discovery initialization failed"):
            await cluster.use(replace(known, ca=str(tmp_path / "none")))
        await cluster.close()
        await supervisor.close()
