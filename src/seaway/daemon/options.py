"""What the configuration means for each service."""

import hashlib
import os
import ssl
from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv4Network
from pathlib import Path

from seaway.api.tls import server_context
from seaway.api.versions import MAX_VERSION, MIN_VERSION, OLDEST_VERSION, Version, parse_version
from seaway.base.errors import SystemFailure
from seaway.config import EngineConfig, RuntimeConfig
from seaway.engine.netfiles import FileDefaults
from seaway.kernel import nft, process
from seaway.layers.driver import StorageDriver
from seaway.layers.options import engine_limit
from seaway.layers.overlay2 import Overlay2
from seaway.layers.vfs import Vfs
from seaway.networks.firewall.ruleset import table_name
from seaway.networks.hostroutes import routes_beside
from seaway.networks.links import address_of
from seaway.networks.network import NO_BRIDGE, BridgeSettings
from seaway.networks.options import NetworkOptions
from seaway.networks.pools import DEFAULT_POOLS, default_subnet
from seaway.networks.store import NetworkStore
from seaway.networks.usernet import NetworkDefaults
from seaway.runtime.programs import BUILT_IN, RuntimeProgram

DEFAULT_BRIDGE = "docker0"
_DRIVERS: Mapping[str, Callable[[Path, tuple[int, int], int], StorageDriver]] = {"overlay2": Overlay2, "vfs": Vfs}


def tls(config: EngineConfig) -> ssl.SSLContext:
    authority = Path(config.tlscacert) if config.tlscacert else None
    return server_context(Path(config.tlscert), Path(config.tlskey), authority, verify=config.tlsverify)


def minimum_version(environment: Mapping[str, str]) -> Version:
    """The oldest API that is spoken: `DOCKER_MIN_API_VERSION`, as for dockerd. Raises SystemFailure."""
    text = environment.get("DOCKER_MIN_API_VERSION", "")
    if not text:
        return MIN_VERSION
    version = parse_version(text)
    if not OLDEST_VERSION <= version <= MAX_VERSION:
        text = f"invalid DOCKER_MIN_API_VERSION: {text}: must be between {OLDEST_VERSION} and {MAX_VERSION}"
        raise SystemFailure(text)
    return version


def temporary_directory(environment: Mapping[str, str], root: Path) -> Path:
    """Where archives lie while they are read: `DOCKER_TMPDIR`, as for dockerd. Nothing in it has a name."""
    return Path(environment.get("DOCKER_TMPDIR") or root / "tmp")


def storage_driver(config: EngineConfig, root: Path, owner: tuple[int, int]) -> StorageDriver:
    name = config.storage_driver or os.environ.get("DOCKER_DRIVER", "") or "overlay2"
    if name not in _DRIVERS:
        raise SystemFailure(f"error initializing graphdriver: driver not supported: {name}")
    return _DRIVERS[name](root / name, owner, engine_limit(name, config.storage_opts))


def programs(config: EngineConfig) -> dict[str, RuntimeProgram]:
    return {**BUILT_IN, **{name: _program(runtime) for name, runtime in config.runtimes.items()}}


def _program(runtime: RuntimeConfig) -> RuntimeProgram:
    """A shim of containerd's that drives runc stands for runc, or for the program that its options name."""
    if runtime.path:
        return RuntimeProgram(runtime.path, runtime.args)
    built_in = BUILT_IN.get(runtime.type, RuntimeProgram(runtime.type))
    return RuntimeProgram(runtime.options.get("BinaryName") or built_in.path, runtime.args)


def network_options(config: EngineConfig, run_root: Path, data_root: Path, engine_id: str) -> NetworkOptions:
    """Blocks, where an existing bridge is asked for its address."""
    database = data_root / "seaway" / "networks.db"
    pools = [(IPv4Network(p.base), p.size) for p in config.default_address_pools if ":" not in p.base] or DEFAULT_POOLS
    own = config.bip or (address_of(config.bridge) if config.bridge else "")
    bridge = BridgeSettings(
        name=config.bridge or DEFAULT_BRIDGE,
        subnet=own or _free_subnet(config.bridge or DEFAULT_BRIDGE, database, pools),
        gateway=own.partition("/")[0],
        ip_range=config.fixed_cidr,
        mtu=config.mtu,
        icc=config.icc,
        masquerade=config.ip_masq and config.iptables,
        default_gateway=config.default_gateway,
        subnet6=(config.bip6 or config.fixed_cidr_v6 or _unique_local(engine_id)) if config.ipv6 else "",
        ip_range6=config.fixed_cidr_v6 if config.bip6 else "",
        gateway6=config.bip6.partition("/")[0],
        default_gateway6=config.default_gateway_v6,
        default_ip=config.ip,
        sole_address=not config.bridge,
    )
    return NetworkOptions(
        run_root=run_root,
        bridge=bridge,
        table=table_name(bridge.name, engine_id),
        backend=firewall_backend(config),
        ip_forward=config.ip_forward,
        firewall=config.iptables,
        firewall6=config.ip6tables,
        direct_routing=config.allow_direct_routing,
        accept_mark=config.bridge_accept_fwmark,
        userland_proxy=config.userland_proxy,
        database=database,
        networks=NetworkDefaults(pools=pools, driver_options=config.default_network_opts),
    )


def _free_subnet(bridge: str, database: Path, pools: Sequence[tuple[IPv4Network, int]]) -> str:
    """As for any other network, but that the bridge stays where it is. Nobody has one with `--bridge none`."""
    if bridge == NO_BRIDGE:
        return ""
    known = [n.pool.subnet for n in NetworkStore(database).all() if n.pool]
    return default_subnet(address_of(bridge), [*known, *routes_beside(bridge)], pools)


def firewall_backend(config: EngineConfig) -> str:
    """As configured, else what is here."""
    if config.firewall_backend:
        return config.firewall_backend
    return "iptables" if not nft.is_installed() and process.find_program("iptables") else "nftables"


def _unique_local(engine_id: str) -> str:
    """A subnet that this engine keeps, and that hardly another one has."""
    digits = hashlib.sha256(engine_id.encode()).hexdigest()
    return f"fd{digits[:2]}:{digits[2:6]}:{digits[6:10]}::/64"


def file_defaults(config: EngineConfig) -> FileDefaults:
    return FileDefaults(
        dns=config.dns,
        search=config.dns_search,
        options=config.dns_opts,
        host_gateways=config.host_gateway_ips,
        resolv_conf=config.resolv_conf,
    )
