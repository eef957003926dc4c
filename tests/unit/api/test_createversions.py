import pytest
from msgspec import UNSET

from seaway.api.createversions import config_of_version, endpoints_of_version, host_config_of_version
from seaway.api.versions import Version
from seaway.base.errors import InvalidParameter
from seaway.model.container import ContainerConfig, Healthcheck, HostConfig
from seaway.model.network import EndpointSettings

EVERYTHING = HostConfig(auto_remove=True, console_size=[1, 2], annotations={"a": "b"}, kernel_memory=1 << 30)


@pytest.mark.parametrize(
    ("field", "before", "value", "since"),
    [
        ("auto_remove", False, True, (1, 25)),
        ("ipc_mode", "shareable", "", (1, 40)),
        ("cgroupns_mode", "host", "", (1, 41)),
        ("console_size", [0, 0], [1, 2], (1, 42)),
        ("kernel_memory", 1 << 30, UNSET, (1, 42)),
        ("annotations", UNSET, {"a": "b"}, (1, 43)),
    ],
)
def test_fields_count_from_their_version_on(field: str, before: object, value: object, since: tuple[int, int]) -> None:
    previous = Version(since[0], since[1] - 1)
    assert getattr(host_config_of_version(EVERYTHING, previous), field) == before
    assert getattr(host_config_of_version(EVERYTHING, Version(*since)), field) == value


def test_a_mode_that_was_given_stays() -> None:
    assert host_config_of_version(HostConfig(ipc_mode="none"), Version(1, 30)).ipc_mode == "none"
    assert host_config_of_version(HostConfig(cgroupns_mode="private"), Version(1, 40)).cgroupns_mode == "private"


def test_cgroup_v2_has_the_engines_default_of_cgroup_namespaces() -> None:
    assert host_config_of_version(HostConfig(), Version(1, 40), unified_cgroups=True).cgroupns_mode == ""


def test_a_health_check_has_its_start_interval_since_1_44() -> None:
    config = ContainerConfig(healthcheck=Healthcheck(start_interval=5, interval=7))
    assert config_of_version(config, Version(1, 44)) == config
    assert config_of_version(config, Version(1, 43)).healthcheck == Healthcheck(interval=7)
    assert config_of_version(ContainerConfig(), Version(1, 43)) == ContainerConfig()


def test_endpoints() -> None:
    wishes = {"a": EndpointSettings(mac_address="02:42:0a:00:00:09", gw_priority=3, aliases=["x"])}
    assert endpoints_of_version(wishes, Version(1, 48)) == wishes
    assert endpoints_of_version(wishes, Version(1, 43)) == {"a": EndpointSettings(aliases=["x"])}
    assert endpoints_of_version({"a": None, "b": None}, Version(1, 44)) == {"a": None, "b": None}
    with pytest.raises(InvalidParameter, match="multiple network endpoints: a, b"):
        endpoints_of_version({"a": None, "b": None}, Version(1, 43))
