"""The inbox: what vendors have delivered, and what became of it.

Deliveries are the rows of a :class:`~returns_hub.store.queue.Queue`: those about one return are processed one after the
other. What a delivery results in is committed together with the word that it is processed, so it happens once.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from attrs import evolve, frozen
from sqlalchemy import ColumnElement, Connection, Integer, RowMapping, Select, Text, bindparam, delete, func, select

from returns_hub.errors import StoreError
from returns_hub.events import Event, Origin
from returns_hub.merge import Derive, Observation
from returns_hub.reports import Backlog, Delivery, DeliveryState, Purged
from returns_hub.store import correlation, ingestion, rows
from returns_hub.store.correlation import Uncorrelated
from returns_hub.store.database import Database, sql_time, store_errors
from returns_hub.store.events import append_events, notify
from returns_hub.store.ingestion import ApplyResult, ObservationBatch
from returns_hub.store.queue import DEAD, PENDING, PROCESSED, QUEUE_SECONDS, Claim, Queue, in_state
from returns_hub.store.refusals import Refusals
from returns_hub.store.schema import DELIVERIES, EVENTS
from returns_hub.store.sql import chunks
from returns_hub.store.vacuum import Vacuum

_ROW: Final = DELIVERIES.c
_BODIES_CHUNK: Final = 20
_PURGE_CHUNK: Final = 200
_ERASED: Final = "it is about a return that was erased: nothing of it is kept"
_REPLAY_CHUNK: Final = 500
_REPLAYED: Final = {"origin": Origin.REPLAY.value, "processed_at": None}


@frozen(kw_only=True)
class ClaimedDelivery:
    """A delivery that the claimant, and nobody else, processes now."""

    delivery: Delivery
    claim: Claim


@frozen(kw_only=True)
class ProcessingResult:
    """What a delivery results in: observations, hints at returns of which only parts are known, and events of its own.

    ``read`` are the ids of the returns that were read for it just now. ``remark`` says why something came to nothing.
    ``about`` are the names of what it is about, ``return:ID`` or of parts: where one was erased, its body is not kept.
    """

    observations: tuple[Observation, ...] = ()
    hints: tuple[tuple[str, ...], ...] = ()
    events: tuple[Event, ...] = ()
    read: frozenset[str] = frozenset()
    remark: str | None = None
    about: frozenset[str] = frozenset()


class Deliveries:
    """The deliveries of a store.

    Everything raises :class:`StoreError` where the database fails, and then nothing was half-written.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self._queue = Queue(database.dialect, DELIVERIES, order="id", key=("account", "subject"))
        self._has_found = False
        self._processed = self._queue.ending(
            state=PROCESSED,
            processed_at=sql_time(database.dialect),
            error=bindparam("remark", type_=Text),
            events=_ROW.events + bindparam("made", type_=Integer),
        )

    @store_errors
    def claim(self, *, max_attempts: int, busy: Collection[str] = ()) -> ClaimedDelivery | None:
        """The next delivery that is due, claimed, and none of the ``busy`` accounts; None if there is none."""
        if self.database.dialect == "sqlite" and not self._has_found:
            # Mostly nothing is due, and to find that out need not keep its one writer waiting.
            with self.database.reading(within=QUEUE_SECONDS) as connection:
                if not self._queue.is_due(connection, busy=busy):
                    return None
        # A claim that is lost with the power is made again.
        with self.database.writing(serialized=False, durable=False, single=True) as connection:
            row = self._queue.claim(connection, max_attempts=max_attempts, busy=busy)
        # Where one was due, another one may be.
        self._has_found = row is not None
        return None if row is None else ClaimedDelivery(delivery=_delivery(row), claim=self._queue.claim_of(row))

    @store_errors
    def extend(self, claim: Claim) -> None:
        """Put off the moment at which the claim ends."""
        with self.database.writing(serialized=False, durable=False, single=True) as connection:
            self._queue.extend(connection, claim)

    @store_errors
    def release(self, claim: Claim) -> None:
        """The delivery was not tried: anybody may claim it now, and the attempt does not count."""
        with self.database.writing(serialized=False, durable=False, single=True) as connection:
            self._queue.release(connection, claim)

    @store_errors
    def fail(self, claim: Claim, error: str, *, retry_in: float | None) -> None:
        """The delivery could not be processed: it is tried again in so many seconds, or with None it is dead."""
        with self.database.writing(serialized=False, single=True) as connection:
            self._queue.fail(connection, claim, error, retry_in=retry_in)

    @store_errors
    def finish(self, claimed: ClaimedDelivery, result: ProcessingResult, derive: Derive) -> ApplyResult | None:
        """Merge what the delivery asserts, append its events, and mark it as processed, in one transaction.

        None, and nothing was done, if the claim was lost. If the result has returns to ``reread`` other than those that
        were read just now, nothing was done either: these are to be read first.

        Raises:
            StoreError: something of it cannot be stored, or the database fails. Nothing was done.
        """
        delivery = claimed.delivery
        batch = ingestion.prepare_batch(result.observations)
        hints = [
            Uncorrelated.hint(parts, seen_at=delivery.received_at, origin=delivery.origin) for parts in result.hints
        ]
        batch = evolve(batch, uncorrelated=(*batch.uncorrelated, *(hint for hint in hints if hint.parts)))
        try:
            with self.database.writing() as connection:
                return self._finish(connection, claimed, batch, result, derive)
        except _RolledBack as rolled_back:
            return rolled_back.applied

    @store_errors
    def replay(self, id: int) -> bool:
        """Have a delivery processed anew, whatever has become of it; False if there is none of this id.

        One that somebody processes at this moment is left to that.
        """
        with self.database.writing(serialized=False) as connection:
            if self._queue.replay(connection, _ROW.id == id, **_REPLAYED):
                notify(connection)
                return True
            return connection.execute(select(_ROW.id).where(_ROW.id == id)).first() is not None

    def replay_matching(
        self, *, account: str | None = None, state: DeliveryState | None = None, since: datetime | None = None
    ) -> int:
        """Have every delivery that matches processed anew, as :meth:`replay` does; how many these are.

        It is done in small transactions, so that what comes in does not wait.
        """
        wanted, replayed, after = _matching(account, state, since), 0, 0
        while True:
            count, after = self._replay_chunk(wanted, after)
            replayed += count
            if not after:
                return replayed

    @store_errors
    def count(
        self, *, account: str | None = None, state: DeliveryState | None = None, since: datetime | None = None
    ) -> int:
        """How many deliveries match."""
        with self.database.reading() as connection:
            query = select(func.count()).select_from(DELIVERIES).where(*_matching(account, state, since))
            return int(connection.execute(query).scalar_one())

    @store_errors
    def next_due(self) -> float | None:
        """Seconds until a delivery is due that is not yet, or a claim ends; None if nothing waits for its time."""
        with self.database.reading(within=QUEUE_SECONDS, single=True) as connection:
            return self._queue.next_due(connection)

    @store_errors
    def get(self, id: int) -> Delivery | None:
        """One delivery, or None."""
        with self.database.reading() as connection:
            row = connection.execute(select(DELIVERIES).where(_ROW.id == id)).mappings().first()
        return None if row is None else _delivery(row)

    def find(
        self,
        *,
        account: str | None = None,
        state: DeliveryState | None = None,
        since: datetime | None = None,
        limit: int | None = None,
    ) -> Iterator[Delivery]:
        """The deliveries that match, newest first; read as they are asked for."""
        query = select(DELIVERIES).where(*_matching(account, state, since)).order_by(_ROW.id.desc())
        # In chunks: bodies may be large, and a slow reader must not keep a transaction open.
        while limit is None or limit > 0:
            size = _BODIES_CHUNK if limit is None else min(limit, _BODIES_CHUNK)
            found = self._select(query.limit(size))
            yield from found
            if len(found) < size:
                return
            query = query.where(_ROW.id < found[-1].id)
            limit = None if limit is None else limit - size

    @store_errors
    def backlog(self) -> Backlog:
        """How much is pending, stuck and dead."""
        stuck = func.count().filter(self._queue.is_stuck())
        pending = select(func.count(), func.min(_ROW.received_at), stuck).where(in_state(_ROW, PENDING))
        dead = select(func.count()).where(in_state(_ROW, DEAD))
        with self.database.reading() as connection:
            count, oldest, stuck_count = connection.execute(pending).one()
            return Backlog(
                pending=count,
                dead=connection.execute(dead).scalar_one(),
                stuck=stuck_count,
                oldest_pending_at=oldest,
            )

    def purge(self, before: datetime, *, stop: Callable[[], bool] = lambda: False) -> Purged:
        """Remove the processed deliveries that came before a moment, and what has waited for its return since then.

        What is pending or dead stays, and so do events. A copy that comes after its first one is gone is taken for new;
        what it asserts is known by then, and causes no event. What was refused since is forgotten as well. It is done in small transactions; ``stop`` is asked before each.
        """
        deliveries = waiting = after = 0
        while not stop():
            removed, after = self._purge_chunk(after, before)
            deliveries += removed
            if not removed:
                break
        while not stop() and (removed := self._purge_waiting(before)):
            waiting += removed
        if not stop():
            Refusals(self.database).purge(before)
        if deliveries or waiting:
            self._give_back_room()
        return Purged(deliveries=deliveries, waiting=waiting)

    def _give_back_room(self) -> None:
        """Shrink a file. PostgreSQL does what it can by itself, and whoever wants more will ask for it."""
        if self.database.dialect == "sqlite":
            Vacuum(self.database).run(attempts=1)

    @store_errors
    def _replay_chunk(self, wanted: Sequence[ColumnElement[bool]], after: int) -> tuple[int, int]:
        """Replay the next deliveries behind an id that match: how many, and the last id of those; 0 if there are no more."""
        chunk = select(_ROW.id).where(*wanted, _ROW.id > after).order_by(_ROW.id).limit(_REPLAY_CHUNK)
        with self.database.writing(serialized=False) as connection:
            ids = connection.execute(chunk).scalars().all()
            if not ids:
                return 0, 0
            replayed = self._queue.replay(connection, _ROW.id.in_(ids), **_REPLAYED)
            notify(connection)
        return replayed, ids[-1]

    def _finish(
        self,
        connection: Connection,
        claimed: ClaimedDelivery,
        batch: ObservationBatch,
        result: ProcessingResult,
        derive: Derive,
    ) -> ApplyResult:
        applied = ingestion.apply(connection, claimed.delivery.account, batch, derive)
        if applied.refused:
            raise StoreError("what the delivery asserts cannot be stored")
        if not result.read.issuperset(applied.reread):
            raise _RolledBack(applied)
        ending = self._processed
        parameters: dict[str, Any] = {"remark": result.remark, "made": applied.events}
        if applied.has_erased and correlation.find_erased(connection, claimed.delivery.account, result.about):
            ending, parameters["remark"] = ending.values(url="", headers="[]", body=b""), _ERASED
        else:
            parameters["made"] += _append_new(connection, result.events)
        if not self._queue.end(connection, claimed.claim, ending, **parameters):
            raise _RolledBack(None)
        return applied

    @store_errors
    def _purge_chunk(self, after: int, before: datetime) -> tuple[int, int]:
        """How many of the next processed deliveries behind an id were old enough, and the last id of those."""
        processed = in_state(_ROW, PROCESSED)
        chunk = select(_ROW.id, _ROW.received_at).where(processed, _ROW.id > after).order_by(_ROW.id)
        with self.database.writing(serialized=False, durable=False) as connection:
            found = connection.execute(chunk.limit(_PURGE_CHUNK)).all()
            old = [row.id for row in found if row.received_at < before]
            # One of them may just have been replayed.
            gone = connection.execute(delete(DELIVERIES).where(processed, _ROW.id.in_(old))) if old else None
        return (gone.rowcount if gone else 0), (found[-1].id if found else after)

    @store_errors
    def _purge_waiting(self, before: datetime) -> int:
        with self.database.writing(serialized=False, durable=False) as connection:
            return correlation.purge_waiting(connection, before)

    @store_errors
    def _select(self, query: Select[Any]) -> list[Delivery]:
        with self.database.reading() as connection:
            return [_delivery(row) for row in connection.execute(query).mappings()]


class _RolledBack(Exception):
    """What was done in a transaction is not to be committed."""

    def __init__(self, applied: ApplyResult | None) -> None:
        super().__init__()
        self.applied = applied


def _matching(account: str | None, state: DeliveryState | None, since: datetime | None) -> list[ColumnElement[bool]]:
    wanted = [] if account is None else [_ROW.account == account]
    if state is not None:
        wanted.append(in_state(_ROW, state.value))
    if since is not None:
        wanted.append(_ROW.received_at >= since)
    return wanted


def _delivery(row: RowMapping) -> Delivery:
    return Delivery(
        id=row["id"],
        account=row["account"],
        dedupe_key=row["dedupe_key"],
        subject=row["subject"],
        origin=Origin(row["origin"]),
        received_at=row["received_at"],
        state=DeliveryState(row["state"]),
        duplicates=row["duplicates"],
        attempts=row["attempts"],
        due_at=row["due_at"],
        processed_at=row["processed_at"],
        error=row["error"],
        events=row["events"],
        method=row["method"],
        url=row["url"],
        headers=tuple((name, value) for name, value in rows.decode(row["headers"])),
        body=bytes(row["body"]),
    )


def _append_new(connection: Connection, events: Sequence[Event]) -> int:
    """Append the events that are not in the stream, and count them."""
    known: set[str] = set()
    for some in chunks(event.id for event in events):
        known.update(connection.execute(select(EVENTS.c.id).where(EVENTS.c.id.in_(some))).scalars())
    fresh = [event for event in events if event.id not in known]
    append_events(connection, fresh)
    return len(fresh)
