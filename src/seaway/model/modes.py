"""What the modes of namespaces (`--network`, `--pid`, `--ipc`) say."""


def shared_with(mode: str) -> str | None:
    """The container of `container:<name or ID>`."""
    kind, colon, name = mode.partition(":")
    return name if colon and kind == "container" else None
