"""`POST /containers/create`: validated, merged with the image, named, given a root filesystem, written down."""

import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import msgspec

from seaway.base import clock
from seaway.base.errors import NotFound
from seaway.base.failpoints import failpoint
from seaway.base.ids import new_id, short_id
from seaway.containers.container import Container
from seaway.containers.names import validate_name
from seaway.engine.adapt import adapt_host_config
from seaway.engine.context import Engine
from seaway.engine.endpoints import is_user_defined, plan_endpoints
from seaway.engine.events import container_event
from seaway.engine.expect import expect_process
from seaway.engine.links import check_link_formats, check_links
from seaway.engine.merge import command_line, merge_config
from seaway.engine.security import parse_security_options
from seaway.engine.validation import validate_create
from seaway.engine.workdir import make_working_directory
from seaway.kernel import files, worker
from seaway.model.container import ContainerConfig, HostConfig
from seaway.model.modes import shared_with
from seaway.model.network import EndpointSettings
from seaway.oci.platform import Platform, host_platform
from seaway.runtime.spec.selinux import container_labels


@dataclass(frozen=True, slots=True)
class Created:
    id: str
    warnings: tuple[str, ...] = ()


async def create_container(
    engine: Engine,
    name: str,
    config: ContainerConfig,
    host_config: HostConfig,
    wishes: Mapping[str, EndpointSettings | None] | None = None,
    platform: Platform | None = None,
) -> Created:
    """`wishes` by network name, beside the network of the mode. `name` "" has one generated. The image must be for
    `platform`, if that is given.

    Raises InvalidParameter, NotFound (the image), Conflict (the name).
    """
    checked = validate_create(config, host_config, engine.abilities)
    host_config = adapt_host_config(checked.host_config, engine.defaults, engine.containers, engine.default_runtime)
    if is_user_defined(host_config.network_mode):
        check_link_formats(host_config.links or ())
    else:
        check_links(host_config.links or (), engine.containers)
    endpoints = plan_endpoints(config, host_config, wishes or {}, engine.networks.controller.networks())
    image = engine.images.resolve(config.image, platform) if config.image else _NO_IMAGE
    merged = merge_config(config, image.config)
    host_config = engine.logs.with_driver(host_config)
    async with AsyncExitStack() as undo:
        container_id = new_id()
        name = _reserve_name(engine, name, container_id)
        undo.callback(engine.containers.names.release, name)
        undo.push_async_callback(engine.layers.remove_rw, container_id)
        await engine.layers.create_rw(container_id, image.chain_id, host_config.storage_opt or {})
        failpoint("create: layer made")
        container = _build(engine, container_id, name, str(image.id), merged, host_config)
        engine.layers.set_label(container_id, container.mount_label)
        undo.push_async_callback(_remove_directory, engine, container_id)
        await make_working_directory(engine, container_id, merged.working_dir)
        async with engine.mounts.planner.planned(container_id, merged, host_config) as points:
            container = msgspec.structs.replace(container, mount_points=points, endpoints=endpoints)
            await engine.containers.add(container)
        undo.pop_all()
    failpoint("create: recorded")
    container_event(engine, container, "create")
    expect_process(engine)
    return Created(container_id, (*checked.warnings, *(() if platform else _platform_warnings(image.platform))))


@dataclass(frozen=True, slots=True)
class _NoImage:
    """An empty root filesystem, as dockerd gives one to a container that names no image."""

    id: str = ""
    config: ContainerConfig = field(default_factory=ContainerConfig)
    chain_id: str | None = None
    platform: Platform = field(default_factory=host_platform)


_NO_IMAGE = _NoImage()


def _platform_warnings(image: Platform) -> tuple[str, ...]:
    host = host_platform()
    if image.suits(host):
        return ()
    text = f"The requested image's platform ({image}) does not match the detected host platform ({host})"
    return (f"{text} and no specific platform was requested",)


async def _remove_directory(engine: Engine, container_id: str) -> None:
    trash = engine.data_root / "seaway" / "trash"
    await worker.run_blocking(files.move_to_trash, engine.containers.directory(container_id), trash)


def _reserve_name(engine: Engine, name: str, container_id: str) -> str:
    if not name:
        return engine.containers.names.generate(container_id)
    name = validate_name(name)
    engine.containers.names.reserve(name, container_id)
    return name


def _hostname(engine: Engine, network_mode: str, container_id: str) -> str:
    """A container in somebody else's network has his name there."""
    other = shared_with(network_mode)
    if other is None:
        return os.uname().nodename if network_mode == "host" else short_id(container_id)
    try:
        return engine.containers.find(other).config.hostname
    except NotFound:
        return short_id(container_id)  # its start will say what is missing


def _build(
    engine: Engine, container_id: str, name: str, image_id: str, config: ContainerConfig, host_config: HostConfig
) -> Container:
    command = command_line(config)
    security = parse_security_options(
        host_config.security_opt or (), no_new_privileges=engine.defaults.no_new_privileges
    )
    labels = container_labels(engine.defaults.selinux, security.labels, engine.layers.labels())
    hostname = config.hostname or _hostname(engine, host_config.network_mode, container_id)
    return Container(
        id=container_id,
        name=name,
        created=clock.now(),
        path=command[0],
        args=command[1:],
        config=msgspec.structs.replace(config, hostname=hostname),
        host_config=host_config,
        log_path=engine.logs.log_path(container_id, host_config),
        image=image_id,
        driver=engine.layers.driver_name,
        no_new_privileges=security.no_new_privileges,
        seccomp_profile=security.seccomp,
        apparmor_profile=security.apparmor,
        mount_label=labels.mount,
        process_label=labels.process,
        writable_cgroups=security.writable_cgroups,
    )
