"""Counters and histograms, and Prometheus' text format of them."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter

BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Histogram:
    """How long actions took; each of `actions` is there from the beginning."""

    def __init__(self, actions: Iterable[str]) -> None:
        self._counts = {action: [0] * (len(BUCKETS_S) + 1) for action in actions}
        self._sums = dict.fromkeys(self._counts, 0.0)

    def observe(self, action: str, seconds: float) -> None:
        place = next((n for n, limit in enumerate(BUCKETS_S) if seconds <= limit), len(BUCKETS_S))
        self._counts[action][place] += 1
        self._sums[action] += seconds

    @contextmanager
    def time(self, action: str) -> Iterator[None]:
        """What fails is not counted."""
        began = perf_counter()
        yield
        self.observe(action, perf_counter() - began)

    def lines(self, name: str, help: str) -> Iterator[str]:
        yield from _head(name, help, "histogram")
        for action, counts in self._counts.items():
            total = 0
            for limit, count in zip((*map("{:g}".format, BUCKETS_S), "+Inf"), counts, strict=True):
                total += count
                yield _line(f"{name}_bucket", {"action": action, "le": limit}, total)
            yield _line(f"{name}_sum", {"action": action}, self._sums[action])
            yield _line(f"{name}_count", {"action": action}, total)


def counter(name: str, help: str, value: float) -> Iterator[str]:
    yield from _head(name, help, "counter")
    yield _line(name, {}, value)


def gauge(name: str, help: str, value: float) -> Iterator[str]:
    return labelled(name, help, [({}, value)])


def labelled(name: str, help: str, values: Iterable[tuple[Mapping[str, str], float]]) -> Iterator[str]:
    yield from _head(name, help, "gauge")
    for labels, value in values:
        yield _line(name, labels, value)


def _head(name: str, help: str, kind: str) -> tuple[str, str]:
    return f"# HELP {name} {help}", f"# TYPE {name} {kind}"


def _line(name: str, labels: Mapping[str, str], value: float) -> str:
    inside = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    return f"{name}{{{inside}}} {value:.17g}" if inside else f"{name} {value:.17g}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
