"""What is listed: filters on the wire and again here, two lists as one, shipments."""

from datetime import UTC, datetime
from typing import Any

import pytest

from returns_hub import ReturnQuery, ShipmentQuery, Status, UnexpectedReply, UnsupportedOperation
from returns_hub_returnless import Returnless

PAGE = (("per_page", "200"), ("sort_order", "asc"))


@pytest.fixture
def listed(adapter: Returnless, pages: Any) -> Any:
    """The ids that a query lists, and what it asked of the vendor."""

    def listed(query: ReturnQuery, vendor: Any, **more: Any) -> list[str]:
        found = pages(lambda cursor: adapter.list_returns(query, cursor, **more), vendor)
        return [ret.id for page in found for ret in page.items]

    return listed


def a_request(number: int, at: str, **fields: Any) -> dict[str, Any]:
    return {"request_id": str(number), "status": "open", "request_date": at, **fields}


@pytest.mark.parametrize(
    ("query", "sent"),
    [
        ({"order_number": "#00+12"}, [("reference", "#00+12")]),
        ({"customer_email": "a+b@example.com"}, [("emailaddress", "a+b@example.com")]),
        ({"raw_status": ("checked",)}, [("status", "checked")]),
        ({"status": frozenset({Status.INSPECTED})}, [("status", "checked")]),
        ({"created_after": datetime(2021, 2, 15, tzinfo=UTC)}, [("created_after", "2021-02-14 23:59:59")]),
        ({"updated_after": datetime(2022, 2, 1, tzinfo=UTC)}, [("updated_after", "2022-02-01 00:00:00")]),
        ({"created_before": datetime(2022, 2, 1, tzinfo=UTC)}, []),
        ({"status": frozenset({Status.UNKNOWN})}, []),
    ],
)
def test_filter_as_it_is_sent(adapter: Returnless, query: dict[str, Any], sent: list[tuple[str, str]]) -> None:
    request = next(adapter.list_returns(ReturnQuery(**query)))
    assert (request.path, request.query) == ("/returns", (*PAGE, *sent))


def test_internal_order_reference_is_a_filter(adapter: Returnless) -> None:
    assert next(adapter.list_returns(ReturnQuery(), order_id="194019")).query == (*PAGE, ("order_id", "194019"))


def test_every_filter_at_once(adapter: Returnless) -> None:
    query = ReturnQuery(
        raw_status=("received",),
        created_after=datetime(2021, 2, 15, tzinfo=UTC),
        updated_after=datetime(2022, 2, 1, tzinfo=UTC),
        customer_email="a@b.c",
        order_number="ORD00012",
        page_size=150,
    )
    assert dict(next(adapter.list_returns(query, order_id="194019")).query) == {
        "per_page": "150",
        "sort_order": "asc",
        "reference": "ORD00012",
        "order_id": "194019",
        "emailaddress": "a@b.c",
        "status": "received",
        "created_after": "2021-02-14 23:59:59",
        "updated_after": "2022-02-01 00:00:00",
    }


def test_listing_is_replayable(adapter: Returnless) -> None:
    assert next(adapter.list_returns(ReturnQuery())).replayable


def test_returns_come_before_requests(listed: Any, vendor: Any, row: Any) -> None:
    rows = [row(0), row(1), a_request(1, "2020-01-01 00:00:00")]
    assert listed(ReturnQuery(), vendor(rows)) == ["1000", "1001", "request:1"]


@pytest.mark.parametrize(("only", "ids"), [("returns", ["1000"]), ("requests", ["request:1000"])])
def test_one_list_alone(listed: Any, vendor: Any, row: Any, only: str, ids: list[str]) -> None:
    assert listed(ReturnQuery(), vendor([row(0), a_request(1000, "2020-01-01 00:00:00")]), only=only) == ids


def test_request_from_which_a_return_grew_is_named_by_it(
    adapter: Returnless, vendor: Any, pages: Any, row: Any
) -> None:
    rows = [row(0, request_id="7"), a_request(7, "2020-01-01 00:00:00", status="label_created")]
    found = pages(lambda cursor: adapter.list_returns(ReturnQuery(), cursor), vendor(rows))
    assert [(ret.id, ret.request_id) for page in found for ret in page.items] == [
        ("1000", "request:7"),
        ("request:7", None),
    ]


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        (
            {"status": frozenset({Status.REQUESTED})},
            [("/requests", "open"), ("/requests", "on_hold")],
        ),
        (
            {"status": frozenset({Status.READY_TO_SHIP})},
            [("/returns", "processing"), ("/requests", "label_created")],
        ),
        ({"status": frozenset({Status.DRAFT, Status.INSPECTED})}, [("/returns", "checked"), ("/requests", "concept")]),
        ({"status": frozenset({Status.IN_TRANSIT})}, []),
        ({"raw_status": ("checked", "open")}, [("/returns", "checked"), ("/requests", "open")]),
        ({"raw_status": ("processing",)}, [("/returns", "processing"), ("/requests", "processing")]),
        ({"raw_status": ("in_limbo",)}, [("/returns", "in_limbo"), ("/requests", "in_limbo")]),
    ],
)
def test_each_status_is_asked_for_where_it_can_be(
    adapter: Returnless, answer: Any, query: dict[str, Any], asked: list[tuple[str, str]]
) -> None:
    sent = []
    cursor: str | None = None
    while True:
        operation = adapter.list_returns(ReturnQuery(**query), cursor)
        try:
            request = next(operation)
            sent.append((request.path, dict(request.query)["status"]))
            operation.send(answer(200, []))
        except StopIteration as stop:
            cursor = stop.value.next
        if cursor is None:
            break
    assert sent == asked


def test_unknown_status_is_found_by_reading_all(listed: Any, vendor: Any, row: Any) -> None:
    rows = [row(0), row(1, status="exception"), row(2, status="in_limbo"), a_request(1, "2020-01-01 00:00:00")]
    assert listed(ReturnQuery(status=frozenset({Status.UNKNOWN})), vendor(rows)) == ["1001", "1002"]


def test_status_and_raw_status_must_both_hold(listed: Any, vendor: Any, row: Any) -> None:
    rows = [row(0, status="completed"), row(1, status="exchanged")]
    query = ReturnQuery(status=frozenset({Status.INSPECTED}), raw_status=("completed",))
    assert listed(query, vendor(rows)) == []


@pytest.mark.parametrize(
    ("ignored", "query"),
    [
        ("reference", {"order_number": "ORD1"}),
        ("emailaddress", {"customer_email": "a@b.c"}),
        ("status", {"raw_status": ("received",)}),
        ("updated_after", {"updated_after": datetime(2024, 1, 1, 5, tzinfo=UTC)}),
    ],
)
def test_rows_that_a_filter_excludes_are_not_returned(
    listed: Any, vendor: Any, row: Any, ignored: str, query: dict[str, Any]
) -> None:
    rows = [row(n, reference=f"ORD{n}", customer_email=f"{n}@b.c") for n in range(9)]
    with pytest.raises(UnexpectedReply, match=f"rows came that the filter {ignored} excludes"):
        listed(ReturnQuery(**query), vendor(rows, ignored=frozenset({ignored})))


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({"order_number": " ord000123 "}, {"reference": "ORD000123"}),
        ({"order_number": "#1001"}, {"reference": "# 1001"}),
        ({"order_number": "Größe-1"}, {"reference": "GRÖSSE-1"}),
        ({"order_number": "Größe-1"}, {"reference": "Gro\u0308ße-1"}),
        ({"customer_email": "Ann@B.C"}, {"customer_email": " ann@b.c"}),
        ({"raw_status": ("received",)}, {"status": "Received"}),
    ],
)
def test_rows_that_the_vendor_found_are_compared_loosely(
    listed: Any, vendor: Any, row: Any, query: dict[str, Any], shown: dict[str, str]
) -> None:
    ignored = frozenset({"reference", "emailaddress", "status"})  # here a vendor that finds them all the same
    assert listed(ReturnQuery(**query), vendor([row(1, **shown)], ignored=ignored), only="returns") == ["1001"]


def test_ignored_order_id_is_noticed(listed: Any, vendor: Any, row: Any) -> None:
    with pytest.raises(UnexpectedReply, match="the filter order_id excludes"):
        listed(ReturnQuery(), vendor([row(0, order_id="1")], ignored=frozenset({"order_id"})), order_id="2")


def test_address_may_be_found_in_another_case(listed: Any, vendor: Any, row: Any) -> None:
    rows = [row(0, customer_email="A@B.c")]
    assert listed(ReturnQuery(customer_email="a@b.C"), vendor(rows, ignored=frozenset({"emailaddress"}))) == ["1000"]


def test_row_without_the_field_that_is_filtered_on_is_left_out(listed: Any, vendor: Any, row: Any) -> None:
    rows = [row(0, customer_email=""), row(1, customer_email="a@b.c")]
    assert listed(ReturnQuery(customer_email="a@b.c"), vendor(rows, ignored=frozenset({"emailaddress"}))) == ["1001"]


def test_bounds_of_creation_are_kept_to_the_second(listed: Any, vendor: Any) -> None:
    query = ReturnQuery(
        created_after=datetime(2024, 1, 1, 3, tzinfo=UTC), created_before=datetime(2024, 1, 1, 6, tzinfo=UTC)
    )
    assert listed(query, vendor(20)) == ["1003", "1004", "1005", "1006"]


def test_newest_first_is_both_lists_as_one(listed: Any, vendor: Any, row: Any) -> None:
    rows = [row(0), row(2), a_request(1, "2024-01-01 01:00:00"), a_request(2, "2024-01-01 03:00:00")]
    assert listed(ReturnQuery(newest_first=True), vendor(rows)) == ["request:2", "1002", "request:1", "1000"]


def test_newest_first_ends_with_a_gap_where_the_vendor_has_more(adapter: Returnless, vendor: Any, pages: Any) -> None:
    found = pages(lambda cursor: adapter.list_returns(ReturnQuery(newest_first=True), cursor), vendor(450))
    assert [len(page.items) for page in found] == [200, 0]
    assert [page.gaps for page in found] == [(), ("returns: only the newest 200 can be listed newest first",)]


def test_newest_first_under_a_silent_cap_ends_with_a_gap(adapter: Returnless, vendor: Any, pages: Any) -> None:
    found = pages(lambda cursor: adapter.list_returns(ReturnQuery(newest_first=True), cursor), vendor(50, cap=20))
    assert found[-1].gaps == ("returns: only the newest 20 can be listed newest first",)


def test_newest_first_reads_a_list_no_further_than_the_other(
    adapter: Returnless, vendor: Any, pages: Any, row: Any
) -> None:
    # Four returns fill the page: requests older than the last of them may have younger returns before them.
    rows = [*(row(n) for n in range(10, 16)), a_request(1, "2024-01-01 13:00:00"), a_request(2, "2024-01-01 01:00:00")]
    query = ReturnQuery(newest_first=True, page_size=4)
    first, rest = pages(lambda cursor: adapter.list_returns(query, cursor), vendor(rows))
    assert [ret.id for ret in first.items] == ["1015", "1014", "1013", "request:1", "1012"]
    assert ([ret.id for ret in rest.items], rest.gaps) == (["1011", "1010", "request:2"], ())


def test_newest_first_notices_an_ignored_order(listed: Any, vendor: Any) -> None:
    with pytest.raises(UnexpectedReply, match="not in the order that sort_order asks for"):
        listed(ReturnQuery(newest_first=True), vendor(5, always="asc"))


@pytest.mark.parametrize("cursor", ["0:;;0x0;", "newer", ""])
def test_foreign_cursor_of_newest_first_is_refused(adapter: Returnless, cursor: str) -> None:
    with pytest.raises(ValueError, match="not one that this listing gave"):
        next(adapter.list_returns(ReturnQuery(newest_first=True), cursor))


def test_shipments_are_the_newest(adapter: Returnless) -> None:
    request = next(adapter.list_shipments(ShipmentQuery()))
    assert (request.path, request.query) == ("/shipments", (("per_page", "200"), ("sort_order", "desc")))


def test_shipments_can_be_listed_oldest_first(adapter: Returnless, answer: Any, finish: Any) -> None:
    query = ShipmentQuery(oldest_first=True, page_size=1)
    assert next(adapter.list_shipments(query)).query == (("per_page", "1"), ("sort_order", "asc"))
    page = finish(adapter.list_shipments(query), answer(200, [{"tracking_number": "T1"}]))
    assert page.gaps == ("shipments: only the oldest 1 are sent; a return has its own",)


def test_page_size_of_the_account_is_the_default(make: Any) -> None:
    sizes = [
        dict(next(operation).query)["per_page"]
        for operation in (
            make(page_size=50).list_returns(ReturnQuery()),
            make(page_size=50).list_returns(ReturnQuery(page_size=7)),
            make(page_size=50).list_shipments(ShipmentQuery()),
            make(page_size=5000).changes(datetime(2024, 1, 1, tzinfo=UTC)),
        )
    ]
    assert sizes == ["50", "7", "50", "200"]


def test_full_page_of_shipments_has_a_gap(adapter: Returnless, answer: Any, finish: Any) -> None:
    rows = [{"tracking_number": f"T{n}"} for n in range(5)]
    page = finish(adapter.list_shipments(ShipmentQuery(page_size=5)), answer(200, rows))
    assert (len(page.items), page.next) == (5, None)
    assert page.gaps == ("shipments: only the newest 5 are sent; a return has its own",)


def test_shipment_without_a_tracking_number_is_an_invalid_record(adapter: Returnless, answer: Any, finish: Any) -> None:
    page = finish(adapter.list_shipments(ShipmentQuery()), answer(200, [{"return_id": "1"}, {"tracking_number": "T"}]))
    assert ([one.where for one in page.invalid_records], len(page.items)) == (["[0].tracking_number"], 1)


def test_shipments_of_one_return_come_from_it(adapter: Returnless, answer: Any, finish: Any) -> None:
    record = {"return_id": "1", "tracking_number": "T1"}
    page = finish(adapter.list_shipments(ShipmentQuery(return_id="1")), answer(200, record))
    assert [(parcel.id, parcel.return_id) for parcel in page.items] == [("T1", "1")]


@pytest.mark.parametrize(
    "query",
    [
        ShipmentQuery(created_after=datetime(2024, 1, 1, tzinfo=UTC)),
        ShipmentQuery(created_before=datetime(2024, 1, 1, tzinfo=UTC)),
    ],
)
def test_shipments_have_no_filter_on_time(adapter: Returnless, query: ShipmentQuery) -> None:
    with pytest.raises(UnsupportedOperation, match="no filter on the creation time"):
        next(adapter.list_shipments(query))


def test_shipments_have_no_second_page(adapter: Returnless) -> None:
    with pytest.raises(ValueError, match="not one that this listing gave"):
        next(adapter.list_shipments(ShipmentQuery(), "1"))
