"""What the engine's configuration says of containers that say nothing of it themselves."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seaway.config import ConfigError, EngineConfig
from seaway.config.validate import exec_options
from seaway.kernel import cgroup, selinux
from seaway.logs.driver import InvalidLogOption
from seaway.logs.drivers import validate_log_options
from seaway.model.container import LogConfig, Ulimit
from seaway.runtime.programs import BUILT_IN
from seaway.runtime.spec.seccomp_custom import InvalidProfile, parse_profile
from seaway.runtime.spec.selinux import Contexts, parse_contexts

log = logging.getLogger(__name__)
CDI_DIRS = ("/etc/cdi", "/var/run/cdi")
SHM_BYTES = 64 << 20
JSON_FILE = LogConfig(type="json-file")
_SYSTEMD = Path("/run/systemd/system")


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerDefaults:
    """`seccomp` is `default`, `unconfined` or a profile; `cgroupns_mode` "" leaves it to the cgroup version;
    `selinux` is None where containers get no labels."""

    runtimes: frozenset[str] = frozenset(BUILT_IN)
    ulimits: Mapping[str, Ulimit] = field(default_factory=dict)
    shm_size: int = SHM_BYTES
    ipc_mode: str = "private"
    cgroupns_mode: str = "host"
    cgroup_parent: str = ""
    systemd_cgroups: bool = False
    unified_cgroups: bool = False
    init: bool = False
    init_path: str = ""
    no_new_privileges: bool = False
    seccomp: str | Mapping[str, Any] = "default"
    selinux: Contexts | None = None
    cdi_spec_dirs: tuple[str, ...] = ()
    log: LogConfig = JSON_FILE
    realtime: tuple[int, int] = (0, 0)
    """Period and runtime in microseconds of every group that containers' groups are made in."""


def container_defaults(config: EngineConfig) -> ContainerDefaults:
    """Raises ConfigError for a seccomp profile, log options or SELinux contexts that cannot be used."""
    unified = cgroup.mode() is cgroup.Mode.UNIFIED
    return ContainerDefaults(
        runtimes=frozenset({*BUILT_IN, *config.runtimes}),
        ulimits={u.name: Ulimit(name=u.name, hard=u.hard, soft=u.soft) for u in config.default_ulimits.values()},
        shm_size=config.default_shm_size,
        ipc_mode=config.default_ipc_mode,
        cgroupns_mode=config.default_cgroupns_mode or ("private" if unified else "host"),
        cgroup_parent=config.cgroup_parent,
        unified_cgroups=unified,
        systemd_cgroups=_uses_systemd(config, unified=unified),
        init=config.init,
        init_path=config.init_path,
        no_new_privileges=config.no_new_privileges,
        seccomp=_seccomp(config.seccomp_profile),
        selinux=_selinux(config),
        cdi_spec_dirs=tuple(filter(None, config.cdi_spec_dirs or CDI_DIRS)) if config.features.get("cdi", True) else (),
        log=_log(config),
        realtime=(config.cpu_rt_period, config.cpu_rt_runtime),
    )


def _uses_systemd(config: EngineConfig, *, unified: bool) -> bool:
    """dockerd's rule: on cgroup v2, under systemd, unless somebody chose."""
    chosen = exec_options(config).get("native.cgroupdriver", "")
    return chosen == "systemd" or (not chosen and unified and _SYSTEMD.is_dir())


def _log(config: EngineConfig) -> LogConfig:
    """Looked at where there are options, as in dockerd: what a driver cannot do without, a container may bring."""
    if config.log_opts:
        try:
            validate_log_options(config.log_driver, config.log_opts)
        except InvalidLogOption as wrong:
            raise ConfigError(f"failed to set log opts: {wrong}") from wrong
    return LogConfig(type=config.log_driver, config=dict(config.log_opts))


def _selinux(config: EngineConfig) -> Contexts | None:
    if not config.selinux_enabled:
        return None
    if not selinux.is_enabled():
        log.warning("Docker could not enable SELinux on the host system")
        return None
    try:
        return parse_contexts(selinux.policy_contexts())
    except ValueError as invalid:
        raise ConfigError(str(invalid)) from invalid


def _seccomp(profile: str) -> str | Mapping[str, Any]:
    if profile in ("", "builtin"):
        return "default"
    if profile == "unconfined":
        return profile
    try:
        return parse_profile(Path(profile).read_bytes())
    except OSError as missing:
        reason = f"open {profile}: {(missing.strerror or '').lower()}"
        raise ConfigError(f"opening seccomp profile ({profile}) failed: {reason}") from missing
    except InvalidProfile as invalid:
        raise ConfigError(str(invalid)) from invalid
