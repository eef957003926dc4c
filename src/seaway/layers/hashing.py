"""The digest of a stream, made by a thread beside the one that reads it."""

import hashlib
import queue
import threading

BLOCK = 1 << 20
_AHEAD = 8


class StreamHash:
    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._small: list[bytes] = []
        self._gathered = 0
        self._queue: queue.Queue[bytes] = queue.Queue(_AHEAD)
        self._thread = threading.Thread(target=self._hash_all, daemon=True)
        self._thread.start()

    def put(self, data: bytes) -> None:
        """Small pieces are gathered: handing one over costs more than hashing it."""
        self._small.append(data)
        self._gathered += len(data)
        if self._gathered >= BLOCK:
            self._hand_over()

    def digest(self) -> str:
        """Of all that was put, as `sha256:…`. Once."""
        self._hand_over()
        self._queue.put(b"")
        self._thread.join()
        return f"sha256:{self._hash.hexdigest()}"

    def _hand_over(self) -> None:
        small, self._small, self._gathered = self._small, [], 0
        if data := small[0] if len(small) == 1 else b"".join(small):
            self._queue.put(data)

    def _hash_all(self) -> None:
        while data := self._queue.get():
            self._hash.update(data)
