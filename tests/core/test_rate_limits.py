import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from returns_hub import Rate, RateLimited, ReturnQuery
from returns_hub.rate_limits import RateLimiter
from returns_hub.transport import AsyncTransport, Transport, TransportOptions


class Clock:
    """Stands still until it is released."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_sixty_a_minute_is_one_a_second(clock: Clock) -> None:
    limiter = RateLimiter(Rate.parse("60/min"), clock=clock)
    assert [limiter.reserve() for _ in range(4)] == [0.0, 1.0, 2.0, 3.0]


def test_three_hundred_a_minute_may_burst_by_one_seconds_worth(clock: Clock) -> None:
    limiter = RateLimiter(Rate.parse("300/min"), clock=clock)
    assert [limiter.reserve() for _ in range(6)][:5] == [0.0] * 5
    assert limiter.reserve() == pytest.approx(0.405, abs=0.01)


def test_idle_time_is_not_saved_up(clock: Clock) -> None:
    limiter = RateLimiter(Rate.parse("60/min"), clock=clock)
    limiter.reserve()
    clock.now += 3600
    assert [limiter.reserve() for _ in range(2)] == [0.0, 1.0]


def test_no_rate_is_no_wait(clock: Clock) -> None:
    limiter = RateLimiter(Rate.parse("none"), clock=clock)
    assert [limiter.reserve() for _ in range(1000)] == [0.0] * 1000


def test_wait_that_is_too_long_reserves_nothing(clock: Clock) -> None:
    limiter = RateLimiter(Rate.parse("60/min"), clock=clock)
    limiter.reserve()
    assert limiter.reserve(within=0.5) == 1.0
    assert limiter.reserve() == 1.0


def test_hold_delays_everything_and_then_keeps_the_pace(clock: Clock) -> None:
    limiter = RateLimiter(Rate.parse("60/min"), clock=clock)
    limiter.pause(30)
    assert limiter.is_paused
    assert [limiter.reserve() for _ in range(2)] == [30.0, 31.0]


def test_hold_ends(clock: Clock) -> None:
    limiter = RateLimiter(None, clock=clock)
    limiter.pause(30)
    clock.now += 30
    assert not limiter.is_paused
    assert limiter.reserve() == 0.0


def test_shorter_hold_does_not_end_a_longer_one(clock: Clock) -> None:
    limiter = RateLimiter(None, clock=clock)
    limiter.pause(30)
    limiter.pause(5)
    assert limiter.reserve() == 30.0


def test_vendor_may_lower_the_rate(clock: Clock) -> None:
    limiter = RateLimiter(Rate.parse("60/min"), clock=clock)
    limiter.lower(30)
    assert [limiter.reserve() for _ in range(2)] == [0.0, 2.0]


def test_vendor_cannot_raise_the_rate_above_the_accounts(clock: Clock) -> None:
    limiter = RateLimiter(Rate.parse("60/min"), clock=clock)
    limiter.lower(30)
    limiter.lower(10_000)
    assert [limiter.reserve() for _ in range(2)] == [0.0, 1.0]


@pytest.mark.parametrize("count", [0, -1])
def test_nonsense_does_not_stop_the_account(count: int, clock: Clock) -> None:
    limiter = RateLimiter(Rate.parse("60/min"), clock=clock)
    limiter.lower(count)
    assert [limiter.reserve() for _ in range(2)] == [0.0, 1.0]


def test_lowering_means_nothing_without_a_rate(clock: Clock) -> None:
    limiter = RateLimiter(None, clock=clock)
    limiter.lower(1)
    assert [limiter.reserve() for _ in range(2)] == [0.0, 0.0]


def test_refusal_halves_the_pace_after_a_short_hold(clock: Clock) -> None:
    limiter = RateLimiter(Rate.parse("60/min"), clock=clock)
    limiter.reserve()
    limiter.slow_down()
    assert limiter.is_paused
    assert [limiter.reserve() for _ in range(3)] == [2.0, 4.0, 6.0]


def test_requests_that_are_refused_together_count_once(clock: Clock) -> None:
    limiter = RateLimiter(Rate.parse("60/min"), clock=clock)
    for _ in range(10):
        limiter.slow_down()
    assert [limiter.reserve() for _ in range(2)] == [2.0, 4.0]


def test_every_later_refusal_halves_it_again(clock: Clock) -> None:
    limiter = RateLimiter(Rate.parse("60/min"), clock=clock)
    for _ in range(3):
        limiter.slow_down()
        clock.now += 60
    assert [limiter.reserve() for _ in range(2)] == [0.0, 8.0]


def test_no_refusal_slows_an_account_below_one_request_a_minute(clock: Clock) -> None:
    limiter = RateLimiter(Rate.parse("60/min"), clock=clock)
    for _ in range(50):
        limiter.slow_down()
        clock.now += 3600
    assert [limiter.reserve() for _ in range(2)] == [0.0, 60.0]


def test_accepted_requests_bring_the_pace_back_step_by_step(clock: Clock) -> None:
    limiter = RateLimiter(Rate.parse("60/min"), clock=clock)
    limiter.slow_down()
    clock.now += 60
    for _ in range(25):
        limiter.speed_up()
    assert [limiter.reserve() for _ in range(2)] == [0.0, pytest.approx(1 / 0.75)]
    for _ in range(25):
        limiter.speed_up()
    clock.now += 60
    assert [limiter.reserve() for _ in range(2)] == [0.0, pytest.approx(1.0)]


def test_pace_that_came_back_is_the_accounts_own_with_its_burst(clock: Clock) -> None:
    limiter = RateLimiter(Rate.parse("300/min"), clock=clock)
    limiter.slow_down()
    for _ in range(60):
        limiter.speed_up()
    clock.now += 60
    assert [limiter.reserve() for _ in range(5)] == [0.0] * 5


def test_pace_is_learnt_where_there_was_none_and_forgotten_again(clock: Clock) -> None:
    limiter = RateLimiter(None, clock=clock)
    limiter.slow_down()
    assert [limiter.reserve() for _ in range(2)] == [0.5, 1.0]
    for _ in range(200):
        limiter.speed_up()
    clock.now += 60
    assert [limiter.reserve() for _ in range(2)] == [0.0, 0.0]


def test_accepted_requests_alone_change_nothing(clock: Clock) -> None:
    limiter = RateLimiter(Rate.parse("60/min"), clock=clock)
    for _ in range(1000):
        limiter.speed_up()
    assert [limiter.reserve() for _ in range(2)] == [0.0, 1.0]


def test_refusal_without_advice_is_learned_from(vendor: Any, acme: Any, clock: Clock) -> None:
    vendor.will(status=429)
    limiter = RateLimiter(Rate(2, 60.0), clock=clock)
    transport = Transport(acme(), base_url=f"{vendor.url}/v1", limiter=limiter, options=TransportOptions(attempts=1))
    with pytest.raises(RateLimited):
        transport.run(acme().list_returns(ReturnQuery()))
    transport.close()
    assert limiter.is_paused
    assert [limiter.reserve(), limiter.reserve()] == [60.0, 120.0]


def test_refusal_with_advice_is_obeyed_and_teaches_nothing(vendor: Any, acme: Any, clock: Clock) -> None:
    vendor.will(status=429, headers={"Retry-After": "45"})
    limiter = RateLimiter(Rate(2, 60.0), clock=clock)
    transport = Transport(acme(), base_url=f"{vendor.url}/v1", limiter=limiter, options=TransportOptions(attempts=1))
    with pytest.raises(RateLimited):
        transport.run(acme().list_returns(ReturnQuery()))
    transport.close()
    assert [limiter.reserve(), limiter.reserve()] == [45.0, 75.0]


class Blocking(RateLimiter):
    """Asks a database, as far as the transport knows."""

    is_blocking = True

    def __init__(self) -> None:
        super().__init__(None)
        self.threads: list[threading.Thread] = []

    def reserve(self, *, within: float = float("inf")) -> float:
        self.threads.append(threading.current_thread())
        return super().reserve(within=within)

    def speed_up(self) -> None:
        self.threads.append(threading.current_thread())


def test_limiter_that_blocks_is_asked_in_a_thread_of_its_own(vendor: Any, acme: Any) -> None:
    vendor.will(data={"ids": [], "next": None})
    limiter = Blocking()

    async def run() -> None:
        transport = AsyncTransport(acme(), base_url=f"{vendor.url}/v1", limiter=limiter)
        await transport.run(acme().list_returns(ReturnQuery()))
        await transport.aclose()

    asyncio.run(run())
    assert threading.main_thread() not in limiter.threads
    assert len(limiter.threads) == 2


@given(
    count=st.integers(1, 400),
    seconds=st.sampled_from([1.0, 60.0, 3600.0]),
    pauses=st.lists(st.floats(0, 20, allow_nan=False), min_size=1, max_size=60),
    at_once=st.integers(1, 40),
)
def test_no_window_ever_holds_more_than_the_rate_allows(
    count: int, seconds: float, pauses: list[float], at_once: int
) -> None:
    clock = Clock()
    limiter = RateLimiter(Rate(count, seconds), clock=clock)
    grants: list[float] = []
    for pause in pauses:
        clock.now += pause
        grants += [clock.now + limiter.reserve() for _ in range(at_once)]
    # Grants are in order, so the one that is `count` places later must be a whole window later.
    assert [
        late - early for early, late in zip(grants, grants[count:], strict=False) if late - early < seconds - 1e-6
    ] == []


def test_limiter_hands_every_moment_out_once(clock: Clock, in_threads: Callable[..., list[float]]) -> None:
    limiter = RateLimiter(Rate.parse("60/min"), clock=clock)
    assert sorted(in_threads(limiter.reserve, 100)) == [float(n) for n in range(100)]


@pytest.fixture
def in_threads() -> Callable[..., list[float]]:
    from concurrent.futures import ThreadPoolExecutor

    def call(function: Callable[[], float], times: int) -> list[float]:
        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(lambda _: function(), range(times)))

    return call
