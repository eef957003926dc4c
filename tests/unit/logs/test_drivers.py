from pathlib import Path

import pytest
from tests.suites.log_driver import LogDriverSuite, line, texts

from seaway.base.clock import parse_time
from seaway.logs.driver import ContainerInfo, LogDriver, ReadRequest
from seaway.logs.drivers import make_driver
from seaway.logs.jsonfile import JsonFileDriver
from seaway.logs.none import NoneDriver


class TestJsonFile(LogDriverSuite):
    def make(self, info: ContainerInfo) -> LogDriver:
        return JsonFileDriver(info)


class TestNone(LogDriverSuite):
    is_readable = False

    def make(self, info: ContainerInfo) -> LogDriver:
        return NoneDriver(info)


def limited(tmp_path: Path, **options: str) -> JsonFileDriver:
    return JsonFileDriver(ContainerInfo("c1", tmp_path, options={k.replace("_", "-"): v for k, v in options.items()}))


@pytest.mark.parametrize("compress", ["true", "false"])
async def test_rotation_keeps_max_file_files_and_the_reader_reads_them_all(tmp_path: Path, compress: str) -> None:
    driver = limited(tmp_path, max_size="160", max_file="3", compress=compress)
    driver.write([line(i, b"line %d\n" % i) for i in range(7)])
    suffix = ".gz" if compress == "true" else ""
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["c1-json.log", f"c1-json.log.1{suffix}", f"c1-json.log.2{suffix}"]
    assert await texts(driver, ReadRequest()) == [b"line %d\n" % i for i in range(7)]
    assert await texts(driver, ReadRequest(tail=4)) == [b"line %d\n" % i for i in range(3, 7)]


async def test_a_reader_survives_rotation(tmp_path: Path) -> None:
    driver = limited(tmp_path, max_size="160", max_file="5")
    driver.write([line(0, b"0\n")])
    reading = driver.read(ReadRequest())
    seen = [entry.text async for batch in reading.batches() for entry in batch]
    driver.write([line(i, b"%d\n" % i) for i in range(1, 9)])
    seen += [entry.text async for batch in reading.batches() for entry in batch]
    reading.close()
    assert seen == [b"%d\n" % i for i in range(9)]


async def test_since_and_until_are_inclusive(tmp_path: Path) -> None:
    driver = limited(tmp_path)
    driver.write([line(i, b"%d\n" % i) for i in range(5)])
    since, until = (parse_time(f"2026-11-24T06:00:0{s}.5Z") for s in (1, 3))
    assert await texts(driver, ReadRequest(since_ns=since, until_ns=until)) == [b"1\n", b"2\n", b"3\n"]
    assert await texts(driver, ReadRequest(since_ns=parse_time("2026-11-24T06:00:04Z"))) == [b"4\n"]


async def test_a_damaged_line_costs_only_itself(tmp_path: Path) -> None:
    driver = limited(tmp_path)
    driver.write([line(1, b"a\n")])
    with driver.path.open("ab") as file:
        file.write(b"\0\0\0\n")
    driver.write([line(2, b"b\n")])
    assert await texts(driver, ReadRequest()) == [b"a\n", b"b\n"]


@pytest.mark.parametrize("head", [b'{"log":"half', b'{"log":"' + b"x" * 9000])
async def test_the_head_of_a_line_that_a_crash_left_is_cut(tmp_path: Path, head: bytes) -> None:
    driver = limited(tmp_path)
    driver.write([line(1, b"a\n")])
    with driver.path.open("ab") as file:
        file.write(head)
    limited(tmp_path).write([line(2, b"b\n")])
    assert await texts(driver, ReadRequest()) == [b"a\n", b"b\n"]
    assert driver.path.read_bytes().count(b"\n") == 2


def test_an_unknown_driver_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="logger: no log driver named 'x' is registered"):
        make_driver("x", ContainerInfo("c1", tmp_path))
