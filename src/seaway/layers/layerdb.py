"""The records of layers on disk, in dockerd's layout (`image/<driver>/layerdb`). No file ends in a newline.

    sha256/<chain id>/cache-id              the storage driver's directory, 64 hexadecimal digits
                      diff, parent          diff ID; chain ID of the parent (none for a base layer)
                      size                  bytes of content, decimal
                      tar-split.json.gz     see `tarsplit`
                      seaway-pending        empty, ours: its image is not there yet, or going; a killed engine's goes
    mounts/<container id>/mount-id, init-id, parent     its layer, `<mount-id>-init`, chain ID of its image
    tmp/write-set-<n>/                      in the making, or going; `cache-id` is there before the driver's directory

A record is there as a whole or not at all: it is written in `tmp` and committed by one rename. What lies in `tmp`
when an engine starts is what a killed one was making.
"""

import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from seaway.base.failpoints import failpoint
from seaway.base.ids import is_full_id
from seaway.kernel.files import fsync_directory
from seaway.oci.digest import Digest, InvalidDigest, parse_digest

PENDING = "seaway-pending"


@dataclass(frozen=True, slots=True)
class Layer:
    chain_id: Digest
    diff_id: Digest
    parent: Digest | None
    cache_id: str
    size: int


@dataclass(frozen=True, slots=True)
class RwLayer:
    container_id: str
    mount_id: str
    init_id: str
    parent: Digest | None


class LayerDb:
    def __init__(self, root: Path) -> None:
        self._sha256, self._mounts, self._tmp = root / "sha256", root / "mounts", root / "tmp"
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for directory in (self._sha256, self._mounts, self._tmp):
            directory.mkdir(mode=0o755, exist_ok=True)

    def begin(self, cache_id: str) -> Path:
        """A write set. Its owner fills it and hands it to `commit_…`, or calls `abandon`."""
        path = self._tmp / f"write-set-{secrets.randbits(31)}"
        path.mkdir(mode=0o700)
        _write(path / "cache-id", cache_id)
        return path

    def commit_layer(self, write_set: Path, layer: Layer) -> None:
        _write(write_set / "diff", layer.diff_id)
        _write(write_set / "size", str(layer.size))
        if layer.parent:
            _write(write_set / "parent", layer.parent)
        _write(write_set / PENDING, "")
        failpoint("layer: written")
        target = self._sha256 / layer.chain_id.hex
        if target.exists():  # a record that lacks a part, or it would be known
            shutil.rmtree(target)
        os.rename(write_set, target)

    def sync_layers(self, chain_ids: Iterable[Digest]) -> None:
        """Make the records outlive a power failure; a killed engine's are there without."""
        for chain_id in chain_ids:
            _sync(self._sha256 / chain_id.hex)
        fsync_directory(self._sha256)

    def pending(self) -> list[Digest]:
        """Of a killed engine, before anything else; an image may have them all the same."""
        return [Digest(f"sha256:{path.parent.name}") for path in self._sha256.glob(f"*/{PENDING}")]

    def mark_pending(self, chain_id: Digest) -> None:
        with suppress(FileNotFoundError):
            _write(self._sha256 / chain_id.hex / PENDING, "")

    def settle(self, chain_id: Digest) -> None:
        with suppress(FileNotFoundError):
            (self._sha256 / chain_id.hex / PENDING).unlink()

    def commit_rw(self, write_set: Path, rw: RwLayer) -> None:
        _write(write_set / "mount-id", rw.mount_id)
        _write(write_set / "init-id", rw.init_id)
        if rw.parent:
            _write(write_set / "parent", rw.parent)
        write_set.chmod(0o755)
        os.rename(write_set, self._mounts / rw.container_id)
        (self._mounts / rw.container_id / "cache-id").unlink()

    def sync_rw(self, container_id: str) -> None:
        """Make the record outlive a power failure; a killed engine's is there without."""
        with suppress(FileNotFoundError):
            _sync(self._mounts / container_id)
            fsync_directory(self._mounts)

    def abandon(self, write_set: Path) -> None:
        shutil.rmtree(write_set, ignore_errors=True)

    def unfinished(self) -> Iterator[tuple[Path, str]]:
        """The write sets of a killed engine, and the cache ID that each was filling ("" when it had none yet)."""
        for path in self._tmp.iterdir():
            yield path, _read(path / "cache-id") or ""

    def layers(self) -> Iterator[Layer]:
        for path in self._sha256.iterdir():
            if is_full_id(path.name) and (layer := self._layer(path)):
                yield layer

    def rw_layers(self) -> Iterator[RwLayer]:
        for path in self._mounts.iterdir():
            mount_id, parent = _read(path / "mount-id"), _read(path / "parent")
            if mount_id:
                init_id = _read(path / "init-id") or ""
                yield RwLayer(path.name, mount_id, init_id, Digest(parent) if parent else None)

    def tar_split(self, chain_id: Digest) -> Path:
        return self._sha256 / chain_id.hex / "tar-split.json.gz"

    def take_layer(self, layer: Layer) -> Path:
        return self._take(self._sha256 / layer.chain_id.hex, layer.cache_id)

    def take_rw(self, rw: RwLayer) -> Path:
        return self._take(self._mounts / rw.container_id, rw.mount_id)

    def _take(self, record: Path, cache_id: str) -> Path:
        """Out of the records by one rename, into a write set: `abandon` it when the driver's directory is gone."""
        target = self._tmp / f"write-set-{secrets.randbits(31)}"
        with suppress(FileNotFoundError):
            _write(record / "cache-id", cache_id)
            os.rename(record, target)
            failpoint("layer: taken")
        return target

    def _layer(self, path: Path) -> Layer | None:
        try:
            diff_id = parse_digest(_read(path / "diff") or "")
            parent = _read(path / "parent")
            size = int(_read(path / "size") or "")
            chain_id = Digest(f"sha256:{path.name}")
            cache_id = _read(path / "cache-id")
            if not cache_id:
                return None
            return Layer(chain_id, diff_id, parse_digest(parent) if parent else None, cache_id, size)
        except (InvalidDigest, ValueError):
            return None


def _write(path: Path, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        os.fchmod(fd, 0o644)
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def _read(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _sync(record: Path) -> None:
    for name in os.listdir(record):
        fd = os.open(record / name, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
