"""The texts of --help and --version."""

from importlib.metadata import PackageNotFoundError, version

from seaway.config.flags import default_of
from seaway.config.kinds import BOOL
from seaway.config.options import OPTIONS, Option

SEAWAY = """\
Usage:  seaway COMMAND

The Docker Engine daemon, in Python.

Commands:
  serve       Run the engine in the foreground (takes dockerd's flags)
  check       Say what this machine lacks to run containers, what for, and how to get it
  fsck        Say what in a data root's image store belongs to nothing or lacks something, and clear it up
  volume      Clone, rename, export and import volumes of a running engine
  network     Say which ports are open to whom, and limit containers' bandwidth
  port        Publish ports of containers while they run, and take them back
  version     Print version information

Run 'seaway COMMAND --help' for more information on a command.
"""
COLUMN = 42


def seaway_version() -> str:
    try:
        return version("seaway")
    except PackageNotFoundError:
        return "unknown"


def version_line() -> str:
    return f"Seaway version {seaway_version()}"


def serve_usage(program: str) -> str:
    lines = [f"\nUsage:  {program} [OPTIONS]\n", "A self-sufficient runtime for containers.\n", "Options:"]
    lines += [_line(option) for option in OPTIONS if not option.hidden]
    lines += [_row("      --help", "Print usage"), _row("      --validate", "Validate daemon configuration and exit")]
    lines.append(_row("  -v, --version", "Print version information and quit"))
    return "\n".join(lines) + "\n"


def _line(option: Option) -> str:
    short = f"-{option.short}," if option.short else "   "
    note = f" ({option.note})" if option.note else ""
    return _row(f"  {short} --{option.flag} {option.kind.placeholder}", f"{option.help}{_default(option)}{note}")


def _default(option: Option) -> str:
    value = default_of(option)
    if not value:
        return ""
    if option.kind is BOOL:
        return " (default true)"
    return f' (default "{value}")' if isinstance(value, str) else f" (default {value})"


def _row(left: str, right: str) -> str:
    return f"{left.rstrip():<{COLUMN}} {right}"
