"""How long to wait before something is tried again, and how many retries an outage may cost.

Calls to vendors, webhook deliveries, handlers of events and background loops all wait by these curves.
"""

import random
import threading
import time
from collections.abc import Callable
from typing import Final

from attrs import frozen

from returns_hub.fork import reset_after_fork

Clock = Callable[[], float]

# 2 to this power is above every maximum; a larger exponent would only overflow.
_MAX_EXPONENT: Final = 32


@frozen(kw_only=True)
class Backoff:
    """Exponential backoff: the limit is ``first`` seconds after the first failure, doubles with each, ends at ``maximum``."""

    first: float
    maximum: float

    def limit(self, attempt: int) -> float:
        """The longest wait after the ``attempt``-th failure, in seconds; ``attempt`` counts from 1."""
        return float(min(self.maximum, self.first * 2 ** min(max(attempt, 1) - 1, _MAX_EXPONENT)))

    def delay(self, attempt: int, *, at_least: float = 0.0) -> float:
        """Seconds to wait after the ``attempt``-th failure: random up to the limit (full jitter), but ``at_least`` so many.

        What failed together does not come back together.
        """
        # Not a secret: a predictable generator will do.
        return max(random.uniform(0.0, self.limit(attempt)), at_least)  # noqa: S311


CALL_BACKOFF: Final = Backoff(first=0.5, maximum=20.0)
"""Between two attempts of a request to a vendor, while the caller waits."""

PROCESSING_BACKOFF: Final = Backoff(first=2.0, maximum=3600.0)
"""Between two attempts to process a stored delivery, or to hand an event to its handler."""

LOOP_BACKOFF: Final = Backoff(first=1.0, maximum=30.0)
"""Between two rounds of a background loop whose database, or whose work, fails."""


class RetryBudget:
    """Keeps retries a small part of the traffic, so that a failing vendor is not sent several times as many requests.

    Every first attempt earns a fifth of a retry and every ten seconds earn a whole one; at most ten are saved up.
    """

    _maximum: Final = 10.0
    _per_request: Final = 0.2
    _per_second: Final = 0.1

    def __init__(self, *, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._saved = self._maximum
        self._as_of = clock()
        reset_after_fork(self, RetryBudget._reset)

    def _reset(self) -> None:
        self._lock = threading.Lock()

    def earn(self) -> None:
        """Add what a request that is sent for the first time earns."""
        with self._lock:
            self._saved = min(self._maximum, self._saved + self._per_request)

    def spend(self) -> bool:
        """Take one retry out of the budget; False if there is none left."""
        with self._lock:
            now = self._clock()
            self._saved = min(self._maximum, self._saved + (now - self._as_of) * self._per_second)
            self._as_of = now
            if self._saved < 1:
                return False
            self._saved -= 1
            return True
