"""`seaway serve` that writes each phase of its work to a file: `traced_engine FILE [flags of serve]`."""

import sys

from seaway.base import phases
from seaway.cli.main import main


def run() -> int:
    path, *flags = sys.argv[1:]
    with open(path, "w", buffering=1, encoding="ascii") as trace:
        phases.record_to(lambda name, began, ended: trace.write(f"{began}\t{ended}\t{name}\n") and None)
        sys.argv = ["seaway", "serve", *flags]
        return main()


if __name__ == "__main__":
    sys.exit(run())
