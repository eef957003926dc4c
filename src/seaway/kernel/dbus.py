"""The system bus, by its own protocol: calls that wait for their answer, and signals. No library and no process."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

from seaway.base.errors import SystemFailure
from seaway.kernel import dbuswire
from seaway.kernel.dbuswire import Message

DEFAULT_ADDRESS = "unix:path=/run/dbus/system_bus_socket"
BUS, BUS_PATH = "org.freedesktop.DBus", "/org/freedesktop/DBus"
ANSWER_TIMEOUT_S = 10


class DBusFailed(SystemFailure):
    """`name` is the error's, "" where there was no answer."""

    def __init__(self, name: str, message: str) -> None:
        self.name = name
        super().__init__(f"D-Bus: {message}")


class Bus:
    """Who waits for signals makes no calls on the same connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._serials = count(1)

    async def call(self, to: str, path: str, method: str, signature: str = "", *body: Any) -> tuple[Any, ...]:
        """`method` with its interface before it: `org.freedesktop.DBus.Hello`. Raises DBusFailed."""
        interface, _, member = method.rpartition(".")
        fields = {dbuswire.PATH: path, dbuswire.INTERFACE: interface, dbuswire.MEMBER: member}
        fields |= {dbuswire.DESTINATION: to} | ({dbuswire.SIGNATURE: signature} if signature else {})
        sent = Message(dbuswire.CALL, next(self._serials), fields, body)
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                self._writer.write(dbuswire.to_wire(sent))
                await self._writer.drain()
                return _answer(await self._reply_to(sent.serial))
        except TimeoutError:
            raise DBusFailed("", f"{to} does not answer") from None

    async def subscribe(self, *rules: str) -> None:
        """To the signals that one of the rules matches (`type='signal',member='Reloaded'`)."""
        for rule in rules:
            await self.call(BUS, BUS_PATH, f"{BUS}.AddMatch", "s", rule)

    async def signals(self) -> AsyncIterator[Message]:
        """From the subscription on. Raises DBusFailed when the bus ends."""
        while True:
            message = await self._read()
            if message.kind == dbuswire.SIGNAL:
                yield message

    async def _reply_to(self, serial: int) -> Message:
        while True:
            message = await self._read()
            if message.fields.get(dbuswire.REPLY_SERIAL) == serial:
                return message

    async def _read(self) -> Message:
        try:
            fixed = await self._reader.readexactly(dbuswire.FIXED_SIZE)
            return dbuswire.parse_message(fixed + await self._reader.readexactly(dbuswire.rest_size(fixed)))
        except (OSError, EOFError, ValueError) as failed:
            raise DBusFailed("", f"the bus is gone: {failed}") from failed

    async def log_in(self) -> None:
        """As the user that this process is."""
        self._writer.write(b"\0AUTH EXTERNAL " + str(os.geteuid()).encode().hex().encode() + b"\r\n")
        answer = await self._reader.readline()
        if not answer.startswith(b"OK"):
            raise DBusFailed("", f"the bus refuses this user: {answer.decode(errors='replace').strip()}")
        self._writer.write(b"BEGIN\r\n")
        await self.call(BUS, BUS_PATH, f"{BUS}.Hello")


@asynccontextmanager
async def connected() -> AsyncIterator[Bus]:
    """Raises DBusFailed where there is no bus."""
    try:
        reader, writer = await asyncio.open_unix_connection(_socket_path())
    except OSError as failed:
        raise DBusFailed("", f"no system bus: {failed}") from failed
    try:
        bus = Bus(reader, writer)
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            await bus.log_in()
        yield bus
    except (OSError, TimeoutError) as failed:
        raise DBusFailed("", f"the bus is gone: {failed}") from failed
    finally:
        writer.close()


def _socket_path() -> str:
    """The first address that is a socket's."""
    for address in os.environ.get("DBUS_SYSTEM_BUS_ADDRESS", DEFAULT_ADDRESS).split(";"):
        transport, _, options = address.partition(":")
        given = dict(option.split("=", 1) for option in options.split(",") if "=" in option)
        if transport == "unix" and "path" in given:
            return given["path"]
    raise DBusFailed("", "the system bus has no socket with a path")


def _answer(message: Message) -> tuple[Any, ...]:
    if message.kind == dbuswire.ERROR:
        raise DBusFailed(
            message.fields.get(dbuswire.ERROR_NAME, ""), str(message.body[0] if message.body else "failed")
        )
    return message.body
