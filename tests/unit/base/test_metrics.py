"""Prometheus' text format."""

from seaway.base.metrics import BUCKETS_S, Histogram, counter, labelled


def test_a_histogram_counts_up_to_each_limit() -> None:
    histogram = Histogram(("start", "stop"))
    for seconds in (0.001, 0.005, 0.3, 99):
        histogram.observe("start", seconds)
    lines = list(histogram.lines("x_seconds", "How long."))
    assert lines[:2] == ["# HELP x_seconds How long.", "# TYPE x_seconds histogram"]
    assert 'x_seconds_bucket{action="start",le="0.005"} 2' in lines
    assert 'x_seconds_bucket{action="start",le="0.25"} 2' in lines
    assert 'x_seconds_bucket{action="start",le="0.5"} 3' in lines
    assert 'x_seconds_bucket{action="start",le="+Inf"} 4' in lines
    assert 'x_seconds_count{action="start"} 4' in lines
    assert 'x_seconds_count{action="stop"} 0' in lines
    assert len(lines) == 2 + 2 * (len(BUCKETS_S) + 3)


def test_what_fails_is_not_counted() -> None:
    histogram = Histogram(("start",))
    try:
        with histogram.time("start"):
            raise OSError
    except OSError:
        pass
    assert 'x_count{action="start"} 0' in list(histogram.lines("x", ""))


def test_labels_are_escaped() -> None:
    assert list(labelled("x", "h", [({"os": 'a "b" \\ c\nd'}, 1)]))[-1] == 'x{os="a \\"b\\" \\\\ c\\nd"} 1'
    assert list(counter("y_total", "h", 1234567890123)) == [
        "# HELP y_total h",
        "# TYPE y_total counter",
        "y_total 1234567890123",
    ]
