"""What `--link` says."""

from seaway.base.errors import InvalidParameter


def parse_link(text: str) -> tuple[str, str]:
    """`name` or `name:alias`; also as inspect shows it, `/name:/parent/alias`. Raises InvalidParameter."""
    if not text:
        raise InvalidParameter("empty string specified for links")
    name, _, alias = text.partition(":")
    if ":" in alias:
        raise InvalidParameter(f"bad format for links: {text}")
    return name.removeprefix("/"), (alias or name).rpartition("/")[2]
