"""The consumers of the event stream: a cursor for each, and the events behind it that are not done with.

An event that comes to a consumer's turn becomes a row of that consumer's :class:`~returns_hub.store.queue.Queue`, and the
cursor moves on. It stays there until a handler has taken it, so no event is lost between cursor and handler.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, Final

from attrs import frozen
from sqlalchemy import ColumnElement, Connection, Select, bindparam, delete, exists, func, insert, select, update

from returns_hub.events import Event, Origin
from returns_hub.handlers import ConsumerHealth, ExecuteStatement
from returns_hub.reports import FailedEvent, FailedEventState
from returns_hub.store import rows
from returns_hub.store.database import Database, database_time, store_errors
from returns_hub.store.events import last_sequence, notify
from returns_hub.store.queue import DEAD, PENDING, QUEUE_SECONDS, Claim, Queue
from returns_hub.store.schema import CONSUMERS, EVENTS, PARKED_EVENTS
from returns_hub.store.sql import insert_new

_QUEUED: Final = PARKED_EVENTS.c
_CHUNK: Final = 100
_WINDOW: Final = 5_000

# Made once: to make them takes as long as to ask them.
_EVENT: Final = select(EVENTS).where(EVENTS.c.sequence == bindparam("of_sequence"))
_TAKEN: Final = delete(PARKED_EVENTS).where(
    _QUEUED.consumer == bindparam("of_consumer"), _QUEUED.sequence == bindparam("of_sequence")
)
# A row where the stream goes on behind a consumer's cursor.
_BEHIND: Final = select(CONSUMERS.c.name).where(
    CONSUMERS.c.name == bindparam("of_consumer"), exists().where(EVENTS.c.sequence > CONSUMERS.c.after)
)


class ClaimLost(Exception):
    """The event is not the claimant's any more."""


@frozen(kw_only=True)
class ClaimedEvent:
    """An event that the claimant, and nobody else, hands to a consumer now."""

    consumer: str
    event: Event
    claim: Claim


class Subscriptions:
    """The consumers of a store, and the events that each of them has not taken.

    Everything raises :class:`StoreError` where the database fails, and then nothing was half-written.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        key = ("account", "return_id")
        self._queue = Queue(database.dialect, PARKED_EVENTS, order="sequence", key=key, partition="consumer")
        self._lent: dict[str, Connection] = {}

    @store_errors
    def subscribe(self, consumer: str, *, at_end: bool) -> None:
        """Give a new consumer its cursor: at the end of the stream as it is now, or before its first event."""
        known = select(CONSUMERS.c.name).where(CONSUMERS.c.name == consumer)
        with self.database.reading(within=QUEUE_SECONDS) as connection:
            if connection.execute(known).first():
                return
        with self.database.writing(serialized=False) as connection:
            after = last_sequence(connection) if at_end else 0
            row = {"name": consumer, "after": after, "updated_at": database_time(connection)}
            insert_new(connection, CONSUMERS, [row])

    @store_errors
    def claim(
        self,
        consumer: str,
        types: Collection[str],
        *,
        max_attempts: int,
        backfill: bool = True,
        busy: Collection[str] = (),
    ) -> ClaimedEvent | None:
        """The next event of these types that is due for the consumer, claimed, and none of the ``busy`` accounts; None if there is none.

        Without ``backfill`` the cursor passes over the events of that origin.
        """
        while True:
            if self._may_be_due(consumer, busy):
                # A claim that is lost with the power is made again.
                with self.database.writing(serialized=False, durable=False, single=True) as connection:
                    row = self._queue.claim(connection, max_attempts=max_attempts, partition=consumer, busy=busy)
                if row is not None:
                    event = self._read_event(row["sequence"])
                    return ClaimedEvent(consumer=consumer, event=event, claim=self._queue.claim_of(row))
            if not self._advance(consumer, types, backfill=backfill):
                return None

    @store_errors
    def extend(self, claim: Claim) -> None:
        """Put off the moment at which the claim ends."""
        with self.database.writing(serialized=False, durable=False, single=True) as connection:
            self._queue.extend(connection, claim)

    @store_errors
    def finish(self, claim: Claim) -> None:
        """Remove an event that the consumer has taken, also if the claim was lost meanwhile."""
        taken = {"of_consumer": claim.partition, "of_sequence": claim.id}
        # A power cut may have it handed over again, as any crash may.
        with self.database.writing(serialized=False, durable=False, single=True) as connection:
            connection.execute(_TAKEN, taken)

    @contextmanager
    def finishing(self, claim: Claim, timeout: float) -> Iterator[Connection]:
        """A transaction at whose end the consumer has taken the event: all of it is committed, or nothing.

        Raises:
            ClaimLost: meanwhile somebody else has the event, or had it. Nothing was committed.
        """
        held = (_QUEUED.consumer == claim.partition) & (_QUEUED.sequence == claim.id) & (_QUEUED.claim == claim.token)
        with self.database.lending(timeout) as connection:
            self._lent[claim.token] = connection
            try:
                yield connection
            finally:
                self._lent.pop(claim.token, None)
            # At the end, so that the row is not locked while the claim is extended.
            if self.database.own(connection, delete(PARKED_EVENTS).where(held)).rowcount == 0:
                raise ClaimLost

    def finish_with(self, execute: ExecuteStatement, claim: Claim) -> None:
        """As the end of :meth:`finishing`, in a transaction on another connection to the same database.

        Raises:
            ClaimLost: meanwhile somebody else has the event, or had it. The transaction must be undone.
        """
        table = PARKED_EVENTS.name if self.database.schema is None else f"{self.database.schema}.{PARKED_EVENTS.name}"
        statement = f"DELETE FROM {table} WHERE consumer = %s AND sequence = %s AND claim = %s"  # noqa: S608 - names of ours
        if execute(statement, (claim.partition, claim.id, claim.token)) == 0:
            raise ClaimLost

    def cut_off(self, claim: Claim) -> None:
        """Undo what a handler has written that goes on beyond its time, before somebody else gets the event."""
        connection = self._lent.pop(claim.token, None)
        if connection is not None:
            self.database.cut_off(connection)

    @store_errors
    def fail(self, claim: Claim, error: str, *, retry_in: float | None) -> None:
        """The consumer failed at the event: there is another attempt in so many seconds, or with None it is dead."""
        with self.database.writing(serialized=False, single=True) as connection:
            self._queue.fail(connection, claim, error, retry_in=retry_in)

    @store_errors
    def release(self, claim: Claim) -> None:
        """The event was not handed over: anybody may claim it now, and the attempt does not count."""
        with self.database.writing(serialized=False, durable=False, single=True) as connection:
            self._queue.release(connection, claim)

    @store_errors
    def retry(self, consumer: str, sequence: int) -> bool:
        """Have an event handed over again now, with all its attempts; False if the consumer has not failed at it.

        One that is handed over at this moment is left to that.
        """
        with self.database.writing(serialized=False) as connection:
            if self._queue.replay(connection, _failed_at(consumer, sequence)):
                notify(connection)
                return True
            known = select(_QUEUED.sequence).where(_failed_at(consumer, sequence))
            return connection.execute(known).first() is not None

    @store_errors
    def skip(self, consumer: str, sequence: int) -> bool:
        """Remove an event from the consumer's queue; False if the consumer has not failed at it."""
        with self.database.writing(serialized=False) as connection:
            skipped = connection.execute(delete(PARKED_EVENTS).where(_failed_at(consumer, sequence))).rowcount > 0
            # The later events of its return may have waited for it.
            notify(connection)
            return skipped

    @store_errors
    def forget(self, consumer: str) -> bool:
        """Remove a consumer with its cursor and all that it has not taken; False if there is none of this name."""
        with self.database.writing(serialized=False) as connection:
            connection.execute(delete(PARKED_EVENTS).where(_QUEUED.consumer == consumer))
            return connection.execute(delete(CONSUMERS).where(CONSUMERS.c.name == consumer)).rowcount > 0

    @store_errors
    def health(self) -> list[ConsumerHealth]:
        """How far every consumer of the store has come, by name."""
        pending = _QUEUED.state == PENDING
        failed = _QUEUED.error.is_not(None)
        counts = select(
            _QUEUED.consumer,
            func.count().filter(pending),
            func.count().filter(pending, failed),
            func.count().filter(_QUEUED.state == DEAD),
            func.min(_QUEUED.sequence).filter(pending),
            func.max(_QUEUED.sequence).filter(failed),
        ).group_by(_QUEUED.consumer)
        coming = select(func.min(EVENTS.c.sequence)).where(EVENTS.c.sequence > CONSUMERS.c.after).scalar_subquery()
        cursors = select(CONSUMERS.c.name, CONSUMERS.c.after, coming).order_by(CONSUMERS.c.name)
        found: list[ConsumerHealth] = []
        with self.database.reading() as connection:
            end, now = last_sequence(connection), database_time(connection)
            queued = {name: counted for name, *counted in connection.execute(counts)}
            for name, after, next_sequence in connection.execute(cursors).all():
                waiting, failing, dead, oldest, failed_last = queued.get(name, (0, 0, 0, None, None))
                recorded = select(EVENTS.c.recorded_at).where(EVENTS.c.sequence == (oldest or next_sequence))
                since = connection.execute(recorded).scalar()
                error = select(_QUEUED.error).where(_failed_at(name, failed_last or 0))
                found.append(
                    ConsumerHealth(
                        name=name,
                        cursor=after,
                        lag=max(end - after, 0) + waiting,
                        failing=failing,
                        dead=dead,
                        oldest_pending_s=None if since is None else max((now - since).total_seconds(), 0.0),
                        error=connection.execute(error).scalar(),
                    )
                )
        return found

    def failed(self, consumer: str) -> Iterator[FailedEvent]:
        """The events at which the consumer failed and that it has not taken since, oldest first; read as asked for."""
        failed = (_QUEUED.consumer == consumer) & _QUEUED.error.is_not(None)
        for row in self.database.stream(_with_events().where(failed)):
            yield FailedEvent(
                consumer=consumer,
                event=rows.read_event(row._mapping),  # noqa: SLF001 - the underscore keeps it clear of column names
                state=FailedEventState(row.state),
                attempts=row.attempts,
                due_at=row.due_at,
                error=row.error,
            )

    @store_errors
    def next_due(self, consumer: str) -> float | None:
        """Seconds until an event is due that is not yet, or a claim ends; None if nothing waits for its time."""
        with self.database.reading(within=QUEUE_SECONDS, single=True) as connection:
            return self._queue.next_due(connection, partition=consumer)

    def _may_be_due(self, consumer: str, busy: Collection[str]) -> bool:
        """False where no event of the queue is due. A file has one writer: only what finds something keeps it waiting."""
        if self.database.dialect == "postgresql":
            return True
        with self.database.reading() as connection:
            return self._queue.is_due(connection, partition=consumer, busy=busy)

    def _read_event(self, sequence: int) -> Event:
        with self.database.reading(within=QUEUE_SECONDS, single=True) as connection:
            return rows.read_event(connection.execute(_EVENT, {"of_sequence": sequence}).mappings().one())

    def _advance(self, consumer: str, types: Collection[str], *, backfill: bool) -> bool:
        """Queue the next events behind the consumer's cursor and move it behind them; False if the stream ends there."""
        with self.database.reading(within=QUEUE_SECONDS, single=True) as connection:
            if connection.execute(_BEHIND, {"of_consumer": consumer}).first() is None:
                return False
        with self.database.writing(serialized=False, durable=False) as connection:
            return _advance(connection, consumer, types, backfill=backfill)


def _failed_at(consumer: str, sequence: int) -> ColumnElement[bool]:
    """The event in the queue of a consumer that has failed at it."""
    return (_QUEUED.consumer == consumer) & (_QUEUED.sequence == sequence) & _QUEUED.error.is_not(None)


def _advance(connection: Connection, consumer: str, types: Collection[str], *, backfill: bool) -> bool:
    """Queue the next events behind the cursor and move it behind them; False if the stream ends there."""
    # One claimant of a consumer moves its cursor at a time.
    cursor = select(CONSUMERS.c.after).where(CONSUMERS.c.name == consumer).with_for_update()
    after: int = connection.execute(cursor).scalar_one()
    # A window at a time: a consumer that wants few of the events would else read all of them in one transaction.
    end = min(last_sequence(connection), after + _WINDOW)
    if after >= end:
        return False
    event, now = EVENTS.c, database_time(connection)
    coming = select(event.sequence, event.account, event.return_id).order_by(event.sequence).limit(_CHUNK)
    # Sequences are in the order of the commits: up to `end` nothing can come any more.
    coming = coming.where(event.sequence > after, event.sequence <= end, event.type.in_(types))
    if not backfill:
        coming = coming.where(event.origin != Origin.BACKFILL.value)
    found = connection.execute(coming).mappings().all()
    if found:
        queued = {"consumer": consumer, "state": PENDING, "attempts": 0, "due_at": now}
        connection.execute(insert(PARKED_EVENTS), [{**row, **queued} for row in found])
    last = found[-1]["sequence"] if len(found) == _CHUNK else end
    moved = update(CONSUMERS).where(CONSUMERS.c.name == consumer)
    connection.execute(moved.values(after=last, updated_at=now))
    return True


def _with_events() -> Select[Any]:
    """The queued events with their changes, oldest first."""
    queued = (_QUEUED.state, _QUEUED.attempts, _QUEUED.due_at, _QUEUED.error)
    query = select(EVENTS, *queued).join(PARKED_EVENTS, _QUEUED.sequence == EVENTS.c.sequence)
    return query.order_by(EVENTS.c.sequence)
