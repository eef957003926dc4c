from pathlib import Path

import msgspec
import pytest
from tests.unit.containers.stored import container, stored

from seaway.containers.store import ContainerStore, NoSuchContainer


def test_labels_are_kept(tmp_path: Path) -> None:
    labelled = msgspec.structs.replace(container("labelled"), mount_label="u:r:file_t:s0", process_label="u:r:t:s0")
    stored(tmp_path, labelled)
    again = ContainerStore(tmp_path)
    again.load("overlay2")
    assert again.find("labelled") == labelled


def test_the_containers_of_another_storage_driver_are_left_alone(tmp_path: Path) -> None:
    kept, other = container("kept"), container("other", driver="vfs")
    stored(tmp_path, kept, other)
    again = ContainerStore(tmp_path)
    assert again.load("overlay2") == 1
    assert again.find("kept").id == kept.id
    with pytest.raises(NoSuchContainer):
        again.find("other")
    assert again.directory(other.id).is_dir()
    assert ContainerStore(tmp_path).load("vfs") == 1
