"""GET /info. Pure: figures in, JSON out, with what older API versions expect."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seaway.base import clock
from seaway.base.dockerversion import DOCKER_VERSION
from seaway.config.engine import EngineConfig
from seaway.config.file import mask_credentials
from seaway.system.host import Host
from seaway.system.registryinfo import registry_config
from seaway.system.version import EngineVersion
from seaway.system.warnings import warnings

INDEX = "https://index.docker.io/v1/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What the engine's parts report at this moment."""

    engine_id: str
    data_root: str
    running: int = 0
    paused: int = 0
    stopped: int = 0
    images: int = 0
    storage_driver: str = "overlay2"
    driver_status: tuple[tuple[str, str], ...] = ()
    runtimes: Mapping[str, str] = field(default_factory=dict)
    default_runtime: str = "crun"
    firewall_backend: str = "nftables"
    cgroup_driver: str = "cgroupfs"
    cdi_spec_dirs: tuple[str, ...] = ()
    volume_drivers: tuple[str, ...] = ("local",)
    cluster_advertise: str = ""
    cluster_failure: str = ""
    network_drivers: tuple[str, ...] = ("bridge", "host", "null")
    log_drivers: tuple[str, ...] = ("json-file",)
    listeners: int = 0
    open_files: int = 0
    tasks: int = 0


def info_to_wire(
    config: EngineConfig, host: Host, version: EngineVersion, figures: Figures, api: tuple[int, ...] = (1, 51)
) -> dict[str, Any]:
    wire = _what_it_has(config, figures) | _what_the_kernel_can(host) | _what_the_host_is(host)
    wire |= _how_it_is_set(config, figures) | {
        "SystemTime": clock.now(),
        "RegistryConfig": registry_config(config, api),
        "ServerVersion": DOCKER_VERSION,
        "RuncCommit": {"ID": _commit(version, figures.default_runtime)},
        "InitCommit": {"ID": _commit(version, "docker-init")},
        "SecurityOptions": security_options(config, host),
        "Warnings": warnings(host, config, figures.cluster_failure) or None,
    }
    return _for_version(wire | _IN_NO_SWARM, api, figures.firewall_backend)


_IN_NO_SWARM: dict[str, Any] = {
    "Swarm": {
        "NodeID": "",
        "NodeAddr": "",
        "LocalNodeState": "inactive",
        "ControlAvailable": False,
        "Error": "",
        "RemoteManagers": None,
    },
    "GenericResources": None,
}


def _what_it_has(config: EngineConfig, figures: Figures) -> dict[str, Any]:
    return {
        "ID": figures.engine_id,
        "Containers": figures.running + figures.paused + figures.stopped,
        "ContainersRunning": figures.running,
        "ContainersPaused": figures.paused,
        "ContainersStopped": figures.stopped,
        "Images": figures.images,
        "Driver": figures.storage_driver,
        "DriverStatus": [list(pair) for pair in figures.driver_status],
        "Plugins": {
            "Volume": list(figures.volume_drivers),
            "Network": list(figures.network_drivers),
            "Authorization": list(config.authorization_plugins) or None,
            "Log": list(figures.log_drivers),
        },
        "NFd": figures.open_files,
        "NGoroutines": figures.tasks,
        "NEventsListener": figures.listeners,
        "DockerRootDir": figures.data_root,
        "CDISpecDirs": list(figures.cdi_spec_dirs),
    }


def _what_the_kernel_can(host: Host) -> dict[str, Any]:
    cgroups = host.cgroups
    return {
        "MemoryLimit": cgroups.memory,
        "SwapLimit": cgroups.swap,
        "CpuCfsPeriod": cgroups.cpu_quota,
        "CpuCfsQuota": cgroups.cpu_quota,
        "CPUShares": cgroups.cpu_shares,
        "CPUSet": cgroups.cpuset,
        "PidsLimit": cgroups.pids,
        "OomKillDisable": cgroups.oom_kill_disable,
        "CgroupVersion": str(cgroups.version),
        "IPv4Forwarding": host.ipv4_forwarding,
    }


def _what_the_host_is(host: Host) -> dict[str, Any]:
    return {
        "Name": host.name,
        "KernelVersion": host.kernel,
        "OperatingSystem": host.operating_system,
        "OSVersion": host.os_version,
        "OSType": "linux",
        "Architecture": host.machine,
        "NCPU": host.cpus,
        "MemTotal": host.memory_bytes,
        "Isolation": "",
    }


def _how_it_is_set(config: EngineConfig, figures: Figures) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "Debug": config.debug,
        "LoggingDriver": config.log_driver,
        "CgroupDriver": figures.cgroup_driver,
        "IndexServerAddress": INDEX,
        "HttpProxy": mask_credentials(config.http_proxy),
        "HttpsProxy": mask_credentials(config.https_proxy),
        "NoProxy": config.no_proxy,
        "Labels": list(config.labels),
        "ExperimentalBuild": config.experimental,
        "Runtimes": {name: {"path": path} for name, path in sorted(figures.runtimes.items())},
        "DefaultRuntime": figures.default_runtime,
        "LiveRestoreEnabled": config.live_restore,
        "InitBinary": config.init_path or "docker-init",
        "ContainerdCommit": {"ID": ""},
    }
    if config.default_address_pools:
        settings["DefaultAddressPools"] = [{"Base": p.base, "Size": p.size} for p in config.default_address_pools]
    if config.cluster_store:
        settings["ClusterStore"] = config.cluster_store
        settings["ClusterAdvertise"] = figures.cluster_advertise or config.cluster_advertise
    return settings


def _for_version(wire: dict[str, Any], api: tuple[int, ...], firewall_backend: str) -> dict[str, Any]:
    if api < (1, 25):
        wire["SecurityOptions"] = [o.split(",")[0].removeprefix("name=") for o in wire["SecurityOptions"]]
    if api < (1, 42):
        wire["KernelMemory"] = False
    if api < (1, 49):
        for key in ("ContainerdCommit", "RuncCommit", "InitCommit"):
            wire[key]["Expected"] = wire[key]["ID"]
    else:
        wire["FirewallBackend"] = {"Driver": firewall_backend}
    if api < (1, 50):
        wire |= {"BridgeNfIptables": False, "BridgeNfIp6tables": False}
    return wire


def security_options(config: EngineConfig, host: Host) -> list[str]:
    options = ["name=apparmor"] if host.apparmor else []
    if host.seccomp:
        options.append(f"name=seccomp,profile={config.seccomp_profile or 'builtin'}")
    if config.selinux_enabled and host.selinux:
        options.append("name=selinux")
    mode = config.default_cgroupns_mode or ("private" if host.cgroups.version == 2 else "host")
    if mode == "private":
        options.append("name=cgroupns")
    if config.userns_remap:
        options.append("name=userns")
    return [*options, "name=no-new-privileges"] if config.no_new_privileges else options


def _commit(version: EngineVersion, name: str) -> str:
    component = version.component(name)
    return (component.commit or component.version) if component else ""
