"""The event stream as a table: appended in one order, and read in that order.

Writers take turns and number their events within theirs, so an event that can be read has none before it that cannot.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Select, func, select, text

from returns_hub.errors import ConfigurationError, StoreError
from returns_hub.events import Event
from returns_hub.store import rows
from returns_hub.store.database import Database, store_errors
from returns_hub.store.schema import EVENTS, RETURNS
from returns_hub.store.sql import inserting, write

CHANNEL: Final = "returns_hub_events"
"""What PostgreSQL notifies when events or deliveries were stored."""

APPENDING: Final = inserting(EVENTS, key="id", channel=CHANNEL)
"""Puts rows of events at the end of the stream; one whose id is there already is there once."""

_CHUNK_ROWS: Final = 500
_MAX_CURSOR_DIGITS: Final = 18


def append_events(connection: Connection, events: Sequence[Event]) -> None:
    """Put events at the end of the stream, and wake whoever follows it once the transaction is committed.

    By its id an event is appended once, even where its return was removed by hand and is read anew.
    """
    write(connection, [(APPENDING, [rows.event_row(event) for event in events])])


def notify(connection: Connection) -> None:
    """Wake whoever waits for commits, once the transaction is committed; SQLite's commits are seen anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"NOTIFY {CHANNEL}"))


def last_sequence(connection: Connection) -> int:
    """The sequence of the newest event, 0 before the first."""
    end: int = connection.execute(select(func.coalesce(func.max(EVENTS.c.sequence), 0))).scalar_one()
    return end


class EventReader:
    """Reads the events of an account or a return, or those that a delivery caused, or all of them."""

    def __init__(
        self,
        database: Database,
        *,
        account: str | None = None,
        return_id: str | None = None,
        delivery_id: int | None = None,
    ) -> None:
        self.database = database
        self._delivery_id = delivery_id
        self._account = account
        self._return_id = return_id

    @store_errors
    def resolve(self, after: int | str) -> int:
        """The sequence that a cursor means: a sequence, or with the event's id as ``SEQUENCE:ID``.

        Raises:
            ConfigurationError: it is no cursor.
            StoreError: it is of another history: the stream ends before it, or has another event there.
        """
        number, _, known = str(after).partition(":")
        if isinstance(after, bool) or not (number.isascii() and number.isdigit() and len(number) <= _MAX_CURSOR_DIGITS):
            raise ConfigurationError("after must be the sequence of an event, or SEQUENCE:ID")
        sequence = int(number)
        with self.database.reading() as connection:
            end = last_sequence(connection)
            found = connection.execute(select(EVENTS.c.id).where(EVENTS.c.sequence == sequence)).scalar()
        if sequence > end or (known and known != found):
            where = f"ends at event {end}" if sequence > end else f"has another event {sequence}"
            raise StoreError(
                f"the stream {where}: the cursor is of another history, as after a restore; begin after an event it has"
            )
        return sequence

    def read(self, *, after: int = 0, limit: int | None = None) -> Iterator[Event]:
        """The events behind a ``sequence``, in their order; read as they are asked for.

        Raises:
            StoreError: the database fails.
        """
        # In chunks: a consumer may take its time, and must not keep a transaction open meanwhile.
        while limit is None or limit > 0:
            size = _CHUNK_ROWS if limit is None else min(limit, _CHUNK_ROWS)
            chunk = self._chunk(after, size)
            yield from chunk
            if len(chunk) < size:
                return
            after = chunk[-1].sequence
            limit = None if limit is None else limit - size

    @store_errors
    def read_new(self, after: int) -> tuple[Sequence[Event], int]:
        """The next events behind a ``sequence``, a few hundred at most, and the sequence up to which that is all.

        Raises:
            StoreError: the database fails.
        """
        with self.database.reading() as connection:
            end = last_sequence(connection)
            if end < after:
                raise StoreError(f"the stream ends at event {end} now, before the cursor {after}: it was restored")
            if end == after:
                return (), after
            query = self._query(connection).where(EVENTS.c.sequence > after).order_by(EVENTS.c.sequence)
            found = [rows.read_event(row) for row in connection.execute(query.limit(_CHUNK_ROWS)).mappings()]
        # What was filtered out need not be passed over again.
        last = found[-1].sequence if found else 0
        return found, last if len(found) == _CHUNK_ROWS else max(last, end)

    @store_errors
    def read_latest(self, limit: int) -> Sequence[Event]:
        """The newest events, so many at most, in their order.

        Raises:
            StoreError: the database fails.
        """
        with self.database.reading() as connection:
            query = self._query(connection).order_by(EVENTS.c.sequence.desc()).limit(limit)
            return [rows.read_event(row) for row in reversed(connection.execute(query).mappings().all())]

    @store_errors
    def _chunk(self, after: int, size: int) -> Sequence[Event]:
        with self.database.reading() as connection:
            query = self._query(connection).where(EVENTS.c.sequence > after).order_by(EVENTS.c.sequence).limit(size)
            return [rows.read_event(row) for row in connection.execute(query).mappings()]

    def _query(self, connection: Connection) -> Select[Any]:
        query = select(EVENTS)
        if self._account is not None:
            query = query.where(EVENTS.c.account == self._account)
        if self._delivery_id is not None:
            query = query.where(EVENTS.c.delivery_id == self._delivery_id)
        if self._return_id is not None:
            # The life of a request goes on in the return that grew from it: the two are asked for together, by an index.
            requests = select(RETURNS.c.request_id).where(RETURNS.c.id == self._return_id)
            if self._account is not None:
                requests = requests.where(RETURNS.c.account == self._account)
            grown_from = connection.execute(requests.where(RETURNS.c.request_id.is_not(None))).scalars()
            query = query.where(EVENTS.c.return_id.in_({self._return_id, *grown_from}))
        return query
