"""Network and IPAM drivers of version 1 plugins (libnetwork's remote drivers)."""

from collections.abc import Mapping
from typing import Any

from seaway.base.errors import EngineError, SystemFailure
from seaway.networks.driver import Attachment, Interface, LeasedPool, Route, Subnet
from seaway.plugins.client import PluginClient, PluginFailed

CONNECTED = 1
NODE = 1
"""RouteType and DiscoveryType."""


class NotImplementedByPlugin(SystemFailure):
    def __init__(self, name: str, subsystem: str) -> None:
        super().__init__(f'plugin "{name}" found, but not implements "{subsystem}"')


class _Remote:
    subsystem = ""

    def __init__(self, client: PluginClient) -> None:
        """Blocking. Raises NotImplementedByPlugin, PluginFailed."""
        self._client = client
        if self.subsystem not in client.activate():
            raise NotImplementedByPlugin(client.name, self.subsystem)

    def _call(self, method: str, **arguments: Any) -> dict[str, Any]:
        try:
            return self._client.call(f"{self.subsystem}.{method}", arguments)
        except PluginFailed as failed:
            raise PluginFailed(f"remote: {failed}") from failed


class RemoteNetworkDriver(_Remote):
    subsystem = "NetworkDriver"

    def __init__(self, client: PluginClient) -> None:
        super().__init__(client)
        self.scope = str(self._call("GetCapabilities").get("Scope") or "").lower()
        if self.scope not in ("local", "global"):
            raise SystemFailure(f"invalid capability: expecting 'local' or 'global', got {self.scope}")

    def create_network(
        self, network_id: str, options: Mapping[str, Any], ipv4: list[Subnet], ipv6: list[Subnet]
    ) -> None:
        data = {"IPv4Data": [_subnet(s) for s in ipv4], "IPv6Data": [_subnet(s) for s in ipv6]}
        self._call("CreateNetwork", NetworkID=network_id, Options=dict(options), **data)

    def delete_network(self, network_id: str) -> None:
        self._call("DeleteNetwork", NetworkID=network_id)

    def create_endpoint(
        self, network_id: str, endpoint_id: str, interface: Interface, options: Mapping[str, Any]
    ) -> Interface:
        wish = {"Address": interface.address, "AddressIPv6": interface.address6, "MacAddress": interface.mac}
        where = {"NetworkID": network_id, "EndpointID": endpoint_id}
        answer = self._call("CreateEndpoint", **where, Interface=wish, Options=dict(options)).get("Interface") or {}
        if reset := [name for name, text in wish.items() if text and answer.get(name)]:
            self.delete_endpoint(network_id, endpoint_id)
            raise SystemFailure(f"driver requested to reset what the engine gave: {', '.join(reset)}")
        return Interface(*(str(answer.get(name) or "") for name in wish))

    def delete_endpoint(self, network_id: str, endpoint_id: str) -> None:
        self._call("DeleteEndpoint", NetworkID=network_id, EndpointID=endpoint_id)

    def join(self, network_id: str, endpoint_id: str, sandbox: str, options: Mapping[str, Any]) -> Attachment:
        where = {"NetworkID": network_id, "EndpointID": endpoint_id, "SandboxKey": sandbox}
        answer = self._call("Join", **where, Options=dict(options))
        name = answer.get("InterfaceName") or {}
        return Attachment(
            device=str(name.get("SrcName") or ""),
            prefix=str(name.get("DstPrefix") or "eth"),
            gateway=str(answer.get("Gateway") or ""),
            gateway6=str(answer.get("GatewayIPv6") or ""),
            routes=tuple(map(_route, answer.get("StaticRoutes") or ())),
        )

    def leave(self, network_id: str, endpoint_id: str) -> None:
        self._call("Leave", NetworkID=network_id, EndpointID=endpoint_id)

    def publish(self, network_id: str, endpoint_id: str, options: Mapping[str, Any]) -> None:
        where = {"NetworkID": network_id, "EndpointID": endpoint_id}
        self._optional("ProgramExternalConnectivity", **where, Options=dict(options))

    def revoke(self, network_id: str, endpoint_id: str) -> None:
        self._optional("RevokeExternalConnectivity", NetworkID=network_id, EndpointID=endpoint_id)

    def info(self, network_id: str, endpoint_id: str) -> Mapping[str, Any]:
        return self._optional("EndpointOperInfo", NetworkID=network_id, EndpointID=endpoint_id).get("Value") or {}

    def node_joined(self, address: str, *, own: bool) -> None:
        self._optional("DiscoverNew", DiscoveryType=NODE, DiscoveryData=_node(address, own=own))

    def node_left(self, address: str, *, own: bool) -> None:
        self._optional("DiscoverDelete", DiscoveryType=NODE, DiscoveryData=_node(address, own=own))

    def _optional(self, method: str, **arguments: Any) -> dict[str, Any]:
        """An old plugin answers 404, which is no failure, as in dockerd."""
        try:
            return self._call(method, **arguments)
        except EngineError as failed:
            if "404" not in str(failed):
                raise
            return {}


class RemoteIpamDriver(_Remote):
    subsystem = "IpamDriver"

    def __init__(self, client: PluginClient) -> None:
        super().__init__(client)
        self.wants_mac = bool(self._capabilities().get("RequiresMACAddress"))
        self._space = str(self._call("GetDefaultAddressSpaces").get("LocalDefaultAddressSpace") or "")

    def _capabilities(self) -> Mapping[str, Any]:
        try:
            return self._call("GetCapabilities")
        except PluginFailed:  # an old plugin, which knows none
            return {}

    def request_pool(self, subnet: str, ip_range: str, options: Mapping[str, str], *, v6: bool) -> LeasedPool:
        wish = {"AddressSpace": self._space, "Pool": subnet, "SubPool": ip_range, "V6": v6}
        answer = self._call("RequestPool", **wish, Options=dict(options))
        if not (found := str(answer.get("Pool") or "")):
            raise SystemFailure("remote: the IPAM driver gave no pool")
        return LeasedPool(str(answer.get("PoolID") or ""), found, answer.get("Data") or {})

    def release_pool(self, pool_id: str) -> None:
        self._call("ReleasePool", PoolID=pool_id)

    def request_address(self, pool_id: str, address: str, options: Mapping[str, str]) -> str:
        return str(
            self._call("RequestAddress", PoolID=pool_id, Address=address, Options=dict(options)).get("Address") or ""
        )

    def release_address(self, pool_id: str, address: str) -> None:
        self._call("ReleaseAddress", PoolID=pool_id, Address=address)


def _subnet(subnet: Subnet) -> dict[str, Any]:
    own = {"AddressSpace": "LocalDefault", "Pool": subnet.subnet, "Gateway": subnet.gateway}
    return {**own, "AuxAddresses": dict(subnet.auxiliary)}


def _node(address: str, *, own: bool) -> dict[str, Any]:
    return {"Address": address, "BindAddress": "", "Self": own}


def _route(answer: Mapping[str, Any]) -> Route:
    on_device = answer.get("RouteType") == CONNECTED
    return Route(str(answer.get("Destination") or ""), "" if on_device else str(answer.get("NextHop") or ""))
