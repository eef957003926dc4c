"""Docker's container events: their attributes are the image, the name and the labels (inventory A17)."""

from seaway.containers.container import Container
from seaway.engine.context import Engine


def container_event(engine: Engine, container: Container, action: str, **attributes: str) -> None:
    labels = container.config.labels or {}
    known = {"image": container.config.image, "name": container.name}
    engine.events.publish("container", action, container.id, {**labels, **known, **attributes})
