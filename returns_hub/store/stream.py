"""The event stream as it grows: a follower wakes when any process commits.

Nothing is missed and nothing comes twice. Writers take turns and number their events within theirs, so an event that
can be read has none before it that cannot.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import closing, suppress
from typing import Any, Final, Protocol, cast

from sqlalchemy import text

from returns_hub.errors import StoreError
from returns_hub.events import Event
from returns_hub.logs import log_event
from returns_hub.store.database import Database
from returns_hub.store.events import CHANNEL, EventReader

# How soon a wish to stop is heard.
_STOP_CHECK_SECONDS: Final = 0.2
# The stream is looked at this often even where nothing seems to have happened.
_FALLBACK_SECONDS: Final = 5.0
# How often a connection that listens is asked for a sign of life, and how often a database is looked at behind a pooler.
_HEARTBEAT_SECONDS: Final = 30.0
_SNAPSHOT_SECONDS: Final = 0.2
# An event loop looks, and is never called.
_POLL_SECONDS: Final = 0.05
_MIN_PAUSE: Final = 0.002
_MAX_PAUSE: Final = 0.05
_RECONNECT_SECONDS: Final = 1.0
# A database that is restarted is back by then.
_MAX_OUTAGE_SECONDS: Final = 300.0


def follow(
    database: Database,
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
    with closing(_StreamReader(EventReader(database, account=account, return_id=return_id), after)) as reader:
        while not stop():
            chunk = reader.read()
            yield from chunk
            while not (chunk or stop() or reader.wait(_STOP_CHECK_SECONDS)):
                pass


async def follow_async(
    database: Database,
    *,
    after: int = 0,
    account: str | None = None,
    return_id: str | None = None,
    stop: Callable[[], bool],
) -> AsyncIterator[Event]:
    """As :func:`follow`, for ``async for``; the database is asked in threads."""
    reader = await asyncio.to_thread(_StreamReader, EventReader(database, account=account, return_id=return_id), after)
    try:
        while not stop():
            chunk = await asyncio.to_thread(reader.read)
            for event in chunk:
                yield event
            while not (chunk or stop() or await asyncio.to_thread(reader.wait, 0.0)):
                await asyncio.sleep(_POLL_SECONDS)
    finally:
        reader.close()


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
                message = "the connection that waits for events is lost (%s)"
                log_event("store.connection_lost", message, type(error).__name__)
                self.close()
        time.sleep(min(seconds, _RECONNECT_SECONDS))
        with suppress(StoreError):
            self._ear = self._listen()
        # What was committed in between was not noticed.
        return self._ear is not None

    def close(self) -> None:
        """Close its connection."""
        ear, self._ear = self._ear, None
        if ear is not None:
            with suppress(Exception):  # it may be what was lost
                ear.close()

    def _listen(self) -> "_CommitSignal":
        try:
            if self._database.dialect == "sqlite":
                return _SqliteSignal(self._database)
            return _PolledSignal(self._database) if self._database.is_pooled else _PostgresqlSignal(self._database)
        except Exception as error:  # noqa: BLE001 - every driver has its own
            problem = self._database.explain(error)
        raise problem


class _CommitSignal(Protocol):
    def wait(self, seconds: float) -> bool: ...

    def close(self) -> None: ...


class _SqliteSignal:
    """SQLite does not notify, but counts the commits of the other connections."""

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
            # After a long wait a little more does not matter.
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
    """PostgreSQL notifies its listeners, once a transaction is committed that asked for it."""

    def __init__(self, database: Database) -> None:
        self._connection = database.dedicated()
        self._driver = cast("Any", self._connection.dbapi_connection)
        try:
            self._driver.execute(f"LISTEN {CHANNEL}")
        except BaseException:
            self.close()
            raise
        self._heard_at = time.monotonic()

    def wait(self, seconds: float) -> bool:
        if any(True for _ in self._driver.notifies(timeout=seconds, stop_after=1)):
            self._heard_at = time.monotonic()
            return True
        if time.monotonic() - self._heard_at > _HEARTBEAT_SECONDS:
            # Whoever only listens never finds out that nobody is there any more.
            self._driver.execute("SELECT 1")
            self._heard_at = time.monotonic()
        return False

    def close(self) -> None:
        try:
            self._connection.close()
        finally:
            # The pool keeps open what it could not reset, after a lost connection for instance.
            self._driver.close()


class _PolledSignal:
    """Behind a pooler nobody can listen. A snapshot differs from the last one where a transaction has written meanwhile."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._seen = self._snapshot()

    def wait(self, seconds: float) -> bool:
        ends = time.monotonic() + seconds
        while True:
            left = ends - time.monotonic()
            looks_in = self._looked_at + _SNAPSHOT_SECONDS - time.monotonic()
            time.sleep(max(min(looks_in, left), 0.0))
            if looks_in > left:
                return False
            seen, self._seen = self._seen, self._snapshot()
            if seen != self._seen:
                return True

    def close(self) -> None:
        """Nothing is held."""

    def _snapshot(self) -> str:
        self._looked_at = time.monotonic()
        with self._database.reading() as connection:
            snapshot: str = connection.execute(text("SELECT pg_current_snapshot()::text")).scalar_one()
        return snapshot


class _StreamReader:
    """Where a reader stands in the stream."""

    def __init__(self, reader: EventReader, after: int) -> None:
        # It listens before it reads for the first time: what is committed in between wakes it.
        self._watcher = CommitWatcher(reader.database)
        self._reader = reader
        self._after = after
        self._read_at = 0.0
        self._failing_since: float | None = None
        self._has_read = False

    def read(self) -> Sequence[Event]:
        """The next events, a few hundred at most; empty if there are none now, or while the database is away."""
        self._read_at = time.monotonic()
        try:
            found, self._after = self._reader.read_new(self._after)
        except StoreError as error:
            if not self._has_read or self._has_failed_for_too_long():
                raise
            log_event("store.stream_stalled", "the event stream stands still: %s", error)
            time.sleep(_RECONNECT_SECONDS)
            return ()
        self._has_read, self._failing_since = True, None
        return found

    def wait(self, seconds: float) -> bool:
        """True as soon as :meth:`read` may find something; False if that is not so within so many seconds."""
        return self._watcher.wait(seconds) or time.monotonic() - self._read_at > _FALLBACK_SECONDS

    def close(self) -> None:
        """Stop listening."""
        self._watcher.close()

    def _has_failed_for_too_long(self) -> bool:
        now = time.monotonic()
        self._failing_since = self._failing_since or now
        return now - self._failing_since > _MAX_OUTAGE_SECONDS
