"""Two engines in one network namespace, each with a bridge and pools of its own: neither touches what is the other's."""

from collections.abc import Iterator

import pytest

from conformance.conftest import import_busybox
from conformance.engines import RunningEngine
from conformance.hosts import ENGINE_ADDRESS, TIMED_OUT, Host, neighbour, serve, wait_serving

pytestmark = pytest.mark.seaway_only("dockerd has one set of chains in a network namespace")
POOL = "--default-address-pool=base=10.90.0.0/16,size=24"


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> str:
    return f"--firewall-backend={request.param}"


@pytest.fixture
def second(engine: RunningEngine, backend: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    engine.stop()
    engine.start(backend)
    other = RunningEngine(tmp_path_factory.mktemp("second"), engine.namespace)
    other.start(*flags_of_second(backend))
    import_busybox(other)
    yield other
    if not other.ended():
        if ids := other.docker("ps", "-aq").stdout.split():
            other.docker("rm", "-f", *ids)
        other.stop()
    Host(engine.namespace).run("ip", "link", "del", "second0")
    engine.stop()
    engine.start()


def flags_of_second(backend: str) -> list[str]:
    return ["--bridge=second0", POOL, backend]


def rules(here: Host) -> str:
    return here.run("nft", "-s", "list", "ruleset") + here.run("ip", "-o", "link", "show", "type", "bridge")


@pytest.mark.parametrize("backend", ["nftables", "iptables"], indirect=True)
def test_neither_takes_what_is_the_others(engine: RunningEngine, second: RunningEngine, backend: str) -> None:
    here = Host(engine.namespace)
    with neighbour(engine) as outside:
        serve(engine, "--name", "web", "-p", "8101:80", says="first")
        engine.docker("network", "create", "shop")
        second.docker("network", "create", "shop")
        serve(second, "--name", "web", "-p", "8102:80", says="second")
        inner = serve(second, "--network", "shop", "-p", "8103:80", says="shop")
        for port, says in ((8101, "first"), (8102, "second"), (8103, "shop")):
            wait_serving(here, "127.0.0.1", port)
            assert outside.tcp(ENGINE_ADDRESS, port) == says
        taken = engine.docker("run", "-d", "-p", "8102:80", "busybox", "true")
        assert "address already in use" in taken.stderr
        before = rules(here)

        for end in (engine.stop, engine.kill):
            end()
            assert outside.tcp(ENGINE_ADDRESS, 8102) == "second"
            assert outside.tcp(ENGINE_ADDRESS, 8103) == "shop"
            engine.start(backend)
            engine.docker("start", "web")
            wait_serving(here, "127.0.0.1", 8101)
            assert rules(here) == before
        second.kill()
        assert outside.tcp(ENGINE_ADDRESS, 8101) == "first"
        second.start(*flags_of_second(backend))
        assert outside.tcp(ENGINE_ADDRESS, 8103) == "shop"

        address = second.docker("inspect", inner, "-f", "{{.NetworkSettings.Networks.shop.IPAddress}}").stdout.strip()
        assert outside.tcp(address, 80) == TIMED_OUT
        engine.docker("network", "rm", "shop")
        engine.docker("rm", "-f", "web")
        assert outside.tcp(ENGINE_ADDRESS, 8102) == "second"
        assert outside.tcp(ENGINE_ADDRESS, 8103) == "shop"
        assert "10.90.1.0/24" in second.docker("network", "inspect", "shop").stdout
        second.docker("rm", "-f", inner)
        second.docker("network", "rm", "shop")
        assert "second0" in rules(here)
        assert "10.90.1." not in rules(here)
