import pytest

from seaway.base.errors import InvalidParameter
from seaway.engine.merge import command_line, merge_config
from seaway.model.container import ContainerConfig

IMAGE = ContainerConfig(
    env=["PATH=/bin", "A=1"],
    cmd=["-g", "daemon off;"],
    entrypoint=["nginx"],
    labels={"a": "1"},
    exposed_ports={"80/tcp": {}},
)


def test_the_images_command_serves_where_the_user_names_none() -> None:
    assert command_line(merge_config(ContainerConfig(), IMAGE)) == ["nginx", "-g", "daemon off;"]


def test_an_own_entrypoint_drops_the_images_command() -> None:
    assert command_line(merge_config(ContainerConfig(entrypoint=["sh"]), IMAGE)) == ["sh"]
    assert command_line(merge_config(ContainerConfig(entrypoint=[""], cmd=["ls"]), IMAGE)) == ["ls"]


def test_env_and_labels_are_united_and_the_user_wins() -> None:
    merged = merge_config(ContainerConfig(env=["A=2"], labels={"b": "2"}), IMAGE)
    assert merged.env == ["A=2", "PATH=/bin"]
    assert merged.labels == {"a": "1", "b": "2"}
    assert merged.exposed_ports == {"80/tcp": {}}


def test_without_any_command() -> None:
    with pytest.raises(InvalidParameter, match="no command specified"):
        merge_config(ContainerConfig(), ContainerConfig())
