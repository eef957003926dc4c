"""`seaway volume clone|rename|export|import`: what `docker volume` has no command for, against a running engine."""

import argparse
import http.client
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import IO
from urllib.parse import quote

from seaway.cli.client import add_host, ask, connect, run

CHUNK = 1 << 20


def main(argv: Sequence[str]) -> int:
    arguments = _parser().parse_args(argv)
    return run(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="seaway volume", description="Clone, rename, export and import volumes")
    add_host(parser)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    clone = commands.add_parser("clone", help="copy a volume's contents to a new volume")
    clone.set_defaults(run=_clone)
    clone.add_argument("volume")
    clone.add_argument("new", nargs="?", default="", help="anonymous where it is not given")
    rename = commands.add_parser("rename", help="give a volume that no container uses another name")
    rename.set_defaults(run=_rename)
    rename.add_argument("volume")
    rename.add_argument("new")
    export = commands.add_parser("export", help="write a volume's contents as a tar")
    export.set_defaults(run=_export)
    export.add_argument("volume")
    export.add_argument("-o", "--output", default="-", help="file; - is stdout")
    import_ = commands.add_parser("import", help="unpack a tar, compressed or not, into a volume")
    import_.set_defaults(run=_import)
    import_.add_argument("volume")
    import_.add_argument("file", nargs="?", default="-", help="- is stdin")
    return parser


def _clone(arguments: argparse.Namespace) -> None:
    body = json.dumps({"Name": arguments.new})
    with _answered(arguments, "POST", "clone", body.encode()) as answer:
        print(json.loads(answer.read())["Name"])


def _rename(arguments: argparse.Namespace) -> None:
    with _answered(arguments, "POST", f"rename?name={quote(arguments.new, safe='')}"):
        pass  # the refusal alone is of interest


def _export(arguments: argparse.Namespace) -> None:
    with _answered(arguments, "GET", "archive") as answer:
        if arguments.output == "-":
            shutil.copyfileobj(answer, sys.stdout.buffer, CHUNK)
            return
        with _whole_file(arguments.output) as target:
            shutil.copyfileobj(answer, target, CHUNK)


@contextmanager
def _whole_file(path: str) -> Iterator[IO[bytes]]:
    """There under its name when it is complete; what breaks off leaves nothing."""
    if os.path.exists(path) and not os.path.isfile(path):  # a device or a pipe
        with open(path, "wb") as target:
            yield target
        return
    directory, name = os.path.split(path)
    part = tempfile.NamedTemporaryFile(dir=directory or ".", prefix=f".tmp-{name}", delete=False)  # noqa: SIM115
    try:
        with part:
            yield part
        os.rename(part.name, path)
    except BaseException:
        os.unlink(part.name)
        raise


def _import(arguments: argparse.Namespace) -> None:
    source = sys.stdin.buffer if arguments.file == "-" else open(arguments.file, "rb")  # noqa: SIM115
    with source, _answered(arguments, "PUT", "archive", source):
        pass


@contextmanager
def _answered(
    arguments: argparse.Namespace, method: str, what: str, body: bytes | IO[bytes] | None = None
) -> Iterator[http.client.HTTPResponse]:
    """The engine's answer, while the block lasts. Raises ValueError with the message of a refusal."""
    with closing(connect(arguments.host)) as connection:
        yield ask(connection, method, f"/volumes/{quote(arguments.volume, safe='')}/{what}", body)
