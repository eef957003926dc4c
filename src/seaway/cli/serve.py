"""`seaway serve`: from the command line to a running engine."""

import logging
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial

from seaway.base import logfmt
from seaway.base.errors import EngineError
from seaway.cli.usage import serve_usage, version_line
from seaway.config import ConfigError, EngineConfig, FlagError
from seaway.config.flags import Flags, parse_flags
from seaway.config.load import load_config, warnings

log = logging.getLogger(__name__)
Reread = Callable[[], EngineConfig]
Run = Callable[[EngineConfig, Reread], int | None]


def serve(argv: Sequence[str], program: str, run: Run) -> int:
    """The process's exit status: 0 after an orderly end, 1 with a sentence on stderr when there is none."""
    try:
        flags = parse_flags(argv)
    except FlagError as exc:
        return _fail(f"Status: {exc}\nSee '{program} --help'., Code: 125")
    if answer := _answer(flags, program):
        print(answer)
        return 0
    try:
        config = configure(flags)
    except ConfigError as exc:
        return _fail(str(exc))
    if "validate" in flags.actions:
        print("configuration OK", file=sys.stderr)
        return 0
    return start(config, run, partial(configure, flags))


def configure(flags: Flags) -> EngineConfig:
    """Read the file that the flags name. Only the default one may be missing."""
    path = flags.config_file
    try:
        with open(path, "rb") as file:
            data: bytes | None = file.read()
    except OSError as exc:
        if "config-file" in flags.values or not isinstance(exc, FileNotFoundError):
            reason = os.strerror(exc.errno or 0).lower()
            message = f"unable to configure the Docker daemon with file {path}: open {path}: {reason}"
            raise ConfigError(message) from exc
        data = None
    return load_config(flags, data, os.environ)


def start(config: EngineConfig, run: Run, reread: Reread) -> int:
    """`reread` gives the configuration of the same flags and the file as it is then."""
    level = "debug" if config.debug else config.log_level
    logfmt.configure(level, config.log_format, raw=config.raw_logs)
    os.umask(0o022)
    log.info("Starting up")
    for warning in warnings(config):
        log.warning(warning)
    try:
        return run(config, reread) or 0
    except EngineError as exc:
        return _fail(str(exc))


def _answer(flags: Flags, program: str) -> str:
    if "help" in flags.actions:
        return serve_usage(program)
    return version_line() if "version" in flags.actions else ""


def _fail(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 1
