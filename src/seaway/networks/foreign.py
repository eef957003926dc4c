"""Networks and addresses of somebody else's drivers, from request to removal."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from ipaddress import ip_address, ip_interface
from pathlib import Path
from typing import Any

import msgspec

from seaway.base.errors import EngineError, InvalidParameter
from seaway.kernel.worker import run_blocking
from seaway.model.network import EndpointSettings, IPAMConfig, NetworkCreate, PortBinding
from seaway.networks.driver import GATEWAY_REQUEST, Interface, Subnet
from seaway.networks.extensions import NetworkExtensions
from seaway.networks.families import wanted_families
from seaway.networks.ipam import Address, Pool
from seaway.networks.network import OWN_IPAM, Network
from seaway.networks.plan import EndpointPlan
from seaway.networks.ports import parse_exposed, parse_port

log = logging.getLogger(__name__)
GENERIC, PORTMAP = "com.docker.network.generic", "com.docker.network.portmap"
EXPOSED = "com.docker.network.endpoint.exposedports"
PROTOCOLS = {"tcp": 6, "udp": 17, "sctp": 132}
GATEWAY = "com.docker.network.gateway"
MAC = "com.docker.network.endpoint.macaddress"


class Foreign:
    def __init__(self, extensions: NetworkExtensions) -> None:
        self._extensions = extensions

    async def lease(self, request: NetworkCreate, undo: AsyncExitStack) -> tuple[NetworkCreate, str, str]:
        """The request with the pools of its IPAM driver in it, and the pools' IDs, which `undo` gives back."""
        assert request.ipam
        driver = await run_blocking(self._extensions.ipam, request.ipam.driver)
        configs, ids = [], {False: "", True: ""}
        wishes = request.ipam.config or []
        for version in sorted(wanted_families(request, request.options)):
            v6 = version == 6
            wish = next((c for c in wishes if c.subnet and (":" in c.subnet) is v6), IPAMConfig())
            options = request.ipam.options or {}
            pool = await run_blocking(partial(driver.request_pool, wish.subnet, wish.ip_range, options, v6=v6))
            undo.push_async_callback(run_blocking, driver.release_pool, pool.id)
            gateway = pool.data.get(GATEWAY, "")
            if not gateway:
                gateway = await run_blocking(driver.request_address, pool.id, wish.gateway, GATEWAY_REQUEST)
            ids[v6] = pool.id
            configs.append(msgspec.structs.replace(wish, subnet=pool.subnet, gateway=_plain(gateway)))
        ipam = msgspec.structs.replace(request.ipam, config=configs)
        return msgspec.structs.replace(request, ipam=ipam), ids[False], ids[True]

    async def release_pools(self, network: Network) -> None:
        for pool, pool_id in ((network.pool, network.pool_id), (network.pool6, network.pool_id6)):
            if pool and pool_id:
                driver = await run_blocking(self._extensions.ipam, network.ipam.driver)
                await self._quietly(driver.release_address, pool_id, str(pool.gateway))
                await self._quietly(driver.release_pool, pool_id)

    async def claim(
        self, network: Network, wish: Address | None, mac: str, undo: AsyncExitStack, version: int
    ) -> Address:
        """An address of the network's IPAM driver."""
        driver = await run_blocking(self._extensions.ipam, network.ipam.driver)
        pool_id = network.pool_id if version == 4 else network.pool_id6
        options = {MAC: mac} if driver.wants_mac else {}
        text = await run_blocking(driver.request_address, pool_id, str(wish or ""), options)
        undo.push_async_callback(run_blocking, driver.release_address, pool_id, _plain(text))
        try:
            return ip_address(_plain(text))
        except ValueError as invalid:
            raise InvalidParameter(f"invalid address of IPAM driver {network.ipam.driver}: {text}") from invalid

    async def check(self, network: Network) -> None:
        """Raises NoSuchPlugin, or what else is wrong with the network's driver."""
        await run_blocking(self._extensions.network, network.driver)

    async def create(self, network: Network) -> None:
        driver = await run_blocking(self._extensions.network, network.driver)
        options: dict[str, Any] = {
            GENERIC: dict(network.options),
            "com.docker.network.enable_ipv4": network.enables_ipv4,
            "com.docker.network.enable_ipv6": network.pool6 is not None,
        }
        if network.internal:
            options["com.docker.network.internal"] = True
        four, six = [_subnet(p, network, v) for p, v in ((network.pool, 0), (network.pool6, 1))]
        await run_blocking(driver.create_network, network.id, options, four, six)

    async def delete(self, network: Network) -> None:
        await self._quietly_on(network, "delete_network")

    async def attach(
        self, network: Network, endpoint: EndpointSettings, plan: EndpointPlan, path: Path, undo: AsyncExitStack
    ) -> EndpointPlan:
        """The plan with what the driver made of it; `undo` takes the endpoint away again."""
        driver = await run_blocking(self._extensions.network, network.driver)
        ids = network.id, endpoint.endpoint_id
        wish = Interface(_cidr(plan.address, plan.prefix_length), _cidr(plan.address6, plan.prefix_length6), plan.mac)
        options = {GENERIC: dict(endpoint.driver_opts or {})}
        made = await run_blocking(driver.create_endpoint, *ids, wish, options)
        undo.push_async_callback(self._quietly, driver.delete_endpoint, *ids)
        joined = await run_blocking(driver.join, *ids, str(path), options)
        undo.push_async_callback(self._quietly, driver.leave, *ids)
        info = await run_blocking(driver.info, *ids)
        address, length = _parts(made.address or wish.address)
        address6, length6 = _parts(made.address6 or wish.address6)
        digits = plan.link.removeprefix("eth")
        return replace(
            plan,
            source=joined.device,
            link=f"{joined.prefix}{digits}" if digits.isdigit() else plan.link,
            mac=made.mac or wish.mac or str(info.get(MAC) or ""),
            address=address,
            prefix_length=length,
            broadcast=plan.broadcast if address == plan.address else "",
            address6=address6,
            prefix_length6=length6,
            gateway=joined.gateway,
            gateway6=joined.gateway6,
            routes=tuple((route.destination, route.next_hop) for route in joined.routes),
        )

    async def publish(self, network: Network, endpoint: EndpointSettings, options: dict[str, Any]) -> None:
        driver = await run_blocking(self._extensions.network, network.driver)
        await run_blocking(driver.publish, network.id, endpoint.endpoint_id, options)

    async def leave(self, network: Network, endpoint: EndpointSettings) -> None:
        """After the device; an endpoint that is left behind is the driver's."""
        if network.is_foreign:
            for method in ("revoke", "leave", "delete_endpoint"):
                await self._quietly_on(network, method, endpoint.endpoint_id)
        for address, pool_id in (
            (endpoint.ip_address, network.pool_id),
            (endpoint.global_ipv6_address, network.pool_id6),
        ):
            if address and pool_id:
                driver = await run_blocking(self._extensions.ipam, network.ipam.driver)
                await self._quietly(driver.release_address, pool_id, address)

    async def _quietly_on(self, network: Network, method: str, *arguments: str) -> None:
        try:
            driver = await run_blocking(self._extensions.network, network.driver)
        except EngineError as failed:
            log.warning("network %s: %s", network.name, failed)
            return
        await self._quietly(getattr(driver, method), network.id, *arguments)

    async def _quietly(self, call: Any, *arguments: str) -> None:
        """The way back goes on without a driver that fails."""
        try:
            await run_blocking(call, *arguments)
        except EngineError as failed:
            log.warning("%s", failed)


def external_options(bindings: Mapping[str, Sequence[PortBinding] | None], exposed: Iterable[str]) -> dict[str, Any]:
    """What `publish` is asked for, in libnetwork's words."""
    ports = []
    for key, wishes in bindings.items():
        number, protocol = parse_port(key)
        for wish in wishes or ():
            first, _, last = wish.host_port.partition("-")
            host = {"HostIP": wish.host_ip, "HostPort": int(first or 0), "HostPortEnd": int(last or first or 0)}
            ports.append({"Proto": PROTOCOLS[protocol], "IP": "", "Port": number, **host})
    known = [{"Proto": PROTOCOLS[protocol], "Port": number} for number, protocol in parse_exposed(exposed)]
    return {PORTMAP: ports, EXPOSED: known}


def is_foreign_ipam(request: NetworkCreate) -> bool:
    return request.ipam is not None and request.ipam.driver not in OWN_IPAM


def _subnet(pool: Pool | None, network: Network, number: int) -> list[Subnet]:
    if pool is None:
        return []
    configs = [c for c in network.ipam.config or () if (":" in c.subnet) is bool(number)]
    auxiliary = (configs[0].auxiliary_addresses if configs else None) or {}
    return [Subnet(str(pool.subnet), f"{pool.gateway}/{pool.subnet.prefixlen}", auxiliary)]


def _cidr(address: str, length: int) -> str:
    return f"{address}/{length}" if address else ""


def _plain(text: str) -> str:
    return text.partition("/")[0]


def _parts(cidr: str) -> tuple[str, int]:
    if not cidr:
        return "", 0
    try:
        interface = ip_interface(cidr)
    except ValueError as invalid:
        raise InvalidParameter(f"invalid address of a network driver: {cidr}") from invalid
    return str(interface.ip), interface.network.prefixlen
