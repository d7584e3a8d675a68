"""What the headers of a reply say about when to ask again, and the ``User-Agent`` of a request."""

import functools
import platform
import re
from collections.abc import Mapping
from datetime import UTC
from typing import Final

from attrs import frozen

from returns_hub.adapter import RateLimitHeaders

# No vendor can mean a longer wait; ReturnMate's headers are undocumented enough to expect garbage.
_MAX_PLAUSIBLE_WAIT: Final = 7 * 86400.0
_SECONDS: Final = re.compile(r"\d{1,15}(\.\d{1,9})?\Z")


@frozen(kw_only=True)
class RateLimitReport:
    """What the headers of a reply say about when to ask again; seconds from now, None where they say nothing usable.

    ``exhausted`` is True where no request is left until ``reset_after``.
    """

    retry_after: float | None = None
    limit: int | None = None
    exhausted: bool = False
    reset_after: float | None = None


_USUAL_NAMES: Final = RateLimitHeaders()


def parse_rate_limit_headers(
    headers: Mapping[str, str], *, now: float, names: RateLimitHeaders = _USUAL_NAMES
) -> RateLimitReport:
    """What a reply's headers say of the rate limit, under the names that its vendor uses.

    ``headers`` are by lower-case name; ``now`` is our clock, used where the reply has no ``Date``: the vendor's times
    are by the vendor's clock.
    """
    retry_after, limit, remaining, reset = (
        next((headers[name] for name in known if name in headers), "")
        for known in (names.retry_after, names.limit, names.remaining, names.reset)
    )
    if not (retry_after or limit or remaining or reset):
        return NO_RATE_LIMIT_REPORT
    date = _http_date(headers.get("date"))
    now = now if date is None else date
    return RateLimitReport(
        retry_after=_retry_after(retry_after, now),
        limit=int(limit) if re.fullmatch(r"[0-9]{1,9}", limit) else None,
        exhausted=remaining.strip() == "0",
        reset_after=_reset_after(reset, now),
    )


NO_RATE_LIMIT_REPORT: Final = RateLimitReport()


def _retry_after(text: str, now: float) -> float | None:
    """RFC 9110, section 10.2.3: seconds, or a date."""
    date = _http_date(text)
    seconds = _number(text) if date is None else max(0.0, date - now)
    return seconds if seconds is not None and seconds <= _MAX_PLAUSIBLE_WAIT else None


def _reset_after(text: str, now: float) -> float | None:
    """ReturnMate's reference shows ``1704067200``, absolute seconds; others send milliseconds, or seconds from now."""
    number = _number(text)
    if number is None:
        return None
    if number >= 1e12:
        number /= 1000
    seconds = number if number <= 86400 else number - now
    return max(0.0, seconds) if abs(seconds) <= _MAX_PLAUSIBLE_WAIT else None


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


@functools.cache
def user_agent(app: str | None = None) -> str:
    """In the form that Return Helper asks of its integrators, behind the platform's own name; other vendors ask nothing."""
    from importlib.metadata import version

    system = f"{platform.system()}/{platform.release()}"
    facts = f"Platform={system}; Runtime={platform.python_version()}; Language=Python"
    return f"{app} " * bool(app) + f"returns-hub/{version('returns-hub')} ({facts})"
