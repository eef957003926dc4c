"""The `/images` routes of the local image service."""

from aiohttp import web

from seaway.api.platforms import chosen_platform, chosen_platforms
from seaway.api.request import Request
from seaway.api.respond import empty_response, json_response
from seaway.api.router import Route
from seaway.api.versions import Version
from seaway.base.errors import InvalidParameter
from seaway.images.catalog import Catalog
from seaway.images.inspect import image_history, inspect_image
from seaway.images.listing import list_images
from seaway.images.prune import prune_images
from seaway.images.remove import FindUsers, remove_image
from seaway.oci.reference import Reference, parse_reference


class ImageHandlers:
    def __init__(self, catalog: Catalog, users: FindUsers) -> None:
        self._catalog, self._users = catalog, users

    def routes(self) -> list[Route]:
        one = "/images/{name:.+}"
        return [
            Route("GET", "/images/json", self.list),
            Route("GET", f"{one}/json", self.inspect),
            Route("GET", f"{one}/history", self.history),
            Route("POST", f"{one}/tag", self.tag),
            Route("POST", "/images/prune", self.prune),
            Route("DELETE", one, self.remove),
        ]

    async def list(self, request: Request) -> web.StreamResponse:
        """How many containers use each image is told since 1.51, what images share is asked for since 1.42.

        `manifests` is for stores that keep an image's manifests: this one has them no more than dockerd's overlay2 has.
        """
        version, filters = request.version, request.filters()
        if version < Version(1, 41) and (pattern := request.text("filter")):
            filters = filters.with_value("reference", pattern)
        summaries = list_images(
            self._catalog,
            filters,
            show_all=request.flag("all"),
            shared_size=version >= Version(1, 42) and request.flag("shared-size"),
            users=self._users if version >= Version(1, 51) else None,
            version=version[:2],
        )
        return json_response(summaries)

    async def inspect(self, request: Request) -> web.StreamResponse:
        platform = chosen_platform(request, Version(1, 49))
        if platform and request.flag("manifests"):
            raise InvalidParameter("conflicting options: manifests and platform options cannot both be set")
        return json_response(inspect_image(self._catalog, request["name"], request.version[:2], platform))

    async def history(self, request: Request) -> web.StreamResponse:
        return json_response(image_history(self._catalog, request["name"], chosen_platform(request, Version(1, 48))))

    async def tag(self, request: Request) -> web.StreamResponse:
        image = self._catalog.resolve(request["name"])
        await self._catalog.tag(image, wanted_tag(request.text("repo"), request.text("tag")))
        return empty_response(201)

    async def remove(self, request: Request) -> web.StreamResponse:
        records = await remove_image(
            self._catalog,
            self._users,
            request["name"],
            chosen_platforms(request, Version(1, 50)),
            force=request.flag("force"),
            prune_parents=not request.flag("noprune"),
        )
        return json_response(records)

    async def prune(self, request: Request) -> web.StreamResponse:
        return json_response(await prune_images(self._catalog, self._users, request.filters()))


def wanted_tag(repository: str, tag: str) -> Reference:
    """Raises InvalidParameter for a name that is none, or that carries a digest."""
    reference = parse_reference(f"{repository}:{tag}" if tag else repository)
    if reference.digest:
        raise InvalidParameter("refusing to create a tag with a digest reference")
    return reference.with_default_tag()
