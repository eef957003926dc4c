import asyncio
from collections.abc import Awaitable, Callable

from seaway.base.errors import SystemFailure
from seaway.networks.nodenews import NodeNews


class Driver:
    def __init__(self, scope: str) -> None:
        self.scope = scope
        self.heard: list[tuple[str, str, bool]] = []
        self.fails = False

    def node_joined(self, address: str, *, own: bool) -> None:
        if self.fails:
            raise SystemFailure("busy")
        self.heard.append(("joined", address, own))

    def node_left(self, address: str, *, own: bool) -> None:
        self.heard.append(("left", address, own))


def told(story: "Callable[[NodeNews, Driver, set[str]], Awaitable[None]]", scope: str = "global") -> Driver:
    driver, nodes = Driver(scope), {"192.0.2.1"}

    async def run() -> None:
        news = NodeNews(lambda: {"wire": driver}, lambda: nodes, lambda: "192.0.2.1")  # type: ignore[dict-item]
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            following = group.create_task(news.follow())
            news.wake()
            await story(news, driver, nodes)
            following.cancel()

    asyncio.run(run())
    return driver


async def until(true: Callable[[], bool]) -> None:
    while not true():
        await asyncio.sleep(0)


def test_each_node_once_and_its_end() -> None:
    async def story(news: NodeNews, driver: Driver, nodes: set[str]) -> None:
        await until(lambda: len(driver.heard) == 1)
        nodes.add("192.0.2.2")
        news.wake()
        await until(lambda: len(driver.heard) == 2)
        nodes.remove("192.0.2.2")
        news.wake()
        await until(lambda: len(driver.heard) == 3)

    assert told(story).heard == [
        ("joined", "192.0.2.1", True),
        ("joined", "192.0.2.2", False),
        ("left", "192.0.2.2", False),
    ]


def test_one_that_fails_hears_it_again() -> None:
    async def story(news: NodeNews, driver: Driver, nodes: set[str]) -> None:
        driver.fails = True
        for _ in range(100):
            await asyncio.sleep(0)
        driver.fails = False
        news.wake()
        await until(lambda: bool(driver.heard))

    assert told(story).heard == [("joined", "192.0.2.1", True)]


def test_a_driver_of_this_host_alone_hears_nothing() -> None:
    async def story(news: NodeNews, driver: Driver, nodes: set[str]) -> None:
        for _ in range(100):
            await asyncio.sleep(0)

    assert told(story, "local").heard == []
