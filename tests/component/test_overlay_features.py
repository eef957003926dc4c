"""Overlayfs with redirects and metacopy: Seaway mounts without, and says so where another engine's layer has them."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from seaway.images.commit import EMPTY_TAR
from seaway.kernel.mount import unmount
from seaway.layers.containers import ContainerLayers
from seaway.layers.driver import StorageError
from seaway.layers.overlay2 import Overlay2
from seaway.layers.overlayoptions import whole_upper_options
from seaway.layers.store import LayerStore
from suites.tars import directory, make_tar, member


async def tar(data: bytes) -> AsyncIterator[bytes]:
    yield data


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[LayerStore]:
    """With a container `c1` of an image that has a file, and a directory with one."""
    driver = Overlay2(tmp_path / "overlay2")
    store = LayerStore(tmp_path / "image", driver)
    layer = await store.register(tar(make_tar(directory("d/"), member("d/inside"), member("file", data=b"text"))), None)
    roots = ContainerLayers(store)
    await roots.create_rw("c1", layer.chain_id)
    yield store
    for merged in (tmp_path / "overlay2").glob("*/merged"):
        unmount(merged)
    await store.close()


def test_what_a_kernel_does_not_know_is_not_asked_for(tmp_path: Path) -> None:
    assert whole_upper_options(tmp_path) == ""
    (tmp_path / "metacopy").touch()
    assert whole_upper_options(tmp_path) == ",metacopy=off"


async def test_a_changed_mode_and_a_renamed_directory_are_whole(store: LayerStore) -> None:
    roots = ContainerLayers(store)
    root = await roots.mount("c1")
    (root / "file").chmod(0o600)
    try:
        (root / "d").rename(root / "e")
    except OSError:
        assert (root / "d/inside").exists()  # EXDEV: programs copy then, as `mv` does
    await roots.unmount("c1")
    upper = Path(roots.graph_data("c1")["UpperDir"])
    marks = {name for path in upper.rglob("*") for name in os.listxattr(path, follow_symlinks=False)}
    assert marks.isdisjoint({"trusted.overlay.redirect", "trusted.overlay.metacopy"})
    assert (upper / "file").read_bytes() == b"text"


@pytest.mark.parametrize(("name", "mark"), [("e", "redirect"), ("f", "metacopy")])
async def test_what_is_not_whole_is_not_committed(store: LayerStore, name: str, mark: str) -> None:
    roots = ContainerLayers(store)
    upper = Path(roots.graph_data("c1")["UpperDir"])
    (upper / "e").mkdir()
    (upper / "f").touch()
    assert (await store.register(roots.diff("c1"), None)).diff_id != EMPTY_TAR
    os.setxattr(upper / name, f"trusted.overlay.{mark}", b"d")
    with pytest.raises(StorageError, match=f"{name} is only a redirect of overlayfs to another layer"):
        await store.register(roots.diff("c1"), None)
