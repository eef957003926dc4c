"""What tests of volumes share."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

from conformance.engines import RunningEngine
from conformance.options import call


def names(engine: RunningEngine) -> set[str]:
    return set(engine.docker("volume", "ls", "-q").stdout.split())


def prune_path(**filters: list[str]) -> str:
    """The request for a prune. CLIs before 23 have no words for all of the filters."""
    return f"/volumes/prune?filters={quote(json.dumps(filters))}"


def prune(engine: RunningEngine, **filters: list[str]) -> tuple[set[str], int]:
    """Which volumes are gone, and how many bytes with them."""
    status, answer = call(engine, "POST", prune_path(**filters))
    assert status == 200, answer
    return set(answer["VolumesDeleted"] or ()), answer["SpaceReclaimed"]


@contextmanager
def none_left(engine: RunningEngine) -> Iterator[None]:
    """What a test makes and does not remove goes after it, with the containers that use it."""
    before = names(engine)
    yield
    for name in names(engine) - before:
        if users := engine.docker("ps", "-aq", "--filter", f"volume={name}").stdout.split():
            engine.docker("rm", "-f", *users)
        engine.docker("volume", "rm", name)
