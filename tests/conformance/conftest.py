"""The engine that the tests of this folder drive, and what they may ask of it.

pytest tests/conformance                                 a Seaway of the tests' own
pytest tests/conformance --engine-program dockerd        a real dockerd in the same place: what it fails, tests the wrong thing
pytest tests/conformance --engine-host unix:///…         an engine that runs already
"""

import gc
import os
import shutil
import subprocess
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from docker import DockerClient

from conformance.engines import RunningEngine, end_leftovers, foreign_engine, make_namespace, own_engine, parse_version
from conformance.hosts import Host, neighbour
from conformance.images import busybox_tar
from conformance.registries import faults
from seaway.kernel import cgroup

__all__ = ["RunningEngine", "busybox_tar"]

Restarted = Callable[..., RunningEngine]
FAULTY_PORT = 5001
SMALL_DISK = 48 << 20
Run = Callable[..., "subprocess.CompletedProcess[str]"]
MARKERS = (
    "seaway_only(reason): a difference from dockerd that is meant, listed in docs/compatibility.md",
    "min_api(version): needs an engine that speaks this version of the API",
    "min_cli(version): needs a docker CLI that speaks this version of the API",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("conformance")
    group.addoption("--engine-program", help="start this (dockerd) instead of Seaway")
    group.addoption("--engine-host", help="test the engine that runs at this address")


def pytest_configure(config: pytest.Config) -> None:
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)


@pytest.fixture(scope="session")
def engine(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    if os.geteuid():
        pytest.skip("needs root")
    if not shutil.which("docker"):
        pytest.skip("needs the docker CLI (Debian: docker.io or docker-cli)")
    root = tmp_path_factory.mktemp("engine")
    if address := pytestconfig.getoption("--engine-host", None):
        engine = foreign_engine(address, root)
        mine = import_busybox(engine)
        yield engine
        if mine:
            engine.docker("rmi", "busybox")
        return
    with started_engine(pytestconfig, root) as engine:
        import_busybox(engine)
        yield engine


@contextmanager
def started_engine(config: pytest.Config, root: Path, *flags: str) -> Iterator[RunningEngine]:
    """An engine of the program under test, on `root`, in a network namespace of its own."""
    engine = own_engine(root, config.getoption("--engine-program", None) or "seaway")
    undo_cgroup = cgroup.ensure_crun_can_start()
    make_namespace(engine.namespace)
    try:
        engine.start(*flags)
        yield engine
        if ids := engine.docker("ps", "-aq").stdout.split():
            engine.docker("rm", "-f", *ids)
        assert engine.stop() == 0
    finally:
        if engine.process and not engine.ended():
            engine.kill()
        end_leftovers(engine.namespace, root)
        undo_cgroup()


def import_busybox(engine: RunningEngine) -> bool:
    """Whether it was missing."""
    if engine.docker("image", "inspect", "busybox").returncode == 0:
        return False
    command = ["docker", "-H", engine.host, "import", "-", "busybox"]
    subprocess.run(command, input=busybox_tar(), check=True, capture_output=True)
    return True


@pytest.fixture
def restarted(engine: RunningEngine) -> Iterator[Restarted]:
    """The engine with other flags; as it was, afterwards."""

    def restart(*flags: str) -> RunningEngine:
        engine.stop()
        engine.start(*flags)
        return engine

    before = containers_of(engine)
    yield restart
    if not engine.ended():
        remove_containers(engine, but=before)  # it would wait for their end
        engine.stop()
    engine.start()


@pytest.fixture(scope="module")
def other(engine: RunningEngine) -> Iterator[Host]:
    """Another host, which the engine's host reaches."""
    if not engine.namespace:
        pytest.skip("needs an engine in a network namespace of the tests' own")
    with neighbour(engine) as host:
        yield host


@pytest.fixture
def small(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    """An engine whose data root is a disk of its own."""
    root = tmp_path_factory.mktemp("small")  # dockerd wants a short path
    data = root / "data"
    data.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs", str(data)], check=True)
    with started_engine(pytestconfig, root) as engine:
        yield engine  # its end unmounts what is below its root


@pytest.fixture
def requests(tmp_path: Path) -> Path:
    """The log of the faulty registry: what it was asked for."""
    return tmp_path / "requests"


@pytest.fixture
def faulty(engine: RunningEngine, requests: Path) -> Iterator[str]:
    """The address of a registry of the tests' own (`suites/registry_stub.py`): what it does depends on the image's name."""
    with faults(engine, requests, FAULTY_PORT) as address:
        yield address


@pytest.fixture
def client(engine: RunningEngine) -> Iterator[DockerClient]:
    with engine.client() as client:
        yield client
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        gc.collect()  # the sockets that docker-py forgot


@pytest.fixture(autouse=True)
def _where_it_applies(request: pytest.FixtureRequest) -> None:
    """Before the test, skips it where its markers say so."""
    if "engine" not in request.fixturenames:
        return
    only, needs, cli = map(request.node.get_closest_marker, ("seaway_only", "min_api", "min_cli"))
    if not (only or needs or cli):
        return
    engine: RunningEngine = request.getfixturevalue("engine")
    if only and not engine.is_seaway:
        pytest.skip(f"Seaway only: {only.args[0]}")
    if needs and engine.api_version < parse_version(needs.args[0]):
        pytest.skip(f"needs API {needs.args[0]}, this engine speaks {'.'.join(map(str, engine.api_version))}")
    if cli and engine.cli_version < parse_version(cli.args[0]):
        pytest.skip(f"needs a CLI of API {cli.args[0]}, this one speaks {'.'.join(map(str, engine.cli_version))}")


@pytest.fixture(autouse=True)
def _leave_nothing(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that fails leaves no containers and no dead engine to the next one. Others' engines are left alone."""
    if "engine" not in request.fixturenames or request.config.getoption("--engine-host", None):
        yield
        return
    engine: RunningEngine = request.getfixturevalue("engine")
    before = containers_of(engine)
    yield
    if engine.ended():
        engine.start()
    remove_containers(engine, but=before)


def containers_of(engine: RunningEngine) -> set[str]:
    with engine.client() as client:
        return {each["Id"] for each in client.api.containers(all=True, quiet=True)}


def remove_containers(engine: RunningEngine, *, but: set[str]) -> None:
    for each in containers_of(engine) - but:
        with engine.client() as client:
            client.api.remove_container(each, force=True, v=True)
