"""What the engine's verbs work with. Built once by the composition root; each verb takes it as its first argument."""

import asyncio
from dataclasses import dataclass, field, replace
from pathlib import Path

from seaway.base.locks import KeyedLocks
from seaway.base.supervisor import Supervisor
from seaway.containers.execs import ExecStore
from seaway.containers.store import ContainerStore
from seaway.engine.adoption import Adoption
from seaway.engine.defaults import ContainerDefaults
from seaway.engine.joining import ContainerNetworks
from seaway.engine.logs import ContainerLogs
from seaway.engine.metrics import Metrics
from seaway.engine.mounts import ContainerMounts
from seaway.engine.ports import Events, Images, RootFilesystems
from seaway.engine.restarts import Restarts
from seaway.engine.runs import Runs
from seaway.engine.settings import Settings
from seaway.engine.streams import Streams
from seaway.engine.validation import Abilities
from seaway.runtime.crun import Runtime
from seaway.system.host import Host, forwards_ipv4


@dataclass(frozen=True, slots=True)
class Engine:
    """`run_root` holds one bundle directory per run of a container, and is emptied by a reboot.

    `removing`: the containers that somebody removes at this moment; nobody else may. `out_of_memory`: those
    whose run was told to have lost a process to the kernel. `aftermaths`: what still goes
    on behind a container's end (module aftermath).
    """

    settings: Settings
    data_root: Path
    run_root: Path
    containers: ContainerStore
    images: Images
    layers: RootFilesystems
    runtime: Runtime
    networks: ContainerNetworks
    events: Events
    supervisor: Supervisor
    streams: Streams
    logs: ContainerLogs
    mounts: ContainerMounts
    host: Host
    locks: KeyedLocks = field(default_factory=KeyedLocks)
    execs: ExecStore = field(default_factory=ExecStore)
    runs: Runs = field(default_factory=Runs)
    restarts: Restarts = field(default_factory=Restarts)
    removing: set[str] = field(default_factory=set)
    out_of_memory: set[str] = field(default_factory=set)
    metrics: Metrics = field(default_factory=Metrics)
    aftermaths: "dict[str, asyncio.Task[None]]" = field(default_factory=dict)
    adoption: Adoption = field(default_factory=Adoption)

    @property
    def default_runtime(self) -> str:
        return self.settings.default_runtime

    @property
    def defaults(self) -> ContainerDefaults:
        return self.settings.defaults

    @property
    def abilities(self) -> Abilities:
        host = replace(self.host, ipv4_forwarding=forwards_ipv4())
        return Abilities(host, self.defaults.runtimes, self.defaults.systemd_cgroups, remaps=bool(self.settings.ids))
