"""The simulated store's data: the example of the wire reference, and generated returns. All people are fictitious."""

import random
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias

from returns_hub import format_time

Json: TypeAlias = dict[str, Any]

EXAMPLE_ID: Final = "65a000000000000000000001"
FIRST: Final = datetime(2024, 10, 1, 9, tzinfo=UTC)
SPAN: Final = timedelta(days=700)

_STATUSES: Final = (
    *("open", "in_transit", "in_transit", "delivered", "complete", "complete", "complete", "rejected"),
    *("pre_shipment", "needs_review", "in_review", "flagged", "deleted"),
)
_SHIPMENT_BY_STATUS: Final[Mapping[str, str]] = {
    "open": "pre_transit",
    "in_transit": "in_transit",
    "delivered": "delivered",
    "complete": "delivered",
    "needs_review": "out_for_delivery",
    "in_review": "delivered",
    "flagged": "failure",
}
_PEOPLE: Final = (("Kim", "Muster"), ("Ana María", "Gómez"), ("Priya", "Raman"), ("Łukasz", "Nowak"))
_PRODUCTS: Final = (("TEE-M", "Tee, medium", "20.00"), ("MUG-1", "Mug", "14.50"), ("CAP-R", "Cap, red", "18.25"))
_REASONS: Final = (("size", "Too big"), ("damaged", "Arrived damaged"), ("changed_mind", "Changed my mind"))


def money(amount: str) -> Json:
    """An amount as Redo writes it."""
    return {"amount": amount, "currency": "USD"}


def totals(refund: str = "0.00", exchange: str = "0.00", store_credit: str = "0.00") -> Json:
    """The totals of a return, each wrapped once more."""
    return {
        "refund": {"amount": money(refund)},
        "exchange": {"amount": money(exchange)},
        "storeCredit": {"amount": money(store_credit)},
        "charge": {"amount": money("0.00")},
    }


def example() -> tuple[Json, Json]:
    """The return and the order of the wire reference."""
    order = {
        "id": "65a0000000000000000000aa",
        "name": "#2041",
        "externalId": "5001",
        "items": [{"id": "5001/0", "title": "Tee"}],
    }
    wire = {
        "id": EXAMPLE_ID,
        "type": "return",
        "status": "in_transit",
        "createdAt": "2026-10-01T10:00:00Z",
        "updatedAt": "2026-10-03T18:20:00Z",
        "order": {"id": "65a0000000000000000000aa", "name": "#2041"},
        "externalOrderIds": ["5001"],
        "externalReturnIds": [{"provider": "shopify", "value": "771"}],
        "compensationMethods": ["refund"],
        "giftCards": [],
        "destination": {},
        "source": {
            "emailAddress": "kim@example.org",
            "name": {"given": "Kim", "surname": "Muster"},
            "mailingAddress": {
                "line1": "1 Test St",
                "city": "Provo",
                "state": "UT",
                "postalCode": "84601",
                "country": "US",
            },
            "phoneNumber": "+15555550100",
        },
        "items": [
            {
                "id": "65a000000000000000000011",
                "orderItem": {"id": "5001/0", "line_item_id": "900"},
                "sku": "TEE-M",
                "quantity": 1,
                "status": "open",
                "reason": "Too big",
                "greenReturn": False,
                "shipmentGroupIds": ["sg_1"],
                "refund": {"amount": money("20.00"), "type": "original_payment"},
            }
        ],
        "shipments": [
            {
                "carrier": "USPS",
                "status": "in_transit",
                "tracker": "9400100000000000000001",
                "shipmentGroupId": "sg_1",
                "postageLabel": "https://files.example/label.pdf",
                "itemIds": ["65a000000000000000000011"],
            }
        ],
        "dropoffs": [],
        "totals": totals(refund="20.00"),
        "protection": {},
    }
    return wire, order


def generated(count: int, seed: int) -> Iterator[tuple[Json, Json]]:
    """So many returns with their orders, oldest first. Every fourth shares the order of the one before it."""
    choose = random.Random(seed)  # noqa: S311 - sample data
    order: Json = {}
    for number in range(count):
        if number % 4 != 3 or not order:
            order = _order(number)
        created = FIRST + timedelta(seconds=int(SPAN.total_seconds()) * number // count)
        yield _return(number, order, choose, created), order


def _order(number: int) -> Json:
    shop_id = str(1_000_000 + number)
    lines = [{"id": f"{shop_id}/{line}", "title": _PRODUCTS[(number + line) % 3][1]} for line in range(2)]
    return {"id": f"65b{number:021x}", "name": f"#{3000 + number}", "externalId": shop_id, "items": lines}


def _return(number: int, order: Json, choose: random.Random, created: datetime) -> Json:
    status = choose.choice(_STATUSES)
    given, surname = _PEOPLE[number % len(_PEOPLE)]
    is_credit = number % 5 == 2
    items = [_item(number, line, order, status, is_credit=is_credit) for line in range(1 + number % 2)]
    amount = f"{sum(float(item['refund']['amount']['amount']) for item in items):.2f}"
    changed = created + timedelta(hours=choose.randrange(1, 400))
    wire = {
        "id": f"65c{number:021x}",
        "type": "claim" if number % 17 == 5 else "warranty" if number % 17 == 9 else "return",
        "status": status,
        "createdAt": format_time(created),
        "updatedAt": format_time(changed),
        "order": {"id": order["id"], "name": order["name"]},
        "externalOrderIds": [order["externalId"]],
        "externalReturnIds": [{"provider": "shopify", "value": str(500_000 + number)}],
        "compensationMethods": ["store_credit" if is_credit else "refund"],
        "giftCards": [],
        "destination": {},
        "source": {
            "emailAddress": f"customer{number}@example.org",
            "name": {"given": given, "surname": surname},
            "mailingAddress": {
                "line1": f"{1 + number} Sample Ave",
                "line2": "",
                "city": "Provo",
                "state": "UT",
                "postalCode": "84601",
                "country": "US",
            },
            "phoneNumber": f"+1555555{number % 10_000:04d}",
        },
        "items": items,
        "shipments": _shipments(number, status, items, arrived=created + timedelta(hours=90)),
        "dropoffs": [],
        "totals": totals(store_credit=amount) if is_credit else totals(refund=amount),
        "notes": [],
        "tags": [],
        "protection": {},
    }
    if is_credit and status == "complete":
        wire["giftCards"] = [{"amount": money(amount), "code": f"GIFT-{number:06d}", "externalId": str(number)}]
    if number % 7 == 3 and status in _SHIPMENT_BY_STATUS:
        group = f"sg_{number}"
        wire["shipments"] = []
        wire["dropoffs"] = [
            {
                "shipmentGroupId": group,
                "provider": "happy_returns",
                "qrCode": "QR",
                "qrCodeUrl": f"https://files.example/{group}.png",
            }
        ]
    return wire


def _item(number: int, line: int, order: Json, status: str, *, is_credit: bool) -> Json:
    sku, _, price = _PRODUCTS[(number + line) % 3]
    code, text = _REASONS[(number + line) % 3]
    return {
        "id": f"65d{number:020x}{line:x}",
        "orderItem": {"id": order["items"][line]["id"], "line_item_id": f"{9000 + number}{line}"},
        "productId": f"p{(number + line) % 3}",
        "variantId": f"v{(number + line) % 3}",
        "sku": sku,
        "upc": f"00000000{(number + line) % 3:04d}",
        "quantity": 1 + number % 2,
        "status": {"complete": "complete", "rejected": "rejected"}.get(status, "open"),
        "grade": "A" if status == "complete" else None,
        "outcome": "restock" if status == "complete" else None,
        "greenReturn": False,
        "reason": text,
        "reasonCode": code,
        "customerComment": None,
        "multipleChoiceQuestions": [],
        "shipmentGroupIds": [f"sg_{number}"],
        "refund": {"amount": money(price), "type": "store_credit" if is_credit else "original_payment"},
    }


def _shipments(number: int, status: str, items: list[Json], *, arrived: datetime) -> list[Json]:
    if status not in _SHIPMENT_BY_STATUS:
        return []
    word = _SHIPMENT_BY_STATUS[status]
    shipment = {
        "carrier": "USPS",
        "status": word,
        "tracker": f"94001{number:017d}",
        "trackingUrl": f"https://track.example/{number}",
        "postageLabel": f"https://files.example/{number}.pdf",
        "shipmentGroupId": f"sg_{number}",
        "itemIds": [item["id"] for item in items],
    }
    if word == "delivered":
        shipment["deliveredAt"] = format_time(arrived)
    return [shipment]
