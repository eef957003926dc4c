"""What a request for a network must satisfy before anything is made. Pure; the texts are dockerd's."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from seaway.base.errors import Conflict, Forbidden, InvalidParameter, SystemFailure
from seaway.model.network import IPAM, IPAMConfig, NetworkCreate
from seaway.networks.network import PREDEFINED, Network

AnyNetwork = IPv4Network | IPv6Network

NO_SWARM = (
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm '
    "and try again."
)


def validate_request(request: NetworkCreate, existing: Sequence[Network]) -> None:
    """Raises InvalidParameter, Forbidden, Conflict."""
    _check_name(request.name, existing)
    if request.config_only:
        _check_config_only(request)
    elif request.config_from and request.config_from.network:
        _check_config_from(request)
    _check_scope(request)
    if faults := ipam_faults(request.ipam.config or () if request.ipam else ()):
        raise InvalidParameter("invalid network config:\n" + join_faults(faults))


def check_scope(scope: str, *, in_cluster: bool = False) -> None:
    """Of a network whose driver is known. Networks are kept by this engine (`local`) or, `in_cluster`, by the cluster's
    store (`global`). Raises SystemFailure: dockerd says of any other scope, of a word that is none too, that a swarm
    would have it."""
    if scope not in ("", "global" if in_cluster else "local"):
        raise SystemFailure(NO_SWARM)


def join_faults(faults: Sequence[str]) -> str:
    return faults[0] if len(faults) == 1 else "\n".join("* " + f.replace("\n", "\n\t") for f in faults)


def ipam_faults(configs: Sequence[IPAMConfig]) -> list[str]:
    return [fault for config in configs for fault in _config_faults(config)]


def _check_name(name: str, existing: Sequence[Network]) -> None:
    if not name.strip():
        raise InvalidParameter("invalid network name: name is empty")
    if name in (*PREDEFINED, "default"):
        raise Forbidden(f"operation is not permitted on predefined {name} network ")
    if any(n.name == name for n in existing):
        raise Conflict(f"network with name {name} already exists")


def _check_config_only(request: NetworkCreate) -> None:
    if request.config_from and request.config_from.network:
        raise Forbidden("a configuration network cannot depend on another configuration network")
    if request.ingress or request.internal or request.attachable or request.scope:
        raise Forbidden(
            "configuration network can only contain network specific fields. "
            "Network operator fields like [ ingress | internal | attachable | scope ] are not supported."
        )


def _check_config_from(request: NetworkCreate) -> None:
    """All that a configuration network has comes from there."""
    ipam = request.ipam or IPAM()
    addresses = ipam.config or ipam.options or ipam.driver not in ("", "default")
    if addresses or request.labels or request.enable_ipv6 or request.enable_ipv4 is False:
        raise Forbidden(
            "user specified configurations are not supported if the network depends on a configuration network"
        )
    if request.options:
        raise Forbidden("network driver options are not supported if the network depends on a configuration network")


def _check_scope(request: NetworkCreate) -> None:
    """There is no swarm; a network of the cluster's is the overlay driver's."""
    if request.scope == "local" and request.driver == "overlay":
        raise Forbidden("cannot downgrade network scope for overlay networks")
    if request.ingress:
        raise Forbidden("Ingress network can only be global scope network")
    if request.scope == "swarm":
        raise Forbidden("cannot create a swarm scoped network when swarm is not active")


def _config_faults(config: IPAMConfig) -> list[str]:
    subnet = _parse(config.subnet)
    if subnet is None:
        return [f"invalid subnet {config.subnet}: invalid CIDR block notation"]
    faults = []
    if not _is_masked(config.subnet):
        faults.append(f"invalid subnet {config.subnet}: it should be {subnet}")
    faults += _range_faults(config.ip_range, subnet)
    addresses = [(f"gateway {config.gateway}", config.gateway)]
    addresses += [(f"auxiliary address {name}", a) for name, a in (config.auxiliary_addresses or {}).items()]
    for what, address in addresses:
        if address and (fault := _address_fault(address, subnet)):
            faults.append(f"invalid {what}: {fault}")
    return faults


def _range_faults(text: str, subnet: AnyNetwork) -> list[str]:
    if not text:
        return []
    inner = _parse(text)
    if inner is None:
        return [f"invalid ip-range {text}: invalid CIDR block notation"]
    if inner.version != subnet.version:
        return [f"invalid ip-range {text}: parent subnet is an IPv{subnet.version} block"]
    faults = []
    if inner.prefixlen < subnet.prefixlen:
        faults.append(f"invalid ip-range {text}: CIDR block is bigger than its parent subnet {subnet}")
    if not _is_masked(text):
        faults.append(f"invalid ip-range {text}: it should be {inner}")
    if not subnet.overlaps(inner):
        faults.append(f"invalid ip-range {text}: parent subnet {subnet} doesn't contain ip-range")
    return faults


def _address_fault(text: str, subnet: AnyNetwork) -> str:
    try:
        address = ip_address(text)
    except ValueError:
        return "invalid address"
    if address.version != subnet.version:
        return f"parent subnet is an IPv{subnet.version} block"
    return "" if address in subnet else f"parent subnet {subnet} doesn't contain this address"


def _parse(text: str) -> AnyNetwork | None:
    try:
        return ip_network(text, strict=False) if "/" in text else None
    except ValueError:
        return None


def _is_masked(text: str) -> bool:
    try:
        ip_network(text)
    except ValueError:
        return False
    return True
