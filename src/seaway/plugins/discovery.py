"""Where a version 1 plugin listens: a socket, or a file that gives its address.

/run/docker/plugins/<name>.sock            or <name>/<name>.sock
/etc/docker/plugins/<name>.spec            one line: unix:///path or tcp://host:port; or <name>/<name>.spec
/etc/docker/plugins/<name>.json            {"Name", "Addr", "TLSConfig": {CAFile, CertFile, KeyFile, …}}
/usr/lib/docker/plugins/…                  the same
"""

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from seaway.base import gojson
from seaway.base.errors import InvalidParameter, NotFound

# Longer ones are no names of files.
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,200}")


class NoSuchPlugin(NotFound):
    pass


class TlsFiles(msgspec.Struct, frozen=True, kw_only=True):
    ca: str = msgspec.field(default="", name="CAFile")
    cert: str = msgspec.field(default="", name="CertFile")
    key: str = msgspec.field(default="", name="KeyFile")
    insecure: bool = msgspec.field(default=False, name="InsecureSkipVerify")


class PluginAddress(msgspec.Struct, frozen=True, kw_only=True):
    """`address` is `unix:///path`, `tcp://host:port`, `http://…` or `https://…`."""

    name: str = msgspec.field(default="", name="Name")
    address: str = msgspec.field(default="", name="Addr")
    tls: TlsFiles | None = msgspec.field(default=None, name="TLSConfig")


class PluginDirectories:
    """Blocking. `sockets` is looked at first."""

    def __init__(
        self,
        sockets: Path = Path("/run/docker/plugins"),
        specs: tuple[Path, ...] = (Path("/etc/docker/plugins"), Path("/usr/lib/docker/plugins")),
    ) -> None:
        self._sockets, self._specs = sockets, specs

    def find(self, name: str) -> PluginAddress:
        """Raises NoSuchPlugin, and InvalidParameter for a file that cannot be understood."""
        if _NAME.fullmatch(name):
            for path in _places(self._sockets, name, "sock"):
                if path.is_socket():
                    return PluginAddress(name=name, address=f"unix://{path}")
            for directory in self._specs:
                for ending in ("spec", "json"):
                    for path in _places(directory, name, ending):
                        if path.is_file():
                            return read_spec(name, path)
        raise NoSuchPlugin(f'plugin "{name}" not found')

    def names(self) -> list[str]:
        """All there are."""
        found = {name for name in _stems(self._sockets, "sock") if self._listens(name)}
        for directory in self._specs:
            found.update(_stems(directory, "spec"), _stems(directory, "json"))
        return sorted(found)

    def _listens(self, name: str) -> bool:
        return any(path.is_socket() for path in _places(self._sockets, name, "sock"))


def read_spec(name: str, path: Path) -> PluginAddress:
    text = path.read_text().strip()
    if path.suffix == ".json":
        found = gojson.decode(text.encode(), PluginAddress)
        address, tls = found.address, found.tls
    else:
        address, tls = text, None
    if "://" not in address:
        raise InvalidParameter(f"unknown protocol in the address of plugin {name}: {address}")
    return PluginAddress(name=name, address=address, tls=tls)


def _places(directory: Path, name: str, ending: str) -> Iterator[Path]:
    yield directory / f"{name}.{ending}"
    yield directory / name / f"{name}.{ending}"


def _stems(directory: Path, ending: str) -> Iterator[str]:
    for path in (*directory.glob(f"*.{ending}"), *directory.glob(f"*/*.{ending}")):
        if path.parent == directory or path.parent.name == path.stem:
            yield path.stem
