"""Storing deliveries: with the driver itself, on a connection of its own, in one transaction for all that has come in.

A vendor waits for it. So PostgreSQL is asked once: one statement, a transaction by itself, sets what it needs, inserts the
rows, and notifies. It leaves nothing in the session, and needs nothing of it: a pooler may stand in between.
"""

import functools
import json
import math
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from attrs import frozen
from sqlalchemy import PoolProxiedConnection

from returns_hub.errors import StoreError
from returns_hub.events import Origin
from returns_hub.fork import reset_after_fork
from returns_hub.operation import WebhookRequest
from returns_hub.store.database import Database
from returns_hub.store.events import CHANNEL
from returns_hub.store.queue import PENDING
from returns_hub.store.rows import plain
from returns_hub.store.schema import file_time

RECEIVING_SECONDS: Final = 10.0
"""How long the database has to take a delivery. Less than senders wait: they get a 503, although it may be stored."""

# What is wrong with the database itself, whatever is written to it; PEP 249 has every driver name them so.
_DATABASE_FAILURES: Final = frozenset({"InterfaceError", "InternalError", "OperationalError"})

_GIVEN: Final = "account, dedupe_key, subject, received_at, method, url, headers, body, duplicates"
_FIXED: Final = f"'{PENDING}', '{Origin.WEBHOOK.value}', 0, 0"
_COLUMNS: Final = f"{_GIVEN}, due_at, state, origin, attempts, events"
_COUNT_COPY: Final = (
    "ON CONFLICT (account, dedupe_key) DO UPDATE SET duplicates = delivery.duplicates + excluded.duplicates + 1"
)
# ruff: noqa: S608 - constants of ours
# The settings hold until the end of the statement, its commit included. An operator may have turned durability off for all
# the rest. Where our clock is a second off, received_at is moved to the database's.
_INSERT_ALL: Final = f"""
    WITH here AS (
        SELECT
            CASE WHEN current_setting('synchronous_commit') = 'off' THEN set_config('synchronous_commit', 'on', true) END,
            set_config('lock_timeout', '5s', true),
            CASE WHEN abs(extract(epoch FROM %b - statement_timestamp())) < 1 THEN interval '0'
                ELSE %b - statement_timestamp() END AS clock_ahead
    ), stored AS (
        INSERT INTO {{table}} AS delivery ({_COLUMNS})
        SELECT account, dedupe_key, subject, received_at - clock_ahead, method, url, headers, body, duplicates,
            statement_timestamp(), {_FIXED}
        FROM here, unnest(%b::text[], %b::text[], %b::text[], %b::timestamptz[], %b::text[], %b::text[], %b::text[],
            %b::bytea[], %b::integer[]) AS new ({_GIVEN})
        {_COUNT_COPY} RETURNING id, account, dedupe_key, duplicates, xmax = 0 AS is_new
    )
    SELECT id, account, dedupe_key, duplicates, CASE WHEN is_new THEN pg_notify('{CHANNEL}', '') END FROM stored
"""

# SQLite before 3.32 takes at most 999 parameters in a statement.
_FILE_ROWS: Final = 64

# As the rest of the store encodes, where there are texts only.
_encode: Final = json.JSONEncoder(separators=(",", ":")).encode

_Row: TypeAlias = tuple[Any, ...]


@frozen(kw_only=True)
class NewDelivery:
    """A delivery that is to be stored: of the request, only what may be kept."""

    account: str
    dedupe_key: str
    subject: str
    request: WebhookRequest


@frozen
class StoredDelivery:
    """The id under which a delivery is stored, and whether it was there before."""

    id: int
    is_duplicate: bool


class DeliveryWriter(ABC):
    """Stores the deliveries that come in. One thread at a time may use it; call :meth:`close`.

    Its connection stays open, whoever uses all those of the pool. One that fails is given up, and the next is a new one.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self._connection: PoolProxiedConnection | None = None
        self._inherited: list[PoolProxiedConnection | None] = []
        reset_after_fork(self, DeliveryWriter._reset_after_fork)

    @staticmethod
    def of(database: Database) -> "DeliveryWriter":
        """The writer for a database."""
        return _FileWriter(database) if database.dialect == "sqlite" else _ServerWriter(database)

    def put(self, new: Sequence[NewDelivery], *, since: float | None = None) -> list[StoredDelivery | StoreError]:
        """Store deliveries, all in one transaction if that can be; for each where it is, or why it is not stored.

        What is stored survives a power cut. A delivery with the account and dedupe key of an earlier one is counted there.
        A file has the ``?timeout=`` of its address to take them, from the moment ``since`` of the monotonic clock at which the
        first of them came in; PostgreSQL has ten seconds.
        """
        since = time.monotonic() if since is None else since
        try:
            return list(self._insert(new, since)) if new else []
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing was stored
            problem = self.database.explain(error)
            if len(new) == 1 or _is_of_database(error):
                return [StoreError(str(problem)) for _ in new]
        return self._put_one_by_one(new, since)

    def check(self, *, since: float | None = None) -> None:
        """Returns if a delivery could be stored now.

        Raises:
            StoreError: none can be.
        """
        try:
            with self._transaction(time.monotonic() if since is None else since) as driver:
                self._check(driver)
        except Exception as error:  # noqa: BLE001 - each driver has its own
            problem = self.database.explain(error)
        else:
            return
        # Raised here, it has no context: the frames of the driver's error hold rows and passwords.
        raise problem

    def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _set_up(self, driver: Any) -> None:  # noqa: B027 - a server's is ready
        """Prepare a connection that was just opened."""

    def _is_alive(self, driver: Any) -> bool:  # noqa: ARG002 - a file always is
        """False if the database does not answer on this connection any more."""
        return True

    @abstractmethod
    def _begun(self, driver: Any, since: float) -> AbstractContextManager[None]:
        """What is written in the block is one transaction, or each statement is."""

    @abstractmethod
    def _insert_rows(self, driver: Any, rows: Sequence[_Row]) -> Iterable[_Row]:
        """Insert rows, or count them as copies: id, account, dedupe key and number of copies of each."""

    @abstractmethod
    def _check(self, driver: Any) -> None:
        """Returns if the database takes writes."""

    def _put_one_by_one(self, new: Sequence[NewDelivery], since: float) -> list[StoredDelivery | StoreError]:
        """Store each delivery by itself: one of them cannot be stored, and the others must be."""
        result: list[StoredDelivery | StoreError] = []
        failure: StoreError | None = None
        for each in new:
            try:
                # Once the database itself fails, each of the rest would wait for its timeout.
                result += self._insert([each], since) if failure is None else [StoreError(str(failure))]
            except Exception as error:  # noqa: BLE001 - whatever it is, this one was not stored
                problem = self.database.explain(error)
                failure = problem if _is_of_database(error) else None
                result.append(problem)
        return result

    def _insert(self, new: Sequence[NewDelivery], since: float) -> list[StoredDelivery]:
        keys = [(each.account, each.dedupe_key) for each in new]
        copies, first = Counter(keys), dict(zip(reversed(keys), reversed(new), strict=True))
        # In one order everywhere: two processes that wait for each other's copies would wait for ever.
        rows = [_row(first[key], copies[key] - 1) for key in sorted(first)]
        with self._transaction(since) as driver:
            found = {(row[1], row[2]): row for row in self._insert_rows(driver, rows)}
        stored: list[StoredDelivery] = []
        for key in keys:
            delivery_id, _, _, duplicates, *_ = found[key]
            # Of those that came together the first one is new, unless another one had come before.
            stored.append(StoredDelivery(delivery_id, is_duplicate=copies.pop(key, 0) != duplicates + 1))
        return stored

    @contextmanager
    def _transaction(self, since: float) -> Iterator[Any]:
        """The driver's connection, for one transaction; what it takes to begin is counted from ``since``."""
        try:
            if self._connection is not None and not self._is_alive(self._connection.dbapi_connection):
                self._give_up()
            if self._connection is None:
                self._connection = self.database.dedicated()
                self._set_up(self._connection.dbapi_connection)
            driver = self._connection.dbapi_connection
            with self._begun(driver, since):
                yield driver
        except BaseException:
            # Closing it rolls back what it began; it may itself have failed, or have been opened while a file was read-only.
            self._give_up()
            raise

    def _give_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()

    def _reset_after_fork(self) -> None:
        """Leave the parent its connection: to close it here would end the parent's session, or drop its locks."""
        self._inherited.append(self._connection)
        self._connection = None


class _FileWriter(DeliveryWriter):
    """Stores deliveries in a file, taking turns with the other writers of this process."""

    def _set_up(self, driver: Any) -> None:
        # Every commit waits for the disk.
        driver.execute("PRAGMA synchronous = FULL").close()

    @contextmanager
    def _begun(self, driver: Any, since: float) -> Iterator[None]:
        ends = since + self.database.busy_seconds
        with self.database.turn(ends - time.monotonic()):
            # Rounded, so that it is mostly a statement that is prepared already.
            left = max(math.ceil((ends - time.monotonic()) * 20) * 50, 0)
            driver.execute(f"PRAGMA busy_timeout = {left}").close()
            driver.execute("BEGIN IMMEDIATE")
            yield
            driver.execute("COMMIT")

    def _insert_rows(self, driver: Any, rows: Sequence[_Row]) -> Iterable[_Row]:
        due_at = file_time(datetime.now(UTC))
        for begin in range(0, len(rows), _FILE_ROWS):
            some = rows[begin : begin + _FILE_ROWS]
            insert, find = _statements(len(some))
            values: list[Any] = []
            keys: list[str] = []
            for account, key, subject, received_at, *others in some:
                values += (account, key, subject, file_time(received_at), *others, due_at)
                keys += (account, key)
            driver.execute(insert, values).close()
            ((found,),) = driver.execute(find, keys).fetchall()
            yield from json.loads(found)

    def _check(self, driver: Any) -> None:
        """Returns: a transaction that writes has begun."""


@functools.cache
def _statements(count: int) -> tuple[str, str]:
    """What inserts so many rows into a file, and what finds them then.

    Each in one step: at every step, one for each row otherwise, the driver lets the other threads run and waits for its turn.
    """
    rows = ", ".join([f"(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, {_FIXED})"] * count)
    keys = ", ".join(["(?, ?)"] * count)
    found = "json_group_array(json_array(id, account, dedupe_key, duplicates))"
    by_key = "wanted CROSS JOIN deliveries ON account = wanted.name AND dedupe_key = wanted.key"
    return (
        f"INSERT INTO deliveries AS delivery ({_COLUMNS}) VALUES {rows} {_COUNT_COPY}",
        f"WITH wanted (name, key) AS (VALUES {keys}) SELECT {found} FROM {by_key}",
    )


class _ServerWriter(DeliveryWriter):
    """Stores deliveries in PostgreSQL, in one statement."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        schema = f"{database.schema}." if database.schema else ""
        self._statement = _INSERT_ALL.format(table=f"{schema}deliveries").encode()

    def _is_alive(self, driver: Any) -> bool:
        is_alive: bool = driver.is_alive()
        return is_alive

    @contextmanager
    def _begun(self, driver: Any, since: float) -> Iterator[None]:  # noqa: ARG002 - it waits for nobody's turn
        driver.limit = RECEIVING_SECONDS
        yield
        driver.used_at = time.monotonic()

    def _insert_rows(self, driver: Any, rows: Sequence[_Row]) -> Iterable[_Row]:
        here = datetime.now(UTC)
        inserted: list[_Row] = driver.execute(
            self._statement, [here, here, *map(list, zip(*rows, strict=True))]
        ).fetchall()
        return inserted

    def _check(self, driver: Any) -> None:
        if driver.execute("SHOW transaction_read_only").fetchone() == ("on",):
            raise StoreError(f"the mirror {self.database.place} is read-only")


def _is_of_database(error: Exception) -> bool:
    """True if the database itself has failed, not what was written to it."""
    return isinstance(error, StoreError) or any(base.__name__ in _DATABASE_FAILURES for base in type(error).__mro__)


def _row(new: NewDelivery, copies: int) -> _Row:
    request = new.request
    return (
        new.account,
        new.dedupe_key,
        new.subject,
        request.received_at,
        plain(request.method),
        plain(request.url),
        _encode(request.headers),
        request.body,
        copies,
    )
