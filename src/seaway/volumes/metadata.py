"""What dockerd keeps of volumes in metadata.db, in SQLite: `seaway/volumes.db` of the data root."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from seaway.volumes.driver import Volume

SCHEMA = "CREATE TABLE IF NOT EXISTS volumes (name TEXT PRIMARY KEY, volume TEXT NOT NULL) WITHOUT ROWID"


class VolumeMetadata:
    def __init__(self, path: Path) -> None:
        self._path = path

    def all(self) -> list[Volume]:
        if not self._path.exists():
            return []
        with self._database() as database:
            rows = database.execute("SELECT volume FROM volumes").fetchall()
        return [msgspec.json.decode(text, type=Volume) for (text,) in rows]

    def put(self, volume: Volume) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._database() as database:
            text = msgspec.json.encode(volume).decode()
            database.execute("INSERT OR REPLACE INTO volumes VALUES (?, ?)", (volume.name, text))

    def delete(self, name: str) -> None:
        if self._path.exists():
            with self._database() as database:
                database.execute("DELETE FROM volumes WHERE name = ?", (name,))

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        database = sqlite3.connect(self._path)
        try:
            database.execute("PRAGMA journal_mode = WAL")
            with database:
                database.execute(SCHEMA)
                yield database
        finally:
            database.close()
