"""The runs under way, in memory, and who waits for them to end. A restart of the engine builds this anew."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from seaway.runtime.exits import Exit
from seaway.runtime.requests import RunRequest

Follower: TypeAlias = Callable[[str, "asyncio.Future[Exit]"], None]


@dataclass(slots=True)
class _Waiters:
    exits: list["asyncio.Future[Exit]"] = field(default_factory=list)
    removals: list["asyncio.Future[Exit]"] = field(default_factory=list)


class Runs:
    def __init__(self) -> None:
        self._requests: dict[str, RunRequest] = {}
        self._waiters: dict[str, _Waiters] = {}
        self._last_exit: dict[str, Exit] = {}
        self._followers: list[Follower] = []
        self.halted = False

    def add_follower(self, follower: Follower) -> None:
        """Called with every run that begins or is adopted: what comes after a start need not be known to it."""
        self._followers.append(follower)

    def follow(self, container_id: str, exit_of_run: "asyncio.Future[Exit]") -> None:
        for follower in self._followers:
            follower(container_id, exit_of_run)

    def halt(self) -> None:
        """The engine is going down: what ends now stays down until the next engine decides by its policy."""
        self.halted = True

    def began(self, request: RunRequest) -> None:
        self._requests[request.container_id] = request

    def request(self, container_id: str) -> RunRequest | None:
        return self._requests.get(container_id)

    def ended(self, container_id: str, how: Exit) -> None:
        self._requests.pop(container_id, None)
        self._last_exit[container_id] = how
        self._resolve(self._of(container_id).exits, how)

    def stays_down(self, container_id: str) -> None:
        """It ended before and waited for a restart, which will not come: to those who wait this is the end."""
        self._resolve(self._of(container_id).exits, self._last_exit.get(container_id, Exit(0, 0)))

    def removed(self, container_id: str) -> None:
        """Those who wait for the next exit of a container that is gone have waited long enough, too."""
        how = self._last_exit.pop(container_id, Exit(0, 0))
        waiters = self._waiters.pop(container_id, _Waiters())
        self._resolve(waiters.exits, how)
        self._resolve(waiters.removals, how)

    def next_exit(self, container_id: str) -> "asyncio.Future[Exit]":
        return self._wait(container_id, self._of(container_id).exits)

    def removal(self, container_id: str) -> "asyncio.Future[Exit]":
        return self._wait(container_id, self._of(container_id).removals)

    def _of(self, container_id: str) -> _Waiters:
        return self._waiters.setdefault(container_id, _Waiters())

    def _wait(self, container_id: str, waiting: list["asyncio.Future[Exit]"]) -> "asyncio.Future[Exit]":
        future: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        waiting.append(future)
        future.add_done_callback(lambda done: self._leave(container_id, waiting, done))
        return future

    def _leave(self, container_id: str, waiting: list["asyncio.Future[Exit]"], done: "asyncio.Future[Exit]") -> None:
        if done in waiting:
            waiting.remove(done)
        of_container = self._waiters.get(container_id)
        if of_container and not (of_container.exits or of_container.removals):
            del self._waiters[container_id]

    @staticmethod
    def _resolve(waiters: list["asyncio.Future[Exit]"], how: Exit) -> None:
        for future in list(waiters):
            if not future.done():
                future.set_result(how)
