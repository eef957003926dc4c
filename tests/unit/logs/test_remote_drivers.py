"""The drivers that send lines away: what arrives at a real socket."""

import gzip
import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.suites.log_driver import LogDriverSuite, line
from tests.unit.logs.receivers import Receiver, receiving

from seaway.logs.driver import ContainerInfo, LogDriver
from seaway.logs.fluentd import FluentdDriver
from seaway.logs.gelf import GelfDriver, chunks
from seaway.logs.journald import JournaldDriver
from seaway.logs.remote import DeliveryFailed
from seaway.logs.syslog import SyslogDriver

ID = "c" * 64


def info(directory: Path, **options: str) -> ContainerInfo:
    named = {name.replace("_", "-"): value for name, value in options.items()}
    return ContainerInfo(ID, directory, "/web", "sha256:1", "img", labels={"tier": "front"}, options=named)


@pytest.fixture
def tcp() -> Iterator[Receiver]:
    with receiving("tcp") as receiver:
        yield receiver


@pytest.fixture
def udp() -> Iterator[Receiver]:
    with receiving("udp") as receiver:
        yield receiver


class _Remote(LogDriverSuite):
    is_readable = False

    @pytest.fixture(autouse=True)
    def _receiver(self, tcp: Receiver) -> None:
        self.port = tcp.port


class TestSyslog(_Remote):
    def make(self, info: ContainerInfo) -> LogDriver:
        return SyslogDriver(with_option(info, "syslog-address", f"tcp://127.0.0.1:{self.port}"))


class TestGelf(_Remote):
    def make(self, info: ContainerInfo) -> LogDriver:
        return GelfDriver(with_option(info, "gelf-address", f"tcp://127.0.0.1:{self.port}"))


class TestFluentd(_Remote):
    def make(self, info: ContainerInfo) -> LogDriver:
        return FluentdDriver(with_option(info, "fluentd-address", f"tcp://127.0.0.1:{self.port}"))


def with_option(info: ContainerInfo, name: str, value: str) -> ContainerInfo:
    return ContainerInfo(info.id, info.directory, options={name: value})


@pytest.mark.parametrize(
    ("form", "pattern"),
    [
        ("", rb"<30>Nov 24 \d\d:00:01 cccccccccccc\[\d+\]: out\n"),
        ("rfc3164", rb"<30>Nov 24 \d\d:00:01 \S+ cccccccccccc\[\d+\]: out\n"),
        ("rfc5424", rb"<30>1 2026-11-24T06:00:01Z \S+ cccccccccccc \d+ cccccccccccc - out\n"),
        ("rfc5424micro", rb"<30>1 2026-11-24T06:00:01\.500000Z \S+ cccccccccccc \d+ cccccccccccc - out\n"),
    ],
)
def test_syslog_formats(udp: Receiver, tmp_path: Path, form: str, pattern: bytes) -> None:
    address = f"udp://127.0.0.1:{udp.port}"
    driver = SyslogDriver(info(tmp_path, syslog_address=address, syslog_format=form))
    driver.write([line(1, b"out\n"), line(2, b"\n"), line(3, b"err\n", b"stderr")])
    out, err = udp.wait(lambda pieces: len(pieces) == 2)
    assert re.fullmatch(pattern, out), out
    assert err.startswith(b"<27>")
    driver.close()


def test_syslog_has_facility_and_tag(udp: Receiver, tmp_path: Path) -> None:
    address = f"udp://127.0.0.1:{udp.port}"
    driver = SyslogDriver(info(tmp_path, syslog_address=address, syslog_facility="local3", tag="{{.Name}}/{{.ID}}"))
    driver.write([line(1, b"x\n")])
    (message,) = udp.wait(bool)
    assert message.startswith(b"<158>")
    assert b" web/cccccccccccc[" in message
    driver.close()


def test_syslog_on_a_local_socket(tmp_path: Path) -> None:
    path = str(tmp_path / "log")
    with receiving("unixgram", path) as receiver:
        driver = SyslogDriver(info(tmp_path, syslog_address=f"unixgram://{path}"))
        driver.write([line(1, b"x\n")])
        assert receiver.wait(bool)[0].endswith(b": x\n")
        driver.close()


def test_a_receiver_that_is_away_is_named_and_found_again(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    driver = SyslogDriver(info(tmp_path, syslog_address=f"tcp://127.0.0.1:{port}"))
    with pytest.raises(DeliveryFailed, match=f"dial tcp 127.0.0.1:{port}: connect: connection refused"):
        driver.open()
    with socket.create_server(("127.0.0.1", port)) as listener:
        driver.write([line(1, b"back\n")])
        connection, _ = listener.accept()
        assert connection.recv(1000).endswith(b"back\n")
        connection.close()
        driver.write([line(2, b"again\n")])
        again, _ = listener.accept()
        assert again.recv(1000).endswith(b"again\n")
        again.close()
    driver.close()


def test_gelf_over_udp_is_compressed_and_has_what_it_should(udp: Receiver, tmp_path: Path) -> None:
    driver = GelfDriver(info(tmp_path, gelf_address=f"udp://127.0.0.1:{udp.port}", labels="tier"))
    driver.write([line(1, b"out\n"), line(2, b"\n"), line(3, b"err\n", b"stderr")])
    out, err = (json.loads(gzip.decompress(piece)) for piece in udp.wait(lambda pieces: len(pieces) == 2))
    assert (out["version"], out["short_message"], out["timestamp"], out["level"]) == ("1.1", "out", 1795500001.5, 6)
    assert (out["_container_id"], out["_container_name"], out["_tier"], err["level"]) == (ID, "web", "front", 3)
    driver.close()


def test_a_long_gelf_message_goes_in_chunks() -> None:
    message = bytes(range(256)) * 20
    parts = chunks(message)
    assert all(len(part) <= 1420 and part[:2] == b"\x1e\x0f" for part in parts)
    assert len({part[2:10] for part in parts}) == 1
    assert [(part[10], part[11]) for part in parts] == [(n, len(parts)) for n in range(len(parts))]
    assert b"".join(part[12:] for part in parts) == message


def test_fluentd_sends_its_forward_protocol_and_waits_for_the_acknowledgement(tmp_path: Path) -> None:
    def acknowledge(data: bytes) -> bytes:
        return msgspec.msgpack.encode({"ack": msgspec.msgpack.decode(data)[2]["chunk"]})

    with receiving("tcp", answer=acknowledge) as receiver:
        address = f"127.0.0.1:{receiver.port}"
        driver = FluentdDriver(info(tmp_path, fluentd_address=address, fluentd_request_ack="true", tag="app"))
        driver.write([line(1, b"out\n"), line(2, b"piece"), line(3, b"end\n")])
        tag, entries, _ = msgspec.msgpack.decode(receiver.wait(bool)[0])
        driver.close()
    assert tag == "app"
    (time, first), (_, piece), (_, end) = entries
    assert (time, first) == (
        1795500001,
        {"container_id": ID, "container_name": "/web", "source": "stdout", "log": "out"},
    )
    assert (piece["partial_last"], end["partial_last"], end["partial_ordinal"]) == ("false", "true", "2")
    assert piece["partial_id"] == end["partial_id"]


def test_fluentd_with_another_acknowledgement_is_to_be_sent_again(tmp_path: Path) -> None:
    with receiving("tcp", answer=lambda _: msgspec.msgpack.encode({"ack": "another"})) as receiver:
        address = f"127.0.0.1:{receiver.port}"
        driver = FluentdDriver(info(tmp_path, fluentd_address=address, fluentd_request_ack="true"))
        with pytest.raises(DeliveryFailed, match="acknowledged another chunk"):
            driver.write([line(1, b"x\n")])
        driver.close()


def test_the_journal_gets_a_field_a_line(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with receiving("unixgram", str(path)) as receiver:
        driver = JournaldDriver(info(tmp_path, labels="tier"), path)
        driver.open()
        driver.write([line(1, b"text\n"), line(2, b"piece", b"stderr")])
        whole, piece = receiver.wait(lambda pieces: len(pieces) == 2)
        driver.close()
    fields = dict(part.split(b"=", 1) for part in whole.splitlines())
    assert (fields[b"MESSAGE"], fields[b"PRIORITY"], fields[b"CONTAINER_NAME"]) == (b"text", b"6", b"web")
    assert (fields[b"CONTAINER_TAG"], fields[b"TIER"]) == (b"cccccccccccc", b"front")
    assert b"CONTAINER_PARTIAL_MESSAGE=true\n" in piece
    assert b"PRIORITY=3\n" in piece


def test_without_a_journal_a_container_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(DeliveryFailed, match="journald is not enabled on this host"):
        JournaldDriver(info(tmp_path), tmp_path / "none").open()
