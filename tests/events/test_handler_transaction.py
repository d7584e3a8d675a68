"""Handlers that are given the database's connection: what they write there is written exactly once, whatever happens."""

import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import pytest
from sqlalchemy import Connection, text

from returns_hub import AsyncHub, Event, StoreError
from returns_hub.dispatcher import EventDispatcher
from returns_hub.handlers import HandlerRegistry
from returns_hub.store import Store

Tell: TypeAlias = Callable[..., None]

WORKER = """
import os, signal, sys
from sqlalchemy import text
from returns_hub import Hub, telemetry

kill = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
hub = Hub([], store=sys.argv[1])

@hub.on(name="shop", since="beginning")
def book(event, connection):
    connection.execute(text("INSERT INTO bookings VALUES (:id)"), {"id": event.id})
    if sys.argv[2] == "before the commit":
        kill()

if sys.argv[2] == "after the commit":
    telemetry.count = kill
with hub:
    hub.dispatch()
"""


@pytest.fixture
def bookings(store: Store) -> Callable[[], list[str]]:
    """What a platform keeps in a table of its own beside ours."""
    with store.database.writing() as connection:
        connection.execute(text("CREATE TABLE bookings (id TEXT)"))

    def read() -> list[str]:
        with store.database.reading() as connection:
            return [row.id for row in connection.execute(text("SELECT id FROM bookings"))]

    return read


def book(event: Event, connection: Connection) -> None:
    connection.execute(text("INSERT INTO bookings VALUES (:id)"), {"id": event.id})


def dispatcher_of(store: Store, handler: Any, **options: Any) -> EventDispatcher:
    handlers = HandlerRegistry(awaits=False)
    handlers.on(name="shop", since="beginning", **options)(handler)
    return EventDispatcher(store, handlers)


def test_its_rows_are_committed_with_its_cursor(store: Store, tell: Tell, bookings: Callable[[], list[str]]) -> None:
    tell("a", "b", times=2)
    dispatcher = dispatcher_of(store, book)
    assert (dispatcher.dispatch_due(), dispatcher.dispatch_due()) == (4, 0)
    assert sorted(bookings()) == sorted(event.id for event in store.events())
    assert dispatcher.health()[0].lag == 0


def test_what_a_failing_handler_wrote_is_undone(
    store: Store, tell: Tell, bookings: Callable[[], list[str]], pass_time: Callable[[], None]
) -> None:
    def fail_once(event: Event, connection: Connection) -> None:
        book(event, connection)
        tried.append(event.id)
        if len(tried) == 1:
            raise ValueError("shop is closed")

    tried: list[str] = []
    tell("a")
    dispatcher = dispatcher_of(store, fail_once)
    assert (dispatcher.dispatch_due(), bookings()) == (0, [])
    pass_time()
    assert (dispatcher.dispatch_due(), bookings()) == (1, tried[:1])


def test_who_has_lost_the_event_writes_nothing(store: Store, tell: Tell, bookings: Callable[[], list[str]]) -> None:
    tell("a")
    slow = dispatcher_of(store, book)
    claimed = slow.claim("shop")
    assert claimed
    slow.release(claimed)
    assert (slow.run(claimed), bookings()) == (False, [])
    assert (slow.dispatch_due(), len(bookings())) == (1, 1)


@pytest.mark.parametrize("moment", ["before the commit", "after the commit"])
def test_a_kill_leaves_all_or_nothing_of_it(
    moment: str,
    store: Store,
    store_url: str,
    tell: Tell,
    bookings: Callable[[], list[str]],
    pass_time: Callable[[], None],
    start: "Callable[..., subprocess.Popen[str]]",
) -> None:
    tell("a")
    assert start(WORKER, store_url, moment).wait(120) == -signal.SIGKILL
    assert len(bookings()) == (moment == "after the commit")
    pass_time()
    assert start(WORKER, store_url, "never").wait(120) == 0
    assert bookings() == [event.id for event in store.events()]


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_an_async_hub_gives_it_to_plain_functions(
    store: Store, store_url: str, tell: Tell, bookings: Callable[[], list[str]]
) -> None:
    async with AsyncHub([], store=store_url) as hub:
        hub.on(name="shop", since="beginning")(book)
        tell("a")
        assert (await hub.dispatch(), len(bookings())) == (1, 1)


@pytest.fixture
def quick(store_url: str) -> Iterator[Store]:
    """The store, which waits for nobody who writes."""
    with Store.open(store_url + ("?timeout=0.2" if store_url.startswith("sqlite") else "")) as opened:
        yield opened


def test_a_handler_beyond_its_time_holds_nobody_up_and_writes_nothing(
    quick: Store, tell: Tell, bookings: Callable[[], list[str]]
) -> None:
    began, ends = threading.Event(), threading.Event()

    def hang(event: Event, connection: Connection) -> None:
        book(event, connection)
        began.set()
        ends.wait(120)
        book(event, connection)

    tell("a")
    dispatcher = dispatcher_of(quick, hang)
    claimed = dispatcher.claim("shop")
    assert claimed
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(dispatcher.run, claimed)
        assert began.wait(120)
        dispatcher.expire(claimed)
        tell("b")  # somebody else writes
        ends.set()
        assert not running.result()
    assert bookings() == []
    assert [failed.event.return_id for failed in dispatcher.failed_events("shop")] == ["a"]


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)  # writers of PostgreSQL do not wait for each other
def test_a_handler_with_the_connection_cannot_wait_for_itself(
    store: Store, tell: Tell, bookings: Callable[[], list[str]]
) -> None:
    def write_beside(event: Event, connection: Connection) -> None:
        with pytest.raises(StoreError, match="this thread has a transaction open already: write with its connection"):
            tell("b")
        book(event, connection)

    tell("a")
    assert (dispatcher_of(store, write_beside).dispatch_due(), len(bookings())) == (1, 1)
