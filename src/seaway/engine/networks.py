"""The verbs of networks: made, removed, pruned, and containers connected to them and disconnected."""

import msgspec

from seaway.base import clock
from seaway.base.errors import Conflict, EngineError, Forbidden, InvalidParameter, NotFound, Unavailable
from seaway.base.failpoints import failpoint
from seaway.base.filters import Filters
from seaway.containers.container import Container
from seaway.engine.context import Engine
from seaway.engine.endpoints import dns_names, is_user_defined, validate_endpoint
from seaway.engine.joining import recorded
from seaway.images.filters import created_before
from seaway.model.links import parse_link
from seaway.model.network import EndpointSettings, NetworkCreate, new_record
from seaway.networks.network import PREDEFINED, Network

PRUNE_FILTERS = ("label", "label!", "until")
PRUNE = "prune networks"
SHARES_NAMESPACE = (
    "container sharing network namespace with another container or host cannot be connected to any other network"
)


def network_event(engine: Engine, network: Network, action: str, **attributes: str) -> None:
    engine.events.publish("network", action, network.id, {**attributes, "name": network.name, "type": network.driver})


def endpoint_events(engine: Engine, container: Container, action: str) -> None:
    """`connect` or `disconnect` for every network of a container that starts or ends."""
    for name, endpoint in container.endpoints.items():
        try:
            network = engine.networks.controller.find(endpoint.network_id or name)
        except EngineError:
            continue  # removed by force meanwhile
        network_event(engine, network, action, container=container.id)


async def create_network(engine: Engine, request: NetworkCreate) -> Network:
    network = await engine.networks.controller.create(request)
    network_event(engine, network, "create")
    return network


async def remove_network(engine: Engine, name: str) -> None:
    network = engine.networks.controller.find(name)
    await engine.networks.controller.remove(network.id)
    network_event(engine, network, "destroy")


async def prune_networks(engine: Engine, filters: Filters) -> list[str]:
    """Those that no container names, running or not. Returns their names."""
    filters.validate(PRUNE_FILTERS)
    until_ns = created_before(filters)
    if engine.locks.is_held(PRUNE):
        raise Conflict("a prune operation is already running")
    gone = []
    async with engine.locks.hold(PRUNE):
        for network in engine.networks.controller.networks():
            if _is_unwanted(engine, network, filters, until_ns):
                try:
                    await remove_network(engine, network.id)
                except (Forbidden, NotFound, Unavailable):
                    continue  # somebody was quicker, or it is the cluster's, whose store is away
                gone.append(network.name)
    engine.events.publish("network", "prune", "", {"reclaimed": "0"})
    return gone


async def connect(engine: Engine, name: str, container_name: str, wish: EndpointSettings) -> None:
    """A running container gets the device now, another one at its next start: it is not told twice, and the event
    comes when it starts."""
    container_id = engine.containers.find(container_name).id
    async with engine.locks.hold(container_id):
        container = engine.containers.get(container_id)
        network = engine.networks.controller.find(name)
        _refuse_joined_to_others(container, network)
        validate_endpoint(network, network.name, wish)
        if is_user_defined(network.name):
            names = dns_names(container.id, container.name, container.config.hostname, wish.aliases or ())
            wish = msgspec.structs.replace(wish, dns_names=names)
        record = msgspec.structs.replace(new_record(wish), network_id=network.id)
        if container.task.is_running:
            await _connect_live(engine, container, network, record.wish())
            network_event(engine, network, "connect", container=container_id)
        elif network.name not in container.endpoints:
            _refuse_mixed(container, network)
            endpoints = {**container.endpoints, network.name: record}
            await engine.containers.update(
                container_id, lambda c: msgspec.structs.replace(c, endpoints=endpoints), durable=True
            )


async def disconnect(engine: Engine, name: str, container_name: str, *, force: bool = False) -> None:
    try:
        container_id = engine.containers.find(container_name).id
    except NotFound:
        if not force:
            raise
        raise NotFound(f"endpoint {container_name} not found") from None
    async with engine.locks.hold(container_id):
        container = engine.containers.get(container_id)
        network = engine.networks.controller.find(name)
        if container.task.is_running:
            sandbox = await engine.networks.controller.live.detach(container_id, network.id)
            failpoint("disconnect: left")
            joined = recorded(container, sandbox)
            changes = {"endpoints": joined.endpoints, "sandbox": joined.sandbox}
        else:
            if network.name not in container.endpoints:
                raise InvalidParameter(f"container {container_id} is not connected to the network {network.name}")
            changes = {"endpoints": {n: e for n, e in container.endpoints.items() if n != network.name}}
        changed = await engine.containers.update(
            container_id, lambda c: msgspec.structs.replace(c, **changes), durable=True
        )
        failpoint("disconnect: recorded")
        await _rewrite_files(engine, changed)
    network_event(engine, network, "disconnect", container=container_id)


async def _connect_live(engine: Engine, container: Container, network: Network, wish: EndpointSettings) -> None:
    sandbox = await engine.networks.controller.live.attach(container.id, network.id, wish)
    failpoint("connect: joined")
    before = msgspec.structs.replace(container, endpoints={**container.endpoints, network.name: new_record(wish)})
    joined = recorded(before, sandbox)
    changed = await engine.containers.update(
        container.id,
        lambda c: msgspec.structs.replace(c, endpoints=joined.endpoints, sandbox=joined.sandbox),
        durable=True,
    )
    failpoint("connect: recorded")
    await _rewrite_files(engine, changed)


async def _rewrite_files(engine: Engine, container: Container) -> None:
    if container.task.is_running:
        await engine.networks.rewrite_files(container)


async def reopen_links(engine: Engine) -> None:
    """Of the containers that an earlier engine started, once their networks are restored."""
    for container in engine.containers.all():
        if container.task.is_running:
            try:
                await engine.networks.open_links(container)
            except EngineError:
                continue  # one of its links is down


async def refresh_parents(engine: Engine, child: Container) -> None:
    """Containers that are linked to `child` on the default bridge hear of its new address."""
    if "bridge" not in child.endpoints:
        return
    for parent in engine.containers.all():
        links = [parse_link(link)[0] for link in parent.host_config.links or ()]
        if parent.task.is_running and any(child.id.startswith(name) or name == child.name for name in links):
            try:
                await engine.networks.rewrite_files(parent)
            except EngineError:
                continue  # another one of its links is down


def _refuse_joined_to_others(container: Container, network: Network) -> None:
    if container.task.status.value in ("removing", "dead"):
        raise Conflict(
            f"Container {container.id} is marked for removal and cannot be connected or disconnected to the network"
        )
    if container.host_config.network_mode.startswith("container:"):
        raise InvalidParameter(SHARES_NAMESPACE)
    if network.driver == "host" and network.name not in container.endpoints:
        raise InvalidParameter(
            "cannot connect container to host network - container must be created in host network mode"
        )


def _refuse_mixed(container: Container, network: Network) -> None:
    """What `check_attachable` says of a running one."""
    names = set(container.endpoints) - {network.name}
    if "host" in names:
        raise InvalidParameter(SHARES_NAMESPACE)
    if names and "none" in {*names, network.name}:
        raise InvalidParameter(
            "container cannot be connected to multiple networks with one of the networks in private (none) mode"
        )


def _is_unwanted(engine: Engine, network: Network, filters: Filters, until_ns: int | None) -> bool:
    return (
        network.name not in PREDEFINED
        and not any(network.name in c.endpoints for c in engine.containers.all())
        and (until_ns is None or clock.parse_time(network.created) < until_ns)
        and filters.matches_labels("label", network.labels)
        and filters.lacks_labels("label!", network.labels)
    )
