"""Which URLs serve a registry's images, in the order to try them.

Mirrors (for docker.io only), then https, then http where the registry is insecure. Loopback addresses always are.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seaway.oci.reference import DEFAULT_DOMAIN

HUB_URL = "https://registry-1.docker.io"
LOOPBACK = ("127.0.0.0/8", "::1/128")


@dataclass(frozen=True, slots=True)
class RegistryConfig:
    insecure: tuple[str, ...] = ()
    """Hosts (`name`, `name:port`) and networks (`10.0.0.0/8`)."""
    mirrors: tuple[str, ...] = ()
    certs_dir: Path = Path("/etc/docker/certs.d")
    max_concurrent_downloads: int = 3
    max_download_attempts: int = 5
    retry_delay_s: int = 5
    """The n-th retry waits n times as long."""
    user_agent: str = "docker/28.5.2"


@dataclass(frozen=True, slots=True)
class Endpoint:
    url: str
    host: str
    """`name[:port]`: the folder of its certificates."""
    verify_tls: bool = True
    is_mirror: bool = False


def plan_endpoints(domain: str, addresses: Sequence[str], config: RegistryConfig) -> tuple[Endpoint, ...]:
    """`addresses` are those of the domain's host, as far as they are known."""
    if domain == DEFAULT_DOMAIN:
        mirrors = tuple(_mirror(url, config) for url in config.mirrors)
        return (*mirrors, Endpoint(HUB_URL, "docker.io"))
    secure = not is_insecure(domain, addresses, config)
    https = Endpoint(f"https://{domain}", domain, verify_tls=secure)
    return (https,) if secure else (https, Endpoint(f"http://{domain}", domain))


def is_insecure(domain: str, addresses: Sequence[str], config: RegistryConfig) -> bool:
    networks = [n for text in (*LOOPBACK, *config.insecure) if (n := _network(text))]
    hosts = {text for text in config.insecure if not _network(text)}
    return domain in hosts or any(_within(address, networks) for address in addresses)


def host_of(domain: str) -> str:
    """`[::1]:5000` -> `::1`."""
    if domain.startswith("["):
        return domain[1:].partition("]")[0]
    return domain.partition(":")[0]


def _mirror(url: str, config: RegistryConfig) -> Endpoint:
    host = url.partition("://")[2].partition("/")[0]
    return Endpoint(url.rstrip("/"), host, verify_tls=host not in config.insecure, is_mirror=True)


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    if "/" not in text:
        return None
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _within(address: str, networks: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    return any(ip in network for network in networks)
