"""Which of the containers that an engine before this one left running are taken over, while the API answers already.

Who reads records waits for nothing. Who does something with one container waits for that one; who may touch any of them
waits for all, though not for ever: one whose volume hangs must not keep the others from being used.
"""

import asyncio
from collections.abc import Mapping

ALL_WITHIN_S = 10.0


class Adoption:
    def __init__(self) -> None:
        self._begun = asyncio.Event()
        self._under_way: Mapping[str, asyncio.Task[None]] = {}

    def begin(self, under_way: "Mapping[str, asyncio.Task[None]]") -> None:
        """By container ID. What a killed engine left half-made is gone by now."""
        self._under_way = under_way
        self._begun.set()

    async def of(self, container_id: str) -> None:
        await self._begun.wait()
        if task := self._under_way.get(container_id):
            await asyncio.wait([task])

    async def of_all(self) -> bool:
        """Whether none is missing."""
        await self._begun.wait()
        if not self._under_way:
            return True
        _, missing = await asyncio.wait(self._under_way.values(), timeout=ALL_WITHIN_S)
        return not missing
