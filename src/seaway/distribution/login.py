"""`docker login`: does the registry know this name and password?"""

from seaway.base.errors import EngineError, InvalidParameter, SystemFailure
from seaway.distribution.auth import Credentials
from seaway.distribution.endpoints import RegistryConfig
from seaway.distribution.errors import RegistryRefusal, RegistryUnauthorized
from seaway.distribution.resolve import endpoints_of
from seaway.distribution.session import RegistrySession
from seaway.distribution.transport import transport
from seaway.oci.reference import DEFAULT_DOMAIN, LEGACY_DOMAIN


class LoginFailed(SystemFailure):
    pass


async def log_in(server: str, credentials: Credentials | None, config: RegistryConfig) -> str:
    """The identity token, where the registry's token server gave one. An empty `server` means Docker Hub.

    Raises RegistryUnauthorized, LoginFailed, or what the last endpoint failed with; mirrors are not asked.
    """
    failure: EngineError = SystemFailure(f"no endpoints found for {server}")
    async with transport(config) as http:
        for endpoint in await endpoints_of(server_host(server), config):
            if endpoint.is_mirror:
                continue
            session = RegistrySession(http, endpoint, credentials)
            try:
                await session.connect()
                status = await session.log_in()
            except RegistryRefusal as refused:
                raise RegistryUnauthorized(f'Get "{session.base}": {refused}') from refused
            except EngineError as caught:
                failure = caught
                continue
            if status == "200 OK":
                return session.identity_token
            failure = LoginFailed(f"login attempt to {session.base} failed with status: {status}")
    raise failure


def server_host(server: str) -> str:
    """`https://index.docker.io/v1/`, `r.example:5000` or nothing -> the registry's host."""
    if not server:
        return DEFAULT_DOMAIN
    host = server.removeprefix("https://").removeprefix("http://").partition("/")[0]
    if not host:
        raise InvalidParameter(f"unable to parse server address: {server}")
    return DEFAULT_DOMAIN if host in (LEGACY_DOMAIN, "registry-1.docker.io") else host
