"""`seaway fsck`: reads an image and layer store that no engine uses, and removes what belongs to nothing."""

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import msgspec

from seaway.base import gojson
from seaway.base.errors import EngineError
from seaway.base.ids import is_full_id
from seaway.engine.imagemounts import owner_of
from seaway.engine.leftovers import find_leftovers
from seaway.images.image import parse_image
from seaway.images.references import ReferenceStore
from seaway.kernel.mount import unmount
from seaway.layers.gc import DAMAGE, Finding, ImageRecord, Kind, LayerRecord, Listing, MountRecord, find_orphans
from seaway.layers.layerdb import LayerDb
from seaway.oci.digest import sha256_of
from seaway.oci.reference import parse_reference

DRIVERS = {"overlay2": "overlay2", "vfs": "vfs/dir"}
"""Where each keeps its layers' directories."""
_GOING = "-removing"


def examine(root: Path) -> list[Finding]:
    """Of every storage driver that the root has been used with."""
    findings = list(find_leftovers(root))
    containers = {path.name: _driver_of(path) for path in _entries(root / "containers")}
    findings += [Finding(Kind.NO_CONFIG, name) for name, driver in containers.items() if driver is None]
    for driver in DRIVERS:
        if (root / "image" / driver).is_dir():
            findings += _examine_store(root, driver, containers)
    return findings


async def repair(root: Path, findings: Iterable[Finding]) -> list[Finding]:
    """Those that were repaired. Damage is not: what is missing has to be pulled or loaded again."""
    done = []
    for finding in findings:
        if finding.kind in DAMAGE:
            continue
        if finding.kind is Kind.NAME:
            await _forget_name(root, finding.name)
        elif finding.kind is Kind.LOST_LINK and finding.path:
            finding.path.symlink_to(f"../{finding.name}/diff")
        elif finding.path:
            _remove(finding.path)
        done.append(finding)
    return done


def _examine_store(root: Path, driver: str, containers: Mapping[str, str | None]) -> Iterator[Finding]:
    file = root / "image" / driver / "repositories.json"
    try:
        references = ReferenceStore(file)
    except msgspec.MsgspecError:
        yield Finding(Kind.NO_NAMES, str(file))
        references = ReferenceStore(file.with_name("nosuch"))
    names = {str(reference): image.hex for reference, image in references.all().items()}
    yield from find_orphans(replace(read_listing(root, driver, containers), names=names))


def read_listing(root: Path, driver: str, containers: Mapping[str, str | None]) -> Listing:
    """All but the names. `containers`: of which storage driver each is, None where that cannot be read."""
    home, store = root / DRIVERS[driver], root / "image" / driver
    db = LayerDb(store / "layerdb")
    layers, mounts = list(db.layers()), list(db.rw_layers())
    records = {layer.chain_id.hex for layer in layers} | {rw.container_id for rw in mounts}
    return Listing(
        driver_home=home,
        layerdb=store / "layerdb",
        imagedb=store / "imagedb",
        layers={
            layer.chain_id.hex: LayerRecord(layer.parent.hex if layer.parent else None, layer.cache_id)
            for layer in layers
        },
        mounts={
            rw.container_id: MountRecord(
                tuple(filter(None, (rw.mount_id, rw.init_id))), rw.parent.hex if rw.parent else None
            )
            for rw in mounts
        },
        unfinished=tuple(path for path, _ in db.unfinished()),
        images={path.name: _image(path) for path in _entries(store / "imagedb/content/sha256")},
        metadata=frozenset(path.name for path in _entries(store / "imagedb/metadata/sha256")),
        directories={path.name: _short_name(path) for path in _entries(home) if _is_layer(path.name)},
        containers=frozenset(name for name in (rw.container_id for rw in mounts) if owner_of(name) in containers)
        | containers.keys(),
        layered=frozenset(name for name, its in containers.items() if its == driver),
        links={path.name: os.readlink(path).split("/")[1] for path in _entries(home / "l") if path.is_symlink()},
        broken_records=tuple(
            path
            for folder in ("layerdb/sha256", "layerdb/mounts")
            for path in _entries(store / folder)
            if not path.name.endswith(_GOING) and path.name not in records
        ),
        keeps_unused_layers=(root / "buildkit").exists(),
    )


class _Driver(msgspec.Struct):
    driver: str = msgspec.field(name="Driver")


def _driver_of(container: Path) -> str | None:
    try:
        return gojson.decode((container / "config.v2.json").read_bytes(), _Driver).driver
    except (OSError, msgspec.MsgspecError):
        return None


def _is_layer(name: str) -> bool:
    return is_full_id(name.removesuffix("-init"))


def _short_name(directory: Path) -> str:
    try:
        return (directory / "link").read_text()
    except FileNotFoundError:
        return ""


def _entries(directory: Path) -> list[Path]:
    """Without the files that were being written."""
    return [p for p in sorted(directory.iterdir()) if not p.name.startswith(".")] if directory.is_dir() else []


def _image(path: Path) -> ImageRecord:
    raw = path.read_bytes()
    try:
        image = parse_image(raw)
    except EngineError:
        return ImageRecord((), is_whole=False)
    return ImageRecord(tuple(chain.hex for chain in image.chain_ids), sha256_of(raw).hex == path.name)


async def _forget_name(root: Path, name: str) -> None:
    for driver in DRIVERS:
        file = root / "image" / driver / "repositories.json"
        references = ReferenceStore(file)
        if parse_reference(name) in references.all():
            await references.delete(parse_reference(name))


def _remove(path: Path) -> None:
    """A layer's directory after its short name: without that, nobody takes it for a whole one."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    if link := _short_name(path):
        (path.parent / "l" / link).unlink(missing_ok=True)
    unmount(path / "merged")
    shutil.rmtree(path if path.name.endswith(_GOING) else path.rename(path.with_name(f"{path.name}{_GOING}")))
