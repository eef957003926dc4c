import pytest

from seaway.base.errors import InvalidParameter
from seaway.containers.names import NameIndex, NameInUse, validate_name


@pytest.mark.parametrize("name", ["", "a", "-a", "a b", "a/b", "ü1"])
def test_bad_names(name: str) -> None:
    with pytest.raises(InvalidParameter, match=r"Invalid container name \(.*\), only"):
        validate_name(name)


def test_a_leading_slash_is_dropped() -> None:
    assert validate_name("/web_1.x-y") == "web_1.x-y"


def test_a_taken_name_names_its_holder() -> None:
    index = NameIndex()
    index.reserve("web", "a" * 64)
    index.reserve("web", "a" * 64)
    with pytest.raises(NameInUse, match=f'The container name "/web" is already in use by container "{"a" * 64}"'):
        index.reserve("web", "b" * 64)
    index.release("web")
    index.reserve("web", "b" * 64)
    assert index.find("/web") == "b" * 64


def test_generated_names_are_valid_and_reserved() -> None:
    index = NameIndex()
    names = {index.generate(f"{n:064x}") for n in range(500)}
    assert len(names) == 500
    for name in names:
        assert validate_name(name) == name
