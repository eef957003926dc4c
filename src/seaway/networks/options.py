"""What the engine's configuration says of networks."""

from dataclasses import dataclass, field
from pathlib import Path

from seaway.networks.network import BridgeSettings
from seaway.networks.ports import EPHEMERAL
from seaway.networks.usernet import NO_DEFAULTS, NetworkDefaults


@dataclass(frozen=True, slots=True)
class NetworkOptions:
    """`table` is the firewall's: two engines in one network namespace need different ones, and different bridges.
    `backend`: nftables or iptables. `firewall` False: no rules at all. Without `userland_proxy` the firewall translates
    what comes from the host's loopback too, and the proxy only holds the ports. `database` keeps the user's networks;
    None: they last as long as the engine."""

    run_root: Path
    bridge: BridgeSettings = field(default_factory=BridgeSettings)
    table: str = "seaway"
    backend: str = "nftables"
    ip_forward: bool = True
    firewall: bool = True
    firewall6: bool = True
    direct_routing: bool = False
    accept_mark: str = ""
    userland_proxy: bool = True
    database: Path | None = None
    ephemeral: tuple[int, int] = EPHEMERAL
    networks: NetworkDefaults = NO_DEFAULTS
