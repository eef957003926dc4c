"""What a user asks of a container, in the words of the Engine API; the wire and the disk share these structs.

Names on the wire are Go's (inventory B1, B4). `None` stands where Go writes `null`.
"""

from typing import Any

import msgspec

from seaway.model.mount import Mount
from seaway.model.network import EndpointSettings, PortBinding


class Healthcheck(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """Durations are nanoseconds; 0 means inherit, and the defaults apply where nothing was inherited."""

    test: list[str] | None = None
    interval: int = 0
    timeout: int = 0
    start_period: int = 0
    start_interval: int = 0
    retries: int = 0


class ContainerConfig(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """The part of a container that an image can carry too. `cmd` and `entrypoint` also accept one string."""

    hostname: str = ""
    domainname: str = ""
    user: str = ""
    attach_stdin: bool = False
    attach_stdout: bool = False
    attach_stderr: bool = False
    exposed_ports: dict[str, dict[str, Any]] | msgspec.UnsetType = msgspec.UNSET
    tty: bool = False
    open_stdin: bool = False
    stdin_once: bool = False
    env: list[str] | None = None
    cmd: list[str] | str | None = None
    healthcheck: Healthcheck | msgspec.UnsetType = msgspec.UNSET
    args_escaped: bool | msgspec.UnsetType = msgspec.UNSET
    image: str = ""
    volumes: dict[str, dict[str, Any]] | None = None
    working_dir: str = ""
    entrypoint: list[str] | str | None = None
    network_disabled: bool | msgspec.UnsetType = msgspec.UNSET
    mac_address: str | msgspec.UnsetType = msgspec.UNSET
    on_build: list[str] | None = None
    labels: dict[str, str] | None = None
    stop_signal: str | msgspec.UnsetType = msgspec.UNSET
    stop_timeout: int | msgspec.UnsetType = msgspec.UNSET
    shell: list[str] | msgspec.UnsetType = msgspec.UNSET


def words(value: list[str] | str | None) -> list[str]:
    """What came as one string or as a list, as a list."""
    if value is None:
        return []
    return [value] if isinstance(value, str) else value


class LogConfig(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    type: str = ""
    config: dict[str, str] = {}


class RestartPolicy(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    name: str = ""
    maximum_retry_count: int = 0


class DeviceMapping(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    path_on_host: str = ""
    path_in_container: str = ""
    cgroup_permissions: str = ""


class Ulimit(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    name: str = ""
    hard: int = 0
    soft: int = 0


class WeightDevice(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    path: str = ""
    weight: int = 0


class ThrottleDevice(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    path: str = ""
    rate: int = 0


class DeviceRequest(msgspec.Struct, frozen=True, kw_only=True):
    driver: str = msgspec.field(default="", name="Driver")
    count: int = msgspec.field(default=0, name="Count")
    device_ids: list[str] | None = msgspec.field(default=None, name="DeviceIDs")
    capabilities: list[list[str]] | None = msgspec.field(default=None, name="Capabilities")
    options: dict[str, str] | None = msgspec.field(default=None, name="Options")


class HostConfig(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """The part of a container that belongs to this host. Sizes are bytes, CPU times microseconds."""

    binds: list[str] | None = None
    container_id_file: str = msgspec.field(default="", name="ContainerIDFile")
    log_config: LogConfig = LogConfig()
    network_mode: str = ""
    port_bindings: dict[str, list[PortBinding] | None] | None = None
    restart_policy: RestartPolicy = RestartPolicy()
    auto_remove: bool = False
    volume_driver: str = ""
    volumes_from: list[str] | None = None
    console_size: list[int] = msgspec.field(default_factory=lambda: [0, 0])
    annotations: dict[str, str] | msgspec.UnsetType = msgspec.UNSET
    cap_add: list[str] | str | None = None
    cap_drop: list[str] | str | None = None
    cgroupns_mode: str = ""
    dns: list[str] | None = None
    dns_options: list[str] | None = None
    dns_search: list[str] | None = None
    extra_hosts: list[str] | None = None
    group_add: list[str] | None = None
    ipc_mode: str = ""
    cgroup: str = ""
    links: list[str] | None = None
    oom_score_adj: int = 0
    pid_mode: str = ""
    privileged: bool = False
    publish_all_ports: bool = False
    readonly_rootfs: bool = False
    security_opt: list[str] | None = None
    storage_opt: dict[str, str] | msgspec.UnsetType = msgspec.UNSET
    tmpfs: dict[str, str] | msgspec.UnsetType = msgspec.UNSET
    uts_mode: str = msgspec.field(default="", name="UTSMode")
    userns_mode: str = ""
    shm_size: int = 0
    sysctls: dict[str, str] | msgspec.UnsetType = msgspec.UNSET
    runtime: str = ""
    isolation: str = ""
    cpu_shares: int = 0
    memory: int = 0
    nano_cpus: int = 0
    cgroup_parent: str = ""
    blkio_weight: int = 0
    blkio_weight_device: list[WeightDevice] | None = None
    blkio_device_read_bps: list[ThrottleDevice] | None = None
    blkio_device_write_bps: list[ThrottleDevice] | None = None
    blkio_device_read_iops: list[ThrottleDevice] | None = msgspec.field(default=None, name="BlkioDeviceReadIOps")
    blkio_device_write_iops: list[ThrottleDevice] | None = msgspec.field(default=None, name="BlkioDeviceWriteIOps")
    cpu_period: int = 0
    cpu_quota: int = 0
    cpu_realtime_period: int = 0
    cpu_realtime_runtime: int = 0
    cpuset_cpus: str = ""
    cpuset_mems: str = ""
    devices: list[DeviceMapping] | None = None
    device_cgroup_rules: list[str] | None = None
    device_requests: list[DeviceRequest] | None = None
    memory_reservation: int = 0
    memory_swap: int = 0
    memory_swappiness: int | None = None
    oom_kill_disable: bool | None = None
    pids_limit: int | None = None
    ulimits: list[Ulimit] | None = None
    kernel_memory: int | msgspec.UnsetType = msgspec.UNSET
    cpu_count: int = 0
    cpu_percent: int = 0
    io_maximum_iops: int = msgspec.field(default=0, name="IOMaximumIOps")
    io_maximum_bandwidth: int = msgspec.field(default=0, name="IOMaximumBandwidth")
    mounts: list[Mount] | msgspec.UnsetType = msgspec.UNSET
    masked_paths: list[str] | None = None
    readonly_paths: list[str] | None = None
    init: bool | msgspec.UnsetType | None = msgspec.UNSET


class NetworkingConfig(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    endpoints_config: dict[str, EndpointSettings | None] | None = None
