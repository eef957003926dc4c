"""The process of an exec: the container's own, as it was started, with another command and whatever was asked for.

So limits, capabilities, seccomp and no-new-privileges hold for an exec as they do for the container.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from seaway.containers.container import Container
from seaway.containers.execs import ExecOptions
from seaway.containers.identity import Identity
from seaway.engine.context import Engine
from seaway.engine.links import environment_of_links
from seaway.engine.spec import bounding_set, container_identity, environment
from seaway.kernel import worker
from seaway.runtime.bundle import RunDirectory
from seaway.runtime.spec.capabilities import resolve
from seaway.runtime.spec.process import capability_sets, merge_env


async def describe(
    engine: Engine,
    container: Container,
    options: ExecOptions,
    run: RunDirectory,
    console_size: tuple[int, int] | None,
) -> dict[str, Any]:
    """The OCI spec's process object of an exec beside the container's `run`. Raises UnknownUser."""
    async with _rootfs(engine, container) as rootfs:
        identity, own = await worker.run_blocking(_read, container, rootfs, options.user, run)
    linked = environment_of_links(container, engine.containers)
    return exec_process(own, container, options, identity, console_size, linked)


def exec_process(
    own: dict[str, Any],
    container: Container,
    options: ExecOptions,
    identity: Identity,
    console_size: tuple[int, int] | None,
    linked: Sequence[str] = (),
) -> dict[str, Any]:
    """`own` is the process object of the container's OCI spec. Pure."""
    config = msgspec.structs.replace(container.config, tty=options.tty)
    env = environment(msgspec.structs.replace(container, config=config), identity, linked)
    process = {key: value for key, value in own.items() if key != "consoleSize"} | {
        "terminal": options.tty,
        "user": {"uid": identity.uid, "gid": identity.gid, "additionalGids": list(identity.groups)},
        "args": list(options.command),
        "env": list(merge_env(env, options.env)),
        "cwd": options.working_dir or config.working_dir or "/",
    }
    if options.tty and console_size:
        process["consoleSize"] = dict(zip(("height", "width"), console_size, strict=True))
    if options.privileged:
        process["capabilities"] = capability_sets(resolve((), (), bounding_set(), privileged=True))
    return process


async def identity_of(engine: Engine, container: Container, options: ExecOptions) -> Identity:
    """Raises UnknownUser."""
    async with _rootfs(engine, container) as rootfs:
        return await worker.run_blocking(container_identity, container, rootfs, options.user or None)


@asynccontextmanager
async def _rootfs(engine: Engine, container: Container) -> AsyncIterator[Path]:
    rootfs = await engine.layers.mount(container.id)
    try:
        yield rootfs
    finally:
        await engine.layers.unmount(container.id)


def _read(container: Container, rootfs: Path, user: str, run: RunDirectory) -> tuple[Identity, dict[str, Any]]:
    return container_identity(container, rootfs, user or None), run.read_process()
