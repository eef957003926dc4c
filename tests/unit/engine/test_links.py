from pathlib import Path

import msgspec
import pytest
from tests.unit.containers.stored import container, stored

from seaway.base.errors import InvalidParameter
from seaway.containers.task import Task
from seaway.engine.links import check_links, environment_of_links, linked_containers, renamed_links
from seaway.engine.restore import needed_first
from seaway.model.container import HostConfig


def test_an_exec_has_the_links_that_lead_somewhere(tmp_path: Path) -> None:
    running = msgspec.structs.replace(container("db", address="172.17.0.2"), task=Task().started(1, ""))
    web = container("web", HostConfig(links=["db:store", "gone:x", "ended"]), address="172.17.0.3")
    store = stored(tmp_path, running, container("ended", address="172.17.0.4"), web)
    assert environment_of_links(web, store) == ["STORE_NAME=/web/store"]
    assert environment_of_links(msgspec.structs.replace(web, endpoints={}), store) == []


def test_links_follow_a_rename() -> None:
    links = ["db", "db:store", "/db:/web/x", "other:db"]
    assert renamed_links(links, "db", "base") == ["base:db", "base:store", "base:x", "other:db"]


def test_what_a_container_needs_starts_before_it(tmp_path: Path) -> None:
    linked, network, ipc = container("db"), container("net"), container("shm")
    host = HostConfig(
        links=["db"], network_mode="container:net", ipc_mode=f"container:{ipc.id}", pid_mode="container:gone"
    )
    web = container("web", host)
    store = stored(tmp_path, linked, network, ipc, web)
    assert needed_first(web, store) == {linked.id, network.id, ipc.id}
    assert needed_first(linked, store) == set()


def test_a_circle_of_networks_is_no_place_to_link_to(tmp_path: Path) -> None:
    web = container("web", HostConfig(links=["a"]))
    store = stored(
        tmp_path,
        container("a", HostConfig(network_mode="container:b")),
        container("b", HostConfig(network_mode="container:a")),
        web,
    )
    with pytest.raises(InvalidParameter, match="in its own"):
        check_links(["a"], store)
    assert list(linked_containers(web, store)) == []
