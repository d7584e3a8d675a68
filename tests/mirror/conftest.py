"""What the tests of the mirror share: times, small returns, stores on both databases, and a vendor in memory."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

import pytest
from attrs import define, evolve, field, frozen

from returns_hub import (
    Adapter,
    Capability,
    Client,
    NotFound,
    Operation,
    Page,
    Reply,
    Request,
    Return,
    ReturnQuery,
    SetAside,
    Slice,
    Status,
    Support,
)
from returns_hub.store import Store
from returns_hub.sync import SyncReport, sync_account

T = TypeVar("T")

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

At: TypeAlias = Callable[[float], datetime]
MakeReturn: TypeAlias = Callable[..., Return]


@pytest.fixture(scope="session")
def at() -> At:
    """So many minutes after noon."""
    return lambda minutes: NOON + timedelta(minutes=minutes)


@pytest.fixture(scope="session")
def a_return() -> MakeReturn:
    """A return with an id, and nothing else unless told."""

    def make(return_id: str = "r1", **told: Any) -> Return:
        return Return(provider="memory", id=return_id, **told)

    return make


@pytest.fixture(scope="session")
def side_by_side() -> Callable[[Sequence[Callable[[], None]]], None]:
    """Run each function in a thread of its own, and wait for all of them."""

    def run(functions: Sequence[Callable[[], None]]) -> None:
        with ThreadPoolExecutor(len(functions)) as threads:
            for done in [threads.submit(function) for function in functions]:
                done.result()

    return run


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'mirror.db'}"


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The directory of the socket of a PostgreSQL that lives as long as the tests."""
    programs = _postgresql_programs()
    if programs is None:
        pytest.skip("PostgreSQL's server programs (initdb, postgres) are not on this machine")
    # The server refuses to run as root, and a socket's path must be short.
    user = "postgres" if os.geteuid() == 0 else None
    home = Path(tempfile.mkdtemp(prefix="returns-hub-"))
    if user is not None:
        os.chown(home, pwd.getpwnam(user).pw_uid, -1)
    data = home / "data"
    options = ["-c", "fsync=off", "-c", "listen_addresses=", "-c", f"unix_socket_directories={home}"]
    quiet: Mapping[str, Any] = {"user": user, "cwd": home, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(
        [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8"], check=True, **quiet
    )
    server = subprocess.Popen([programs / "postgres", "-D", data, *options], **quiet)
    try:
        _wait_for_postgresql(str(home))
        yield str(home)
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(home)


@pytest.fixture
def postgresql_url(postgresql: str) -> Iterator[str]:
    """An empty database of its own."""
    import psycopg

    name = f"mirror_{time.time_ns()}"
    with psycopg.connect(host=postgresql, user="postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    yield f"postgresql://postgres@/{name}?host={postgresql}"
    with psycopg.connect(host=postgresql, user="postgres", autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    """The address of an empty store, on each database in turn."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """An empty store, on each database in turn."""
    with Store.open(store_url) as opened:
        yield opened


@pytest.fixture
def sqlite_store(sqlite_url: str) -> Iterator[Store]:
    with Store.open(sqlite_url) as opened:
        yield opened


def _postgresql_programs() -> Path | None:
    found = shutil.which("postgres")
    places = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "initdb").exists()), None)


def _wait_for_postgresql(socket: str) -> None:
    import psycopg

    for _ in range(200):
        try:
            psycopg.connect(host=socket, user="postgres").close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("PostgreSQL did not start")


@define
class Vendor:
    """A vendor in memory, pages of three, that can be made to misbehave.

    ``rows`` is what a listing shows, ``more`` what only the return itself tells, by id.
    """

    clock: datetime = NOON
    rows: dict[str, Return] = field(factory=dict)
    more: dict[str, dict[str, Any]] = field(factory=dict)
    lacks: set[Capability] = field(factory=lambda: {Capability.CHANGES})
    fails: dict[str, Exception] = field(factory=dict)
    asked: list[str] = field(factory=list)
    words: Counter[str] = field(factory=Counter)
    page_size: int = 3
    repeats_pages: bool = False
    spoilt: tuple[SetAside, ...] = ()
    gaps: tuple[str, ...] = ()

    def now(self) -> datetime:
        """The time; looking at it takes a second."""
        self.clock += timedelta(seconds=1)
        return self.clock

    def add(self, *ids: str, **told: Any) -> None:
        """New returns, created now."""
        for return_id in ids:
            self.rows[return_id] = Return(**{"provider": "memory", "id": return_id, "created_at": self.now(), **told})

    def move(self, return_id: str, status: Status, word: str) -> None:
        """Another status for a return."""
        self.rows[return_id] = evolve(self.rows[return_id], status=status, status_raw=word)

    def answer(self, request: Request) -> None:
        """Note what is asked, and fail where that was arranged."""
        self.asked.append(request.path)
        for part, error in self.fails.items():
            if part in request.path:
                raise error

    def page(self, rows: list[Return], cursor: str | None) -> Page[Return]:
        start = 0 if self.repeats_pages else int(cursor or 0)
        end = int(cursor or 0) + self.page_size
        more = end < len(rows)
        return Page(
            items=rows[start : start + self.page_size],
            next=str(end) if more else None,
            total=len(rows),
            set_aside=() if more else self.spoilt,
            gaps=() if more else self.gaps,
        )

    def unknown_words(self) -> Mapping[str, int]:
        return dict(self.words)

    # What a client does, with neither adapter package nor HTTP.

    @property
    def adapter(self) -> "Memory":
        return Memory(vendor=self)

    def run(self, operation: Operation[T]) -> T:
        try:
            request = next(operation)
            while True:
                self.answer(request)
                request = operation.send(Reply(status=200))
        except StopIteration as done:
            result: T = done.value
        finally:
            operation.close()
        return result


@frozen(kw_only=True)
class Memory(Adapter):
    """The adapter of :class:`Vendor`."""

    vendor: Vendor
    provider = "memory"
    display_name = "Memory"

    def support(self, capability: Capability) -> Support:
        return Support.NO if capability in self.vendor.lacks else Support.YES

    def list_returns(self, query: ReturnQuery, cursor: str | None = None) -> Operation[Page[Return]]:
        words = ",".join(query.raw_status) or "any"
        yield Request(method="GET", path=f"/returns/{words}/after-{_minute(query.created_after)}/{cursor}")
        rows = [
            row
            for row in self.vendor.rows.values()
            if not query.raw_status or row.status_raw in query.raw_status
            if query.created_after is None or (row.created_at or NOON) >= query.created_after
            if query.created_before is None or (row.created_at or NOON) <= query.created_before
        ]
        return self.vendor.page(rows, cursor)

    def get_return(self, return_id: str) -> Operation[Return]:
        yield Request(method="GET", path=f"/return/{return_id}")
        if return_id not in self.vendor.rows:
            raise NotFound(http_status=404)
        return evolve(self.vendor.rows[return_id], **self.vendor.more.get(return_id, {}))

    def changes(self, since: datetime, cursor: str | None = None) -> Operation[Page[Return]]:
        yield Request(method="GET", path=f"/changes/{_minute(since)}/{cursor}")
        rows = [row for row in self.vendor.rows.values() if (row.updated_at or NOON) >= since]
        return self.vendor.page(rows, cursor)

    def backfill(self, since: datetime, until: datetime) -> tuple[Slice, ...]:
        query = ReturnQuery(created_after=since, created_before=until)
        return (Slice(key="all", read=lambda cursor: self.list_returns(query, cursor)),)


def _minute(moment: datetime | None) -> str:
    return "-" if moment is None else f"{moment:%Y-%m-%d %H:%M}"


@pytest.fixture
def vendor() -> Vendor:
    return Vendor()


@pytest.fixture
def sync(vendor: Vendor, sqlite_store: Store) -> Callable[..., SyncReport]:
    """Sync the account ``acme`` at the vendor into ``sqlite_store``."""

    def run(**options: Any) -> SyncReport:
        return sync_account(
            "acme",
            lambda: cast("Client", vendor),
            sqlite_store,
            **{"history_start": date(2026, 1, 1), "now": vendor.now, **options},
        )

    return run
