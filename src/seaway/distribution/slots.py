"""How many transfers go at one time, whoever began them; the number may change while they do."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Slots:
    """First come, first served. A limit of 0 is none, as in dockerd. A smaller one ends nothing that has begun."""

    def __init__(self, limit: int) -> None:
        self._limit, self._taken = limit, 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    def are_taken(self) -> bool:
        return 0 < self._limit <= self._taken

    def resize(self, limit: int) -> None:
        self._limit = limit
        self._let_in()

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        if self._waiting or self.are_taken():
            await self._turn()
        else:
            self._taken += 1
        try:
            yield
        finally:
            self._give_back()

    async def _turn(self) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._waiting.remove(turn)
            else:  # it was given in the same moment
                self._give_back()
            raise

    def _give_back(self) -> None:
        self._taken -= 1
        self._let_in()

    def _let_in(self) -> None:
        free = (turn for turn in list(self._waiting) if not turn.done())
        while not self.are_taken() and (turn := next(free, None)):
            self._waiting.remove(turn)
            self._taken += 1
            turn.set_result(None)
