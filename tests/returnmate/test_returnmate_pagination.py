"""Listings along creation times, and by page number.

A listing by status whose rows are approved while it is read passes over nothing (ReturnMate API Reference, "Pagination": pages are numbered, and
whoever approves what a listing of pending RMAs shows takes rows out of it). The backfill goes along the times too, side by side from the pages
that the vendor's total tells of.
"""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from returns_hub import ReturnQuery, Status, connect, connect_async
from returns_hub.testing import serve
from returns_hub_returnmate.sandbox import ReturnMateSandbox

PENDING = ReturnQuery(status=frozenset({Status.REQUESTED}), page_size=2)


def row(number: int, second: int) -> dict[str, Any]:
    return {"id": f"rma_{number}", "status": "pending", "created_at": f"2024-12-30T10:30:{second:02d}Z"}


@pytest.fixture
def vendor() -> ReturnMateSandbox:
    """60 pending RMAs, three to a second and seven in one."""
    simulator = ReturnMateSandbox(count=0)
    for number in range(60):
        second = 5 if 15 <= number < 22 else number // 3
        simulator.add_rma(status="pending", created_at=datetime(2024, 12, 30, 10, 30, second, tzinfo=UTC))
    return simulator


@pytest.fixture
def base_url(vendor: ReturnMateSandbox) -> Iterator[str]:
    with serve(vendor) as running:
        yield running.url + vendor.base_path


@pytest.mark.parametrize("newest_first", [False, True])
def test_all_are_approved_in_one_go(vendor: ReturnMateSandbox, base_url: str, newest_first: bool) -> None:
    with connect("returnmate", base_url=base_url, rate_limit="none", **vendor.options) as client:
        for ret in client.list_returns(status=Status.REQUESTED, page_size=4, newest_first=newest_first):
            client.set_status(ret.id, Status.APPROVED)
        assert [ret.id for ret in client.list_returns(raw_status="pending")] == []


def test_every_other_one_is_approved_and_all_are_seen(vendor: ReturnMateSandbox, base_url: str) -> None:
    seen = []
    with connect("returnmate", base_url=base_url, rate_limit="none", **vendor.options) as client:
        for number, ret in enumerate(client.list_returns(status=Status.REQUESTED, page_size=4)):
            seen.append(ret.id)
            if number % 2:
                client.set_status(ret.id, Status.APPROVED)
    assert sorted(seen) == sorted(vendor.return_ids)


def test_all_are_approved_in_one_go_on_an_event_loop(vendor: ReturnMateSandbox, base_url: str) -> None:
    async def approve() -> None:
        async with connect_async("returnmate", base_url=base_url, rate_limit="none", **vendor.options) as client:
            async for ret in client.list_returns(status=Status.REQUESTED, page_size=7):
                await client.set_status(ret.id, Status.APPROVED)

    asyncio.run(approve())
    assert {rma["status"] for rma in vendor.rmas.values()} == {"approved"}


def test_a_listing_that_nobody_changes_is_read_whole(vendor: ReturnMateSandbox, base_url: str) -> None:
    with connect("returnmate", base_url=base_url, rate_limit="none", **vendor.options) as client:
        found = [ret.id for ret in client.list_returns(status=Status.REQUESTED, page_size=4)]
    assert sorted(found) == sorted(vendor.return_ids)


def test_the_next_page_begins_at_the_last_rows_second(adapter: Any, answer: Any, finish: Any) -> None:
    page = finish(
        adapter.list_returns(PENDING),
        answer(200, {"data": [row(1, 1), row(2, 2)], "meta": {"per_page": 2, "total": 9}}),
    )
    request = next(adapter.list_returns(PENDING, page.next))
    assert request.query == (
        ("page", "1"),
        ("per_page", "2"),
        ("sort", "created_at"),
        ("order", "asc"),
        ("status", "pending"),
        ("created_after", "2024-12-30T10:30:01Z"),
    )


def test_a_page_that_goes_no_further_is_read_on_from(adapter: Any, answer: Any, finish: Any) -> None:
    meta = {"per_page": 2, "total": 9}
    second = finish(adapter.list_returns(PENDING), answer(200, {"data": [row(1, 1), row(2, 1)], "meta": meta})).next
    operation = adapter.list_returns(PENDING, second)
    next(operation)
    request = operation.send(answer(200, {"data": [row(1, 1), row(2, 1)], "meta": meta}))
    assert request.query[0] == ("page", "2")
    with pytest.raises(StopIteration) as stop:
        operation.send(answer(200, {"data": [row(3, 1), row(4, 2)], "meta": meta}))
    assert [ret.id for ret in stop.value.value.items] == ["rma_1", "rma_2", "rma_3", "rma_4"]


def test_a_page_that_only_repeats_ends_the_reading_on(adapter: Any, answer: Any, finish: Any) -> None:
    full = answer(200, {"data": [row(1, 1), row(2, 1)], "meta": {"per_page": 2, "total": 9}})
    second = finish(adapter.list_returns(PENDING), full).next
    assert len(finish(adapter.list_returns(PENDING, second), full, full).items) == 2


def test_a_vendor_that_does_not_filter_by_creation_is_paged_by_number(adapter: Any, answer: Any, finish: Any) -> None:
    first = {"data": [row(1, 1), row(2, 40)], "meta": {"per_page": 2, "total": 4}}
    second = finish(adapter.list_returns(PENDING), answer(200, first)).next
    operation = adapter.list_returns(PENDING, second)
    next(operation)
    assert operation.send(answer(200, first)).query[0] == ("page", "2")


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([row(2, 2), row(1, 1)], id="the order is not kept"),
        pytest.param([row(1, 1), {"id": "rma_2", "status": "pending"}], id="a row has no time"),
    ],
)
def test_rows_without_an_order_are_paged_by_number(adapter: Any, answer: Any, finish: Any, rows: Any) -> None:
    page = finish(adapter.list_returns(PENDING), answer(200, {"data": rows, "meta": {"per_page": 2, "total": 9}}))
    assert page.next == "2x2"


def test_a_listing_without_a_status_is_paged_by_number(adapter: Any, answer: Any, finish: Any) -> None:
    rows = {"data": [row(1, 1), row(2, 2)], "meta": {"per_page": 2, "total": 9}}
    assert finish(adapter.list_returns(ReturnQuery(page_size=2)), answer(200, rows)).next == "2x2"


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
