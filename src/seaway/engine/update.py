"""`POST /containers/{id}/update`: limits, the restart policy and, beyond dockerd, published ports, in the
record and in the running container."""

from typing import Any

import msgspec

from seaway.base.errors import Conflict, EngineError, SystemFailure, with_prefix
from seaway.containers.container import Container
from seaway.containers.restart import validate_restart_policy
from seaway.containers.task import Status
from seaway.engine.context import Engine
from seaway.engine.events import container_event
from seaway.engine.joining import recorded
from seaway.engine.ratelimits import NONE, Endpoints, limit_endpoints
from seaway.engine.spec.resources import plan_resources
from seaway.engine.validation import check_resources
from seaway.engine.validation.host import validate_port_bindings
from seaway.kernel import process, worker
from seaway.kernel.cgrouplift import lift
from seaway.model.container import HostConfig
from seaway.networks.republish import Bindings
from seaway.runtime.scopes import scope_properties, tell_systemd
from seaway.runtime.spec.resources import build_resources

# What takes the place of the old value where it is not zero.
_FIELDS = (
    *("blkio_weight", "cpu_shares", "nano_cpus", "cpu_period", "cpu_quota", "cpuset_cpus", "cpuset_mems"),
    *("memory", "memory_swap", "memory_reservation", "cpu_realtime_period", "cpu_realtime_runtime"),
)
_LIFTED = {"cpu_quota": "cpu", "pids_limit": "pids"}
"""Whose 0 or -1 is no limit, with their controllers."""
_EXCLUSIVE = (
    ("nano_cpus", "cpu_period", "Nano CPUs cannot be updated as CPU Period has already been set"),
    ("nano_cpus", "cpu_quota", "Nano CPUs cannot be updated as CPU Quota has already been set"),
    ("cpu_period", "nano_cpus", "CPU Period cannot be updated as NanoCPUs has already been set"),
    ("cpu_quota", "nano_cpus", "CPU Quota cannot be updated as NanoCPUs has already been set"),
)


async def update_container(engine: Engine, name: str, wanted: HostConfig, endpoints: Endpoints = NONE) -> list[str]:
    """`wanted` has zero values where nothing changes; `endpoints`, by network, have rates. Returns warnings."""
    container_id = engine.containers.find(name).id
    wanted, warnings = check_resources(wanted, engine.abilities.host, update=True)
    validate_port_bindings(wanted)
    if wanted.restart_policy.name:
        validate_restart_policy(wanted.restart_policy)
    async with engine.locks.hold(container_id):
        container = engine.containers.get(container_id)
        try:
            await _update(engine, container, wanted)
            await limit_endpoints(engine, container.id, endpoints)
        except EngineError as failure:
            raise with_prefix(f"Cannot update container {container_id}: ", failure) from failure
    container_event(engine, container, "update")
    return warnings


async def _update(engine: Engine, container: Container, wanted: HostConfig) -> None:
    if container.task.status in (Status.REMOVING, Status.DEAD):
        raise Conflict('container is marked for removal and cannot be "update"')
    updated = updated_host_config(container.host_config, wanted)
    if container.task.status in (Status.RUNNING, Status.PAUSED):
        await _tell_systemd(engine, container, updated)
        await _update_live(engine, container, live_resources(wanted), lifted_limits(wanted))
    changes: dict[str, Any] = {"host_config": updated}
    if wanted.port_bindings is not None:
        changes |= await _publish(engine, container, wanted.port_bindings)
    await engine.containers.update(container.id, lambda c: msgspec.structs.replace(c, **changes), durable=True)


async def _publish(engine: Engine, container: Container, bindings: Bindings) -> dict[str, Any]:
    """At once where the container runs, else at its next start. Returns what changes in its record."""
    if engine.networks.controller.sandbox(container.id) is None or container.host_config.network_mode == "host":
        return {}
    exposed = container.config.exposed_ports if isinstance(container.config.exposed_ports, dict) else {}
    sandbox = await engine.networks.controller.live.republish(container.id, bindings, tuple(exposed))
    return {"sandbox": recorded(container, sandbox).sandbox}


async def _tell_systemd(engine: Engine, container: Container, updated: HostConfig) -> None:
    """All of its limits: whatever it is told, systemd writes those that it knows."""
    if engine.runtime.tells_no_systemd(container.host_config.runtime or engine.default_runtime):
        limits = build_resources(plan_resources(HostConfig(**_changes(updated))))
        try:
            await tell_systemd(container.id, scope_properties(limits))
        except (process.CommandFailed, TimeoutError, OSError) as failure:
            raise SystemFailure(f"systemd does not take the limits: {failure}") from failure


async def _update_live(engine: Engine, container: Container, resources: dict[str, Any], lifted: frozenset[str]) -> None:
    runtime = container.host_config.runtime or engine.default_runtime
    try:
        if resources:
            await engine.runtime.update(container.id, resources, runtime)
        await worker.run_blocking(lift, container.task.pid, container.id, lifted)
    except (EngineError, OSError) as failure:
        raise SystemFailure(str(failure)) from failure


def updated_host_config(old: HostConfig, wanted: HostConfig) -> HostConfig:
    """Raises Conflict where the new does not go with the old."""
    for new, present, text in _EXCLUSIVE:
        if getattr(wanted, new) > 0 and getattr(old, present) > 0:
            raise Conflict(f"Conflicting options: {text}")
    if wanted.memory and wanted.memory > old.memory_swap and not wanted.memory_swap:
        raise Conflict(
            "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time"
        )
    changes = _changes(wanted)
    if wanted.port_bindings is not None:
        merged = {**(old.port_bindings or {}), **wanted.port_bindings}
        changes["port_bindings"] = {key: bindings for key, bindings in merged.items() if bindings}
    if wanted.restart_policy.name:
        if old.auto_remove and wanted.restart_policy.name != "no":
            raise Conflict("Restart policy cannot be updated because AutoRemove is enabled for the container")
        changes["restart_policy"] = wanted.restart_policy
    return msgspec.structs.replace(old, **changes)


def live_resources(wanted: HostConfig) -> dict[str, Any]:
    """The OCI resources of what changes to another limit, and nothing else."""
    changes = {name: value for name, value in _changes(wanted).items() if name not in _LIFTED or value > 0}
    return build_resources(plan_resources(HostConfig(**changes)))


def lifted_limits(wanted: HostConfig) -> frozenset[str]:
    """The controllers whose limit goes."""
    changes = _changes(wanted)
    return frozenset(controller for name, controller in _LIFTED.items() if changes.get(name, 1) <= 0)


def _changes(wanted: HostConfig) -> dict[str, Any]:
    changes = {name: getattr(wanted, name) for name in _FIELDS if getattr(wanted, name)}
    return changes | ({} if wanted.pids_limit is None else {"pids_limit": wanted.pids_limit})
