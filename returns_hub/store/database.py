"""The database under the mirror: its address, its revisions, its transactions, and its errors in plain words."""

import contextlib
import functools
import math
import re
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Concatenate, Final, ParamSpec, Protocol, TypeVar
from urllib.parse import parse_qsl

from sqlalchemy import (
    ColumnElement,
    Connection,
    CursorResult,
    DateTime,
    Engine,
    Executable,
    NullPool,
    Pool,
    PoolProxiedConnection,
    Row,
    bindparam,
    create_engine,
    event,
    func,
    inspect,
    text,
    type_coerce,
)
from sqlalchemy.engine import URL, ExceptionContext, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.schema import CreateSchema

from returns_hub.errors import StoreError
from returns_hub.fork import reset_after_fork
from returns_hub.secret import Secret
from returns_hub.store.connection_failures import READ_ONLY, failure_reason
from returns_hub.store.schema import METADATA, RESERVED_NAMES, REVISION, REVISION_TABLE, Moment

P = ParamSpec("P")
T = TypeVar("T")

# Options stand at the very end, behind the file's name: whatever comes before a slash is a directory's name.
_SQLITE_ADDRESS: Final = re.compile(
    r"sqlite(?:\+pysqlite)?://(?:/(?P<path>.*?)(?:\?(?P<options>\w+=[^/]*))?)?\Z", re.DOTALL
)
# How long to wait for another process that writes, unless the address says `?timeout=`.
_SQLITE_BUSY_SECONDS: Final = "10"
# What needs no quotes in SQL, on PostgreSQL.
_SCHEMA: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}\Z")
_SECONDS: Final = re.compile(r"\d{1,6}(\.\d{1,6})?\Z")
_CHUNK_ROWS: Final = 200

CLOCK_MARGIN: Final = timedelta(minutes=5)
"""By how much the clocks of two machines may differ. A stored moment further ahead than that is of a clock that was wrong."""
_EQUAL_CLOCKS: Final = timedelta(seconds=1)
_MIGRATIONS: Final = Path(__file__).parent / "migrations"


class Database:
    """One SQLite file or PostgreSQL database that is a mirror, at the newest revision.

    The tables are alone in it, unless the address says where beside others they are: in the ``schema`` of that name on
    PostgreSQL, with ``?shared=true`` in a file in which no table has a name of ours.

    :meth:`reading` and :meth:`writing` are its transactions. Writers take turns, within a process and on PostgreSQL
    between processes too: a reader that has seen event 7 must never see an event 6 appear after it. A child process opens
    connections of its own.
    """

    _migrating: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, address: Secret) -> None:
        url, options = _parsed(address)
        self.place = _place(url)
        self.schema: Final = options.get("schema")
        self._is_shared = options.get("shared") == "true"
        self._engine = _engine(url, self.schema)
        self._unpooled = _engine(url, self.schema, poolclass=NullPool)
        self.busy_seconds = float(str(url.query.get("timeout", _SQLITE_BUSY_SECONDS)))
        self._turn = _Turn()
        self._closed = False
        self._inherited: list[object] = []
        reset_after_fork(self, Database._reset_after_fork)

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self._engine.dialect.name

    def prepare(self) -> None:
        """Create or upgrade the tables where they are not at the newest revision.

        Raises:
            StoreError: the database belongs to something else, or to a newer returns-hub.
        """
        with self.reading() as connection:
            current = self._revision(connection)
        if current == REVISION:
            return
        if self.dialect == "sqlite":
            self._set_up_file()
        # Alembic keeps the migration that is under way in global variables. Other processes wait for the transaction.
        with Database._migrating, self.writing() as connection:
            # Another process may have done it while this one waited for its turn.
            if self._revision(connection) != REVISION:
                if self.schema is not None and not inspect(connection).has_schema(self.schema):
                    connection.execute(CreateSchema(self.schema))
                _upgrade(connection)

    @contextlib.contextmanager
    def reading(self, *, within: float | None = None, single: bool = False) -> Iterator[Connection]:
        """A transaction that sees the database as of one moment. PostgreSQL has ``within`` seconds for each answer, or 70.

        With ``single`` each statement is a transaction of its own on PostgreSQL, in one round trip.
        """
        with self._connected() as connection, connection.execution_options(within=within, single=single).begin():
            yield connection

    @contextlib.contextmanager
    def writing(
        self,
        *,
        serialized: bool = True,
        durable: bool | None = None,
        within: float | None = None,
        single: bool = False,
    ) -> Iterator[Connection]:
        """The transaction that may write: committed at the end, undone by an exception.

        Events are written ``serialized`` only. A transaction that is not does not wait for other writers on PostgreSQL.
        What is ``durable`` survives a power cut once it is committed; what is not does not wait for the disk, and a power
        cut may undo it, whole. With None that is as the database is set up. PostgreSQL has ``within`` seconds for each
        answer, or 15, and 30 to give it its turn; a file has the ``?timeout=`` of its address. PostgreSQL undoes it where
        nothing is asked for 15 seconds: a process that stops here would hold up the others. With ``single`` each statement is
        committed by itself on PostgreSQL, in one round trip.
        """
        options = {"write": True, "durable": durable, "serialized": serialized, "within": within, "single": single}
        with contextlib.ExitStack() as held:
            if serialized or self.dialect == "sqlite":
                held.enter_context(self._turn.taken())
            connection = held.enter_context(self._connected()).execution_options(**options)
            held.enter_context(connection.begin())
            yield connection

    @contextlib.contextmanager
    def turn(self, seconds: float) -> Iterator[None]:
        """The turn among the writers of this process, for somebody who writes to a file with a :meth:`dedicated` connection.

        Raises:
            StoreError: it did not come within so many seconds.
        """
        with self._turn.taken(max(seconds, 0.0)) as is_mine:
            if not is_mine:
                raise StoreError(f"the mirror {self.place} is kept busy by another writer of this process")
            yield

    @contextlib.contextmanager
    def lending(self, timeout: float) -> Iterator[Connection]:
        """A transaction that writes, for somebody else: names without a schema mean in it what they mean to its user.

        PostgreSQL undoes it where nothing is asked for ``timeout`` seconds.
        In a file it does not take turns with the writers of this process, but makes them wait as another process would.
        """
        with contextlib.ExitStack() as held:
            if self.dialect == "sqlite":
                held.enter_context(self._turn.without())
            connection = held.enter_context(self._connected()).execution_options(
                write=True, idle=timeout, within=timeout
            )
            held.enter_context(connection.begin())
            if self.schema is not None:
                connection.exec_driver_sql("SET LOCAL search_path TO DEFAULT")
            yield connection

    def own(self, connection: Connection, statement: Executable) -> CursorResult[Any]:
        """Execute a statement of ours in a transaction that was lent."""
        return connection.execute(statement, execution_options={"schema_translate_map": {None: self.schema}})

    def cut_off(self, connection: Connection) -> None:
        """Undo a transaction that was lent and is not given back; its user cannot write any more.

        PostgreSQL does so by itself with one that stands still.
        """
        driver: Any = connection.connection.dbapi_connection
        if isinstance(driver, sqlite3.Connection):
            driver.interrupt()
            driver.close()

    @contextlib.contextmanager
    def autocommit(self) -> Iterator[Connection]:
        """A connection outside the pool on which every statement is a transaction of its own, for maintenance."""
        options = {"isolation_level": "AUTOCOMMIT", "autocommit": True, "within": math.inf}
        with self._engine.connect().execution_options(**options) as connection:
            # What is set on it ends with it.
            connection.detach()
            yield connection

    def stream(self, query: Executable) -> Iterator[Row[Any]]:
        """The rows of a query, a few hundred in memory at a time, as the database was at the first of them.

        Raises:
            StoreError: the database fails.
        """
        try:
            with self.reading() as connection:
                yield from connection.execution_options(yield_per=_CHUNK_ROWS).execute(query)
        except (SQLAlchemyError, sqlite3.Error) as error:
            problem = self.explain(error)
        else:
            return
        raise problem

    def dedicated(self) -> PoolProxiedConnection:
        """A connection of the driver, where each statement is a transaction of its own unless that is begun.

        It is none of the pool's, so that there is one whoever uses all of those; the caller closes it.
        """
        return self._unpooled.raw_connection()

    @property
    def is_pooled(self) -> bool:
        """True if a pooler of PostgreSQL may give each transaction another session."""
        if self.dialect == "sqlite":
            return False
        from returns_hub.store.postgresql import is_pooled

        with self.reading() as connection:
            return is_pooled(connection)

    def close(self) -> None:
        """Close every connection; one that another thread uses at this moment is closed when that is done."""
        self._closed = True
        self._engine.dispose()

    def explain(self, error: Exception) -> StoreError:
        """The error in one sentence of ours, which holds neither data nor a password."""
        if isinstance(error, StoreError):
            return error
        cause = error.orig if isinstance(error, DBAPIError) else error
        if isinstance(cause, sqlite3.Error):
            code = getattr(cause, "sqlite_errorcode", 0)  # an error of the module itself has none
            reason = _SQLITE_REASONS.get(code & 0xFF, f"failed with {getattr(cause, 'sqlite_errorname', cause)}")
        else:
            reason = failure_reason(cause)
        return StoreError(f"the mirror {self.place} {reason}")

    @contextlib.contextmanager
    def _connected(self) -> Iterator[Connection]:
        pool = self._engine.pool
        try:
            with self._engine.connect() as connection:
                yield connection
        finally:
            # A connection that comes back after its pool was disposed of would stay open in it.
            if self._closed:
                pool.dispose()
                self._engine.dispose()

    def _reset_after_fork(self) -> None:
        """Leave the parent its connections: to close one here would end the parent's session, or drop its locks."""
        self._inherited.append(self._engine.pool)
        self._engine.dispose(close=False)
        self._turn = _Turn()
        Database._migrating = threading.Lock()

    def _revision(self, connection: Connection) -> str | None:
        """The revision of the tables; None where there are none."""
        tables = set(inspect(connection).get_table_names(schema=self.schema))
        if REVISION_TABLE not in tables:
            self._check_free(connection, tables)
            return None
        current: str | None = connection.execute(text(f"SELECT version_num FROM {REVISION_TABLE}")).scalar()  # noqa: S608 - a constant of ours
        if current is not None and current > REVISION:
            raise StoreError(
                f"the mirror {self.place} is of revision {current}, this returns-hub knows {REVISION}; upgrade returns-hub"
            )
        if current == REVISION and not tables.issuperset(METADATA.tables):
            raise StoreError(f"the mirror {self.place} has lost tables; restore it, or remove it and sync again")
        return current

    def _check_free(self, connection: Connection, tables: set[str]) -> None:
        """Returns if our tables may be made among these."""
        if self._is_shared:
            taken = connection.execute(text("SELECT name FROM sqlite_master")).scalars()
            if both := sorted(RESERVED_NAMES.intersection(taken)):
                raise StoreError(
                    f"{self.place} has a {both[0]!r} of something else, which is a name of the mirror's; "
                    "give the mirror a file of its own"
                )
        elif tables and self.schema is not None:
            raise StoreError(
                f"{self.place}: the schema {self.schema} is of something else; give the mirror one of its own"
            )
        elif tables:
            beside = "?shared=true" if self.dialect == "sqlite" else "?schema=returns_hub"
            raise StoreError(
                f"{self.place} is the database of something else; give the mirror one of its own, or put it beside the "
                f"other tables with {beside}"
            )

    def _set_up_file(self) -> None:
        """Let readers and the writer work side by side, and a new file shrink when it is vacuumed. Both stay with the file."""
        from stamina import retry_context

        # SQLite refuses to change the mode while another connection reads, whatever its busy timeout.
        attempts = retry_context(
            on=sqlite3.OperationalError, attempts=None, timeout=self.busy_seconds, wait_initial=0.01, wait_max=0.1
        )
        for attempt in attempts:
            with attempt, contextlib.closing(self._engine.raw_connection()) as connection:
                # Outside a transaction only, and the first of the two before anything is in the file.
                connection.cursor().execute("PRAGMA auto_vacuum = INCREMENTAL")
                connection.cursor().execute("PRAGMA journal_mode = WAL")


class _Turn:
    """The turn to write, which one thread of the process has at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread = threading.local()

    @contextlib.contextmanager
    def taken(self, seconds: float = -1) -> Iterator[bool]:
        """Wait for the turn, and have it; False if it did not come within so many seconds."""
        with self.without():
            is_mine = self._lock.acquire(timeout=seconds)
            try:
                yield is_mine
            finally:
                if is_mine:
                    self._lock.release()

    @contextlib.contextmanager
    def without(self) -> Iterator[None]:
        """While the block lasts, this thread cannot take the turn: it would wait for itself.

        Raises:
            StoreError: it is inside such a block.
        """
        if getattr(self._thread, "writes", False):
            raise StoreError("this thread has a transaction open already: write with its connection, or after it")
        self._thread.writes = True
        try:
            yield
        finally:
            self._thread.writes = False


def database_time(connection: Connection) -> datetime:
    """The time by the one clock that all processes share: the database's, or this machine's where that is a file."""
    if connection.dialect.name == "sqlite":
        return datetime.now(UTC)
    moment: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    return moment.astimezone(UTC)


def clock_ahead(now: datetime) -> timedelta:
    """By how much this machine's clock is ahead of the database's, which has just shown ``now``; zero where that is less than a second."""
    ahead = datetime.now(UTC) - now
    return ahead if abs(ahead) >= _EQUAL_CLOCKS else timedelta(0)


def sql_time(dialect: str, *, later: float = 0.0) -> ColumnElement[datetime]:
    """The time by the same clock as a part of a statement: when that begins, or so many seconds later."""
    after = timedelta(seconds=later)
    if dialect == "sqlite":
        return bindparam(None, callable_=lambda: datetime.now(UTC) + after, type_=Moment(), unique=True)
    return type_coerce(func.statement_timestamp(type_=DateTime(timezone=True)) + after, Moment())


class _HasDatabase(Protocol):
    @property
    def database(self) -> Database: ...


_Owner = TypeVar("_Owner", bound=_HasDatabase)


def store_errors(method: Callable[Concatenate[_Owner, P], T]) -> Callable[Concatenate[_Owner, P], T]:
    """The method, with every error of the database as a :class:`StoreError`."""

    @functools.wraps(method)
    def call(self: _Owner, /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(self, *args, **kwargs)
        except (SQLAlchemyError, sqlite3.Error) as error:
            problem = self.database.explain(error)
        # Raised out here, it does not carry the driver's error along, whose frames hold rows and passwords.
        raise problem

    return call


def _parsed(address: Secret) -> tuple[URL, Mapping[str, str]]:
    """The address for the driver, and what of its options is meant for us."""
    file = _SQLITE_ADDRESS.match(address.reveal())
    if file is not None:
        return _sqlite_url(file["path"], file["options"])
    url: URL | None = None
    # The parser's errors may quote what they could not read.
    with contextlib.suppress(ArgumentError, ValueError):
        url = make_url(address.reveal())
    if url is None or url.drivername not in ("postgresql", "postgresql+psycopg"):
        raise StoreError("the address of the mirror must look like sqlite:///returns.db or postgresql://user@host/name")
    schema = url.query.get("schema")
    if schema is not None and not (isinstance(schema, str) and _SCHEMA.match(schema)):
        raise StoreError("the schema of a mirror must look like ?schema=returns_hub: lower-case letters, digits and _")
    url = url.set(drivername="postgresql+psycopg").difference_update_query(["schema"])
    return url, {} if schema is None else {"schema": schema}


def _sqlite_url(path: str | None, options: str | None) -> tuple[URL, Mapping[str, str]]:
    """The address of a file. Its path is taken to the letter: a ``%20`` or ``?`` in it is a part of a name."""
    if not path or path == ":memory:":
        raise StoreError("the address of the mirror names no file; sqlite:///returns.db does")
    given = dict(parse_qsl(options or ""))
    wait = given.get("timeout", _SQLITE_BUSY_SECONDS)
    if given.keys() - {"timeout", "shared"} or not _SECONDS.match(wait) or given.get("shared", "true") != "true":
        raise StoreError("the address of a mirror on SQLite takes two options: ?timeout=SECONDS and ?shared=true")
    _check_path(Path(path))
    # Absolute, so that it stays the same file wherever the process goes, and is none of the driver's own names.
    return URL.create("sqlite+pysqlite", database=str(Path(path).absolute()), query={"timeout": wait}), given


def _check_path(path: Path) -> None:
    """Returns if the file is there or can be created. SQLite says "unable to open" to all of these."""
    problem = None
    with contextlib.suppress(OSError):
        if path.is_dir():
            problem = f"the mirror {path} is a directory, not a file"
        elif not path.parent.is_dir():
            problem = f"the mirror {path} cannot be created: there is no directory {path.parent}"
    if problem:
        raise StoreError(problem)


def _place(url: URL) -> str:
    """The address as people may see it: without user, password and options."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    port = f":{url.port}" if url.port else ""
    return f"postgresql://{url.host or ''}{port}/{url.database or ''}"


def _engine(url: URL, schema: str | None, *, poolclass: type[Pool] | None = None) -> Engine:
    # Rows and parameters are other people's data: they stay out of every message.
    try:
        engine = create_engine(url, hide_parameters=True, poolclass=poolclass)
    except ModuleNotFoundError as error:
        missing = error.name
    else:
        event.listen(engine, "handle_error", _give_up_spoilt)
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _set_up_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
        else:
            from returns_hub.store import postgresql

            engine.update_execution_options(schema=schema)
            postgresql.set_up(engine)
        return engine
    raise StoreError(f"a mirror on PostgreSQL needs the package {missing}: pip install 'returns-hub[postgres]'")


def _give_up_spoilt(context: ExceptionContext) -> None:
    """Give up a connection that would fail for ever though the database has long recovered: the next one is new."""
    error = context.original_exception
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _SQLITE_SPOILT or getattr(error, "sqlstate", None) == READ_ONLY:
        context.is_disconnect = True


def _set_up_sqlite(connection: sqlite3.Connection, _: object) -> None:
    # The driver would begin transactions by itself, too late and never IMMEDIATE.
    connection.isolation_level = None
    connection.execute("PRAGMA synchronous = NORMAL").close()
    # What was deleted would else stay in the file until something needs its place.
    connection.execute("PRAGMA secure_delete = ON").close()


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get("autocommit"):
        return
    if not options.get("write"):
        connection.exec_driver_sql("BEGIN")
        return
    # With WAL, NORMAL can lose the last commits in a power cut, but never half of one. A sync reads them again.
    synchronous = "FULL" if options.get("durable") else "NORMAL"
    if connection.info.get("synchronous") != synchronous:
        connection.exec_driver_sql(f"PRAGMA synchronous = {synchronous}")
        connection.info["synchronous"] = synchronous
    # A transaction that reads first and writes later would fail, not wait, where another one wrote in between.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    if connection.dialect.name == "postgresql":
        from returns_hub.store.postgresql import lift_limits

        lift_limits(connection)
    command.upgrade(config, "head")


# By primary result code, https://sqlite.org/rescode.html
_SQLITE_REASONS: Final[Mapping[int, str]] = {
    sqlite3.SQLITE_PERM: "cannot be opened: no permission",
    sqlite3.SQLITE_BUSY: "is locked by another process",
    sqlite3.SQLITE_LOCKED: "is locked by another process",
    sqlite3.SQLITE_READONLY: "is read-only",
    sqlite3.SQLITE_IOERR: "cannot be read or written: the disk reports an error",
    sqlite3.SQLITE_CORRUPT: "is damaged; restore it, or remove it and sync again",
    sqlite3.SQLITE_FULL: "cannot be written: the disk is full",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: no permission, or the directory is read-only",
    sqlite3.SQLITE_NOTADB: "is a file, but not a database of SQLite",
}
# What was opened for reading only, or before the disk failed, stays as it was opened.
_SQLITE_SPOILT: Final = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN})
