"""A table as a queue: rows that workers claim, one at a time for each key, until each is done or dead.

A claim holds for :data:`CLAIM_SECONDS` unless it is extended, by the database's clock; after that somebody else may have
the row. Whoever has lost a claim changes nothing with it, so what is committed together with the end of a row happens
once. Deliveries are such rows, and so are the events of a consumer; SQLite and PostgreSQL hold them alike.
"""

import json
import secrets
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

from attrs import field, frozen
from sqlalchemy import (
    ARRAY,
    Column,
    ColumnElement,
    Connection,
    Integer,
    RowMapping,
    Select,
    Table,
    Text,
    Update,
    all_,
    bindparam,
    case,
    exists,
    func,
    literal_column,
    null,
    select,
    true,
    update,
)
from sqlalchemy.sql.base import ReadOnlyColumnCollection
from sqlalchemy.sql.dml import ReturningUpdate

from returns_hub.errors import describe_error
from returns_hub.logs import log_event
from returns_hub.store.database import sql_time

CLAIM_SECONDS: Final = 30.0
"""How long a claim holds that is not extended: what a killed process had claimed is claimed anew after that."""

QUEUE_SECONDS: Final = 15.0
"""How long the database has to say whether something is due, before the connection is given up."""

PENDING: Final = "pending"
PROCESSED: Final = "processed"
DEAD: Final = "dead"

_EXTEND_INTERVAL: Final = CLAIM_SECONDS / 3
# No clock is trusted: what is stored further ahead than anybody stores it was stored when a clock was ahead.
MAX_RETRY_DELAY: Final = 86400.0
"""The longest that a row waits for its next attempt, in seconds."""
_CLOCK_MARGIN: Final = 30.0
_MAX_ERROR_CHARS: Final = 500
STUCK_SECONDS: Final = 120.0
"""A row is stuck that has been due for so long and whose attempts do not end. It is tried again all the while."""
LOST: Final = "the process ended before the attempt had"
"""The error of a row whose last attempt has no known end: its process is gone, or the end could not be stored."""

_Columns: TypeAlias = ReadOnlyColumnCollection[str, Column[Any]]


def in_state(columns: _Columns, state: str) -> ColumnElement[bool]:
    """Rows in a state, which is spelt out: a partial index is of no use where a parameter could be anything."""
    return columns.state == literal_column(f"'{state}'", Text)


@frozen(kw_only=True)
class Claim:
    """A row that the claimant, and nobody else, works on now, for the ``attempt``-th time. ``id`` is its ``order``.

    ``claimed_at`` is by the database's clock.
    """

    id: int
    partition: str | None
    attempt: int
    claimed_at: datetime
    token: str = field(repr=False)
    _began: float = field(init=False, repr=False, factory=time.monotonic)

    def now(self) -> datetime:
        """The time by the database's clock, without asking it."""
        return self.claimed_at + timedelta(seconds=time.monotonic() - self._began)


class Queue:
    """The rows of a table, to be claimed in the order of ``due_at`` and then of the column ``order``.

    The table has the columns ``state``, ``attempts``, ``due_at``, ``claim``, ``claimed_until`` and ``error``, and
    ``account``. Rows that agree in the columns ``key`` are worked on one after the other, in their ``order``; those whose last
    column of it is ``""`` wait for none. ``partition`` is a column that partitions the table into many queues: a claim names one of them.

    Every method is part of the caller's transaction.
    """

    def __init__(
        self, dialect: str, table: Table, *, order: str, key: Sequence[str], partition: str | None = None
    ) -> None:
        self._dialect = dialect
        self._table = table
        self._order: Column[int] = table.c[order]
        self._key = key
        self._partition: Column[str] | None = None if partition is None else table.c[partition]
        # Made once: to make them takes as long as to ask them.
        self._claiming = {beside: self._build_claiming(beside=beside) for beside in (False, True)}
        self._next_due = self._build_next_due()
        self._extend = self._held().values(claimed_until=self._claim_end())

    def is_due(self, connection: Connection, *, partition: str | None = None, busy: Collection[str] = ()) -> bool:
        """True if :meth:`claim` would find something."""
        find, _ = self._claiming[bool(busy)]
        return connection.execute(find, {"partition": partition, "busy": self._list(busy)}).first() is not None

    def claim(
        self, connection: Connection, *, max_attempts: int, partition: str | None = None, busy: Collection[str] = ()
    ) -> RowMapping | None:
        """The next row that is due, claimed, and none of the ``busy`` accounts; None if there is none.

        A row whose last attempt was never settled is dead, and not claimed any more: it may take every process down.
        """
        asked = {
            "partition": partition,
            "busy": self._list(busy),
            "token": secrets.token_hex(8),
            "max_attempts": max_attempts,
        }
        _, take = self._claiming[bool(busy)]
        while row := connection.execute(take, asked).mappings().first():
            if row["state"] != DEAD:
                return row
        return None

    def claim_of(self, row: RowMapping) -> Claim:
        """The claim that a row holds which was just claimed."""
        partition = None if self._partition is None else row[self._partition.name]
        return Claim(
            id=row[self._order.name],
            partition=partition,
            attempt=row["attempts"],
            claimed_at=row["claimed_until"] - timedelta(seconds=CLAIM_SECONDS),
            token=row["claim"],
        )

    def is_stuck(self) -> ColumnElement[bool]:
        """True of pending rows that are stuck."""
        row, since = self._table.c, sql_time(self._dialect, later=-STUCK_SECONDS)
        lapsed = row.claimed_until <= sql_time(self._dialect)
        return in_state(row, PENDING) & (row.due_at <= since) & (lapsed | (row.error == LOST))

    def extend(self, connection: Connection, claim: Claim) -> None:
        """Have the claim hold for :data:`CLAIM_SECONDS` from now."""
        connection.execute(self._extend, _held_by(claim))

    def release(self, connection: Connection, claim: Claim) -> None:
        """Nothing was tried: anybody may claim the row now, and the attempt does not count."""
        self.settle(connection, claim, attempts=self._table.c.attempts - 1)

    def fail(self, connection: Connection, claim: Claim, error: str, *, retry_in: float | None) -> None:
        """The attempt failed: there is another one in so many seconds, or with None the row is dead."""
        state = DEAD if retry_in is None else PENDING
        due_at = sql_time(self._dialect, later=min(retry_in or 0.0, MAX_RETRY_DELAY))
        self.settle(connection, claim, state=state, due_at=due_at, error=error[:_MAX_ERROR_CHARS])

    def settle(self, connection: Connection, claim: Claim, **values: Any) -> bool:
        """Change the row and give the claim up; False, and nothing is changed, if the claim was lost."""
        return self.end(connection, claim, self.ending(**values))

    def ending(self, **values: Any) -> Update:
        """What :meth:`end` executes, made once: it changes a row and gives the claim up."""
        return self._held().values(claim=None, claimed_until=None, **values)

    def end(self, connection: Connection, claim: Claim, ending: Update, **parameters: Any) -> bool:
        """End a claim; False, and nothing is changed, if it was lost."""
        return connection.execute(ending, {**_held_by(claim), **parameters}).rowcount == 1

    def replay(self, connection: Connection, rows: ColumnElement[bool], **values: Any) -> int:
        """Have rows that nobody has claimed worked on anew, with all their attempts; how many there are among these."""
        now = sql_time(self._dialect)
        again = {"state": PENDING, "attempts": 0, "due_at": now, "claim": None, "claimed_until": None, **values}
        statement = update(self._table).where(rows, self._is_free(self._table.c, now)).values(**again)
        return connection.execute(statement).rowcount

    def next_due(self, connection: Connection, *, partition: str | None = None) -> float | None:
        """Seconds until a row is due that is not yet, or a claim ends; None if nothing waits for its time."""
        found, now = connection.execute(self._next_due, {"partition": partition}).one()
        return None if found is None else (found - now).total_seconds()

    def _build_next_due(self) -> Select[Any, datetime]:
        row, now = self._table.c, sql_time(self._dialect)
        # Not what is due by now: it is claimed, or waits for one before it.
        moment = func.coalesce(row.claimed_until, row.due_at)
        later = select(func.min(moment), now.label("now")).where(in_state(row, PENDING), moment > now)
        return later.where(self._in_partition(self._table))

    def _build_claiming(self, *, beside: bool) -> tuple[Select[Any], ReturningUpdate[Any]]:
        """What finds the next row that is due, and what claims it: of any account, or ``beside`` those that are busy."""
        due = self._table.alias("due")
        row, now = due.c, sql_time(self._dialect)
        find = (
            select(row[self._order.name])
            .where(in_state(row, PENDING), self._is_due(row, now), self._is_free(row, now), ~self._waits(row, now))
            .where(self._in_partition(due))
            .order_by(row.due_at, row[self._order.name])
            .limit(1)
        )
        if beside:
            # Thousands of rows of a busy account are skipped only where others are due after them. Each database has its
            # own way to check that first.
            find, has_others = find.where(self._is_none_of(row.account, "busy")), self._has_others(now)
            find = (
                find.where(has_others) if self._dialect == "postgresql" else find.limit(case((has_others, 1), else_=0))
            )
        found = find.with_for_update(skip_locked=True).scalar_subquery()
        claimed = (self._order == found) & self._in_partition(self._table)
        taken = self._table.c
        is_last = taken.attempts >= bindparam("max_attempts", type_=Integer)
        values = {
            "state": case((is_last, DEAD), else_=taken.state),
            "claim": case((is_last, null()), else_=bindparam("token", type_=Text)),
            "claimed_until": case((is_last, null()), else_=self._claim_end()),
            "attempts": case((is_last, taken.attempts), else_=taken.attempts + 1),
            # Whoever ends an attempt gives its claim up.
            "error": case((taken.claimed_until.is_not(None), LOST), else_=taken.error),
        }
        return find, update(self._table).where(claimed).values(values).returning(self._table)

    def _has_others(self, now: ColumnElement[datetime]) -> ColumnElement[bool]:
        """True if a row is due of an account that is not busy. The accounts are found by an index, one after the other."""
        first, later, due = (self._table.alias(name) for name in ("first_account", "later_account", "of_account"))
        accounts = (
            select(func.min(first.c.account).label("account"))
            .where(in_state(first.c, PENDING), self._in_partition(first))
            .cte("accounts", recursive=True)
        )
        following = select(func.min(later.c.account)).where(
            in_state(later.c, PENDING), self._in_partition(later), later.c.account > accounts.c.account
        )
        accounts = accounts.union_all(select(following.scalar_subquery()).where(accounts.c.account.is_not(None)))
        has_due = exists().where(
            due.c.account == accounts.c.account,
            # Always true: it makes SQLite use the index of what is pending, not that of all.
            due.c[self._key[-1]] >= "",
            in_state(due.c, PENDING),
            self._in_partition(due),
            self._is_due(due.c, now),
            self._is_free(due.c, now),
        )
        return exists(select(1).select_from(accounts).where(self._is_none_of(accounts.c.account, "busy"), has_due))

    def _waits(self, row: _Columns, now: ColumnElement[datetime]) -> ColumnElement[bool]:
        """True of a row while another one of its key comes first."""
        other = self._table.alias("other")
        order = self._order.name
        # A later one is in nobody's way, unless it was claimed before this one was replayed.
        first = (other.c[order] < row[order]) | ~self._is_free(other.c, now)
        same_key = [other.c[name] == row[name] for name in self._key] + [row[self._key[-1]] != ""]
        same_lane = true() if self._partition is None else other.c[self._partition.name] == row[self._partition.name]
        query = select(1).where(*same_key, same_lane, other.c[order] != row[order], in_state(other.c, PENDING), first)
        # Without it PostgreSQL may join all that is pending with all that is pending.
        return exists(query.offset(0) if self._dialect == "postgresql" else query)

    def _in_partition(self, table: Any) -> ColumnElement[bool]:
        return true() if self._partition is None else table.c[self._partition.name] == bindparam("partition")

    def _is_due(self, row: _Columns, now: ColumnElement[datetime]) -> ColumnElement[bool]:
        """What was not tried yet is due whatever its time says, and so is what would wait for longer than anything does."""
        too_late = row.due_at > sql_time(self._dialect, later=MAX_RETRY_DELAY + _CLOCK_MARGIN)
        return (row.attempts == 0) | (row.due_at <= now) | too_late

    def _is_free(self, row: _Columns, now: ColumnElement[datetime]) -> ColumnElement[bool]:
        """No claim holds for longer than it can."""
        too_long = row.claimed_until > sql_time(self._dialect, later=CLAIM_SECONDS + _CLOCK_MARGIN)
        return row.claimed_until.is_(None) | (row.claimed_until <= now) | too_long

    def _is_none_of(self, column: ColumnElement[str], name: str) -> ColumnElement[bool]:
        """True of a column with none of the values in a parameter, of which there may be any number."""
        if self._dialect == "postgresql":
            return column != all_(bindparam(name, type_=ARRAY(Text)))
        value = func.json_each(bindparam(name, type_=Text)).table_valued("value").c.value
        return column.not_in(select(value))

    def _list(self, values: Collection[str]) -> Any:
        """The values as such a parameter."""
        return list(values) if self._dialect == "postgresql" else json.dumps(list(values))

    def _held(self) -> Update:
        """A change of what was claimed, as far as it is still this claim's: see :func:`_held_by`."""
        row = self._table.c
        held = [self._order == bindparam("of_row"), in_state(row, PENDING), row.claim == bindparam("of_claim")]
        of_partition = true() if self._partition is None else self._partition == bindparam("of_partition")
        return update(self._table).where(*held, of_partition)

    def _claim_end(self) -> ColumnElement[datetime]:
        return sql_time(self._dialect, later=CLAIM_SECONDS)


def _held_by(claim: Claim) -> dict[str, Any]:
    return {"of_row": claim.id, "of_claim": claim.token, "of_partition": claim.partition}


@contextmanager
def extending(extend: Callable[[], None]) -> Iterator[None]:
    """Calls ``extend`` again and again while the block lasts, long before claims end, whatever either of them raises."""
    done = threading.Event()

    def run() -> None:
        while not done.wait(_EXTEND_INTERVAL):
            try:
                extend()
            except Exception as error:  # noqa: BLE001 - the next time it may be extended; else the claim ends by itself
                problem = describe_error(error)
                log_event("worker.failing", "a claim could not be extended: %s", problem, unforeseen=error)

    extender = threading.Thread(target=run, name="returns-hub-claims", daemon=True)
    extender.start()
    try:
        yield
    finally:
        done.set()
        extender.join()
