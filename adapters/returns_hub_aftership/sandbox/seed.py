"""The simulated organisation's data: the example of the wire reference, and generated returns. All people are fictitious."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias

Json: TypeAlias = dict[str, Any]

EXAMPLE_ID: Final = "0c1d2e3f405142638495a6b7c8d9eafb"
SPAN: Final = timedelta(days=350)
"""How far back the generated returns go: the listing reaches a year back."""
EXAMPLE_CREATED: Final = datetime(2026, 10, 1, 9, 12, 44, 120000, tzinfo=UTC)

_STEPS: Final = (
    ("submitted", None),
    ("approved", "no_label"),
    ("approved", "pending"),
    ("approved", "in_transit"),
    ("approved", "delivered"),
    ("approved", "partially_received"),
    ("approved", "received"),
    ("done", "received"),
    ("done", "received"),
    ("rejected", None),
    ("expired", "pending"),
)
_TRACKING: Final = {
    "pending": "Pending",
    "in_transit": "InTransit",
    "delivered": "Delivered",
    "partially_received": "Delivered",
    "received": "Delivered",
}
_PEOPLE: Final = ("Kim Muster", "Ana María Gómez", "Priya Raman", "Łukasz Nowak")
_PRODUCTS: Final = (("SNK-42", "Sneaker", "42"), ("TEE-M", "Tee", "M"), ("CAP-R", "Cap", "red"))
_REASONS: Final = ("Too small", "Not as described", "Changed my mind")


def timestamp(moment: datetime) -> str:
    """A time as AfterShip writes it, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def money(amount: str) -> Json:
    """An amount as AfterShip writes it."""
    return {"amount": amount, "currency": "USD"}


def example(created: datetime = EXAMPLE_CREATED) -> Json:
    """The return of the wire reference, filed at this moment."""
    return {
        "id": EXAMPLE_ID,
        "rma_number": "K7Q2M9XA",
        "approval_status": "approved",
        "shipping_status": "in_transit",
        "exceptions": [],
        "outcomes": ["refund"],
        "created_at": timestamp(created),
        "approved_at": timestamp(created + timedelta(seconds=1, milliseconds=883)),
        "auto_approved": True,
        "refund_destination": "original_payment",
        "order": {
            "external_id": "5550001112223",
            "order_number": "20417",
            "order_name": "#20417",
            "customer": {"emails": ["kim@example.org"]},
            "store": {"platform": "shopify", "external_id": "demo-shoes"},
        },
        "return_items": [
            {
                "id": "13000000000011",
                "external_order_item_id": "13000000000011",
                "sku": "SNK-42",
                "intended_return_quantity": 1,
                "return_quantity": 1,
                "received_quantity": 0,
                "return_reason": "Too small",
                "green_return": False,
            }
        ],
        "shipments": [
            {
                "id": "aa00bb11cc22dd33ee44ff5566778899",
                "tracking_number": "9400100000000000000042",
                "slug": "usps",
                "tracking_status": "InTransit",
                "source": "merchant_generate",
                "label": {"url": "https://example.com/label.pdf", "total_charge": money("4.10")},
            }
        ],
    }


def generated(count: int, seed: int, *, until: datetime) -> Iterator[Json]:
    """So many returns that were filed before a moment, oldest first; every ninth has a bundle, every thirteenth is kept by the customer."""
    choose = random.Random(seed)  # noqa: S311 - sample data
    for number in range(count):
        created = until - SPAN + SPAN * number / max(1, count)
        approval, shipping = choose.choice(_STEPS)
        yield _return(number, created.replace(microsecond=120000), approval, shipping)


def _return(number: int, created: datetime, approval: str, shipping: str | None) -> Json:
    is_approved = approval not in ("submitted", "rejected")
    items = [_item(number, line, shipping) for line in range(1 + number % 2)]
    is_refunded = approval == "done" and number % 3 == 0
    return {
        "id": f"{0xAF000000000000000000000000000000 + number:032x}",
        "rma_number": f"RMA{number:06d}",
        "contact_email": f"customer{number}@example.org",
        "filed_by": "shopper",
        "approval_status": approval,
        "shipping_status": shipping,
        "exceptions": ["flagged"] if number % 11 == 7 else [],
        "outcomes": ["exchange"] if number % 5 == 4 else ["refund"],
        "created_at": timestamp(created),
        "approved_at": timestamp(created + timedelta(minutes=5)) if is_approved else None,
        "rejected_at": timestamp(created + timedelta(days=1)) if approval == "rejected" else None,
        "reject_reason": "Outside the window" if approval == "rejected" else None,
        "resolved_at": timestamp(created + timedelta(days=9)) if approval == "done" else None,
        "expired_at": timestamp(created + timedelta(days=30)) if approval == "expired" else None,
        "refunded_at": timestamp(created + timedelta(days=10)) if is_refunded else None,
        "refunded_total": money("59.00") if is_refunded else None,
        "refund_destination": "store_credit" if number % 7 == 6 else "original_payment",
        "order": {
            "external_id": str(5_550_000_000_000 + number),
            "order_number": str(30_000 + number),
            "order_name": f"#{30_000 + number}",
            "customer": {"emails": [f"customer{number}@example.org"]},
            "country_region": "USA",
            "store": {"platform": "shopify", "external_id": "demo-shoes"},
            "placed_at": timestamp(created - timedelta(days=4)),
        },
        "shipping_address": {
            "contact_name": _PEOPLE[number % len(_PEOPLE)],
            "street_1": f"{1 + number} Sample Ave",
            "city": "Austin",
            "state": {"name": "Texas"},
            "postal_code": "73301",
            "country_region": {"code": "USA"},
        },
        "return_items": items,
        "return_method": {"type": "green_return" if number % 13 == 12 else "retailer_label"},
        "shipments": _shipments(number, shipping, created),
        "receivings": _receivings(number, items, created),
        "refunds": [],
        "dropoffs": [],
    }


def _item(number: int, line: int, shipping: str | None) -> Json:
    sku, title, variant = _PRODUCTS[(number + line) % 3]
    received = 1 if shipping == "received" or (shipping == "partially_received" and line == 0) else 0
    item_id = str(13_000_000_000_000 + 10 * number + line)
    item: Json = {
        "id": item_id,
        "external_order_item_id": item_id,
        "external_product_id": f"p{(number + line) % 3}",
        "external_variant_id": f"v{(number + line) % 3}",
        "sku": sku,
        "product_title": title,
        "variant_title": variant,
        "ordered_quantity": 2,
        "intended_return_quantity": 1,
        "return_quantity": 1,
        "received_quantity": received,
        "restocked_quantity": 0,
        "removed_quantity": 0,
        "return_reason": _REASONS[(number + line) % 3],
        "green_return": number % 13 == 12,
        "bundled_items": [],
    }
    if number % 9 == 8 and line == 0:
        item["bundled_items"] = [
            {
                "external_id": f"{item_id}{part}",
                "sku": f"{sku}-{part}",
                "product_title": f"{title}, part {part}",
                "intended_return_quantity": 1,
                "return_quantity": 1,
                "received_quantity": received,
            }
            for part in (1, 2)
        ]
    return item


def _shipments(number: int, shipping: str | None, created: datetime) -> list[Json]:
    if shipping is None or shipping not in _TRACKING:
        return []
    return [
        {
            "id": f"{0x5A000000000000000000000000000000 + number:032x}",
            "tracking_number": f"94001{number:017d}",
            "slug": "usps",
            "tracking_status": _TRACKING[shipping],
            "tracking_status_updated_at": timestamp(created + timedelta(days=3)),
            "source": "merchant_generate",
            "label": {"url": f"https://example.com/labels/{number}.pdf", "total_charge": money("4.10")},
        }
    ]


def _receivings(number: int, items: list[Json], created: datetime) -> list[Json]:
    rows = [item for item in items if item["received_quantity"]]
    if not rows:
        return []
    graded = number % 2 == 0
    return [
        {
            "id": f"{0x8E000000000000000000000000000000 + number:032x}",
            "received_at": timestamp(created + timedelta(days=6)),
            "items": [
                {
                    "external_id": item["external_order_item_id"],
                    "sku": item["sku"],
                    "quantity": 1,
                    "gradings": [{"grade": "a", "quantity": 1}] if graded else [],
                }
                for item in rows
            ],
        }
    ]
