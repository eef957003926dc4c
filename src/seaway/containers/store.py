"""Every container, in memory and under `<data-root>/containers`.

    containers/<id>/config.v2.json     what the container is and how its last run went   (0600)
                    hostconfig.json    what it asks of the host                          (0600)

    seaway/new/<id>/                   one in the making: a rename to `containers` commits it
                    volumes            the anonymous ones that are being made for it

What lies in `new` when an engine starts is what a killed one was making. Reads take no lock and never wait: a record
is a frozen value. `update` is the only way to change one.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from seaway.base import gojson
from seaway.base.errors import InvalidParameter, NotFound
from seaway.base.failpoints import failpoint
from seaway.base.ids import is_full_id
from seaway.base.locks import KeyedLocks
from seaway.containers.container import ConfigOnDisk, Container, from_disk, to_disk
from seaway.containers.names import NameIndex, NameInUse
from seaway.kernel import files, worker
from seaway.model.container import HostConfig
from seaway.model.links import parse_link

log = logging.getLogger(__name__)
NOT_RESTORED = "not restoring container %s because it was created with another storage driver (%s)"


class NoSuchContainer(NotFound):
    def __init__(self, name: str) -> None:
        super().__init__(f"No such container: {name}")


class ContainerStore:
    def __init__(self, root: Path) -> None:
        self.root = root / "containers"
        self._staging = root / "seaway" / "new"
        self.abandoned_volumes: list[str] = []
        self.names = NameIndex()
        self._containers: dict[str, Container] = {}
        self._writes = KeyedLocks()

    def directory(self, container_id: str) -> Path:
        return self.root / container_id

    def all(self) -> list[Container]:
        """Newest first, as clients list them."""
        return sorted(self._containers.values(), key=lambda c: c.created, reverse=True)

    def get(self, container_id: str) -> Container:
        try:
            return self._containers[container_id]
        except KeyError:
            raise NoSuchContainer(container_id) from None

    def find(self, name: str) -> Container:
        """By full ID, then by name, by the name that a link gives, then by unique ID prefix."""
        if not name:
            raise InvalidParameter('invalid name or ID supplied: ""')
        if is_full_id(name) and name in self._containers:
            return self._containers[name]
        if holder := self.names.find(name):
            return self.get(holder)
        if "/" in name.removeprefix("/"):
            return self._linked(name)
        matches = [c for i, c in self._containers.items() if i.startswith(name)]
        if len(matches) > 1:
            raise InvalidParameter(f"multiple IDs found with provided prefix: {name}")
        if not matches:
            raise NoSuchContainer(name)
        return matches[0]

    def _linked(self, name: str) -> Container:
        """`web/db`: what web knows as db."""
        parent, _, wanted = name.rpartition("/")
        if holder := self.names.find(parent):
            for child, alias in map(parse_link, self.get(holder).host_config.links or ()):
                if alias == wanted:
                    return self.find(child)
        raise NoSuchContainer(name)

    async def announce(self, container_id: str, volumes: Sequence[str]) -> None:
        """What is about to be made for a container that is not there yet; see `abandoned_volumes`."""
        if volumes:
            await worker.run_blocking(self._write_announced, container_id, volumes)

    async def add(self, container: Container) -> None:
        """Its name must have been reserved."""
        await worker.run_blocking(self._write_new, container)
        self._containers[container.id] = container

    async def update(
        self, container_id: str, change: Callable[[Container], Container], *, durable: bool = False
    ) -> Container:
        """Replace, then persist. What adoption can derive after a crash is written without fsync.

        Of several at once each writes the newest record: an older one never comes to lie over it.
        """
        old = self.get(container_id)
        new = change(old)
        self._containers[container_id] = new
        host_config_changed = new.host_config is not old.host_config
        async with self._writes.hold(container_id):
            if newest := self._containers.get(container_id):
                await worker.run_blocking(self._write, newest, durable=durable, host_config=host_config_changed)
        return new

    async def remove(self, container_id: str, trash: Path) -> Path | None:
        """Gone for every reader and on disk; returns what is left to be emptied."""
        async with self._writes.hold(container_id):
            gone = await worker.run_blocking(files.move_to_trash, self.directory(container_id), trash)
            container = self._containers.pop(container_id, None)
        if container and self.names.find(container.name) == container_id:
            self.names.release(container.name)
        return gone

    def load(self, driver: str) -> int:
        """Read every container of the storage driver; one that cannot be read is logged and left alone. Returns how
        many there are."""
        self.abandoned_volumes = self._abandoned_volumes()
        files.empty_trash(self._staging)
        for directory in self._directories():
            try:
                container = self._read(directory)
                if container.driver == driver:
                    self._admit(container)
                else:
                    log.warning(NOT_RESTORED, container.id, container.driver)
            except (OSError, msgspec.MsgspecError, NameInUse, ValueError) as failure:
                log.error("failed to load container %s: %s", directory.name, failure)
        return len(self._containers)

    def _directories(self) -> Iterator[Path]:
        self.root.mkdir(mode=0o710, parents=True, exist_ok=True)
        return (d for d in sorted(self.root.iterdir()) if is_full_id(d.name))

    def _read(self, directory: Path) -> Container:
        disk = gojson.decode((directory / "config.v2.json").read_bytes(), ConfigOnDisk)
        if disk.id != directory.name:
            raise ValueError(f"Container {disk.id} is stored at {directory.name}")
        return from_disk(disk, gojson.decode((directory / "hostconfig.json").read_bytes(), HostConfig))

    def _admit(self, container: Container) -> None:
        if container.name:
            self.names.reserve(container.name, container.id)
        else:
            container = msgspec.structs.replace(container, name=self.names.generate(container.id))
        self._containers[container.id] = container

    def _write_announced(self, container_id: str, volumes: Sequence[str]) -> None:
        staged = self._staging / container_id
        staged.mkdir(mode=0o710, parents=True, exist_ok=True)
        files.replace_file_lazily(staged / "volumes", msgspec.json.encode(volumes))

    def _abandoned_volumes(self) -> list[str]:
        announced = self._staging.glob("*/volumes")
        return [name for file in announced for name in msgspec.json.decode(file.read_bytes(), type=list[str])]

    def _write_new(self, container: Container) -> None:
        staged = self._staging / container.id
        staged.mkdir(mode=0o710, parents=True, exist_ok=True)
        self._write_files(staged, container, durable=False, host_config=True)
        files.fsync_tree(staged)
        failpoint("create: staged")
        staged.rename(self.directory(container.id))
        (self.directory(container.id) / "volumes").unlink(missing_ok=True)
        files.fsync_directory(self.root)

    def _write(self, container: Container, *, durable: bool, host_config: bool) -> None:
        self._write_files(self.directory(container.id), container, durable=durable, host_config=host_config)

    @staticmethod
    def _write_files(directory: Path, container: Container, *, durable: bool, host_config: bool) -> None:
        if host_config:
            data = gojson.encode(container.host_config)
            files.replace_file(directory / "hostconfig.json", data, durable=durable)
        files.replace_file(directory / "config.v2.json", gojson.encode(to_disk(container)), durable=durable)
