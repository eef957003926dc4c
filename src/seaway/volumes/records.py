"""What is known of each volume, in memory for readers, who take no lock, and in `seaway/volumes.db`.

A local volume's row without a directory means nothing; a directory without a row (dockerd made it) is a volume all the
same, with the options of its opts.json. Other drivers' volumes are there when their row is.
"""

from collections.abc import Collection, Iterable
from pathlib import Path

from seaway.base.clock import format_time, now_ns
from seaway.kernel.worker import run_blocking
from seaway.volumes import copyup
from seaway.volumes.driver import LOCAL, NoSuchVolume, Volume
from seaway.volumes.local import LocalDriver
from seaway.volumes.metadata import VolumeMetadata


class VolumeRecords:
    def __init__(self, database: Path, local: LocalDriver) -> None:
        self._metadata = VolumeMetadata(database)
        known = {v.name: v for v in self._metadata.all()}
        self._volumes = {v.name: v for v in known.values() if v.driver != LOCAL}
        directories = local.names()
        for name in {v.name for v in known.values() if v.driver == LOCAL} - set(directories):
            self._metadata.delete(name)
        for name in directories:
            copyup.remove_leftover(local.directory(name))
            self._volumes[name] = known.get(name) or _found(local, name)
        self._missing: set[str] = set()

    def find(self, name: str) -> Volume | None:
        return None if name in self._missing else self._volumes.get(name)

    def get(self, name: str) -> Volume:
        if volume := self.find(name):
            return volume
        raise NoSuchVolume(name)

    def all(self) -> list[Volume]:
        return [volume for name, volume in self._volumes.items() if name not in self._missing]

    async def write(self, volume: Volume) -> None:
        """On the disk; nobody sees it before `show`."""
        await run_blocking(self._metadata.put, volume)

    def show(self, volume: Volume) -> None:
        self._volumes[volume.name] = volume
        self._missing.discard(volume.name)

    async def forget(self, name: str) -> None:
        await run_blocking(self._metadata.delete, name)
        self._volumes.pop(name, None)
        self._missing.discard(name)

    def learn(self, found: Iterable[Volume], lost: Collection[str]) -> None:
        """What a driver has now. What it lost is not shown until the driver has it again, with its labels."""
        now = {volume.name: volume for volume in found}
        self._missing = self._missing.difference(now).union(lost)
        self._volumes = now | self._volumes


def second_now() -> str:
    return _seconds(now_ns())


def _found(local: LocalDriver, name: str) -> Volume:
    path = local.directory(name)
    created_at = _seconds(int(path.parent.stat().st_mtime) * 1_000_000_000)
    return Volume(name, LOCAL, str(path), created_at, options=local.options(name))


def _seconds(ns: int) -> str:
    return format_time(ns // 1_000_000_000 * 1_000_000_000)
