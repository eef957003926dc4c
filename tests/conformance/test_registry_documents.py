"""What a pull makes of unusual documents: layers of every kind, indexes in indexes, lies; and of a busy registry."""

import json
from pathlib import Path

import pytest

from conformance.conftest import RunningEngine

BEYOND = pytest.mark.seaway_only("dockerd knows no foreign layers on Linux, no indexes in indexes, and gives up on 429")
STRICT = pytest.mark.seaway_only("a size in a manifest that is not the blob's is refused")


def headers_of(requests: Path, path: str) -> list[dict[str, str]]:
    lines = Path(f"{requests}.headers").read_text().splitlines()
    return [headers for found, headers in map(json.loads, lines) if path in found]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("zstd", marks=pytest.mark.min_api("1.44")),
        "plain",
        pytest.param("foreign", marks=BEYOND),
        pytest.param("nested", marks=BEYOND),
        pytest.param("busy", marks=BEYOND),
        pytest.param("fails", marks=BEYOND),
    ],
)
def test_it_is_pulled(engine: RunningEngine, faulty: str, name: str) -> None:
    done = engine.docker("pull", f"{faulty}/{name}:1", timeout=60)
    assert done.returncode == 0, done.stderr
    assert engine.docker("inspect", "-f", "{{.Config.Labels.name}}", f"{faulty}/{name}:1").stdout.strip() == name
    assert engine.docker("create", f"{faulty}/{name}:1", "/hello").returncode == 0


@pytest.mark.parametrize(
    ("name", "said"),
    [
        pytest.param("toosmall", "bytes that the manifest says", marks=STRICT),
        pytest.param("toolarge", "where the manifest says", marks=STRICT),
        pytest.param(
            "artifact", "unsupported media type application/vnd.acme.rocket", marks=pytest.mark.min_api("1.42")
        ),
        pytest.param("deep", "indexes in indexes, more than 8 deep", marks=BEYOND),
        pytest.param("tomorrow", "toomanyrequests: come back later", marks=BEYOND),
        ("tower", "max depth exceeded"),
        pytest.param("circle", "manifest verification failed for digest sha256:", marks=BEYOND),
        pytest.param(
            "schema1", "Docker Image Format v1 and Docker Image manifest version 2", marks=pytest.mark.min_api("1.44")
        ),
    ],
)
def test_it_is_refused(engine: RunningEngine, faulty: str, name: str, said: str) -> None:
    done = engine.docker("pull", f"{faulty}/{name}:1", timeout=60)
    assert done.returncode == 1
    assert said in done.stderr
    assert engine.docker("image", "inspect", f"{faulty}/{name}:1").returncode == 1


@BEYOND
def test_what_is_behind_a_layers_url_learns_nothing(engine: RunningEngine, faulty: str, requests: Path) -> None:
    auth = {"auths": {faulty: {"auth": "YW5uOnB3"}}}
    folder = requests.parent / "config"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({**auth, "HttpHeaders": {"X-Meta-Team": "blue"}}))
    assert engine.docker("--config", str(folder), "pull", f"{faulty}/foreign:1").returncode == 0
    assert all(h["X-Meta-Team"] == "blue" for h in headers_of(requests, "/v2/foreign/manifests/"))
    [foreign] = headers_of(requests, "/foreign/layer")
    assert not {"authorization", "x-meta-team"} & {name.lower() for name in foreign}


def test_meta_headers_reach_the_registry(engine: RunningEngine, faulty: str, requests: Path) -> None:
    folder = requests.parent / "config"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"HttpHeaders": {"X-Meta-Team": "blue", "X-Other": "no"}}))
    assert engine.docker("--config", str(folder), "pull", f"{faulty}/good:1").returncode == 0
    asked = headers_of(requests, "/v2/good/")
    assert asked
    assert all(h.get("X-Meta-Team") == "blue" and "X-Other" not in h for h in asked)
