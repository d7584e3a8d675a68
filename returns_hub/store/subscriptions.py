"""Who has been told which events: a cursor for each consumer, and the events behind it that are not done with.

An event that comes to a consumer's turn is parked, and the cursor moves on; it stays parked until a handler has taken it.
What is parked is claimed before a handler sees it, so that nobody else tells it meanwhile; a claim that is neither kept
up nor settled lapses, and the event is told again.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from attrs import frozen
from sqlalchemy import ColumnElement, Connection, Select, bindparam, delete, exists, func, insert, select, update

from returns_hub.events import Event
from returns_hub.store import rows
from returns_hub.store.database import Database, database_time, sql_time, store_errors
from returns_hub.store.events import last_sequence
from returns_hub.store.schema import CONSUMERS, EVENTS, PARKED_EVENTS
from returns_hub.store.sql import insert_new

CLAIM_SECONDS: Final = 30.0
"""How long a claim holds that is not kept up: what a killed process had claimed is told again after that."""

_PARKED: Final = PARKED_EVENTS.c
_LONGEST_ERROR: Final = 500
_GONE: Final = "the process was gone before the attempt had ended"


class FailedEventState(StrEnum):
    """What becomes of an event that a consumer has not taken."""

    PENDING = "pending"
    DEAD = "dead"


@frozen(kw_only=True)
class FailedEvent:
    """An event at which a consumer failed: ``pending`` if it is tried again at ``due_at``, ``dead`` if it is not.

    ``error`` is the type of the last attempt's exception and the place that raised it, without its text: that may hold
    what the event is about.
    """

    consumer: str
    event: Event
    state: FailedEventState
    attempts: int
    due_at: datetime
    error: str


@frozen(kw_only=True)
class Claim:
    """An event that the claimant, and nobody else, is to tell to a consumer now, for the ``attempt``-th time."""

    consumer: str
    event: Event
    attempt: int


class Subscriptions:
    """The cursors of the consumers, and the events that each of them has not taken.

    Everything raises :class:`StoreError` where the database fails, and then nothing was half-written.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    @store_errors
    def begin(self, consumer: str, *, at_end: bool) -> None:
        """Give a new consumer its cursor: at the end of the stream as it is now, or before its first event."""
        known = select(CONSUMERS.c.name).where(CONSUMERS.c.name == consumer)
        with self.database.reading() as connection:
            if connection.execute(known).first():
                return
        with self.database.writing(serialized=False) as connection:
            after = last_sequence(connection) if at_end else 0
            row = {"name": consumer, "after": after, "updated_at": database_time(connection)}
            insert_new(connection, CONSUMERS, [row])

    @store_errors
    def claim(self, consumer: str, types: Collection[str], *, limit: int, attempts: int) -> Sequence[Claim]:
        """The next events of these types that the consumer is to be told, in that order.

        An event is held back while one of the same return is claimed, or has failed and waits for its time. One that
        has lapsed after ``attempts`` attempts is told no more.
        """
        with self.database.reading() as connection:
            # Mostly nothing is due, and to find that out need not keep a writer waiting.
            if not _is_behind(connection, consumer) and not _due(connection, consumer, 1):
                return ()
        # A claim that is lost with the power is made again.
        with self.database.writing(serialized=False, durable=False) as connection:
            # One claimant of a consumer at a time.
            connection.execute(select(CONSUMERS).where(CONSUMERS.c.name == consumer).with_for_update())
            _give_up(connection, consumer, attempts)
            due = _due(connection, consumer, limit)
            while len(due) < limit and _park_next(connection, consumer, types, limit):
                due = _due(connection, consumer, limit)
            # A claim that lapsed may be kept up, or settled, at this very moment.
            still_due = _is_due(consumer, sql_time(connection.dialect.name)) & _PARKED.sequence.in_(due)
            values = {"attempts": _PARKED.attempts + 1, "due_at": self._lapses_at()}
            statement = update(PARKED_EVENTS).where(still_due).values(values).returning(_PARKED.sequence)
            claimed = _PARKED.sequence.in_(connection.execute(statement).scalars().all())
            of_consumer = _PARKED.consumer == consumer
            found = connection.execute(_parked_events().where(of_consumer, claimed)).mappings().all()
        return [Claim(consumer=consumer, event=rows.read_event(row), attempt=row["attempts"]) for row in found]

    @store_errors
    def keep(self, claims: Collection[Claim]) -> None:
        """Put off the moment at which the claims lapse."""
        with self.database.writing(serialized=False, durable=False) as connection:
            _change(connection, claims, due_at=self._lapses_at())

    @store_errors
    def finish(self, claim: Claim) -> None:
        """The consumer has taken the event."""
        # Whoever claimed it after this claim had lapsed will find nothing left to settle.
        taken = (_PARKED.consumer == claim.consumer) & (_PARKED.sequence == claim.event.sequence)
        # A power cut may have it told again, as any crash may.
        with self.database.writing(serialized=False, durable=False) as connection:
            connection.execute(delete(PARKED_EVENTS).where(taken))

    @store_errors
    def fail(self, claim: Claim, error: str, *, again_in: float | None) -> None:
        """The consumer failed at the event: it is told again in so many seconds, or with None no more."""
        state = FailedEventState.DEAD if again_in is None else FailedEventState.PENDING
        due_at = sql_time(self.database.dialect, later=again_in or 0.0)
        with self.database.writing(serialized=False) as connection:
            _change(connection, [claim], state=state.value, due_at=due_at, error=error[:_LONGEST_ERROR])

    @store_errors
    def release(self, claims: Collection[Claim]) -> None:
        """The events were not told: anybody may claim them now, and the attempt does not count."""
        now = sql_time(self.database.dialect)
        with self.database.writing(serialized=False, durable=False) as connection:
            _change(connection, claims, attempts=_PARKED.attempts - 1, due_at=now)

    @store_errors
    def retry(self, consumer: str, sequence: int) -> bool:
        """Tell a dead event again, with all its attempts before it; False if the consumer has no such dead event."""
        dead = (
            (_PARKED.consumer == consumer) & (_PARKED.sequence == sequence) & (_PARKED.state == FailedEventState.DEAD)
        )
        values = {"state": FailedEventState.PENDING.value, "attempts": 0, "due_at": sql_time(self.database.dialect)}
        with self.database.writing(serialized=False) as connection:
            return connection.execute(update(PARKED_EVENTS).where(dead).values(values)).rowcount > 0

    def failed(self, consumer: str) -> Iterator[FailedEvent]:
        """The events at which the consumer failed and that it has not taken since, oldest first; read as asked for."""
        failed = (_PARKED.consumer == consumer) & _PARKED.error.is_not(None)
        for row in self.database.stream(_parked_events().where(failed)):
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
        """Seconds until a failed event is told again or a claim lapses; None if nothing is waiting for its time."""
        with self.database.reading() as connection:
            now = database_time(connection)
            later = (_PARKED.consumer == consumer) & _is_pending() & (_PARKED.due_at > now)
            moment: datetime | None = connection.execute(select(func.min(_PARKED.due_at)).where(later)).scalar()
        return None if moment is None else (moment - now).total_seconds()

    def _lapses_at(self) -> ColumnElement[datetime]:
        """When a claim lapses that is made or kept up now."""
        return sql_time(self.database.dialect, later=CLAIM_SECONDS)


def _is_pending() -> ColumnElement[bool]:
    return _PARKED.state == FailedEventState.PENDING.value


def _is_due(consumer: str, now: ColumnElement[datetime]) -> ColumnElement[bool]:
    return (_PARKED.consumer == consumer) & _is_pending() & (_PARKED.due_at <= now)


def _is_behind(connection: Connection, consumer: str) -> bool:
    """True if the stream goes on behind the consumer's cursor."""
    behind = exists().where(EVENTS.c.sequence > CONSUMERS.c.after)
    query = select(CONSUMERS.c.name).where(CONSUMERS.c.name == consumer, behind)
    return connection.execute(query).first() is not None


def _due(connection: Connection, consumer: str, limit: int) -> list[int]:
    """The sequences of the parked events that may be claimed now."""
    now = sql_time(connection.dialect.name)
    other = PARKED_EVENTS.alias("other")
    same_return = (
        (other.c.consumer == _PARKED.consumer)
        & (other.c.account == _PARKED.account)
        & (other.c.return_id == _PARKED.return_id)
    )
    # Somebody is at another event of the return, or it has failed and waits for its time.
    held_back = exists().where(same_return, other.c.state == FailedEventState.PENDING.value, other.c.due_at > now)
    due = _is_due(consumer, now) & ~held_back
    query = select(_PARKED.sequence).where(due).order_by(_PARKED.sequence).limit(limit)
    return list(connection.execute(query).scalars())


def _park_next(connection: Connection, consumer: str, types: Collection[str], limit: int) -> bool:
    """Park the next events behind the cursor and move it behind them; False if the stream ends there."""
    after: int = connection.execute(select(CONSUMERS.c.after).where(CONSUMERS.c.name == consumer)).scalar_one()
    end = last_sequence(connection)
    if after >= end:
        return False
    event, now = EVENTS.c, database_time(connection)
    coming = select(event.sequence, event.account, event.return_id).order_by(event.sequence).limit(limit)
    # Sequences are in the order of the commits: up to `end` nothing can come any more.
    coming = coming.where(event.sequence > after, event.sequence <= end, event.type.in_(types))
    found = connection.execute(coming).mappings().all()
    if found:
        parked = {"consumer": consumer, "state": FailedEventState.PENDING.value, "attempts": 0, "due_at": now}
        connection.execute(insert(PARKED_EVENTS), [{**row, **parked} for row in found])
    last = found[-1]["sequence"] if len(found) == limit else end
    moved = update(CONSUMERS).where(CONSUMERS.c.name == consumer)
    connection.execute(moved.values(after=last, updated_at=now))
    return True


def _give_up(connection: Connection, consumer: str, attempts: int) -> None:
    """Bury the events whose last attempt was never settled: a handler may take its whole process down."""
    lapsed = _is_due(consumer, sql_time(connection.dialect.name)) & (_PARKED.attempts >= attempts)
    values = {"state": FailedEventState.DEAD.value, "error": func.coalesce(_PARKED.error, _GONE)}
    connection.execute(update(PARKED_EVENTS).where(lapsed).values(values))


def _change(connection: Connection, claims: Collection[Claim], **values: Any) -> None:
    """Change what was claimed, as far as it is still this claim's: after a lapse somebody else may be at it."""
    of_claim = (
        (_PARKED.consumer == bindparam("of_consumer"))
        & (_PARKED.sequence == bindparam("of_sequence"))
        & (_PARKED.attempts == bindparam("of_attempt"))
        & _is_pending()
    )
    told = [
        {"of_consumer": claim.consumer, "of_sequence": claim.event.sequence, "of_attempt": claim.attempt}
        for claim in claims
    ]
    connection.execute(update(PARKED_EVENTS).where(of_claim).values(values), told)


def _parked_events() -> Select[Any]:
    """The parked events with what they tell, oldest first."""
    parked = (_PARKED.state, _PARKED.attempts, _PARKED.due_at, _PARKED.error)
    query = select(EVENTS, *parked).join(PARKED_EVENTS, _PARKED.sequence == EVENTS.c.sequence)
    return query.order_by(EVENTS.c.sequence)
