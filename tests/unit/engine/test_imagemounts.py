from msgspec.structs import replace

from seaway.engine.imagemounts import layer_name, owner_of
from seaway.model.mount import Mount, MountPoint

CONTAINER = "c0ffee" * 10 + "abcd"


def test_the_owner_of_a_layer() -> None:
    point = MountPoint(type="image", destination="/i", spec=Mount(type="image", source="busybox"))
    assert owner_of(layer_name(CONTAINER, point)) == CONTAINER
    assert owner_of(CONTAINER) == CONTAINER
    assert owner_of("not-hex") == "not-hex"
    assert owner_of("ff") == "ff"


def test_a_layer_has_the_name_that_the_user_gave() -> None:
    asked = MountPoint(type="image", destination="/i", spec=Mount(type="image", source="busybox"))
    prepared = replace(asked, name="busybox", source="/merged", spec=replace(asked.spec, source=f"sha256:{'0' * 64}"))
    assert layer_name(CONTAINER, prepared) == layer_name(CONTAINER, asked)
