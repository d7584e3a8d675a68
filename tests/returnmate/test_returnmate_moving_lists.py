"""Listings by status whose rows are approved while they are read: nothing is passed over.

The vendor pages by number (ReturnMate API Reference, Pagination). Whoever approves what a listing of pending RMAs shows takes rows out of
it, and every later page moves up: the second page would begin behind rows that nobody has seen.
"""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
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
