"""GET /events: what is kept since a time, then what happens, until a time or until the client leaves."""

import asyncio

from aiohttp import web

from seaway.api.request import Request, parse_int
from seaway.api.respond import JsonStream
from seaway.api.router import Route
from seaway.api.versions import Version
from seaway.base import clock
from seaway.base.errors import InvalidParameter
from seaway.base.filters import Filters
from seaway.events.bus import EventBus, Subscription
from seaway.events.message import Event, matches


class EventHandlers:
    def __init__(self, bus: EventBus) -> None:
        self._bus = bus

    def routes(self) -> list[Route]:
        return [Route("GET", "/events", self.stream)]

    async def stream(self, request: Request) -> web.StreamResponse:
        since, until = parse_moment(request.text("since")), parse_moment(request.text("until"))
        if until is not None and since is not None and until < since:
            first, last = request.text("since"), request.text("until")
            raise InvalidParameter(f"`since` time ({first}) cannot be after `until` time ({last})")
        filters = request.filters()
        reply = JsonStream(request.http, b"\n")
        with self._bus.subscribe() as live:
            past = self._bus.past(since, until)
            await reply.start()
            for event in past:
                await _send(reply, event, filters, request.version)
            if until is None or until > clock.now_ns():
                await _follow(reply, live, filters, request.version, until)
        return await reply.finish()


async def _follow(reply: JsonStream, live: Subscription, filters: Filters, version: Version, until: int | None) -> None:
    try:
        async with asyncio.timeout(None if until is None else (until - clock.now_ns()) / 1e9):
            while True:
                await _send(reply, await live.next(), filters, version)
    except TimeoutError:
        return


async def _send(reply: JsonStream, event: Event, filters: Filters, version: Version) -> None:
    if version < Version(1, 46) and (event.type, event.action) == ("image", "create"):
        return
    if matches(filters, event):
        await reply.send(event.to_wire())


def parse_moment(text: str) -> int | None:
    """`1461943101`, `1461943101.607533796` or RFC 3339 -> nanoseconds since 1970; None where there is none."""
    if not text:
        return None
    if "T" in text.upper() and "-" in text[1:]:
        try:
            return clock.parse_time(text)
        except ValueError as error:
            raise InvalidParameter(str(error)) from error
    seconds, dot, fraction = text.partition(".")
    nanoseconds = parse_int(fraction) and int(fraction[:9].ljust(9, "0")) if dot else 0
    return parse_int(seconds) * 1_000_000_000 + nanoseconds
