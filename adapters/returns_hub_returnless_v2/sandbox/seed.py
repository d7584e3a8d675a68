"""The simulated account's data: the example of the wire reference, and generated records. All people are fictitious."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias

Json: TypeAlias = dict[str, Any]

EXAMPLE_ID: Final = "returnorder_Zq81kTn0VbY5cXw2LmR7pJ4ds"
FIRST: Final = datetime(2024, 10, 1, 8, tzinfo=UTC)
SPAN: Final = timedelta(days=700)

# Ids in no order, labels in the shop's own language: nothing can be read off them.
RETURN_STATUSES: Final = {
    "returnstatus_h4Kx9": "Goedgekeurd",
    "returnstatus_Q2mZ7": "Ontvangen",
    "returnstatus_b8Lp1": "Terugbetaald",
    "returnstatus_w3Nc5": "Afgerond",
}
REQUEST_STATUSES: Final = {
    "requeststatus_Zk4R8": "Nieuw",
    "requeststatus_a9Jd2": "Afgewezen",
    "requeststatus_M6tV0": "In behandeling",
}
_SHIPMENT_WORDS: Final = ("announced", "parcel-en-route", "delivered", "awaiting-webshop-pickup", "cancelled")
_PEOPLE: Final = ("Sam Proef", "Ana María Gómez", "Priya Raman", "Łukasz Nowak")
_PRODUCTS: Final = (("CH-1", "Blue chair"), ("LMP-2", "Lamp"), ("RUG-3", "Rug, 2 × 3 m"))
_REASONS: Final = (("too_small", "Too small"), ("damaged", "Damaged"), ("other", "Something else"))


def timestamp(moment: datetime) -> str:
    """A time as the vendor writes it, to the second and with its offset."""
    return moment.astimezone(UTC).replace(microsecond=0).isoformat()


def status(status_id: str) -> Json:
    """A status as it stands in a record."""
    label = RETURN_STATUSES.get(status_id) or REQUEST_STATUSES.get(status_id) or status_id
    return {
        "id": status_id,
        "label": label,
        "is_default_status": status_id in ("returnstatus_h4Kx9", "requeststatus_Zk4R8"),
        "should_notify_user": True,
        "color": "#22aa66",
        "translations": {"en": label},
    }


def example() -> Json:
    """The record of the wire reference."""
    return {
        "id": EXAMPLE_ID,
        "return_number": "RENL0012345",
        "state": "return",
        "order_date": "2026-10-02T08:14:00+00:00",
        "quantity": 1,
        "free_shipping": False,
        "status": {
            "id": "returnstatus_h4Kx9",
            "label": "Goedgekeurd",
            "is_default_status": True,
            "should_notify_user": True,
            "color": "#22aa66",
            "translations": {"en": "Approved"},
        },
        "status_details": {},
        "value": {"amount": 4990, "unit": "EUR", "label": "€ 49,90"},
        "total_amounts": {},
        "is_test_record": False,
        "created_at": "2026-10-05T09:00:00+00:00",
        "updated_at": "2026-10-06T07:30:11+00:00",
        "links": {"panel": "https://panel.returnless.com/…"},
        "includes": {
            "sales_order": {"id": "salesorder_3", "order_number": "1000042", "external_id": "700042"},
            "customer": {"id": "customer_a1", "name": "Sam Proef", "email": "sam@example.org"},
            "customer_address": {
                "street": "Dorpsweg",
                "house_number": "7",
                "suffix": "b",
                "postal_code": "1234 AB",
                "city": "Utrecht",
                "country": {"id": "country_1", "name": "Netherlands", "iso_code": "NL"},
            },
            "return_order_items": [
                {
                    "id": "returnorderitem_k2",
                    "quantity": 1,
                    "product": {"name": "Blue chair", "sku": "CH-1"},
                    "return_reason": {"label": "Too small"},
                    "answers": [],
                }
            ],
            "shipments": [
                {
                    "id": "shipment_9",
                    "tracking_number": "3STEST0001",
                    "carrier_name": "PostNL",
                    "status": {"id": "announced"},
                }
            ],
        },
    }


def generated(count: int, seed: int) -> Iterator[Json]:
    """So many records, oldest first: a third are requests; every twentieth is a test record; imports share a second."""
    choose = random.Random(seed)  # noqa: S311 - sample data
    for number in range(count):
        created = FIRST + timedelta(seconds=int(SPAN.total_seconds()) * number // count)
        changed = created + timedelta(hours=choose.randrange(1, 200))
        yield _record(number, created, changed, is_request=number % 3 == 1, choose=choose)


def _record(number: int, created: datetime, changed: datetime, *, is_request: bool, choose: random.Random) -> Json:
    status_id = choose.choice(sorted(REQUEST_STATUSES if is_request else RETURN_STATUSES))
    person = _PEOPLE[number % len(_PEOPLE)]
    return {
        "id": f"returnorder_{number:025d}",
        "return_number": f"RENL{number:07d}",
        "state": "request" if is_request else "return",
        "order_date": timestamp(created - timedelta(days=3)),
        "quantity": 1 + number % 2,
        "free_shipping": False,
        "status": status(status_id),
        "status_details": {},
        "value": {"amount": 4990, "unit": "EUR", "label": "€ 49,90"},
        "total_amounts": {},
        "is_test_record": False,
        "created_at": timestamp(created),
        "updated_at": timestamp(changed),
        "links": {"panel": f"https://panel.returnless.com/returns/{number}"},
        "includes": {
            "sales_order": {
                "id": f"salesorder_{number}",
                "order_number": str(2_000_000 + number),
                "external_id": str(900_000 + number),
            },
            "customer": {"id": f"customer_{number}", "name": person, "email": f"customer{number}@example.org"},
            "customer_address": {
                "street": "Dorpsweg",
                "house_number": str(1 + number),
                "suffix": None,
                "postal_code": "1234 AB",
                "city": "Utrecht",
                "country": {"id": "country_1", "name": "Netherlands", "iso_code": "NL"},
            },
            "form": {"id": "form_1", "name": "Standard"},
            "notes": [],
            "answers": [],
            "return_order_items": [_item(number, line) for line in range(1 + number % 2)],
            "shipments": [] if is_request else [_shipment(number, created, changed, choose)],
        },
    }


def _item(number: int, line: int) -> Json:
    sku, name = _PRODUCTS[(number + line) % 3]
    code, label = _REASONS[(number + line) % 3]
    return {
        "id": f"returnorderitem_{number}_{line}",
        "quantity": 1,
        "product": {"name": name, "sku": sku},
        "return_reason": {"id": f"reason_{code}", "system_name": code, "label": label},
        "answers": [],
    }


def _shipment(number: int, created: datetime, changed: datetime, choose: random.Random) -> Json:
    return {
        "id": f"shipment_{1000 + number}",
        "return_order_id": f"returnorder_{number:025d}",
        "tracking_number": f"3STEST{number:07d}",
        "tracking_url": f"https://track.example/{number}",
        "carrier_name": "PostNL",
        "status": {"id": choose.choice(_SHIPMENT_WORDS)},
        "cost_price": 495,
        "cost_price_details": {"amount": 495, "unit": "EUR", "label": "€ 4,95"},
        "label_url": f"https://labels.example/{number}.pdf",
        "created_at": timestamp(created),
        "updated_at": timestamp(changed),
    }
