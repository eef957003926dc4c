"""Which proxy a URL is asked through, by Go's rules (`httpproxy`), which differ from Python's. Pure."""

import ipaddress
from dataclasses import dataclass

from yarl import URL


@dataclass(frozen=True, slots=True)
class Proxies:
    http: str = ""
    https: str = ""
    none_for: str = ""
    """Hosts with a comma between them: names with all below them, `.names` below only, addresses, networks, with or
    without a port, or `*`."""

    def for_url(self, url: URL) -> URL | None:
        proxy = self.https if url.scheme == "https" else self.http
        host = (url.host or "").lower().rstrip(".")
        if not proxy or _is_local(host) or self._excepts(host, url.port or 0):
            return None
        return URL(proxy if "://" in proxy else f"http://{proxy}")

    def _excepts(self, host: str, port: int) -> bool:
        entries = [entry.strip().lower() for entry in self.none_for.split(",")]
        return any(_matches(entry, host, port) for entry in entries if entry)


def _is_local(host: str) -> bool:
    return host == "localhost" or bool((ip := _address(host)) and ip.is_loopback)


def _matches(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    ip = _address(host)
    if "/" in entry:
        try:
            return bool(ip) and ip in ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return False
    name, wanted_port = _split_port(entry)
    if wanted_port and wanted_port != str(port):
        return False
    if entry_ip := _address(name):
        return entry_ip == ip
    suffix = name.removeprefix("*")
    if suffix.startswith("."):
        return host.endswith(suffix)
    return host == suffix or host.endswith(f".{suffix}")


def _split_port(entry: str) -> tuple[str, str]:
    if entry.startswith("["):
        name, _, rest = entry[1:].partition("]")
        return name, rest.removeprefix(":")
    name, colon, port = entry.rpartition(":")
    return (name, port) if colon and ":" not in name else (entry, "")


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
