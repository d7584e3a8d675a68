"""What the common operations send to Return Helper and read from it: windows of days, rows of lists, the body of a new return.

The vendor's spelling stays in this file and in ``parts.py``. Return Helper API, List return inventories has the rules of the windows; the row of the shipment
list, the return request and the body of a new return are from the vendor's other documentation, read on 2026-11-21.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final, TypeVar

from attrs import evolve, frozen

from returns_hub import (
    Address,
    InvalidRecord,
    Item,
    Label,
    LabelStatus,
    Money,
    NewItem,
    NewReturn,
    Note,
    OrderRef,
    Parcel,
    ResolutionKind,
    Return,
    UnexpectedReply,
    ValidationFailed,
)
from returns_hub_return_helper import countries, parts
from returns_hub_return_helper.statuses import Words

T = TypeVar("T")

MAX_PAGE_SIZE: Final = 50
# Return Helper API, List return inventories, "Validator rule": createTo.Date - createFrom.Date <= 62. The data are of both days and of all between.
_MAX_WINDOW: Final = timedelta(days=62)
_DAY: Final = timedelta(days=1)

# Return Helper API, Getting started, "Custom Fields".
_MAX_CUSTOM_FIELDS: Final = 24
_MAX_REFERENCE: Final = 50
# No white space, no control character, nothing that cannot be seen: the last are the Unicode categories Cc, Cf, Zs.
_INVISIBLE: Final = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


@frozen
class Window:
    """The days of one listing, in UTC, both included."""

    first: date
    last: date

    @property
    def query(self) -> tuple[tuple[str, str], ...]:
        """The window as the vendor asks for it. It strips the time of day; whole days are what it reads then."""
        return ("createFrom", f"{self.first}T00:00:00Z"), ("createTo", f"{self.last}T23:59:59Z")

    def page(self, offset: int, size: int) -> tuple[tuple[str, str], ...]:
        """The same, for so many of its rows from one on."""
        return ("pageSize", str(size)), ("offset", str(offset)), *self.query

    def __str__(self) -> str:
        return f"{self.first}..{self.last}"


def windows(first: date, last: date, *, overlap: bool) -> tuple[Window, ...]:
    """The widest windows that the vendor takes and that together hold every day, the newest first (Return Helper API, List return inventories).

    With ``overlap`` a window ends with the day that the newer one begins with, else with the day before.
    """
    found = []
    end = last
    while end >= first:
        # Not before the calendar begins, whatever was asked for.
        start = max(first, end - _MAX_WINDOW) if end - date.min > _MAX_WINDOW else first
        found.append(Window(start, end))
        if start == first:
            break
        end = start if overlap else start - _DAY
    return tuple(found)


def parse_rows(
    words: Words, rows: Iterable[object], parse: Callable[[Words, Mapping[str, Any]], T]
) -> tuple[tuple[T, ...], tuple[InvalidRecord, ...]]:
    """Each row of ``data``, parsed; and those that could not be, set aside with their place."""
    read: list[T] = []
    invalid_records: list[InvalidRecord] = []
    for index, row in enumerate(rows):
        try:
            read.append(parse(words, _as_object(row)))
        except UnexpectedReply as error:
            invalid_records.append(InvalidRecord(where=f"data[{index}].{error.where}".rstrip("."), raw=row))
    return tuple(read), tuple(invalid_records)


def _as_object(value: object) -> Mapping[str, Any]:
    """The value, if it is an object."""
    if isinstance(value, dict):
        return value
    raise UnexpectedReply("an object is expected")


def inventory_row(words: Words, raw: Mapping[str, Any]) -> Return:
    """What one inventory tells of its return (Return Helper API, List return inventories). The time is that of the inventory: the earliest that is told."""
    return Return(
        provider=parts.PROVIDER,
        id=parts.identifier(raw.get("returnRequestId"), where="returnRequestId"),
        items=(parts.item(words, raw),),
        created_at=parts.moment(raw.get("createOn"), where="createOn"),
        raw=raw,
    )


def shipment_row(words: Words, raw: Mapping[str, Any]) -> Return:
    """What a row of the shipment list tells of its return. The newer documentation shows ``returnRequestId`` and no more."""
    return_id = parts.identifier(raw.get("returnRequestId"), where="returnRequestId")
    order_number = parts.text(raw, "referenceNumber")
    return Return(
        provider=parts.PROVIDER,
        id=return_id,
        order=OrderRef(number=order_number) if order_number else None,
        shipments=() if raw.get("shipmentId") is None else (parts.shipment(words, raw),),
        created_at=parts.moment(raw.get("createOn"), where="createOn"),
        raw=raw,
    )


def shipment_row_with_id(words: Words, raw: Mapping[str, Any]) -> Return:
    """The same, of a row that names its shipment.

    Raises:
        UnexpectedReply: it does not.
    """
    parts.identifier(raw.get("shipmentId"), where="shipmentId")
    return shipment_row(words, raw)


def merged(rows: Iterable[Return]) -> tuple[Return, ...]:
    """One return for all rows that tell of it, in their order; of an inventory that comes twice, the later row."""
    found: dict[str, list[Return]] = {}
    for row in rows:
        found.setdefault(row.id, []).append(row)
    return tuple(_joined(same) if len(same) > 1 else same[0] for same in found.values())


def _joined(rows: list[Return]) -> Return:
    times = [row.created_at for row in rows if row.created_at is not None]
    return evolve(
        rows[0],
        order=next((row.order for row in rows if row.order is not None), None),
        items=tuple({item.id: item for row in rows for item in row.items}.values()),
        shipments=tuple({shipment.id: shipment for row in rows for shipment in row.shipments}.values()),
        created_at=min(times, default=None),
        raw={"data": [row.raw for row in rows]},
    )


def parse_request(words: Words, envelope: Mapping[str, Any], *, wanted: str | None = None) -> Return:
    """A return request, with its line items and shipments (older documentation).

    Its time of change is not the return's: a label is made without it. So ``updated_at`` stays empty.

    Raises:
        UnexpectedReply: another request than the one ``wanted``, or a value of another type.
    """
    raw = _payload(envelope, "returnRequestId")
    return_id = parts.identifier(raw.get("returnRequestId"), where="returnRequestId")
    if wanted not in (None, return_id):
        raise UnexpectedReply("the record that came is not the one that was asked for", where="returnRequestId")
    shipments = parts.parts(raw, "shipments")
    remarks = parts.text(raw, "remarks")
    order_number = next(filter(None, (parts.text(shipment, "referenceNumber") for shipment in shipments)), None)
    customer, address = parts.sender(shipments[0]) if shipments else (None, None)
    return Return(
        provider=parts.PROVIDER,
        id=return_id,
        number=parts.text(raw, "returnRequestNumber"),
        # No document says what it means: where a return stands follows from its parts.
        status_raw=parts.code(raw.get("returnStatusCode")) or None,
        order=OrderRef(number=order_number) if order_number else None,
        customer=customer,
        address=address,
        items=tuple(_line_item(line) for line in parts.parts(raw, "returnRequestLineItems")),
        shipments=tuple(parts.shipment(words, shipment, return_id=return_id) for shipment in shipments),
        notes=(Note(text=remarks),) if remarks else (),
        reference=parts.text(raw, "sellerReferenceNumber"),
        created_at=parts.moment(raw.get("createOn"), where="createOn"),
        raw=raw,
    )


def _line_item(raw: Mapping[str, Any]) -> Item:
    """A line of a return request. It is known by its line item's id until an inventory says that it has arrived."""
    return Item(
        aliases=parts.aliases(raw),
        name=parts.text(raw, "description"),
        rma=parts.text(raw, "itemRma"),
        value=parts.money(raw, "value", "valueCurrencyCode"),
        raw=raw,
    )


def parse_inventory(words: Words, envelope: Mapping[str, Any]) -> Item:
    """An inventory as it is read by its id (older documentation).

    Raises:
        UnexpectedReply: a value of another type.
    """
    return parts.item(words, _payload(envelope, "returnInventoryId"))


def parse_created(words: Words, envelope: Mapping[str, Any]) -> Return:
    """A return that was just created, as the vendor confirms it. The label is still to be made, and comes by webhook.

    Raises:
        UnexpectedReply: no id, or a value of another type.
    """
    raw = _payload(envelope, "returnRequestId")
    return_id = parts.identifier(raw.get("returnRequestId"), where="data.returnRequestId")
    order_number = parts.text(raw, "referenceNumber")
    made = parts.shipment(words, raw, return_id=return_id)
    return Return(
        provider=parts.PROVIDER,
        id=return_id,
        number=parts.text(raw, "returnRequestNumber"),
        order=OrderRef(number=order_number) if order_number else None,
        shipments=(made if made.label else evolve(made, label=Label(status=LabelStatus.REQUESTED)),),
        raw=raw,
    )


def _payload(envelope: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The object with this key: beside ``meta``, or under ``data``. Which of the two differs from call to call."""
    inner = envelope.get("data")
    return inner if key not in envelope and isinstance(inner, dict) else envelope


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
            # A box of one's own: the other codes are boxes of the vendor's, and the dimensions are told.
            "boxType": "cus",
            # Later events tell the reference of the shipment: one return has one here, and both are called the same.
            **reference,
            **({"customFieldMap": dict(new.custom_fields)} if new.custom_fields else {}),
            "shipFrom": _build_sender(new),
            "parcel": _build_parcel(new, new.label.parcel),
        },
    }


def _build_sender(new: NewReturn) -> dict[str, Any]:
    """Where a parcel comes from. ``street2`` is always there: the older documents require it."""
    sender = new.ship_from or Address()
    country = countries.alpha3(sender.country or "") or ""
    return {
        "country": country,
        "contactName": parts.addressee(sender, otherwise=new.customer_name),
        "phone": sender.phone,
        "email": sender.email or new.customer_email,
        "street1": parts.street(sender),
        "street2": sender.line2 or "",
        **({"street3": sender.line3} if sender.line3 else {}),
        "state": countries.state(sender.state, country=country),
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
    yield from _custom_field_problems(new.custom_fields)
    yield from _sender_problems(new)
    yield from _label_problems(new)
    yield from _item_problems(new)


def _reference_problem(name: str, reference: str) -> Iterator[tuple[str, str]]:
    if not 1 <= len(reference) <= _MAX_REFERENCE or _INVISIBLE.search(reference):
        yield name, f"has 1 to {_MAX_REFERENCE} characters, none of them blank or invisible"


def _custom_field_problems(fields: Mapping[Any, Any]) -> Iterator[tuple[str, str]]:
    if len(fields) > _MAX_CUSTOM_FIELDS:
        yield "custom_fields", f"are at most {_MAX_CUSTOM_FIELDS}"
    if not all(isinstance(text, str) for pair in fields.items() for text in pair):
        yield "custom_fields", "are text by text"


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
    """The parcel's weight, or that of its items where only theirs are told."""
    told = new.label.parcel.weight_g if new.label and new.label.parcel else None
    weights = [item.weight_g for item in new.items]
    if told is None and all(map(_is_positive, weights)):
        return sum(filter(None, weights), Decimal(0))
    return told


def _item_weight(new: NewReturn, item: NewItem) -> Decimal | None:
    """The item's weight, or that of the parcel where there is nothing else in it."""
    return _parcel_weight(new) if item.weight_g is None and len(new.items) == 1 else item.weight_g


def _is_positive(value: Decimal | None) -> bool:
    return value is not None and value.is_finite() and value > 0


def _description(item: NewItem) -> str:
    """What people read of an item. The vendor takes a SKU of its own only once the item has arrived."""
    if item.name and item.sku:
        return f"{item.name} ({item.sku})"
    return item.name or item.sku or ""


def _currency(value: Money) -> str:
    return (value.currency or "").lower()
