"""The system bus: calls that wait for their answer, and signals."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from jeepney import DBusAddress, HeaderFields, Message, MessageFlag, MessageType, new_method_call
from jeepney.io.asyncio import DBusConnection, open_dbus_connection

from seaway.base.errors import SystemFailure

BUS, BUS_PATH = "org.freedesktop.DBus", "/org/freedesktop/DBus"
ANSWER_TIMEOUT_S = 10


class DBusFailed(SystemFailure):
    """`name` is the error's, "" where there was no answer."""

    def __init__(self, name: str, message: str) -> None:
        self.name = name
        super().__init__(f"D-Bus: {message}")


class Bus:
    """Who waits for signals makes no calls on the same connection."""

    def __init__(self, connection: DBusConnection) -> None:
        self._connection = connection

    async def call(self, to: str, path: str, method: str, signature: str = "", *body: Any) -> tuple[Any, ...]:
        """`method` with its interface before it: `org.freedesktop.DBus.Hello`. Starts nobody who could answer. Raises
        DBusFailed."""
        interface, _, member = method.rpartition(".")
        message = new_method_call(DBusAddress(path, to, interface), member, signature or None, body)
        message.header.flags |= MessageFlag.no_auto_start
        serial = next(self._connection.outgoing_serial)
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                await self._connection.send(message, serial=serial)
                return _answer(await self._reply_to(serial))
        except TimeoutError:
            raise DBusFailed("", f"{to} does not answer") from None

    async def subscribe(self, *rules: str) -> None:
        """To the signals that one of the rules matches (`type='signal',member='Reloaded'`)."""
        for rule in rules:
            await self.call(BUS, BUS_PATH, f"{BUS}.AddMatch", "s", rule)

    async def signals(self) -> AsyncIterator[Message]:
        """From the subscription on. Raises DBusFailed when the bus ends."""
        while True:
            message = await self._receive()
            if message.header.message_type == MessageType.signal:
                yield message

    async def _reply_to(self, serial: int) -> Message:
        while True:
            message = await self._receive()
            if message.header.fields.get(HeaderFields.reply_serial) == serial:
                return message

    async def _receive(self) -> Message:
        try:
            return await self._connection.receive()
        except (OSError, EOFError, ValueError) as failed:
            raise DBusFailed("", f"the bus is gone: {failed}") from failed


@asynccontextmanager
async def connected() -> AsyncIterator[Bus]:
    """Raises DBusFailed where there is no bus, or it refuses this user."""
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            connection = await open_dbus_connection("SYSTEM")
    except (OSError, EOFError, RuntimeError, ValueError) as failed:
        raise DBusFailed("", f"no system bus: {failed}") from failed
    try:
        yield Bus(connection)
    except OSError as failed:
        raise DBusFailed("", f"the bus is gone: {failed}") from failed
    finally:
        connection.writer.close()


def _answer(message: Message) -> tuple[Any, ...]:
    if message.header.message_type == MessageType.error:
        name = message.header.fields.get(HeaderFields.error_name, "")
        raise DBusFailed(name, str(message.body[0] if message.body else "failed"))
    return tuple(message.body)
