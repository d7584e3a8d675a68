"""How often an account may call its vendor: a limiter that gives every request its moment."""

import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

from returns_hub.adapter import Rate
from returns_hub.fork import reset_after_fork

Clock = Callable[[], float]

_FOREVER: Final = float("inf")

# The interval that is learned from refusals: the first one where there was no rate at all, the longest, how many
# accepted requests undo one refusal (about half of them), and the step and the end where there is no rate to return to.
_FIRST_LEARNED_INTERVAL: Final = 0.5
_MAX_LEARNED_INTERVAL: Final = 60.0
_STEPS_TO_RECOVER: Final = 100
_STEP_WITHOUT_RATE: Final = 0.1
_MIN_LEARNED_INTERVAL: Final = 0.05


class Limiter(Protocol):
    """What a transport asks before each request, and informs of each reply."""

    @property
    def is_blocking(self) -> bool:
        """True if the calls wait for a database: on an event loop they belong into a thread."""
        ...

    @property
    def is_paused(self) -> bool:
        """True while no request may go. A caller that slept until its moment looks again, and reserves anew if so."""
        ...

    def reserve(self, *, within: float = _FOREVER) -> float:
        """Seconds to wait before the next request; if they are more than ``within``, nothing is reserved."""
        ...

    def pause(self, seconds: float) -> None:
        """Let no request go for so many seconds from now; a longer pause stays."""
        ...

    def lower(self, count: int) -> None:
        """Allow only ``count`` requests in the rate's window, as the vendor says; never more than the rate itself."""
        ...

    def slow_down(self) -> None:
        """Double the interval, after a short pause: the vendor refused a request and did not say how long to wait."""
        ...

    def speed_up(self) -> None:
        """Shorten an interval that was learned from refusals a little: the vendor accepted a request."""
        ...


class RateLimiter:
    """The rate limit of an account in one process: moments at which a request may go, evenly spaced.

    A caller that was idle may send a burst: at most one second's worth, and a tenth of the rate. The interval is a hair
    longer than the rate's to make up for it, so no window as long as the rate's ever holds more than the rate's count.
    It is thread-safe, and blocks nobody: the caller sleeps. A forked child goes on with a limiter of its own.
    """

    is_blocking = False

    def __init__(self, rate: Rate | None, *, clock: Clock = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._lock = threading.Lock()
        self._next = -_FOREVER
        self._paused_until = -_FOREVER
        self._interval, self._burst_seconds = interval_and_burst(rate)
        self._learned: float | None = None
        reset_after_fork(self, RateLimiter._reset)

    def _reset(self) -> None:
        self._lock = threading.Lock()

    def reserve(self, *, within: float = _FOREVER) -> float:
        """Seconds to wait before the next request; if they are more than ``within``, nothing is reserved."""
        with self._lock:
            now = self._clock()
            burst = self._burst_seconds if self._learned is None else 0.0
            moment = max(self._next, now - burst, self._paused_until)
            wait = max(0.0, moment - now)
            if wait <= within:
                self._next = moment + max(self._interval, self._learned or 0.0)
            return wait

    @property
    def is_paused(self) -> bool:
        """True while no request may go. A caller that slept until its moment looks again, and reserves anew if so."""
        return self._clock() < self._paused_until

    def pause(self, seconds: float) -> None:
        """Let no request go for so many seconds from now; a longer pause stays."""
        with self._lock:
            self._paused_until = max(self._paused_until, self._clock() + seconds)

    def lower(self, count: int) -> None:
        """Allow only ``count`` requests in the rate's window, as the vendor says; never more than the rate itself."""
        if self._rate is None or count < 1:
            return
        with self._lock:
            self._interval, self._burst_seconds = interval_and_burst(
                Rate(min(count, self._rate.count), self._rate.seconds)
            )

    def slow_down(self) -> None:
        """Double the interval, after a short pause: the vendor refused a request and did not say how long to wait."""
        with self._lock:
            now = self._clock()
            # What was in flight together is refused together, and counts once.
            if now >= self._paused_until:
                self._learned = longer_interval(max(self._interval, self._learned or 0.0))
                self._paused_until = now + self._learned

    def speed_up(self) -> None:
        """Shorten an interval that was learned from refusals a little: the vendor accepted a request."""
        if self._learned is None:
            return
        with self._lock:
            if self._learned is not None:
                self._learned = shorter_interval(self._learned, self._interval)


def interval_and_burst(rate: Rate | None) -> tuple[float, float]:
    """The seconds between two requests, and how many seconds of unused moments a burst may use."""
    if rate is None:
        return 0.0, 0.0
    burst = max(1, min(int(rate.count / rate.seconds), rate.count // 10))
    interval = rate.seconds / (rate.count - burst + 1)
    return interval, (burst - 1) * interval


def longer_interval(interval: float) -> float:
    """The seconds between two requests after a refusal: twice as many."""
    return min(_MAX_LEARNED_INTERVAL, 2 * interval) if interval else _FIRST_LEARNED_INTERVAL


def shorter_interval(learned: float, usual: float) -> float | None:
    """The seconds between two requests after an accepted one: the rate grows by a fixed step, up to the usual one (None)."""
    step = 1 / (usual * _STEPS_TO_RECOVER) if usual else _STEP_WITHOUT_RATE
    interval = 1 / (1 / learned + step)
    return interval if interval > (usual or _MIN_LEARNED_INTERVAL) else None
