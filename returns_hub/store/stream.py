"""The event stream as it grows: whoever follows it is woken by what any process commits.

Nothing is missed and nothing comes twice. Writers take turns and number their events within theirs, so an event that
can be read has none before it that cannot.
"""

import asyncio
import logging
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import SQLAlchemyError

from returns_hub.errors import StoreError
from returns_hub.events import Event
from returns_hub.store.database import Database, store_errors
from returns_hub.store.schema import EVENTS

if TYPE_CHECKING:
    from returns_hub.store.mirror import Store

_log = logging.getLogger("returns_hub")

_CHANNEL: Final = "returns_hub_events"
_AT_ONCE: Final = 500
# How soon a wish to stop is heard.
_STOP_CHECK_SECONDS: Final = 0.2
# The stream is looked at this often even where nothing seems to have happened.
_FALLBACK_SECONDS: Final = 5.0
# An event loop looks, and is never called.
_POLL_SECONDS: Final = 0.05
_MIN_PAUSE: Final = 0.002
_MAX_PAUSE: Final = 0.05
_RECONNECT_SECONDS: Final = 1.0
# A database that is restarted is back by then.
_MAX_OUTAGE_SECONDS: Final = 300.0


def announce(connection: Connection) -> None:
    """Wake those who follow, once this transaction, which wrote events, is committed."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"NOTIFY {_CHANNEL}"))


def last_sequence(connection: Connection) -> int:
    """The sequence of the newest event, 0 before the first."""
    end: int = connection.execute(select(func.coalesce(func.max(EVENTS.c.sequence), 0))).scalar_one()
    return end


def follow(
    store: "Store",
    *,
    after: int = 0,
    account: str | None = None,
    return_id: str | None = None,
    stop: Callable[[], bool],
) -> Iterator[Event]:
    """The events behind a ``sequence``, and then those that come, until ``stop`` says so.

    While the database is away the stream stands still; it goes on where it stopped.

    Raises:
        StoreError: the database cannot be used, or has been away for five minutes.
    """
    with closing(_StreamReader(store, after, account, return_id)) as follower:
        while not stop():
            chunk = follower.read()
            yield from chunk
            while not (chunk or stop() or follower.is_due(_STOP_CHECK_SECONDS)):
                pass


async def follow_async(
    store: "Store",
    *,
    after: int = 0,
    account: str | None = None,
    return_id: str | None = None,
    stop: Callable[[], bool],
) -> AsyncIterator[Event]:
    """As :func:`follow`, for ``async for``; the database is asked in threads."""
    follower = await asyncio.to_thread(_StreamReader, store, after, account, return_id)
    try:
        while not stop():
            chunk = await asyncio.to_thread(follower.read)
            for event in chunk:
                yield event
            while not (chunk or stop() or await asyncio.to_thread(follower.is_due, 0.0)):
                await asyncio.sleep(_POLL_SECONDS)
    finally:
        follower.close()


class CommitWatcher:
    """Tells when something may have been committed to a database. One thread at a time may use it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ear: _CommitSignal | None = self._listen()

    def wait(self, seconds: float) -> bool:
        """True as soon as there is something to look at; False if nothing came within so many seconds."""
        if self._ear is not None:
            try:
                return self._ear.wait(seconds)
            except Exception as error:  # noqa: BLE001 - every driver has its own, and they all mean a lost connection
                _log.warning("the connection that waits for events is lost (%s)", type(error).__name__)
                self.close()
        time.sleep(min(seconds, _RECONNECT_SECONDS))
        with suppress(StoreError):
            self._ear = self._listen()
        # Whatever was told in between was not heard.
        return self._ear is not None

    def close(self) -> None:
        """Close its connection."""
        ear, self._ear = self._ear, None
        if ear is not None:
            with suppress(Exception):  # it may be what was lost
                ear.close()

    def _listen(self) -> "_CommitSignal":
        try:
            return (
                _SqliteSignal(self._database)
                if self._database.dialect == "sqlite"
                else _PostgresqlSignal(self._database)
            )
        except (SQLAlchemyError, sqlite3.Error) as error:
            problem = self._database.explain(error)
        raise problem


class _CommitSignal(Protocol):
    def wait(self, seconds: float) -> bool: ...

    def close(self) -> None: ...


class _SqliteSignal:
    """SQLite tells nobody, but counts the commits of the other connections."""

    def __init__(self, database: Database) -> None:
        self._connection = database.dedicated()
        self._seen = self._version()
        self._pause = _MIN_PAUSE

    def wait(self, seconds: float) -> bool:
        ends = time.monotonic() + seconds
        while self._version() == self._seen:
            left = ends - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(self._pause, left))
            # Who has waited long may be told a little later.
            self._pause = min(self._pause * 1.5, _MAX_PAUSE)
        self._seen = self._version()
        self._pause = _MIN_PAUSE
        return True

    def close(self) -> None:
        self._connection.close()

    def _version(self) -> Any:
        cursor = self._connection.cursor()
        cursor.execute("PRAGMA data_version")
        return cursor.fetchone()


class _PostgresqlSignal:
    """PostgreSQL tells whoever listens, once a transaction is committed that notified."""

    def __init__(self, database: Database) -> None:
        self._connection = database.dedicated()
        self._driver = cast("Any", self._connection.dbapi_connection)
        self._driver.autocommit = True
        self._driver.execute(f"LISTEN {_CHANNEL}")

    def wait(self, seconds: float) -> bool:
        return any(True for _ in self._driver.notifies(timeout=seconds, stop_after=1))

    def close(self) -> None:
        self._connection.close()


class _StreamReader:
    """Where a follower stands in the stream."""

    def __init__(self, store: "Store", after: int, account: str | None, return_id: str | None) -> None:
        # It listens before it reads for the first time: what is committed in between wakes it.
        self._watch = CommitWatcher(store.database)
        self._looked_at = 0.0
        self._store = store
        self._after = after
        self._account = account
        self._return_id = return_id
        self._away_since: float | None = None
        self._has_read = False

    def read(self) -> Sequence[Event]:
        """The next events, a few hundred at most; empty if there are none now, or while the database is away."""
        self._looked_at = time.monotonic()
        try:
            found = self._read()
        except StoreError as error:
            if not self._has_read or self._is_tired():
                raise
            _log.warning("the event stream stands still: %s", error)
            time.sleep(_RECONNECT_SECONDS)
            return ()
        self._has_read, self._away_since = True, None
        return found

    def is_due(self, seconds: float) -> bool:
        """True as soon as :meth:`read` may find something; False if that is not so within so many seconds."""
        return self._watch.wait(seconds) or time.monotonic() - self._looked_at > _FALLBACK_SECONDS

    def close(self) -> None:
        """Stop listening."""
        self._watch.close()

    @property
    def database(self) -> Database:
        """What is followed."""
        return self._store.database

    @store_errors
    def _read(self) -> Sequence[Event]:
        with self.database.reading() as connection:
            end = last_sequence(connection)
        if end <= self._after:
            return ()
        found = list(
            self._store.events(after=self._after, account=self._account, return_id=self._return_id, limit=_AT_ONCE)
        )
        last = found[-1].sequence if found else 0
        # What was filtered out need not be passed over again.
        self._after = last if len(found) == _AT_ONCE else max(last, end)
        return found

    def _is_tired(self) -> bool:
        now = time.monotonic()
        self._away_since = self._away_since or now
        return now - self._away_since > _MAX_OUTAGE_SECONDS
