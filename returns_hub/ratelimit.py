"""How often an account may ask: the pace of its requests, and a bound on its retries. The clock is passed in."""

import threading
import time
from collections.abc import Callable
from typing import Final

from returns_hub.adapter import Rate

Clock = Callable[[], float]

_FOREVER: Final = float("inf")


class RateLimiter:
    """Hands out moments at which a request may go, evenly spaced, and lets a vendor slow it down.

    A caller that was idle may send a burst: at most one second's worth, and a tenth of the rate. The pace is a hair
    below the rate to make up for it, so no window as long as the rate's ever holds more than the rate's count. It is
    thread-safe, and blocks nobody: the caller sleeps.
    """

    def __init__(self, rate: Rate | None, *, clock: Clock = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._lock = threading.Lock()
        self._next = -_FOREVER
        self._held_until = -_FOREVER
        self._interval, self._slack = _spacing(rate)

    def reserve(self, *, within: float = _FOREVER) -> float:
        """Seconds to wait before the next request; if they are more than ``within``, nothing is reserved."""
        with self._lock:
            now = self._clock()
            moment = max(self._next, now - self._slack, self._held_until)
            wait = max(0.0, moment - now)
            if wait <= within:
                self._next = moment + self._interval
            return wait

    @property
    def held(self) -> bool:
        """True while the vendor wants nothing sent. Whoever slept until its moment looks again, then reserves anew."""
        return self._clock() < self._held_until

    def hold(self, seconds: float) -> None:
        """Nothing may go for so many seconds from now; a longer hold stays."""
        with self._lock:
            self._held_until = max(self._held_until, self._clock() + seconds)

    def lower(self, count: int) -> None:
        """The vendor says that its window holds ``count`` requests; more than the rate's own count changes nothing."""
        if self._rate is None or count < 1:
            return
        with self._lock:
            self._interval, self._slack = _spacing(Rate(min(count, self._rate.count), self._rate.seconds))


class RetryBudget:
    """Keeps retries a small part of the traffic, so that a failing vendor is not asked several times as often.

    Every first attempt earns a fifth of a retry and every ten seconds earn a whole one; ten can be saved up.
    """

    _most: Final = 10.0
    _per_request: Final = 0.2
    _per_second: Final = 0.1

    def __init__(self, *, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._saved = self._most
        self._as_of = clock()

    def earn(self) -> None:
        """A request goes out for the first time."""
        with self._lock:
            self._saved = min(self._most, self._saved + self._per_request)

    def spend(self) -> bool:
        """True if one more retry is in the budget, which it then is no longer."""
        with self._lock:
            now = self._clock()
            self._saved = min(self._most, self._saved + (now - self._as_of) * self._per_second)
            self._as_of = now
            if self._saved < 1:
                return False
            self._saved -= 1
            return True


def _spacing(rate: Rate | None) -> tuple[float, float]:
    """The seconds between two requests, and how far behind this pace a caller may catch up in a burst."""
    if rate is None:
        return 0.0, 0.0
    burst = max(1, min(int(rate.count / rate.seconds), rate.count // 10))
    interval = rate.seconds / (rate.count - burst + 1)
    return interval, (burst - 1) * interval
