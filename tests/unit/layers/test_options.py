import pytest

from seaway.layers.driver import StorageError
from seaway.layers.options import container_limit, engine_limit


@pytest.mark.parametrize(
    ("driver", "options", "limit"),
    [
        ("overlay2", (), 0),
        ("overlay2", ("overlay2.override_kernel_check=true",), 0),
        ("overlay2", ("Overlay2.Size = 10G",), 10 << 30),
        ("overlay2", ("overlay2.size=1m", "overlay2.size=2m"), 2 << 20),
        ("vfs", ("size=1g",), 1 << 30),
    ],
)
def test_the_engines(driver: str, options: tuple[str, ...], limit: int) -> None:
    assert engine_limit(driver, options) == limit


@pytest.mark.parametrize(
    ("driver", "option", "text"),
    [
        ("overlay2", "overlay2.size", "unable to parse storage-opt key/value: overlay2.size"),
        ("overlay2", "overlay2.size=big", "invalid size: 'big'"),
        ("overlay2", "size=1g", "overlay2: unknown option size"),
        ("vfs", "overlay2.override_kernel_check=1", "vfs: unknown option overlay2.override_kernel_check"),
    ],
)
def test_those_of_the_engine_that_are_refused(driver: str, option: str, text: str) -> None:
    with pytest.raises(StorageError, match=f"^{text}$"):
        engine_limit(driver, [option])


def test_a_containers() -> None:
    assert container_limit({}) is None
    assert container_limit({"size": "0"}) == 0
    assert container_limit({"SIZE": "120m"}) == 120 << 20


@pytest.mark.parametrize(
    ("options", "text"),
    [({"Foo": "1"}, "Unknown option foo"), ({"size": "much"}, "invalid size: 'much'")],
)
def test_those_of_a_container_that_are_refused(options: dict[str, str], text: str) -> None:
    with pytest.raises(StorageError, match=f"^{text}$"):
        container_limit(options)
