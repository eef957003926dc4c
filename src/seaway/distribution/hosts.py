"""Mirrors of any registry: `hosts.toml` in its folder of `certs.d`, in containerd's format, which dockerd leaves alone.

server = "https://registry.example"            in place of the registry itself
[host."https://mirror.example"]                tried before it, in this order
capabilities = ["pull", "resolve"]             without "resolve": asked for digests, never for tags
ca = "/etc/mirror.crt"                         or a list of them
client = [["/etc/mirror.cert", "/etc/mirror.key"]]
skip_verify = true
override_path = true                           the URL's path stands in the place of /v2
[host."https://mirror.example".header]
x-key = "value"                                or a list; sent with every request
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seaway.base.errors import InvalidParameter

CAPABILITIES = frozenset({"pull", "resolve", "push"})
_FIELDS = frozenset({"capabilities", "ca", "client", "skip_verify", "override_path", "header"})


class InvalidHosts(InvalidParameter):
    pass


@dataclass(frozen=True, slots=True)
class Host:
    url: str
    """Without a slash at the end. The API is below it, at `/v2` unless it is overridden."""
    resolves_tags: bool = True
    pulls: bool = True
    ca: tuple[str, ...] = ()
    clients: tuple[tuple[str, str], ...] = ()
    """Certificate and key; one file may have both."""
    verify_tls: bool = True
    override_path: bool = False
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Hosts:
    server: str = ""
    mirrors: tuple[Host, ...] = ()


def read_hosts(folder: Path) -> Hosts:
    """Nothing where there is no file. Raises InvalidHosts with its name."""
    file = folder / "hosts.toml"
    try:
        return parse_hosts(file.read_text())
    except FileNotFoundError:
        return Hosts()
    except (InvalidHosts, UnicodeDecodeError) as failure:
        raise InvalidHosts(f"invalid {file}: {failure}") from failure


def parse_hosts(text: str) -> Hosts:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as failure:
        raise InvalidHosts(str(failure)) from failure
    _refuse_unknown(document, frozenset({"server", "host"}), "")
    mirrors = _typed(document, "host", dict, "", {})
    server = _typed(document, "server", str, "", "")
    return Hosts(_url(server) if server else "", tuple(_host(url, fields) for url, fields in mirrors.items()))


def _host(url: str, fields: Any) -> Host:
    if not isinstance(fields, dict):
        raise InvalidHosts(f'host."{url}" must be a table')
    _refuse_unknown(fields, _FIELDS, f'host."{url}".')
    capabilities = set(_texts(fields.get("capabilities", sorted(CAPABILITIES)), url, "capabilities"))
    if unknown := capabilities - CAPABILITIES:
        raise InvalidHosts(f'host."{url}": unknown capability "{min(unknown)}"')
    headers = _typed(fields, "header", dict, url, {})
    return Host(
        _url(url),
        "resolve" in capabilities,
        "pull" in capabilities,
        _texts(fields.get("ca", []), url, "ca"),
        _clients(fields.get("client", []), url),
        not _typed(fields, "skip_verify", bool, url, False),
        _typed(fields, "override_path", bool, url, False),
        tuple((name, value) for name, values in headers.items() for value in _texts(values, url, f"header.{name}")),
    )


def _clients(value: Any, url: str) -> tuple[tuple[str, str], ...]:
    pairs = [value] if isinstance(value, str) else value
    if not isinstance(pairs, list):
        raise InvalidHosts(f'host."{url}": client must be a file, or a list of files or pairs of them')
    found = []
    for pair in pairs:
        files = _texts(pair, url, "client")
        if len(files) not in (1, 2):
            raise InvalidHosts(f'host."{url}": client must be a file, or a list of files or pairs of them')
        found.append((files[0], files[-1]))
    return tuple(found)


def _texts(value: Any, url: str, key: str) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(item, str) for item in values):
        raise InvalidHosts(f'host."{url}": {key} must be a text or a list of texts')
    return tuple(values)


def _typed(fields: dict[str, Any], key: str, wanted: type, url: str, default: Any) -> Any:
    value = fields.get(key, default)
    if not isinstance(value, wanted):
        where = f'host."{url}": ' if url else ""
        raise InvalidHosts(f"{where}{key} must be a {wanted.__name__}, not {value!r}")
    return value


def _refuse_unknown(fields: dict[str, Any], known: frozenset[str], prefix: str) -> None:
    if unknown := fields.keys() - known:
        raise InvalidHosts(f'unknown key "{prefix}{min(unknown)}"')


def _url(text: str) -> str:
    url = text if "://" in text else f"https://{text}"
    scheme, _, rest = url.partition("://")
    if scheme not in ("http", "https") or not rest.strip("/"):
        raise InvalidHosts(f'"{text}" is no URL of a registry')
    return url.rstrip("/")
