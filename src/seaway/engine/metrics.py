"""What `--metrics-addr` tells, by dockerd's names."""

import os
import resource
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from seaway.base.metrics import Histogram, counter, gauge, labelled
from seaway.containers.container import Container
from seaway.containers.task import Status

_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(slots=True)
class Metrics:
    """What is counted as it happens."""

    containers: Histogram = field(default_factory=lambda: Histogram(("changes", "commit", "create", "delete", "start")))
    networks: Histogram = field(default_factory=lambda: Histogram(("allocate", "release")))
    health_checks: int = 0
    failed_health_checks: int = 0


@dataclass(frozen=True, slots=True)
class Counted:
    """What is counted when somebody asks."""

    containers: tuple[Container, ...]
    events: int
    listeners: int
    cpus: int
    memory: int
    info: Mapping[str, str]


def exposition(metrics: Metrics, now: Counted) -> str:
    daemon = "engine_daemon_"
    families = (
        metrics.containers.lines(
            f"{daemon}container_actions_seconds", "The number of seconds it takes to process each container action"
        ),
        labelled(
            f"{daemon}container_states_containers",
            "The count of containers in various states",
            [({"state": state}, count) for state, count in _states(now.containers).items()],
        ),
        gauge(f"{daemon}engine_cpus_cpus", "The number of cpus that the host system of the engine has", now.cpus),
        labelled(
            f"{daemon}engine_info",
            "The information related to the engine and the OS it is running on",
            [(now.info, 1)],
        ),
        gauge(f"{daemon}engine_memory_bytes", "The number of bytes of memory of the engine's host system", now.memory),
        gauge(f"{daemon}events_subscribers_total", "The number of current subscribers to events", now.listeners),
        counter(f"{daemon}events_total", "The number of events logged", now.events),
        counter(
            f"{daemon}health_checks_failed_total",
            "The total number of failed health checks",
            metrics.failed_health_checks,
        ),
        counter(f"{daemon}health_checks_total", "The total number of health checks", metrics.health_checks),
        metrics.networks.lines(
            f"{daemon}network_actions_seconds", "The number of seconds it takes to process each network action"
        ),
        _process(),
    )
    return "\n".join(chain.from_iterable(families)) + "\n"


def _states(containers: tuple[Container, ...]) -> dict[str, int]:
    statuses = [container.task.status for container in containers]
    running = sum(status in (Status.RUNNING, Status.RESTARTING) for status in statuses)
    paused = statuses.count(Status.PAUSED)
    return {"paused": paused, "running": running, "stopped": len(statuses) - running - paused}


def _process() -> chain[str]:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return chain(
        counter("process_cpu_seconds_total", "Total user and system CPU time spent.", usage.ru_utime + usage.ru_stime),
        gauge("process_open_fds", "Number of open file descriptors.", len(os.listdir("/proc/self/fd"))),
        gauge("process_resident_memory_bytes", "Resident memory size in bytes.", pages * _PAGE),
    )
