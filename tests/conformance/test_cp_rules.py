"""Where `docker cp` puts what it copies: a table of sources and destinations, of all kinds and spellings."""

import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from conformance.conftest import RunningEngine

# What the container has at /w before each copy; "->" is a link.
BEFORE = {"f": "old", "d": None, "d/h": "old", "d/e": None, "ld": "->d", "lf": "->f", "lb": "->nope", "labs": "->/w/d"}
SOURCE = {"file": "new", "dir": None, "dir/f": "new", "lfile": "->file", "ldir": "->dir"}
Tree = dict[str, str | None]


def packed(tree: Tree, top: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as made:
        for name, content in {"": None, **tree}.items():
            info = tarfile.TarInfo(f"{top}/{name}")
            info.mode = 0o755
            if content is None:
                info.type = tarfile.DIRTYPE
            elif content.startswith("->"):
                info.type, info.linkname = tarfile.SYMTYPE, content[2:]
            else:
                info.size = len(content)
            made.addfile(info, io.BytesIO((content or "").encode()))
    return buffer.getvalue()


def unpacked(data: bytes) -> Tree:
    """Names without the first part."""
    found: Tree = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for info in archive:
            if name := info.name.partition("/")[2]:
                content = archive.extractfile(info) if info.isreg() else None
                found[name] = f"->{info.linkname}" if info.issym() else content.read().decode() if content else None
    return found


def cp(engine: RunningEngine, *args: str, data: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    command = ["docker", "-H", engine.host, "cp", *args]
    return subprocess.run(command, input=data, capture_output=True, timeout=60, check=False)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    with tarfile.open(fileobj=io.BytesIO(packed(SOURCE, "source"))) as archive:
        archive.extractall(tmp_path)
    return tmp_path / "source"


@pytest.fixture
def box(engine: RunningEngine) -> str:
    engine.docker("create", "--name", "rules", "busybox", "true")
    assert cp(engine, "-", "rules:/", data=packed(BEFORE, "w")).returncode == 0
    return "rules"


@pytest.mark.parametrize(
    ("flags", "name", "destination", "added"),
    [
        ("", "file", "/w", {"file": "new"}),
        ("", "file", "w/d/.", {"d/file": "new"}),
        ("", "file", "/w/f", {"f": "new"}),
        ("", "file", "/w/new", {"new": "new"}),
        ("", "file", "/w/ld", {"d/file": "new"}),
        ("", "file", "/w/ld/new", {"d/new": "new"}),
        ("", "file", "/w/labs/e", {"d/e/file": "new"}),
        ("", "file", "/w/lf", {"f": "new"}),
        ("", "file", "/w/lb", {"nope": "new"}),
        ("", "dir", "/w/d/", {"d/dir": None, "d/dir/f": "new"}),
        ("", "dir/", "/w/ld", {"d/dir": None, "d/dir/f": "new"}),
        ("", "dir", "/w/new/", {"new": None, "new/f": "new"}),
        ("", "dir", "/w/lb", {"nope": None, "nope/f": "new"}),
        ("", "dir/.", "/w", {"f": "new"}),
        ("", "dir/.", "/w/labs", {"d/f": "new"}),
        ("", "dir/.", "/w/new", {"new": None, "new/f": "new"}),
        ("", "lfile", "/w/lf", {"f": "->file"}),
        ("", "ldir", "/w/d", {"d/ldir": "->dir"}),
        ("", "ldir/", "/w/d", {"d/ldir": None, "d/ldir/f": "new"}),
        ("-L", "lfile", "/w/new", {"new": "new"}),
        ("-L", "ldir", "/w/new", {"new": None, "new/f": "new"}),
    ],
)
def test_into_a_container(
    engine: RunningEngine, box: str, source: Path, flags: str, name: str, destination: str, added: Tree
) -> None:
    said = cp(engine, *flags.split(), f"{source}/{name}", f"{box}:{destination}")
    assert (said.returncode, said.stderr) == (0, b"")
    assert unpacked(cp(engine, f"{box}:/w", "-").stdout) == {**BEFORE, **added}


@pytest.mark.parametrize(
    ("name", "destination", "words"),
    [
        ("file/", "/w", "not a directory"),
        ("file", "/w/f/", "no such directory"),
        ("file", "/w/new/", "no such directory"),
        ("file", "/w/lb/", "no such directory"),
        ("file", "/w/f/x", "extraction point is not a directory"),
        ("file", "/w/no/such", "Could not find the file /w/no in container rules"),
        ("dir", "/w/f", "cannot copy directory"),
        ("dir/.", "/w/lf", "cannot copy directory"),
        ("dir", "/w/f/", 'cannot overwrite non-directory "/w/f" with directory "/w"'),
    ],
)
def test_what_does_not_fit_changes_nothing(
    engine: RunningEngine, box: str, source: Path, name: str, destination: str, words: str
) -> None:
    said = cp(engine, f"{source}/{name}", f"{box}:{destination}")
    assert said.returncode == 1
    assert words in said.stderr.decode()
    assert unpacked(cp(engine, f"{box}:/w", "-").stdout) == BEFORE


@pytest.mark.parametrize(
    ("flags", "path", "added"),
    [
        ("", "/w/f", {"f": "old"}),
        ("", "/w/ld/h", {"h": "old"}),
        ("", "/w/lf", {"lf": "->f"}),
        ("-L", "/w/lf", {"lf": "old"}),
        ("", "/w/d", {"d": None, "d/h": "old", "d/e": None}),
        ("", "/w/d/.", {"h": "old", "e": None}),
        ("", "/w/ld", {"ld": "->d"}),
        ("-L", "/w/labs", {"labs": None, "labs/h": "old", "labs/e": None}),
    ],
)
def test_out_of_a_container(
    engine: RunningEngine, box: str, tmp_path: Path, flags: str, path: str, added: Tree
) -> None:
    (tmp_path / "out").mkdir()
    said = cp(engine, *flags.split(), f"{box}:{path}", f"{tmp_path}/out")
    assert (said.returncode, said.stderr) == (0, b"")
    assert on_disk(tmp_path / "out") == added


def on_disk(folder: Path) -> Tree:
    def content(path: Path) -> str | None:
        if path.is_symlink():
            return f"->{os.readlink(path)}"
        return None if path.is_dir() else path.read_text()

    return {str(path.relative_to(folder)): content(path) for path in folder.rglob("*")}
