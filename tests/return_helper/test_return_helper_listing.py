"""Listings: windows of days under a cursor, pages by offset, and what a filter of the platform comes to."""

from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import evolve

from returns_hub import ReturnQuery, ShipmentQuery, Status, UnexpectedReply, UnsupportedOperation

SINCE = datetime(2024, 1, 1, tzinfo=UTC)
# From 29 January to 31 March of a leap year there are 62 days: 63 with both, the newest window.
UNTIL = datetime(2024, 3, 31, 12, tzinfo=UTC)
SPAN = ReturnQuery(created_after=SINCE, created_before=UNTIL)


def a_row(number: int, created: str = "2024-02-01T00:00:00Z") -> dict[str, object]:
    return {"returnInventoryId": number, "returnRequestId": number + 1000, "createOn": created}


def a_parcel(number: int, created: str = "2024-02-01T00:00:00Z") -> dict[str, object]:
    return {"shipmentId": number, "returnRequestId": number + 1000, "createOn": created}


def query_of(request: Any) -> dict[str, str]:
    return dict(request.query)


@pytest.fixture
def page(adapter: Any, good: Any, finish: Any) -> Any:
    """The page that a listing gives for these rows, out of ``total``."""

    def page(query: Any, *rows: object, cursor: str | None = None, total: object = None) -> Any:
        call = adapter.list_shipments if isinstance(query, ShipmentQuery) else adapter.list_returns
        payload = {} if total is None else {"totalNumberOfRecords": total}
        return finish(call(query, cursor), good(data=list(rows), **payload))

    return page


@pytest.fixture
def walked(adapter: Any, good: Any) -> Any:
    """Every request of a listing that finds nothing: lists and windows in their order."""

    def walked(query: Any) -> list[tuple[str, str, str]]:
        call = adapter.list_shipments if isinstance(query, ShipmentQuery) else adapter.list_returns
        seen, cursor = [], None
        while True:
            operation = call(query, cursor)
            try:
                request = next(operation)
                seen.append((request.path, query_of(request)["createFrom"], query_of(request)["createTo"]))
                operation.send(good(data=[], totalNumberOfRecords=0))
            except StopIteration as stop:
                cursor = stop.value.next
                if cursor is None:
                    return seen

    return walked


def test_first_request_is_of_the_documented_form(adapter: Any) -> None:
    request = next(adapter.list_returns(SPAN))
    assert (request.method, request.path, request.base, request.replayable) == (
        "GET",
        "/ReturnInventory/list",
        None,
        True,
    )
    assert request.query == (
        ("pageSize", "50"),
        ("offset", "0"),
        ("createFrom", "2024-01-01T00:00:00Z"),
        ("createTo", "2024-01-28T23:59:59Z"),
    )


def test_windows_are_walked_oldest_first_both_lists_in_each(walked: Any) -> None:
    assert walked(SPAN) == [
        ("/ReturnInventory/list", "2024-01-01T00:00:00Z", "2024-01-28T23:59:59Z"),
        ("/Shipment/list", "2024-01-01T00:00:00Z", "2024-01-28T23:59:59Z"),
        ("/ReturnInventory/list", "2024-01-29T00:00:00Z", "2024-03-31T23:59:59Z"),
        ("/Shipment/list", "2024-01-29T00:00:00Z", "2024-03-31T23:59:59Z"),
    ]


def test_windows_are_walked_newest_first_where_that_is_asked_for(walked: Any) -> None:
    query = ReturnQuery(created_after=SINCE, created_before=UNTIL, newest_first=True)
    assert [start for _, start, _ in walked(query)][::2] == ["2024-01-29T00:00:00Z", "2024-01-01T00:00:00Z"]


def test_shipments_are_walked_newest_first(walked: Any) -> None:
    assert walked(ShipmentQuery(created_after=SINCE, created_before=UNTIL)) == [
        ("/Shipment/list", "2024-01-29T00:00:00Z", "2024-03-31T23:59:59Z"),
        ("/Shipment/list", "2024-01-01T00:00:00Z", "2024-01-28T23:59:59Z"),
    ]


def test_without_a_beginning_windows_go_back_to_2015(walked: Any) -> None:
    seen = walked(ReturnQuery(created_before=UNTIL))
    assert seen[0] == ("/ReturnInventory/list", "2024-01-29T00:00:00Z", "2024-03-31T23:59:59Z")
    assert seen[-1][1] == "2015-01-01T00:00:00Z"
    # 3,378 days are 53.6 slices of 63.
    assert len(seen) == 2 * 54


def test_without_an_end_the_day_is_the_vendors(adapter: Any, good: Any, requests: Any) -> None:
    clock = good({"Date": "Wed, 13 Mar 2024 23:59:59 GMT"}, data=[], totalNumberOfRecords=0)
    asked, first = requests(adapter.list_returns(ReturnQuery(newest_first=True)), clock)
    assert asked.query == (
        ("pageSize", "1"),
        ("offset", "0"),
        ("createFrom", "2015-01-01T00:00:00Z"),
        ("createTo", "2015-01-01T23:59:59Z"),
    )
    assert query_of(first)["createTo"] == "2024-03-13T23:59:59Z"


def test_the_day_is_asked_for_once_in_a_listing(adapter: Any, good: Any, finish: Any, requests: Any) -> None:
    clock = good({"Date": "Wed, 13 Mar 2024 23:59:59 GMT"}, data=[], totalNumberOfRecords=0)
    page = finish(adapter.list_returns(ReturnQuery()), clock, good(data=[], totalNumberOfRecords=0))
    (request,) = requests(adapter.list_returns(ReturnQuery(), page.next))
    assert (request.path, query_of(request)["createTo"]) == ("/Shipment/list", "2024-03-13T23:59:59Z")


@pytest.mark.parametrize("headers", [{}, {"Date": ""}, {"Date": "soon"}, {"Date": "Wed, 99 Mar 2024 23:59:59 GMT"}])
def test_a_vendor_without_a_clock_is_an_unexpected_reply(
    adapter: Any, good: Any, finish: Any, headers: dict[str, str]
) -> None:
    with pytest.raises(UnexpectedReply) as caught:
        finish(adapter.list_returns(ReturnQuery()), good(headers, data=[], totalNumberOfRecords=0))
    assert caught.value.where == "Date"


def test_a_time_before_the_beginning_is_an_empty_listing(adapter: Any) -> None:
    for operation in (
        adapter.list_returns(ReturnQuery(created_after=UNTIL, created_before=SINCE)),
        adapter.list_shipments(ShipmentQuery(created_after=UNTIL, created_before=SINCE)),
    ):
        with pytest.raises(StopIteration) as stop:
            next(operation)
        assert (stop.value.value.items, stop.value.value.next) == ((), None)


def test_days_are_days_in_utc(adapter: Any) -> None:
    after = datetime.fromisoformat("2024-03-13T23:30:00-02:00")
    before = datetime.fromisoformat("2024-03-15T00:30:00+02:00")
    request = next(adapter.list_returns(ReturnQuery(created_after=after, created_before=before)))
    assert (query_of(request)["createFrom"], query_of(request)["createTo"]) == (
        "2024-03-14T00:00:00Z",
        "2024-03-14T23:59:59Z",
    )


def test_rows_of_the_outer_days_are_compared_to_the_second(page: Any) -> None:
    after, before = datetime(2024, 2, 1, 10, tzinfo=UTC), datetime(2024, 2, 1, 12, tzinfo=UTC)
    rows = [
        a_row(1, "2024-02-01T09:59:59.999"),
        a_row(2, "2024-02-01T10:00:00"),
        a_row(3, "2024-02-01T12:00:00Z"),
        a_row(4, "2024-02-01T12:00:00.001Z"),
    ]
    found = page(ReturnQuery(created_after=after, created_before=before), *rows)
    assert [ret.id for ret in found.items] == ["1002", "1003"]


def test_a_row_without_a_time_is_reported(page: Any) -> None:
    found = page(SPAN, {"returnInventoryId": 1, "returnRequestId": 2, "createOn": None})
    assert [ret.id for ret in found.items] == ["2"]


@pytest.mark.parametrize(
    ("rows", "total", "following"),
    [
        (50, 120, "2024-03-31:0:50"),
        (50, 51, "2024-03-31:0:50"),
        # offset >= totalNumberOfRecords ends a window (Return Helper API, List return inventories, step 4).
        (50, 50, "2024-03-31:1:0"),
        (20, 20, "2024-03-31:1:0"),
        (0, 0, "2024-03-31:1:0"),
        # A page shorter than asked for, of more: behind what came, not behind what was asked for.
        (20, 120, "2024-03-31:0:20"),
        # Without a total, a full page has another behind it.
        (50, None, "2024-03-31:0:50"),
        (49, None, "2024-03-31:1:0"),
        (50, "120", "2024-03-31:0:50"),
        (49, True, "2024-03-31:1:0"),
        (50, -1, "2024-03-31:0:50"),
    ],
)
def test_pages_of_inventories_end_with_the_total(page: Any, rows: int, total: object, following: str) -> None:
    assert page(SPAN, *map(a_row, range(1, rows + 1)), total=total).next == following


@pytest.mark.parametrize(
    ("rows", "total", "following"),
    [
        (50, None, "2024-03-31:1:50"),
        (49, None, "2024-03-31:2:0"),
        # The documents disagree on the total: a full page is never the last for its sake.
        (50, 50, "2024-03-31:1:50"),
        (50, 1, "2024-03-31:1:50"),
        (20, 120, "2024-03-31:1:20"),
        (0, 120, "2024-03-31:2:0"),
    ],
)
def test_pages_of_shipments_end_with_a_short_one(page: Any, rows: int, total: object, following: str) -> None:
    parcels = map(a_parcel, range(1, rows + 1))
    assert page(SPAN, *parcels, cursor="2024-03-31:1:0", total=total).next == following


def test_offset_of_a_cursor_is_asked_for(adapter: Any) -> None:
    request = next(adapter.list_returns(SPAN, "2024-03-31:2:150"))
    assert request.query == (
        ("pageSize", "50"),
        ("offset", "150"),
        ("createFrom", "2024-01-29T00:00:00Z"),
        ("createTo", "2024-03-31T23:59:59Z"),
    )


def test_rows_that_are_counted_and_not_shown_are_a_gap(page: Any) -> None:
    assert page(SPAN, cursor="2024-03-31:0:50", total=120).gaps == (
        "the inventories of 2024-01-01..2024-01-28: the vendor counts 120, and shows 50",
    )


def test_page_size_is_the_callers_up_to_fifty(adapter: Any) -> None:
    request = next(adapter.list_returns(ReturnQuery(created_after=SINCE, created_before=UNTIL, page_size=7)))
    assert query_of(request)["pageSize"] == "7"


def test_page_holds_fifty_rows_at_most(adapter: Any, make: Any) -> None:
    query = ReturnQuery(created_after=SINCE, created_before=UNTIL)
    assert query_of(next(adapter.list_returns(evolve(query, page_size=51))))["pageSize"] == "50"
    assert query_of(next(make(page_size=20).list_returns(query)))["pageSize"] == "20"
    assert query_of(next(make(page_size=20).backfill(SINCE, UNTIL)[0].read(None)))["pageSize"] == "20"


@pytest.mark.parametrize("size", [0, -1])
def test_page_without_a_row_is_refused(adapter: Any, size: int) -> None:
    with pytest.raises(ValueError, match="page_size"):
        next(adapter.list_returns(ReturnQuery(page_size=size)))
    with pytest.raises(ValueError, match="page_size"):
        next(adapter.list_shipments(ShipmentQuery(page_size=size)))


def test_row_of_the_time_is_given_although_another_of_its_return_is_older(page: Any) -> None:
    query = ReturnQuery(created_after=datetime(2024, 2, 1, 10, tzinfo=UTC), created_before=UNTIL)
    rows = [
        {**a_row(1, "2024-02-01T09:00:00Z"), "returnRequestId": 7},
        {**a_row(2, "2024-02-01T11:00:00Z"), "returnRequestId": 7},
    ]
    (ret,) = page(query, *rows, cursor="2024-03-31:0:0", total=2).items
    assert [item.id for item in ret.items] == ["2"]


@pytest.mark.parametrize(
    "query",
    [
        ReturnQuery(status=frozenset({Status.RECEIVED})),
        ReturnQuery(raw_status=("ohd",)),
        ReturnQuery(updated_after=SINCE),
        ReturnQuery(customer_email="a@b.c"),
        ReturnQuery(order_number="#1"),
    ],
)
def test_filter_that_the_vendor_lacks_is_refused_before_anything_is_sent(adapter: Any, query: ReturnQuery) -> None:
    with pytest.raises(UnsupportedOperation, match="return_helper list_returns"):
        next(adapter.list_returns(query))


@pytest.mark.parametrize(
    "cursor",
    ["", "2", "2024-03-31", "2024-03-31:0", "2024-03-31:0:-1", "2024-03-31:9:0", "2024-02-31:0:0", "x:0:0", "٢:0:0"],
)
def test_cursor_of_something_else_is_a_value_error(adapter: Any, cursor: str) -> None:
    with pytest.raises(ValueError, match="the cursor is not one that this listing gave"):
        next(adapter.list_returns(SPAN, cursor))


def test_shipments_are_given_with_their_returns(page: Any) -> None:
    query = ShipmentQuery(created_after=SINCE, created_before=UNTIL)
    (shipment,) = page(query, a_parcel(4123)).items
    assert (shipment.id, shipment.return_id) == ("4123", "5123")


def test_shipment_without_an_id_is_set_aside(page: Any) -> None:
    found = page(ShipmentQuery(created_after=SINCE, created_before=UNTIL), {"returnRequestId": 7}, a_parcel(1))
    assert [shipment.id for shipment in found.items] == ["1"]
    assert [record.where for record in found.invalid_records] == ["data[0].shipmentId"]


def test_shipments_of_one_return_are_those_of_its_request(adapter: Any, good: Any, finish: Any, requests: Any) -> None:
    query = ShipmentQuery(return_id="2301")
    (request,) = requests(adapter.list_shipments(query))
    assert (request.path, request.query) == ("/returnrequest/getReturnRequest", (("returnRequestId", "2301"),))
    found = finish(adapter.list_shipments(query), good(returnRequestId=2301, shipments=[{"shipmentId": 5}]))
    assert [(shipment.id, shipment.return_id) for shipment in found.items] == [("5", "2301")]


def test_shipments_of_one_return_have_no_filter(adapter: Any) -> None:
    with pytest.raises(UnsupportedOperation, match="not listed by time"):
        next(adapter.list_shipments(ShipmentQuery(return_id="2301", created_after=SINCE)))


# Over HTTP


def test_every_return_of_both_lists_is_listed_once(simulator: Any, client: Any) -> None:
    found = [ret.id for ret in client.list_returns(page_size=3)]
    assert len(found) == len(set(found))
    assert set(found) == simulator.return_ids
    assert (client.invalid_records, client.gaps) == (0, ())


@pytest.mark.parametrize("newest_first", [False, True])
def test_every_return_since_a_time_is_listed(simulator: Any, client: Any, newest_first: bool) -> None:
    since = datetime(2023, 1, 1, tzinfo=UTC)
    whole = list(client.list_returns())
    some = list(client.list_returns(created_after=since, newest_first=newest_first))
    assert {ret.id for ret in some} == {ret.id for ret in whole if ret.created_at >= since}
    assert some


def test_every_shipment_is_listed(simulator: Any, client: Any) -> None:
    listed = {shipment.id: shipment.return_id for shipment in client.list_shipments(page_size=7)}
    # Those that nobody announced, whose numbers begin with UN, are not in the list.
    announced = [raw for raw in simulator.shipments.values() if not raw["shipmentNumber"].startswith("UN")]
    assert listed == {str(raw["shipmentId"]): str(raw["returnRequestId"]) for raw in announced}


def test_listing_goes_on_behind_pages_that_show_nothing_new(simulator: Any, client: Any) -> None:
    # Six returns of one window arrive in the next: their second pages bring nothing new, and older returns follow.
    old = simulator.add_return(created_at=datetime(2016, 1, 1, tzinfo=UTC))
    for _ in range(6):
        simulator.add_return(created_at=datetime(2016, 6, 1, tzinfo=UTC), arrived_at=datetime(2016, 9, 1, tzinfo=UTC))
    found = [ret.id for ret in client.list_returns(created_before=datetime(2016, 12, 1, tzinfo=UTC), page_size=3)]
    assert (len(found), found[-1]) == (7, old)
