"""What a listing asks for, when it stops, and what it leaves out."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from returns_hub import (
    AuthenticationFailed,
    NotFound,
    Reply,
    ReturnQuery,
    ShipmentQuery,
    Status,
    UnexpectedReply,
    UnsupportedOperation,
    ValidationFailed,
)

PENDING = {"id": "rma_1", "status": "pending", "order_number": "#1001"}
APPROVED = {"id": "rma_2", "status": "approved", "order_number": "#1002"}


@pytest.fixture
def refused(answer: Any) -> Any:
    return answer(400, {"success": False, "error": {"code": "VALIDATION_ERROR", "message": "no such status"}})


def query_of(operation: Any) -> dict[str, str]:
    return dict(next(operation).query)


def ids(page: Any) -> list[str]:
    return [row.id for row in page.items]


def test_first_request_names_page_size_and_order(adapter: Any) -> None:
    assert next(adapter.list_returns(ReturnQuery())).query == (
        ("page", "1"),
        ("per_page", "100"),
        ("sort", "created_at"),
        ("order", "asc"),
    )


def test_newest_first_turns_the_order(adapter: Any) -> None:
    assert query_of(adapter.list_returns(ReturnQuery(newest_first=True)))["order"] == "desc"


def test_cursor_is_the_page_to_ask_for(adapter: Any) -> None:
    assert query_of(adapter.list_returns(ReturnQuery(), "7"))["page"] == "7"


@pytest.mark.parametrize(
    ("cursor", "size", "page"),
    [
        ("3", 100, "3"),
        ("3", 50, "5"),
        ("3x50", 50, "3"),
        ("3x50", 25, "5"),
        ("4x25", 50, "2"),
        ("4x25", 100, "1"),
        ("9x50u@2024-12-30T10:30:00Z/3", 25, "5"),
    ],
)
def test_cursor_leads_to_its_rows_whatever_the_size_of_the_pages(
    adapter: Any, cursor: str, size: int, page: str
) -> None:
    assert query_of(adapter.list_returns(ReturnQuery(page_size=size), cursor))["page"] == page


@pytest.mark.parametrize("cursor", ["2x0", "2x100", "0", "-1", "x", "2 ", "1e3", "²", "2bu", "9" * 30])
def test_foreign_cursor_is_refused(adapter: Any, cursor: str) -> None:
    with pytest.raises(ValueError, match="cursor"):
        next(adapter.list_returns(ReturnQuery(), cursor))


@pytest.mark.parametrize(("asked", "sent"), [(None, "100"), (7, "7"), (101, "100")])
def test_page_size_is_at_most_the_vendors(adapter: Any, asked: int | None, sent: str) -> None:
    assert query_of(adapter.list_returns(ReturnQuery(page_size=asked)))["per_page"] == sent


def test_change_time_filter_is_refused_before_anything_is_sent(adapter: Any) -> None:
    with pytest.raises(UnsupportedOperation, match="time of a change"):
        next(adapter.list_returns(ReturnQuery(updated_after=datetime(2024, 1, 1, tzinfo=UTC))))


def test_one_word_is_a_plain_status_filter(adapter: Any) -> None:
    request = next(adapter.list_returns(ReturnQuery(status=frozenset({Status.REQUESTED}))))
    assert request.query[4:] == (("status", "pending"),)


def test_several_words_repeat_the_bracket_key(adapter: Any) -> None:
    request = next(adapter.list_returns(ReturnQuery(status=frozenset({Status.REQUESTED, Status.APPROVED}))))
    assert request.query[4:] == (("status[]", "approved"), ("status[]", "pending"))


def test_raw_status_goes_as_it_is(adapter: Any) -> None:
    request = next(adapter.list_returns(ReturnQuery(raw_status=("LABEL_ISSUED", "Quality Hold"))))
    assert request.query[4:] == (("status[]", "LABEL_ISSUED"), ("status[]", "Quality Hold"))


def test_shops_own_words_are_filtered_by_too(make: Any) -> None:
    adapter = make(status_map={"Vetted": "approved"})
    request = next(adapter.list_returns(ReturnQuery(status=frozenset({Status.APPROVED}))))
    assert request.query[4:] == (("status[]", "approved"), ("status[]", "Vetted"))


def test_shops_spelling_replaces_the_vendors(make: Any) -> None:
    adapter = make(status_map={"APPROVED": "approved"})
    assert next(adapter.list_returns(ReturnQuery(status=frozenset({Status.APPROVED})))).query[4:] == (
        ("status", "APPROVED"),
    )


def test_a_shops_word_does_not_hide_the_vendors_undocumented_ones(make: Any) -> None:
    adapter = make(status_map={"Quality Hold": "received"})
    assert len(next(adapter.list_returns(ReturnQuery(status=frozenset({Status.RECEIVED})))).query) == 4


def test_status_without_a_known_word_is_not_filtered_by(adapter: Any) -> None:
    request = next(adapter.list_returns(ReturnQuery(status=frozenset({Status.REQUESTED, Status.IN_TRANSIT}))))
    assert len(request.query) == 4


def test_status_is_checked_again_here(adapter: Any, rows: Any, finish: Any) -> None:
    query = ReturnQuery(status=frozenset({Status.IN_TRANSIT}))
    page = finish(adapter.list_returns(query), rows(PENDING, {"id": "rma_3", "status": "IN_TRANSIT"}, total=2))
    assert ids(page) == ["rma_3"]


def test_total_is_not_given_when_the_vendor_counted_other_rows(adapter: Any, rows: Any, finish: Any) -> None:
    page = finish(adapter.list_returns(ReturnQuery(status=frozenset({Status.IN_TRANSIT}))), rows(PENDING, total=1))
    assert page.total is None


def test_raw_status_is_checked_again_folded(adapter: Any, rows: Any, finish: Any) -> None:
    query = ReturnQuery(raw_status=("label_sent",))
    page = finish(adapter.list_returns(query), rows({"id": "rma_3", "status": "Label Sent"}, PENDING))
    assert ids(page) == ["rma_3"]


def test_refused_status_filter_is_left_out(adapter: Any, refused: Any, rows: Any, requests: Any) -> None:
    sent = requests(adapter.list_returns(ReturnQuery(raw_status=("pending",))), refused, rows(PENDING))
    assert [dict(request.query).get("status") for request in sent] == ["pending", None]


def test_refused_status_filter_is_applied_here(adapter: Any, refused: Any, rows: Any, finish: Any) -> None:
    page = finish(adapter.list_returns(ReturnQuery(raw_status=("pending",))), refused, rows(APPROVED, PENDING, total=2))
    assert (ids(page), page.total) == (["rma_1"], None)


def test_refused_status_filter_stays_out_on_the_next_page(adapter: Any, refused: Any, rows: Any, finish: Any) -> None:
    query = ReturnQuery(raw_status=("pending",), page_size=1)
    page = finish(adapter.list_returns(query), refused, rows(PENDING, per_page=1, total=2))
    request = next(adapter.list_returns(query, page.next))
    assert request.query == (("page", "2"), ("per_page", "1"), ("sort", "created_at"), ("order", "asc"))


def test_refusal_of_something_else_is_an_error(adapter: Any, refused: Any, finish: Any) -> None:
    with pytest.raises(ValidationFailed):
        finish(adapter.list_returns(ReturnQuery(raw_status=("pending",))), refused, refused)


def test_refusal_without_a_status_filter_is_an_error(adapter: Any, refused: Any, finish: Any) -> None:
    with pytest.raises(ValidationFailed):
        finish(adapter.list_returns(ReturnQuery()), refused)


def test_order_number_is_sent_as_given(adapter: Any) -> None:
    assert query_of(adapter.list_returns(ReturnQuery(order_number="#1001")))["order_number"] == "#1001"


def test_order_number_is_tried_bare_when_nothing_is_found(adapter: Any, rows: Any, requests: Any) -> None:
    sent = requests(adapter.list_returns(ReturnQuery(order_number="#1001")), rows(total=0), rows(total=0))
    assert [dict(request.query)["order_number"] for request in sent] == ["#1001", "1001"]


def test_order_number_stays_bare_on_the_next_page(adapter: Any, rows: Any, finish: Any) -> None:
    query = ReturnQuery(order_number="#1001", page_size=1)
    row = {"id": "rma_1", "order_number": "1001"}
    page = finish(adapter.list_returns(query), rows(total=0), rows(row, per_page=1, total=2))
    assert query_of(adapter.list_returns(query, page.next)) == {
        "page": "2",
        "per_page": "1",
        "sort": "created_at",
        "order": "asc",
        "order_number": "1001",
    }


def test_order_number_that_was_found_is_not_tried_again(adapter: Any, rows: Any, finish: Any) -> None:
    assert ids(finish(adapter.list_returns(ReturnQuery(order_number="#1001")), rows(PENDING, total=1))) == ["rma_1"]


@pytest.mark.parametrize("number", ["1001", "#1001", " #1001 ", "# 1001"])
def test_order_number_is_compared_without_its_hash_and_blanks(
    adapter: Any, rows: Any, finish: Any, number: str
) -> None:
    page = finish(adapter.list_returns(ReturnQuery(order_number=number)), rows(PENDING, APPROVED, total=2))
    assert ids(page) == ["rma_1"]


def test_order_number_is_compared_without_case(adapter: Any, rows: Any, finish: Any) -> None:
    query = ReturnQuery(order_number="sp-1001")
    page = finish(adapter.list_returns(query), rows({"id": "rma_1", "order_number": "SP-1001"}, APPROVED, total=2))
    assert ids(page) == ["rma_1"]


@pytest.mark.parametrize("told", ["Customer+x@Example.com", " customer+x@example.com"])
def test_email_is_compared_without_case_and_blanks(adapter: Any, rows: Any, finish: Any, told: str) -> None:
    rma = {"id": "rma_1", "customer": {"email": told, "name": None}}
    other = {"id": "rma_2", "customer": {"email": "other@example.com", "name": None}}
    page = finish(adapter.list_returns(ReturnQuery(customer_email="customer+x@example.com")), rows(rma, other))
    assert ids(page) == ["rma_1"]


def test_row_that_does_not_tell_is_kept(adapter: Any, rows: Any, finish: Any) -> None:
    query = ReturnQuery(customer_email="customer@example.com", order_number="#1001")
    assert ids(finish(adapter.list_returns(query), rows({"id": "rma_9"}, total=1))) == ["rma_9"]


def test_times_are_sent_in_utc(adapter: Any) -> None:
    paris = timezone(timedelta(hours=1))
    query = ReturnQuery(
        created_after=datetime(2024, 12, 1, 1, 0, tzinfo=paris), created_before=datetime(2024, 12, 31, tzinfo=UTC)
    )
    sent = query_of(adapter.list_returns(query))
    assert (sent["created_after"], sent["created_before"]) == ("2024-12-01T00:00:00Z", "2024-12-31T00:00:00Z")


def test_fractions_of_a_second_widen_the_window(adapter: Any) -> None:
    moment = datetime(2024, 12, 1, 10, 0, 0, 250_000, tzinfo=UTC)
    sent = query_of(adapter.list_returns(ReturnQuery(created_after=moment, created_before=moment)))
    assert (sent["created_after"], sent["created_before"]) == ("2024-12-01T10:00:00Z", "2024-12-01T10:00:01Z")


def test_total_ends_the_listing(adapter: Any, rows: Any, finish: Any) -> None:
    assert finish(adapter.list_returns(ReturnQuery(), "2"), rows(PENDING, page=2, per_page=100, total=101)).next is None


def test_total_without_total_pages_continues_the_listing(adapter: Any, rows: Any, finish: Any) -> None:
    assert finish(adapter.list_returns(ReturnQuery(), "1"), rows(PENDING, page=1, per_page=100, total=101)).next == "2"


def test_clamped_page_size_is_believed(adapter: Any, rows: Any, finish: Any) -> None:
    page = finish(adapter.list_returns(ReturnQuery(page_size=100), "2"), rows(PENDING, per_page=25, total=75))
    assert page.next == "3"


def test_page_clamped_without_a_word_does_not_end_the_listing(adapter: Any, rows: Any, finish: Any) -> None:
    page = finish(adapter.list_returns(ReturnQuery(page_size=100), "2"), rows(PENDING, APPROVED, total=150))
    assert page.next == "3"


def test_total_pages_alone_is_enough(adapter: Any, rows: Any, finish: Any) -> None:
    assert finish(adapter.list_returns(ReturnQuery(), "1"), rows(PENDING, total_pages=2)).next == "2"


def test_missing_meta_ends_the_listing_at_a_short_page(adapter: Any, answer: Any, finish: Any) -> None:
    assert finish(adapter.list_returns(ReturnQuery()), answer(200, {"data": [PENDING]})).next is None


def test_missing_meta_continues_the_listing_after_a_full_page(adapter: Any, answer: Any, finish: Any) -> None:
    assert finish(adapter.list_returns(ReturnQuery(page_size=1)), answer(200, {"data": [PENDING]})).next == "2x1"


def test_meta_of_the_wrong_types_is_no_meta(adapter: Any, rows: Any, finish: Any) -> None:
    page = finish(adapter.list_returns(ReturnQuery()), rows(PENDING, per_page="100", total="150", total_pages=True))
    assert (page.next, page.total) == (None, None)


def test_bare_list_is_one_page(adapter: Any, answer: Any, finish: Any) -> None:
    page = finish(adapter.list_returns(ReturnQuery(page_size=1)), answer(200, [PENDING, APPROVED]))
    assert (ids(page), page.next) == (["rma_1", "rma_2"], None)


def test_empty_page_ends_the_listing_whatever_the_total_says(adapter: Any, rows: Any, finish: Any) -> None:
    assert finish(adapter.list_returns(ReturnQuery(), "2"), rows(page=2, per_page=100, total=1000)).next is None


def test_page_past_the_end_may_be_a_404(adapter: Any, answer: Any, finish: Any) -> None:
    gone = answer(404, {"success": False, "error": {"code": "NOT_FOUND", "message": "no such page"}})
    page = finish(adapter.list_returns(ReturnQuery(), "3"), gone)
    assert (page.items, page.next) == ((), None)


def test_first_page_that_is_a_404_is_an_error(adapter: Any, answer: Any, finish: Any) -> None:
    with pytest.raises(NotFound):
        finish(adapter.list_returns(ReturnQuery()), answer(404, {}))


def test_other_errors_pass_through(adapter: Any, answer: Any, finish: Any) -> None:
    with pytest.raises(AuthenticationFailed):
        finish(adapter.list_returns(ReturnQuery(raw_status=("pending",))), answer(401, {}))


@pytest.mark.parametrize("data", [{}, {"rmas": []}, "text", 7, True])
def test_page_that_is_no_list_is_an_unexpected_reply(adapter: Any, answer: Any, finish: Any, data: object) -> None:
    with pytest.raises(UnexpectedReply) as failure:
        finish(adapter.list_returns(ReturnQuery()), answer(200, {"success": True, "data": data}))
    assert failure.value.where == "data"


@pytest.mark.parametrize("row", [None, [], "text", {}, {"id": ""}, {"id": None}, {"id": {"a": 1}}, {"id": ".."}])
def test_row_without_an_id_is_an_invalid_record_and_the_others_stay(
    adapter: Any, rows: Any, finish: Any, row: object
) -> None:
    page = finish(adapter.list_returns(ReturnQuery()), rows(PENDING, row, APPROVED))
    assert ids(page) == ["rma_1", "rma_2"]
    where = "data[1].id" if isinstance(row, dict) else "data[1]"
    assert [(record.where, record.raw) for record in page.invalid_records] == [(where, row)]


def test_list_that_is_null_is_empty(adapter: Any, answer: Any, finish: Any) -> None:
    page = finish(adapter.list_returns(ReturnQuery()), answer(200, {"success": True, "data": None}))
    assert (page.items, page.next) == ((), None)


def test_reply_that_is_nothing_is_no_list(adapter: Any, finish: Any) -> None:
    with pytest.raises(UnexpectedReply):
        finish(adapter.list_returns(ReturnQuery()), Reply(status=200, body=b" "))


def test_row_that_is_not_json_costs_no_other(adapter: Any, finish: Any) -> None:
    body = b'{"success": true, "data": [{"id": "rma_1"}, {"id": rma_2}, {"id": "rma_3", "status": "\xff"}, {"id": "rma_4"}]}'
    page = finish(adapter.list_returns(ReturnQuery()), Reply(status=200, body=body))
    assert [(ret.id, ret.unreadable) for ret in page.items] == [("rma_1", ()), ("rma_3", ("status",)), ("rma_4", ())]
    assert [(record.where, record.raw) for record in page.invalid_records] == [("data[1]", '{"id": rma_2}')]


def test_customers_returns_are_paged_and_sorted(adapter: Any) -> None:
    assert next(adapter.list_customer_returns("a@b.c", cursor="2")).query == (
        ("page", "2"),
        ("per_page", "100"),
        ("sort", "created_at"),
        ("order", "asc"),
    )


def test_customers_returns_are_read_as_a_list(adapter: Any, rows: Any, finish: Any) -> None:
    assert ids(finish(adapter.list_customer_returns("a@b.c"), rows(PENDING, total=1))) == ["rma_1"]


def test_shipments_are_paged(adapter: Any) -> None:
    assert next(adapter.list_shipments(ShipmentQuery(page_size=10), "2x10")).query == (
        ("page", "2"),
        ("per_page", "10"),
    )


def test_shipments_of_one_return_come_from_the_return(adapter: Any, answer: Any, finish: Any) -> None:
    operation = adapter.list_shipments(ShipmentQuery(return_id="rma_1"))
    page = finish(operation, answer(200, {"data": {"id": "rma_1", "shipments": [{"id": "shp_1"}]}}))
    assert [(parcel.id, parcel.return_id) for parcel in page.items] == [("shp_1", "rma_1")]
    assert page.next is None


@pytest.mark.parametrize(
    "query",
    [
        ShipmentQuery(created_after=datetime(2024, 1, 1, tzinfo=UTC)),
        ShipmentQuery(created_before=datetime(2024, 1, 1, tzinfo=UTC)),
    ],
)
def test_shipments_by_time_are_refused_before_anything_is_sent(adapter: Any, query: ShipmentQuery) -> None:
    with pytest.raises(UnsupportedOperation, match="creation time"):
        next(adapter.list_shipments(query))


def test_shipment_without_an_id_is_an_invalid_record(adapter: Any, rows: Any, finish: Any) -> None:
    page = finish(adapter.list_shipments(ShipmentQuery()), rows({"id": "shp_1"}, {"carrier": "tnt"}))
    assert (ids(page), [record.where for record in page.invalid_records]) == (["shp_1"], ["data[1].id"])


def test_backfill_is_one_slice_under_a_fixed_end(adapter: Any) -> None:
    (part,) = adapter.backfill(datetime(2020, 1, 1, tzinfo=UTC), datetime(2026, 11, 21, 12, tzinfo=UTC))
    assert next(part.read("3")).query == (
        ("page", "3"),
        ("per_page", "100"),
        ("sort", "created_at"),
        ("order", "asc"),
        ("created_after", "2020-01-01T00:00:00Z"),
        ("created_before", "2026-11-21T12:00:00Z"),
    )


def test_backfill_slice_keeps_its_name_while_the_end_moves(adapter: Any) -> None:
    since = datetime(2020, 1, 1, tzinfo=UTC)
    keys = {adapter.backfill(since, datetime(2026, 11, day, tzinfo=UTC))[0].key for day in (20, 21)}
    assert keys == {"created after 2020-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("segment", "path"),
    [
        ("rma_abc123", "/rmas/rma_abc123"),
        ("RMA#1+2/3 4?5", "/rmas/RMA%231%2B2%2F3%204%3F5"),
        ("ünïcode", "/rmas/%C3%BCn%C3%AFcode"),
        ("%2e", "/rmas/%252e"),
    ],
)
def test_id_is_encoded_whole_into_the_path(adapter: Any, segment: str, path: str) -> None:
    assert next(adapter.get_return(segment)).path == path


def test_email_is_encoded_whole_into_the_path(adapter: Any) -> None:
    assert next(adapter.customer_stats("a+b/c@d.e")).path == "/customers/a%2Bb%2Fc%40d.e/stats"


@pytest.mark.parametrize("segment", ["", ".", ".."])
def test_id_that_would_name_another_path_is_not_found_before_anything_is_sent(adapter: Any, segment: str) -> None:
    with pytest.raises(NotFound):
        next(adapter.get_return(segment))
