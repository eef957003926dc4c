"""The two programs: `seaway` with its commands, and `dockerd`, another name of `seaway serve`."""

import gc
import sys
from collections.abc import Sequence

from seaway.cli.check import main as check
from seaway.cli.network import main as network
from seaway.cli.port import main as port
from seaway.cli.serve import Reread, serve
from seaway.cli.usage import SEAWAY, version_line
from seaway.cli.volume import main as volume
from seaway.config import EngineConfig


def main(argv: Sequence[str] | None = None) -> int:
    command, *rest = (list(sys.argv[1:]) if argv is None else list(argv)) or ["--help"]
    match command:
        case "serve":
            return serve(rest, "seaway serve", run_engine)
        case "check":
            return check(rest)
        case "fsck":
            from seaway.cli.fsck import main as fsck

            return fsck(rest)
        case "volume":
            return volume(rest)
        case "network":
            return network(rest)
        case "port":
            return port(rest)
        case "version" | "--version" | "-v":
            print(version_line())
            return 0
        case "help" | "--help" | "-h":
            print(SEAWAY, end="")
            return 0
    print(f"seaway: '{command}' is not a seaway command.\nSee 'seaway --help'.", file=sys.stderr)
    return 1


def dockerd(argv: Sequence[str] | None = None) -> int:
    return serve(sys.argv[1:] if argv is None else argv, "dockerd", run_engine)


def run_engine(config: EngineConfig, reread: Reread) -> int:
    # What a start makes stays: the collector, which finds nothing in it, rests until all is there (daemon.serve).
    gc.disable()
    # Imported late: --help, --validate and check answer without loading the engine.
    from seaway.daemon import run

    return run(config, reread)
