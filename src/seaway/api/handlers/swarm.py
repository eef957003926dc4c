"""The routes of swarm, answered as dockerd does on a node that is in none: Seaway never joins one."""

from typing import NoReturn

from seaway.api.request import Request
from seaway.api.router import Route
from seaway.base.errors import NotImplementedByEngine, Unavailable

OF_MANAGERS = """
GET /swarm, GET /swarm/unlockkey, POST /swarm/update, POST /swarm/unlock
GET /nodes, GET /nodes/{id}, DELETE /nodes/{id}, POST /nodes/{id}/update
GET /services, POST /services/create, GET /services/{id}, DELETE /services/{id}, POST /services/{id}/update
GET /services/{id}/logs
GET /tasks, GET /tasks/{id}, GET /tasks/{id}/logs
GET /secrets, POST /secrets/create, GET /secrets/{id}, DELETE /secrets/{id}, POST /secrets/{id}/update
GET /configs, POST /configs/create, GET /configs/{id}, DELETE /configs/{id}, POST /configs/{id}/update
"""


class SwarmHandlers:
    def routes(self) -> list[Route]:
        listed = [entry.split() for entry in OF_MANAGERS.strip().replace("\n", ", ").split(", ")]
        return [
            *(Route(method, pattern, self.no_manager) for method, pattern in listed),
            Route("POST", "/swarm/init", self.unsupported),
            Route("POST", "/swarm/join", self.unsupported),
            Route("POST", "/swarm/leave", self.no_member),
        ]

    async def no_manager(self, request: Request) -> NoReturn:
        raise Unavailable(
            'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to '
            "swarm and try again."
        )

    async def no_member(self, request: Request) -> NoReturn:
        raise Unavailable("This node is not part of a swarm")

    async def unsupported(self, request: Request) -> NoReturn:
        raise NotImplementedByEngine("swarm mode is not supported by Seaway")
