"""The queue: claimed in order, one at a time for each key, by whoever still holds the claim; whatever the clocks say."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, RowMapping, insert, select, update

from returns_hub.store import Store
from returns_hub.store.queue import Queue
from returns_hub.store.schema import PARKED_EVENTS

ROW = PARKED_EVENTS.c

Add = Callable[..., None]


@pytest.fixture
def connection(store: Store) -> Iterator[Connection]:
    with store.database.writing() as opened:
        yield opened


@pytest.fixture
def queue(store: Store) -> Queue:
    return Queue(
        store.database.dialect, PARKED_EVENTS, order="sequence", key=("account", "return_id"), partition="consumer"
    )


@pytest.fixture
def add(connection: Connection) -> Add:
    """A row of the consumer "shop", due a second ago."""

    def add_row(sequence: int, return_id: str = "", **values: Any) -> None:
        usual = {
            "consumer": "shop",
            "account": "acme",
            "return_id": return_id,
            "state": "pending",
            "attempts": 0,
            "due_at": datetime.now(UTC) - timedelta(seconds=1),
        }
        connection.execute(insert(PARKED_EVENTS), [{**usual, "sequence": sequence, **values}])

    return add_row


@pytest.fixture
def claim(queue: Queue, connection: Connection) -> Callable[..., RowMapping | None]:
    def claim_next(**options: Any) -> RowMapping | None:
        return queue.claim(connection, **{"max_attempts": 3, "partition": "shop", **options})

    return claim_next


def sequence(row: RowMapping | None) -> int | None:
    return None if row is None else row["sequence"]


def a_day(days: float) -> datetime:
    return datetime.now(UTC) + timedelta(days=days)


def test_rows_of_one_key_come_one_after_the_other(queue: Queue, connection: Connection, add: Add, claim: Any) -> None:
    add(1, "a")
    add(2, "a")
    add(3, "b")
    add(4)
    add(5)
    rows = [claim() for _ in range(5)]
    assert [sequence(row) for row in rows] == [1, 3, 4, 5, None]
    assert queue.settle(connection, queue.claim_of(rows[0]), state="processed")
    assert sequence(claim()) == 2


def test_a_row_that_waits_for_its_next_attempt_holds_back_its_key_only(
    queue: Queue, connection: Connection, add: Add, claim: Any
) -> None:
    add(1, "a")
    add(2, "a")
    add(3, "b")
    queue.fail(connection, queue.claim_of(claim()), "it broke", retry_in=60.0)
    assert (sequence(claim()), claim()) == (3, None)
    wait = queue.next_due(connection, partition="shop")
    assert wait is not None
    assert 0 < wait <= 60


def test_a_dead_row_holds_back_nothing_until_it_is_replayed(
    queue: Queue, connection: Connection, add: Add, claim: Any
) -> None:
    add(1, "a")
    add(2, "a")
    queue.fail(connection, queue.claim_of(claim()), "it broke", retry_in=None)
    later = claim()
    assert (sequence(later), queue.replay(connection, ROW.sequence == 1)) == (2, True)
    # The later one is claimed already.
    assert claim() is None
    queue.settle(connection, queue.claim_of(later), state="processed")
    assert sequence(claim()) == 1


def test_an_attempt_that_was_released_does_not_count(
    queue: Queue, connection: Connection, add: Add, claim: Any
) -> None:
    add(1)
    queue.release(connection, queue.claim_of(claim()))
    assert claim()["attempts"] == 1


def test_a_claim_that_was_lost_changes_nothing(queue: Queue, connection: Connection, add: Add, claim: Any) -> None:
    add(1)
    lost = queue.claim_of(claim())
    connection.execute(update(PARKED_EVENTS).values(claimed_until=a_day(-1)))
    held = queue.claim_of(claim())
    queue.extend(connection, lost)
    queue.release(connection, lost)
    queue.fail(connection, lost, "too late", retry_in=None)
    assert not queue.settle(connection, lost, state="processed")
    row = connection.execute(select(PARKED_EVENTS)).mappings().one()
    assert (row["state"], row["claim"], row["attempts"]) == ("pending", held.token, 2)
    assert row["error"] == "the process ended before the attempt had"


def test_a_row_whose_attempts_were_never_settled_is_dead(connection: Connection, add: Add, claim: Any) -> None:
    add(1, attempts=3, claim="gone", claimed_until=a_day(-1))
    add(2)
    assert sequence(claim()) == 2
    dead = connection.execute(select(PARKED_EVENTS).where(ROW.sequence == 1)).mappings().one()
    assert (dead["state"], dead["attempts"], dead["error"]) == ("dead", 3, "the process ended before the attempt had")


def test_accounts_that_are_busy_are_passed_over(add: Add, claim: Any) -> None:
    add(1)
    add(2, account="other")
    assert sequence(claim(busy=["acme", "none"])) == 2


def test_other_lanes_are_other_queues(add: Add, claim: Any) -> None:
    add(1, "a", consumer="mail")
    add(2, "a")
    assert (sequence(claim()), claim(), sequence(claim(partition="mail"))) == (2, None, 1)


@pytest.mark.parametrize(
    "values",
    [
        {"due_at": a_day(0.1)},
        {"due_at": a_day(400)},
        {"attempts": 1, "due_at": a_day(400)},
        {"attempts": 1, "claim": "t", "claimed_until": a_day(0.1)},
    ],
    ids=["new, three hours ahead", "new, a year ahead", "tried, a year ahead", "claimed for three hours"],
)
def test_what_a_clock_stored_that_was_ahead_holds_up_nothing(add: Add, claim: Any, values: Any) -> None:
    add(1, **values)
    assert sequence(claim()) == 1


def test_what_is_claimed_now_or_waits_for_its_time_is_left_alone(add: Add, claim: Any) -> None:
    add(1, attempts=1, due_at=a_day(0.9))
    add(2, attempts=1, claim="t", claimed_until=datetime.now(UTC) + timedelta(seconds=25))
    assert claim() is None
