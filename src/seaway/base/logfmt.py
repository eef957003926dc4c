"""The engine's log lines as logrus writes them, so that what reads dockerd's journal reads ours.

    time="2026-11-24T06:44:45.374424864Z" level=info msg="Starting up" driver=overlay2

Fields are what a caller passes as `extra`. A terminal gets colours, unless raw logs are asked for.
"""

import json
import logging
import re
import sys
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, TextIO

LEVELS = {"trace": 5, "debug": 10, "info": 20, "warn": 30, "error": 40, "fatal": 50, "panic": 50}
NAMES = {10: "debug", 20: "info", 30: "warning", 40: "error", 50: "fatal"}
COLOURS = {"debug": 37, "info": 36, "warning": 33}
RED = 31
PLAIN = re.compile(r"[A-Za-z0-9\-._/@^+]+")
CREDENTIALS = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^/\s:@]+(:[^/\s@]*)?@", re.I)
OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def fields_of(record: logging.LogRecord) -> Iterator[tuple[str, str]]:
    """What was passed as `extra`, by name; an exception is the field "error", with its traceback beside it."""
    extra = {key: value for key, value in vars(record).items() if key not in OWN}
    if record.exc_info and record.exc_info[1] is not None:
        extra.setdefault("error", str(record.exc_info[1]) or type(record.exc_info[1]).__name__)
        extra["traceback"] = "".join(traceback.format_exception(record.exc_info[1]))
    for key in sorted(extra):
        yield key, masked(str(extra[key]))


def masked(text: str) -> str:
    """Without the user and password of any URL in it."""
    return CREDENTIALS.sub(r"\1xxxxx:xxxxx@", text)


def quoted(text: str) -> str:
    return text if PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def level_name(record: logging.LogRecord) -> str:
    return NAMES.get(record.levelno // 10 * 10, "trace")


def timestamp(record: logging.LogRecord) -> str:
    micros = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    return f"{micros}000Z"


class TextFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        message = quoted(masked(record.getMessage()))
        head = f'time="{timestamp(record)}" level={level_name(record)} msg={message}'
        return " ".join([head, *(f"{key}={quoted(value)}" for key, value in fields_of(record))])


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = dict(fields_of(record))
        line |= {"level": level_name(record), "msg": masked(record.getMessage()), "time": timestamp(record)}
        return json.dumps(line, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


class TerminalFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        level = level_name(record)
        colour = COLOURS.get(level, RED)
        head = f"\x1b[{colour}m{level[:4].upper()}\x1b[0m[{timestamp(record)}] {masked(record.getMessage()):<44} "
        return head + " ".join(f"\x1b[{colour}m{key}\x1b[0m={value}" for key, value in fields_of(record))


def configure(level: str, log_format: str = "text", *, raw: bool = False, stream: TextIO | None = None) -> None:
    """Send all of the process's log records to `stream` (stderr), from `level` on."""
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    if log_format == "json":
        handler.setFormatter(JsonFormatter())
    elif stream.isatty() and not raw:
        handler.setFormatter(TerminalFormatter())
    else:
        handler.setFormatter(TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    set_level(level)
    logging.captureWarnings(capture=True)


def set_level(level: str) -> None:
    """What a library says to its developers comes with `trace` alone: pyroute2 logs every message of the kernel's."""
    number = LEVELS[level.lower()]
    logging.getLogger().setLevel(number)
    logging.getLogger("pyroute2").setLevel(number if number < logging.DEBUG else max(number, logging.INFO))
