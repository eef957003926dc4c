"""A process's standard streams, as the engine holds them."""

from typing import NamedTuple, Protocol


class Output(NamedTuple):
    """`stream` is Docker's: 1 for stdout, 2 for stderr."""

    stream: int
    data: bytes


class Channel(Protocol):
    async def recv(self) -> Output | None:
        """The next output, of one stream; None at the end."""

    async def send(self, data: bytes) -> None:
        """To stdin. Raises BrokenPipeError or ConnectionResetError when the process has ended."""

    def close_stdin(self) -> None: ...

    def close(self) -> None: ...
