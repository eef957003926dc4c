"""`--userns-remap`: whose subordinate IDs the containers get, from /etc/subuid and /etc/subgid."""

import grp
import logging
import pwd
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from seaway.base.errors import SystemFailure
from seaway.base.idmap import NO_SHIFT, IdMap, laid_out
from seaway.kernel import process

log = logging.getLogger(__name__)
DEFAULT_USER = "dockremap"
SUBUID, SUBGID = Path("/etc/subuid"), Path("/etc/subgid")
RANGE_SIZE = 65536
_FIRST_FREE = 100000
T = TypeVar("T")


async def read_remap(specification: str) -> IdMap:
    """The map for `default`, `user`, `uid`, `user:group` or `uid:gid`; NO_SHIFT for none, and for root.

    `default` makes the user dockremap and its ranges where they are not there. Raises SystemFailure in dockerd's words.
    """
    if not specification:
        return NO_SHIFT
    if specification == "default":
        await _make_default_user()
        specification = DEFAULT_USER
    user = find_owner(specification)
    if user.pw_name == "root":
        log.warning("User namespaces: root cannot be remapped with itself; user namespaces are OFF")
        return NO_SHIFT
    log.info("User namespaces: ID ranges will be mapped to subuid/subgid ranges of: %s", user.pw_name)
    return IdMap(
        laid_out(_ranges(SUBUID, "subuid", user.pw_name, user.pw_uid)),
        laid_out(_ranges(SUBGID, "subgid", user.pw_name, user.pw_uid)),
    )


def find_owner(specification: str) -> pwd.struct_passwd:
    """A group must exist, and says no more: dockerd looks for the user in both files. Raises SystemFailure."""
    user, colon, group = specification.partition(":")
    if not user or (colon and not group) or ":" in group:
        raise SystemFailure(f'Invalid user/group specification in --userns-remap: "{specification}"')
    found_user = _find_user(user)
    _find_group(group or user)
    return found_user


def parse_ranges(text: str, name: str, number: int) -> Iterator[tuple[int, int]]:
    """(first, size) of each line `owner:first:size` of the owner, by name or number. Raises ValueError."""
    for line in text.splitlines():
        fields = line.strip().split(":")
        if fields == [""] or line.startswith("#"):
            continue
        if len(fields) != 3:
            raise ValueError(f"cannot parse subuid/gid information: '{line}'")
        if fields[0] in (name, str(number)):
            yield int(fields[1]), int(fields[2])


def free_range(*texts: str) -> int:
    """The first ID after everything that the files give away already."""
    taken = [int(first) + int(size) for text in texts for first, size in re.findall(r":(\d+):(\d+)\s*$", text, re.M)]
    return max([_FIRST_FREE, *taken])


def _ranges(file: Path, kind: str, name: str, number: int) -> list[tuple[int, int]]:
    try:
        ranges = list(parse_ranges(file.read_text(), name, number))
    except (OSError, ValueError) as failure:
        raise SystemFailure(f"Can't create ID mappings: {failure}") from failure
    if not ranges:
        raise SystemFailure(f'Can\'t create ID mappings: no {kind} ranges found for user "{name}"')
    return ranges


def _find_user(name: str) -> pwd.struct_passwd:
    if name.isdecimal():
        return _found(lambda: pwd.getpwuid(int(name)), f"Uid {name} has no entry in /etc/passwd")
    return _found(lambda: pwd.getpwnam(name), f'Error during uid lookup for "{name}"')


def _find_group(name: str) -> grp.struct_group:
    if name.isdecimal():
        return _found(lambda: grp.getgrgid(int(name)), f"Gid {name} has no entry in /etc/group")
    return _found(lambda: grp.getgrnam(name), f'Error during gid lookup for "{name}"')


def _found(look: Callable[[], T], otherwise: str) -> T:
    try:
        return look()
    except (KeyError, OverflowError) as missing:
        raise SystemFailure(f"{otherwise}: no matching entries in passwd file") from missing


async def _make_default_user() -> None:
    try:
        pwd.getpwnam(DEFAULT_USER)
    except KeyError:
        await process.run(["useradd", "--system", "--user-group", "--no-create-home", DEFAULT_USER])
    texts = [_text(file) for file in (SUBUID, SUBGID)]
    first = free_range(*texts)
    for file, text in zip((SUBUID, SUBGID), texts, strict=True):
        if not any(line.startswith(f"{DEFAULT_USER}:") for line in text.splitlines()):
            with file.open("a") as lines:
                lines.write(f"{DEFAULT_USER}:{first}:{RANGE_SIZE}\n")


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except FileNotFoundError:
        return ""
