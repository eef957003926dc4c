import pytest

from seaway.api.sysctlversions import with_interface_sysctls
from seaway.api.versions import Version
from seaway.base.errors import InvalidParameter
from seaway.model.container import HostConfig
from seaway.model.network import EndpointSettings

OPTION = "com.docker.network.endpoint.sysctls"
OLD, NEW = Version(1, 47), Version(1, 48)
LOG = "net.ipv4.conf.eth0.log_martians"
MOVED = "net.ipv4.conf.IFNAME.log_martians=1"


def host(mode: str = "shop", **more: str) -> HostConfig:
    return HostConfig(network_mode=mode, sysctls={LOG: "1", "net.core.somaxconn": "9", **more})


def test_an_old_client_has_them_moved() -> None:
    rest, wishes, warnings = with_interface_sysctls(host(), {}, OLD)
    assert rest.sysctls == {"net.core.somaxconn": "9"}
    assert wishes == {"shop": EndpointSettings(driver_opts={OPTION: MOVED})}
    assert warnings == (f'Migrated sysctl "{LOG}" to DriverOpts{{"{OPTION}":"{MOVED}"}}.',)


def test_what_the_endpoint_says_comes_last_and_wins() -> None:
    own = "net.ipv4.conf.IFNAME.log_martians=0"
    wish = EndpointSettings(aliases=["a"], driver_opts={"x": "y", OPTION: own})
    _, wishes, _ = with_interface_sysctls(host(), {"shop": wish, "more": None}, OLD)
    assert wishes["shop"] == EndpointSettings(aliases=["a"], driver_opts={"x": "y", OPTION: f"{MOVED},{own}"})
    assert wishes["more"] is None


@pytest.mark.parametrize(
    ("mode", "given", "version", "name"),
    [
        ("", {}, OLD, "bridge"),
        ("default", {"bridge": None}, OLD, "bridge"),
        ("bridge", {"default": None}, OLD, "default"),
        ("shop", {"0123": None}, Version(1, 43), "0123"),
    ],
)
def test_the_network_of_the_mode(mode: str, given: dict[str, None], version: Version, name: str) -> None:
    _, wishes, _ = with_interface_sysctls(host(mode), given, version)
    assert wishes == {name: EndpointSettings(driver_opts={OPTION: MOVED})}


@pytest.mark.parametrize("mode", ["host", "container:web"])
def test_others_interfaces_are_the_runtimes_to_judge(mode: str) -> None:
    assert with_interface_sysctls(host(mode), {}, NEW) == (host(mode), {}, ())


def test_what_names_no_interface_stays() -> None:
    plain = HostConfig(sysctls={"net.ipv4.conf.all.log_martians": "1", "net.ipv4.ip_forward": "1", "kernel.sem": "1"})
    assert with_interface_sysctls(plain, {}, NEW) == (plain, {}, ())
    assert with_interface_sysctls(HostConfig(), {}, NEW) == (HostConfig(), {}, ())


def test_refused() -> None:
    with pytest.raises(InvalidParameter, match=f'^interface specific sysctl setting "{LOG}" must be supplied'):
        with_interface_sysctls(host(), {}, NEW)
    other = HostConfig(sysctls={LOG.replace("eth0", "eth1"): "1"})
    with pytest.raises(
        InvalidParameter, match=r"^unable to determine network endpoint for sysctl net\.ipv4\.conf\.eth1"
    ):
        with_interface_sysctls(other, {}, OLD)
    with pytest.raises(InvalidParameter, match=f"^unable to find a network for sysctl {LOG}: HostConfig.NetworkMode"):
        with_interface_sysctls(host(), {"other": None}, OLD)
