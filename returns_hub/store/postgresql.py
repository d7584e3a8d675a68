"""Connections to PostgreSQL: none waits for ever, and behind a pooler none leaves anything in its session.

A pooler that shares sessions, as PgBouncer does with ``pool_mode = transaction``, gives each transaction whatever session
is free. So behind one, what a transaction needs is set for that transaction alone, nothing is prepared, and instead of
listening for commits the database is asked. With ``pool_mode = session`` the same works.
"""

import math
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Final, Self, TypeVar, cast

import psycopg
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import InvalidatePoolError

from returns_hub.errors import StoreError
from returns_hub.store.connection_failures import OPTIONS_REFUSED, connect_patiently

T = TypeVar("T")

# Unless the address says otherwise. A network that drops packets without a word is noticed after a quarter of a minute.
_CONNECTION: Final = {
    "connect_timeout": "10",
    "keepalives_idle": "5",
    "keepalives_interval": "5",
    "keepalives_count": "2",
    "tcp_user_timeout": "15000",
}

# What the server ends by itself, and when we stop waiting for it to do so. A proxy answers keepalives for a server
# that is gone.
_STATEMENT_SECONDS: Final = 60
_READER_SECONDS: Final = 70.0
# What writes takes no time either, once it is its turn.
_TURN_SECONDS: Final = 30.0
_WRITER_SECONDS: Final = 15.0
# What takes no time: to see whether a connection is alive, to set up a new one.
_ANSWER_SECONDS: Final = 5.0
# A connection that was used just now is not asked whether it is alive: a closed one shows on its socket.
_PING_SECONDS: Final = 1.0
# A process that stops in the middle of a transaction holds up every other writer for as long.
_IDLE_WRITER_SECONDS: Final = 15
# How long a writer waits for a row that somebody else has locked, and how long while it has the turn of all writers.
_ROW_LOCK_SECONDS: Final = 5
_ROW_LOCK_IN_TURN_SECONDS: Final = 1
# Any number will do, as long as every process of ours takes the same.
_WRITERS_LOCK: Final = 7_283_468_821_301


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that is closed once the server has not answered for ``limit`` seconds.

    ``is_pooled``: a pooler stands in between, and other clients may use the session. ``opening`` is what a transaction is to
    begin with, in ``opening_limit`` seconds: it goes to the server together with its first statement, and is answered with that;
    with ``is_single`` these two are a transaction, and so is the next statement.
    """

    limit: float = _ANSWER_SECONDS
    is_pooled: bool = False
    opening: Sequence[bytes] = ()
    opening_limit: float = 0.0
    is_single: bool = False
    used_at: float = 0.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.cursor_factory = _OpeningCursor
        self.server_cursor_factory = _OpeningServerCursor

    def is_alive(self) -> bool:
        """False if the server has closed the connection, or does not answer on one that was idle."""
        try:
            for _ in range(2):
                # The first reads what the server has sent last, the second finds that it has closed the connection; neither waits.
                self.pgconn.consume_input()
            if time.monotonic() - self.used_at > _PING_SECONDS:
                self.limit = type(self).limit
                self.execute("SELECT 1")
        except psycopg.Error:
            return False
        return True

    @contextmanager
    def opened(self) -> Iterator[None]:
        """What is executed in the block is sent with the ``opening`` before it, unless that has been sent."""
        if not self.opening or not psycopg.Pipeline.is_supported():
            self.open()
            yield
            return
        opening, self.opening = self.opening, ()
        failure: psycopg.Error | None = None
        with self._patient():
            try:
                with self.pipeline():
                    for statement in opening:
                        self.execute(statement)
                    try:
                        yield
                    except psycopg.Error as error:
                        failure = error
            except psycopg.Error as error:
                # The error that ends the pipeline only follows from that one.
                failure = failure or error
        if failure is not None:
            raise failure
        if self.is_single:
            self.opening = opening

    def open(self) -> None:
        """Send the ``opening`` now, if there is any."""
        opening, self.opening = self.opening, ()
        with self._patient():
            for statement in opening:
                self.execute(statement)

    @contextmanager
    def _patient(self) -> Iterator[None]:
        """Allow the server the time to open a transaction, which may have to wait for a lock."""
        limit = self.limit
        self.limit = max(limit, self.opening_limit)
        try:
            yield
        finally:
            self.limit = limit

    def wait(self, gen: Generator[Any, Any, T], *args: Any, **kwargs: Any) -> T:
        """As the driver's, whose further arguments differ between releases: what every statement, commit and rollback passes through.

        Raises:
            psycopg.OperationalError: nothing was answered in time. Whether the server has done it is not known.
        """
        try:
            return super().wait(self._bounded(gen), *args, **kwargs)
        except NoAnswer:
            self.pgconn.finish()
            raise

    def _bounded(self, gen: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
        """The driver's generator, which is asked to go on ten times a second while nothing comes."""
        ends = time.monotonic() + self.limit
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if not ready and time.monotonic() > ends:
                    raise NoAnswer(f"the server has not answered for {self.limit:g} s")
                wanted = gen.send(ready)
        except StopIteration as done:
            result: T = done.value
        return result


class _OpeningCursor(psycopg.Cursor[Any]):
    def execute(self, *args: Any, **kwargs: Any) -> Self:
        with cast("BoundedConnection", self.connection).opened():
            return super().execute(*args, **kwargs)

    def executemany(self, *args: Any, **kwargs: Any) -> None:
        with cast("BoundedConnection", self.connection).opened():
            super().executemany(*args, **kwargs)


class _OpeningServerCursor(psycopg.ServerCursor[Any]):
    # A pipeline has no such cursor.
    def execute(self, *args: Any, **kwargs: Any) -> Self:
        cast("BoundedConnection", self.connection).open()
        return super().execute(*args, **kwargs)


class NoAnswer(psycopg.OperationalError):
    """The server has not answered in time."""


def set_up(engine: Engine) -> None:
    """Have an engine open bounded connections, and transactions as their options say."""
    event.listen(engine, "do_connect", _connect)
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "checkout", _check_out)
    event.listen(engine, "begin", _begin)
    event.listen(engine, "checkin", _check_in)


def is_pooled(connection: Connection) -> bool:
    """True if a pooler may give the next transaction another session."""
    return _driver_of(connection).is_pooled


def lift_limits(connection: Connection) -> None:
    """Let the statements of a transaction take as long as they need."""
    connection.execute(text("SET LOCAL statement_timeout = 0"))
    _driver_of(connection).limit = math.inf


def _driver_of(connection: Connection) -> BoundedConnection:
    return cast("BoundedConnection", connection.connection.dbapi_connection)


def _connect(_: object, __: object, arguments: list[Any], options: dict[str, Any]) -> BoundedConnection:
    return connect_patiently(lambda: BoundedConnection.connect(*arguments, **{**_CONNECTION, **options}))


def _set_up(connection: BoundedConnection, _: object) -> None:
    connection.used_at = time.monotonic()
    # The driver's own BEGIN would cost a round trip.
    connection.autocommit = True
    # A pooler makes up the number that a client is given when it connects.
    backend = connection.execute("SELECT pg_backend_pid()").fetchone()
    connection.is_pooled = backend != (connection.info.backend_pid,)
    if not connection.is_pooled:
        # Not as an option of the connection: poolers refuse those.
        connection.execute("SELECT set_config('statement_timeout', %s, false)", [f"{_STATEMENT_SECONDS}s"])
    if connection.is_pooled:
        connection.prepare_threshold = None
        if "options" in connection.info.get_parameters():
            connection.close()
            raise StoreError(f"the mirror {OPTIONS_REFUSED}")


def _check_out(connection: BoundedConnection, _: object, __: object) -> None:
    """Have a dead connection replaced before it is used."""
    if not connection.is_alive():
        raise InvalidatePoolError


def _begin(connection: Connection) -> None:
    options, driver = connection.get_execution_options(), _driver_of(connection)
    driver.limit = options.get("within") or (_WRITER_SECONDS if options.get("write") else _READER_SECONDS)
    # Statements of one pipeline without a BEGIN are one transaction by the protocol.
    driver.is_single = bool(options.get("single")) and psycopg.Pipeline.is_supported()
    driver.opening_limit = _TURN_SECONDS if options.get("serialized") else 0.0
    names = ("write", "idle", "schema", "autocommit", "durable", "serialized")
    driver.opening = _opening(
        is_pooled=driver.is_pooled, single=driver.is_single, **{name: options.get(name) for name in names}
    )
    if "idle" in options or options.get("autocommit"):
        # Whoever takes the driver's connection may do anything with it.
        driver.open()


@cache
def _opening(
    *,
    is_pooled: bool,
    single: bool,
    write: bool | None,
    idle: float | None,
    schema: str | None,
    autocommit: bool | None,
    durable: bool | None,
    serialized: bool | None,
) -> Sequence[bytes]:
    """The statements that a transaction begins with."""
    settings = {"statement_timeout": f"{_STATEMENT_SECONDS}s"} if is_pooled else {}
    if write:
        seconds = _IDLE_WRITER_SECONDS if idle is None else idle
        settings["idle_in_transaction_session_timeout"] = f"{1000 * seconds:.0f}ms"
    if schema:
        # Its name was checked. A pooler, and whoever borrows the connection, would not expect it in the session.
        settings["search_path"] = schema
    local = "false" if autocommit else "true"
    steps = [f"set_config('{name}', '{value}', {local})" for name, value in settings.items()]
    if durable is True:
        # An operator may have turned it off for all the rest.
        off = "current_setting('synchronous_commit') = 'off'"
        steps.append(f"CASE WHEN {off} THEN set_config('synchronous_commit', 'on', true) END")
    elif durable is False:
        steps.append("set_config('synchronous_commit', 'off', true)")
    if serialized:
        steps.append(f"pg_advisory_xact_lock({_WRITERS_LOCK})")
    if write and idle is None:
        # Behind the writers' lock: to wait for one's turn is no failure. Whoever else locks a row must not hold that up.
        seconds = _ROW_LOCK_IN_TURN_SECONDS if serialized else _ROW_LOCK_SECONDS
        steps.append(f"set_config('lock_timeout', '{seconds}s', true)")
    begin = () if autocommit or single else (b"BEGIN",)
    return (*begin, f"SELECT {', '.join(steps)}".encode()) if steps else begin


def _check_in(connection: BoundedConnection | None, _: object) -> None:
    if connection is not None:
        connection.limit, connection.opening, connection.used_at = type(connection).limit, (), time.monotonic()
