"""Publishing ports of a container that runs, and taking them back."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from seaway.base.errors import EngineError, Forbidden
from seaway.model.network import PortBinding
from seaway.networks.catalog import NetworkCatalog
from seaway.networks.firewall.elements import PublishedPort
from seaway.networks.joined import Joined
from seaway.networks.ports import ANY_V6, Wish, parse_port, plan_wishes
from seaway.networks.publisher import Publisher
from seaway.networks.sandbox import ExternalConnectivityFailed, Sandbox, port_map

Bindings = Mapping[str, Sequence[PortBinding] | None]


class NothingToPublishOn(Forbidden):
    def __init__(self, name: str) -> None:
        super().__init__(f"container {name} is on no network whose ports can be published")


class Republisher:
    def __init__(self, catalog: NetworkCatalog, publisher: Publisher, ephemeral: tuple[int, int]) -> None:
        self._catalog, self._publisher, self._ephemeral = catalog, publisher, ephemeral

    async def change(self, joined: Joined, bindings: Bindings, exposed: Iterable[str]) -> Sandbox:
        """The container's ports that `bindings` names are published as it says, the others stay as they are. What
        stays is not interrupted; where something fails, all is as it was. Raises ExternalConnectivityFailed."""
        sandbox, name = joined.sandbox, joined.name
        first = sandbox.published_endpoint
        if first is None:
            raise NothingToPublishOn(name)
        network = self._catalog.find(first.network_id)
        wishes = plan_wishes(bindings, ephemeral=self._ephemeral, default_ips=network.host_ips, routed=network.routed)
        before = [replace(port, container=name) for port in sandbox.published]
        kept, wanted = split(before, bindings, wishes)
        gone = [port for port in before if port not in kept]
        target = sandbox.target_of
        self._publisher.free(gone)
        await self._publisher.withdraw(gone, kept)
        try:
            new = await self._publisher.publish(wanted, target, name, kept)
        except EngineError as failed:
            await self._publisher.publish([_same(port) for port in gone], target, name, kept)
            raise ExternalConnectivityFailed(name, first.endpoint_id, failed) from failed
        return replace(sandbox, ports=port_map([*kept, *new], exposed))


def split(
    before: Sequence[PublishedPort], bindings: Bindings, wishes: Iterable[Wish]
) -> tuple[list[PublishedPort], list[Wish]]:
    """What stays as it is, and what is still wanted. A wish for any port of several is met by one that is there."""
    named = set(map(parse_port, bindings))
    kept = [port for port in before if (port.container_port, port.protocol) not in named]
    wanted = []
    for wish in wishes:
        met = [port for port in before if port not in kept and _meets(port, wish)]
        number = met[0].host_port if met else 0
        met = [port for port in met if port.host_port == number]
        missing = tuple(ip for ip in wish.host_ips if ip not in {port.host_ip for port in met})
        kept += met
        if not met:
            wanted.append(wish)
        elif missing and missing != (ANY_V6,):  # a host without IPv6 had none to begin with
            wanted.append(replace(wish, host_ips=missing, first=number, last=number))
    return kept, wanted


def _meets(port: PublishedPort, wish: Wish) -> bool:
    same = (port.container_port, port.protocol) == (wish.container_port, wish.protocol)
    return same and port.host_ip in wish.host_ips and wish.first <= port.host_port <= wish.last


def _same(port: PublishedPort) -> Wish:
    return Wish(port.container_port, port.protocol, (port.host_ip,), port.host_port, port.host_port)
