from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from attrs import evolve

from returns_hub import (
    AuthenticationFailed,
    Conflict,
    LabelStatus,
    NewItem,
    NewLabel,
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
from returns_hub.testing.cassettes import Redactor
from returns_hub_aftership import AfterShip
from returns_hub_aftership.sandbox import AfterShipSandbox
from returns_hub_aftership.webhooks import sign

NOW = datetime(2026, 10, 5, 12, tzinfo=UTC)
OCTOBER = datetime(2026, 10, 1, tzinfo=UTC)
EXAMPLE_ID = "0c1d2e3f405142638495a6b7c8d9eafb"
OLDEST_ID = "af000000000000000000000000000000"
TWO_ITEMS_ID = "af000000000000000000000000000001"
SUBMITTED_ID = "af00000000000000000000000000000d"
SHIPMENT_ID = f"{EXAMPLE_ID}/aa00bb11cc22dd33ee44ff5566778899"

# The sample of the wire reference, and what its words mean there.
EXAMPLE = ExpectedReturn(
    id=EXAMPLE_ID,
    number="K7Q2M9XA",
    order_number="#20417",
    order_id="5550001112223",
    email="kim@example.org",
    status=Status.IN_TRANSIT,
    status_raw="approved/in_transit",
    created_at=datetime(2026, 10, 1, 9, 12, 44, 120000, tzinfo=UTC),
    updated_at=None,
    items=(
        ExpectedItem(
            id=f"{EXAMPLE_ID}/13000000000011",
            sku="SNK-42",
            quantity=1,
            reason_text="Too small",
        ),
    ),
    shipments=(
        ExpectedShipment(
            id=SHIPMENT_ID,
            tracking_number="9400100000000000000042",
            carrier="usps",
            status=ShipmentStatus.IN_TRANSIT,
            label_url="https://example.com/label.pdf",
            label_status=LabelStatus.READY,
        ),
    ),
    facts={
        "kind": "unknown",
        "items": [{"aliases": ["13000000000011"], "quantity_received": "0"}],
        "shipments": [
            {
                "return_id": EXAMPLE_ID,
                "direction": "inbound",
                "status_raw": "InTransit",
                "cost": {"amount": "4.10", "currency": "USD"},
                "tracking": [{"status": "in_transit", "status_raw": "InTransit"}],
            }
        ],
        "resolutions": [{"kind": "refund", "status": "pending"}],
        "timeline": [
            {"occurred_at": "2026-10-01T09:12:44.120000Z", "kind": "filed"},
            {"occurred_at": "2026-10-01T09:12:46.003000Z", "kind": "approved"},
        ],
    },
)
TWO_ITEMS = ExpectedReturn(
    id=TWO_ITEMS_ID,
    number="RMA000001",
    order_number="#30001",
    order_id="5550000000001",
    email="customer1@example.org",
    items=(
        ExpectedItem(id=f"{TWO_ITEMS_ID}/13000000000010", sku="TEE-M", quantity=1, reason_text="Not as described"),
        ExpectedItem(id=f"{TWO_ITEMS_ID}/13000000000011", sku="CAP-R", quantity=1, reason_text="Changed my mind"),
    ),
    # Personal data are placeholders, as everywhere in cassettes.
    facts={
        "order": {"created_at": "2025-10-15T07:48:01.120000Z"},
        "customer": {"name": "Person 4669"},
        "address": {
            "name": "Person 4669",
            "line1": "Address 6451",
            "city": "Address 7153",
            "state": "Texas",
            "postal_code": "Address 5437",
            "country": "US",
        },
        "items": [
            {
                "aliases": ["13000000000010"],
                "product_id": "p1",
                "name": "Tee",
                "quantity_ordered": "2",
                "extra": {
                    "variant": "M",
                    "variant_id": "v1",
                    "restocked_quantity": "0",
                    "removed_quantity": "0",
                },
            },
            {
                "aliases": ["13000000000011"],
                "product_id": "p2",
                "name": "Cap",
                "quantity_ordered": "2",
                "extra": {
                    "variant": "red",
                    "variant_id": "v2",
                    "restocked_quantity": "0",
                    "removed_quantity": "0",
                },
            },
        ],
        "timeline": [{"author": "shopper"}, {"text": "Outside the window"}],
        "form": "retailer_label",
    },
)
NEW = NewReturn(
    order_number="#20417",
    items=(NewItem(reference="13000000000011", quantity=1, reason="Too small"),),
    custom_fields={"order_id": "5550001112223"},
)


class TestAfterShip(AdapterConformance):
    adapter_class = AfterShip
    known_return = EXAMPLE_ID
    # The end of a walk is fixed by the vendor's clock.
    redactor = Redactor(keep_headers=frozenset({"date"}))
    states_every_value = True
    signature_header = "as-signature-hmac-sha256"
    cassettes = Path(__file__).parents[2] / "cassettes" / "aftership"
    cases = (
        Case("list_returns", lambda a: a.list_returns(ReturnQuery(page_size=3))),
        Case("list_returns-newest_first", lambda a: a.list_returns(ReturnQuery(page_size=3, newest_first=True))),
        Case(
            "list_returns-next_page",
            lambda a: a.list_returns(
                ReturnQuery(page_size=3, newest_first=True), "0:2x3:2025-10-05T12:00:00Z,2026-10-05T12:00:01Z"
            ),
        ),
        Case(
            "list_returns-order_number", lambda a: a.list_returns(ReturnQuery(order_number="20417")), expects=(EXAMPLE,)
        ),
        Case("list_returns-documented", lambda a: a.list_returns(ReturnQuery()), expects=(EXAMPLE,)),
        Case(
            "list_returns-status",
            lambda a: a.list_returns(ReturnQuery(status={Status.REQUESTED}, page_size=3, newest_first=True)),
        ),
        Case(
            "list_returns-small_pages",
            lambda a: a.list_returns(ReturnQuery(order_number="#20417")),
            simulator={"max_limit": 20},
            expects=(EXAMPLE,),
        ),
        Case(
            "list_returns-data_is_list",
            lambda a: a.list_returns(ReturnQuery(order_number="#20417")),
            simulator={"data_is_list": True},
            expects=(EXAMPLE,),
        ),
        Case("get_return", lambda a: a.get_return(TWO_ITEMS_ID), expects=(TWO_ITEMS,)),
        Case("get_return-documented", lambda a: a.get_return(EXAMPLE_ID), expects=(EXAMPLE,)),
        Case("get_return-missing", lambda a: a.get_return("ffffffffffffffffffffffffffffffff"), raises=NotFound),
        Case(
            "get_return-wrong_key",
            lambda a: a.get_return(EXAMPLE_ID),
            options={"api_key": "asat_wrong"},
            raises=AuthenticationFailed,
        ),
        Case(
            "get_return-denied",
            lambda a: a.get_return(EXAMPLE_ID),
            simulator={"is_allowed": False},
            raises=PermissionDenied,
        ),
        Case("create_return", lambda a: a.create_return(NEW)),
        Case(
            "create_return-mismatch",
            lambda a: a.create_return(evolve(NEW, custom_fields={"order_id": "none"})),
            raises=ValidationFailed,
        ),
        Case("set_status", lambda a: a.set_status(EXAMPLE_ID, Status.CLOSED)),
        Case("set_status-received", lambda a: a.set_status(EXAMPLE_ID, Status.RECEIVED)),
        Case("set_status-rejected", lambda a: a.set_status(EXAMPLE_ID, Status.REJECTED, note="Outside the window")),
        Case("set_status-already", lambda a: a.set_status(EXAMPLE_ID, Status.APPROVED), raises=Conflict),
        Case("list_shipments", lambda a: a.list_shipments(ShipmentQuery(return_id=EXAMPLE_ID))),
        Case("get_shipment", lambda a: a.get_shipment(SHIPMENT_ID)),
        Case("get_shipment-missing", lambda a: a.get_shipment(f"{EXAMPLE_ID}/none"), raises=NotFound),
        Case("track", lambda a: a.track(SHIPMENT_ID)),
        Case("create_label", lambda a: a.create_label(SUBMITTED_ID, NewLabel())),
        Case("create_label-approved", lambda a: a.create_label(EXAMPLE_ID, NewLabel()), raises=Conflict),
        Case(
            "attach_shipment",
            lambda a: a.attach_shipment(
                SUBMITTED_ID,
                tracking_number="9400100000000000000099",
                carrier="usps",
                label_url="https://example.com/own.pdf",
                charge="3.20",
                currency="USD",
            ),
        ),
        Case("receive_items", lambda a: a.receive_items(EXAMPLE_ID, {"13000000000011": 1})),
        Case("backfill", lambda a: a.backfill(OCTOBER, NOW)[0].read(None)),
    )
    # AfterShip gives no time of a change.
    not_given = frozenset({"updated_at", "filter updated_after", "created_at apart from updated_at"})
    filters = (
        Filter(query={"status": Status.IN_TRANSIT}, matches=EXAMPLE_ID, excludes=SUBMITTED_ID),
        Filter(query={"raw_status": "approved"}, matches=EXAMPLE_ID, excludes=SUBMITTED_ID),
        Filter(query={"created_after": OCTOBER}, matches=EXAMPLE_ID, excludes=OLDEST_ID),
        Filter(query={"created_before": OCTOBER}, matches=OLDEST_ID, excludes=EXAMPLE_ID),
        Filter(query={"customer_email": "kim@example.org"}, matches=EXAMPLE_ID, excludes=OLDEST_ID),
        Filter(query={"order_number": "#20417"}, matches=EXAMPLE_ID, excludes=OLDEST_ID),
    )
    oldest_return = OLDEST_ID
    newest_return = EXAMPLE_ID
    variations = (
        Variation(
            case="get_return-documented",
            path="data.created_at",
            value="2026-10-01T09:12:44.120+02:00",
            field="created_at",
            becomes=datetime(2026, 10, 1, 7, 12, 44, 120000, tzinfo=UTC),
            follows=("timeline",),
        ),
        Variation(
            case="get_return-documented", path="data.order.order_name", value="#7", field="order.number", becomes="#7"
        ),
        Variation(
            case="get_return-documented",
            path="data.return_items[0].return_quantity",
            value=2,
            field="items[0].quantity",
            becomes=Decimal(2),
        ),
    )

    def make_simulator(self, **arguments: Any) -> AfterShipSandbox:
        return AfterShipSandbox(**{"count": 120, "now": lambda: NOW, **arguments})

    def delivery(self, secret: str, body: bytes | None = None) -> WebhookRequest:
        headers, told = AfterShipSandbox(count=1, now=lambda: NOW).webhook("return.approved", EXAMPLE_ID, secret)
        request = WebhookRequest(
            method="POST",
            url="https://platform.example/webhooks/acme",
            headers=headers,
            body=told if body is None else body,
            received_at=NOW,
        )
        return request if body is None else sign(request, [Secret(secret)])
