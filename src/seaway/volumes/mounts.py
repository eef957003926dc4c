"""Which volumes are mounted, and for whom. A driver hears of every user; its first and last matter to it."""

from collections.abc import Callable
from pathlib import Path

from seaway.base.errors import EngineError, SystemFailure
from seaway.base.locks import KeyedLocks
from seaway.kernel.worker import run_blocking
from seaway.volumes import copyup
from seaway.volumes.driver import LOCAL, Volume
from seaway.volumes.drivers import VolumeDrivers


class VolumeMounts:
    """`find` raises NoSuchVolume. `locks` are the store's, one for each volume."""

    def __init__(self, drivers: VolumeDrivers, find: Callable[[str], Volume], locks: KeyedLocks) -> None:
        self._drivers, self._find, self._locks = drivers, find, locks
        self._users: dict[str, dict[str, str]] = {}  # name -> user -> driver

    async def mount(self, name: str, user: str) -> Path:
        """The directory to bind into the container `user`; `unmount` undoes it."""
        async with self._locks.hold(name):
            return await self._mount(self._find(name), user)

    async def _mount(self, volume: Volume, user: str) -> Path:
        try:
            backend = await run_blocking(self._drivers.get, volume.driver)
            path = await run_blocking(backend.mount, volume.name, user)
        except EngineError as err:
            raise SystemFailure(f"error while mounting volume '{volume.mountpoint}': {err}") from err
        self._users.setdefault(volume.name, {})[user] = volume.driver
        return path

    async def unmount(self, name: str, user: str) -> bool:
        """False where `user` had it not mounted."""
        async with self._locks.hold(name):
            if user not in self._users.get(name, ()):
                return False
            await self._unmount(name, user)
            return True

    async def _unmount(self, name: str, user: str) -> None:
        users = self._users[name]
        driver = users.pop(user)
        if not users:
            del self._users[name]
        backend = await run_blocking(self._drivers.get, driver)
        await run_blocking(backend.unmount, name, user)

    async def fill(self, name: str, user: str, rootfs: Path, destination: str) -> bool:
        """Fill an empty volume from a directory of the image; see `copyup`."""
        user = f"{user}-fill"
        async with self._locks.hold(name):
            volume = self._find(name)
            staged = volume.driver == LOCAL and not volume.options and name not in self._users
            path = await self._mount(volume, user)
            try:
                return await run_blocking(copyup.copy_up, rootfs, destination, path, staged=staged)
            except NotADirectoryError as exc:
                raise SystemFailure(f"source {rootfs}{destination} is not directory") from exc
            except OSError as exc:
                raise SystemFailure(
                    f"failed to copy the image's {destination}: {(exc.strerror or '').lower()}"
                ) from exc
            finally:
                await self._unmount(name, user)
