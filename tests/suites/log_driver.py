"""What every log driver does. A driver's test module subclasses this and makes the driver."""

from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path

import pytest

from seaway.logs.driver import ContainerInfo, LogDriver, LogEntry, LoggingNotReadable, ReadRequest
from seaway.logs.spool import LogLine


def line(second: int, text: bytes, stream: bytes = b"stdout") -> LogLine:
    return (b"2026-11-24T06:00:%02d.500000000" % second, stream, b"F" if text.endswith(b"\n") else b"P", text)


async def texts(driver: LogDriver, request: ReadRequest) -> list[bytes]:
    reading = driver.read(request)
    try:
        return [entry.text for batch in [b async for b in reading.batches()] for entry in batch]
    finally:
        reading.close()


class LogDriverSuite:
    is_readable = True

    @abstractmethod
    def make(self, info: ContainerInfo) -> LogDriver: ...

    @pytest.fixture
    def driver(self, tmp_path: Path) -> Iterator[LogDriver]:
        made = self.make(ContainerInfo("c" * 64, tmp_path))
        yield made
        made.close()

    async def test_what_is_written_is_read_in_order(self, driver: LogDriver) -> None:
        driver.write([line(1, b"a\n"), line(2, b"b\n", b"stderr")])
        driver.write([line(3, b"c")])
        if not self.is_readable:
            with pytest.raises(LoggingNotReadable):
                driver.read(ReadRequest())
            return
        assert await texts(driver, ReadRequest()) == [b"a\n", b"b\n", b"c"]
        assert await texts(driver, ReadRequest(stdout=False)) == [b"b\n"]
        assert await texts(driver, ReadRequest(tail=2)) == [b"b\n", b"c"]
        assert await texts(driver, ReadRequest(tail=0)) == []

    async def test_a_reading_goes_on_where_it_was(self, driver: LogDriver) -> None:
        if not self.is_readable:
            pytest.skip("not readable")
        driver.write([line(1, b"a\n")])
        reading = driver.read(ReadRequest(tail=1))
        seen: list[LogEntry] = []
        for text in (b"b\n", b"c\n", b""):
            async for batch in reading.batches():
                seen += batch
            if text:
                driver.write([line(2, text)])
        reading.close()
        assert [entry.text for entry in seen] == [b"a\n", b"b\n", b"c\n"]

    def test_close_then_write_then_remove_twice(self, driver: LogDriver, tmp_path: Path) -> None:
        driver.write([line(1, b"a\n")])
        driver.close()
        driver.write([line(2, b"b\n")])
        driver.remove()
        driver.remove()
        assert list(tmp_path.iterdir()) == []
