"""How often an account may ask: the pace of its requests, and what its vendor says of it."""

import re
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Final, Protocol

from attrs import frozen

from returns_hub.adapter import Rate

Clock = Callable[[], float]

_FOREVER: Final = float("inf")
# A wait that no vendor can mean; ReturnMate's headers are undocumented enough to expect garbage.
_ABSURD_WAIT: Final = 7 * 86400.0
_SECONDS: Final = re.compile(r"\d{1,15}(\.\d{1,9})?\Z")

# The pace that is learnt from refusals: the first one where there was no pace at all, the slowest, how many accepted
# requests bring back what one refusal took (about half of them), and from where on there is nothing more to learn.
_FIRST_LEARNED: Final = 0.5
_SLOWEST_LEARNED: Final = 60.0
_STEPS_BACK: Final = 100
_STEP_WITHOUT_PACE: Final = 0.1
_NO_PACE: Final = 0.05


class Limiter(Protocol):
    """What a transport asks before each request, and tells of each reply."""

    @property
    def blocks(self) -> bool:
        """True if the calls may take the time of a network: nothing for an event loop."""
        ...

    @property
    def held(self) -> bool:
        """True while the vendor wants nothing sent. Whoever slept until its moment looks again, then reserves anew."""
        ...

    def reserve(self, *, within: float = _FOREVER) -> float:
        """Seconds to wait before the next request; if they are more than ``within``, nothing is reserved."""
        ...

    def hold(self, seconds: float) -> None:
        """Nothing may go for so many seconds from now; a longer hold stays."""
        ...

    def lower(self, count: int) -> None:
        """The vendor says that its window holds ``count`` requests; more than the rate's own count changes nothing."""
        ...

    def refused(self) -> None:
        """The vendor was asked too often, and says not what would be right: half the pace, after a short hold."""
        ...

    def accepted(self) -> None:
        """The vendor was not asked too often: where its refusals were learnt from, a little faster again."""
        ...


class RateLimiter:
    """The pace of an account in one process: moments at which a request may go, evenly spaced.

    A caller that was idle may send a burst: at most one second's worth, and a tenth of the rate. The pace is a hair
    below the rate to make up for it, so no window as long as the rate's ever holds more than the rate's count. It is
    thread-safe, and blocks nobody: the caller sleeps.
    """

    blocks = False

    def __init__(self, rate: Rate | None, *, clock: Clock = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._lock = threading.Lock()
        self._next = -_FOREVER
        self._held_until = -_FOREVER
        self._interval, self._slack = spacing(rate)
        self._learned: float | None = None

    def reserve(self, *, within: float = _FOREVER) -> float:
        """Seconds to wait before the next request; if they are more than ``within``, nothing is reserved."""
        with self._lock:
            now = self._clock()
            slack = self._slack if self._learned is None else 0.0
            moment = max(self._next, now - slack, self._held_until)
            wait = max(0.0, moment - now)
            if wait <= within:
                self._next = moment + max(self._interval, self._learned or 0.0)
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
            self._interval, self._slack = spacing(Rate(min(count, self._rate.count), self._rate.seconds))

    def refused(self) -> None:
        """The vendor was asked too often, and says not what would be right: half the pace, after a short hold."""
        with self._lock:
            now = self._clock()
            # What was in flight together is refused together: that tells nothing new.
            if now >= self._held_until:
                self._learned = slower(max(self._interval, self._learned or 0.0))
                self._held_until = now + self._learned

    def accepted(self) -> None:
        """The vendor was not asked too often: where its refusals were learnt from, a little faster again."""
        if self._learned is None:
            return
        with self._lock:
            if self._learned is not None:
                self._learned = faster(self._learned, self._interval)


def spacing(rate: Rate | None) -> tuple[float, float]:
    """The seconds between two requests, and how far behind this pace a caller may catch up in a burst."""
    if rate is None:
        return 0.0, 0.0
    burst = max(1, min(int(rate.count / rate.seconds), rate.count // 10))
    interval = rate.seconds / (rate.count - burst + 1)
    return interval, (burst - 1) * interval


def slower(interval: float) -> float:
    """The seconds between two requests after a refusal: twice as many."""
    return min(_SLOWEST_LEARNED, 2 * interval) if interval else _FIRST_LEARNED


def faster(learned: float, usual: float) -> float | None:
    """The seconds between two requests after an accepted one: the rate grows by a fixed step, up to the usual one (None)."""
    step = 1 / (usual * _STEPS_BACK) if usual else _STEP_WITHOUT_PACE
    interval = 1 / (1 / learned + step)
    return interval if interval > (usual or _NO_PACE) else None


@frozen(kw_only=True)
class RateLimitHeaders:
    """What the headers of a reply say about when to ask again; seconds from now, None where they say nothing usable.

    ``exhausted`` is True where no request is left until ``reset_after``.
    """

    retry_after: float | None = None
    limit: int | None = None
    exhausted: bool = False
    reset_after: float | None = None


SILENT: Final = RateLimitHeaders()


def parse_rate_limit_headers(headers: Mapping[str, str], *, now: float) -> RateLimitHeaders:
    """``headers`` by lower-case name; ``now`` is our clock, used where the reply has no ``Date``."""
    retry_after, limit = headers.get("retry-after"), headers.get("x-ratelimit-limit", "")
    remaining, reset = headers.get("x-ratelimit-remaining", ""), headers.get("x-ratelimit-reset", "")
    if retry_after is None and not (limit or remaining or reset):
        return SILENT
    # The vendor's times are by the vendor's clock.
    date = _http_date(headers.get("date"))
    now = now if date is None else date
    return RateLimitHeaders(
        retry_after=_retry_after(retry_after, now),
        limit=int(limit) if re.fullmatch(r"[0-9]{1,9}", limit) else None,
        exhausted=remaining.strip() == "0",
        reset_after=_reset_after(reset, now),
    )


def _retry_after(text: str | None, now: float) -> float | None:
    """RFC 9110, section 10.2.3: seconds, or a date."""
    if text is None:
        return None
    date = _http_date(text)
    seconds = _number(text) if date is None else max(0.0, date - now)
    return seconds if seconds is not None and seconds <= _ABSURD_WAIT else None


def _reset_after(text: str, now: float) -> float | None:
    """ReturnMate's reference shows ``1704067200``, absolute seconds; others send milliseconds, or seconds from now."""
    number = _number(text)
    if number is None:
        return None
    if number >= 1e12:
        number /= 1000
    seconds = number if number <= 86400 else number - now
    return max(0.0, seconds) if abs(seconds) <= _ABSURD_WAIT else None


def _number(text: str) -> float | None:
    text = text.strip()
    return float(text) if text.isascii() and _SECONDS.match(text) else None


def _http_date(text: str | None) -> float | None:
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(text or "")
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
