from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from attrs import evolve

from returns_hub import (
    Address,
    AuthenticationFailed,
    Disposition,
    ItemInstruction,
    LabelStatus,
    NewItem,
    NewReturn,
    NotFound,
    PermissionDenied,
    ResolutionKind,
    ReturnQuery,
    ShipmentQuery,
    ShipmentStatus,
    Status,
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
from returns_hub_redo import Redo
from returns_hub_redo.sandbox import RedoSandbox

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
EXAMPLE_ID = "65a000000000000000000001"
TWO_ITEMS_ID = "65c000000000000000000001"
OCTOBER = datetime(2026, 10, 1, tzinfo=UTC)

# The sample of the wire reference, and what its words mean there.
EXAMPLE = ExpectedReturn(
    id=EXAMPLE_ID,
    number=None,
    order_number="#2041",
    order_id="5001",
    email="kim@example.org",
    status=Status.IN_TRANSIT,
    status_raw="in_transit",
    created_at=datetime(2026, 10, 1, 10, tzinfo=UTC),
    updated_at=datetime(2026, 10, 3, 18, 20, tzinfo=UTC),
    items=(
        ExpectedItem(
            id="65a000000000000000000011",
            sku="TEE-M",
            quantity=1,
            reason_text="Too big",
        ),
    ),
    shipments=(
        ExpectedShipment(
            id=f"{EXAMPLE_ID}/sg_1",
            tracking_number="9400100000000000000001",
            carrier="USPS",
            status=ShipmentStatus.IN_TRANSIT,
            label_url="https://files.example/label.pdf",
            label_status=LabelStatus.READY,
        ),
    ),
)
REFUND = {"kind": "refund", "status": "pending", "amount": {"amount": "20.00", "currency": "USD"}}
# The reference's sample to its last value; in what the simulator records, personal data are placeholders.
DOCUMENTED = evolve(
    EXAMPLE,
    facts={
        "kind": "customer",
        "customer": {"name": "Kim Muster", "phone": "+15555550100"},
        "address": {
            "name": "Kim Muster",
            "line1": "1 Test St",
            "city": "Provo",
            "state": "UT",
            "postal_code": "84601",
            "country": "US",
            "phone": "+15555550100",
            "email": "kim@example.org",
        },
        "items": [
            {
                "reference": "900",
                "resolutions": [REFUND],
                "value": {"amount": "20.00", "currency": "USD"},
                "extra": {"return_id": EXAMPLE_ID, "status": "open"},
            }
        ],
        "shipments": [{"return_id": EXAMPLE_ID, "direction": "inbound", "status_raw": "in_transit"}],
        "resolutions": [REFUND],
        "reference": "771",
    },
)
TWO_ITEMS = ExpectedReturn(
    id=TWO_ITEMS_ID,
    order_number="#3001",
    order_id="1000001",
    email="customer1@example.org",
    items=(
        ExpectedItem(id="65d000000000000000000010", sku="MUG-1", quantity=2, reason_code="damaged"),
        ExpectedItem(id="65d000000000000000000011", sku="CAP-R", quantity=2, reason_code="changed_mind"),
    ),
    facts={
        "items": [
            {"barcode": "000000000001", "product_id": "p1", "name": "Mug", "extra": {"variant_id": "v1"}},
            {"barcode": "000000000002", "product_id": "p2", "name": "Cap, red", "extra": {"variant_id": "v2"}},
        ]
    },
)
NEW = NewReturn(
    order_number="#2041",
    items=(NewItem(reference="900", quantity=1, reason="Too big"),),
    ship_from=Address(line1="1 Test St", city="Provo", state="UT", postal_code="84601", country="US"),
    custom_fields={"order_id": "5001"},
)

NEXT_PAGE = "0:eyJjcmVhdGVkQXQiOiAiMjAyNi0xMC0wMVQxMDowMDowMFoiLCAiaWQiOiAiNjVhMDAwMDAwMDAwMDAwMDAwMDAwMDAxIn0="


def instruct(redo: Redo) -> Any:
    """The items of a return, as they were read, restocked."""
    ret = yield from redo.get_return(EXAMPLE_ID)
    return (yield from redo.instruct(ret.items, ItemInstruction(disposition=Disposition.RESTOCK)))


class TestRedo(AdapterConformance):
    adapter_class = Redo
    known_return = EXAMPLE_ID
    # A sample of an older guide shows it, and no schema has it.
    undefined_words = frozenset({"pending"})
    states_every_value = True
    signature_header = "Authorization"
    signs_body = False
    record_secrets = ("GIFT-",)
    cassettes = Path(__file__).parents[2] / "cassettes" / "redo"
    cases = (
        Case("list_returns", lambda redo: redo.list_returns(ReturnQuery(page_size=3))),
        Case("list_returns-next_page", lambda redo: redo.list_returns(ReturnQuery(page_size=3), NEXT_PAGE)),
        Case(
            "list_returns-order_number",
            lambda redo: redo.list_returns(ReturnQuery(order_number="#2041")),
            expects=(EXAMPLE,),
        ),
        Case(
            "list_returns-status", lambda redo: redo.list_returns(ReturnQuery(status={Status.REQUESTED}, page_size=3))
        ),
        Case("list_returns-documented", lambda redo: redo.list_returns(ReturnQuery()), expects=(DOCUMENTED,)),
        Case("get_return", lambda redo: redo.get_return(TWO_ITEMS_ID), expects=(TWO_ITEMS,)),
        Case("get_return-documented", lambda redo: redo.get_return(EXAMPLE_ID), expects=(EXAMPLE,)),
        Case("get_return-missing", lambda redo: redo.get_return("65a0000000000000000000ff"), raises=NotFound),
        Case(
            "get_return-wrong_key",
            lambda redo: redo.get_return(EXAMPLE_ID),
            options={"api_key": "wrong-secret"},
            raises=AuthenticationFailed,
        ),
        Case(
            "get_return-denied",
            lambda redo: redo.get_return(EXAMPLE_ID),
            simulator={"scopes": ["webhooks_read"]},
            raises=PermissionDenied,
        ),
        Case("create_return", lambda redo: redo.create_return(NEW)),
        Case(
            "create_return-store_credit",
            lambda redo: redo.create_return(evolve(NEW, resolution=ResolutionKind.STORE_CREDIT)),
        ),
        Case(
            "create_return-unknown_order",
            lambda redo: redo.create_return(evolve(NEW, custom_fields={"order_id": "404"})),
            raises=NotFound,
        ),
        Case("set_status", lambda redo: redo.set_status(EXAMPLE_ID, Status.CLOSED)),
        Case("set_status-flagged", lambda redo: redo.set_status(EXAMPLE_ID, raw_status="flagged", note="Damaged box")),
        Case("add_note", lambda redo: redo.add_note(EXAMPLE_ID, "Damaged box")),
        Case("list_shipments", lambda redo: redo.list_shipments(ShipmentQuery(page_size=3))),
        Case("list_shipments-of_a_return", lambda redo: redo.list_shipments(ShipmentQuery(return_id=EXAMPLE_ID))),
        Case("get_shipment", lambda redo: redo.get_shipment(f"{EXAMPLE_ID}/sg_1")),
        Case("get_shipment-missing", lambda redo: redo.get_shipment(f"{EXAMPLE_ID}/none"), raises=NotFound),
        Case("track", lambda redo: redo.track(f"{EXAMPLE_ID}/sg_1")),
        Case(
            "instruct",
            instruct,
            options={"allow_process": True},
        ),
        Case("changes", lambda redo: redo.changes(OCTOBER)),
        Case("backfill", lambda redo: redo.backfill(OCTOBER, NOW)[0].read(None)),
        Case(
            "create_webhook",
            lambda redo: redo.create_webhook("https://shop.example/webhooks/acme", "a-token", external_id="acme"),
        ),
    )
    # Redo has no number beside the id.
    not_given = frozenset({"number", "order of a listing"})
    filters = (
        Filter(query={"status": Status.IN_TRANSIT}, matches=EXAMPLE_ID, excludes="65c000000000000000000006"),
        Filter(query={"raw_status": "in_transit"}, matches=EXAMPLE_ID, excludes="65c000000000000000000006"),
        Filter(query={"created_after": OCTOBER}, matches=EXAMPLE_ID, excludes=TWO_ITEMS_ID),
        Filter(query={"created_before": OCTOBER}, matches=TWO_ITEMS_ID, excludes=EXAMPLE_ID),
        Filter(query={"updated_after": OCTOBER}, matches=EXAMPLE_ID, excludes=TWO_ITEMS_ID),
        Filter(query={"customer_email": "kim@example.org"}, matches=EXAMPLE_ID, excludes=TWO_ITEMS_ID),
        Filter(query={"order_number": "#2041"}, matches=EXAMPLE_ID, excludes=TWO_ITEMS_ID),
    )
    variations = (
        Variation(
            case="get_return-documented",
            path="return.createdAt",
            value="2026-10-01T10:00:00-06:00",
            field="created_at",
            becomes=datetime(2026, 10, 1, 16, tzinfo=UTC),
        ),
        Variation(
            case="get_return-documented", path="return.order.name", value="#7", field="order.number", becomes="#7"
        ),
        Variation(
            case="get_return-documented",
            path="return.items[0].quantity",
            value=2,
            field="items[0].quantity",
            becomes=Decimal(2),
        ),
    )

    def make_simulator(self, **arguments: Any) -> RedoSandbox:
        return RedoSandbox(**{"count": 540, "now": lambda: NOW, **arguments})

    def delivery(self, secret: str, body: bytes | None = None) -> WebhookRequest:
        headers, told = RedoSandbox(count=1).webhook("updated", EXAMPLE_ID, secret)
        return WebhookRequest(
            method="POST",
            url="https://platform.example/webhooks/acme",
            headers=headers,
            body=told if body is None else body,
            received_at=NOW,
        )
