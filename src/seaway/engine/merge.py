"""A container's configuration: the user's laid over the image's, by dockerd's rules (inventory A3). Pure."""

import msgspec

from seaway.base.errors import InvalidParameter
from seaway.model.container import ContainerConfig, Healthcheck, words


def merge_config(user: ContainerConfig, image: ContainerConfig) -> ContainerConfig:
    """Raises InvalidParameter where neither names a command."""
    entrypoint, command = _merge_command(user, image)
    merged = msgspec.structs.replace(
        user,
        user=user.user or image.user,
        env=_merge_env(user.env, image.env),
        cmd=command,
        entrypoint=entrypoint,
        working_dir=user.working_dir or image.working_dir,
        labels={**(image.labels or {}), **(user.labels or {})},
        volumes=_union(user.volumes, image.volumes),
        exposed_ports=_union(_set(user.exposed_ports), _set(image.exposed_ports)) or msgspec.UNSET,
        stop_signal=user.stop_signal or image.stop_signal,
        shell=user.shell or image.shell,
        healthcheck=_merge_healthcheck(user.healthcheck, image.healthcheck),
    )
    if not words(entrypoint) and not words(command):
        raise InvalidParameter("no command specified")
    return merged


def command_line(config: ContainerConfig) -> list[str]:
    """What is run: path and arguments."""
    return [*words(config.entrypoint), *words(config.cmd)]


def _merge_command(user: ContainerConfig, image: ContainerConfig) -> tuple[list[str] | None, list[str] | None]:
    """An entrypoint of one empty word resets the image's; the image's command goes with the image's entrypoint."""
    entrypoint = list(words(user.entrypoint))
    if entrypoint:
        return (None if entrypoint == [""] else entrypoint), words(user.cmd) or None
    command = words(user.cmd) or words(image.cmd)
    return words(image.entrypoint) or None, command or None


def _merge_env(user: list[str] | None, image: list[str] | None) -> list[str] | None:
    if user is None and image is None:
        return None
    mine = list(user or [])
    named = {entry.partition("=")[0] for entry in mine}
    return mine + [entry for entry in image or [] if entry.partition("=")[0] not in named]


def _set(value: "dict[str, dict[str, object]] | msgspec.UnsetType") -> dict[str, dict[str, object]]:
    return value if isinstance(value, dict) else {}


def _union(
    user: dict[str, dict[str, object]] | None, image: dict[str, dict[str, object]] | None
) -> dict[str, dict[str, object]] | None:
    return {**(image or {}), **(user or {})} or None


def _merge_healthcheck(
    user: Healthcheck | msgspec.UnsetType, image: Healthcheck | msgspec.UnsetType
) -> Healthcheck | msgspec.UnsetType:
    if not isinstance(user, Healthcheck) or not isinstance(image, Healthcheck):
        return user if isinstance(user, Healthcheck) else image
    return Healthcheck(
        test=user.test or image.test,
        interval=user.interval or image.interval,
        timeout=user.timeout or image.timeout,
        start_period=user.start_period or image.start_period,
        start_interval=user.start_interval or image.start_interval,
        retries=user.retries or image.retries,
    )
