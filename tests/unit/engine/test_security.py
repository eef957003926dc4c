import pytest

from seaway.engine.security import InvalidSecurityOption, SecurityOptions, parse_security_options


def test_what_is_said_last_counts() -> None:
    options = ["no-new-privileges=false", "seccomp:unconfined", "apparmor=mine", "label=type:x", "disable"]
    assert parse_security_options(options, no_new_privileges=True) == SecurityOptions(
        no_new_privileges=False, seccomp="unconfined", apparmor="mine", labels=("type:x", "disable")
    )
    assert parse_security_options([], no_new_privileges=True).no_new_privileges


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("foo", 'invalid --security-opt 1: "foo"'),
        ("systempaths=unconfined", 'invalid --security-opt 2: "systempaths=unconfined"'),
        ("no-new-privileges=maybe", 'invalid --security-opt 2: "no-new-privileges=maybe"'),
    ],
)
def test_refused_in_dockerds_words(option: str, text: str) -> None:
    with pytest.raises(InvalidSecurityOption, match=f"^{text}$"):
        parse_security_options([option])
