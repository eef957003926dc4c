"""`GET /info`: figures collected anew for each request (inventory B4)."""

import asyncio
import os
import platform
from pathlib import Path
from typing import Any

from seaway.base import clock
from seaway.config import EngineConfig
from seaway.containers.task import Status
from seaway.engine.context import Engine
from seaway.kernel import cgroup
from seaway.layers.store import LayerStore

DOCKER_VERSION = "28.5.2"


def engine_info(engine: Engine, config: EngineConfig, engine_id: str, images: int, listeners: int) -> dict[str, Any]:
    return {
        "ID": engine_id,
        **_containers(engine),
        "Images": images,
        **_storage(engine),
        "Plugins": {
            "Volume": ["local"],
            "Network": ["bridge", "host", "null"],
            "Authorization": None,
            "Log": ["json-file", "none"],
        },
        **_host(),
        "Debug": config.debug,
        "NFd": len(os.listdir("/proc/self/fd")),
        "NGoroutines": len(asyncio.all_tasks()),
        "SystemTime": clock.now(),
        "LoggingDriver": config.log_driver,
        "CgroupDriver": "cgroupfs",
        "CgroupVersion": "2" if cgroup.mode() is cgroup.Mode.UNIFIED else "1",
        "NEventsListener": listeners,
        "IndexServerAddress": "https://index.docker.io/v1/",
        "DockerRootDir": str(engine.data_root),
        "HttpProxy": config.http_proxy,
        "HttpsProxy": config.https_proxy,
        "NoProxy": config.no_proxy,
        "Labels": list(config.labels),
        "ExperimentalBuild": config.experimental,
        "ServerVersion": DOCKER_VERSION,
        "Runtimes": {name: {"path": name} for name in ("crun", "runc", *config.runtimes)},
        "DefaultRuntime": engine.default_runtime,
        "Swarm": {"NodeID": "", "NodeAddr": "", "LocalNodeState": "inactive", "ControlAvailable": False, "Error": ""},
        "LiveRestoreEnabled": config.live_restore,
        "Isolation": "",
        "InitBinary": "docker-init",
        "SecurityOptions": ["name=seccomp,profile=builtin"],
        "Warnings": None,
    }


def _containers(engine: Engine) -> dict[str, int]:
    statuses = [c.task.status for c in engine.containers.all()]
    running = sum(s in (Status.RUNNING, Status.RESTARTING) for s in statuses)
    paused = statuses.count(Status.PAUSED)
    return {
        "Containers": len(statuses),
        "ContainersRunning": running,
        "ContainersPaused": paused,
        "ContainersStopped": len(statuses) - running - paused,
    }


def _storage(engine: Engine) -> dict[str, Any]:
    layers = engine.layers
    assert isinstance(layers, LayerStore)
    return {"Driver": layers.driver.name, "DriverStatus": [list(row) for row in layers.driver.status()]}


def _host() -> dict[str, Any]:
    controllers = cgroup.known_controllers(Path("/proc/cgroups").read_text())
    release = platform.freedesktop_os_release()
    return {
        "MemoryLimit": "memory" in controllers,
        "SwapLimit": Path("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes").exists(),
        "CpuCfsPeriod": "cpu" in controllers,
        "CpuCfsQuota": "cpu" in controllers,
        "CPUShares": "cpu" in controllers,
        "CPUSet": "cpuset" in controllers,
        "PidsLimit": "pids" in controllers,
        "OomKillDisable": "memory" in controllers and cgroup.mode() is not cgroup.Mode.UNIFIED,
        "IPv4Forwarding": Path("/proc/sys/net/ipv4/ip_forward").read_text().strip() == "1",
        "KernelVersion": platform.release(),
        "OperatingSystem": release.get("PRETTY_NAME", "Linux"),
        "OSVersion": release.get("VERSION_ID", ""),
        "OSType": "linux",
        "Architecture": platform.machine(),
        "NCPU": os.cpu_count() or 1,
        "MemTotal": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "Name": platform.node(),
    }
