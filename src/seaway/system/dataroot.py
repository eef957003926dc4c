"""The data root: dockerd's directories, the engine's ID, and the locks that keep it one engine's own.

<root>/                     0710
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

    def __init__(self, path: str) -> None:
        try:
            self.path = Path(os.path.realpath(path))
            self._make()
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

    def _make(self) -> None:
        self.path.mkdir(mode=0o710, parents=True, exist_ok=True)
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
