from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from returns_hub import NewReturn, NotFound, ReturnQuery, Status, ValidationFailed, WebhookRequest
from returns_hub.testing import (
    AdapterConformance,
    Case,
    ExpectedItem,
    ExpectedReturn,
    ExpectedShipment,
    FakeAdapter,
    FakeVendor,
    Filter,
    Variation,
)
from returns_hub.testing.fake import SIGNATURE_HEADER, sign

NOW = datetime(2025, 1, 1, 12, tzinfo=UTC)
SINCE = datetime(2024, 1, 15, tzinfo=UTC)
FIRST = ExpectedReturn(
    id="F1",
    number="RMA-001",
    order_number="#1001",
    order_id="5001",
    email="customer-0@example.com",
    status=Status.REQUESTED,
    status_raw="asked",
    created_at=datetime(2024, 1, 1, tzinfo=UTC),
    updated_at=datetime(2024, 1, 1, 1, tzinfo=UTC),
    items=(
        ExpectedItem(id="F1-1", sku="SHIRT-M", quantity=1, reason_code="too_small"),
        ExpectedItem(id="F1-2", sku="SOCKS", quantity=3, reason_code="unwanted"),
    ),
    shipments=(ExpectedShipment(tracking_number="FAKE000000", label_url="https://labels.fake.invalid/0.pdf"),),
)
SECOND = ExpectedReturn(id="F2", number="RMA-002", order_number="#1002", status=Status.APPROVED)
THIRD = ExpectedReturn(id="F3", number="RMA-003", order_number="#1003", status=Status.REQUESTED)


class TestFake(AdapterConformance):
    adapter_class = FakeAdapter
    known_return = "F1"
    signature_header = SIGNATURE_HEADER
    cassettes = Path(__file__).parents[2] / "cassettes" / "fake"
    cases = (
        Case(
            "list_returns",
            lambda fake: fake.list_returns(ReturnQuery(page_size=3)),
            expects=(FIRST, SECOND, THIRD),
        ),
        Case("list_returns-next_page", lambda fake: fake.list_returns(ReturnQuery(page_size=3), "F3")),
        Case("get_return", lambda fake: fake.get_return("F1"), expects=(FIRST,)),
        Case("get_return-missing", lambda fake: fake.get_return("F0"), raises=NotFound),
        Case("create_return", lambda fake: fake.create_return(NewReturn(order_number="#1001"))),
        Case(
            "create_return-refused",
            lambda fake: fake.create_return(NewReturn(order_number="")),
            raises=ValidationFailed,
        ),
        Case("set_status", lambda fake: fake.set_status("F1", Status.APPROVED)),
        Case("changes", lambda fake: fake.changes(SINCE)),
        Case("backfill", lambda fake: fake.backfill(SINCE, NOW)[0].read(None)),
    )

    filters = (
        Filter(query={"status": Status.APPROVED}, matches="F2", excludes="F1"),
        Filter(query={"raw_status": "granted"}, matches="F2", excludes="F1"),
        Filter(query={"created_after": SINCE}, matches="F15", excludes="F14"),
        Filter(query={"created_before": SINCE}, matches="F14", excludes="F16"),
        Filter(query={"updated_after": SINCE}, matches="F15", excludes="F14"),
        Filter(query={"customer_email": "customer-1@example.com"}, matches="F2", excludes="F1"),
        Filter(query={"order_number": "#1002"}, matches="F2", excludes="F1"),
    )
    oldest_return = "F1"
    newest_return = "F20"
    variations = (
        Variation(
            case="get_return",
            path="created_at",
            value="2023-12-31T23:00:00+05:00",
            field="created_at",
            becomes=datetime(2023, 12, 31, 18, tzinfo=UTC),
        ),
        Variation(case="get_return", path="order", value="#77", field="order.number", becomes="#77"),
        Variation(case="get_return", path="lines[1].quantity", value=4, field="items[1].quantity", becomes=Decimal(4)),
    )

    def make_simulator(self, **arguments: Any) -> FakeVendor:
        return FakeVendor(now=lambda: NOW, **arguments)

    def delivery(self, secret: str, body: bytes | None = None) -> WebhookRequest:
        told = b'{"event": "moved", "id": "F1"}' if body is None else body
        url = "https://platform.example/webhooks/fake"
        return WebhookRequest(method="POST", url=url, headers=sign(told, secret), body=told, received_at=NOW)
