"""Vacuuming: what was deleted is gone from the files too, and its room is given back."""

import time
from typing import Any, Final

from sqlalchemy import Connection

from returns_hub.store.database import Database, store_errors
from returns_hub.store.schema import METADATA

_PAGES: Final = 1000
# Whoever writes waits as long as we wait for those who read: a little, and rather again, with a pause for them between.
_BUSY_MS: Final = 500
_PAUSE_SECONDS: Final = 0.25
_ATTEMPTS: Final = 12


class Vacuum:
    """Vacuums a database."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @store_errors
    def run(self, *, attempts: int = _ATTEMPTS) -> bool:
        """Vacuum; False if somebody has been reading all the while, and what they read may still be in the file.

        SQLite has overwritten what was deleted. Here its file is shrunk, and the write-ahead log, which holds older
        pages, is emptied. PostgreSQL gives the room of deleted rows free for others; until these come, or ``VACUUM FULL``
        has written the tables anew, their bytes may still be in its files.

        Raises:
            StoreError: the database fails.
        """
        with self.database.autocommit() as connection:
            if self.database.dialect == "sqlite":
                return _vacuum_sqlite(connection, attempts)
            if not self.database.is_pooled:
                connection.exec_driver_sql("SET statement_timeout = 0")
            schema = f"{self.database.schema}." if self.database.schema else ""
            connection.exec_driver_sql(f"VACUUM {', '.join(schema + name for name in sorted(METADATA.tables))}")
            return True


def _vacuum_sqlite(connection: Connection, attempts: int) -> bool:
    connection.exec_driver_sql(f"PRAGMA busy_timeout = {_BUSY_MS}")
    driver: Any = connection.connection.dbapi_connection
    free = _free_pages(connection)
    while free:
        # Each page is a row without columns, which SQLAlchemy would not fetch.
        driver.execute(f"PRAGMA incremental_vacuum({_PAGES})").fetchall()
        before, free = free, _free_pages(connection)
        if free >= before:  # a file of an earlier version, which keeps its size
            break
    for attempt in range(attempts):
        if attempt:
            time.sleep(_PAUSE_SECONDS)
        busy, *_ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
        if not busy:
            return True
    return False


def _free_pages(connection: Connection) -> int:
    return int(connection.exec_driver_sql("PRAGMA freelist_count").scalar_one())
