import io
import json
import logging
from collections.abc import Iterator

import pytest

from seaway.base import logfmt


@pytest.fixture(autouse=True)
def _root_logger() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)


def record(message: str, level: int = logging.INFO, **extra: object) -> logging.LogRecord:
    return logging.makeLogRecord(
        {"msg": message, "levelno": level, "created": 1795502685.374424, "name": "seaway"} | extra
    )


def test_a_line_is_as_logrus_writes_it() -> None:
    line = logfmt.TextFormatter().format(record("Starting up", driver="overlay2", dir="/a b", count=3))
    assert line == (
        'time="2026-11-24T06:44:45.374424000Z" level=info msg="Starting up" count=3 dir="/a b" driver=overlay2'
    )


def test_levels_have_logrus_names() -> None:
    levels = [logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL]
    names = [logfmt.level_name(record("x", level)) for level in levels]
    assert names == ["debug", "info", "warning", "error", "fatal"]


def test_quotes_and_newlines_stay_on_one_line() -> None:
    assert logfmt.TextFormatter().format(record('say "hi"\nthere')).endswith(r'msg="say \"hi\"\nthere"')


def test_json() -> None:
    line = json.loads(logfmt.JsonFormatter().format(record("Starting up", driver="vfs")))
    assert line == {
        "driver": "vfs",
        "level": "info",
        "msg": "Starting up",
        "time": "2026-11-24T06:44:45.374424000Z",
    }


def test_passwords_of_proxies_are_masked() -> None:
    line = logfmt.TextFormatter().format(record("using http://me:secret@proxy:3128/ now"))
    assert "secret" not in line
    assert "http://xxxxx:xxxxx@proxy:3128/" in line


def test_an_exception_is_a_field_with_its_traceback() -> None:
    stream = io.StringIO()
    logfmt.configure("info", stream=stream)
    try:
        raise OSError(5, "broken disk")
    except OSError:
        logging.getLogger("seaway.test").exception("cannot write", extra={"path": "/x"})
    line = stream.getvalue()
    assert line.count("\n") == 1
    assert 'error="[Errno 5] broken disk" path=/x traceback="Traceback' in line


def test_the_level_decides_what_is_said() -> None:
    stream = io.StringIO()
    logfmt.configure("warn", "json", stream=stream)
    logging.getLogger("seaway.test").info("quiet")
    logging.getLogger("seaway.test").warning("loud")
    assert [json.loads(line)["msg"] for line in stream.getvalue().splitlines()] == ["loud"]


def test_a_librarys_own_debugging_comes_with_trace_alone() -> None:
    stream = io.StringIO()
    logfmt.configure("debug", "json", stream=stream)
    logging.getLogger("pyroute2.netlink").debug("a message of the kernel's")
    logging.getLogger("pyroute2.netlink").warning("trouble")
    logging.getLogger("seaway.test").debug("ours")
    logfmt.set_level("trace")
    logging.getLogger("pyroute2.netlink").debug("now")
    assert [json.loads(line)["msg"] for line in stream.getvalue().splitlines()] == ["trouble", "ours", "now"]
