"""The `local` driver against dockerd's records."""

from pathlib import Path

from tests.suites.log_driver import LogDriverSuite, line, texts

from seaway.logs.driver import ContainerInfo, LogDriver, ReadRequest
from seaway.logs.localfile import LocalDriver
from seaway.logs.localframe import LOCAL_FRAMES, FrameEncoder

# what dockerd 20.10 writes for `echo hello`, and for the end of a line of 17,000 characters (shortened here)
HELLO = bytes.fromhex("000000190a067374646f757410b392ee9bd0b5bbf5181a0568656c6c6f00000019")
END = bytes.fromhex(
    "000000600a067374646f757410fa8ff29bd0b5bbf5181a0278782001"
    "2a4608011240306562336562663361613735316265303166316130366664366336623064393965326534643665343939643663346631363734"
    "62343934356235313864336264180200000060"
)


class TestLocal(LogDriverSuite):
    def make(self, info: ContainerInfo) -> LogDriver:
        return LocalDriver(info)


def made(directory: Path, **options: str) -> LocalDriver:
    return LocalDriver(ContainerInfo("c" * 64, directory, options={k.replace("_", "-"): v for k, v in options.items()}))


def test_a_record_is_framed_by_its_length() -> None:
    (record,) = FrameEncoder().encode([line(1, b"hi\n")])
    assert record[:4] == record[-4:] == (len(record) - 8).to_bytes(4, "big")
    assert record[4:12] == b"\x0a\x06stdout"
    assert record[-6:-4] == b"hi"


async def test_bytes_are_kept_as_they_are(tmp_path: Path) -> None:
    driver = made(tmp_path)
    driver.write([line(1, b"\xff\x00\xfe\n"), line(2, "é\n".encode())])
    assert await texts(driver, ReadRequest()) == [b"\xff\x00\xfe\n", "é\n".encode()]


async def test_pieces_have_no_newline_but_the_last(tmp_path: Path) -> None:
    driver = made(tmp_path)
    driver.write([line(1, b"a" * 16384), line(1, b"b\n"), line(2, b"c\n")])
    assert await texts(driver, ReadRequest()) == [b"a" * 16384, b"b\n", b"c\n"]


async def test_rotation_loses_no_record(tmp_path: Path) -> None:
    driver = made(tmp_path, max_size="200", max_file="5")
    for number in range(20):
        driver.write([line(number, b"line %02d\n" % number)])
    found = await texts(driver, ReadRequest())
    assert found == [b"line %02d\n" % n for n in range(20)][-len(found) :]
    assert len(found) >= 15
    assert await texts(driver, ReadRequest(tail=7)) == [b"line %02d\n" % n for n in range(13, 20)]
    assert (tmp_path / "local-logs" / "container.log.1.gz").exists()


async def test_a_record_that_a_crash_cut_is_written_again(tmp_path: Path) -> None:
    driver = made(tmp_path)
    driver.write([line(1, b"a\n"), line(2, b"b\n")])
    driver.close()
    file = tmp_path / "local-logs" / "container.log"
    file.write_bytes(file.read_bytes()[:-3])
    again = made(tmp_path)
    again.write([line(2, b"b\n")])
    assert await texts(again, ReadRequest()) == [b"a\n", b"b\n"]


def test_what_is_damaged_is_left_out() -> None:
    records = FrameEncoder().encode([line(1, b"a\n"), line(2, b"b\n")])
    damaged = records[0][:4] + b"\xff" * (len(records[0]) - 8) + records[0][-4:]
    assert [entry.log for entry in LOCAL_FRAMES.decode(damaged + records[1])] == ["b\n"]


def test_dockerds_records_are_read_and_written() -> None:
    hello, end = LOCAL_FRAMES.decode(HELLO + END)
    assert (hello.log, hello.stream, end.log) == ("hello\n", "stdout", "xx\n")
    time = hello.time.removesuffix("Z").encode()
    assert FrameEncoder().encode([(time, b"stdout", b"F", b"hello\n")]) == [HELLO]
