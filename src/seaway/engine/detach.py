"""The keys that let go of a terminal while the container goes on. Pure: bytes in, bytes out.

Clients name them (`ctrl-p,ctrl-q`). Only terminals have them: on a pipe every byte is data.
"""

DEFAULT_KEYS = b"\x10\x11"

_NAMES = {
    **{f"ctrl-{chr(code + 96)}": code for code in range(1, 27)},
    **{f"ctrl-{sign}": code for sign, code in zip("@[\\]^_", (0, 27, 28, 29, 30, 31), strict=True)},
    "DEL": 127,
}


def parse_detach_keys(text: str) -> bytes:
    """`ctrl-p,ctrl-q`, `a,ctrl-@,DEL`; "" gives the default. Raises ValueError in dockerd's words."""
    return bytes(_code(name) for name in text.split(",")) if text else DEFAULT_KEYS


def _code(name: str) -> int:
    if len(name) == 1 and name.isascii():
        return ord(name)
    try:
        return _NAMES[name]
    except KeyError:
        raise ValueError(f"Unknown character: '{name}'") from None


class DetachFilter:
    """Holds back what may be the beginning of the keys; gives it out when it was not.

    As in dockerd, a byte that breaks a sequence begins no new one.
    """

    def __init__(self, keys: bytes) -> None:
        self._keys, self._matched = keys, 0
        self.detached = False

    def feed(self, data: bytes) -> bytes:
        """What passes on to the terminal. Once the keys are complete, nothing does."""
        passed = bytearray()
        for byte in data:
            if self.detached:
                break
            if byte == self._keys[self._matched]:
                self._matched += 1
                self.detached = self._matched == len(self._keys)
            else:
                passed += self._keys[: self._matched]
                passed.append(byte)
                self._matched = 0
        return bytes(passed)
