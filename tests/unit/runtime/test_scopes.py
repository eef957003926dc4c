from seaway.runtime.scopes import ANNOTATION, in_the_scope_itself


def test_a_container_is_in_its_scope_itself() -> None:
    assert in_the_scope_itself({"root": {}}) == {"root": {}, "annotations": {ANNOTATION: ""}}
    assert in_the_scope_itself({"annotations": {"a": "b"}})["annotations"] == {"a": "b", ANNOTATION: ""}


def test_who_wants_a_group_below_it_has_one() -> None:
    assert in_the_scope_itself({"annotations": {ANNOTATION: "x"}})["annotations"] == {ANNOTATION: "x"}
