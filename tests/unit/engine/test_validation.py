from dataclasses import replace

import pytest

from seaway.base.errors import InvalidParameter
from seaway.engine.validation import Abilities, check_resources, validate_create
from seaway.model.container import ContainerConfig, Healthcheck, HostConfig, RestartPolicy, ThrottleDevice
from seaway.model.network import PortBinding
from seaway.system.host import THROTTLES, WEIGHTS, CgroupSupport, Host

C, H = ContainerConfig, HostConfig
BARE = Host("h", "6.1", "x86_64", "Debian", "12", 2, 1 << 30, CgroupSupport(2), True, True, False)
FULL = replace(
    BARE,
    cgroups=CgroupSupport(
        version=1,
        memory=True,
        swap=True,
        oom_kill_disable=True,
        cpu_shares=True,
        cpu_quota=True,
        cpuset=True,
        pids=True,
        reservation=True,
        swappiness=True,
        cpus="0-1",
        mems="0",
        blkio=frozenset({*WEIGHTS, *THROTTLES}),
    ),
)
ABLE = Abilities(FULL, {"crun"})


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
        (C(mac_address="foo"), H(), "address foo: invalid MAC address"),
        (C(stop_signal="FOO"), H(), "invalid signal: FOO"),
        (C(), H(cap_add=["foo"]), 'invalid CapAdd: unknown capability: "CAP_FOO"'),
        (C(), H(extra_hosts=["foo"]), 'bad format for add-host: "foo"'),
        (C(), H(port_bindings={"80/tcp": [PortBinding(host_port="90-80")]}), 'invalid port specification: "90-80"'),
        (C(), H(cpuset_cpus="x"), "Invalid value x for cpuset cpus: invalid format: x"),
        (C(), H(cpuset_cpus="0-9999"), "Invalid value 0-9999 for cpuset cpus: value of out range, maximum is 8192"),
        (C(), H(cpuset_mems="1"), "Requested memory nodes are not available - requested 1, available: 0"),
        (C(), H(blkio_weight=5), "Range of blkio weight is from 10 to 1000"),
        (C(), H(cpu_shares=-1), r"invalid CPU shares \(-1\): value must be a positive integer"),
        (C(), H(cpu_realtime_period=1), "kernel does not support CPU real-time scheduler"),
        (C(), H(io_maximum_iops=1), "invalid QoS settings: linux does not support configuration of maximum IOPs"),
        (C(), H(runtime="nosuch"), "unknown or invalid runtime name: nosuch"),
        (C(), H(annotations={"": "x"}), "invalid Annotations: the empty string"),
        (C(), H(oom_score_adj=2000), r"Invalid value 2000, range for oom score adj is \[-1000, 1000\]"),
    ],
)
def test_refusals(config: ContainerConfig, host: HostConfig, text: str) -> None:
    with pytest.raises(InvalidParameter, match=text):
        validate_create(config, host, ABLE)


def test_an_ordinary_container_passes() -> None:
    validate_create(C(cmd=["sh"]), H(memory=64 << 20, network_mode="default", ipc_mode="container:abc"), ABLE)


def test_what_a_kernel_lacks_is_discarded_with_a_warning() -> None:
    asked = H(memory=64 << 20, memory_swap=128 << 20, blkio_device_read_bps=[ThrottleDevice(path="/dev/sda", rate=1)])
    left, warnings = check_resources(asked, BARE)
    assert (left.memory, left.memory_swap, left.blkio_device_read_bps) == (0, -1, [])
    assert [text.split(" or the")[0] for text in warnings] == [
        "Your kernel does not support memory limit capabilities",
        "Your kernel does not support BPS Block I/O read limit",
    ]
    assert check_resources(asked, FULL) == (asked, [])


def test_an_update_may_raise_the_swap_limit_alone() -> None:
    assert check_resources(H(memory_swap=128 << 20), FULL, update=True)[1] == []


def test_an_oom_killer_that_is_off_is_warned_of() -> None:
    checked = validate_create(C(), H(oom_kill_disable=True, network_mode="host", port_bindings={"80/tcp": []}), ABLE)
    assert [text[:30] for text in checked.warnings] == [
        "OOM killer is disabled for the",
        "Published ports are discarded ",
    ]
