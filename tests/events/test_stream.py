"""Following the stream: woken promptly, nothing missed, nothing twice, whoever writes."""

import asyncio
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest
from sqlalchemy import text

from returns_hub import Event, StoreError
from returns_hub.store import Store
from returns_hub.store.database import Database
from returns_hub.store.stream import CommitWatcher, follow, follow_async

Tell: TypeAlias = Callable[..., None]

# Stores so many returns, one transaction each, of which every third is undone: its sequence is gone.
WRITE = """
import contextlib, sys
from datetime import UTC, datetime
from returns_hub import Return
from returns_hub.merge import observed
from returns_hub.store import Store, mirror

url, name, count = sys.argv[1:]

class Undone(Exception):
    pass

def save_checkpoints(connection, account, checkpoints, real=mirror.save_checkpoints):
    real(connection, account, checkpoints)
    if "undone" in checkpoints:
        raise Undone

mirror.save_checkpoints = save_checkpoints
with Store.open(url) as store:
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(int(count)):
        ret = Return(provider="memory", id=f"{name}-{number}")
        with contextlib.suppress(Undone):
            store.apply(name, [observed(ret, seen_at=datetime.now(UTC))], checkpoints={"undone": 1} if number % 3 == 2 else {})
"""


def never() -> bool:
    return False


@pytest.fixture
def following(store: Store) -> Iterator[Callable[..., list[Event]]]:
    """Starts to follow in a thread; the list that it gives grows."""
    stopped = threading.Event()
    threads: list[threading.Thread] = []

    def begin(**options: Any) -> list[Event]:
        seen: list[Event] = []
        threads.append(
            threading.Thread(
                target=lambda: seen.extend(follow(store.database, stop=stopped.is_set, **options)), daemon=True
            )
        )
        threads[-1].start()
        return seen

    yield begin
    stopped.set()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


def wait_until(met: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.001)


@pytest.fixture
def only_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks by itself in this test: what is seen was woken by a commit."""
    monkeypatch.setattr("returns_hub.store.stream._FALLBACK_SECONDS", 3600.0)


def test_what_is_there_comes_first_and_then_what_comes(
    store: Store, tell: Tell, following: Callable[..., list[Event]]
) -> None:
    tell("a")
    seen = following()
    wait_until(lambda: len(seen) == 1)
    tell("b", times=2)
    wait_until(lambda: len(seen) == 3)
    assert seen == list(store.events())


def test_a_follower_begins_behind_a_sequence(tell: Tell, following: Callable[..., list[Event]]) -> None:
    tell("a", times=3)
    seen = following(after=2)
    wait_until(lambda: len(seen) == 1)
    assert [event.sequence for event in seen] == [3]


def test_a_follower_may_want_one_account_or_return(tell: Tell, following: Callable[..., list[Event]]) -> None:
    of_account, of_return = following(account="other"), following(account="acme", return_id="b")
    tell("a", "b")
    tell("a", account="other")
    tell("b")
    wait_until(lambda: len(of_account) == 1 and len(of_return) == 2)
    assert [event.sequence for event in of_account] == [3]
    assert [event.sequence for event in of_return] == [2, 4]


@pytest.mark.usefixtures("only_woken")
def test_another_connection_wakes_a_follower(following: Callable[..., list[Event]], tell: Tell) -> None:
    seen = following()
    for number in range(5):
        tell(f"b{number}")
        wait_until(lambda expected=number + 1: len(seen) == expected)  # type: ignore[misc]


@pytest.mark.parametrize("processes", [4])
def test_nothing_is_missed_while_several_processes_write(
    processes: int, store_url: str, store: Store, following: Callable[..., list[Event]], start: Callable[..., Any]
) -> None:
    seen = following()
    writers = [start(WRITE, store_url, f"w{number}", "60") for number in range(processes)]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("\n")
        writer.stdin.flush()
    assert [writer.wait(60) for writer in writers] == [0] * processes
    wait_until(lambda: len(seen) >= processes * 40)
    assert seen == list(store.events())
    assert {event.return_id for event in seen} == {
        f"w{writer}-{number}" for writer in range(processes) for number in range(60) if number % 3 != 2
    }


def test_following_ends_when_it_is_asked_to(store: Store, tell: Tell) -> None:
    tell("a", "b")
    looks = itertools.count()
    assert [event.return_id for event in follow(store.database, stop=lambda: next(looks) > 5)] == ["a", "b"]


def test_following_asynchronously(store: Store, tell: Tell) -> None:
    tell("a")

    async def run() -> list[str]:
        seen: list[str] = []
        async for event in follow_async(store.database, stop=never):
            seen.append(event.return_id)
            if len(seen) == 3:
                break
            if len(seen) == 1:
                asyncio.get_running_loop().call_later(0.2, tell, "b", "c")
        return seen

    assert asyncio.run(run()) == ["a", "b", "c"]


def test_many_asynchronous_followers_leave_the_loop_its_threads(store: Store, tell: Tell) -> None:
    async def first() -> str:
        async for event in follow_async(store.database, stop=never):
            return event.return_id
        raise AssertionError

    async def run() -> list[str]:
        asyncio.get_running_loop().call_later(0.3, tell, "a")
        return await asyncio.gather(*(first() for _ in range(30)))

    assert asyncio.run(asyncio.wait_for(run(), 20)) == ["a"] * 30


@pytest.mark.usefixtures("only_woken")
@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_a_lost_connection_is_made_anew(
    store: Store, tell: Tell, following: Callable[..., list[Event]], postgresql: str
) -> None:
    import psycopg

    seen = following()
    tell("a")
    wait_until(lambda: len(seen) == 1)
    with psycopg.connect(host=postgresql, user="postgres", autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname LIKE 'store_%'"
        )
    tell("b")
    wait_until(lambda: len(seen) == 2)
    tell("c")
    wait_until(lambda: len(seen) == 3)


def test_a_store_that_cannot_be_read_at_first_says_so(store: Store) -> None:
    with store.database.writing() as connection:
        connection.execute(text("DROP TABLE events"))
    with pytest.raises(StoreError):
        next(follow(store.database, stop=never))


def test_waiting_for_nothing_comes_to_an_end(store: Store) -> None:
    watch = CommitWatcher(store.database)
    try:
        assert (watch.wait(0.0), watch.wait(0.05)) == (False, False)
    finally:
        watch.close()


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_a_connection_that_cannot_listen_is_closed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Any] = []

    def dedicated(database: Database) -> Any:
        connection = database._engine.raw_connection()
        connection.detach()
        opened.append(connection.dbapi_connection)
        return connection

    monkeypatch.setattr(Database, "dedicated", dedicated)
    monkeypatch.setattr("returns_hub.store.stream.CHANNEL", "no channel")
    with pytest.raises(StoreError, match="the mirror postgresql://"):
        CommitWatcher(store.database)
    assert [driver.closed for driver in opened] == [True]
