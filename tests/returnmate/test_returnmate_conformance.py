import hashlib
import hmac
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from attrs import evolve

from returns_hub import (
    AuthenticationFailed,
    LabelStatus,
    NewItem,
    NewLabel,
    NewReturn,
    NotFound,
    PermissionDenied,
    RateLimited,
    ReturnQuery,
    ShipmentQuery,
    ShipmentStatus,
    Status,
    ValidationFailed,
    WebhookRequest,
)
from returns_hub.testing import (
    AdapterConformance,
    Case,
    ExpectedItem,
    ExpectedReturn,
    ExpectedShipment,
    Filter,
    Variation,
)
from returns_hub_returnmate import ReturnMate
from returns_hub_returnmate.sandbox import Plan, ReturnMateSandbox

NOW = datetime(2025, 1, 1, 12, tzinfo=UTC)
DECEMBER = datetime(2024, 12, 1, tzinfo=UTC)

# The requests of the ReturnMate API Reference.
DOCUMENTED_ITEM = NewItem(sku="PROD-001", quantity=1, reason="defective", notes="Screen not working")
DOCUMENTED_RETURN = NewReturn(order_number="#1001", customer_email="customer@example.com", items=(DOCUMENTED_ITEM,))
DOCUMENTED_LABEL = NewLabel(carrier="australia_post", service="express_post")
BAD_RETURN = NewReturn(
    order_number="1001?",
    customer_email="customer@example.com",
    items=(NewItem(sku="PROD-001", quantity=1, reason="defective"),),
)
PENDING = frozenset({Status.REQUESTED})
PENDING_OR_APPROVED = frozenset({Status.REQUESTED, Status.APPROVED})

# The RMA of the reference's examples, as its listing shows it; one RMA with more than one item and a label.
DOCUMENTED = ExpectedReturn(
    id="rma_abc123",
    number="RMA-2024-001234",
    order_number="#1001",
    email="customer@example.com",
    status=Status.REQUESTED,
    status_raw="pending",
    created_at=datetime(2024, 12, 30, 10, 30, tzinfo=UTC),
    updated_at=None,
    facts={"kind": "unknown", "customer": {"name": "John Smith"}},
)
WITH_ITEM = evolve(
    DOCUMENTED,
    items=(ExpectedItem(sku="PROD-001", quantity=1, reason_code="defective"),),
    shipments=(),
    facts={
        "items": [{"notes": [{"text": "Screen not working"}]}],
        "timeline": [{"occurred_at": "2024-12-30T10:30:00Z", "kind": "system", "text": "Return requested"}],
    },
)
LABELLED = ExpectedReturn(
    id="rma_63kfnsdm",
    number="RMA-2023-000004",
    order_number="#1005",
    status=Status.APPROVED,
    created_at=datetime(2023, 1, 22, 4, 29, tzinfo=UTC),
    items=(
        ExpectedItem(sku="PROD-013", quantity=2, reason_code="changed_mind"),
        ExpectedItem(sku="PROD-087", quantity=1, reason_code="changed_mind"),
    ),
    shipments=(
        ExpectedShipment(
            id="shp_000003",
            tracking_number="SAMPLE0000000003",
            carrier="tnt",
            status=ShipmentStatus.IN_TRANSIT,
            label_url="https://labels.example.com/000003.pdf",
            label_status=LabelStatus.READY,
        ),
    ),
    facts={
        "shipments": [
            {
                "return_id": "rma_63kfnsdm",
                "direction": "inbound",
                "status_raw": "in_transit",
                "service": "express",
            }
        ],
        "timeline": [
            {"occurred_at": "2023-01-22T04:29:00Z", "kind": "system", "text": "Return requested"},
            {"occurred_at": "2023-01-22T09:29:00Z", "kind": "status", "text": "Status changed to approved"},
            {"occurred_at": "2023-01-22T10:29:00Z", "kind": "document", "text": "Label SAMPLE0000000003"},
        ],
    },
)


class TestReturnMate(AdapterConformance):
    adapter_class = ReturnMate
    known_return = "rma_abc123"
    states_every_value = True
    # The help centre's examples of what a shop may add, and stages that it names without saying what they mean.
    undefined_words = frozenset(
        {
            "quality_hold",
            "with_manufacturer",
            "awaiting_parts",
            "customer_response",
            "repair/replace/refund",
            "repair",
            "replace",
            "refund",
            "technician_assigned",
            "diagnostics",
            "waiting_parts",
        }
    )
    # The total is undocumented enough: an empty page is the safer end.
    empty_page_ends = True
    signature_header = "X-Webhook-Signature"
    cassettes = Path(__file__).parents[2] / "cassettes" / "returnmate"
    cases = (
        Case("list_returns", lambda rm: rm.list_returns(ReturnQuery(page_size=5))),
        Case("list_returns-last_page", lambda rm: rm.list_returns(ReturnQuery(page_size=7), "18x7")),
        Case("list_returns-past_the_end", lambda rm: rm.list_returns(ReturnQuery(), "7")),
        Case(
            "list_returns-customer",
            lambda rm: rm.list_returns(ReturnQuery(customer_email="ines.muster7+returns@example.com")),
        ),
        Case("list_returns-order_number", lambda rm: rm.list_returns(ReturnQuery(order_number="#1001"))),
        Case("list_returns-bare_order_number", lambda rm: rm.list_returns(ReturnQuery(order_number="#7777"))),
        Case("list_returns-own_word", lambda rm: rm.list_returns(ReturnQuery(raw_status=("Quality Hold",)))),
        Case(
            "list_returns-own_word_refused",
            lambda rm: rm.list_returns(ReturnQuery(raw_status=("Quality Hold",), page_size=5)),
            simulator={"refuse_unknown_status": True},
        ),
        Case(
            "list_returns-total_pages",
            lambda rm: rm.list_returns(ReturnQuery(page_size=5)),
            simulator={"total_pages": True},
        ),
        Case(
            "list_returns-codes",
            lambda rm: rm.list_returns(ReturnQuery(page_size=25)),
            simulator={"vocabulary": "codes"},
        ),
        Case(
            "list_returns-display",
            lambda rm: rm.list_returns(ReturnQuery(page_size=25)),
            simulator={"vocabulary": "display"},
        ),
        Case(
            "list_returns-documented",
            lambda rm: rm.list_returns(ReturnQuery(status=PENDING, page_size=50, newest_first=True)),
            expects=(DOCUMENTED,),
        ),
        Case(
            "list_returns-documented_filters",
            lambda rm: rm.list_returns(ReturnQuery(status=PENDING, created_after=DECEMBER)),
        ),
        Case(
            "list_returns-documented_statuses",
            lambda rm: rm.list_returns(ReturnQuery(status=PENDING_OR_APPROVED, newest_first=True)),
        ),
        Case("list_returns-documented_paging", lambda rm: rm.list_returns(ReturnQuery(page_size=25), "2x25")),
        Case("get_return", lambda rm: rm.get_return("rma_abc123"), expects=(WITH_ITEM,)),
        Case("get_return-documented", lambda rm: rm.get_return("rma_abc123"), expects=(DOCUMENTED,)),
        Case("get_return-labelled", lambda rm: rm.get_return("rma_63kfnsdm"), expects=(LABELLED,)),
        Case("get_return-missing", lambda rm: rm.get_return("rma_none"), raises=NotFound),
        Case(
            "get_return-wrong_key",
            lambda rm: rm.get_return("rma_abc123"),
            options={"api_key": "rm_wrong_key"},
            raises=AuthenticationFailed,
        ),
        Case(
            "get_return-denied",
            lambda rm: rm.get_return("rma_abc123"),
            simulator={"permissions": ["shipments:read"]},
            raises=PermissionDenied,
        ),
        Case(
            "get_return-rate_limited",
            lambda rm: rm.get_return("rma_abc123"),
            simulator={"plan": Plan(0)},
            raises=RateLimited,
        ),
        Case("create_return", lambda rm: rm.create_return(DOCUMENTED_RETURN)),
        Case("create_return-refused", lambda rm: rm.create_return(BAD_RETURN), raises=ValidationFailed),
        Case("create_return-documented", lambda rm: rm.create_return(DOCUMENTED_RETURN)),
        Case("create_return-documented_error", lambda rm: rm.create_return(BAD_RETURN), raises=ValidationFailed),
        Case("set_status", lambda rm: rm.set_status("rma_abc123", Status.APPROVED)),
        Case("set_status-own_word", lambda rm: rm.set_status("rma_abc123", raw_status="completed")),
        Case(
            "set_status-refused",
            lambda rm: rm.set_status("rma_abc123", raw_status="Quality Hold"),
            raises=ValidationFailed,
        ),
        Case(
            "set_status-documented",
            lambda rm: rm.set_status("rma_abc123", Status.APPROVED, note="Approved for full refund"),
        ),
        Case("add_note", lambda rm: rm.add_note("rma_abc123", "Customer contacted about delay")),
        Case("add_note-documented", lambda rm: rm.add_note("rma_abc123", "Customer contacted about delay")),
        Case("list_shipments", lambda rm: rm.list_shipments(ShipmentQuery(page_size=3))),
        Case("list_shipments-of_a_return", lambda rm: rm.list_shipments(ShipmentQuery(return_id="rma_abc123"))),
        Case("get_shipment", lambda rm: rm.get_shipment("shp_000001")),
        Case("get_shipment-missing", lambda rm: rm.get_shipment("shp_none"), raises=NotFound),
        Case("track", lambda rm: rm.track("shp_000001")),
        Case("track-missing", lambda rm: rm.track("shp_none"), raises=NotFound),
        Case("create_label", lambda rm: rm.create_label("rma_abc123", DOCUMENTED_LABEL)),
        Case("create_label-documented", lambda rm: rm.create_label("rma_abc123", DOCUMENTED_LABEL)),
        Case("list_customer_returns", lambda rm: rm.list_customer_returns("customer@example.com")),
        Case("customer_stats", lambda rm: rm.customer_stats("customer@example.com")),
        Case("customer_stats-missing", lambda rm: rm.customer_stats("nobody+1@example.com"), raises=NotFound),
        Case("customer_stats-documented", lambda rm: rm.customer_stats("customer@example.com")),
        Case("reports_summary", lambda rm: rm.reports_summary()),
        Case(
            "reports_summary-documented",
            lambda rm: rm.reports_summary(start_date=date(2024, 1, 1), end_date=date(2024, 6, 30), group_by="month"),
        ),
        Case("reports_reasons", lambda rm: rm.reports_reasons()),
        Case("reports_carriers", lambda rm: rm.reports_carriers()),
        Case("backfill", lambda rm: rm.backfill(DECEMBER, NOW)[0].read(None)),
    )

    # Neither an order's id nor the time of a change, nor an id of an item is in any of the vendor's examples.
    not_given = frozenset({"order_id", "updated_at", "item.id"})
    filters = (
        Filter(query={"status": Status.REQUESTED}, matches="rma_abc123", excludes="rma_83hkjpib"),
        Filter(query={"raw_status": "pending"}, matches="rma_abc123", excludes="rma_83hkjpib"),
        Filter(query={"created_after": DECEMBER}, matches="rma_abc123", excludes="rma_63kfnsdm"),
        Filter(query={"created_before": DECEMBER}, matches="rma_63kfnsdm", excludes="rma_abc123"),
        Filter(query={"customer_email": "customer@example.com"}, matches="rma_abc123", excludes="rma_1lm175ny"),
        Filter(query={"order_number": "#1001"}, matches="rma_abc123", excludes="rma_1lm175ny"),
    )
    oldest_return = "rma_bn0le234"
    newest_return = "rma_abc123"
    variations = (
        Variation(
            case="get_return-documented",
            path="data.created_at",
            value="2024-12-30T10:30:00+05:00",
            field="created_at",
            becomes=datetime(2024, 12, 30, 5, 30, tzinfo=UTC),
        ),
        Variation(
            case="get_return-documented", path="data.order_number", value="#7", field="order.number", becomes="#7"
        ),
        Variation(
            case="get_return", path="data.items[0].quantity", value=2, field="items[0].quantity", becomes=Decimal(2)
        ),
    )

    def make_simulator(self, **arguments: Any) -> ReturnMateSandbox:
        return ReturnMateSandbox(count=120, now=lambda: NOW, **arguments)

    def delivery(self, secret: str, body: bytes | None = None) -> WebhookRequest:
        headers, told = ReturnMateSandbox(count=1).webhook("rma.approved", "rma_abc123", secret)
        if body is not None:
            headers, told = {self.signature_header: hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}, body
        url = "https://platform.example/webhooks/acme"
        return WebhookRequest(method="POST", url=url, headers=headers, body=told, received_at=NOW)
