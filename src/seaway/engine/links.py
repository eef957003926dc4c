"""`--link` on the default bridge: the other container's address in /etc/hosts, its settings in the environment.

On a user's network a link is an alias in DNS, and the settings are not passed on.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import groupby

import msgspec

from seaway.base.errors import EngineError, InvalidParameter, NotFound
from seaway.base.ids import short_id
from seaway.containers.container import Container
from seaway.containers.store import ContainerStore
from seaway.engine.validation.modes import UNDEFINED_WITH_LINKS
from seaway.model.links import parse_link
from seaway.model.modes import shared_with
from seaway.networks.ports import parse_exposed

HIDDEN = ("HOME=", "PATH=")


def renamed_links(links: Iterable[str], old: str, new: str) -> list[str]:
    """The aliases stay."""
    return [f"{new}:{parse_link(link)[1]}" if parse_link(link)[0] == old else link for link in links]


def with_links(container: Container, links: list[str]) -> Container:
    host_config = msgspec.structs.replace(container.host_config, links=links or None)
    return msgspec.structs.replace(container, host_config=host_config)


def check_links(links: Iterable[str], containers: ContainerStore) -> None:
    """At create. Raises InvalidParameter, also for one that is not there."""
    for name, _alias in map(parse_link, links):
        try:
            child = _namespace_owner(name, containers)
        except (NotFound, InvalidParameter) as missing:
            raise InvalidParameter(f"could not get container for {name}: {missing}") from missing
        if child.host_config.network_mode == "host":
            raise InvalidParameter(f"conflicting options: host type networking {UNDEFINED_WITH_LINKS}")


def check_link_formats(links: Iterable[str]) -> None:
    """On a user's network the other container may come later. Raises InvalidParameter."""
    for link in links:
        parse_link(link)


def link_names(containers: ContainerStore) -> dict[str, list[str]]:
    """Container ID -> the further names that links give it, `/web/db`."""
    names: dict[str, list[str]] = {}
    for parent in containers.all():
        for name, alias in map(parse_link, parent.host_config.links or ()):
            with suppress(EngineError):
                names.setdefault(_namespace_owner(name, containers).id, []).append(f"/{parent.name}/{alias}")
    return names


def linked_containers(container: Container, containers: ContainerStore) -> Iterator[Container]:
    """Those that are still there."""
    for name, _alias in map(parse_link, container.host_config.links or ()):
        with suppress(EngineError):
            yield _namespace_owner(name, containers)


def linked(container: Container, containers: ContainerStore) -> list[tuple[str, Container]]:
    """(alias, container) of each link. Raises InvalidParameter where one does not run or is elsewhere."""
    links = map(parse_link, container.host_config.links or ())
    return [(alias, _linked(container, name, alias, containers)) for name, alias in links]


def _linked(container: Container, name: str, alias: str, containers: ContainerStore) -> Container:
    child = _namespace_owner(name, containers)
    if not child.task.is_running:
        raise InvalidParameter(f"Cannot link to a non running container: /{child.name} AS /{container.name}/{alias}")
    if "bridge" not in child.endpoints:
        raise InvalidParameter(f"Cannot link to /{child.name}, as it does not belong to the default network")
    return child


def _namespace_owner(name: str, containers: ContainerStore) -> Container:
    """A link to a container in another one's network (`container:X`) leads to X. Raises NotFound, and InvalidParameter
    for a circle, which names that were given anew can make."""
    child = containers.find(name)
    seen = {child.id}
    while owner := shared_with(child.host_config.network_mode):
        child = containers.find(owner)
        if child.id in seen:
            raise InvalidParameter(f"{name} is in the network of a container that is in its own")
        seen.add(child.id)
    return child


def linked_hosts(container: Container, containers: ContainerStore) -> list[tuple[str, str]]:
    """Lines for /etc/hosts: (address, names)."""
    return [
        (child.endpoints["bridge"].ip_address, " ".join(dict.fromkeys((alias, short_id(child.id), child.name))))
        for alias, child in linked(container, containers)
    ]


def linked_ports(container: Container, containers: ContainerStore) -> list[tuple[str, str, int]]:
    """(address, protocol, port) of what the links lead to: the ports that the other container exposes."""
    return [
        (child.endpoints["bridge"].ip_address, protocol, number)
        for _alias, child in linked(container, containers)
        for number, protocol in parse_exposed(_exposed(child))
    ]


def _exposed(container: Container) -> Iterable[str]:
    return container.config.exposed_ports if isinstance(container.config.exposed_ports, dict) else ()


def linked_environment(container: Container, containers: ContainerStore) -> list[str]:
    """At start. Raises as `linked`."""
    return [v for alias, child in linked(container, containers) for v in link_variables(container.name, alias, child)]


def environment_of_links(container: Container, containers: ContainerStore) -> list[str]:
    """For an exec: as it is now, without the links that lead nowhere any more."""
    if "bridge" not in container.endpoints:
        return []
    found = []
    for name, alias in map(parse_link, container.host_config.links or ()):
        with suppress(EngineError):
            child = _linked(container, name, alias, containers)
            found += link_variables(container.name, alias, child)
    return found


def link_variables(parent: str, alias: str, child: Container) -> list[str]:
    """WEB_PORT_80_TCP_ADDR and its kin, which only the default bridge still has."""
    prefix = alias.upper().replace("-", "_")
    address = child.endpoints["bridge"].ip_address
    ports = sorted((protocol, number) for number, protocol in parse_exposed(_exposed(child)))
    lines = [f"{prefix}_NAME=/{parent}/{alias}"]
    if ports:
        first = min((number, protocol) for protocol, number in ports)
        lines.insert(0, f"{prefix}_PORT={first[1]}://{address}:{first[0]}")
    for protocol, number in ports:
        name = f"{prefix}_PORT_{number}_{protocol.upper()}"
        url = f"{protocol}://{address}:{number}"
        lines += [f"{name}={url}", f"{name}_ADDR={address}", f"{name}_PORT={number}", f"{name}_PROTO={protocol}"]
    lines += _ranges(prefix, address, ports)
    inherited = (v for v in child.config.env or () if "=" in v and not v.startswith(HIDDEN))
    return [*lines, *(f"{prefix}_ENV_{v}" for v in inherited)]


def _ranges(prefix: str, address: str, ports: list[tuple[str, int]]) -> list[str]:
    """Consecutive ports are also told as one range."""
    lines = []
    for _, group in groupby(enumerate(ports), lambda at: (at[1][0], at[1][1] - at[0])):
        run = [port for _, port in group]
        if len(run) > 1:
            (protocol, start), (_, end) = run[0], run[-1]
            name = f"{prefix}_PORT_{start}_{protocol.upper()}"
            url = f"{protocol}://{address}:{start}-{end}"
            lines += [
                f"{name}_START={url}",
                f"{name}_PORT_START={start}",
                f"{name}_PORT_END={end}",
                f"{name}_END={url}",
            ]
    return lines
