import pytest

from seaway.base.errors import InvalidParameter
from seaway.engine.validate import validate_create
from seaway.model.container import ContainerConfig, Healthcheck, HostConfig, RestartPolicy

C, H = ContainerConfig, HostConfig


@pytest.mark.parametrize(
    ("config", "host", "text"),
    [
        (C(working_dir="x"), H(), "the working directory 'x' is invalid, it needs to be an absolute path"),
        (C(env=["=x"]), H(), "invalid environment variable: =x"),
        (C(healthcheck=Healthcheck(interval=5)), H(), "Interval in Healthcheck cannot be less than 1ms"),
        (C(), H(memory=1 << 20), "Minimum memory limit allowed is 6MB"),
        (
            C(),
            H(memory=8 << 20, memory_swap=7 << 20),
            "Minimum memoryswap limit should be larger than memory limit, see usage",
        ),
        (C(), H(nano_cpus=3 * 10**9), "range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available"),
        (C(), H(nano_cpus=1, cpu_quota=1000), "Conflicting options: Nano CPUs and CPU Quota cannot both be set"),
        (C(), H(ipc_mode="x"), "invalid IPC mode: x"),
        (C(), H(pid_mode="x"), "invalid PID mode: x"),
        (C(hostname="h"), H(network_mode="container:x"), "conflicting options: hostname and the network mode"),
        (
            C(),
            H(auto_remove=True, restart_policy=RestartPolicy(name="always")),
            "can't create 'AutoRemove' container with restart policy",
        ),
        (C(), H(oom_score_adj=2000), r"Invalid value 2000, range for oom score adj is \[-1000, 1000\]"),
    ],
)
def test_refusals(config: ContainerConfig, host: HostConfig, text: str) -> None:
    with pytest.raises(InvalidParameter, match=text):
        validate_create(config, host, 2)


def test_an_ordinary_container_passes() -> None:
    validate_create(C(cmd=["sh"]), H(memory=64 << 20, network_mode="default", ipc_mode="container:abc"), 2)
