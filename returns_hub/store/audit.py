"""Who did what in the console, and who is logged in to it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from attrs import frozen
from sqlalchemy import Connection, Row, delete, select, update

from returns_hub.store import rows
from returns_hub.store.database import Database, database_time, store_errors
from returns_hub.store.schema import AUDIT, CONSOLE_SESSIONS
from returns_hub.store.sql import insert_into, insert_new

_ROW: Final = AUDIT.c
_SESSION: Final = CONSOLE_SESSIONS.c
_SHOWN: Final = tuple(column for column in AUDIT.c if column.name != "token")
_MAX_CHARS: Final = 1000
# A session's last use is written this seldom: a page that is read need not wait for a writer.
_SEEN_EVERY: Final = timedelta(minutes=1)


class Outcome(StrEnum):
    """What became of an act. ``maybe_applied``: the vendor may or may not have done it."""

    STARTED = "started"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    MAYBE_APPLIED = "maybe_applied"


@frozen(kw_only=True)
class NewAuditEntry:
    """An act that is about to be done. ``token`` is that of the form that asks for it, good for one act."""

    person: str
    session: str
    action: str
    account: str | None = None
    subject: str | None = None
    detail: str = ""
    token: str | None = None


@frozen(kw_only=True)
class AuditEntry:
    """One act: who did what to what, when, and what became of it. ``message`` says it in a sentence."""

    id: int
    at: datetime
    person: str
    session: str
    action: str
    account: str | None
    subject: str | None
    detail: str
    outcome: Outcome
    message: str


class AuditLog:
    """The acts of a store, oldest first by ``id``. Entries are only ever added, and completed by their outcome.

    Everything raises :class:`StoreError` where the database fails, and then nothing was written.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    @store_errors
    def begin(self, new: NewAuditEntry) -> int | None:
        """Write an act down before it is done, and return its id; None if its form's token was used before."""
        values = {
            "person": rows.plain(new.person),
            "session": new.session,
            "action": new.action,
            "account": new.account,
            "subject": None if new.subject is None else rows.plain(new.subject),
            "detail": rows.plain(new.detail)[:_MAX_CHARS],
            "outcome": Outcome.STARTED.value,
            "message": "",
            "token": new.token,
        }
        with self.database.writing(serialized=False, durable=True) as connection:
            row = insert_into(connection, AUDIT).values(**values, at=database_time(connection))
            entry: int | None = connection.execute(row.on_conflict_do_nothing().returning(_ROW.id)).scalar()
        return entry

    @store_errors
    def finish(self, entry: int, outcome: Outcome, message: str) -> None:
        """Write down what became of an act."""
        ended = {"outcome": outcome.value, "message": rows.plain(message)[:_MAX_CHARS]}
        with self.database.writing(serialized=False, durable=True) as connection:
            connection.execute(update(AUDIT).where(_ROW.id == entry).values(**ended))

    @store_errors
    def purge(self, before: datetime) -> int:
        """Remove the acts that were begun before a moment; how many."""
        with self.database.writing(serialized=False) as connection:
            return connection.execute(delete(AUDIT).where(_ROW.at < before)).rowcount

    @store_errors
    def get(self, entry: int) -> AuditEntry | None:
        """One act, or None."""
        with self.database.reading() as connection:
            row = connection.execute(select(*_SHOWN).where(_ROW.id == entry)).first()
        return None if row is None else _entry(row)

    @store_errors
    def find(
        self, *, account: str | None = None, subject: str | None = None, before: int | None = None, limit: int = 50
    ) -> Sequence[AuditEntry]:
        """The newest acts, those of an account or about a subject only where one is given; before an id, so many at most."""
        query = select(*_SHOWN).order_by(_ROW.id.desc()).limit(limit)
        if account is not None:
            query = query.where(_ROW.account == account)
        if subject is not None:
            query = query.where(_ROW.subject == subject)
        if before is not None:
            query = query.where(_ROW.id < before)
        with self.database.reading() as connection:
            return [_entry(row) for row in connection.execute(query)]

    @store_errors
    def was_done_since(self, span: timedelta, *, session: str, action: str, account: str, subject: str) -> bool:
        """Whether a session did something to a subject within the last ``span``."""
        wanted = (_ROW.account == account) & (_ROW.subject == subject) & (_ROW.session == session)
        done = (_ROW.action == action) & (_ROW.outcome == Outcome.DONE.value)
        with self.database.reading() as connection:
            since = database_time(connection) - span
            return (
                connection.execute(select(_ROW.id).where(wanted, done, _ROW.at >= since).limit(1)).first() is not None
            )


class ConsoleSessions:
    """Who is logged in, by the digest of the cookie: for ``lifetime`` at most, and while not ``idle`` for longer than that."""

    def __init__(self, database: Database, *, lifetime: timedelta, idle: timedelta) -> None:
        self.database = database
        self._lifetime = lifetime
        self._idle = idle

    @store_errors
    def begin(self, key: str, person: str) -> None:
        """Log somebody in; sessions that have ended are removed."""
        with self._writing() as (connection, now):
            ended = (_SESSION.began_at < now - self._lifetime) | (_SESSION.seen_at < now - self._idle)
            connection.execute(delete(CONSOLE_SESSIONS).where(ended))
            row = {"key": key, "person": rows.plain(person), "began_at": now, "seen_at": now}
            insert_new(connection, CONSOLE_SESSIONS, [row])

    @store_errors
    def person(self, key: str) -> str | None:
        """Who is logged in by that key, whose session is used herewith; None once it has ended."""
        with self.database.reading() as connection:
            row = connection.execute(select(CONSOLE_SESSIONS).where(_SESSION.key == key)).first()
            now = database_time(connection)
        if row is None or row.began_at < now - self._lifetime or row.seen_at < now - self._idle:
            return None
        if row.seen_at < now - _SEEN_EVERY:
            with self._writing() as (connection, now):
                connection.execute(update(CONSOLE_SESSIONS).where(_SESSION.key == key).values(seen_at=now))
        person: str = row.person
        return person

    @store_errors
    def end(self, key: str) -> None:
        """Log out."""
        with self._writing() as (connection, _):
            connection.execute(delete(CONSOLE_SESSIONS).where(_SESSION.key == key))

    @contextmanager
    def _writing(self) -> Iterator[tuple[Connection, datetime]]:
        with self.database.writing(serialized=False, durable=False) as connection:
            yield connection, database_time(connection)


def _entry(row: Row[Any]) -> AuditEntry:
    return AuditEntry(**{**row._mapping, "outcome": Outcome(row.outcome)})  # noqa: SLF001 - the underscore keeps it clear of column names
