"""`docker events`: filters, replay, both ends of time, and what each version of the API reads."""

import http.client
import json
import socket
import time
from typing import Any

import pytest

from conformance.engines import RunningEngine


def events(engine: RunningEngine, *flags: str) -> list[dict[str, Any]]:
    """Those of the past."""
    done = engine.docker("events", "--until", f"{time.time():.9f}", "--format", "{{json .}}", *flags)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def actions(engine: RunningEngine, *flags: str) -> list[str]:
    return [event["Action"] for event in events(engine, *flags)]


@pytest.fixture
def began(engine: RunningEngine) -> str:
    """A time behind all that was before the test."""
    return f"{time.time():.9f}"


def test_the_life_of_a_container(engine: RunningEngine, began: str) -> None:
    engine.docker("run", "--rm", "--name", "ev1", "--label", "colour=blue", "busybox", "sh", "-c", "exit 3")
    told = events(engine, "--since", began, "--filter", "container=ev1")
    seen = [event["Action"] for event in told]
    for one, next_ in (("create", "start"), ("start", "die"), ("die", "destroy")):
        assert seen.index(one) < seen.index(next_)
    die = next(event for event in told if event["Action"] == "die")
    assert die["Actor"]["Attributes"]["exitCode"] == "3"
    assert die["Actor"]["Attributes"]["colour"] == "blue"
    assert (die["from"], die["id"], die["status"]) == ("busybox", die["Actor"]["ID"], "die")
    assert die["timeNano"] // 1_000_000_000 == die["time"]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (("type=container", "event=create"), {"create"}),
        (("event=create", "event=destroy"), {"create", "destroy"}),
        (("label=tint",), {"create", "start", "die", "destroy"}),
        (("label=tint=red", "event=die"), {"die"}),
        (("label=tint=green",), set()),
        (("image=busybox", "event=start"), {"start"}),
        (("image=nosuch",), set()),
        (("type=volume",), set()),
        (("container=nosuch",), set()),
        (("scope=local", "event=die"), {"die"}),
    ],
)
def test_filters(engine: RunningEngine, began: str, filters: tuple[str, ...], expected: set[str]) -> None:
    engine.docker("run", "--rm", "--name", "ev2", "--label", "tint=red", "busybox", "true")
    flags = [part for each in filters for part in ("--filter", each)]
    found = set(actions(engine, "--since", began, *flags))
    assert found - {"attach"} == expected


def test_since_and_until_bound_it(engine: RunningEngine, began: str) -> None:
    engine.docker("create", "--name", "ev3", "busybox", "true")
    middle = f"{time.time():.9f}"
    engine.docker("rm", "ev3")
    assert actions(engine, "--since", middle, "--filter", "container=ev3") == ["destroy"]
    early = engine.docker("events", "--since", began, "--until", middle, "--filter", "container=ev3")
    assert " create " in early.stdout
    assert " destroy " not in early.stdout


def test_what_is_asked_backwards_is_refused(engine: RunningEngine) -> None:
    done = engine.docker("events", "--since", "20", "--until", "10")
    assert "`since` time (20" in done.stderr
    assert "cannot be after `until` time (10" in done.stderr


def test_an_unknown_filter_matches_or_is_refused_as_in_dockerd(engine: RunningEngine, began: str) -> None:
    assert actions(engine, "--since", began, "--filter", "event=nosuch") == []


def test_events_are_one_json_object_a_line_with_their_headers_at_once(engine: RunningEngine) -> None:
    connection = http.client.HTTPConnection("engine", timeout=20)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(20)
    connection.sock.connect(engine.host.removeprefix("unix://"))
    try:
        connection.request("GET", "/v1.24/events")
        reply = connection.getresponse()
        assert (reply.status, reply.headers["Content-Type"]) == (200, "application/json")
        engine.docker("create", "--name", "ev4", "busybox", "true")
        event = json.loads(reply.readline())
        assert (event["Type"], event["Action"], event["scope"]) == ("container", "create", "local")
    finally:
        connection.close()


@pytest.mark.seaway_only("dockerd forgets its events when it ends")
@pytest.mark.parametrize("gracefully", [True, False])
def test_they_are_kept_over_a_restart(engine: RunningEngine, began: str, *, gracefully: bool) -> None:
    engine.docker("create", "--name", "ev5", "busybox", "true")
    assert engine.stop() == 0 if gracefully else engine.kill() is None
    engine.start()
    assert actions(engine, "--since", began, "--filter", "container=ev5") == ["create"]
