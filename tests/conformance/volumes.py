"""What tests of volumes share."""

from collections.abc import Iterator
from contextlib import contextmanager

from conformance.engines import RunningEngine


def names(engine: RunningEngine) -> set[str]:
    return set(engine.docker("volume", "ls", "-q").stdout.split())


@contextmanager
def none_left(engine: RunningEngine) -> Iterator[None]:
    """What a test makes and does not remove goes after it, with the containers that use it."""
    before = names(engine)
    yield
    for name in names(engine) - before:
        if users := engine.docker("ps", "-aq", "--filter", f"volume={name}").stdout.split():
            engine.docker("rm", "-f", *users)
        engine.docker("volume", "rm", name)
