"""How the users and groups of a user namespace lie among the host's. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass


class IdNotMapped(ValueError):
    """An ID that the namespace, or the host's side of it, has no place for."""


@dataclass(frozen=True, slots=True)
class IdRange:
    """`size` IDs from `inside` on are those from `outside` on."""

    inside: int
    outside: int
    size: int


def laid_out(pieces: Iterable[tuple[int, int]]) -> tuple[IdRange, ...]:
    """The host's pieces (first, size), one after the other from 0 on inside."""
    ranges: list[IdRange] = []
    inside = 0
    for outside, size in pieces:
        ranges.append(IdRange(inside, outside, size))
        inside += size
    return tuple(ranges)


@dataclass(frozen=True, slots=True)
class IdMap:
    """Without ranges nothing is shifted: the host's own users."""

    uids: tuple[IdRange, ...] = ()
    gids: tuple[IdRange, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.uids)

    @property
    def root(self) -> tuple[int, int]:
        """Who root inside is on the host."""
        return self.to_host(0, 0)

    def __str__(self) -> str:
        """What `parse_id_map` reads: how a program of our own is told on its command line."""
        return "/".join(",".join(f"{r.inside}:{r.outside}:{r.size}" for r in part) for part in (self.uids, self.gids))

    def to_host(self, uid: int, gid: int) -> tuple[int, int]:
        """Raises IdNotMapped."""
        return _outside(self.uids, uid), _outside(self.gids, gid)

    def to_container(self, uid: int, gid: int) -> tuple[int, int]:
        """Raises IdNotMapped."""
        return _inside(self.uids, uid), _inside(self.gids, gid)


NO_SHIFT = IdMap()


def parse_id_map(text: str) -> IdMap:
    uids, gids = (
        tuple(IdRange(*map(int, piece.split(":"))) for piece in part.split(",") if piece) for part in text.split("/")
    )
    return IdMap(uids, gids)


def _outside(ranges: tuple[IdRange, ...], number: int) -> int:
    found = _shifted([(r.inside, r.outside, r.size) for r in ranges], number)
    if found is None:
        raise IdNotMapped(f"Container ID {number} cannot be mapped to a host ID")
    return found


def _inside(ranges: tuple[IdRange, ...], number: int) -> int:
    found = _shifted([(r.outside, r.inside, r.size) for r in ranges], number)
    if found is None:
        raise IdNotMapped(f"Host ID {number} cannot be mapped to a container ID")
    return found


def _shifted(ranges: list[tuple[int, int, int]], number: int) -> int | None:
    """From one side, whose range begins with the first number, to the other; without ranges nothing is shifted."""
    if not ranges:
        return number
    return next((other + number - this for this, other, size in ranges if this <= number < this + size), None)
