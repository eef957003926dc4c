"""Where the time of an operation goes, phase by phase; free of cost unless a trace is on.

`bench/trace_start` starts an engine with a `recorder` and prints a table of the phases of one `docker run`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter_ns

Recorder = Callable[[str, int, int], None]
_recorders: list[Recorder] = []


def record_to(recorder: Recorder) -> None:
    """From now on `recorder(name, began_ns, ended_ns)` hears of each phase that ends."""
    _recorders.append(recorder)


@contextmanager
def phase(name: str) -> Iterator[None]:
    if not _recorders:
        yield
        return
    began = perf_counter_ns()
    try:
        yield
    finally:
        ended = perf_counter_ns()
        for recorder in _recorders:
            recorder(name, began, ended)
