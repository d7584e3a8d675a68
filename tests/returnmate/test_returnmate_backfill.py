"""The backfill: along creation times, and side by side from the pages that the vendor's total tells of."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from returns_hub import ReturnQuery

SINCE = datetime(2020, 1, 1, tzinfo=UTC)
UNTIL = datetime(2026, 11, 21, 12, tzinfo=UTC)
BEGIN = datetime(2024, 12, 30, 10, 30, tzinfo=UTC)


def some_rows(first: int, count: int = 100) -> list[dict[str, Any]]:
    """RMAs that were created a minute after one another."""
    return [
        {"id": f"rma_{n}", "status": "pending", "created_at": f"{BEGIN + timedelta(minutes=n):%Y-%m-%dT%H:%M:%SZ}"}
        for n in range(first, first + count)
    ]


@pytest.fixture
def read(adapter: Any, rows: Any, finish: Any) -> Any:
    """A page of the backfill, read from a cursor, that has these rows and numbers."""
    (part,) = adapter.backfill(SINCE, UNTIL)
    return lambda cursor, data, **meta: finish(part.read(cursor), rows(*data, **meta))


def test_the_next_page_begins_at_the_last_row_s_time(read: Any) -> None:
    page = read(None, some_rows(0), per_page=100, total=250)
    assert (page.next, page.total) == ("2@2024-12-30T12:09:00Z/1", 250)


def test_the_total_tells_where_else_it_can_be_read_from(read: Any) -> None:
    page = read(None, some_rows(0), per_page=100, total=10_000)
    # 99 more pages, from eight places.
    assert page.prefetch == ("2@2024-12-30T12:09:00Z/1", "14", "26", "39", "51", "63", "76", "88")


@pytest.mark.parametrize(("total", "ahead"), [(250, 1), (1_600, 1), (1_700, 2), (2_500, 3), (6_500, 8), (1_000_000, 8)])
def test_a_short_listing_is_not_worth_many_places(read: Any, total: int, ahead: int) -> None:
    # Each place but the first costs about half a page: less than a tenth of the eight pages that it stands for.
    assert len(read(None, some_rows(0), per_page=100, total=total).prefetch) == ahead


def test_a_short_page_s_own_length_is_what_counts(read: Any) -> None:
    assert read(None, some_rows(0, 50), per_page=50, total=1_600).prefetch[1:] == ("12", "22")


def test_without_a_total_nothing_is_known_ahead(read: Any) -> None:
    page = read(None, some_rows(0), per_page=100)
    assert (page.next, page.prefetch) == ("2@2024-12-30T12:09:00Z/1", ())


def test_the_last_page_leads_nowhere(read: Any) -> None:
    page = read(None, some_rows(0, 60), per_page=100, total=60)
    assert (page.next, page.prefetch, page.total) == (None, (), 60)


def test_a_place_further_on_is_a_page_number_and_goes_on_along_the_times(read: Any) -> None:
    page = read("14", some_rows(1300), per_page=100, total=10_000)
    # Its rows may be others by now: what it counts says nothing about the pages that were read before.
    assert (page.next, page.total) == ("15@2024-12-31T09:49:00Z/1", None)


def test_rows_out_of_order_are_counted_off_and_the_total_tells_when_they_move(read: Any) -> None:
    page = read("14", some_rows(1300)[::-1], per_page=100, total=10_000)
    assert (page.next, page.total) == ("15", 10_000)


def test_a_listing_that_is_not_a_backfill_knows_nothing_ahead(adapter: Any, rows: Any, finish: Any) -> None:
    page = finish(adapter.list_returns(ReturnQuery()), rows(*some_rows(0), per_page=100, total=10_000))
    assert (page.next, page.prefetch) == ("2", ())
