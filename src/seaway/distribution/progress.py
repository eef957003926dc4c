"""What a transfer tells its user, as values; the API puts them on the wire. The words are dockerd's."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from seaway.oci.reference import Reference

PULLING_FS_LAYER = "Pulling fs layer"
WAITING = "Waiting"
DOWNLOADING = "Downloading"
VERIFYING = "Verifying Checksum"
DOWNLOAD_COMPLETE = "Download complete"
EXTRACTING = "Extracting"
PULL_COMPLETE = "Pull complete"
ALREADY_EXISTS = "Already exists"
PREPARING = "Preparing"
PUSHING = "Pushing"
PUSHED = "Pushed"
LAYER_EXISTS = "Layer already exists"


@dataclass(frozen=True, slots=True)
class Progress:
    """`id` is empty for a line of its own. `total` is 0 where there is no bar to draw."""

    id: str
    status: str
    current: int = 0
    total: int = 0


ProgressSink = Callable[[Progress], None]
"""Never blocks: who has a slow reader drops or merges the bars."""


def silent(event: Progress) -> None:
    pass


class Meter:
    """Counts bytes, and says so ten times a second at most; the last byte is always said."""

    INTERVAL_S = 0.1

    def __init__(self, sink: ProgressSink, event: Progress) -> None:
        self._sink = sink
        self._event = event
        self._said_at = float("-inf")

    def add(self, count: int) -> None:
        event = self._event = replace(self._event, current=self._event.current + count)
        now = time.monotonic()
        if now - self._said_at >= self.INTERVAL_S or event.current == event.total:
            self._said_at = now
            self._sink(event)


def pull_status(reference: Reference, *, downloaded: bool) -> Progress:
    """The last line of a pull, which the reference store decides."""
    said = "Downloaded newer image" if downloaded else "Image is up to date"
    return Progress("", f"Status: {said} for {reference.familiar}")
