"""Containers that still run with the networks that an earlier engine gave them."""

from dataclasses import replace
from ipaddress import ip_address

from seaway.networks.catalog import NetworkCatalog
from seaway.networks.endpoint import endpoint_on
from seaway.networks.joined import Joined
from seaway.networks.naming import Names
from seaway.networks.network import PREDEFINED
from seaway.networks.overlay.driver import Overlay
from seaway.networks.publisher import Publisher
from seaway.networks.sandbox import GWBRIDGE


class Adoption:
    def __init__(self, catalog: NetworkCatalog, overlay: Overlay, publisher: Publisher, names: Names) -> None:
        self._catalog, self._overlay, self._publisher, self._names = catalog, overlay, publisher, names

    def adopt(self, container_id: str, joined: Joined) -> Joined:
        """Its addresses, ports and names are taken again. Raises EngineError where the model has no place for them."""
        endpoints = {}
        for name, endpoint in joined.sandbox.attachments.items():
            network = self._catalog.find((endpoint.network_id if name not in PREDEFINED else "") or name)
            endpoints[name] = endpoint_on(network, endpoint)
            if network.overlay:
                self._overlay.endpoints.adopt(network, container_id, joined.name, endpoint)
            for pool, address in ((network.pool, endpoint.ip_address), (network.pool6, endpoint.global_ipv6_address)):
                if pool and address:
                    self._catalog.take_address(network.id, ip_address(address), pool.subnet.version)
        gateway = endpoints.pop(GWBRIDGE, None) if joined.sandbox.gateway else None
        sandbox = replace(joined.sandbox, endpoints=endpoints, gateway=gateway)
        self._publisher.adopt(replace(port, container=joined.name) for port in sandbox.published)
        self._names.restore(sandbox)
        return Joined(joined.name, sandbox)
