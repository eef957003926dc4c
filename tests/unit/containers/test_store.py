from pathlib import Path

import msgspec
import pytest
from tests.unit.containers.stored import container, stored

from seaway.containers.store import ContainerStore, NoSuchContainer
from seaway.model.container import HostConfig


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


def test_what_a_link_leads_to_has_its_name(tmp_path: Path) -> None:
    db, web = container("db"), container("web", HostConfig(links=["db:store", "/db:/web/old"]))
    store = stored(tmp_path, db, web)
    for name in ("web/store", "/web/store", "web/old"):
        assert store.find(name).id == db.id
    for name in ("web/db", "db/web", "nobody/store", "web/"):
        with pytest.raises(NoSuchContainer):
            store.find(name)
