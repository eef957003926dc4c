import pytest

from seaway.base.errors import Conflict
from seaway.engine.update import lifted_limits, live_resources, updated_host_config
from seaway.model.container import HostConfig, RestartPolicy


def test_only_what_is_asked_for_changes() -> None:
    old = HostConfig(memory=64 << 20, memory_swap=128 << 20, cpu_shares=512)
    new = updated_host_config(old, HostConfig(memory=100 << 20, memory_swap=200 << 20))
    assert (new.memory, new.memory_swap, new.cpu_shares) == (100 << 20, 200 << 20, 512)


def test_a_limit_that_goes_is_lifted_and_not_left_to_the_runtime() -> None:
    assert updated_host_config(HostConfig(pids_limit=40), HostConfig(pids_limit=0)).pids_limit == 0
    gone = HostConfig(pids_limit=0, cpu_quota=-1, cpu_shares=7)
    assert live_resources(gone) == {"cpu": {"shares": 7}}
    assert lifted_limits(gone) == {"cpu", "pids"}
    assert lifted_limits(HostConfig(pids_limit=5, cpu_quota=9000)) == set()


@pytest.mark.parametrize(
    ("old", "wanted", "text"),
    [
        (HostConfig(memory_swap=-1), HostConfig(memory=10 << 20), "Memory limit should be smaller than already set"),
        (HostConfig(), HostConfig(memory=10 << 20), "update the memoryswap at the same time"),
        (HostConfig(nano_cpus=10**9), HostConfig(cpu_quota=5000), "CPU Quota cannot be updated as NanoCPUs has"),
        (HostConfig(cpu_period=5000), HostConfig(nano_cpus=10**9), "Nano CPUs cannot be updated as CPU Period has"),
        (HostConfig(auto_remove=True), HostConfig(restart_policy=RestartPolicy(name="always")), "AutoRemove"),
    ],
)
def test_conflicts(old: HostConfig, wanted: HostConfig, text: str) -> None:
    with pytest.raises(Conflict, match=text):
        updated_host_config(old, wanted)


def test_swap_without_limit_is_no_conflict_by_itself() -> None:
    assert updated_host_config(HostConfig(memory_swap=-1), HostConfig(cpu_shares=5)).cpu_shares == 5
