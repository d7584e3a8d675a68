"""What the vendor's data mean, stated from its documents: the values that a case expects, filters, order, differences."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final

from attrs import field, fields, frozen

from returns_hub import Item, LabelStatus, Return, Shipment, ShipmentStatus, Status, dump


class _Unstated(Enum):
    UNSTATED = "unstated"

    def __repr__(self) -> str:
        return "UNSTATED"


UNSTATED: Final = _Unstated.UNSTATED
"""The value of a field that is not compared. ``None`` says that the vendor gives nothing: the field must be empty."""


@frozen(kw_only=True)
class ExpectedItem:
    """An item of a return. Texts are compared exactly; a quantity may be an integer."""

    id: str | _Unstated | None = UNSTATED
    sku: str | _Unstated | None = UNSTATED
    name: str | _Unstated | None = UNSTATED
    quantity: Decimal | int | _Unstated | None = UNSTATED
    reason_code: str | _Unstated | None = UNSTATED
    reason_text: str | _Unstated | None = UNSTATED


@frozen(kw_only=True)
class ExpectedShipment:
    """A shipment of a return."""

    id: str | _Unstated | None = UNSTATED
    tracking_number: str | _Unstated | None = UNSTATED
    carrier: str | _Unstated | None = UNSTATED
    status: ShipmentStatus | _Unstated | None = UNSTATED
    label_url: str | _Unstated | None = UNSTATED
    label_status: LabelStatus | _Unstated | None = UNSTATED


@frozen(kw_only=True)
class ExpectedReturn:
    """A return as the vendor's document shows it, in the words of the model. Times are aware.

    ``items`` and ``shipments`` are all of them, in the vendor's order. ``facts`` are further values, as :func:`returns_hub.dump`
    shows them: ``{"address": {"city": "Utrecht"}, "attention": ["review"]}``. What is not in it is not compared; a list is all of it.
    """

    id: str
    number: str | _Unstated | None = UNSTATED
    order_number: str | _Unstated | None = UNSTATED
    order_id: str | _Unstated | None = UNSTATED
    email: str | _Unstated | None = UNSTATED
    status: Status | _Unstated = UNSTATED
    status_raw: str | _Unstated | None = UNSTATED
    created_at: datetime | _Unstated | None = UNSTATED
    updated_at: datetime | _Unstated | None = UNSTATED
    items: tuple[ExpectedItem, ...] | _Unstated = UNSTATED
    shipments: tuple[ExpectedShipment, ...] | _Unstated = UNSTATED
    facts: Mapping[str, Any] = field(factory=dict)


@frozen(kw_only=True)
class Filter:
    """A filter of ``list_returns``, with a return of the simulator that it must give and one that it must not."""

    query: Mapping[str, Any]
    matches: str
    excludes: str

    def __str__(self) -> str:
        return "+".join(self.query)


@frozen(kw_only=True)
class Variation:
    """A second record that differs from that of a case in one field only.

    ``path`` is the field's place in the body of the case's last reply, like ``data.created_at`` or ``data[0].items[1].qty``;
    it becomes ``value`` there. Then ``field`` of the model (``created_at``, ``order.number``, ``items[1].quantity``) must
    become ``becomes``, and nothing else but ``follows`` may change.
    """

    case: str
    path: str
    value: Any
    field: str
    becomes: Any
    follows: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.case}:{self.path}"


# The facts that a suite has to state at least once, or to name in `not_given`.
FACTS: Final = (
    *("number", "order_number", "email", "status", "created_at", "updated_at"),
    *("item.id", "item.sku", "item.quantity", "item.reason", "shipment.tracking_number", "shipment.label_url"),
)
# What two facts of one record must show, so that taking one for the other is seen; and the facts that it is about.
DISTINCTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "created_at apart from updated_at": ("created_at", "updated_at"),
    "order_number apart from order_id": ("order_number", "order_id"),
    "two items of one return": ("item.id",),
}
FILTERS: Final = (
    "status",
    "raw_status",
    "created_after",
    "created_before",
    "updated_after",
    "customer_email",
    "order_number",
)
_INDEX: Final = re.compile(r"\[\d+\]")
ORDER: Final = "order of a listing"
VARIATION: Final = "two records that differ in one field"
PROOFS: Final = (*FACTS, *DISTINCTIONS, *(f"filter {name}" for name in FILTERS), ORDER, VARIATION)


def values_of(ret: Return) -> dict[str, Any]:
    """The values of a return by the names of :class:`ExpectedReturn`."""
    return {
        "id": ret.id,
        "number": ret.number,
        "order_number": ret.order.number if ret.order else None,
        "order_id": ret.order.id if ret.order else None,
        "email": ret.customer.email if ret.customer else None,
        "status": ret.status,
        "status_raw": ret.status_raw,
        "created_at": ret.created_at,
        "updated_at": ret.updated_at,
        "items": tuple(_values_of_item(item) for item in ret.items),
        "shipments": tuple(_values_of_shipment(shipment) for shipment in ret.shipments),
    }


def stated(expected: ExpectedReturn) -> dict[str, Any]:
    """The stated values, in the form of :func:`values_of`."""
    return {
        name: tuple(_stated_fields(part) for part in value) if isinstance(value, tuple) else value
        for name, value in _stated_fields(expected).items()
        if name != "facts"
    }


def differences(expected: ExpectedReturn, ret: Return) -> tuple[str, ...]:
    """A line for each stated value that the return does not have."""
    return (*_differences(stated(expected), values_of(ret)), *_facts_missing(dump(dict(expected.facts)), dump(ret)))


def _facts_missing(expected: Any, found: Any, place: str = "") -> Iterator[str]:
    if isinstance(expected, dict):
        for name, value in expected.items():
            inner = found.get(name) if isinstance(found, dict) else None
            yield from _facts_missing(value, inner, f"{place}.{name}".removeprefix("."))
    elif isinstance(expected, list) and isinstance(found, list) and len(found) == len(expected):
        for index, (value, inner) in enumerate(zip(expected, found, strict=True)):
            yield from _facts_missing(value, inner, f"{place}[{index}]")
    elif expected != found:
        yield f"{place}: {expected!r} expected, {found!r} found"


def flat(value: Any, place: str = "") -> dict[str, Any]:
    """The leaves of dumped data by their places: ``address.city``, ``items[1].quantity``."""
    if isinstance(value, dict):
        parts = [(f"{place}.{key}".removeprefix("."), part) for key, part in value.items()]
    elif isinstance(value, list):
        parts = [(f"{place}[{index}]", part) for index, part in enumerate(value)]
    else:
        return {place: value}
    return {inner: leaf for where, part in parts for inner, leaf in flat(part, where).items()}


# Where the values of an expected return stand in the model, if not under their own names.
_PLACES: Final[Mapping[str, str]] = {
    "order_number": "order.number",
    "order_id": "order.id",
    "email": "customer.email",
    "reason_code": "reason.code",
    "reason_text": "reason.text",
    "label_url": "label.url",
    "label_status": "label.status",
}
_NO_FACTS: Final = ("provider", "unreadable")


def places_stated(expected: ExpectedReturn) -> set[str]:
    """Every place of the model that an expected return states something of: ``items[].sku``."""
    values = dict(stated(expected))
    parts = {name: values.pop(name) for name in ("items", "shipments") if name in values}
    found = {_PLACES.get(name, name) for name in values}
    for name, rows in parts.items():
        found |= {f"{name}[].{_PLACES.get(inner, inner)}" for row in rows for inner in row}
    return found | {_INDEX.sub("[]", place) for place in flat(dump(dict(expected.facts)))}


def places_given(ret: Return) -> set[str]:
    """Every place of the model at which a return has a value: ``items[].sku``."""
    leaves = {
        _INDEX.sub("[]", place): value for place, value in flat(dump(ret)).items() if value not in (None, "", False)
    }
    return {place for place in leaves if not place.startswith(_NO_FACTS)}


def facts_stated(expected: ExpectedReturn) -> set[str]:
    """The facts that an expected return proves, by name: those that are stated and not empty."""
    return _facts(stated(expected))


def facts_given(ret: Return) -> set[str]:
    """The facts that a return has, by name."""
    return _facts(values_of(ret))


def distinctions_stated(expected: ExpectedReturn) -> set[str]:
    """The distinctions that an expected return proves, by name."""
    values = stated(expected)
    found = {
        name
        for name, (one, *others) in DISTINCTIONS.items()
        if others and values.get(one) and values.get(others[0]) and values[one] != values[others[0]]
    }
    if len({item.get("id") for item in values.get("items", ())} - {None}) > 1:
        found.add("two items of one return")
    return found


def _facts(values: Mapping[str, Any]) -> set[str]:
    stated = {name for name, value in values.items() if value is not None and not isinstance(value, tuple)}
    for name in ("items", "shipments"):
        for part in values.get(name, ()):
            stated |= {f"{name[:-1]}.{inner}" for inner, value in part.items() if value is not None}
    return stated | {"item.reason" for name in stated if name.startswith("item.reason_")}


def _values_of_item(item: Item) -> dict[str, Any]:
    reason = item.reason
    return {
        "id": item.id,
        "sku": item.sku,
        "name": item.name,
        "quantity": item.quantity,
        "reason_code": reason.code if reason else None,
        "reason_text": reason.text if reason else None,
    }


def _values_of_shipment(shipment: Shipment) -> dict[str, Any]:
    label = shipment.label
    return {
        "id": shipment.id,
        "tracking_number": shipment.tracking_number,
        "carrier": shipment.carrier,
        "status": shipment.status,
        "label_url": label.url if label else None,
        "label_status": label.status if label else None,
    }


def _stated_fields(expected: Any) -> dict[str, Any]:
    values = {each.name: getattr(expected, each.name) for each in fields(type(expected))}
    return {name: value for name, value in values.items() if value is not UNSTATED}


def _differences(expected: Mapping[str, Any], found: Mapping[str, Any], place: str = "") -> Iterator[str]:
    for name, value in expected.items():
        if isinstance(value, tuple):
            if len(value) != len(found[name]):
                yield f"{place}{name}: {len(value)} expected, {len(found[name])} found"
            for index, (one, other) in enumerate(zip(value, found[name], strict=False)):
                yield from _differences(one, other, f"{place}{name}[{index}].")
        elif value != found[name]:
            yield f"{place}{name}: {value!r} expected, {found[name]!r} found"
