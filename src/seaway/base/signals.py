"""Signals by name or number, as clients write them. Pure."""

import re

from seaway.base.errors import InvalidParameter

_NAMES = (
    *(
        "HUP",
        "INT",
        "QUIT",
        "ILL",
        "TRAP",
        "ABRT",
        "BUS",
        "FPE",
        "KILL",
        "USR1",
        "SEGV",
        "USR2",
        "PIPE",
        "ALRM",
        "TERM",
    ),
    *("STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO"),
    *("PWR", "SYS"),
)
SMALLEST_REALTIME, LARGEST = 34, 64
NUMBERS = (
    {name: number for number, name in enumerate(_NAMES, 1)}
    | {"IOT": 6, "CLD": 17, "POLL": 29, "UNUSED": 31, "RTMIN": SMALLEST_REALTIME, "RTMAX": LARGEST}
    | {f"RTMIN+{n}": SMALLEST_REALTIME + n for n in range(1, 16)}
    | {f"RTMAX-{n}": LARGEST - n for n in range(1, 15)}
)
_NUMBER = re.compile(r"[+-]?[0-9]+")


def parse_signal(text: str) -> int:
    """`9`, `KILL`, `SIGKILL`, `SIGRTMIN+3`, any case. Raises InvalidParameter."""
    if _NUMBER.fullmatch(text):
        number = int(text[:20])
        if number == 0:
            raise InvalidParameter(f"invalid signal: {text}")
        if not 0 < number <= LARGEST:
            raise InvalidParameter(f"the linux daemon does not support signal {number}")
        return number
    try:
        return NUMBERS[text.upper().removeprefix("SIG")]
    except KeyError:
        raise InvalidParameter(f"invalid signal: {text}") from None
