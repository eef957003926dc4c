import asyncio
from pathlib import Path

import msgspec
import pytest

from seaway.base.ids import new_id
from seaway.containers.container import Container
from seaway.containers.store import ContainerStore, NoSuchContainer
from seaway.containers.task import Task
from seaway.engine.links import environment_of_links
from seaway.model.container import ContainerConfig, HostConfig
from seaway.model.network import EndpointRecord


def container(name: str, *, driver: str = "overlay2", links: list[str] | None = None, address: str = "") -> Container:
    return Container(
        id=new_id(),
        name=name,
        created="",
        path="true",
        args=[],
        config=ContainerConfig(),
        host_config=HostConfig(links=links),
        image="",
        driver=driver,
        endpoints={"bridge": EndpointRecord(ip_address=address)} if address else {},
    )


def stored(root: Path, *containers: Container) -> ContainerStore:
    store = ContainerStore(root)
    store.load("overlay2")

    async def add() -> None:
        for each in containers:
            store.names.reserve(each.name, each.id)
            await store.add(each)

    asyncio.run(add())
    return store


def test_the_containers_of_another_storage_driver_are_left_alone(tmp_path: Path) -> None:
    kept, other = container("kept"), container("other", driver="vfs")
    stored(tmp_path, kept, other)
    again = ContainerStore(tmp_path)
    assert again.load("overlay2") == 1
    assert again.find("kept").id == kept.id
    with pytest.raises(NoSuchContainer):
        again.find("other")
    assert again.directory(other.id).is_dir()
    assert ContainerStore(tmp_path).load("vfs") == 1


def test_an_exec_has_the_links_that_lead_somewhere(tmp_path: Path) -> None:
    running = msgspec.structs.replace(container("db", address="172.17.0.2"), task=running_task())
    web = container("web", links=["db:store", "gone:x", "ended"], address="172.17.0.3")
    store = stored(tmp_path, running, container("ended", address="172.17.0.4"), web)
    assert environment_of_links(web, store) == ["STORE_NAME=/web/store"]
    assert environment_of_links(msgspec.structs.replace(web, endpoints={}), store) == []


def running_task() -> Task:
    return Task().started(1, "2026-01-01T00:00:00Z")
