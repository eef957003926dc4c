"""A container's record: what the user configured, and its task. Disk format: dockerd's config.v2.json."""

from typing import Any

import msgspec

from seaway.base import gojson
from seaway.base.ids import short_id
from seaway.containers.health import Health
from seaway.containers.task import Status, Task
from seaway.model.container import ContainerConfig, HostConfig
from seaway.model.mount import MountPoint
from seaway.model.network import EndpointRecord


class StateOnDisk(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """dockerd's `State`: its booleans are written so that dockerd reads them, and read back into one status."""

    running: bool = False
    paused: bool = False
    restarting: bool = False
    oom_killed: bool = msgspec.field(default=False, name="OOMKilled")
    removal_in_progress: bool = False
    dead: bool = False
    pid: int = 0
    exit_code: int = 0
    error: str = ""
    started_at: str = ""
    finished_at: str = ""
    health: Health | None = None


def state_to_disk(task: Task, health: Health | None) -> StateOnDisk:
    return StateOnDisk(
        running=task.is_running,
        paused=task.status is Status.PAUSED,
        restarting=task.status is Status.RESTARTING,
        oom_killed=task.oom_killed,
        removal_in_progress=task.status is Status.REMOVING,
        dead=task.status is Status.DEAD,
        pid=task.pid,
        exit_code=task.exit_code,
        error=task.error,
        started_at=task.started_at,
        finished_at=task.finished_at,
        health=health,
    )


def task_from_disk(state: StateOnDisk) -> Task:
    blank = Task()
    return Task(
        status=_status_from_disk(state, blank.started_at),
        pid=state.pid,
        exit_code=state.exit_code,
        error=state.error,
        oom_killed=state.oom_killed,
        started_at=state.started_at or blank.started_at,
        finished_at=state.finished_at or blank.finished_at,
    )


def _status_from_disk(state: StateOnDisk, zero_time: str) -> Status:
    if state.removal_in_progress or state.dead:
        return Status.DEAD  # a removal that a crash cut short is begun again
    if state.restarting:
        return Status.RESTARTING
    if state.paused:
        return Status.PAUSED
    if state.running:
        return Status.RUNNING
    return Status.CREATED if state.finished_at in ("", zero_time) else Status.EXITED


class Container(msgspec.Struct, frozen=True, kw_only=True):
    """`image` is the image ID; `name` has no leading slash; `endpoints` is keyed by network name."""

    id: str
    name: str
    created: str
    path: str
    args: list[str]
    config: ContainerConfig
    host_config: HostConfig
    image: str
    driver: str
    task: Task = Task()
    health: Health | None = None
    mount_points: dict[str, MountPoint] = {}
    endpoints: dict[str, EndpointRecord] = {}
    sandbox: dict[str, Any] = {}
    log_path: str = ""
    restart_count: int = 0
    started_before: bool = False
    stopped_by_user: bool = False
    no_new_privileges: bool = False
    seccomp_profile: str = ""
    apparmor_profile: str = ""
    mount_label: str = ""
    process_label: str = ""
    writable_cgroups: bool = False
    run: str = ""
    """The name of this run's bundle directory: a reused pid or a stale exit file is not taken for it."""

    @property
    def short_id(self) -> str:
        return short_id(self.id)

    @property
    def is_tty(self) -> bool:
        return self.config.tty


class ConfigOnDisk(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """config.v2.json (inventory A35). What dockerd writes and Seaway has no use for is kept in `Seaway`'s absence."""

    stream_config: dict[str, Any] = {}
    state: StateOnDisk = msgspec.field(default=StateOnDisk(), name="State")
    id: str = msgspec.field(default="", name="ID")
    created: str = ""
    managed: bool = False
    path: str = ""
    args: list[str] | None = None
    config: ContainerConfig = ContainerConfig()
    image: str = ""
    network_settings: dict[str, Any] = {}
    log_path: str = ""
    name: str = ""
    driver: str = ""
    os: str = msgspec.field(default="linux", name="OS")
    restart_count: int = 0
    has_been_started_before: bool = False
    has_been_manually_stopped: bool = False
    mount_points: dict[str, MountPoint] = {}
    mount_label: str = ""
    process_label: str = ""
    app_armor_profile: str = ""
    seccomp_profile: str = ""
    no_new_privileges: bool = False
    writable_cgroups: bool | None = None
    seaway_run: str = ""
    seaway_sandbox: dict[str, Any] = {}


def to_disk(c: Container) -> ConfigOnDisk:
    return ConfigOnDisk(
        state=state_to_disk(c.task, c.health),
        id=c.id,
        created=c.created,
        path=c.path,
        args=c.args,
        config=c.config,
        image=c.image,
        network_settings={"Networks": msgspec.to_builtins(c.endpoints)},
        log_path=c.log_path,
        name="/" + c.name,
        driver=c.driver,
        restart_count=c.restart_count,
        has_been_started_before=c.started_before,
        has_been_manually_stopped=c.stopped_by_user,
        mount_points=c.mount_points,
        mount_label=c.mount_label,
        process_label=c.process_label,
        app_armor_profile=c.apparmor_profile,
        seccomp_profile=c.seccomp_profile,
        no_new_privileges=c.no_new_privileges,
        writable_cgroups=c.writable_cgroups or None,
        seaway_run=c.run,
        seaway_sandbox=c.sandbox,
    )


def from_disk(disk: ConfigOnDisk, host_config: HostConfig) -> Container:
    return Container(
        id=disk.id,
        name=disk.name.removeprefix("/"),
        created=disk.created,
        path=disk.path,
        args=disk.args or [],
        config=disk.config,
        host_config=host_config,
        image=disk.image,
        driver=disk.driver,
        task=task_from_disk(disk.state),
        health=disk.state.health,
        mount_points=disk.mount_points,
        endpoints=gojson.convert(disk.network_settings.get("Networks") or {}, dict[str, EndpointRecord]),
        sandbox=disk.seaway_sandbox,
        log_path=disk.log_path,
        restart_count=disk.restart_count,
        started_before=disk.has_been_started_before,
        stopped_by_user=disk.has_been_manually_stopped,
        no_new_privileges=disk.no_new_privileges,
        seccomp_profile=disk.seccomp_profile,
        apparmor_profile=disk.app_armor_profile,
        mount_label=disk.mount_label,
        process_label=disk.process_label,
        writable_cgroups=bool(disk.writable_cgroups),
        run=disk.seaway_run,
    )
