"""Who a container's process runs as: `uid[:gid]` or names, looked up in the container's own passwd and group. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from seaway.base.errors import InvalidParameter

HIGHEST_ID = 2**31 - 1
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}$")  # what fits Go's int


class UnknownUser(InvalidParameter):
    pass


@dataclass(frozen=True, slots=True)
class Identity:
    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str
    """`groups` has `gid` first, so that a process keeps it through a change of its gid."""


def resolve_identity(user: str, passwd: str, group: str, extra_groups: Iterable[str] = ()) -> Identity:
    """`passwd` and `group` are the files' texts, "" where the image has none. Raises UnknownUser."""
    users, groups = _rows(passwd, 7), _rows(group, 4)
    user_part, _, group_part = user.partition(":")
    row = _find_user(user_part or "0", users)
    uid, gid, home = (int(row[2]), int(row[3]), row[5]) if row else (_numeric_user(user_part), 0, "/")
    if group_part:
        gid = _find_group(group_part, groups, "unable to find group")
        memberships: list[int] = []
    else:
        memberships = [int(g[2]) for g in groups if row and row[0] in g[3].split(",")]
    wanted = [gid, *memberships, *(_find_group(name, groups, "Unable to find group") for name in extra_groups)]
    return Identity(uid, gid, tuple(dict.fromkeys(wanted)), home or "/")


def _rows(text: str, width: int) -> list[list[str]]:
    """Well-formed rows only: a broken line in an image's file hides nobody else."""
    rows = [line.split(":") for line in text.splitlines() if line and not line.startswith("#")]
    return [row for row in rows if len(row) >= width and row[2].isdecimal()]


def _find_user(name: str, users: list[list[str]]) -> list[str] | None:
    """A name first, then a number: a user may be called `1000`."""
    by_name = next((u for u in users if u[0] == name), None)
    by_number = next((u for u in users if name.isdecimal() and int(u[2]) == int(name)), None)
    found = by_name or by_number
    return found if found and found[3].isdecimal() else None


def _numeric_user(name: str) -> int:
    if not name:
        return 0
    if not _NUMBER.match(name):
        raise UnknownUser(f"unable to find user {name}: no matching entries in passwd file")
    return _in_range(name)


def _find_group(name: str, groups: list[list[str]], complaint: str) -> int:
    for row in groups:
        if row[0] == name:
            return int(row[2])
    if not _NUMBER.match(name):
        raise UnknownUser(f"{complaint} {name}: no matching entries in group file")
    return _in_range(name)


def _in_range(number: str) -> int:
    if not 0 <= int(number) <= HIGHEST_ID:
        raise UnknownUser(f"uids and gids must be in range 0-{HIGHEST_ID}")
    return int(number)
