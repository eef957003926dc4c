"""Clients ask about swarm even where there is none: the answers are dockerd's."""

import pytest

from conformance.conftest import RunningEngine

NO_MANAGER = "This node is not a swarm manager."


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("node ls", NO_MANAGER),
        ("service ls", NO_MANAGER),
        ("service logs x", NO_MANAGER),
        ("secret inspect x", NO_MANAGER),
        ("config rm x", NO_MANAGER),
        ("swarm unlock-key", NO_MANAGER),
        ("swarm leave", "This node is not part of a swarm"),
    ],
)
def test_a_node_in_no_swarm(engine: RunningEngine, command: str, text: str) -> None:
    done = engine.docker(*command.split())
    assert done.returncode == 1
    assert text in done.stderr


@pytest.mark.seaway_only("there is no swarm mode")
def test_a_swarm_is_refused(engine: RunningEngine) -> None:
    assert "swarm mode is not supported by Seaway" in engine.docker("swarm", "init").stderr
