"""What a cluster's networks keep in etcd, below `seaway/network/v1/`. Pure.

networks/<ID>                 a network, as `networks.db` keeps one
names/<name>                  its ID: two engines cannot make two of one name
endpoints/<ID>/<address>      who has an address of it; ends with its engine's lease
"""

import msgspec

from seaway.base import gojson
from seaway.model.network import EndpointSettings, Struct
from seaway.networks.ipam import Address

NETWORKS, NAMES, ENDPOINTS = "networks/", "names/", "endpoints/"


class EndpointInCluster(Struct, frozen=True):
    """`host` is the VXLAN address of its engine. Without a `mac` it is a claim: the container is not there yet."""

    engine: str
    host: str
    endpoint_id: str = msgspec.field(default="", name="EndpointID")
    container: str = ""
    name: str = ""
    mac: str = ""
    prefix_length: int = 0
    names: list[str] = []


def network_key(network_id: str) -> str:
    return NETWORKS + network_id


def name_key(name: str) -> str:
    return NAMES + name


def endpoint_key(network_id: str, address: Address | str) -> str:
    return f"{ENDPOINTS}{network_id}/{address}"


def to_text(record: msgspec.Struct) -> str:
    return gojson.encode(record).decode()


def parse_endpoint(text: str) -> EndpointInCluster:
    return gojson.decode(text.encode(), EndpointInCluster)


def endpoint_record(claim: EndpointInCluster, endpoint: EndpointSettings, name: str) -> EndpointInCluster:
    """Of a container that is there now."""
    return msgspec.structs.replace(
        claim,
        endpoint_id=endpoint.endpoint_id,
        name=name,
        mac=endpoint.mac_address,
        prefix_length=endpoint.ip_prefix_len,
        names=list(endpoint.dns_names or ()),
    )
