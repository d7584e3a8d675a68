"""What the pages of the console show of many rows: lists a page at a time, counts up to a limit, figures by the hour.

Nothing here reads in proportion to the size of the store: pages are found by their keys, counts stop at a limit, and the
hours of a day by halving the range of ids.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

from attrs import frozen
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Integer,
    RowMapping,
    Select,
    Text,
    func,
    literal,
    literal_column,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.sql import visitors

from returns_hub.merge import Layer, Stamp
from returns_hub.reports import DeliveryState
from returns_hub.status import Attention, Status
from returns_hub.store import rows
from returns_hub.store.database import Database, database_time, store_errors
from returns_hub.store.events import last_sequence
from returns_hub.store.queue import DEAD, PENDING, in_state
from returns_hub.store.schema import AUDIT, DELIVERIES, EVENTS, MERGE_STATE, PARKED_EVENTS, RETURNS, TERMS
from returns_hub.store.search import UNDATED, select_matching, stands_alone, term

MAX_COUNT: Final = 1000
"""Where counts stop: what is larger is "1,000 and more"."""

_DELIVERY: Final = DELIVERIES.c
_RETURN: Final = RETURNS.c
_HOURS: Final = 24

# When a return was created, its account and its id: the order of lists.
_Key: TypeAlias = tuple[datetime | None, str, str]


@frozen(kw_only=True)
class ReturnRow:
    """A return in a list."""

    account: str
    id: str
    provider: str
    number: str | None
    status: Status
    status_raw: str | None
    attention: tuple[Attention, ...]
    order_number: str | None
    customer_email: str | None
    created_at: datetime | None
    updated_at: datetime | None


@frozen(kw_only=True)
class DeliveryRow:
    """A delivery in a list: everything but what the vendor sent."""

    id: int
    account: str
    subject: str
    received_at: datetime
    state: DeliveryState
    origin: str
    duplicates: int
    attempts: int
    due_at: datetime
    processed_at: datetime | None
    error: str | None
    events: int


@frozen
class HourlyCount:
    """How many came in the hour that begins at ``hour``."""

    hour: datetime
    count: int


class Overview:
    """Reads lists and counts. Everything raises :class:`StoreError` where the database fails."""

    def __init__(self, database: Database) -> None:
        self.database = database
        # Of hours that are over, what their first id was does not change.
        self._starts: dict[tuple[str, datetime], int] = {}

    @store_errors
    def returns(
        self,
        *,
        account: str | None = None,
        status: Status | None = None,
        attention: Attention | None = None,
        since: datetime | None = None,
        words: Mapping[str, str | None],
        after: _Key | None = None,
        limit: int,
    ) -> Sequence[ReturnRow]:
        """The returns that match, newest first, those without a time of creation last; those behind a row's key."""
        found: list[ReturnRow] = []
        queries = select_matching(account=account, status=status, attention=attention, since=since, words=words)
        columns = [_RETURN[name] for name in ReturnRow.__annotations__]
        if queries and after is not None:
            queries = _behind(queries, after)
        with self.database.reading() as connection:
            for query in queries:
                if len(found) < limit:
                    chosen = query.with_only_columns(*columns).limit(limit - len(found))
                    found += map(_return_row, connection.execute(chosen).mappings())
        return found

    @store_errors
    def deliveries(
        self,
        *,
        account: str | None = None,
        state: DeliveryState | None = None,
        subjects: Sequence[str] = (),
        before: int | None = None,
        limit: int,
    ) -> Sequence[DeliveryRow]:
        """The deliveries that match, newest first, those before an id."""
        query = select(*(_DELIVERY[name] for name in DeliveryRow.__annotations__)).order_by(_DELIVERY.id.desc())
        query = query.where(*_matching(account, state, subjects))
        if before is not None:
            query = query.where(_DELIVERY.id < before)
        with self.database.reading() as connection:
            return [_delivery_row(row) for row in connection.execute(query.limit(limit)).mappings()]

    @store_errors
    def count_deliveries(
        self, *, account: str | None = None, state: DeliveryState | None = None, subjects: Sequence[str] = ()
    ) -> int:
        """How many deliveries match, up to one more than :data:`MAX_COUNT`."""
        with self.database.reading() as connection:
            return _count(connection, select(_DELIVERY.id).where(*_matching(account, state, subjects)))

    @store_errors
    def count_returns(
        self,
        *,
        account: str | None = None,
        status: Status | None = None,
        attention: Attention | None = None,
        since: datetime | None = None,
        words: Mapping[str, str | None],
    ) -> int:
        """How many returns match, up to one more than :data:`MAX_COUNT`."""
        queries = select_matching(account=account, status=status, attention=attention, since=since, words=words)
        with self.database.reading() as connection:
            counts = [_count(connection, query.with_only_columns(_RETURN.id)) for query in queries]
        return min(sum(counts), MAX_COUNT + 1)

    @store_errors
    def by_status(self) -> Mapping[Status, int]:
        """How many returns stand at each status that any has, up to one more than :data:`MAX_COUNT`."""
        return {Status(word): count for word, count in self._by_terms("status", Status).items()}

    @store_errors
    def by_attention(self) -> Mapping[Attention, int]:
        """How many returns have each attention that any has, up to one more than :data:`MAX_COUNT`."""
        return {Attention(word): count for word, count in self._by_terms("attention", Attention).items()}

    def _by_terms(self, kind: str, words: Iterable[str]) -> Mapping[str, int]:
        """How many returns have each of these words that any has."""
        row = TERMS.c
        alone = stands_alone(row.account, row.return_id)
        queries = {word: select(row.return_id).where(row.term == term(kind, word), alone) for word in words}
        with self.database.reading() as connection:
            return {word: count for word, count in _count_each(connection, queries).items() if count}

    @store_errors
    def layers(self, account: str, return_id: str) -> Sequence[Layer]:
        """What a return is put together from, newest first: of each observation, what no later one says."""
        state = MERGE_STATE.c
        query = select(_RETURN.object, state.at, state.seen_at, state.layers).where(
            _RETURN.account == account,
            _RETURN.id == return_id,
            state.account == _RETURN.account,
            state.return_id == _RETURN.id,
        )
        with self.database.reading() as connection:
            row = connection.execute(query).first()
        if row is None:
            return ()
        return rows.read_state(rows.read_return(row.object, return_id), row.layers, Stamp(row.at, row.seen_at)).layers

    @store_errors
    def unknown_words(self, account: str) -> Mapping[str, int]:
        """The vendor's words that have no meaning here, and how many of the account's newest returns stand at each."""
        newest = select(_RETURN.status_raw).where(_RETURN.account == account, _RETURN.status == Status.UNKNOWN.value)
        some = newest.order_by(_RETURN.created_at.desc()).limit(MAX_COUNT).subquery().c
        query = select(some.status_raw, func.count()).where(some.status_raw.is_not(None)).group_by(some.status_raw)
        with self.database.reading() as connection:
            return {row[0]: row[1] for row in connection.execute(query.order_by(func.count().desc(), some.status_raw))}

    @store_errors
    def deliveries_by_hour(self) -> Sequence[HourlyCount]:
        """How many deliveries came in each of the last hours, oldest first; of those that are still stored."""
        with self.database.reading() as connection:
            last = connection.execute(select(func.max(_DELIVERY.id))).scalar() or 0
            return self._by_hour(connection, _DELIVERY.id, _DELIVERY.received_at, last)

    @store_errors
    def events_by_hour(self) -> Sequence[HourlyCount]:
        """How many events were recorded in each of the last hours, oldest first."""
        with self.database.reading() as connection:
            last = last_sequence(connection)
            return self._by_hour(connection, EVENTS.c.sequence, EVENTS.c.recorded_at, last)

    @store_errors
    def newest(self) -> Sequence[int]:
        """Numbers that change whenever there is something new.

        The newest event, delivery and act, and how many deliveries and events wait or are dead, up to :data:`MAX_COUNT`.
        """
        waiting = [select(_DELIVERY.id).where(in_state(_DELIVERY, state)) for state in (PENDING, DEAD)]
        with self.database.reading() as connection:
            newest = [connection.execute(select(func.max(key))).scalar() or 0 for key in (_DELIVERY.id, AUDIT.c.id)]
            counts = [_count(connection, query) for query in (*waiting, select(PARKED_EVENTS.c.sequence))]
            return [last_sequence(connection), *newest, *counts]

    def _by_hour(
        self, connection: Connection, key: Column[Any], moment: Column[Any], last: int
    ) -> Sequence[HourlyCount]:
        """Ids are in the order of time, as nearly as anybody can see in a chart, and hardly any is missing."""
        this_hour = database_time(connection).replace(minute=0, second=0, microsecond=0)
        hours = [this_hour - timedelta(hours=back) for back in range(_HOURS - 1, -1, -1)]
        newest = connection.execute(select(moment).where(key == last)).scalar()
        starts: list[int] = []
        for hour in hours:
            if newest is None or newest < hour:
                starts.append(last + 1)
            else:
                starts.append(self._first_id(connection, (key, moment), hour, (starts[-1] if starts else 1, last)))
        ends = [*starts[1:], last + 1]
        return [HourlyCount(hour, max(end - start, 0)) for hour, start, end in zip(hours, starts, ends, strict=True)]

    def _first_id(
        self,
        connection: Connection,
        columns: tuple[Column[Any], Column[Any]],
        hour: datetime,
        between: tuple[int, int],
    ) -> int:
        """The first id whose moment is not before the hour; the last one's is not."""
        key, moment = columns
        place = (key.table.fullname, hour)
        if place not in self._starts:
            low, high = between
            while low < high:
                middle = (low + high) // 2
                at = connection.execute(select(key, moment).where(key >= middle).order_by(key).limit(1)).one()
                low, high = (low, middle) if at[1] >= hour else (at[0] + 1, high)
            kept = {each: first for each, first in self._starts.items() if each[1] > hour - timedelta(hours=_HOURS)}
            self._starts = {**kept, place: low}
        return self._starts[place]


def _matching(account: str | None, state: DeliveryState | None, subjects: Sequence[str]) -> list[ColumnElement[bool]]:
    wanted = []
    if account is not None:
        wanted.append(_DELIVERY.account == account)
    if state is not None:
        wanted.append(in_state(_DELIVERY, state.value))
    if subjects:
        # Spelt out, as in the index: a parameter could be anything. A query of its own, or the databases would rather read all in order.
        of_subjects = select(_DELIVERY.id).where(
            _DELIVERY.subject.in_(subjects), _DELIVERY.subject != literal_column("''", Text)
        )
        wanted.append(
            _DELIVERY.id.in_(of_subjects if account is None else of_subjects.where(_DELIVERY.account == account))
        )
    return wanted


def _behind(queries: Sequence[Select[Any]], after: _Key) -> Sequence[Select[Any]]:
    """The queries of :func:`select_matching` from behind a row on."""
    created_at, account, return_id = after
    # A query along terms has them in a join.
    if any(part is TERMS for part in visitors.iterate(queries[0])):
        row = tuple_(TERMS.c.created_at, TERMS.c.account, TERMS.c.return_id)
        return [query.where(row < _place(created_at or UNDATED, account, return_id)) for query in queries]
    dated, *undated = queries
    if created_at is None:
        place = tuple_(_RETURN.account, _RETURN.id) > tuple_(literal(account), literal(return_id))
        return [query.where(place) for query in undated]
    row = tuple_(_RETURN.created_at, _RETURN.account, _RETURN.id)
    return [dated.where(row < _place(created_at, account, return_id)), *undated]


def _place(created_at: datetime, account: str, return_id: str) -> ColumnElement[Any]:
    return tuple_(literal(created_at, _RETURN.created_at.type), literal(account), literal(return_id))


def _count(connection: Connection, query: Select[Any]) -> int:
    some = query.order_by(None).limit(MAX_COUNT + 1).subquery()
    count: int = connection.execute(select(func.count()).select_from(some)).scalar_one()
    return count


def _count_each(connection: Connection, queries: Mapping[Any, Select[Any]]) -> Mapping[str, int]:
    """The counts of many queries by the words that they are for, in one statement."""
    counts = []
    for word, query in queries.items():
        some = query.limit(MAX_COUNT + 1).subquery()
        counts.append(
            select(literal(str(word)).label("word"), func.count(type_=Integer).label("count")).select_from(some)
        )
    return {row["word"]: row["count"] for row in connection.execute(union_all(*counts)).mappings()}


def _return_row(row: RowMapping) -> ReturnRow:
    attention = tuple(map(Attention, row["attention"].split()))
    return ReturnRow(**{**row, "status": Status(row["status"]), "attention": attention})


def _delivery_row(row: RowMapping) -> DeliveryRow:
    return DeliveryRow(**{**row, "state": DeliveryState(row["state"])})
