"""Purging: old deliveries are removed, unfinished ones stay, and no event is emitted a second time for it."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import pytest
from sqlalchemy import text

from returns_hub import HttpAnswer, Return, Shipment
from returns_hub.deliveries import Inbox, Processor
from returns_hub.reports import DeliveryState, Purged
from returns_hub.store import Store
from returns_hub.store.inbox import Deliveries
from returns_hub.testing.fake import FakeVendor
from returns_hub.worker import purge_schedule

At: TypeAlias = Callable[[float], datetime]
Post: TypeAlias = Callable[..., list[int]]
PassTime: TypeAlias = Callable[[], None]


class Bodies(Protocol):
    def told(self, *returns: Return, minute: float = 0) -> bytes: ...
    def hint(self, return_id: str) -> bytes: ...
    def parts(self, *parts: str) -> bytes: ...
    def unknown(self, name: str) -> bytes: ...


def a_return(return_id: str = "X1", **told: Any) -> Return:
    return Return(provider="fake", id=return_id, **told)


def numbers(inbox: Inbox) -> list[int]:
    return sorted(delivery.id for delivery in inbox.find())


@pytest.fixture
def posted(post: Post, processor: Processor, bodies: Bodies) -> list[int]:
    """Five deliveries of which each came a minute after the one before, the first an hour after noon; processed."""
    ids = post(*(bodies.told(a_return(f"X{number}")) for number in range(5)))
    assert processor.process_due() == 5
    return ids


def test_what_came_before_a_moment_is_gone(store: Store, inbox: Inbox, posted: list[int], at: At) -> None:
    events = list(store.events())
    assert inbox.purge(at(62)) == Purged(deliveries=2, waiting=0)
    assert (numbers(inbox), inbox.get(posted[0])) == (posted[2:], None)
    assert (list(store.events()), len(list(store.returns()))) == (events, 5)
    assert inbox.purge(at(62)) == Purged(deliveries=0, waiting=0)


def test_what_is_pending_or_dead_stays(
    inbox: Inbox, post: Post, processor: Processor, bodies: Bodies, vendor: FakeVendor, at: At
) -> None:
    vendor.faults.answer_with(HttpAnswer(status=422, body=b"{}"), times=1)
    dead, _ = post(bodies.hint("F1"), bodies.told(a_return()))
    processor.process_due()
    (pending,) = post(bodies.hint("F2"))
    assert inbox.purge(at(600)) == Purged(deliveries=1, waiting=0)
    assert numbers(inbox) == [dead, pending]
    assert inbox.backlog().dead == 1


def test_what_is_to_be_processed_once_more_stays(inbox: Inbox, posted: list[int], at: At) -> None:
    inbox.replay(posted[0])
    inbox.purge(at(600))
    assert [(delivery.id, delivery.state) for delivery in inbox.find()] == [(posted[0], DeliveryState.PENDING)]


def test_many_are_removed_in_portions(
    inbox: Inbox, deliveries: Deliveries, post: Post, processor: Processor, bodies: Bodies, at: At
) -> None:
    ids = post(*(bodies.unknown(str(number)) for number in range(450)))
    assert processor.process_due() == 450
    asked = iter([False, True])
    assert deliveries.purge(at(600), stop=lambda: next(asked, True)).deliveries == 200
    assert inbox.purge(at(500)) == Purged(deliveries=240, waiting=0)
    assert numbers(inbox) == ids[440:]


@pytest.fixture
def deliveries(store: Store) -> Deliveries:
    return Deliveries(store.database)


def test_what_waits_for_a_return_that_never_appears_is_gone(
    store: Store, inbox: Inbox, post: Post, processor: Processor, bodies: Bodies, at: At
) -> None:
    lost = a_return("", shipments=(Shipment(id="s1"), Shipment(id="s2")))
    post(bodies.told(lost), bodies.parts("item:7"), bodies.parts("item:8"))
    assert processor.process_due() == 3
    assert inbox.purge(at(62)) == Purged(deliveries=2, waiting=2)
    with store.database.reading() as connection:
        assert connection.execute(text("SELECT DISTINCT object FROM waiting")).scalars().all() == ['["item:8"]']


@pytest.mark.parametrize("kind", ["told", "hint", "unknown"])
def test_a_copy_of_what_is_gone_is_new_and_emits_nothing_again(
    store: Store, inbox: Inbox, post: Post, processor: Processor, bodies: Bodies, at: At, kind: str
) -> None:
    made: Mapping[str, Callable[[], bytes]] = {
        "told": lambda: bodies.told(a_return(number="1")),
        "hint": lambda: bodies.hint("F1"),
        "unknown": lambda: bodies.unknown("odd"),
    }
    (first,) = post(made[kind]())
    processor.process_due()
    events = list(store.events())
    inbox.purge(at(600))
    (copy,) = post(made[kind]())
    assert (copy != first, processor.process_due(), list(store.events()) == events) == (True, 1, True)
    again = inbox.get(copy)
    assert again is not None
    assert (again.duplicates, again.events, len(events)) == (0, 0, 1)


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_sqlite_keeps_no_trace_of_what_is_gone(
    store_url: str, store: Store, inbox: Inbox, post: Post, processor: Processor, at: At
) -> None:
    post(b'{"events": [], "more": "%s"}' % (b"canary-7f3a" * 2000))
    path = Path(store_url.removeprefix("sqlite:///"))
    log = path.with_name(path.name + "-wal")
    before = path.stat().st_size + log.stat().st_size
    assert (processor.process_due(), inbox.purge(at(600)).deliveries) == (1, 1)
    # The store is open still: its write-ahead log is empty, and the file gave its room back.
    assert b"canary-7f3acanary" not in path.read_bytes() + log.read_bytes()
    assert path.stat().st_size + log.stat().st_size < before


def test_whoever_works_in_the_background_purges_once_an_hour(store: Store, inbox: Inbox, posted: list[int]) -> None:
    schedule = purge_schedule(store, datetime.now(UTC) - datetime(2026, 3, 1, 13, 1, 30, tzinfo=UTC))
    assert schedule.due_in() <= 0
    schedule.run(lambda: False)
    assert numbers(inbox) == posted[2:]
    assert schedule.due_in() == pytest.approx(3600, abs=10)
    purge_schedule(store, timedelta(days=36500)).run(lambda: False)
    assert numbers(inbox) == posted[2:]
