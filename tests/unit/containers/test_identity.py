import pytest

from seaway.containers.identity import Identity, UnknownUser, resolve_identity

PASSWD = "root:x:0:0:root:/root:/bin/sh\n# none\nweb:x:33:34:w:/var/www:/bin/false\nbroken\n1000:x:7:7::/odd:\n"
GROUP = "root:x:0:\nwww:x:34:\nlogs:x:40:web,root\nadm:x:4:\n"


@pytest.mark.parametrize(
    ("user", "identity"),
    [
        ("", Identity(0, 0, (0, 40), "/root")),
        ("web", Identity(33, 34, (34, 40), "/var/www")),
        ("33", Identity(33, 34, (34, 40), "/var/www")),
        ("web:adm", Identity(33, 4, (4,), "/var/www")),
        ("1000", Identity(7, 7, (7,), "/odd")),
        ("5:6", Identity(5, 6, (6,), "/")),
    ],
)
def test_names_and_numbers(user: str, identity: Identity) -> None:
    assert resolve_identity(user, PASSWD, GROUP) == identity


def test_an_image_without_files_has_numbers_only() -> None:
    assert resolve_identity("12", "", "", ["44"]) == Identity(12, 0, (0, 44), "/")


@pytest.mark.parametrize(
    ("user", "text"),
    [
        ("nobody", "unable to find user nobody: no matching entries in passwd file"),
        ("web:x", "unable to find group x: no matching entries in group file"),
        ("4294967296", "range 0-2147483647"),
        ("-1", "range 0-2147483647"),
        ("9" * 20, "no matching entries in passwd file"),
    ],
)
def test_refused(user: str, text: str) -> None:
    with pytest.raises(UnknownUser, match=text):
        resolve_identity(user, PASSWD, GROUP)
