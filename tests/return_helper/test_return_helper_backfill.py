"""Backfills: windows that miss no day, pages side by side where nothing moves, and no more requests than there must be."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from returns_hub import Client, Page, Return, Slice
from returns_hub.accounts import build_adapter
from returns_hub.testing import serve
from returns_hub.testing.drivers import open_with
from returns_hub_return_helper import ReturnHelper
from returns_hub_return_helper.pagination import Window, build_windows
from returns_hub_return_helper.sandbox import ReturnHelperSandbox

DAY = timedelta(days=1)
DAYS = st.dates(min_value=date(1, 1, 1), max_value=date(9999, 12, 31))


def spans() -> Any:
    near = st.tuples(DAYS, st.integers(min_value=0, max_value=400)).map(lambda pair: (pair[0], _later(*pair)))
    return near | st.tuples(DAYS, DAYS).map(sorted)


def _later(day: date, days: int) -> date:
    return day + min(timedelta(days=days), date.max - day)


# The arithmetic of windows (Return Helper API, List return inventories, "Window semantics")


@settings(deadline=None)
@given(span=spans(), overlap=st.booleans())
def test_windows_hold_every_day_and_none_besides(span: tuple[date, date], overlap: bool) -> None:
    first, last = span
    found = build_windows(first, last, overlap=overlap)
    assert (found[0].last, found[-1].first) == (last, first)
    assert all((older.last - newer.first).days == (0 if overlap else -1) for newer, older in pairwise(found))


@settings(deadline=None)
@given(span=spans(), overlap=st.booleans())
def test_no_window_is_wider_than_the_vendor_takes(span: tuple[date, date], overlap: bool) -> None:
    assert all(0 <= (window.last - window.first).days <= 62 for window in build_windows(*span, overlap=overlap))


@settings(deadline=None)
@given(span=spans())
def test_there_are_as_few_windows_as_can_be(span: tuple[date, date]) -> None:
    days = (span[1] - span[0]).days
    assert len(build_windows(*span, overlap=True)) == max(1, -(-days // 62))
    assert len(build_windows(*span, overlap=False)) == -(-(days + 1) // 63)


@settings(deadline=None)
@given(span=st.tuples(DAYS, DAYS).filter(lambda span: span[0] > span[1]))
def test_there_is_no_window_in_no_day(span: tuple[date, date]) -> None:
    assert build_windows(*span, overlap=True) == build_windows(*span, overlap=False) == ()


def test_windows_of_the_seeds_example_are_as_wide() -> None:
    # Return Helper API, List return inventories: "May 14 - Mar 13 = 62 days" is valid.
    assert build_windows(date(2024, 3, 13), date(2024, 5, 14), overlap=True) == (
        Window(date(2024, 3, 13), date(2024, 5, 14)),
    )


def test_windows_with_overlap_share_the_seam_day() -> None:
    assert list(map(str, build_windows(date(2024, 1, 1), date(2024, 7, 1), overlap=True))) == [
        "2024-04-30..2024-07-01",
        "2024-02-28..2024-04-30",
        "2024-01-01..2024-02-28",
    ]


def test_windows_without_overlap_are_slices_of_63_days() -> None:
    assert list(map(str, build_windows(date(2024, 1, 1), date(2024, 7, 1), overlap=False))) == [
        "2024-04-30..2024-07-01",
        "2024-02-27..2024-04-29",
        "2024-01-01..2024-02-26",
    ]


# Slices


def keys(adapter: Any, since: str, until: str) -> list[str]:
    return [part.key for part in adapter.backfill(datetime.fromisoformat(since), datetime.fromisoformat(until))]


def test_each_window_is_two_slices_the_newest_first(adapter: Any) -> None:
    assert keys(adapter, "2024-03-01T00:00:00+00:00", "2024-05-14T09:00:00+00:00") == [
        "inventories 2024-03-13..2024-05-14",
        "shipments 2024-03-13..2024-05-14",
        "inventories 2024-03-01..2024-03-13",
        "shipments 2024-03-01..2024-03-13",
    ]


def test_seam_is_read_once_where_that_is_wanted(make: Any) -> None:
    assert keys(make(overlap=False), "2024-03-01T00:00:00+00:00", "2024-05-14T09:00:00+00:00")[2:] == [
        "inventories 2024-03-01..2024-03-12",
        "shipments 2024-03-01..2024-03-12",
    ]


def test_days_of_a_backfill_are_days_in_utc(adapter: Any) -> None:
    assert keys(adapter, "2024-03-02T01:00:00+02:00", "2024-03-02T23:00:00-02:00") == [
        "inventories 2024-03-01..2024-03-03",
        "shipments 2024-03-01..2024-03-03",
    ]


def rows(start: int, count: int) -> list[dict[str, object]]:
    return [{"returnInventoryId": n, "returnRequestId": n} for n in range(start + 1, start + count + 1)]


@pytest.fixture
def slices(adapter: Any) -> Any:
    """Two windows: one that may still grow, and one that is over; inventories and shipments of each."""
    return adapter.backfill(datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 4, 1, tzinfo=UTC))


def test_window_that_is_over_is_read_side_by_side(slices: Any, good: Any, finish: Any) -> None:
    page = finish(slices[2].read(None), good(data=rows(0, 50), totalNumberOfRecords=180))
    assert (page.next, page.prefetch, page.total) == ("50", ("50", "100", "150"), 180)


def test_page_in_the_middle_leads_on_from_where_it_is(slices: Any, good: Any, finish: Any) -> None:
    page = finish(slices[2].read("100"), good(data=rows(100, 50), totalNumberOfRecords=180))
    assert (page.next, page.prefetch) == ("150", ("150",))


def test_last_page_ends_the_slice(slices: Any, good: Any, finish: Any) -> None:
    page = finish(slices[2].read("150"), good(data=rows(150, 30), totalNumberOfRecords=180))
    assert (page.next, page.prefetch) == (None, ())


def test_rows_that_came_meanwhile_are_read_too(slices: Any, good: Any, finish: Any) -> None:
    page = finish(slices[2].read("150"), good(data=rows(150, 50), totalNumberOfRecords=201))
    assert (page.next, page.prefetch) == ("200", ("200",))


def test_newest_window_is_read_page_after_page(slices: Any, good: Any, finish: Any) -> None:
    page = finish(slices[0].read(None), good(data=rows(0, 50), totalNumberOfRecords=180))
    assert (page.next, page.prefetch) == ("50", ())


def test_total_that_cannot_be_is_bounded(slices: Any, good: Any, finish: Any) -> None:
    page = finish(slices[2].read(None), good(data=rows(0, 50), totalNumberOfRecords=10**30))
    assert (len(page.prefetch), page.prefetch[-1]) == (200, "10000")


def test_shipments_without_a_total_are_read_page_after_page(slices: Any, good: Any, finish: Any) -> None:
    parcels = [{"shipmentId": n, "returnRequestId": n} for n in range(1, 51)]
    page = finish(slices[3].read(None), good(data=parcels))
    assert (page.next, page.prefetch, page.total) == ("50", (), None)


def test_shipments_with_a_total_are_read_side_by_side_and_past_it(slices: Any, good: Any, finish: Any) -> None:
    parcels = [{"shipmentId": n, "returnRequestId": n} for n in range(1, 51)]
    first = finish(slices[3].read(None), good(data=parcels, totalNumberOfRecords=100))
    assert (first.next, first.prefetch, first.total) == ("50", ("50",), None)
    assert finish(slices[3].read("50"), good(data=parcels, totalNumberOfRecords=100)).next == "100"


def test_slice_is_taken_up_at_its_cursor(slices: Any, requests: Any) -> None:
    (request,) = requests(slices[2].read("150"))
    assert request.query == (
        ("pageSize", "50"),
        ("offset", "150"),
        ("createFrom", "2024-01-01T00:00:00Z"),
        ("createTo", "2024-01-30T23:59:59Z"),
    )


def test_slice_is_called_a_backfill_in_errors(slices: Any) -> None:
    assert slices[0].read(None).__name__ == "backfill"


@pytest.mark.parametrize("cursor", ["", "-1", "x", "50:1", "9" * 10, "٣"])
def test_cursor_of_something_else_is_a_value_error(slices: Any, cursor: str) -> None:
    with pytest.raises(ValueError, match="cursor"):
        next(slices[0].read(cursor))


# A vendor with the documentation's rules to the letter


class Vendor:
    """Both lists over records at times; it refuses a window that is too wide, and filters by whole days, both included."""

    def __init__(self, good: Any, bad: Any, times: list[datetime]) -> None:
        self.good, self.bad = good, bad
        self.records = {
            "/ReturnInventory/list": list(enumerate(times, 1)),
            "/Shipment/list": list(enumerate(times, 1)),
        }
        self.requests: Counter[str] = Counter()
        # What happens to the inventories after a request.
        self.meanwhile: Callable[[], None] = lambda: None

    def answer(self, request: Any) -> Any:
        query = dict(request.query)
        first, last = (datetime.fromisoformat(query[name]).date() for name in ("createFrom", "createTo"))
        size, offset = int(query["pageSize"]), int(query["offset"])
        self.requests[request.path] += 1
        if (last - first).days > 62 or not 1 <= size <= 50 or offset < 0:
            return self.bad("VALIDATION_FAILED", createTo="too wide")
        found = [(n, at) for n, at in self.records[request.path] if first <= at.date() <= last]
        name = "returnInventoryId" if "Inventory" in request.path else "shipmentId"
        data = [{name: n, "returnRequestId": n, "createOn": at.isoformat()} for n, at in found[offset : offset + size]]
        self.meanwhile()
        total = {"totalNumberOfRecords": len(found)} if "Inventory" in request.path else {}
        return self.good(data=data, **total)

    def run(self, operation: Any) -> Any:
        request = next(operation)
        while True:
            try:
                request = operation.send(self.answer(request))
            except StopIteration as stop:
                return stop.value

    def pages(self, part: Any, *, backwards: bool = False) -> Iterator[Page[Return]]:
        """The pages of a slice; what can be read side by side is, the last of it first if that is asked for."""
        cursor = None
        while True:
            page = self.run(part.read(cursor))
            yield page
            for ahead in page.prefetch[-2::-1] if backwards else page.prefetch[:-1]:
                yield self.run(part.read(ahead))
            cursor = page.prefetch[-1] if page.prefetch else page.next
            if cursor is None:
                return

    def backfilled(
        self, adapter: Any, since: datetime, until: datetime, **how: bool
    ) -> tuple[set[str | None], set[str | None]]:
        """The inventories and the shipments that a backfill finds."""
        found = [
            ret for part in adapter.backfill(since, until) for page in self.pages(part, **how) for ret in page.items
        ]
        return {item.id for ret in found for item in ret.items}, {one.id for ret in found for one in ret.shipments}


def every(count: int) -> set[str | None]:
    return set(map(str, range(1, count + 1)))


@pytest.mark.parametrize("overlap", [True, False])
def test_no_record_is_lost_on_either_side_of_any_midnight(make: Any, good: Any, bad: Any, overlap: bool) -> None:
    since, until = datetime(2023, 1, 1, 15, tzinfo=UTC), datetime(2024, 7, 1, 9, tzinfo=UTC)
    midnights = [datetime(2023, 1, 1, tzinfo=UTC) + DAY * n for n in range((until - since).days + 2)]
    tick = timedelta(microseconds=1)
    times = [time for midnight in midnights for time in (midnight, midnight + DAY - tick)]
    vendor = Vendor(good, bad, times)
    assert vendor.backfilled(make(overlap=overlap), since, until) == (every(len(times)), every(len(times)))


@pytest.mark.parametrize(("overlap", "most"), [(True, 1.1), (False, 1.02)])
def test_ten_years_are_read_with_few_more_requests_than_there_must_be(
    make: Any, good: Any, bad: Any, overlap: bool, most: float
) -> None:
    since, until = datetime(2014, 1, 1, tzinfo=UTC), datetime(2023, 12, 31, 12, tzinfo=UTC)
    step = (until - since) / 2000
    vendor = Vendor(good, bad, [since + step * n for n in range(2000)])
    assert vendor.backfilled(make(overlap=overlap), since, until) == (every(2000), every(2000))
    # 3,652 days are 58 windows of 63 days, and 2,000 rows in 58 windows are one page of each.
    assert vendor.requests["/ReturnInventory/list"] <= 58 * most
    assert vendor.requests["/Shipment/list"] <= 58 * most


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("at", ["front", "end", "middle"])
def test_nothing_is_lost_of_a_newest_window_that_grows_meanwhile(
    adapter: Any, good: Any, bad: Any, at: str, backwards: bool
) -> None:
    since, until = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 3, 1, tzinfo=UTC)
    vendor = Vendor(good, bad, [until] * 230)
    listed = vendor.records["/ReturnInventory/list"]
    places: dict[str, Callable[[], int]] = {
        "front": lambda: 0,
        "end": lambda: len(listed),
        "middle": lambda: len(listed) // 2,
    }

    def arrive() -> None:
        if len(listed) < 260:
            listed.insert(places[at](), (len(listed) + 1000, until))

    vendor.meanwhile = arrive
    inventories, shipments = vendor.backfilled(adapter, since, until, backwards=backwards)
    assert inventories >= every(230)
    assert shipments == every(230)


def test_pages_of_a_closed_window_may_be_read_in_any_order(adapter: Any, good: Any, bad: Any) -> None:
    since, until = datetime(2023, 1, 1, tzinfo=UTC), datetime(2024, 3, 1, tzinfo=UTC)
    vendor = Vendor(good, bad, [since + DAY] * 1234)
    assert vendor.backfilled(adapter, since, until, backwards=True)[0] == every(1234)
    # 7 windows with the overlap; 24 pages more in the one with the rows.
    assert vendor.requests["/ReturnInventory/list"] == 7 + 24


# Over HTTP


@pytest.mark.parametrize("overlap", [True, False])
@pytest.mark.parametrize("shipment_total", [True, False])
def test_simulator_is_backfilled_whole(overlap: bool, shipment_total: bool) -> None:
    simulator = ReturnHelperSandbox(count=150, shipment_total=shipment_total)
    adapter = build_adapter(ReturnHelper, {**simulator.options, "overlap": overlap})
    with serve(simulator) as running, open_with(adapter, **simulator.base_urls(running.url)) as client:
        parts = adapter.backfill(datetime(2016, 1, 1, tzinfo=UTC), datetime.now(UTC))
        found = [ret for part in parts for page in _pages(client, part) for ret in page.items]
    assert {ret.id for ret in found} == simulator.return_ids
    assert {item.id for ret in found for item in ret.items} == set(map(str, simulator.inventories))
    assert {call.status for call in simulator.requests} == {200}


def _pages(client: Client, part: Slice) -> Iterator[Page[Return]]:
    cursor = None
    while True:
        page = client.run(part.read(cursor))
        yield page
        cursor = page.next
        if cursor is None:
            return
