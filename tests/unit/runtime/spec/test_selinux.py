import pytest

from seaway.base.errors import InvalidParameter
from seaway.runtime.spec.selinux import (
    NO_LABELS,
    ContainerLabels,
    container_labels,
    options_for,
    parse_contexts,
    parse_label,
    shared,
    unused_level,
)

CONTEXTS = parse_contexts("""
; comment = "x"
# another
process = "system_u:system_r:container_t:s0"
file = "system_u:object_r:container_file_t:s0"
ro_file = "system_u:object_r:container_ro_file_t:s0"
""")


def test_process_and_files_have_the_same_level_of_their_own() -> None:
    made: set[str] = set()
    for _ in range(500):
        labels = container_labels(CONTEXTS, [], made)
        assert parse_label(labels.process).level == parse_label(labels.mount).level
        assert labels.process.startswith("system_u:system_r:container_t:s0:c")
        assert labels.mount.startswith("system_u:object_r:container_file_t:s0:c")
        made.add(labels.mount)
    assert len(made) == 500


def test_a_level_is_neither_anothers_nor_that_of_the_unconfined() -> None:
    choices = iter([[7, 3], [1023, 1022], [9, 2]])
    assert unused_level({"s0:c3,c7"}, lambda: next(choices)) == "s0:c2,c9"


def test_a_policy_without_levels_gives_none() -> None:
    contexts = parse_contexts('process = "system_u:system_r:svirt_t"\nfile = "system_u:object_r:svirt_file_t"')
    assert container_labels(contexts, [], []) == ContainerLabels(
        "system_u:system_r:svirt_t", "system_u:object_r:svirt_file_t"
    )


def test_a_policy_without_containers() -> None:
    assert parse_contexts('process = "system_u:system_r:x_t:s0"\n') is None
    with pytest.raises(ValueError, match="invalid SELinux label"):
        parse_contexts('process = "x"\nfile = "y"')


def test_the_users_options() -> None:
    options = ["user:me", "role:my_r", "type:spc_t", "level:s0:c1,c2", "filetype:data_t"]
    assert container_labels(CONTEXTS, options, []) == ContainerLabels(
        "me:my_r:spc_t:s0:c1,c2", "me:object_r:data_t:s0:c1,c2"
    )


def test_disabled_has_files_that_nobody_confined_may_touch() -> None:
    expected = ContainerLabels("", "system_u:object_r:container_file_t:s0:c1022,c1023")
    assert container_labels(CONTEXTS, ["type:x_t", "disable"], []) == expected


def test_nothing_matters_where_it_is_not_in_use() -> None:
    assert container_labels(None, ["nonsense"], []) == NO_LABELS


@pytest.mark.parametrize("option", ["nonsense", "color:red", "filetype"])
def test_refused_in_dockerds_words(option: str) -> None:
    with pytest.raises(InvalidParameter) as refused:
        container_labels(CONTEXTS, [option], [])
    assert str(refused.value) == (
        f"bad label option \"{option}\", valid options 'disable' or \n"
        "'user, role, level, type, filetype' followed by ':' and a value"
    )


def test_anothers_label_by_options() -> None:
    other = container_labels(CONTEXTS, [], [])
    joined = container_labels(CONTEXTS, options_for(other.process), [other.mount])
    assert joined == other
    assert options_for("") == []


def test_an_emptied_part_stays_a_part() -> None:
    labels = container_labels(CONTEXTS, ["user:", "level:s0"], [])
    assert labels.mount == ":object_r:container_file_t:s0"
    assert container_labels(CONTEXTS, [], [labels.mount]) != labels


def test_shared_files_are_of_every_level() -> None:
    assert shared("system_u:object_r:container_file_t:s0:c1,c2") == "system_u:object_r:container_file_t:s0"
