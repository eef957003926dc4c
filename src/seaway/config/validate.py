"""What a complete configuration must satisfy, in the order in which dockerd looks."""

import ipaddress
import re

from seaway.config.cluster import parse_cluster
from seaway.config.engine import EngineConfig
from seaway.config.errors import ConfigError
from seaway.config.hosts import parse_host
from seaway.config.values import checked_runtime_name, parse_ip, parse_label

LOG_LEVELS = frozenset({"panic", "fatal", "error", "warn", "info", "debug", "trace"})
LOG_FORMATS = frozenset({"text", "json"})
DOMAIN = re.compile(r"(?=.{1,255}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?", re.I)
NAMESPACE_MODES = {"default_ipc_mode": ("shareable", "private"), "default_cgroupns_mode": ("host", "private")}
PREFIXES = {"default_ipc_mode": "default IPC mode", "default_cgroupns_mode": "default cgroup namespace mode"}
MINIMA = {
    "mtu": "invalid default MTU",
    "max_concurrent_downloads": "invalid max concurrent downloads",
    "max_concurrent_uploads": "invalid max concurrent uploads",
    "max_download_attempts": "invalid max download attempts",
}


def validate(config: EngineConfig) -> None:
    """Raises ConfigError with the first thing that is wrong."""
    if config.rootless:
        raise ConfigError("rootless mode is not supported: containers need an engine that is root")
    _check_logging(config)
    _check_names(config)
    for field, text in MINIMA.items():
        if (value := getattr(config, field)) < 0:
            raise ConfigError(f"{text}: {value}")
    for host in config.hosts:
        parse_host(host)
    for mirror in config.registry_mirrors:
        _check_mirror(mirror)
    driver = exec_options(config).get("native.cgroupdriver")
    if driver == "systemd" and config.cgroup_parent and not is_slice(config.cgroup_parent):
        raise ConfigError('cgroup-parent for systemd cgroup should be a valid slice named as "xxx.slice"')
    for field, modes in NAMESPACE_MODES.items():
        if (mode := getattr(config, field)) and mode not in modes:
            first, second = modes
            if field == "default_ipc_mode" and mode.partition(":")[0] in ("none", "host", "container"):
                text = f'IPC mode "{mode}" is not supported as default value; use "{first}" or "{second}"'
                raise ConfigError(text)
            raise ConfigError(f'{PREFIXES[field]} setting ({mode}) is invalid; use "{first}" or "{second}"')
    _check_runtimes(config)
    _check_network(config)
    parse_cluster(config.cluster_store, config.cluster_advertise, config.cluster_store_opts)


def _check_logging(config: EngineConfig) -> None:
    if config.log_level and config.log_level.lower() not in LOG_LEVELS:
        raise ConfigError(f"invalid logging level: {config.log_level}")
    if config.log_format and config.log_format not in LOG_FORMATS:
        raise ConfigError(f"invalid log format: {config.log_format}")


def _check_names(config: EngineConfig) -> None:
    for address in config.dns:
        parse_ip(address)
    for domain in config.dns_search:
        if domain.strip(" ") != "." and not DOMAIN.fullmatch(domain.strip(" ")):
            raise ConfigError(f"{domain} is not a valid domain")
    gateways = [ipaddress.ip_address(parse_ip(address)).version for address in config.host_gateway_ips]
    if len(gateways) != len(set(gateways)):
        raise ConfigError("only one IPv4 and one IPv6 host gateway IP address can be specified")
    seen: dict[str, str] = {}
    for label in map(parse_label, config.labels):
        key, _, value = label.partition("=")
        if seen.setdefault(key, value) != value:
            raise ConfigError(f"conflict labels for {label} and {key}={seen[key]}")


def _check_mirror(mirror: str) -> None:
    scheme, separator, rest = mirror.partition("://")
    if not separator or scheme not in ("http", "https"):
        raise ConfigError(f'invalid mirror: unsupported scheme "{scheme if separator else ""}" in "{mirror}"')
    if not rest.strip("/"):
        raise ConfigError(f'invalid mirror: no host in "{mirror}"')


def is_slice(parent: str) -> bool:
    """What systemd can have containers' scopes below."""
    return len(parent) > len(".slice") and parent.endswith(".slice")


def exec_options(config: EngineConfig) -> dict[str, str]:
    """--exec-opt as a map; native.cgroupdriver is the only one there is."""
    found = {}
    for option in config.exec_opts:
        key, _, value = option.partition("=")
        key, value = key.strip().lower(), value.strip()
        if not key or not value:
            raise ConfigError(f"invalid exec-opt ({option}): must be formatted 'opt=value'")
        if key != "native.cgroupdriver":
            raise ConfigError(f"invalid exec-opt ({option}): unknown option: '{key}'")
        if value not in ("cgroupfs", "systemd"):
            raise ConfigError(f"invalid exec-opt ({option}): native.cgroupdriver option {value} is unknown")
        found[key] = value
    return found


def _check_runtimes(config: EngineConfig) -> None:
    for name, runtime in config.runtimes.items():
        checked_runtime_name(name)
        if not runtime.path and not runtime.type:
            raise ConfigError(f"runtime {name}: either a runtimeType or a path must be configured")
        if runtime.path and runtime.type:
            raise ConfigError(f"runtime {name}: cannot configure both path and runtimeType for the same runtime")
    if config.default_runtime not in ("crun", "runc", *config.runtimes):
        raise ConfigError(f"specified default runtime '{config.default_runtime}' does not exist")


def _check_network(config: EngineConfig) -> None:
    if not config.iptables and not config.icc:
        raise ConfigError(
            "You specified --iptables=false with --icc=false. ICC=false uses iptables to function. "
            "Please set --icc or --iptables to true"
        )
    if config.firewall_backend not in ("", "iptables", "nftables"):
        raise ConfigError(f'invalid firewall-backend "{config.firewall_backend}": it is "iptables" or "nftables"')
    for text in (config.bip, config.fixed_cidr, config.bip6, config.fixed_cidr_v6):
        if text:
            _check_cidr(text)
    for pool in config.default_address_pools:
        if ipaddress.ip_network(pool.base, strict=False).prefixlen > pool.size:
            raise ConfigError(f"invalid pools size: {pool.size}")


def _check_cidr(text: str) -> None:
    try:
        if "/" in text:
            ipaddress.ip_interface(text)
            return
    except ValueError:
        pass
    raise ConfigError(f"invalid CIDR address: {text}")
