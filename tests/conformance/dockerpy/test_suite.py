"""docker-py's own integration suite, against an engine whose Docker Hub is a registry of the tests'."""

import subprocess
from pathlib import Path

import pytest

from conformance.conftest import started_engine
from conformance.dockerpy import suite
from conformance.engines import RunningEngine
from conformance.images import busybox_tar
from conformance.registries import docker_registry
from conformance.skopeo import inside, push

PORT = 5000
HUB = f"127.0.0.1:{PORT}"
IMAGES = ("busybox:latest", "alpine:latest", "alpine:3.10", "hello-world:latest")


@pytest.mark.timeout(900)
def test_docker_py_integration_suite(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> None:
    if pytestconfig.getoption("--engine-host", None):
        pytest.skip("the suite prunes: not against an engine of others")
    folder = suite.fetch(pytestconfig.cache.mkdir("docker-py"))
    root, scratch = tmp_path_factory.mktemp("docker-py"), tmp_path_factory.mktemp("suite")
    with started_engine(pytestconfig, root, f"--registry-mirror=http://{HUB}") as engine:
        with docker_registry(engine.namespace, root / "registry", PORT):
            make_images(engine, scratch)
            exceptions = suite.read_exceptions("seaway" if engine.is_seaway else "dockerd")
            here = (folder, engine.host, inside(engine.namespace))
            outcome = suite.run(*here, scratch / "first", exceptions.not_run)
            unexpected = outcome.failures.keys() - exceptions.fails.keys() - exceptions.may_fail.keys()
            if unexpected:
                # On a busy machine docker-py loses output that comes in one piece with the head of the answer.
                again = suite.run(*here, scratch / "again", exceptions.not_run, sorted(unexpected))
                print("second try passes:", sorted(again.passed))
                unexpected &= again.failures.keys()
    print(f"docker-py: {len(outcome.passed)} passed, {len(exceptions.not_run)} files or tests not run")
    assert not unexpected, "\n".join(f"{name}: {outcome.failures[name]}" for name in sorted(unexpected))
    assert not exceptions.fails.keys() & outcome.passed, "these pass now: take them off the list"


def make_images(engine: RunningEngine, scratch: Path) -> None:
    """The four that the suite names, each with an ID of its own, here and in the registry."""
    for name in IMAGES:
        load = ["docker", "-H", engine.host, "import", "-c", 'CMD ["sh"]', "-", name]
        subprocess.run(load, input=busybox_tar(marker=name), check=True, capture_output=True)
        push(engine, name, f"{HUB}/library/{name}", scratch)
