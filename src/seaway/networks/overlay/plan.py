"""A network that spans engines: its devices on each host, and who is behind which host. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network

from seaway.base.errors import InvalidParameter
from seaway.kernel.vxlan import EVERYBODY, Behind
from seaway.networks.overlay.records import EndpointInCluster

BRIDGE_PREFIX, VXLAN_PREFIX = "ov-", "vx-"
VXLAN_PORT, VXLAN_MTU = 4789, 1450
FIRST_VNI, LAST_VNI = 256, (1 << 24) - 1
VNI_OPTION = "com.docker.network.driver.overlay.vxlanid_list"
MTU_OPTION = "com.docker.network.driver.mtu"
POOLS = ((IPv4Network("10.0.0.0/8"), 24),)
"""Where the subnets of networks come from that ask for none."""


@dataclass(frozen=True, slots=True)
class OverlaySettings:
    """`vni` tells this network's frames on the wire from those of others."""

    vni: int
    bridge: str
    vxlan: str
    mtu: int = VXLAN_MTU


def overlay_settings(network_id: str, options: Mapping[str, str]) -> OverlaySettings:
    """Raises InvalidParameter."""
    if "encrypted" in options or "secure" in options:
        raise InvalidParameter("encrypted overlay networks are not supported by this engine")
    mtu, vni = options.get(MTU_OPTION, str(VXLAN_MTU)), options.get(VNI_OPTION, "0")
    if not mtu.isdigit():
        raise InvalidParameter(f"failed to parse {MTU_OPTION} value: {mtu}")
    if not vni.isdigit() or int(vni) > LAST_VNI:
        raise InvalidParameter(f"invalid vxlan id value {vni!r} passed")
    short = network_id[:12]
    return OverlaySettings(int(vni), BRIDGE_PREFIX + short, VXLAN_PREFIX + short, int(mtu))


def plan_vni(wish: int, taken: Iterable[int]) -> int:
    """Raises InvalidParameter where two networks would hear each other."""
    used = set(taken)
    if wish:
        if wish in used:
            raise InvalidParameter(f"the vxlan id {wish} is another network's")
        return wish
    return next(n for n in range(FIRST_VNI, LAST_VNI) if n not in used)


def plan_table(endpoints: Iterable[EndpointInCluster], own_host: str) -> frozenset[Behind]:
    """Of a network's VXLAN device: where each remote container is, and every host that must hear a broadcast."""
    remote = [e for e in endpoints if e.host != own_host and e.mac]
    return frozenset(Behind(e.mac.lower(), e.host) for e in remote) | {Behind(EVERYBODY, e.host) for e in remote}
