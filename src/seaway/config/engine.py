"""The engine's configuration: one frozen value that holds every flag and key of dockerd 28.

A field is named as daemon.json's key is, with underscores. Zero values mean "not configured", as in Go.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seaway.config.hosts import Listen, parse_host
from seaway.config.values import AddressPool, RuntimeConfig, UlimitConfig

Texts = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineConfig:
    # where it lives
    config_file: str = "/etc/docker/daemon.json"
    data_root: str = "/var/lib/docker"
    exec_root: str = "/var/run/docker"
    pidfile: str = "/var/run/docker.pid"

    # who may talk to it
    hosts: Texts = ()
    group: str = "docker"
    tls: bool = False
    tlsverify: bool = False
    tlscacert: str = ""
    tlscert: str = ""
    tlskey: str = ""
    authorization_plugins: Texts = ()
    metrics_addr: str = ""

    # what it says
    debug: bool = False
    log_level: str = "info"
    log_format: str = "text"
    raw_logs: bool = False
    labels: Texts = ()
    experimental: bool = False
    features: Mapping[str, bool] = field(default_factory=dict)

    # defaults of containers
    log_driver: str = "json-file"
    log_opts: Mapping[str, str] = field(default_factory=dict)
    default_runtime: str = "runc"
    runtimes: Mapping[str, RuntimeConfig] = field(default_factory=dict)
    default_ulimits: Mapping[str, UlimitConfig] = field(default_factory=dict)
    default_shm_size: int = 64 * 1024 * 1024
    default_ipc_mode: str = "private"
    default_cgroupns_mode: str = ""
    cgroup_parent: str = ""
    init: bool = False
    init_path: str = ""
    no_new_privileges: bool = False
    seccomp_profile: str = ""
    selinux_enabled: bool = False
    userns_remap: str = ""
    cpu_rt_period: int = 0
    cpu_rt_runtime: int = 0
    cdi_spec_dirs: Texts = ()
    exec_opts: Texts = ()
    node_generic_resources: Texts = ()

    # its life
    live_restore: bool = False
    shutdown_timeout: int = 15
    rootless: bool = False

    # storage and registries
    storage_driver: str = ""
    storage_opts: Texts = ()
    insecure_registries: Texts = ()
    registry_mirrors: Texts = ()
    max_concurrent_downloads: int = 3
    max_concurrent_uploads: int = 5
    max_download_attempts: int = 5
    http_proxy: str = ""
    https_proxy: str = ""
    no_proxy: str = ""
    builder: Mapping[str, Any] = field(default_factory=dict)

    # networks
    bridge: str = ""
    bip: str = ""
    bip6: str = ""
    mtu: int = 1500
    ip: str = "0.0.0.0"
    ipv6: bool = False
    fixed_cidr: str = ""
    fixed_cidr_v6: str = ""
    default_gateway: str = ""
    default_gateway_v6: str = ""
    default_address_pools: tuple[AddressPool, ...] = ()
    default_network_opts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    dns: Texts = ()
    dns_opts: Texts = ()
    dns_search: Texts = ()
    resolv_conf: str = ""
    host_gateway_ips: Texts = ()
    icc: bool = True
    iptables: bool = True
    ip6tables: bool = True
    ip_forward: bool = True
    ip_forward_no_drop: bool = False
    ip_masq: bool = True
    allow_direct_routing: bool = False
    userland_proxy: bool = True
    userland_proxy_path: str = ""
    firewall_backend: str = ""
    bridge_accept_fwmark: str = ""
    network_control_plane_mtu: int = 1500
    network_diagnostic_port: int = 0

    # other engines
    cluster_store: str = ""
    cluster_advertise: str = ""
    cluster_store_opts: Mapping[str, str] = field(default_factory=dict)

    # accepted for dockerd's sake
    containerd: str = ""
    containerd_namespace: str = "moby"
    containerd_plugin_namespace: str = "plugins.moby"
    cri_containerd: bool = False
    allow_nondistributable_artifacts: Texts = ()
    nri_opts: str = ""
    swarm_default_advertise_addr: str = ""
    swarm_raft_heartbeat_tick: int = 0
    swarm_raft_election_tick: int = 0

    # set by the loader: the names of what somebody configured (keys as in daemon.json)
    configured: frozenset[str] = frozenset()

    @property
    def uses_tls(self) -> bool:
        """--tlsverify implies --tls, and so does --tlscacert and the like only together with one of them."""
        return self.tls or self.tlsverify

    @property
    def listens(self) -> tuple[Listen, ...]:
        return tuple(parse_host(host, tls=self.uses_tls) for host in self.hosts or ("",))
