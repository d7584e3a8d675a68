"""One pace for all processes that ask a vendor for an account: exact to one request."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import text

from returns_hub import Rate, StoreError
from returns_hub.store import Store
from returns_hub.store.rate_limits import SharedRateLimiter

MakePace = Callable[..., SharedRateLimiter]

# Asks again and again until the time is up, and prints the moments that it was given.
ASK = """
import json, sys, time
from returns_hub import Rate
from returns_hub.store import Store
from returns_hub.store.rate_limits import SharedRateLimiter

url, rate, ends = sys.argv[1:]
with Store.open(url) as store:
    pace = SharedRateLimiter(store.database, "acme", Rate.parse(rate))
    moments = []
    while time.time() < float(ends):
        wait = pace.reserve(within=1.0)
        if wait <= 1.0:
            moments.append(time.time() + wait)
        time.sleep(min(wait, 1.0))
print(json.dumps(moments))
"""


@pytest.fixture
def shared(postgresql_url: str) -> Iterator[Store]:
    with Store.open(postgresql_url) as opened:
        yield opened


@pytest.fixture
def pace(shared: Store) -> MakePace:
    """Another process's pace, as it were: each has a memory of its own, and they share the database."""
    return lambda rate="60/min", account="acme": SharedRateLimiter(shared.database, account, Rate.parse(rate))


def waits(*paces: SharedRateLimiter) -> list[float]:
    return [round(each.reserve(), 1) for each in paces]


def test_everybodys_requests_are_evenly_spaced(pace: MakePace) -> None:
    one, two = pace(), pace()
    assert waits(one, two, two, one) == [0.0, 1.0, 2.0, 3.0]


def test_accounts_have_paces_of_their_own(pace: MakePace) -> None:
    assert waits(pace(), pace(account="other")) == [0.0, 0.0]


def test_a_burst_is_shared_too(pace: MakePace) -> None:
    one, two = pace("300/min"), pace("300/min")
    assert waits(one, two, one, two, one, two) == [0.0, 0.0, 0.0, 0.0, 0.0, pytest.approx(0.2, abs=0.1)]


def test_no_rate_is_no_wait(pace: MakePace) -> None:
    assert waits(*[pace("none")] * 20) == [0.0] * 20


def test_wait_that_is_too_long_reserves_nothing(pace: MakePace) -> None:
    one, two = pace(), pace()
    one.reserve()
    assert 0.5 < two.reserve(within=0.5) <= 1.0
    assert waits(one) == [1.0]


def test_a_first_wait_that_is_too_long_reserves_nothing_either(pace: MakePace) -> None:
    one = pace()
    one.pause(30)
    assert one.reserve(within=1.0) > 29


def test_a_hold_is_everybodys(pace: MakePace) -> None:
    one, two = pace(), pace()
    one.reserve()
    one.pause(30)
    assert (one.is_paused, two.is_paused) == (True, True)
    assert waits(two, one) == [30.0, 31.0]


def test_a_shorter_hold_does_not_end_a_longer_one(pace: MakePace) -> None:
    one, two = pace(), pace()
    one.reserve()
    one.pause(30)
    two.pause(5)
    assert waits(two) == [30.0]


def test_a_refusal_slows_everybody_down_once(pace: MakePace) -> None:
    one, two = pace(), pace()
    waits(one, two)
    one.slow_down()
    two.slow_down()
    assert waits(two, one, two) == [2.0, 4.0, 6.0]


def test_accepted_requests_bring_everybodys_pace_back(pace: MakePace, shared: Store) -> None:
    one, two = pace(), pace()
    one.reserve()
    one.slow_down()
    for _ in range(25):
        for each in (one, two):
            each.reserve()
            each.speed_up()
    with shared.database.reading() as connection:
        assert connection.execute(text("SELECT learned_interval FROM paces")).scalar() is None


def test_a_vendor_may_lower_the_rate(pace: MakePace) -> None:
    one = pace()
    one.lower(30)
    assert waits(one, one) == [0.0, 2.0]


def test_without_the_database_nothing_may_go(pace: MakePace, shared: Store) -> None:
    one = pace()
    with shared.database.writing() as connection:
        connection.execute(text("DROP TABLE paces"))
    with pytest.raises(StoreError):
        one.reserve()


def test_a_reply_is_not_lost_to_a_database_that_fails(
    pace: MakePace, shared: Store, caplog: pytest.LogCaptureFixture
) -> None:
    one = pace()
    with shared.database.writing() as connection:
        connection.execute(text("ALTER TABLE paces RENAME TO gone"))
    one.pause(30)
    one.slow_down()
    with shared.database.writing() as connection:
        connection.execute(text("ALTER TABLE gone RENAME TO paces"))
    assert waits(one) == [30.0]
    assert "could not be shared" in caplog.text


def test_four_processes_together_keep_the_pace_of_one(
    postgresql_url: str, pace: MakePace, shared: Store, start: Callable[..., Any]
) -> None:
    ends = time.time() + 4.0
    askers = [start(ASK, postgresql_url, "50/s", str(ends)) for _ in range(4)]
    told = [json.loads(asker.communicate(timeout=60)[0]) for asker in askers]
    moments = sorted(moment for each in told for moment in each)
    # 50 in a second with a burst of 5: one each 1/46 s. A burst, and then every moment is given once.
    with shared.database.reading() as connection:
        next_at = connection.execute(text("SELECT next_at FROM paces")).scalar_one()
    given = (next_at - moments[0]) * 46
    assert len(moments) == pytest.approx(given + 4, abs=0.9)
    assert min(later - early for early, later in zip(moments, moments[50:], strict=False)) > 0.98
    # Nobody starves.
    assert min(len(each) for each in told) > len(moments) / 8
