"""The bodies that make a new return: the intent, by which the vendor looks the order up, and the return itself.

Source: a third party's code against the API 2025-01. Its users report intents that were refused and none that went through, so nothing
more than the keys of these bodies is certain. Ids are Returnless's own: of the order's line, the reason and the country.
"""

from typing import Any, Final

from attrs import fields

from returns_hub import Address, NewReturn, ResolutionKind
from returns_hub.wire import fields_set, without_none

_INPUT: Final = "input"
_COUNTRY_ID: Final = "country_id"
# What of an address has a place in the body.
_ADDRESS: Final = ("line1", "house_number", "postal_code", "city", "country")


def build_intent(new: NewReturn, *, form_id: str | None, locale: str | None) -> dict[str, Any]:
    """The body of ``POST /return-order-intents``; ``input`` is what the form asks the customer for."""
    return without_none(
        form_id=form_id,
        locale=locale,
        input=new.custom_fields.get(_INPUT, new.customer_email),
        order_number=new.order_number,
    )


def build_return(new: NewReturn, intent_id: str) -> dict[str, Any]:
    """The body of ``POST /return-orders``. What is read as ``postal_code`` is written as ``postcode``, and a country by its id."""
    address = new.ship_from or Address()
    customer = without_none(
        street=address.line1,
        house_number=address.house_number,
        postcode=address.postal_code,
        city=address.city,
        country_id=new.custom_fields.get(_COUNTRY_ID),
    )
    return without_none(
        return_order_intent_id=intent_id,
        customer=customer or None,
        items=[
            {"id": item.reference, "quantity": item.quantity, "return_reason_id": item.reason} for item in new.items
        ],
        metadata={"reference": new.reference} if new.reference else None,
    )


def unsupported_fields(new: NewReturn) -> list[str]:
    """What of a new return is set, and has no place in the bodies."""
    address = new.ship_from
    others = [each.name for each in fields(Address) if each.name not in _ADDRESS]
    return [
        *([] if new.resolution is ResolutionKind.REFUND else ["resolution"]),
        *fields_set(new, "customer_name", "notes", "label"),
        *(f"custom_fields[{name!r}]" for name in new.custom_fields if name not in (_INPUT, _COUNTRY_ID)),
        *(f"ship_from.{name}" for name in (fields_set(address, *others) if address else ())),
        *(
            f"items[{index}].{name}"
            for index, item in enumerate(new.items)
            for name in fields_set(item, "sku", "name", "notes", "weight_g", "value")
        ),
    ]


def missing_fields(new: NewReturn, *, form_id: str | None) -> list[str]:
    """What the bodies cannot be without, and neither the new return nor the account says."""
    named = new.custom_fields
    needs_country = new.ship_from is not None and _COUNTRY_ID not in named
    return [
        *([] if form_id else ["the option form_id"]),
        *([] if new.customer_email or named.get(_INPUT) else ["customer_email or custom_fields['input']"]),
        *(["custom_fields['country_id']"] if needs_country else []),
        *([] if new.items else ["items"]),
        *(
            f"items[{index}].{name}"
            for index, item in enumerate(new.items)
            for name in ("reference", "reason")
            if not getattr(item, name)
        ),
    ]
