import pytest

from seaway.distribution.endpoints import RegistryConfig, host_of, plan_endpoints
from seaway.distribution.progress import Meter, Progress, pull_status
from seaway.oci.reference import parse_reference


def urls(domain: str, *addresses: str, **config: tuple[str, ...]) -> list[str]:
    return [e.url for e in plan_endpoints(domain, addresses, RegistryConfig(**config))]  # type: ignore[arg-type]


def test_a_registry_is_secure_unless_told_otherwise() -> None:
    assert urls("ghcr.io", "140.82.121.33") == ["https://ghcr.io"]
    assert urls("unknown.example") == ["https://unknown.example"]


@pytest.mark.parametrize(
    ("domain", "address", "insecure"),
    [
        ("localhost:5000", "127.0.0.1", ()),
        ("[::1]:5000", "::1", ()),
        ("reg:5000", "10.1.2.3", ("10.0.0.0/8",)),
        ("reg:5000", "192.0.2.1", ("reg:5000",)),
        ("reg:5000", "fe80::1%eth0", ("fe80::/10",)),
    ],
)
def test_an_insecure_one_may_speak_http(domain: str, address: str, insecure: tuple[str, ...]) -> None:
    assert urls(domain, address, insecure=insecure) == [f"https://{domain}", f"http://{domain}"]
    assert not plan_endpoints(domain, [address], RegistryConfig(insecure=insecure))[0].verify_tls


def test_the_hub_has_mirrors() -> None:
    assert urls("docker.io", mirrors=("https://mirror.example/",)) == [
        "https://mirror.example",
        "https://registry-1.docker.io",
    ]
    assert urls("ghcr.io", mirrors=("https://mirror.example/",)) == ["https://ghcr.io"]


def test_host_of() -> None:
    assert [host_of(d) for d in ("a:1", "a", "[::1]:5", "[::1]")] == ["a", "a", "::1", "::1"]


def test_a_meter_says_the_first_and_the_last() -> None:
    events: list[Progress] = []
    meter = Meter(events.append, Progress("x", "Downloading", 0, 1000))
    for _ in range(1000):
        meter.add(1)
    assert (events[0].current, events[-1].current) == (1, 1000)
    assert len(events) < 100


def test_status_line() -> None:
    reference = parse_reference("busybox:latest")
    assert pull_status(reference, downloaded=True).status == "Status: Downloaded newer image for busybox:latest"
    assert pull_status(reference, downloaded=False).status == "Status: Image is up to date for busybox:latest"
