"""Where the engine listens: the grammar of -H and of daemon.json's "hosts"."""

from dataclasses import dataclass

from seaway.config.errors import ConfigError

DEFAULT_SOCKET = "/var/run/docker.sock"
DEFAULT_ADDRESS = "localhost"
DEFAULT_PORT = 2375
DEFAULT_TLS_PORT = 2376


@dataclass(frozen=True, slots=True)
class Listen:
    """One address: unix and a path, tcp with a host and a port, or fd with a socket's name, its number or nothing."""

    protocol: str
    address: str
    port: int = 0

    def __str__(self) -> str:
        if self.protocol != "tcp":
            return f"{self.protocol}://{self.address}"
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"tcp://{host}:{self.port}"


def parse_host(text: str, *, tls: bool = False) -> Listen:
    """The empty text means the default: the unix socket, or with TLS the loopback port for it."""
    host = text.strip()
    if not host:
        return Listen("tcp", DEFAULT_ADDRESS, DEFAULT_TLS_PORT) if tls else Listen("unix", DEFAULT_SOCKET)
    protocol, separator, address = host.partition("://")
    if not separator:
        protocol, address = "tcp", host
    match protocol:
        case "tcp":
            return _parse_tcp(address, host, DEFAULT_TLS_PORT if tls else DEFAULT_PORT)
        case "unix":
            if "://" in address:
                raise ConfigError(f"invalid proto, expected unix: {address}")
            return Listen("unix", address or DEFAULT_SOCKET)
        case "fd":
            return Listen("fd", address)
    raise ConfigError(f"invalid bind address ({host}): unsupported proto '{protocol}'")


def _parse_tcp(address: str, whole: str, default_port: int) -> Listen:
    if "://" in address:
        raise ConfigError(f"invalid proto, expected tcp: {whole}")
    address = address.partition("/")[0]
    if address.startswith("["):
        name, bracket, rest = address[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ConfigError(f"invalid bind address ({whole}): missing ']' in address")
        port = rest[1:]
    else:
        name, _, port = address.partition(":")
    if port and not (port.isascii() and port.isdigit() and int(port) <= 65535):
        raise ConfigError(f"invalid bind address ({whole}): invalid port '{port}'")
    return Listen("tcp", name or DEFAULT_ADDRESS, int(port) if port else default_port)
