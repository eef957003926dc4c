"""SQLite files of the engine's own state: opened for each piece of work, in WAL mode, one transaction each."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Database:
    """`schema` is one CREATE TABLE IF NOT EXISTS. The file is made when there is something to keep. Blocking."""

    def __init__(self, path: Path, schema: str) -> None:
        self._path, self._schema = path, schema

    def rows(self, query: str, values: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
        if not self._path.exists():
            return []
        with self._transaction() as connection:
            return connection.execute(query, values).fetchall()

    def write(self, statement: str, values: tuple[str, ...]) -> None:
        """Durable once it returns."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._transaction() as connection:
            connection.execute(statement, values)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self._path)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            with connection:
                connection.execute(self._schema)
                yield connection
        finally:
            connection.close()
