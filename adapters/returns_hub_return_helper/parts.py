"""Return Helper's objects that occur in replies and in notifications alike, read into the model.

Strict, but for what the vendor itself varies (identifiers and codes as numbers or as text, times with and without a zone,
countries and currencies in lower case): a value of another type is an :class:`UnexpectedReply` that names its place, and
nothing else is ever raised. The documents were read on 2026-11-21.
"""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from attrs import evolve

from returns_hub import (
    Address,
    Customer,
    Direction,
    Disposition,
    DispositionStatus,
    Item,
    Label,
    LabelStatus,
    Money,
    Shipment,
    ShipmentStatus,
    UnexpectedReply,
    ValidationFailed,
    parse_time,
    structure,
)
from returns_hub_return_helper import countries, statuses
from returns_hub_return_helper.statuses import Words

PROVIDER: Final = "return_helper"
SPLIT: Final = "split-parcel"
"""The ``disposition_raw`` of an inventory whose pieces have become inventories of their own."""

# Anything that can be seen, but for a slash.
_IDENTIFIER: Final = re.compile(r"[!-.0-~]{1,64}\Z")
_LONGEST_INTEGER: Final = 63  # bits: identifiers are 64-bit integers with a sign
_NO_URL: Final = "N/A"
# What stands for the sender of a parcel that a warehouse announced, because nobody else did (samples of assignUnknown and of
# warehouseUpdateWarehouseRemarks).
_PLACEHOLDERS: Final = MappingProxyType(
    {
        "Name": "name",
        "Email": "email",
        "Phone": "phone",
        "Street1": "street",
        "City": "city",
        "State": "state",
        "PostalCode": "code",
    }
)


def identifier(value: object, *, where: str = "") -> str:
    """An identifier as text. The vendor sends the same one as a number and as text; FBA's are GUIDs.

    Raises:
        UnexpectedReply: none, or one that no vendor object can have.
    """
    if type(value) is int and value > 0 and value.bit_length() <= _LONGEST_INTEGER:
        return str(value)
    if type(value) is str and _IDENTIFIER.match(value) and value.strip("0"):
        return value.lstrip("0") if value.isdigit() else value
    raise UnexpectedReply("an identifier is missing or malformed", where=where)


def optional_identifier(value: object, *, where: str = "") -> str | None:
    """The same, or None for what the vendor puts where there is none: null, ``""``, 0, ``"0"``.

    Raises:
        UnexpectedReply: something else.
    """
    if value is None or (type(value) in (int, str) and value in (0, "", "0")):
        return None
    return identifier(value, where=where)


def code(value: object) -> str:
    """A code as text, whatever type it came as; ``""`` for none. The word is kept as it is: tables fold it.

    Raises:
        UnexpectedReply: nested too deeply to be written down.
    """
    if value is None:
        return ""
    if type(value) is str:
        return value if value.strip() else ""
    try:
        return json.dumps(value, default=str, sort_keys=True)
    except (RecursionError, TypeError, ValueError):
        pass
    raise UnexpectedReply("a code is nested too deeply")


def moment(value: object, *, where: str = "") -> datetime | None:
    """A time in UTC, which is what one without a zone is in; None for none, and for year 1, the vendor's "never set".

    ``T`` or a blank stands between date and time. Digits behind the microsecond are dropped.

    Raises:
        UnexpectedReply: something else.
    """
    if value is None or value == "":
        return None
    if type(value) is str:
        try:
            return None if value.startswith("0001-01-01") else parse_time(value)
        except ValueError:
            pass
    raise UnexpectedReply("a time expected", where=where)


def country(value: object, *, where: str = "") -> str | None:
    """A country as ISO 3166 alpha-2, from the vendor's alpha-3 in any case; None for none and for one that ISO does not have.

    Raises:
        UnexpectedReply: not text.
    """
    name = text({where: value}, where)
    return countries.alpha2(name) if name else None


def country_code(alpha2: str) -> str:
    """The country as the vendor wants it: ISO 3166 alpha-3 in lower case.

    Raises:
        ValidationFailed: ISO 3166 has no such code.
    """
    found = countries.alpha3(alpha2)
    if found is None:
        raise ValidationFailed("a country is not an ISO 3166 code", fields={"country": "unknown"})
    return found


def text(raw: Mapping[str, Any], *names: str) -> str | None:
    """The first of these fields that tells something; None if none does.

    Raises:
        UnexpectedReply: one that is not text.
    """
    for name in names:
        value = raw.get(name)
        if value is not None and structure(value, str, where=name).strip():
            return str(value)
    return None


def number(raw: Mapping[str, Any], name: str) -> Decimal | None:
    """A number, exact; None for none.

    Raises:
        UnexpectedReply: something else.
    """
    value = raw.get(name)
    return None if value is None else structure(value, Decimal, where=name)


def money(raw: Mapping[str, Any], amount: str, currency: str) -> Money | None:
    """The amount in one field, in the currency of another; None without an amount.

    Raises:
        UnexpectedReply: no number, or a currency that is not text.
    """
    told, unit = number(raw, amount), text(raw, currency)
    return None if told is None else Money(amount=told, currency=unit.upper() if unit else None)


def part(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The object in a field.

    Raises:
        UnexpectedReply: there is none.
    """
    return structure(raw.get(name), dict[str, Any], where=name)


def parts(raw: Mapping[str, Any], *names: str) -> tuple[Mapping[str, Any], ...]:
    """The objects of the first of these fields that is there; none if none is. A single object counts as a list of it.

    Raises:
        UnexpectedReply: something else.
    """
    for name in names:
        value = raw.get(name)
        if value is not None:
            listed = [value] if isinstance(value, dict) else value
            return structure(listed, tuple[dict[str, Any], ...], where=name)
    return ()


def label(words: Words, raw: Mapping[str, Any]) -> Label:
    """A label. A success whose ``labelUrl`` is null or ``N/A`` tells nothing: so comes a parcel that never had one.

    Raises:
        UnexpectedReply: a value of another type.
    """
    url = text(raw, "labelUrl")
    status = words["label"].look_up(code(raw.get("labelRequestStatusCode"))).label or LabelStatus.UNKNOWN
    has_url = url is not None and url != _NO_URL
    if status is LabelStatus.READY and not has_url and "labelUrl" in raw:
        status = LabelStatus.UNKNOWN
    return Label(
        status=status,
        url=url if has_url else None,
        qr_code_url=text(raw, "qrcodeUrl"),
        error=_failure(raw) if status is LabelStatus.FAILED else None,
        raw=raw,
    )


def _failure(raw: Mapping[str, Any]) -> str | None:
    """Why a label failed. ``error`` is opaque text; the other two are named on the getting-started page, without a type."""
    told = [code(raw.get(name)) for name in ("error", "failReasons", "errorMessages")]
    return "; ".join(word for word in told if word not in ("", "[]", "{}")) or None


def shipment(words: Words, raw: Mapping[str, Any], *, return_id: str | None = None) -> Shipment:
    """A parcel on its way to the warehouse: a row of the list, the shipment of a notification or of a return request.

    What is told of its label may stand in ``label`` or beside its own fields. One with a ``receiveDate`` has arrived.

    Raises:
        UnexpectedReply: no ``shipmentId``, or a value of another type.
    """
    word = code(raw.get("shipmentStatusCode"))
    facts = words["shipment"].look_up(word)
    status = facts.shipment
    if status in (None, ShipmentStatus.UNKNOWN) and moment(raw.get("receiveDate"), where="receiveDate"):
        status = ShipmentStatus.DELIVERED
    of_label = part(raw, "label") if raw.get("label") is not None else raw
    made = label(words, of_label) if of_label.get("labelRequestStatusCode") is not None else None
    if made is None and facts.label is not None:
        made = Label(status=facts.label)
    return Shipment(
        id=identifier(raw.get("shipmentId"), where="shipmentId"),
        return_id=return_id or optional_identifier(raw.get("returnRequestId"), where="returnRequestId"),
        direction=Direction.INBOUND,
        status=status,
        status_raw=word or None,
        carrier=text(of_label, "carrier"),
        service=code(raw.get("shipmentServiceType")) or code(raw.get("serviceType")) or None,
        tracking_number=text(raw, "trackingNumber") or text(of_label, "trackingNumber"),
        label=made,
        cost=money(raw, "cost", "costCurrencyCode"),
        raw=raw,
    )


def item(words: Words, raw: Mapping[str, Any]) -> Item:
    """An inventory: what has arrived in a warehouse. Its aliases are its line item and the services on it.

    Raises:
        UnexpectedReply: no ``returnInventoryId``, or a value of another type.
    """
    handling = code(raw.get("handlingCode"))
    disposition, progress = statuses.handling(words, handling, code(raw.get("handlingStatusCode")))
    quantity = number(raw, "quantity")
    return Item(
        id=identifier(raw.get("returnInventoryId"), where="returnInventoryId"),
        aliases=aliases(raw),
        sku=text(raw, "sku"),
        name=text(raw, "description"),
        quantity=quantity,
        quantity_received=quantity,
        rma=text(raw, "rma", "itemRma"),
        warehouse_id=optional_identifier(raw.get("warehouseId"), where="warehouseId"),
        disposition=disposition,
        disposition_status=progress,
        disposition_raw=handling or None,
        images=images(raw.get("imageList")),
        value=money(raw, "value", "valueCurrencyCode"),
        raw=raw,
    )


def aliases(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """By what else an inventory may be named: its line item's id as it is, and ``vas:ID`` for each service on it.

    Raises:
        UnexpectedReply: a malformed identifier.
    """
    line = optional_identifier(raw.get("returnRequestLineItemId"), where="returnRequestLineItemId")
    services = [
        vas_alias(service.get("returnRequestLineItemVasId"))
        for service in (*parts(raw, "returnRequestLineItemVasList"), raw)
        if service.get("returnRequestLineItemVasId") is not None
    ]
    return tuple(dict.fromkeys([*([line] if line else []), *services]))


def vas_alias(value: object) -> str:
    """The alias of whatever a service, by its ``returnRequestLineItemVasId``, is done to."""
    return f"vas:{identifier(value, where='returnRequestLineItemVasId')}"


def resend_alias(value: object) -> str:
    """The alias of every inventory of a resend, by its ``resendId``."""
    return f"resend:{identifier(value, where='resendId')}"


def recall_alias(value: object) -> str:
    """The alias of every inventory of a recall, by its ``recallId``."""
    return f"recall:{identifier(value, where='recallId')}"


def resend_shipments(
    words: Words, raw: Iterable[Mapping[str, Any]], *, resend: Mapping[str, Any]
) -> tuple[Shipment, ...]:
    """The parcels in which a resend goes to a buyer: ``resend:ID``, and with further ones ``resend:ID:RESEND SHIPMENT``.

    Its identifiers are not those of the parcels that came in.

    Raises:
        UnexpectedReply: a value of another type.
    """
    rows = tuple(raw)
    name = resend_alias(resend.get("resendId"))
    word = code(resend.get("resendStatusCode"))
    facts = words["resend"].look_up(word)
    return tuple(
        Shipment(
            id=name
            if len(rows) == 1
            else f"{name}:{identifier(row.get('resendShipmentId'), where='resendShipmentId')}",
            direction=Direction.OUTBOUND,
            status=facts.shipment,
            status_raw=word or None,
            service=code(row.get("shipmentServiceType")) or None,
            tracking_number=text(row, "trackingNumber"),
            label=Label(status=facts.label, error=text(row, "error")) if facts.label else None,
            cost=money(row, "cost", "costCurrencyCode"),
            raw=row,
        )
        for row in rows
    )


def recalled(words: Words, raw: Mapping[str, Any]) -> tuple[Item, tuple[Shipment, ...]]:
    """One of a ``recallInventoryList``: the inventory, and the parcel ``recall:RECALL INVENTORY`` it goes to the owner in.

    Raises:
        UnexpectedReply: a value of another type.
    """
    word = code(raw.get("recallInventoryStatusCode"))
    facts = words["recall_inventory"].look_up(word)
    told = Item(
        id=identifier(raw.get("returnInventoryId"), where="returnInventoryId"),
        aliases=aliases(raw),
        rma=text(raw, "rma"),
        disposition=Disposition.RETURN_TO_OWNER,
        disposition_status=facts.disposition_status,
        disposition_raw=word or None,
    )
    tracking_number = text(raw, "trackingNumber")
    if tracking_number is None and facts.shipment is None:
        return told, ()
    parcel = Shipment(
        id=f"recall:{identifier(raw.get('recallInventoryId'), where='recallInventoryId')}",
        direction=Direction.OUTBOUND,
        status=facts.shipment,
        status_raw=word or None,
        service=code(raw.get("recallServiceType")) or None,
        tracking_number=tracking_number,
        raw=raw,
    )
    return told, (parcel,)


def images(value: object) -> tuple[str, ...]:
    """The URLs of an ``imageUrlList`` of texts, or of an ``imageList`` of objects; none for null.

    Raises:
        UnexpectedReply: something else.
    """
    if value is None:
        return ()
    if isinstance(value, list) and all(isinstance(each, dict) for each in value):
        found = [text(each, "imageUrl") for each in value]
        return tuple(url for url in found if url)
    return structure(value, tuple[str, ...], where="imageUrlList")


def with_images(told: Item, urls: tuple[str, ...]) -> Item:
    """The item with these images, where there are any."""
    return evolve(told, images=urls) if urls else told


def custom_fields(value: object) -> dict[str, str]:
    """A ``customFieldMap``: text to text. Null and an empty list, which the documents' tables suggest, are no fields.

    Raises:
        UnexpectedReply: something else.
    """
    if value is None or value == []:
        return {}
    return structure(value, dict[str, str], where="customFieldMap")


def addressee(address: Address, *, otherwise: str | None = None) -> str:
    """Whom to name on a parcel: the person, or ``otherwise`` where the address names none, and after that the company."""
    person = address.name or _joined(address.first_name, address.last_name) or otherwise
    return ", ".join(filter(None, (person, address.company)))


def street(address: Address) -> str:
    """The first line of an address, and after it the house number."""
    return _joined(address.line1, address.house_number, address.house_number_addition)


def _joined(*texts: str | None) -> str:
    return " ".join(filter(None, texts))


def sender(raw: Mapping[str, Any]) -> tuple[Customer | None, Address | None]:
    """Who sends a parcel, and from where, by the ``shipment…`` fields; None for each of which nothing is told.

    Raises:
        UnexpectedReply: a value of another type.
    """
    name, email, phone = (_sent_by(raw, field) for field in ("Name", "Email", "Phone"))
    line1, line2, line3 = (_sent_by(raw, field) for field in ("Street1", "Street2", "Street3"))
    city, state, postal_code = (_sent_by(raw, field) for field in ("City", "State", "PostalCode"))
    customer = Customer(email=email, name=name, phone=phone)
    address = Address(
        name=name,
        line1=line1,
        line2=line2,
        line3=line3,
        city=city,
        state=state,
        postal_code=postal_code,
        country=country(raw.get("shipmentCountryCode"), where="shipmentCountryCode"),
        phone=phone,
        email=email,
    )
    # The country alone stands in every row of the shipment list: it is no address.
    has_address = any((line1, city, postal_code))
    return (customer if customer != Customer() else None), (address if has_address else None)


def _sent_by(raw: Mapping[str, Any], field: str) -> str | None:
    name = f"shipment{field}"
    value = raw.get(name)
    # One of the vendor's samples has a phone as a bare number.
    told = str(value) if type(value) is int else text(raw, name)
    return None if told == _PLACEHOLDERS.get(field) else told


def is_settled(told: Item) -> bool:
    """True if nothing more is to be done with an inventory: what ends it is done, or its pieces took its place."""
    ends = told.disposition in statuses.ENDINGS or told.disposition_raw == SPLIT
    return ends and told.disposition_status is DispositionStatus.DONE
