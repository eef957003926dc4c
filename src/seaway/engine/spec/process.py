"""The first process of a container: what runs, as whom, with which environment and limits."""

from collections.abc import Mapping, Sequence

from seaway.containers.container import Container
from seaway.containers.identity import Identity
from seaway.engine.defaults import ContainerDefaults
from seaway.engine.spec.security import apparmor_of, labels_of
from seaway.model.container import HostConfig, Ulimit
from seaway.runtime.spec.process import DEFAULT_PATH
from seaway.runtime.spec.request import ProcessRequest, Rlimit, User


def process_request(
    container: Container, identity: Identity, defaults: ContainerDefaults, linked: Sequence[str] = ()
) -> ProcessRequest:
    config, host = container.config, container.host_config
    return ProcessRequest(
        args=(container.path, *container.args),
        env=tuple(environment(container, identity, linked)),
        cwd=config.working_dir or "/",
        user=User(identity.uid, identity.gid, identity.groups),
        terminal=config.tty,
        console_size=(host.console_size[0], host.console_size[1]) if any(host.console_size) else None,
        no_new_privileges=container.no_new_privileges,
        rlimits=_rlimits(host, defaults.ulimits),
        oom_score_adj=host.oom_score_adj,
        apparmor_profile=apparmor_of(container),
        selinux_label=labels_of(container, defaults).process,
    )


def environment(container: Container, identity: Identity, linked: Sequence[str] = ()) -> list[str]:
    """PATH, HOSTNAME, TERM, HOME and those of links come first, and what the user or the image set replaces them. A
    name without `=` takes one of these away."""
    config = container.config
    base = {"PATH": DEFAULT_PATH, "HOSTNAME": config.hostname} | ({"TERM": "xterm"} if config.tty else {})
    given = list(config.env or [])
    named = {entry.partition("=")[0] for entry in given}
    first = [f"{name}={value}" for name, value in base.items() if name not in named]
    first += [entry for entry in linked if entry.partition("=")[0] not in named]
    last = [] if "HOME" in named else [f"HOME={identity.home}"]
    return [*first, *(entry for entry in given if "=" in entry), *last]


def _rlimits(host: HostConfig, defaults: Mapping[str, Ulimit]) -> tuple[Rlimit, ...]:
    """The user's first, then those of the engine's that the user left alone."""
    own = list(host.ulimits or ())
    named = {u.name for u in own}
    return tuple(Rlimit(u.name, u.hard, u.soft) for u in (*own, *(d for d in defaults.values() if d.name not in named)))
