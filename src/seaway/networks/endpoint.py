"""An endpoint's settings, from wish to outcome."""

from ipaddress import ip_address

import msgspec

from seaway.base.ids import new_id
from seaway.model.network import EndpointSettings
from seaway.networks.ipam import Address
from seaway.networks.network import Network
from seaway.networks.plan import EndpointPlan


def endpoint_on(network: Network, settings: EndpointSettings) -> EndpointSettings:
    """The predefined networks have new IDs after each start of the engine."""
    return msgspec.structs.replace(settings, network_id=network.id)


def new_endpoint(network: Network, wish: EndpointSettings) -> EndpointSettings:
    return msgspec.structs.replace(wish.without_outcome(), network_id=network.id, endpoint_id=new_id())


def wished_address(wish: EndpointSettings, version: int = 4) -> Address | None:
    """The engine has checked the text when the container was made."""
    ipam = wish.ipam_config
    text = (ipam.ipv4_address if version == 4 else ipam.ipv6_address) if ipam else ""
    return ip_address(text) if text else None


def with_outcome(endpoint: EndpointSettings, plan: EndpointPlan) -> EndpointSettings:
    return msgspec.structs.replace(
        endpoint,
        mac_address=plan.mac,
        gateway=plan.gateway,
        ip_address=plan.address,
        ip_prefix_len=plan.prefix_length,
        ipv6_gateway=plan.gateway6,
        global_ipv6_address=plan.address6,
        global_ipv6_prefix_len=plan.prefix_length6,
    )
