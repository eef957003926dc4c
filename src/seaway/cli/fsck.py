"""`seaway fsck`: does everything in the image and layer stores belong to something, and is nothing missing?"""

import argparse
import asyncio
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from seaway.base.errors import EngineError
from seaway.engine.fsck import examine, repair
from seaway.layers.gc import IMAGE_DAMAGE, Finding
from seaway.system.dataroot import DataRoot

CLEAN, REPAIRED, FAULTS, UNUSABLE = 0, 1, 4, 8
"""Exit codes, as fsck(8) has them."""


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        "seaway fsck", description="Check a data root: images, layers, downloads, what removals left."
    )
    parser.add_argument("--data-root", default="/var/lib/docker", help="as the engine has it (default: %(default)s)")
    parser.add_argument("--repair", action="store_true", help="remove what belongs to nothing")
    options = parser.parse_args(argv)
    if not Path(options.data_root).is_dir():
        print(f"seaway fsck: {options.data_root}: no such directory", file=sys.stderr)
        return UNUSABLE
    try:
        root = DataRoot(options.data_root)
    except EngineError as failure:
        print(f"seaway fsck: {failure}\nAn engine uses this data root: stop it first.", file=sys.stderr)
        return UNUSABLE
    try:
        return _check(root.path, wants_repair=options.repair)
    finally:
        root.close()


def _check(root: Path, *, wants_repair: bool) -> int:
    findings = examine(root)
    _report(findings)
    if not findings:
        print("clean: everything belongs to something, and nothing is missing")
        return CLEAN
    if not wants_repair:
        return FAULTS
    repaired = asyncio.run(repair(root, findings))
    print(f"{len(repaired)} of {len(findings)} repaired")
    return REPAIRED if len(repaired) == len(findings) else FAULTS


def _report(findings: Iterable[Finding]) -> None:
    for finding in findings:
        hint = " (pull or load it again)" if finding.kind in IMAGE_DAMAGE else ""
        print(f"{finding.kind.value}: {finding.name}{hint}")
