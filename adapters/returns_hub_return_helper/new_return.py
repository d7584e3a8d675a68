"""The body of a new return, and what the vendor's documents rule out in one.

Sources: Return Helper API, Getting started and other pages; the Return Helper legacy documentation.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from returns_hub import Address, Money, NewItem, NewReturn, Parcel, ResolutionKind, ValidationFailed
from returns_hub.wire import alpha3
from returns_hub_return_helper.wire import addressee, state_code, street

_MAX_CUSTOM_FIELDS: Final = 24  # Getting started, "Custom Fields"
_MAX_REFERENCE: Final = 50
# No white space, no control character, nothing that cannot be seen: the last are the Unicode categories Cc, Cf, Zs.
_INVISIBLE: Final = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


def unsupported_fields(new: NewReturn) -> list[str]:
    """What of a new return is set, and has no place in the vendor's body."""
    return [
        *(["resolution"] if new.resolution is not ResolutionKind.REFUND else []),
        *(["label.carrier"] if new.label is not None and new.label.carrier is not None else []),
        *(
            f"items[{index}].{name}"
            for index, item in enumerate(new.items)
            for name in ("reason", "notes")
            if getattr(item, name) is not None
        ),
        *(f"items[{index}].quantity" for index, item in enumerate(new.items) if item.quantity != 1),
    ]


def build_return(new: NewReturn) -> dict[str, Any]:
    """The body of ``createReturnShipment``. It has no ``…Number`` of an object: since 2025-03-01 these are refused.

    Raises:
        ValidationFailed: values that the vendor's documents rule out, by the names they have here. Nothing was sent.
    """
    problems = dict(_problems(new))
    if problems or new.label is None or new.label.parcel is None or new.ship_from is None:
        raise ValidationFailed("nothing was sent: Return Helper does not take these values", fields=problems)
    values = [item.value for item in new.items if item.value is not None]
    reference = {} if new.reference is None else {"sellerReferenceNumber": new.reference}
    return {
        "serviceTypeCode": new.label.service,
        "orderTitle": new.order_number,
        "orderNumber": new.order_number,
        "totalValue": sum((value.amount for value in values), Decimal(0)),
        "totalValueCurrency": _currency(values[0]),
        **reference,
        **({} if new.notes is None else {"remarks": new.notes}),
        "shipment": {
            "shipToWarehouseId": int(new.label.warehouse_id or 0),
            # A box of one's own: the other codes are boxes of the vendor's, and the dimensions are given.
            "boxType": "cus",
            # Later events have the reference of the shipment: one return has one here, and both are called the same.
            **reference,
            **({"customFieldMap": dict(new.custom_fields)} if new.custom_fields else {}),
            "shipFrom": _build_sender(new),
            "parcel": _build_parcel(new, new.label.parcel),
        },
    }


def _build_sender(new: NewReturn) -> dict[str, Any]:
    """Where a parcel comes from. ``street2`` is always there: the legacy documentation requires it."""
    sender = new.ship_from or Address()
    country = alpha3(sender.country or "") or ""
    return {
        "country": country,
        "contactName": addressee(sender, otherwise=new.customer_name),
        "phone": sender.phone,
        "email": sender.email or new.customer_email,
        "street1": street(sender),
        "street2": sender.line2 or "",
        **({"street3": sender.line3} if sender.line3 else {}),
        "state": state_code(sender.state, country=country),
        "city": sender.city,
        "postalCode": sender.postal_code,
    }


def _build_parcel(new: NewReturn, parcel: Parcel) -> dict[str, Any]:
    sides = sorted(_sides(parcel), reverse=True)
    return {
        "weight": _parcel_weight(new),
        "weightUnit": "g",
        # "dimension1 is the longest side and dimension3 the shortest".
        **dict(zip(("length", "width", "height"), sides, strict=True)),
        "dimensionUnit": "cm",
        "items": [_build_item(item, _item_weight(new, item)) for item in new.items],
    }


def _build_item(item: NewItem, weight: Decimal | None) -> dict[str, Any]:
    value = item.value or Money(amount=Decimal(0))
    return {
        "description": _description(item),
        "weight": weight,
        "weightUom": "g",
        "value": value.amount,
        "valueCurrencyCode": _currency(value),
        **({} if item.reference is None else {"sellerReferenceNumber": item.reference}),
    }


def _problems(new: NewReturn) -> Iterator[tuple[str, str]]:
    """What the vendor's documents rule out, by the field and in a sentence."""
    if not new.order_number:
        yield "order_number", "is required"
    if new.reference is not None:
        yield from _reference_problem("reference", new.reference)
    if len(new.custom_fields) > _MAX_CUSTOM_FIELDS:
        yield "custom_fields", f"are at most {_MAX_CUSTOM_FIELDS}"
    if not all(isinstance(text, str) for pair in new.custom_fields.items() for text in pair):
        yield "custom_fields", "are text by text"
    yield from _sender_problems(new)
    yield from _label_problems(new)
    yield from _item_problems(new)


def _reference_problem(name: str, reference: str) -> Iterator[tuple[str, str]]:
    if not 1 <= len(reference) <= _MAX_REFERENCE or _INVISIBLE.search(reference):
        yield name, f"has 1 to {_MAX_REFERENCE} characters, none of them blank or invisible"


def _sender_problems(new: NewReturn) -> Iterator[tuple[str, str]]:
    if new.ship_from is None:
        yield "ship_from", "is required"
        return
    built = _build_sender(new)
    names = {
        "name": "contactName",
        "phone": "phone",
        "email": "email",
        "line1": "street1",
        "city": "city",
        "postal_code": "postalCode",
    }
    yield from ((f"ship_from.{ours}", "is required") for ours, name in names.items() if not built[name])
    if not built["country"]:
        yield "ship_from.country", "is required, as an ISO 3166 alpha-2 code"
    if not built["state"]:
        yield "ship_from.state", "is required in this country"


def _label_problems(new: NewReturn) -> Iterator[tuple[str, str]]:
    if new.label is None:
        yield "label", "is required: the vendor makes a return with its label"
        return
    if not new.label.service:
        yield "label.service", "is required: the code of a return service"
    if not re.fullmatch(r"[1-9]\d{0,8}", new.label.warehouse_id or "", re.ASCII):
        yield "label.warehouse_id", "is required: the number of a warehouse"
    if new.label.parcel is None:
        yield "label.parcel", "is required"
    elif len(_sides(new.label.parcel)) < 3:
        yield "label.parcel", "needs three sides in centimetres, each more than 0"
    elif not _is_positive(_parcel_weight(new)):
        yield "label.parcel.weight_g", "is required here or of every item, in grams, more than 0"


def _item_problems(new: NewReturn) -> Iterator[tuple[str, str]]:
    if not new.items:
        yield "items", "are required"
        return
    for index, item in enumerate(new.items):
        place = f"items[{index}]"
        if not _description(item):
            yield f"{place}.name", "is required, or sku"
        if item.value is None or not _is_positive(item.value.amount) or not item.value.currency:
            yield f"{place}.value", "is required, more than 0 and with its currency"
        if not _is_positive(_item_weight(new, item)):
            yield f"{place}.weight_g", "is required, in grams, more than 0"
        if item.reference is not None:
            yield from _reference_problem(f"{place}.reference", item.reference)
    if len({_currency(item.value) for item in new.items if item.value is not None}) > 1:
        yield "items", "have one currency"
    weights = [_item_weight(new, item) for item in new.items]
    if all(map(_is_positive, weights)) and sum(filter(None, weights), Decimal(0)) != _parcel_weight(new):
        yield "label.parcel.weight_g", "is the sum of the weights of the items"


def _sides(parcel: Parcel) -> list[Decimal]:
    sides = (parcel.length_cm, parcel.width_cm, parcel.height_cm)
    return [side for side in sides if side is not None and _is_positive(side)]


def _parcel_weight(new: NewReturn) -> Decimal | None:
    """The parcel's weight, or that of its items where only theirs are given."""
    weight = new.label.parcel.weight_g if new.label and new.label.parcel else None
    weights = [item.weight_g for item in new.items]
    if weight is None and all(map(_is_positive, weights)):
        return sum(filter(None, weights), Decimal(0))
    return weight


def _item_weight(new: NewReturn, item: NewItem) -> Decimal | None:
    """The item's weight, or that of the parcel where there is nothing else in it."""
    return _parcel_weight(new) if item.weight_g is None and len(new.items) == 1 else item.weight_g


def _is_positive(value: Decimal | None) -> bool:
    return value is not None and value > 0


def _description(item: NewItem) -> str:
    """What people read of an item. The vendor takes a SKU of its own only once the item has arrived."""
    if item.name and item.sku:
        return f"{item.name} ({item.sku})"
    return item.name or item.sku or ""


def _currency(value: Money) -> str:
    return (value.currency or "").lower()
