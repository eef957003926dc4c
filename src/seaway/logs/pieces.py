"""A container's spool as its readers see it: pieces, each there until the last reader has done with it.

<dir>/log         conmon appends here
<dir>/log.<n>     renamed before conmon was told to reopen, or when the run that wrote it had ended
<dir>/offset*     what each reader has done; gone with the last piece, for inodes are used again
"""

from pathlib import Path


class SpoolPieces:
    """`readers` are those who have to be done with a piece before it goes."""

    def __init__(self, directory: Path, readers: frozenset[str]) -> None:
        self.directory, self.live = directory, directory / "log"
        self._readers = readers
        self._done: dict[int, set[str]] = {}

    def of(self, reader: str, inode: int) -> Path | None:
        """The oldest piece that `reader` has not done with. Of `inode` it knows a part, so those before it are done."""
        pieces = [(path, number) for path in self._all() if (number := _inode(path))]
        known = [number for _, number in pieces]
        for path, _ in pieces[: known.index(inode)] if inode in known else ():
            self.release(path, reader)
        return next((path for path, number in pieces if reader not in self._done.get(number, ())), None)

    def backlog_bytes(self, reader: str, inode: int, byte: int) -> int:
        """What `reader` has not read of what is there now."""
        sizes = {number: path.stat().st_size for path in self._all() if (number := _inode(path))}
        left = sum(size for number, size in sizes.items() if reader not in self._done.get(number, ()))
        return left - byte if inode in sizes and reader not in self._done.get(inode, ()) else left

    def release(self, piece: Path, reader: str) -> None:
        if not (number := _inode(piece)):
            return
        done = self._done.setdefault(number, set())
        done.add(reader)
        if done >= self._readers:
            piece.unlink(missing_ok=True)
            del self._done[number]
        if not self._all():
            for offset in self.directory.glob("offset*"):
                offset.unlink(missing_ok=True)

    def retire(self) -> None:
        """The live piece gets a number, if it is there: conmon is to be told then, or has ended."""
        try:
            self.live.rename(self.live.with_name(f"log.{self._next_number()}"))
        except FileNotFoundError:
            pass

    def live_bytes(self) -> int:
        try:
            return self.live.stat().st_size
        except FileNotFoundError:
            return 0

    def is_complete(self, piece: Path) -> bool:
        """conmon writes to its successor by now. Ask before reading it to its end, or what came between is lost."""
        return piece != self.live and piece != self._all()[-1]

    def lacks_live(self) -> bool:
        """An engine was killed between the renaming and telling conmon."""
        return not self.live.exists() and bool(self.rotated())

    def rotated(self) -> list[Path]:
        """Not conmon's `log.tmp`, which becomes the next live piece."""
        numbered = (path for path in self.directory.glob("log.*") if path.suffix[1:].isdecimal())
        return sorted(numbered, key=lambda path: int(path.suffix[1:]))

    def _all(self) -> list[Path]:
        return self.rotated() + ([self.live] if self.live.exists() else [])

    def _next_number(self) -> int:
        return max((int(path.suffix[1:]) for path in self.rotated()), default=0) + 1


def _inode(path: Path) -> int:
    """0 where there is none."""
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return 0
