"""What dockerd keeps of volumes in metadata.db, in SQLite: `seaway/volumes.db` of the data root."""

from pathlib import Path

import msgspec

from seaway.kernel.database import Database
from seaway.volumes.driver import Volume

SCHEMA = "CREATE TABLE IF NOT EXISTS volumes (name TEXT PRIMARY KEY, volume TEXT NOT NULL) WITHOUT ROWID"


class VolumeMetadata:
    """Blocking."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path, SCHEMA)

    def all(self) -> list[Volume]:
        rows = self._database.rows("SELECT volume FROM volumes")
        return [msgspec.json.decode(text, type=Volume) for (text,) in rows]

    def put(self, volume: Volume) -> None:
        text = msgspec.json.encode(volume).decode()
        self._database.write("INSERT OR REPLACE INTO volumes VALUES (?, ?)", (volume.name, text))

    def delete(self, name: str) -> None:
        self._database.write("DELETE FROM volumes WHERE name = ?", (name,))
