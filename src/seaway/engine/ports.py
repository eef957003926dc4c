"""What the engine's verbs need of the subsystems below, as small Protocols; the composition root fills them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from seaway.model.container import ContainerConfig


class Image(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def config(self) -> ContainerConfig: ...
    @property
    def chain_id(self) -> str | None: ...


class Images(Protocol):
    def resolve(self, name: str) -> Image:
        """Raises NotFound: `No such image: x:tag`."""
        ...


class RootFilesystems(Protocol):
    """The read-write layer of each container. Removing an absent one is a no-op."""

    async def create_rw(self, container_id: str, parent: str | None) -> None: ...
    async def mount(self, container_id: str) -> Path: ...
    async def unmount(self, container_id: str) -> None: ...
    async def remove_rw(self, container_id: str) -> None: ...
    def containers(self) -> list[str]: ...
    def graph_data(self, container_id: str) -> dict[str, str]: ...


class Events(Protocol):
    def publish(self, type: str, action: str, actor_id: str, attributes: Mapping[str, str]) -> object: ...
