"""What the engine writes beside a container: /etc/hosts, /etc/resolv.conf and /etc/hostname."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seaway.containers.container import Container
from seaway.kernel import files
from seaway.networks.files import (
    ResolvConf,
    ResolverWishes,
    hostname_content,
    hosts_content,
    parse_extra_hosts,
    parse_resolv_conf,
    plan_resolv_conf,
)

HOST_HOSTS, HOST_RESOLV_CONF = Path("/etc/hosts"), Path("/etc/resolv.conf")
NAMES = ("hosts", "resolv.conf", "hostname")


@dataclass(frozen=True, slots=True)
class FileDefaults:
    """The engine's own options: what holds where a container says nothing."""

    dns: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    host_gateways: tuple[str, ...] = ()
    resolv_conf: str = ""

    @property
    def host_resolv_conf(self) -> Path:
        return Path(self.resolv_conf or HOST_RESOLV_CONF)


def plan_container_resolv_conf(
    container: Container, defaults: FileDefaults, kind: str, host_text: str | None = None
) -> ResolvConf:
    """`host_text`: the host's file is read unless it is told."""
    host = container.host_config
    wishes = ResolverWishes(
        dns=tuple(host.dns or defaults.dns),
        search=tuple(host.dns_search or defaults.search),
        options=tuple(host.dns_options or defaults.options),
    )
    source = defaults.host_resolv_conf
    text = read_host_file(source) if host_text is None else host_text
    return plan_resolv_conf(parse_resolv_conf(text), wishes, kind, str(source))


def plan_hosts(
    container: Container,
    addresses: Sequence[str],
    host_gateways: Sequence[str],
    links: Sequence[tuple[str, str]] = (),
    *,
    in_host: bool,
) -> str:
    """Raises InvalidParameter for an extra host without an address."""
    extra = (*parse_extra_hosts(container.host_config.extra_hosts or (), host_gateways), *links)
    config = container.config
    base = read_host_file(HOST_HOSTS) if in_host else None
    return hosts_content(addresses, config.hostname, config.domainname, extra, base=base)


def write_files(directory: Path, container: Container, hosts: str, resolv_conf: str, owner: tuple[int, int]) -> None:
    """Blocking. In place, for a running container has them mounted."""
    for name, content in zip(NAMES, (hosts, resolv_conf, hostname_content(container.config.hostname)), strict=True):
        write_in_place(directory / name, content)
        os.chown(directory / name, *owner)


def write_in_place(path: Path, content: str) -> None:
    """The inode stays the same, so whoever has the file mounted sees the change."""
    path.write_text(content)
    path.chmod(0o644)


def copy_files(source: Path, directory: Path) -> None:
    """For a container that lives in another's network."""
    for name in NAMES:
        files.replace_file_lazily(directory / name, (source / name).read_bytes(), 0o644)


def read_host_file(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except FileNotFoundError:
        return ""
