"""What `--cluster-store`, `--cluster-advertise` and `--cluster-store-opt` say. Pure; the texts are dockerd 1.10's."""

from collections.abc import Mapping
from dataclasses import dataclass

from seaway.config.errors import ConfigError

HEARTBEAT_S, TTL_FACTOR = 20, 3
NODES = "docker/nodes"
HEARTBEAT, TTL, CA, CERTIFICATE, KEY, PATH = (
    "discovery.heartbeat", "discovery.ttl", "kv.cacertfile", "kv.certfile", "kv.keyfile", "kv.path",
)  # fmt: skip
OTHER_STORES = ("consul", "zk")


@dataclass(frozen=True, slots=True)
class ClusterConfig:
    """`servers` are host:port; keys lie below `prefix`, those of the engines themselves below `nodes`. `advertise` is
    "IP:port" or "interface:port"; empty: this engine only keeps the setting."""

    servers: tuple[str, ...]
    prefix: str = ""
    advertise: str = ""
    heartbeat_s: int = HEARTBEAT_S
    ttl_s: int = HEARTBEAT_S * TTL_FACTOR
    nodes: str = NODES
    ca: str = ""
    certificate: str = ""
    key: str = ""


def parse_cluster(store: str, advertise: str, options: Mapping[str, str]) -> ClusterConfig | None:
    """None: no cluster. Raises ConfigError."""
    if not store:
        if advertise:
            raise ConfigError(
                "invalid cluster configuration. --cluster-advertise must be accompanied by --cluster-store "
                "configuration"
            )
        return None
    servers, prefix = _parse_store(store)
    heartbeat_s, ttl_s = _parse_timers(options)
    if unknown := sorted(options.keys() - {HEARTBEAT, TTL, CA, CERTIFICATE, KEY, PATH}):
        raise ConfigError(f"unknown cluster store option: {', '.join(unknown)}")
    if bool(options.get(CERTIFICATE)) != bool(options.get(KEY)):
        raise ConfigError(f"discovery initialization failed ({CERTIFICATE} and {KEY} must both be given)")
    return ClusterConfig(
        servers=servers,
        prefix=prefix,
        advertise=_parse_advertise(advertise) if advertise else "",
        heartbeat_s=heartbeat_s,
        ttl_s=ttl_s,
        nodes=options.get(PATH, "").strip("/") or NODES,
        ca=options.get(CA, ""),
        certificate=options.get(CERTIFICATE, ""),
        key=options.get(KEY, ""),
    )


def _parse_store(url: str) -> tuple[tuple[str, ...], str]:
    scheme, separator, rest = url.partition("://")
    if not separator or not rest:
        raise ConfigError(f"Could not parse cluster store {url}: it must be KV-PROVIDER://KV-URL")
    if scheme in OTHER_STORES:
        raise ConfigError(f"discovery initialization failed (the cluster store {scheme} is not supported, etcd is)")
    if scheme != "etcd":
        raise ConfigError("discovery initialization failed (discovery service not supported)")
    hosts, _, prefix = rest.partition("/")
    servers = tuple(host for host in hosts.split(",") if host)
    for server in servers:
        _split_port(server, "discovery initialization failed (address {}: {})")
    if not servers:
        raise ConfigError(f"discovery initialization failed (no server in {url})")
    return servers, prefix.strip("/")


def _parse_advertise(text: str) -> str:
    _split_port(text, "discovery advertise parsing failed (invalid --cluster-advertise configuration: {}: {})")
    return text


def _split_port(address: str, complaint: str) -> None:
    host, separator, port = address.rpartition(":")
    if not separator or "]" in port:
        raise ConfigError(complaint.format(address, "missing port in address"))
    if not host or not port.isdigit() or int(port) > 65535:
        raise ConfigError(complaint.format(address, "invalid host or port"))


def _parse_timers(options: Mapping[str, str]) -> tuple[int, int]:
    heartbeat_s, ttl_s = HEARTBEAT_S, HEARTBEAT_S * TTL_FACTOR
    if HEARTBEAT in options:
        heartbeat_s = _seconds(options[HEARTBEAT])
        ttl_s = heartbeat_s * TTL_FACTOR
    if TTL in options:
        ttl_s = _seconds(options[TTL])
        if HEARTBEAT not in options:
            heartbeat_s = max(ttl_s // TTL_FACTOR, 1)
        if ttl_s <= heartbeat_s:
            raise ConfigError("discovery.ttl timer must be greater than discovery.heartbeat")
    return heartbeat_s, ttl_s


def _seconds(text: str) -> int:
    if not text.isdigit() or not int(text):
        raise ConfigError(f'strconv.Atoi: parsing "{text}": invalid syntax')
    return int(text)
