"""What this process does when it is signalled."""

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from pathlib import Path

from seaway.base.stackdump import write_stacks

log = logging.getLogger(__name__)

FORCE_AFTER = 3
NAMES = {signal.SIGINT: "interrupt", signal.SIGTERM: "terminated"}


def stop_signal() -> asyncio.Event:
    """Set by SIGINT and SIGTERM. The third of them ends the process without cleanup."""
    stop, received = asyncio.Event(), 0

    def handle(number: signal.Signals) -> None:
        nonlocal received
        received += 1
        if received >= FORCE_AFTER:
            log.error("Forcing docker daemon shutdown without cleanup; %d interrupts received", received)
            os._exit(128 + number)
        log.info("Processing signal '%s'", NAMES[number])
        stop.set()

    for number in NAMES:
        asyncio.get_running_loop().add_signal_handler(number, handle, number)
    return stop


def on_signal(number: signal.Signals, handler: Callable[[], None]) -> None:
    asyncio.get_running_loop().add_signal_handler(number, handler)


def dump_stacks(directory: Path) -> None:
    try:
        log.info("goroutine stacks written to %s", write_stacks(directory))
    except OSError as failure:
        log.error("failed to write the stacks: %s", failure)
