import base64
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from attrs import evolve

from returns_hub import (
    Address,
    AuthenticationFailed,
    Conflict,
    LabelStatus,
    NewItem,
    NewReturn,
    NotFound,
    PermissionDenied,
    ReturnQuery,
    Secret,
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
from returns_hub.wire import sign_body
from returns_hub_returnless_v2 import ReturnlessV2
from returns_hub_returnless_v2.sandbox import ReturnlessV2Sandbox

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
OCTOBER = datetime(2026, 10, 1, tzinfo=UTC)
EXAMPLE_ID = "returnorder_Zq81kTn0VbY5cXw2LmR7pJ4ds"
OLDEST_ID = f"returnorder_{0:025d}"
REQUEST_ID = f"returnorder_{1:025d}"
TWO_ITEMS_ID = f"returnorder_{3:025d}"

# The sample of the wire reference, and what its words mean there.
EXAMPLE = ExpectedReturn(
    id=EXAMPLE_ID,
    number="RENL0012345",
    order_number="1000042",
    order_id="700042",
    email="sam@example.org",
    status=Status.APPROVED,
    status_raw="returnstatus_h4Kx9",
    created_at=datetime(2026, 10, 5, 9, tzinfo=UTC),
    updated_at=datetime(2026, 10, 6, 7, 30, 11, tzinfo=UTC),
    items=(ExpectedItem(id="returnorderitem_k2", sku="CH-1", name="Blue chair", quantity=1, reason_text="Too small"),),
    shipments=(
        ExpectedShipment(
            id="shipment_9",
            tracking_number="3STEST0001",
            carrier="PostNL",
            status=ShipmentStatus.PRE_TRANSIT,
            label_status=LabelStatus.READY,
        ),
    ),
)
# The reference's sample to its last value; in what the simulator records, personal data are placeholders.
DOCUMENTED = evolve(
    EXAMPLE,
    facts={
        "kind": "customer",
        "order": {"created_at": "2026-10-02T08:14:00Z"},
        "customer": {"id": "customer_a1", "name": "Sam Proef"},
        "address": {
            "name": "Sam Proef",
            "line1": "Dorpsweg",
            "house_number": "7",
            "house_number_addition": "b",
            "postal_code": "1234 AB",
            "city": "Utrecht",
            "country": "NL",
        },
        "shipments": [{"return_id": EXAMPLE_ID, "direction": "inbound", "status_raw": "announced"}],
    },
)
TWO_ITEMS = ExpectedReturn(
    id=TWO_ITEMS_ID,
    order_number="2000003",
    order_id="900003",
    email="customer3@example.org",
    items=(
        ExpectedItem(id="returnorderitem_3_0", sku="CH-1", quantity=1, reason_code="too_small"),
        ExpectedItem(id="returnorderitem_3_1", sku="LMP-2", quantity=1, reason_code="damaged"),
    ),
    shipments=(
        ExpectedShipment(id="shipment_1003", tracking_number="3STEST0000003", label_url="https://labels.example/3.pdf"),
    ),
    facts={
        "form": "Standard",
        "shipments": [
            {"tracking_url": "https://track.example/3", "cost": {"amount": "4.95", "currency": "EUR"}},
        ],
    },
)
NEW = NewReturn(
    order_number="1000042",
    customer_email="sam@example.org",
    items=(NewItem(reference="salesorderitem_1", quantity=2, reason="reason_7"),),
    ship_from=Address(line1="Dorpsweg", house_number="7", postal_code="1234 AB", city="Utrecht"),
    reference="shop-77",
    custom_fields={"country_id": "country_1"},
)
FILED = ExpectedReturn(
    id=f"returnorder_new{160:022d}",
    order_number="1000042",
    status=Status.REQUESTED,
    items=(ExpectedItem(id="returnorderitem_160_0", quantity=2, reason_code="reason_7"),),
    shipments=(),
)


class TestReturnlessV2(AdapterConformance):
    adapter_class = ReturnlessV2
    states_every_value = True
    known_return = EXAMPLE_ID
    undefined_words = frozenset[str]()
    signature_header = "X-Signature"
    lookup_secrets = "lookup_password"
    lookup_header = "Authorization"
    signs_order_number = False
    cassettes = Path(__file__).parents[2] / "cassettes" / "returnless_v2"
    cases = (
        Case("list_returns", lambda v2: v2.list_returns(ReturnQuery(page_size=3))),
        Case("list_returns-newest_first", lambda v2: v2.list_returns(ReturnQuery(page_size=3, newest_first=True))),
        Case(
            "list_returns-order_number",
            lambda v2: v2.list_returns(ReturnQuery(order_number="1000042")),
            expects=(EXAMPLE,),
        ),
        Case("list_returns-status", lambda v2: v2.list_returns(ReturnQuery(status={Status.REQUESTED}, page_size=3))),
        Case(
            "list_returns-raw_status",
            lambda v2: v2.list_returns(ReturnQuery(raw_status=("returnstatus_Q2mZ7",), page_size=3)),
        ),
        Case("list_returns-documented", lambda v2: v2.list_returns(ReturnQuery()), expects=(DOCUMENTED,)),
        Case(
            "list_returns-plain",
            lambda v2: v2.list_returns(ReturnQuery(order_number="1000042")),
            simulator={"known_includes": frozenset({"customer", "sales_order"})},
        ),
        Case("get_return", lambda v2: v2.get_return(TWO_ITEMS_ID), expects=(TWO_ITEMS,)),
        Case("get_return-documented", lambda v2: v2.get_return(EXAMPLE_ID), expects=(DOCUMENTED,)),
        Case("get_return-missing", lambda v2: v2.get_return("returnorder_none"), raises=NotFound),
        Case(
            "get_return-wrong_key",
            lambda v2: v2.get_return(EXAMPLE_ID),
            options={"api_key": "wrongkey"},
            raises=AuthenticationFailed,
        ),
        Case(
            "get_return-denied",
            lambda v2: v2.get_return(EXAMPLE_ID),
            simulator={"is_allowed": False},
            raises=PermissionDenied,
        ),
        Case("create_return", lambda v2: v2.create_return(NEW), expects=(FILED,)),
        Case(
            "create_return-unknown_order",
            lambda v2: v2.create_return(evolve(NEW, order_number="404")),
            raises=ValidationFailed,
        ),
        Case("set_status", lambda v2: v2.set_status(REQUEST_ID, Status.APPROVED)),
        Case("set_status-again", lambda v2: v2.set_status(EXAMPLE_ID, Status.APPROVED)),
        Case("set_status-rejected", lambda v2: v2.set_status(REQUEST_ID, Status.REJECTED, note="Outside the window")),
        Case("set_status-not_a_request", lambda v2: v2.set_status(EXAMPLE_ID, Status.REJECTED), raises=Conflict),
        Case("set_status-own_word", lambda v2: v2.set_status(EXAMPLE_ID, raw_status="returnstatus_Q2mZ7")),
        Case(
            "set_status-foreign",
            lambda v2: v2.set_status(EXAMPLE_ID, raw_status="requeststatus_a9Jd2"),
            raises=ValidationFailed,
        ),
        Case("add_note", lambda v2: v2.add_note(EXAMPLE_ID, "Damaged box")),
        Case(
            "add_note-without_actor",
            lambda v2: v2.add_note(EXAMPLE_ID, "Damaged box"),
            simulator={"takes_actor": False},
        ),
        Case("list_shipments", lambda v2: v2.list_shipments(ShipmentQuery(page_size=3))),
        Case("list_shipments-of_a_return", lambda v2: v2.list_shipments(ShipmentQuery(return_id=EXAMPLE_ID))),
        Case("get_shipment", lambda v2: v2.get_shipment("shipment_1003")),
        Case("get_shipment-missing", lambda v2: v2.get_shipment("shipment_none"), raises=NotFound),
        Case("track", lambda v2: v2.track("shipment_1003")),
        Case("changes", lambda v2: v2.changes(OCTOBER)),
        Case("backfill", lambda v2: v2.backfill(OCTOBER, NOW)[0].read(None)),
        Case("read_words", lambda v2: v2.read_words()),
    )
    filters = (
        Filter(query={"status": Status.APPROVED}, matches=EXAMPLE_ID, excludes=REQUEST_ID),
        Filter(query={"raw_status": "return"}, matches=EXAMPLE_ID, excludes=REQUEST_ID),
        Filter(query={"created_after": OCTOBER}, matches=EXAMPLE_ID, excludes=OLDEST_ID),
        Filter(query={"created_before": OCTOBER}, matches=OLDEST_ID, excludes=EXAMPLE_ID),
        Filter(query={"updated_after": OCTOBER}, matches=EXAMPLE_ID, excludes=OLDEST_ID),
        Filter(query={"customer_email": "sam@example.org"}, matches=EXAMPLE_ID, excludes=OLDEST_ID),
        Filter(query={"order_number": "1000042"}, matches=EXAMPLE_ID, excludes=OLDEST_ID),
    )
    oldest_return = OLDEST_ID
    newest_return = EXAMPLE_ID
    variations = (
        Variation(
            case="get_return-documented",
            path="data.created_at",
            value="2026-10-05T09:00:00+02:00",
            field="created_at",
            becomes=datetime(2026, 10, 5, 7, tzinfo=UTC),
        ),
        Variation(
            case="get_return-documented",
            path="data.includes.sales_order.order_number",
            value="7",
            field="order.number",
            becomes="7",
        ),
        Variation(
            case="get_return-documented",
            path="data.includes.return_order_items[0].quantity",
            value=2,
            field="items[0].quantity",
            becomes=Decimal(2),
        ),
    )

    def make_simulator(self, **arguments: Any) -> ReturnlessV2Sandbox:
        return ReturnlessV2Sandbox(**{"count": 160, "now": lambda: NOW, **arguments})

    def delivery(self, secret: str, body: bytes | None = None) -> WebhookRequest:
        headers, told = ReturnlessV2Sandbox(count=1).webhook("return.status_changed", EXAMPLE_ID, secret)
        request = WebhookRequest(
            method="POST",
            url="https://platform.example/webhooks/acme",
            headers=headers,
            body=told if body is None else body,
            received_at=NOW,
        )
        return request if body is None else sign_body(request, "X-Signature", [Secret(secret)])

    def order_lookup(self, secret: str, number: str) -> WebhookRequest:
        credentials = base64.b64encode(f"returnless:{secret}".encode()).decode()
        return WebhookRequest(
            method="POST",
            url="https://platform.example/orders/acme",
            headers={"Authorization": f"Basic {credentials}"},
            body=json.dumps({"order_number": number}).encode(),
            received_at=NOW,
        )
