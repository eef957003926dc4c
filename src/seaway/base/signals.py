"""Signals by name or number, as clients write them. Pure."""

import signal

from seaway.base.errors import InvalidParameter


def parse_signal(text: str) -> int:
    """`9`, `KILL`, `SIGKILL`, `SIGRTMIN+3`, any case. Raises InvalidParameter."""
    name = text.upper().removeprefix("SIG")
    if name.isdecimal():
        number = int(name)
    else:
        base, plus, offset = name.partition("+") if "+" in name else name.partition("-")
        known = signal.Signals.__members__.get("SIG" + base)
        number = 0 if known is None or (plus and not offset.isdecimal()) else int(known)
        if number and plus:
            number += int(offset) if plus == "+" else -int(offset)
    if not 0 < number <= 64:
        raise InvalidParameter(f"invalid signal: {text}")
    return number
