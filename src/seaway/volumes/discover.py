"""What drivers beside the local one have, which may change without the engine."""

from seaway.base.errors import EngineError
from seaway.kernel.worker import run_blocking
from seaway.volumes.driver import LOCAL, Volume, VolumeDriver
from seaway.volumes.drivers import VolumeDrivers
from seaway.volumes.records import VolumeRecords


async def discover(drivers: VolumeDrivers, records: VolumeRecords) -> list[str]:
    """The records know it afterwards. Returns the drivers' complaints."""
    complaints = []
    for name, driver in (await run_blocking(drivers.others)).items():
        known = {volume.name for volume in records.all() if volume.driver == name}
        try:
            found = await run_blocking(_volumes_of, name, driver, records)
        except EngineError as err:
            complaints.append(f"list volumes of driver {name}: {err}")
            continue
        records.learn(found, lost=known.difference(volume.name for volume in found))
    return complaints


async def is_there(drivers: VolumeDrivers, volume: Volume) -> bool:
    """Whether its driver still has it."""
    if volume.driver == LOCAL:
        return True
    backend = await run_blocking(drivers.get, volume.driver)
    return volume.name in await run_blocking(backend.names)


def _volumes_of(name: str, driver: VolumeDriver, records: VolumeRecords) -> list[Volume]:
    return [
        records.find(volume) or Volume(volume, name, driver.path(volume), "", scope=driver.scope)
        for volume in driver.names()
    ]
