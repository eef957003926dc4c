"""What the engine tells Prometheus, collected from its parts."""

from collections.abc import Callable

from seaway.base.dockerversion import DOCKER_VERSION
from seaway.engine.context import Engine
from seaway.engine.metrics import Counted, exposition
from seaway.events.bus import EventBus
from seaway.system.version import EngineVersion


def metrics_text(
    engine: Engine, events: EventBus, version: EngineVersion, engine_id: str, storage_driver: str
) -> Callable[[], str]:
    host = engine.host
    info = {
        "architecture": host.machine,
        "commit": version.seaway,
        "daemon_id": engine_id,
        "graphdriver": storage_driver,
        "kernel": host.kernel,
        "os": host.operating_system,
        "os_type": "linux",
        "os_version": host.os_version,
        "version": DOCKER_VERSION,
    }

    def text() -> str:
        containers = tuple(engine.containers.all())
        counted = Counted(containers, events.published, events.listeners, host.cpus, host.memory_bytes, info)
        return exposition(engine.metrics, counted)

    return text
