"""The data root: dockerd's directories, the engine's ID, and the locks that keep it one engine's own.

<root>/                     0710; with remapped users it is <uid>.<gid>/ below the configured one
       containers/ image/ overlay2/ volumes/ tmp/     dockerd's
       engine-id            a UUID, made where there is none
       seaway/lock          held while an engine runs
       volumes/metadata.db  dockerd holds this one while it runs, and so do we
"""

import fcntl
import logging
import os
import uuid
from contextlib import ExitStack
from pathlib import Path

from seaway.base.errors import SystemFailure
from seaway.base.idmap import NO_SHIFT, IdMap
from seaway.kernel.files import replace_file

log = logging.getLogger(__name__)


class DataRootInUse(SystemFailure):
    """dockerd's sentence for it: its lock on this file is what it finds taken."""

    def __init__(self, database: Path) -> None:
        super().__init__(
            f"failed to start daemon: error while opening volume store metadata database ({database}): timeout"
        )


class DataRoot:
    """Opened once, closed at the end; a crash frees the locks too."""

    def __init__(self, path: str, ids: IdMap = NO_SHIFT) -> None:
        """With `ids` the root of the containers may go through it, as dockerd has it. Raises SystemFailure."""
        try:
            self.path = Path(os.path.realpath(path))
            self.path.mkdir(mode=0o710, parents=True, exist_ok=True)
            if ids:
                self.path = _remapped(self.path, *ids.root)
            self._make(ids.root[1])
        except OSError as failure:
            text = f"Unable to get the full path to root ({path}): {failure.strerror}"
            raise SystemFailure(text) from failure
        self._held = ExitStack()
        try:
            self._lock(self.path / "seaway" / "lock")
            self._lock(self.path / "volumes" / "metadata.db")
        except BaseException:
            self.close()
            raise

    def engine_id(self) -> str:
        file = self.path / "engine-id"
        try:
            if known := file.read_text().strip():
                return known
        except FileNotFoundError:
            pass
        made = str(uuid.uuid4())
        replace_file(file, made.encode())
        return made

    def close(self) -> None:
        self._held.close()

    def _make(self, group: int) -> None:
        os.chown(self.path, -1, group)
        for name, mode in (("containers", 0o710), ("volumes", 0o701), ("seaway", 0o700), ("tmp", 0o700)):
            (self.path / name).mkdir(mode=mode, exist_ok=True)

    def _lock(self, path: Path) -> None:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._held.callback(os.close, fd)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as taken:
            log.error("data root %s is in use by another engine: %s is locked", self.path, path)
            raise DataRootInUse(self.path / "volumes" / "metadata.db") from taken


def _remapped(base: Path, uid: int, gid: int) -> Path:
    """Made where it is not there. Raises SystemFailure where the remapped root cannot come to it."""
    base.chmod(base.stat().st_mode | 0o001)
    path = base / f"{uid}.{gid}"
    path.mkdir(mode=0o710, exist_ok=True)
    for parent in base.parents:
        if not _may_enter(parent.stat(), uid, gid):
            raise SystemFailure(
                f"a subdirectory in your graphroot path ({path}) restricts access to the remapped root uid/gid; "
                "please fix by allowing 'o+x' permissions on existing directories"
            )
    return path


def _may_enter(found: os.stat_result, uid: int, gid: int) -> bool:
    shift = 6 if found.st_uid == uid else 3 if found.st_gid == gid else 0
    return bool(found.st_mode >> shift & 0o1)
