"""Every JSON example of the ReturnMate API Reference, through the operation it belongs to."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from returns_hub import (
    Customer,
    Money,
    NewItem,
    NewLabel,
    NewReturn,
    OrderRef,
    Reply,
    Return,
    ReturnQuery,
    Status,
    ValidationFailed,
)
from returns_hub_returnmate import CustomerStats, ReturnsSummary


def test_list_example_maps_to_one_return(adapter: Any, document: Any, finish: Any) -> None:
    page = finish(adapter.list_returns(ReturnQuery(page_size=50)), Reply(status=200, body=document("list-rmas.json")))
    assert page.items == (
        Return(
            provider="returnmate",
            id="rma_abc123",
            number="RMA-2024-001234",
            status=Status.REQUESTED,
            status_raw="pending",
            order=OrderRef(number="#1001"),
            customer=Customer(email="customer@example.com", name="John Smith"),
            created_at=datetime(2024, 12, 30, 10, 30, tzinfo=UTC),
        ),
    )


def test_list_example_tells_the_total_and_the_next_page(adapter: Any, document: Any, finish: Any) -> None:
    page = finish(adapter.list_returns(ReturnQuery(page_size=50)), Reply(status=200, body=document("list-rmas.json")))
    assert (page.total, page.next, page.invalid_records) == (150, "2x50", ())


def test_list_example_keeps_the_row_as_raw(adapter: Any, document: Any, finish: Any) -> None:
    page = finish(adapter.list_returns(ReturnQuery(page_size=50)), Reply(status=200, body=document("list-rmas.json")))
    assert page.items[0].raw == json.loads(document("list-rmas.json"))["data"][0]


def test_list_example_request_is_the_documented_one(adapter: Any) -> None:
    request = next(adapter.list_returns(ReturnQuery(raw_status=("pending",), page_size=50)))
    assert (request.method, request.path) == ("GET", "/rmas")
    assert {("status", "pending"), ("per_page", "50")} <= set(request.query)


def test_create_sends_the_documented_body(adapter: Any, document: Any) -> None:
    item = NewItem(sku="PROD-001", quantity=1, reason="defective", notes="Screen not working")
    new = NewReturn(order_number="#1001", customer_email="customer@example.com", items=(item,))
    request = next(adapter.create_return(new))
    assert (request.method, request.path) == ("POST", "/rmas")
    assert request.json == json.loads(document("create-rma.request.json"))


def test_update_sends_the_documented_body(adapter: Any, document: Any) -> None:
    request = next(adapter.set_status("rma_abc123", Status.APPROVED, note="Approved for full refund"))
    assert (request.method, request.path) == ("PATCH", "/rmas/rma_abc123")
    assert request.json == json.loads(document("update-rma.request.json"))


def test_add_note_sends_the_documented_body(adapter: Any, document: Any) -> None:
    request = next(adapter.add_note("rma_abc123", "Customer contacted about delay"))
    assert (request.method, request.path) == ("POST", "/rmas/rma_abc123/notes")
    assert request.json == json.loads(document("add-note.request.json"))


def test_create_label_sends_the_documented_body(adapter: Any, document: Any) -> None:
    request = next(adapter.create_label("rma_abc123", NewLabel(carrier="australia_post", service="express_post")))
    assert (request.method, request.path) == ("POST", "/rmas/rma_abc123/shipments")
    assert request.json == json.loads(document("create-label.request.json"))


def test_customer_stats_example_is_read_without_an_envelope(adapter: Any, document: Any, finish: Any) -> None:
    stats = finish(
        adapter.customer_stats("customer@example.com"), Reply(status=200, body=document("customer-stats.json"))
    )
    assert stats == CustomerStats(
        total_returns=5,
        total_refunded=Money(amount=Decimal("450.00"), currency="AUD"),
        return_rate=Decimal("12.5"),
        last_return=datetime(2024, 12, 15, 8, 0, tzinfo=UTC),
    )


def test_returns_summary_example_is_read_from_data_alone(adapter: Any, document: Any, finish: Any) -> None:
    summary = finish(adapter.reports_summary(), Reply(status=200, body=document("returns-summary.json")))
    assert summary == ReturnsSummary(
        total_rmas=150,
        total_refunded=Money(amount=Decimal("12500.00"), currency="AUD"),
        by_status={"completed": 120, "pending": 20, "rejected": 10},
        by_reason={"defective": 45, "wrong_size": 60, "changed_mind": 45},
    )


def test_returns_summary_sends_its_three_parameters(adapter: Any) -> None:
    operation = adapter.reports_summary(
        start_date=date(2024, 12, 1), end_date=datetime(2024, 12, 31, 23, 59, tzinfo=UTC), group_by="week"
    )
    assert next(operation).query == (("start_date", "2024-12-01"), ("end_date", "2024-12-31"), ("group_by", "week"))


def test_error_example_is_a_validation_failure(adapter: Any, document: Any) -> None:
    with pytest.raises(ValidationFailed) as failure:
        adapter.check(Reply(status=400, body=document("error-envelope.json")))
    assert failure.value.vendor_code == "VALIDATION_ERROR"
    assert failure.value.vendor_message == "Invalid order number format"


def test_success_example_is_its_data_although_meta_stands_beside_an_object(adapter: Any, document: Any) -> None:
    assert adapter.check(Reply(status=200, body=document("success-envelope.json"))) == {}


def test_pagination_example_gives_the_page_after_it(adapter: Any, document: Any, finish: Any) -> None:
    body = json.dumps({**json.loads(document("pagination-meta.json")), "data": [{"id": "rma_1"}]}).encode()
    page = finish(adapter.list_returns(ReturnQuery(page_size=25), "2x25"), Reply(status=200, body=body))
    assert (page.next, page.total) == ("3x25", 150)


@pytest.mark.parametrize(
    ("operation", "path"),
    [
        (lambda adapter: adapter.get_return("rma_abc123"), "/rmas/rma_abc123"),
        (lambda adapter: adapter.get_shipment("shp_1"), "/shipments/shp_1"),
        (lambda adapter: adapter.track("shp_1"), "/shipments/shp_1/tracking"),
        (lambda adapter: adapter.list_customer_returns("a@b.c"), "/customers/a%40b.c/rmas"),
        (lambda adapter: adapter.customer_stats("a@b.c"), "/customers/a%40b.c/stats"),
        (lambda adapter: adapter.reports_summary(), "/reports/returns"),
        (lambda adapter: adapter.reports_reasons(), "/reports/reasons"),
        (lambda adapter: adapter.reports_carriers(), "/reports/carriers"),
    ],
)
def test_read_asks_its_endpoint_and_may_be_repeated(adapter: Any, operation: Any, path: str) -> None:
    request = next(operation(adapter))
    assert (request.method, request.path, request.json, request.replayable) == ("GET", path, None, True)


@pytest.mark.parametrize(
    "operation",
    [
        lambda adapter: adapter.create_return(NewReturn(order_number="#1001")),
        lambda adapter: adapter.set_status("rma_1", Status.APPROVED),
        lambda adapter: adapter.add_note("rma_1", "text"),
        lambda adapter: adapter.create_label("rma_1", NewLabel()),
    ],
)
def test_write_is_never_marked_repeatable(adapter: Any, operation: Any) -> None:
    assert next(operation(adapter)).replayable is False
