"""Limits of a running container's bandwidth, changed by its update."""

from collections.abc import Mapping

import msgspec

from seaway.base.errors import InvalidParameter, NotFound
from seaway.engine.context import Engine
from seaway.engine.endpoints import validate_endpoint
from seaway.engine.joining import recorded
from seaway.model.network import EndpointSettings
from seaway.networks.rates import RX, TX

Endpoints = Mapping[str, EndpointSettings | None]
NONE: Endpoints = {}


async def limit_endpoints(engine: Engine, container_id: str, endpoints: Endpoints) -> None:
    """At once where the container runs, else at its next start. An empty rate is no limit."""
    for name, wish in endpoints.items():
        await _limit(engine, container_id, name, wish or EndpointSettings())


async def _limit(engine: Engine, container_id: str, name: str, wish: EndpointSettings) -> None:
    container, network = engine.containers.get(container_id), engine.networks.controller.find(name)
    record = container.endpoints.get(network.name)
    if record is None:
        raise NotFound(f"container {container.name} is not connected to network {network.name}")
    asked = wish.driver_opts or {}
    if not set(asked) <= {RX, TX} or wish != EndpointSettings(driver_opts=wish.driver_opts):
        raise InvalidParameter(f"of an endpoint only the driver options {RX} and {TX} can be updated")
    options = {name: value for name, value in {**(record.driver_opts or {}), **asked}.items() if value}
    changed = msgspec.structs.replace(record, driver_opts=options)
    validate_endpoint(network, network.name, changed.wish())
    changes = {"endpoints": {**container.endpoints, network.name: changed}}
    if engine.networks.controller.sandbox(container_id):
        sandbox = await engine.networks.controller.live.limit(container_id, network.name, options)
        joined = recorded(msgspec.structs.replace(container, **changes), sandbox)
        changes = {"endpoints": joined.endpoints}
    await engine.containers.update(container_id, lambda c: msgspec.structs.replace(c, **changes), durable=True)
