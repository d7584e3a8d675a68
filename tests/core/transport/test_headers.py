"""When to ask again, by the headers of a reply."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from returns_hub import RateLimitHeaders
from returns_hub.transport.headers import parse_rate_limit_headers


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1704067200", 60.0),
        ("1704067200.5", 60.5),
        ("1704067200000", 60.0),
        ("45", 45.0),
        ("0", 0.0),
        ("1704067000", 0.0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1e9", None),
        ("99999999999", None),
        ("123456789", None),
        ("９９", None),
    ],
)
def test_rate_limit_reset_forms(text: str, seconds: float | None) -> None:
    # ReturnMate's reference shows 1704067200; the clock of these cases stands a minute before it.
    assert parse_rate_limit_headers({"x-ratelimit-reset": text}, now=1704067140.0).reset_after == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        ("1.5", 1.5),
        ("0", 0.0),
        ("Mon, 01 Jan 2024 00:00:00 GMT", 60.0),
        ("Mon, 01 Jan 2020 00:00:00 GMT", 0.0),
        ("-1", None),
        ("later", None),
        ("9" * 14, None),
        ("Mon, 01 Jan 9999 00:00:00 GMT", None),
        ("Mon, 99 Jan 2024 00:00:00 GMT", None),
    ],
)
def test_retry_after_forms(text: str, seconds: float | None) -> None:
    assert parse_rate_limit_headers({"retry-after": text}, now=1704067140.0).retry_after == seconds


def test_vendors_clock_counts_where_the_reply_has_a_date() -> None:
    headers = {"x-ratelimit-reset": "1704067200", "date": "Sun, 31 Dec 2023 23:59:30 GMT"}
    assert parse_rate_limit_headers(headers, now=0.0).reset_after == 30.0


@pytest.mark.parametrize(("text", "limit"), [("120", 120), ("0", 0), ("120, 120;w=60", None), ("", None), ("x", None)])
def test_published_limit_is_a_plain_number_or_ignored(text: str, limit: int | None) -> None:
    assert parse_rate_limit_headers({"x-ratelimit-limit": text}, now=0.0).limit == limit


def test_the_names_without_x_are_read_as_well_and_an_adapter_may_name_others() -> None:
    # AfterShip sends these on every reply; the reset is in seconds since 1970.
    told = {"ratelimit-limit": "10", "ratelimit-remaining": "0", "ratelimit-reset": "1704067200"}
    report = parse_rate_limit_headers(told, now=1704067199.0)
    assert (report.limit, report.exhausted, report.reset_after) == (10, True, 1.0)
    # ShipBob has no Retry-After.
    names = RateLimitHeaders(retry_after=("X-Retry-After", "Retry-After"), remaining=("X-Remaining-Calls",))
    report = parse_rate_limit_headers({"x-retry-after": "25", "x-remaining-calls": "0"}, now=0.0, names=names)
    assert (report.retry_after, report.exhausted) == (25.0, True)


@given(st.dictionaries(st.sampled_from(["retry-after", "x-ratelimit-reset", "x-ratelimit-limit", "date"]), st.text()))
def test_no_header_breaks_the_reading_of_headers(headers: dict[str, str]) -> None:
    pacing = parse_rate_limit_headers(headers, now=1704067140.0)
    assert (pacing.retry_after or 0) >= 0
    assert (pacing.reset_after or 0) >= 0
