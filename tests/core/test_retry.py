"""The backoff that calls, deliveries, handlers and loops share, and the budget of retries."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from returns_hub.retry import CALL_BACKOFF, LOOP_BACKOFF, PROCESSING_BACKOFF, Backoff, RetryBudget

DOUBLING = Backoff(first=0.5, maximum=20.0)


def test_limit_doubles_and_ends_at_the_maximum() -> None:
    assert [DOUBLING.limit(attempt) for attempt in (1, 2, 3, 4, 5, 6, 7, 1000)] == [0.5, 1, 2, 4, 8, 16, 20, 20]


def test_attempt_before_the_first_counts_as_the_first() -> None:
    assert DOUBLING.limit(0) == 0.5


@given(st.integers(min_value=1, max_value=10_000))
def test_delay_is_any_time_up_to_the_limit(attempt: int) -> None:
    assert 0 <= DOUBLING.delay(attempt) <= DOUBLING.limit(attempt)


def test_what_failed_together_does_not_come_back_together() -> None:
    assert len({DOUBLING.delay(7) for _ in range(20)}) == 20


@given(st.integers(min_value=1, max_value=40), st.floats(min_value=0, max_value=1e6))
def test_delay_is_no_shorter_than_the_vendor_asks(attempt: int, seconds: float) -> None:
    assert DOUBLING.delay(attempt, at_least=seconds) >= seconds


@pytest.mark.parametrize(
    ("backoff", "first", "maximum"),
    [(CALL_BACKOFF, 0.5, 20.0), (PROCESSING_BACKOFF, 2.0, 3600.0), (LOOP_BACKOFF, 1.0, 30.0)],
)
def test_curves_in_use(backoff: Backoff, first: float, maximum: float) -> None:
    assert (backoff.limit(1), backoff.limit(100)) == (first, maximum)


class Clock:
    """Stands still until it is released."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def budget(clock: Clock) -> RetryBudget:
    return RetryBudget(clock=clock)


def spent(budget: RetryBudget, times: int) -> int:
    return sum(budget.spend() for _ in range(times))


def test_ten_retries_are_saved_up_at_first(budget: RetryBudget) -> None:
    assert spent(budget, 50) == 10


def test_every_fifth_request_earns_a_retry(budget: RetryBudget) -> None:
    spent(budget, 50)
    for _ in range(50):
        budget.earn()
    assert spent(budget, 50) == pytest.approx(10, abs=1)


def test_time_earns_a_retry_for_those_who_ask_rarely(budget: RetryBudget, clock: Clock) -> None:
    spent(budget, 50)
    clock.now += 30.5
    assert spent(budget, 50) == 3


def test_no_more_than_ten_are_saved(budget: RetryBudget, clock: Clock) -> None:
    clock.now += 86_400
    assert spent(budget, 50) == 10
