"""Containers' records, in a store of their own."""

import asyncio
from pathlib import Path

from seaway.base.ids import new_id
from seaway.containers.container import Container
from seaway.containers.store import ContainerStore
from seaway.model.container import ContainerConfig, HostConfig
from seaway.model.network import EndpointRecord


def container(name: str, host: HostConfig | None = None, *, driver: str = "overlay2", address: str = "") -> Container:
    """`address`: on the default bridge."""
    return Container(
        id=new_id(),
        name=name,
        created="",
        path="true",
        args=[],
        config=ContainerConfig(),
        host_config=host or HostConfig(),
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
