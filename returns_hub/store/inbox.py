"""The inbox: what vendors have delivered, to the byte, and what became of it.

Whoever processes a delivery claims it first, so that nobody else does so meanwhile. A claim that is neither kept up nor
settled lapses, and somebody else may claim the delivery. What a delivery comes to is committed together with the word
that it is processed, and only by whoever has the claim then: so nothing of it happens twice.
"""

import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

from attrs import evolve, field, frozen
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    Text,
    Update,
    bindparam,
    delete,
    exists,
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionLeft
from sqlalchemy.sql.base import ReadOnlyColumnCollection
from sqlalchemy.sql.dml import ReturningUpdate

from returns_hub.convert import encode_json
from returns_hub.errors import StoreError
from returns_hub.events import Event, Origin
from returns_hub.merge import Derive, Observation
from returns_hub.operation import WebhookRequest
from returns_hub.store import correlation, ingestion, rows
from returns_hub.store.correlation import Uncorrelated
from returns_hub.store.database import Database, database_time, sql_time, store_errors
from returns_hub.store.events import append_events
from returns_hub.store.ingestion import ApplyResult, ObservationBatch
from returns_hub.store.schema import DELIVERIES, EVENTS
from returns_hub.store.sql import INSERT, chunks

CLAIM_SECONDS: Final = 30.0
"""How long a claim holds that is not kept up: what a killed process had claimed is processed after that."""

PENDING: Final = "pending"
PROCESSED: Final = "processed"
DEAD: Final = "dead"

_ROW: Final = DELIVERIES.c
# Spelt out: an index of what is pending, or dead, is of no use where a parameter could be anything.
_STATES: Final[Mapping[str, ColumnElement[str]]] = {
    state: literal_column(f"'{state}'", Text) for state in (PENDING, PROCESSED, DEAD)
}
_PENDING: Final = _STATES[PENDING]
_BODIES_AT_ONCE: Final = 20
_PURGED_AT_ONCE: Final = 200
_MAX_ERROR_LENGTH: Final = 500
_GONE: Final = "the process was gone before the attempt had ended"
# What is wrong with the database itself, whatever is written to it.
_OF_THE_DATABASE: Final = (InterfaceError, InternalError, OperationalError, NoConnectionLeft)


@frozen(kw_only=True)
class NewDelivery:
    """A delivery that is to be stored: of the request, only what may be kept."""

    account: str
    dedupe_key: str
    subject: str
    request: WebhookRequest


@frozen(kw_only=True)
class Stored:
    """A delivery that is to be processed. Those of one account and ``subject`` are processed one after the other.

    One that ``is_new`` was stored just now.
    """

    id: int
    account: str
    subject: str
    is_new: bool = False


Columns: TypeAlias = ReadOnlyColumnCollection[str, Column[Any]]
Enqueue: TypeAlias = Callable[[Connection, Sequence[Stored]], None]


@frozen
class Put:
    """The number under which a delivery is stored, and whether it was there before."""

    id: int
    is_duplicate: bool


@frozen(kw_only=True)
class Claim:
    """A delivery that the claimant, and nobody else, is to process now, for the ``attempt``-th time."""

    id: int
    token: str = field(repr=False)
    account: str
    dedupe_key: str
    origin: Origin
    attempt: int
    request: WebhookRequest


@frozen(kw_only=True)
class ProcessingResult:
    """What a delivery comes to: what it tells, parts of returns of which there is news, and events of its own.

    ``read`` are the returns that were read for it just now. ``remark`` says why nothing came of something.
    """

    observations: tuple[Observation, ...] = ()
    news: tuple[tuple[str, ...], ...] = ()
    events: tuple[Event, ...] = ()
    read: frozenset[str] = frozenset()
    remark: str | None = None


@frozen(kw_only=True)
class Purged:
    """What was removed: processed deliveries, and what ``waiting`` for a return that never appeared."""

    deliveries: int
    waiting: int


class Deliveries:
    """The deliveries of a store.

    Everything raises :class:`StoreError` where the database fails, and then nothing was half-written.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def put(self, new: Sequence[NewDelivery], enqueue: Enqueue | None = None) -> list[Put | StoreError]:
        """Store deliveries, all in one transaction if that can be; for each where it is, or why it is not stored.

        What is told to be stored survives a power cut. A delivery with the account and dedupe key of an earlier one is
        counted there. ``enqueue`` is called within the transaction with those that are to be processed.
        """
        try:
            return list(self._insert(new, enqueue))
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing was stored
            problem = self.database.explain(error)
            if len(new) == 1 or isinstance(error, _OF_THE_DATABASE):
                return [StoreError(str(problem)) for _ in new]
        return self._put_one_by_one(new, enqueue)

    @store_errors
    def claim(self, *, attempts: int, id: int | None = None) -> Claim | None:
        """The next delivery that is due, or the one of this id if it is; None if there is none.

        A delivery is held back while an earlier one of its subject is pending. One whose claim has lapsed after so many
        ``attempts`` is given up.
        """
        find, take = _CLAIMING[self.database.dialect, id is not None]
        asked = {} if id is None else {"this": id}
        if self.database.dialect == "sqlite":
            # Mostly nothing is due, and to find that out need not keep its one writer waiting.
            with self.database.reading() as connection:
                if connection.execute(find, asked).first() is None:
                    return None
        # A claim that is lost with the power is made again.
        with self.database.writing(serialized=False, durable=False) as connection:
            while row := connection.execute(take, {**asked, "token": secrets.token_hex(8)}).mappings().first():
                claim = _claim(row)
                if claim.attempt <= attempts:
                    return claim
                error = func.coalesce(_ROW.error, _GONE)
                _settle(connection, claim, state=DEAD, attempts=_ROW.attempts - 1, error=error)
        return None

    @store_errors
    def keep(self, claim: Claim) -> None:
        """Put off the moment at which the claim lapses."""
        with self.database.writing(serialized=False, durable=False) as connection:
            until = sql_time(self.database.dialect, later=CLAIM_SECONDS)
            connection.execute(_of(claim).values(claimed_until=until))

    @store_errors
    def finish(self, claim: Claim, meaning: ProcessingResult, derive: Derive) -> ApplyResult | None:
        """Merge what the delivery tells, and mark it as processed, in one transaction.

        None, and nothing was done, if the claim is somebody else's by now. If the result has returns to ``reread`` other
        than those that were read just now, nothing was done either: these are to be read first.

        Raises:
            StoreError: something of it cannot be stored, or the database fails. Nothing was done.
        """
        at = claim.request.received_at
        news = [Uncorrelated.hint(parts, seen_at=at, origin=claim.origin) for parts in meaning.news]
        batch = ingestion.encode_batch(meaning.observations)
        if batch.refused:
            raise StoreError("what the delivery tells cannot be stored")
        batch = evolve(batch, uncorrelated=(*batch.uncorrelated, *(each for each in news if each.parts)))
        try:
            with self.database.writing() as connection:
                return _finish(connection, claim, batch, meaning, derive)
        except _Undone as undone:
            return undone.applied

    @store_errors
    def fail(self, claim: Claim, error: str, *, again_in: float | None) -> None:
        """The delivery could not be processed: it is tried again in so many seconds, or with None no more."""
        state = DEAD if again_in is None else PENDING
        due_at = sql_time(self.database.dialect, later=again_in or 0.0)
        with self.database.writing(serialized=False) as connection:
            _settle(connection, claim, state=state, due_at=due_at, error=error[:_MAX_ERROR_LENGTH])

    @store_errors
    def release(self, claim: Claim) -> None:
        """The delivery was not tried: anybody may claim it now, and the attempt does not count."""
        with self.database.writing(serialized=False, durable=False) as connection:
            _settle(connection, claim, attempts=_ROW.attempts - 1)

    @store_errors
    def replay(self, id: int, enqueue: Enqueue | None = None) -> bool:
        """Have a delivery processed once more, whatever has become of it; False if there is none of this id.

        One that somebody is at is left to that.
        """
        now = sql_time(self.database.dialect)
        again = {"state": PENDING, "origin": Origin.REPLAY.value, "attempts": 0, "due_at": now}
        statement = update(DELIVERIES).where(_ROW.id == id, _is_free(_ROW, now))
        statement = statement.values(**again, claim=None, claimed_until=None, processed_at=None)
        with self.database.writing(serialized=False) as connection:
            row = connection.execute(statement.returning(_ROW.id, _ROW.account, _ROW.subject)).first()
            if row is None:
                return connection.execute(select(_ROW.id).where(_ROW.id == id)).first() is not None
            if enqueue is not None:
                enqueue(connection, [Stored(id=row.id, account=row.account, subject=row.subject)])
            return True

    @store_errors
    def wait(self, id: int) -> float | None:
        """Seconds until a delivery is to be tried; None if it is not pending."""
        with self.database.reading() as connection:
            now = database_time(connection)
            row = connection.execute(select(DELIVERIES).where(_ROW.id == id, _ROW.state == _PENDING)).first()
            if row is None:
                return None
            moment: datetime = max(row.due_at, row.claimed_until or row.due_at)
            # Whoever has an earlier one may be done with it at any time, and it may be put off again.
            held_back = _is_held_back(_ROW, sql_time(self.database.dialect))
            if connection.execute(select(_ROW.id).where(_ROW.id == id, held_back)).first():
                moment = max(moment, now + timedelta(seconds=1.0))
            return max((moment - now).total_seconds(), 0.0)

    @store_errors
    def get(self, id: int) -> RowMapping | None:
        """The row of one delivery, or None."""
        with self.database.reading() as connection:
            return connection.execute(select(DELIVERIES).where(_ROW.id == id)).mappings().first()

    def find(self, account: str | None, state: str | None, limit: int | None) -> Iterator[RowMapping]:
        """The rows of the deliveries that match, newest first; read as they are asked for."""
        query = select(DELIVERIES).order_by(_ROW.id.desc())
        if account is not None:
            query = query.where(_ROW.account == account)
        if state is not None:
            query = query.where(_ROW.state == _STATES[state])
        # In chunks: bodies may be large, and a reader that takes its time must not keep a transaction open.
        while limit is None or limit > 0:
            size = _BODIES_AT_ONCE if limit is None else min(limit, _BODIES_AT_ONCE)
            chunk = self._all(query.limit(size))
            yield from chunk
            if len(chunk) < size:
                return
            query = query.where(_ROW.id < chunk[-1]["id"])
            limit = None if limit is None else limit - size

    @store_errors
    def backlog(self) -> tuple[int, int, datetime | None]:
        """How many deliveries are pending, how many are dead, and when the oldest pending one came."""
        counted = select(func.count(), func.min(_ROW.received_at)).where(_ROW.state == _PENDING)
        with self.database.reading() as connection:
            pending, oldest = connection.execute(counted).one()
            dead = connection.execute(select(func.count()).where(_ROW.state == _STATES[DEAD])).scalar_one()
        return pending, dead, oldest

    def purge(self, before: datetime, *, stop: Callable[[], bool] = lambda: False) -> Purged:
        """Remove the processed deliveries that came before a moment, and what has waited for its return since then.

        It is done in small transactions; ``stop`` is asked before each. What is pending or dead stays, and so do events.
        """
        deliveries = waiting = after = 0
        while not stop():
            removed, after = self._purge_behind(after, before)
            deliveries += removed
            if not removed:
                break
        while not stop() and (removed := self._purge_waiting(before)):
            waiting += removed
        return Purged(deliveries=deliveries, waiting=waiting)

    @store_errors
    def _purge_behind(self, after: int, before: datetime) -> tuple[int, int]:
        """How many of the next processed deliveries behind an id were old enough, and the last id of those."""
        processed = _ROW.state == _STATES[PROCESSED]
        chunk = select(_ROW.id, _ROW.received_at).where(processed, _ROW.id > after).order_by(_ROW.id)
        with self.database.writing(serialized=False, durable=False) as connection:
            found = connection.execute(chunk.limit(_PURGED_AT_ONCE)).all()
            old = [row.id for row in found if row.received_at < before]
            # One of them may just have been replayed.
            gone = connection.execute(delete(DELIVERIES).where(processed, _ROW.id.in_(old))) if old else None
        return (gone.rowcount if gone else 0), (found[-1].id if found else after)

    @store_errors
    def _purge_waiting(self, before: datetime) -> int:
        with self.database.writing(serialized=False, durable=False) as connection:
            return correlation.purge_waiting(connection, before)

    def _put_one_by_one(self, new: Iterable[NewDelivery], enqueue: Enqueue | None) -> list[Put | StoreError]:
        """Store each delivery by itself: one of them cannot be stored, and is not to take the others along."""
        result: list[Put | StoreError] = []
        failure: StoreError | None = None
        for each in new:
            try:
                # Once the database itself fails, it would keep every one of them waiting in turn.
                result += self._insert([each], enqueue) if failure is None else [StoreError(str(failure))]
            except Exception as error:  # noqa: BLE001 - whatever it is, this one was not stored
                problem = self.database.explain(error)
                failure = problem if isinstance(error, _OF_THE_DATABASE) else None
                result.append(problem)
        return result

    def _insert(self, new: Sequence[NewDelivery], enqueue: Enqueue | None) -> list[Put]:
        copies = Counter((each.account, each.dedupe_key) for each in new)
        first = {(each.account, each.dedupe_key): each for each in reversed(new)}
        with self.database.writing(serialized=False, durable=True) as connection:
            new_row = INSERT[connection.dialect.name](DELIVERIES)
            count = {"duplicates": _ROW.duplicates + new_row.excluded.duplicates + 1}
            statement = new_row.on_conflict_do_update(index_elements=["account", "dedupe_key"], set_=count)
            now = database_time(connection)
            # In one order everywhere: two processes that wait for each other's copies would wait for ever.
            values = [_new_row(first[key], copies[key] - 1, now) for key in sorted(first)]
            told = statement.returning(_ROW.id, _ROW.account, _ROW.dedupe_key, _ROW.duplicates)
            found = {(row.account, row.dedupe_key): row for row in connection.execute(told, values)}
            fresh = {key for key, row in found.items() if row.duplicates == copies[key] - 1}
            if enqueue is not None and fresh:
                coming = [(found[key].id, first[key]) for key in sorted(fresh)]
                enqueue(
                    connection,
                    [Stored(id=n, account=new.account, subject=new.subject, is_new=True) for n, new in coming],
                )
        puts: list[Put] = []
        for key in ((each.account, each.dedupe_key) for each in new):
            puts.append(Put(found[key].id, is_duplicate=key not in fresh))
            fresh.discard(key)
        return puts

    @store_errors
    def _all(self, query: Select[Any]) -> Sequence[RowMapping]:
        with self.database.reading() as connection:
            return connection.execute(query).mappings().all()


def _is_free(row: Columns, now: ColumnElement[datetime]) -> ColumnElement[bool]:
    return row.claimed_until.is_(None) | (row.claimed_until <= now)


def _is_held_back(row: Columns, now: ColumnElement[datetime]) -> ColumnElement[bool]:
    """True of a delivery while another one of its subject comes first."""
    other = DELIVERIES.alias("other").c
    # A later one is in nobody's way, unless it was claimed before this one was replayed.
    in_the_way = (other.id < row.id) | (other.claimed_until > now)
    same_subject = (other.account == row.account) & (other.subject == row.subject) & (row.subject != "")
    return exists().where(same_subject, other.id != row.id, other.state == _PENDING, in_the_way)


def _claiming(dialect: str, *, by_id: bool) -> tuple[Select[tuple[int]], ReturningUpdate[Any]]:
    """What finds a delivery that is due, the next one or ``this``, and what claims it with a ``token``."""
    row, now = DELIVERIES.alias("due").c, sql_time(dialect)
    due = select(row.id).where(row.state == _PENDING, row.due_at <= now, _is_free(row, now), ~_is_held_back(row, now))
    find = due.where(row.id == bindparam("this")) if by_id else due.order_by(row.due_at, row.id).limit(1)
    found = find.with_for_update(skip_locked=True).scalar_subquery()
    until = sql_time(dialect, later=CLAIM_SECONDS)
    take = update(DELIVERIES).where(_ROW.id == found).returning(DELIVERIES)
    return find, take.values(claim=bindparam("token"), claimed_until=until, attempts=_ROW.attempts + 1)


# Made once: to make them takes as long as to ask them.
_CLAIMING: Final = {
    (dialect, by_id): _claiming(dialect, by_id=by_id) for dialect in ("sqlite", "postgresql") for by_id in (False, True)
}


class _Undone(Exception):
    """What was done in a transaction is not to be committed."""

    def __init__(self, applied: ApplyResult | None) -> None:
        super().__init__()
        self.applied = applied


def _finish(
    connection: Connection, claim: Claim, batch: ObservationBatch, meaning: ProcessingResult, derive: Derive
) -> ApplyResult:
    applied = ingestion.apply(connection, claim.account, batch, derive)
    if not meaning.read.issuperset(applied.reread):
        raise _Undone(applied)
    events = applied.events + _tell(connection, meaning.events)
    done = {"state": PROCESSED, "processed_at": sql_time(connection.dialect.name), "error": meaning.remark}
    if not _settle(connection, claim, events=_ROW.events + events, **done):
        raise _Undone(None)
    return applied


def _new_row(new: NewDelivery, copies: int, now: datetime) -> rows.Row:
    request = new.request
    return {
        "account": new.account,
        "dedupe_key": new.dedupe_key,
        "subject": new.subject,
        "received_at": request.received_at,
        "method": rows.plain(request.method),
        "url": rows.plain(request.url),
        "headers": encode_json(request.headers),
        "body": request.body,
        "state": PENDING,
        "origin": Origin.WEBHOOK.value,
        "duplicates": copies,
        "attempts": 0,
        "due_at": now,
        "events": 0,
    }


def read_request(row: RowMapping) -> WebhookRequest:
    """The request of a row, as far as it was kept."""
    return WebhookRequest(
        method=row["method"],
        url=row["url"],
        headers=[(name, value) for name, value in rows.decode(row["headers"])],
        body=bytes(row["body"]),
        received_at=row["received_at"],
    )


def _claim(row: RowMapping) -> Claim:
    return Claim(
        id=row["id"],
        token=row["claim"],
        account=row["account"],
        dedupe_key=row["dedupe_key"],
        origin=Origin(row["origin"]),
        attempt=row["attempts"],
        request=read_request(row),
    )


def _of(claim: Claim) -> Update:
    """A change of what was claimed, as far as it is still this claim's: after a lapse somebody else may be at it."""
    return update(DELIVERIES).where(_ROW.id == claim.id, _ROW.state == _PENDING, _ROW.claim == claim.token)


def _settle(connection: Connection, claim: Claim, **values: Any) -> bool:
    settled = _of(claim).values(claim=None, claimed_until=None, **values)
    return connection.execute(settled).rowcount == 1


def _tell(connection: Connection, events: Sequence[Event]) -> int:
    """Tell the events that were not told before, and count them."""
    known: set[str] = set()
    for some in chunks(event.id for event in events):
        known.update(connection.execute(select(EVENTS.c.id).where(EVENTS.c.id.in_(some))).scalars())
    fresh = [event for event in events if event.id not in known]
    append_events(connection, fresh)
    return len(fresh)
