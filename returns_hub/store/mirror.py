"""The mirror itself: what is written to it, and what is read from it."""

import contextlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final, Self

from attrs import evolve, frozen
from sqlalchemy import ColumnElement, func, select, text

from returns_hub.errors import StoreError
from returns_hub.events import Event
from returns_hub.merge import Derive, Observation, derive_nothing
from returns_hub.model import Return
from returns_hub.operation import UnreadableField
from returns_hub.secret import Secret
from returns_hub.status import Attention, Status
from returns_hub.store import correlation, ingestion, rows, search
from returns_hub.store.checkpoints import load_checkpoints, save_checkpoints
from returns_hub.store.database import Database, clock_ahead, database_time, sql_time, store_errors
from returns_hub.store.events import EventReader, last_sequence
from returns_hub.store.ingestion import ApplyResult, Pass
from returns_hub.store.leases import Lease
from returns_hub.store.schema import EVENTS, IS_OPEN, MAX_COLUMN_CHARS, MERGE_STATE, RETURNS
from returns_hub.store.search import stands_alone
from returns_hub.store.sql import chunks
from returns_hub.store.sync_log import SyncHealth, SyncLog

_AT_ONCE: Final = 500


@frozen(kw_only=True)
class StoredReturn:
    """A return as the mirror has it, and the account it belongs to."""

    account: str
    ret: Return


class _RolledBack(Exception):
    """What was done in a transaction is not to be committed."""


class Store:
    """Every account's returns as the vendors last showed them, the events of their changes, and checkpoints.

    It may be used from several threads. Whatever it does raises :class:`StoreError` where the database fails, and then
    nothing was half-written.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    @classmethod
    def open(cls, address: Secret | str) -> Self:
        """The store at ``sqlite:///file.db`` or ``postgresql://user:password@host/name``, created or upgraded if need be.

        Raises:
            StoreError: the address is wrong, or what is there cannot be used; the text says why.
        """
        store = cls(Database(Secret(address) if isinstance(address, str) else address))
        try:
            store.prepare()
        except StoreError:
            store.close()
            raise
        return store

    @store_errors
    def prepare(self) -> None:
        """Bring the tables to the newest revision.

        Raises:
            StoreError: the database cannot be used; the text says why.
        """
        self.database.prepare()

    def close(self) -> None:
        """Close every connection."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @store_errors
    def apply(
        self,
        account: str,
        observations: Iterable[Observation] = (),
        *,
        checkpoints: Mapping[str, Any] = MappingProxyType({}),
        derive: Derive = derive_nothing,
        lease: Lease | None = None,
        of_pass: Pass | None = None,
    ) -> ApplyResult:
        """Merge observations into the mirror, in one transaction with their events and the checkpoints that cover them.

        A checkpoint is any JSON value; None removes it. With a ``lease`` all of it is written only while that is ours.
        ``derive`` is the adapter's; ``of_pass`` is the run that the observations are of.

        An observation whose return has the id ``""`` is merged into the one return that has its shipments and items, by
        their ids and aliases. If no return has them, or several do, it waits until one appears that settles it.

        Raises:
            LeaseLost: it is not any more.
        """
        batch = ingestion.prepare_batch(observations)
        with self.database.writing() as connection:
            if lease is not None:
                lease.renew(connection)
            applied = ingestion.apply(connection, account, batch, derive, of_pass)
            save_checkpoints(connection, account, checkpoints)
        return applied

    @store_errors
    def rehearse(
        self, account: str, observations: Iterable[Observation], derive: Derive = derive_nothing
    ) -> list[Event]:
        """The events that :meth:`apply` would append. Nothing is written.

        Raises:
            StoreError: the database fails.
        """
        batch, events = ingestion.prepare_batch(observations), list[Event]()
        with contextlib.suppress(_RolledBack), self.database.writing() as connection:
            last = last_sequence(connection)
            ingestion.apply(connection, account, batch, derive)
            new = connection.execute(select(EVENTS).where(EVENTS.c.sequence > last).order_by(EVENTS.c.sequence))
            events = [rows.read_event(row) for row in new.mappings()]
            raise _RolledBack
        return events

    @store_errors
    def is_erased(self, account: str, return_id: str) -> bool:
        """True if a return of this id was erased, and is not to be stored again.

        Raises:
            StoreError: the database fails.
        """
        with self.database.reading() as connection:
            return bool(correlation.find_erased(connection, account, [rows.return_name(return_id)]))

    @store_errors
    def find_return(self, account: str, aliases: Iterable[str]) -> str | None:
        """The id of the one return that has all of these parts (``shipment:ID``, ``item:ID-OR-ALIAS``).

        Parts that no return has do not count. None if that leaves none, or if no return or several have them all.

        Raises:
            StoreError: the database fails.
        """
        with self.database.reading() as connection:
            wanted = {"": correlation.part_names(aliases)}
            return correlation.correlate(connection, account, wanted, erased=False).get("")

    @store_errors
    def checkpoints(self, account: str) -> dict[str, Any]:
        """Every checkpoint of an account, by name.

        Raises:
            StoreError: the database fails.
        """
        with self.database.reading() as connection:
            return load_checkpoints(connection, account)

    def returns(
        self,
        *,
        account: str | None = None,
        status: Status | None = None,
        attention: Attention | None = None,
        since: date | datetime | None = None,
        order: str | None = None,
        number: str | None = None,
        email: str | None = None,
        tracking: str | None = None,
        sku: str | None = None,
        limit: int | None = None,
    ) -> Iterator[StoredReturn]:
        """The returns that match, newest first by ``created_at``, those without one last; read as they are asked for.

        ``number`` is the return's or an item's RMA. Case does not count in these texts, nor does a ``#`` before them. A request that grew
        into a return is not listed beside it.

        Raises:
            StoreError: the database fails.
        """
        words = {"order": order, "number": number, "email": email, "tracking": tracking, "sku": sku}
        left = limit
        for query in search.select_matching(
            account=account, status=status, attention=attention, since=since, words=words
        ):
            if left == 0:
                return
            for row in self.database.stream(query.limit(left)):
                left = None if left is None else left - 1
                yield StoredReturn(account=row.account, ret=rows.read_return(row.object, row.id))

    def find(self, text: str, *, account: str | None = None, limit: int | None = None) -> Iterator[StoredReturn]:
        """The returns that a text names, newest first.

        It may be the id of a return, of its request, an item or a shipment, an order number, an RMA, a reference, an e-mail address, a tracking
        number, a SKU or a barcode. A request that grew into a return is not found beside it.

        Raises:
            StoreError: the database fails.
        """
        for chunk in chunks(self._found(text, account, limit)):
            yield from self._stored(chunk)

    @store_errors
    def _found(self, text: str, account: str | None, limit: int | None) -> Sequence[tuple[str, str]]:
        with self.database.reading() as connection:
            return [(row.account, row.id) for row in connection.execute(search.select_found(text, account, limit))]

    @store_errors
    def _stored(self, keys: Sequence[tuple[str, str]]) -> Sequence[StoredReturn]:
        """The returns of an account and an id each, in that order."""
        table = RETURNS.c
        query = select(table.account, table.id, table.object)
        # Asked for pairs, SQLite would read the whole table.
        ids: defaultdict[str, list[str]] = defaultdict(list)
        for account, return_id in keys:
            ids[account].append(return_id)
        with self.database.reading() as connection:
            objects = {
                (row.account, row.id): row.object
                for account, some in ids.items()
                for row in connection.execute(query.where(table.account == account, table.id.in_(some)))
            }
        return [
            StoredReturn(account=key[0], ret=rows.read_return(objects[key], key[1])) for key in keys if key in objects
        ]

    @store_errors
    def get_return(self, account: str, return_id: str) -> StoredReturn | None:
        """One return, or None. By the id of a request, it is the return that grew from it, where there is one.

        Raises:
            StoreError: the database fails.
        """
        if not rows.is_usable_id(return_id):
            return None
        table = RETURNS.c
        query = select(table.id, table.object).where(table.account == account)
        # Two queries: asked for either, SQLite would read the whole account; so it would to put the few that grew in order.
        with self.database.reading() as connection:
            grown = connection.execute(query.where(table.request_id == return_id)).all()
            own = None if grown else connection.execute(query.where(table.id == return_id)).first()
        row = max(grown, key=attrgetter("id")) if grown else own
        return None if row is None else StoredReturn(account=account, ret=rows.read_return(row.object, row.id))

    @store_errors
    def unreadable(self, account: str, limit: int = 100) -> tuple[UnreadableField, ...]:
        """The fields of the account's returns that could not be read when they were last observed, by id; so many returns.

        Raises:
            StoreError: the database fails.
        """
        table = RETURNS.c
        query = select(table.id, table.unreadable).where(table.account == account, table.unreadable.is_not(None))
        with self.database.reading() as connection:
            found = connection.execute(query.order_by(table.id).limit(limit)).all()
        return tuple(UnreadableField(id=row.id, field=name) for row in found for name in rows.decode(row.unreadable))

    def comparable(self, account: str, ret: Return) -> Return:
        """A return that was read by its id, as far as it says something of the return itself.

        A mirror that was filled from listings has no timelines, and one would only repeat what else has changed.

        Raises:
            StoreError: the database fails.
        """
        known = self.get_return(account, ret.id)
        return evolve(ret, timeline=()) if known is not None and not known.ret.timeline else ret

    def events(
        self,
        *,
        after: int = 0,
        account: str | None = None,
        return_id: str | None = None,
        delivery_id: int | None = None,
        limit: int | None = None,
    ) -> Iterator[Event]:
        """The events behind a ``sequence``, in their order; read as they are asked for.

        Those of a return are also those of the request that it grew from: the two are one life.

        Raises:
            StoreError: the database fails.
        """
        reader = EventReader(self.database, account=account, return_id=return_id, delivery_id=delivery_id)
        return reader.read(after=after, limit=limit)

    def latest_events(self, count: int, account: str | None = None, return_id: str | None = None) -> Sequence[Event]:
        """The newest events, so many at most, in their order.

        Raises:
            StoreError: the database fails.
        """
        return EventReader(self.database, account=account, return_id=return_id).read_latest(count)

    def health(self, account: str) -> SyncHealth:
        """How the syncs of an account go: when the last one ran, how it ended, how far the mirror is behind.

        Raises:
            StoreError: the database fails.
        """
        return SyncLog(self.database).health(account)

    @store_errors
    def now(self) -> datetime:
        """The time by the clock that all processes share: the database's, or this machine's where that is a file.

        Raises:
            StoreError: the database fails.
        """
        with self.database.reading() as connection:
            return database_time(connection)

    @store_errors
    def clock_ahead(self) -> timedelta:
        """By how much this machine's clock is ahead of that of :meth:`now`; zero where that is less than a second.

        Raises:
            StoreError: the database fails.
        """
        with self.database.reading() as connection:
            return clock_ahead(database_time(connection))

    @store_errors
    def last_seen(self, account: str) -> datetime | None:
        """When the newest observation of the account was made; None before the first. A moment to come is of a wrong clock.

        Raises:
            StoreError: the database fails.
        """
        seen_at = MERGE_STATE.c.seen_at
        is_past = seen_at <= sql_time(self.database.dialect)
        query = select(func.max(seen_at)).where(MERGE_STATE.c.account == account, is_past)
        with self.database.reading() as connection:
            moment: datetime | None = connection.execute(query).scalar()
        return moment

    @store_errors
    def open_status_words(self, account: str) -> tuple[str, ...]:
        """The vendor's words at which open returns of the account stand.

        Raises:
            StoreError: the database fails.
        """
        word = RETURNS.c.status_raw
        query = select(word).distinct().where(_is_open(account), func.length(word) < MAX_COLUMN_CHARS)
        with self.database.reading() as connection:
            return tuple(sorted(connection.execute(query).scalars()))

    @store_errors
    def oldest_open(self, account: str) -> datetime | None:
        """When the oldest of the account's open returns was created; None if none is open, or none of them says.

        Raises:
            StoreError: the database fails.
        """
        query = select(func.min(RETURNS.c.created_at)).where(_is_open(account))
        with self.database.reading() as connection:
            moment: datetime | None = connection.execute(query).scalar()
        return moment

    @store_errors
    def open_unseen(self, account: str, since: datetime, *, after: str = "") -> tuple[str, ...]:
        """The next few hundred open returns, by id, that were not observed since a moment.

        Raises:
            StoreError: the database fails.
        """
        mark = MERGE_STATE.c
        is_unseen = (mark.seen_at < since) | (mark.seen_at > sql_time(self.database.dialect))
        of_return = (mark.account == RETURNS.c.account) & (mark.return_id == RETURNS.c.id)
        unseen = select(RETURNS.c.id).join(MERGE_STATE, of_return).where(_is_open(account), is_unseen)
        with self.database.reading() as connection:
            query = unseen.where(RETURNS.c.id > after).order_by(RETURNS.c.id).limit(_AT_ONCE)
            return tuple(connection.execute(query).scalars())


def _is_open(account: str) -> ColumnElement[bool]:
    return (RETURNS.c.account == account) & text(f"returns.{IS_OPEN}") & stands_alone(RETURNS.c.account, RETURNS.c.id)
