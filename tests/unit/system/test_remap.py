from pathlib import Path

import pytest

from seaway.base.errors import SystemFailure
from seaway.base.idmap import IdRange
from seaway.system import remap

SUBUID = "alice:100000:65536\n# a comment\nnobody:200000:1000\n\n65534:300000:65536\n"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("SUBUID", "SUBGID"):
        monkeypatch.setattr(remap, name, tmp_path / name)
        (tmp_path / name).write_text(SUBUID)
    return tmp_path


def test_lines_of_a_name_and_of_its_number_add_up() -> None:
    assert list(remap.parse_ranges(SUBUID, "nobody", 65534)) == [(200000, 1000), (300000, 65536)]


def test_a_line_that_cannot_be_read() -> None:
    with pytest.raises(ValueError, match="cannot parse subuid/gid information: 'alice:1'"):
        list(remap.parse_ranges("alice:1\n", "alice", 1))


def test_the_first_free_range_is_after_all_others() -> None:
    assert remap.free_range("", "") == 100000
    assert remap.free_range(SUBUID, "x:900000:5\n") == 900005


async def test_a_user_and_a_group(files: Path) -> None:
    (files / "SUBGID").write_text("nobody:500000:65536\n")
    ids = await remap.read_remap("nobody:nogroup")
    assert ids
    assert ids.uids == (IdRange(0, 200000, 1000), IdRange(1000, 300000, 65536))
    assert ids.root == (200000, 500000)
    assert await remap.read_remap("65534:65534") == ids


async def test_root_is_not_remapped() -> None:
    assert not await remap.read_remap("root")


@pytest.mark.parametrize(
    ("specification", "text"),
    [
        ("a:b:c", 'Invalid user/group specification in --userns-remap: "a:b:c"'),
        ("nobody:", 'Invalid user/group specification in --userns-remap: "nobody:"'),
        ("99999", "Uid 99999 has no entry in /etc/passwd: "),
        ("no-such-user", 'Error during uid lookup for "no-such-user": '),
        ("nobody", 'Error during gid lookup for "nobody": '),
        ("nobody:no-such-group", 'Error during gid lookup for "no-such-group": '),
        ("nobody:99999", "Gid 99999 has no entry in /etc/group: "),
        ("daemon", 'Can\'t create ID mappings: no subuid ranges found for user "daemon"'),
    ],
)
async def test_refusals(files: Path, specification: str, text: str) -> None:
    with pytest.raises(SystemFailure) as refused:
        await remap.read_remap(specification)
    assert refused.value.message.startswith(text)
