"""`seaway fsck`: reads an image and layer store that no engine uses, and removes what belongs to nothing."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from seaway.base.errors import EngineError
from seaway.base.ids import is_full_id
from seaway.engine.imagemounts import owner_of
from seaway.images.image import parse_image
from seaway.images.references import ReferenceStore
from seaway.layers.gc import DAMAGE, Finding, ImageRecord, Kind, LayerRecord, Listing, MountRecord, find_orphans
from seaway.layers.layerdb import LayerDb
from seaway.oci.digest import sha256_of
from seaway.oci.reference import parse_reference

DRIVERS = {"overlay2": "overlay2", "vfs": "vfs/dir"}
"""Where each keeps its layers' directories."""


def examine(root: Path) -> list[Finding]:
    """Of every storage driver that the root has been used with."""
    stores = [name for name in DRIVERS if (root / "image" / name).is_dir()]
    return [finding for name in stores for finding in find_orphans(read_listing(root, name))]


async def repair(root: Path, findings: Iterable[Finding]) -> list[Finding]:
    """Those that were repaired. Damage is not: what is missing has to be pulled or loaded again."""
    done = []
    for finding in findings:
        if finding.kind in DAMAGE:
            continue
        if finding.kind is Kind.NAME:
            await _forget_name(root, finding.name)
        elif finding.path:
            _remove(finding.path)
        done.append(finding)
    return done


def read_listing(root: Path, driver: str) -> Listing:
    home, store = root / DRIVERS[driver], root / "image" / driver
    db = LayerDb(store / "layerdb")
    references = ReferenceStore(store / "repositories.json")
    content, metadata = store / "imagedb/content/sha256", store / "imagedb/metadata/sha256"
    links = home / "l"
    return Listing(
        driver_home=home,
        layerdb=store / "layerdb",
        imagedb=store / "imagedb",
        layers={
            layer.chain_id.hex: LayerRecord(layer.parent.hex if layer.parent else None, layer.cache_id)
            for layer in db.layers()
        },
        mounts={
            rw.container_id: MountRecord((rw.mount_id, rw.init_id), rw.parent.hex if rw.parent else None)
            for rw in db.rw_layers()
        },
        unfinished=tuple(path for path, _ in db.unfinished()),
        images={path.name: _image(path) for path in _entries(content)},
        metadata=frozenset(path.name for path in _entries(metadata)),
        directories=frozenset(path.name for path in _entries(home) if is_full_id(path.name.removesuffix("-init"))),
        containers=_owners(root, db),
        names={str(reference): image.hex for reference, image in references.all().items()},
        broken_links=tuple(link for link in _entries(links) if not link.exists()),
        keeps_unused_layers=(root / "buildkit").exists(),
    )


def _owners(root: Path, db: LayerDb) -> frozenset[str]:
    """The containers, and under their layers' names the images that they mount."""
    containers = {path.name for path in _entries(root / "containers")}
    return frozenset(containers | {rw.container_id for rw in db.rw_layers() if owner_of(rw.container_id) in containers})


def _entries(directory: Path) -> list[Path]:
    return sorted(directory.iterdir()) if directory.is_dir() else []


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
    link = path / "link"
    if link.is_file():
        (path.parent / "l" / link.read_text()).unlink(missing_ok=True)
    going = path.with_name(f"{path.name}-removing")
    os.rename(path, going)
    shutil.rmtree(going)
