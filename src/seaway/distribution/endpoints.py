"""Which URLs serve a registry's images, in the order to try them.

Mirrors (of `hosts.toml`, then for docker.io the general ones), then https, then http where the registry is insecure.
Loopback addresses always are.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seaway.distribution.hosts import Host, Hosts
from seaway.distribution.proxies import Proxies
from seaway.oci.reference import DEFAULT_DOMAIN

HUB_URL = "https://registry-1.docker.io"
NO_HOSTS, NO_PROXIES = Hosts(), Proxies()
LOOPBACK = ("127.0.0.0/8", "::1/128")

MetaHeaders = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class RegistryConfig:
    insecure: tuple[str, ...] = ()
    """Hosts (`name`, `name:port`) and networks (`10.0.0.0/8`)."""
    mirrors: tuple[str, ...] = ()
    certs_dir: Path = Path("/etc/docker/certs.d")
    max_download_attempts: int = 5
    retry_delay_s: int = 5
    """The n-th retry waits n times as long."""
    user_agent: str = "docker/28.5.2"
    proxies: Proxies = NO_PROXIES
    meta_headers: MetaHeaders = ()
    """The client's `X-Meta-*`, which it wants the registry to have."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    url: str
    host: str
    """`name[:port]`: the folder of its certificates."""
    verify_tls: bool = True
    is_mirror: bool = False
    told: Host | None = None
    """What `hosts.toml` says of a mirror."""

    @property
    def api(self) -> str:
        return f"{self.url}/" if self.told and self.told.override_path else f"{self.url}/v2/"

    def serves(self, *, tag: bool) -> bool:
        """May a pull by tag, or by digest, ask here?"""
        return self.told is None or (self.told.pulls and (self.told.resolves_tags or not tag))


def plan_endpoints(
    domain: str, addresses: Sequence[str], config: RegistryConfig, hosts: Hosts = NO_HOSTS
) -> tuple[Endpoint, ...]:
    """`addresses` are those of the domain's host, as far as they are known."""
    mirrors = tuple(_told_mirror(host) for host in hosts.mirrors)
    if hosts.server:
        secure = _host_in(hosts.server) not in config.insecure
        return (*mirrors, Endpoint(hosts.server, domain, verify_tls=secure))
    if domain == DEFAULT_DOMAIN:
        general = tuple(_mirror(url, config) for url in config.mirrors)
        return (*mirrors, *general, Endpoint(HUB_URL, "docker.io"))
    secure = not is_insecure(domain, addresses, config)
    https = Endpoint(f"https://{domain}", domain, verify_tls=secure)
    return (*mirrors, https) if secure else (*mirrors, https, Endpoint(f"http://{domain}", domain))


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
    host = _host_in(url)
    return Endpoint(url.rstrip("/"), host, verify_tls=host not in config.insecure, is_mirror=True)


def _told_mirror(host: Host) -> Endpoint:
    return Endpoint(host.url, _host_in(host.url), verify_tls=host.verify_tls, is_mirror=True, told=host)


def _host_in(url: str) -> str:
    return url.partition("://")[2].partition("/")[0]


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
