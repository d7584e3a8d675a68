"""The one model in front of every vendor.

Every object is frozen. Times are aware and in UTC; money and quantities are ``Decimal``; collections are
tuples. Numbers may be given as ``int`` or text and neutral words as text; a float, a time without a zone or a wrong word is
a ``ValueError`` that names the field. What a vendor does not give is ``None`` or empty, never invented. ``raw`` is the vendor's own decoded
object, and ``unreadable`` names the fields of it that could not be read and were left empty, dotted and in the vendor's
spelling (``items[0].quantity``): both are outside ``repr`` and equality.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from attrs import field, frozen
from attrs.converters import optional

from returns_hub.fields import name_fields, quick_init, to_decimal
from returns_hub.status import (
    Attention,
    Direction,
    Disposition,
    DispositionStatus,
    LabelStatus,
    ResolutionKind,
    ResolutionStatus,
    ReturnKind,
    ShipmentStatus,
    Status,
    to_attentions,
    to_direction,
    to_disposition,
    to_disposition_status,
    to_label_status,
    to_resolution_kind,
    to_resolution_status,
    to_return_kind,
    to_shipment_status,
    to_status,
    to_statuses,
)


# Type checkers take no `tuple` for a converter of any iterable: it leaves them without the type of the elements.
def _texts(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(values)


def _new_items(values: "Iterable[NewItem]") -> "tuple[NewItem, ...]":
    return tuple(values)


def _order_lines(values: "Iterable[OrderLine]") -> "tuple[OrderLine, ...]":
    return tuple(values)


@quick_init
@frozen(kw_only=True, field_transformer=name_fields)
class Money:
    """An amount in major units. ``currency`` is ISO 4217, or None where it is not known."""

    amount: Decimal = field(converter=to_decimal)
    currency: str | None = None


@quick_init
@frozen(kw_only=True, field_transformer=name_fields)
class Address:
    """A postal address. ``country`` is ISO 3166 alpha-2."""

    first_name: str | None = None
    last_name: str | None = None
    name: str | None = None
    company: str | None = None
    line1: str | None = None
    line2: str | None = None
    line3: str | None = None
    house_number: str | None = None
    house_number_addition: str | None = None
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None
    country: str | None = None
    phone: str | None = None
    email: str | None = None


@quick_init
@frozen(kw_only=True, field_transformer=name_fields)
class Parcel:
    """Weight and size of a parcel or an item: grams and centimetres."""

    weight_g: Decimal | None = field(default=None, converter=optional(to_decimal))
    length_cm: Decimal | None = field(default=None, converter=optional(to_decimal))
    width_cm: Decimal | None = field(default=None, converter=optional(to_decimal))
    height_cm: Decimal | None = field(default=None, converter=optional(to_decimal))


@quick_init
@frozen(kw_only=True, field_transformer=name_fields)
class OrderRef:
    """The order a return belongs to: the ``number`` a customer knows, and the shop's internal ``id``."""

    number: str | None = None
    id: str | None = None
    created_at: datetime | None = None


@quick_init
@frozen(kw_only=True, field_transformer=name_fields)
class Customer:
    """Who sends something back."""

    email: str | None = None
    name: str | None = None
    phone: str | None = None
    id: str | None = None


@quick_init
@frozen(kw_only=True, field_transformer=name_fields)
class Reason:
    """Why an item comes back: the vendor's or the merchant's ``code``, and the words shown for it."""

    code: str | None = None
    text: str | None = None


@quick_init
@frozen(kw_only=True, field_transformer=name_fields)
class Resolution:
    """What the customer gets, and how far that has come."""

    kind: ResolutionKind = field(converter=to_resolution_kind)
    status: ResolutionStatus = field(default=ResolutionStatus.UNKNOWN, converter=to_resolution_status)
    amount: Money | None = None


@quick_init
@frozen(kw_only=True, field_transformer=name_fields)
class Note:
    """A remark on a return. ``internal`` is None where the vendor does not say who may read it."""

    text: str
    id: str | None = None
    author: str | None = None
    internal: bool | None = None
    created_at: datetime | None = None
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)


@quick_init
@frozen(kw_only=True, field_transformer=name_fields)
class Answer:
    """One question of a return form, and what the customer answered."""

    id: str | None = None
    question: str | None = None
    answer: str | None = None
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)


@quick_init
@frozen(kw_only=True, field_transformer=name_fields)
class Service:
    """A value-added service on an item: ``code`` names it, ``result`` is what the warehouse reports of it."""

    id: str | None = None
    code: str | None = None
    status: DispositionStatus | None = field(default=None, converter=optional(to_disposition_status))
    status_raw: str | None = None
    result: str | None = None
    quantity: Decimal | None = field(default=None, converter=optional(to_decimal))
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)


@quick_init
@frozen(kw_only=True, field_transformer=name_fields)
class TimelineEntry:
    """One line of a return's history as the vendor writes it; ``kind`` is the vendor's word.

    ``internal`` is None where the vendor does not say who may read it.
    """

    occurred_at: datetime | None = None
    kind: str | None = None
    text: str | None = None
    author: str | None = None
    internal: bool | None = None
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)


@quick_init
@frozen(kw_only=True, field_transformer=name_fields)
class Label:
    """A shipping label. ``url`` may let anyone who has it print the label: treat it as a secret.

    ``id`` is what ``cancel_label`` takes, ``cancel_before`` the end of the time in which it may be cancelled. ``reasons``
    say why there is no label, and ``error`` is the same in one text: each is filled from the other.
    """

    id: str | None = None
    status: LabelStatus = field(default=LabelStatus.UNKNOWN, converter=to_label_status)
    status_raw: str | None = None
    url: str | None = field(default=None, repr=False)
    qr_code_url: str | None = field(default=None, repr=False)
    error: str | None = None
    reasons: tuple[str, ...] = ()
    cancel_before: datetime | None = None
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        if self.reasons:
            object.__setattr__(self, "error", "; ".join(self.reasons))
        elif self.error:
            object.__setattr__(self, "reasons", (self.error,))


@quick_init
@frozen(kw_only=True, field_transformer=name_fields)
class TrackingEvent:
    """One scan by a carrier. ``status`` is ours, ``status_raw`` the carrier's word."""

    occurred_at: datetime | None = None
    status: ShipmentStatus = field(default=ShipmentStatus.UNKNOWN, converter=to_shipment_status)
    status_raw: str | None = None
    text: str | None = None
    location: str | None = None
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)


@quick_init
@frozen(kw_only=True, field_transformer=name_fields)
class Shipment:
    """One parcel of a return. ``return_id`` is None where the vendor's row does not name its return.

    ``status_raw`` is the vendor's word or code, ``status_text`` its sentence beside the code. ``number`` is what people
    see, ``reference`` the sender's own; ``arrived_at`` is when the parcel reached its destination.
    """

    id: str
    number: str | None = None
    reference: str | None = None
    return_id: str | None = None
    direction: Direction | None = field(default=None, converter=optional(to_direction))
    status: ShipmentStatus | None = field(default=None, converter=optional(to_shipment_status))
    status_raw: str | None = None
    status_text: str | None = None
    carrier: str | None = None
    service: str | None = None
    tracking_number: str | None = None
    tracking_url: str | None = None
    label: Label | None = None
    cost: Money | None = None
    parcel: Parcel | None = None
    ship_to: Address | None = None
    warehouse_id: str | None = None
    arrived_at: datetime | None = None
    tracking: tuple[TrackingEvent, ...] = ()
    unreadable: tuple[str, ...] = field(default=(), repr=False, eq=False)
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)


@quick_init
@frozen(kw_only=True, field_transformer=name_fields)
class Item:
    """One line of a return. ``id`` is None where the vendor gives its lines no identifier.

    ``aliases`` are further identifiers by which the vendor may name the line; ``parent_id`` is the item it was split
    from. ``value`` and ``cost`` are the customer's price and the merchant's, ``measured`` is what the warehouse weighed
    and measured. ``extra`` are further fields of the vendor, as text.
    """

    id: str | None = None
    aliases: tuple[str, ...] = ()
    parent_id: str | None = None
    sku: str | None = None
    barcode: str | None = None
    product_id: str | None = None
    article_code: str | None = None
    reference: str | None = None
    name: str | None = None
    brand: str | None = None
    url: str | None = None
    quantity_ordered: Decimal | None = field(default=None, converter=optional(to_decimal))
    quantity: Decimal | None = field(default=None, converter=optional(to_decimal))
    quantity_received: Decimal | None = field(default=None, converter=optional(to_decimal))
    reason: Reason | None = None
    condition: str | None = None
    rma: str | None = None
    warehouse_id: str | None = None
    disposition: Disposition | None = field(default=None, converter=optional(to_disposition))
    disposition_raw: str | None = None
    disposition_status: DispositionStatus | None = field(default=None, converter=optional(to_disposition_status))
    disposition_status_raw: str | None = None
    services: tuple[Service, ...] = ()
    resolutions: tuple[Resolution, ...] = ()
    images: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    value: Money | None = None
    cost: Money | None = None
    measured: Parcel | None = None
    received_at: datetime | None = None
    completed_at: datetime | None = None
    extra: Mapping[str, str] = field(factory=dict, hash=False)
    unreadable: tuple[str, ...] = field(default=(), repr=False, eq=False)
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)


@quick_init
@frozen(kw_only=True, field_transformer=name_fields)
class Return:
    """One return, whoever handles it.

    ``id`` is the vendor's stable identifier, exactly as it goes into a path; ``number`` is what people see.
    ``status_raw`` is the vendor's own word. ``goods_expected`` is False where nothing will be shipped, None
    where nobody said. ``request_id`` is the id of the request this return grew from, at vendors that have both.
    ``form`` is the return form, portal or policy it came through, ``attachments`` are URLs.
    """

    provider: str
    id: str
    number: str | None = None
    kind: ReturnKind = field(default=ReturnKind.UNKNOWN, converter=to_return_kind)
    status: Status = field(default=Status.UNKNOWN, converter=to_status)
    status_raw: str | None = None
    attention: frozenset[Attention] = field(default=frozenset(), converter=to_attentions)
    order: OrderRef | None = None
    customer: Customer | None = None
    address: Address | None = None
    items: tuple[Item, ...] = ()
    shipments: tuple[Shipment, ...] = ()
    resolutions: tuple[Resolution, ...] = ()
    answers: tuple[Answer, ...] = ()
    attachments: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    timeline: tuple[TimelineEntry, ...] = ()
    form: str | None = None
    reference: str | None = None
    request_id: str | None = None
    goods_expected: bool | None = None
    custom_fields: Mapping[str, str] = field(factory=dict, hash=False)
    created_at: datetime | None = None
    updated_at: datetime | None = None
    unreadable: tuple[str, ...] = field(default=(), repr=False, eq=False)
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)


@frozen(kw_only=True, field_transformer=name_fields)
class NewItem:
    """One line of a return to be created."""

    sku: str | None = None
    name: str | None = None
    quantity: int = 1
    reason: str | None = None
    notes: str | None = None
    weight_g: Decimal | None = field(default=None, converter=optional(to_decimal))
    value: Money | None = None
    reference: str | None = None


@frozen(kw_only=True, field_transformer=name_fields)
class NewLabel:
    """A label to be made. ``direction`` inbound is from the customer to the merchant."""

    carrier: str | None = None
    service: str | None = None
    direction: Direction = field(default=Direction.INBOUND, converter=to_direction)
    warehouse_id: str | None = None
    parcel: Parcel | None = None


@frozen(kw_only=True, field_transformer=name_fields)
class NewReturn:
    """A return to be created. ``label`` is for vendors that want one at creation."""

    order_number: str
    customer_email: str | None = None
    customer_name: str | None = None
    items: tuple[NewItem, ...] = field(default=(), converter=_new_items)
    resolution: ResolutionKind = field(default=ResolutionKind.REFUND, converter=to_resolution_kind)
    reference: str | None = None
    notes: str | None = None
    ship_from: Address | None = None
    label: NewLabel | None = None
    custom_fields: Mapping[str, str] = field(factory=dict, hash=False)


@frozen(kw_only=True, field_transformer=name_fields)
class ItemInstruction:
    """What is to be done with returned items. ``ship_to`` is for dispositions that send them somewhere."""

    disposition: Disposition = field(converter=to_disposition)
    ship_to: Address | None = None
    service: str | None = None
    services: tuple[str, ...] = field(default=(), converter=_texts)
    notes: str | None = None


@frozen(kw_only=True, field_transformer=name_fields)
class ReturnQuery:
    """Which returns to list, in which order. Every filter that is set must hold (AND).

    ``status`` and ``raw_status`` list alternatives (OR): the neutral words, or the vendor's own as they are to
    go on the wire. ``page_size`` None leaves it to the adapter, which asks for as much as the vendor allows.
    """

    status: frozenset[Status] = field(default=frozenset(), converter=to_statuses)
    raw_status: tuple[str, ...] = ()
    created_after: datetime | None = None
    created_before: datetime | None = None
    updated_after: datetime | None = None
    customer_email: str | None = None
    order_number: str | None = None
    newest_first: bool = False
    page_size: int | None = None


@frozen(kw_only=True, field_transformer=name_fields)
class ShipmentQuery:
    """Which shipments to list, in which order. Every filter that is set must hold.

    ``oldest_first`` is for vendors that let the order be chosen; others list in their own.
    """

    return_id: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    oldest_first: bool = False
    page_size: int | None = None


@frozen(kw_only=True, field_transformer=name_fields)
class OrderLine:
    """One line of a shop's order. Prices are per unit, ``discount`` and ``total`` for the whole line.

    ``price`` is without tax, ``price_with_tax`` with it. ``return_address`` is where this line is to be sent back to,
    where that is not the shop's usual address. ``extra`` are further keys of the vendor that asks, as text.
    """

    product_id: str
    id: str | None = None
    quantity: Decimal = field(default=Decimal(1), converter=to_decimal)
    name: str | None = None
    title: str | None = None
    sku: str | None = None
    article_code: str | None = None
    price: Decimal | None = field(default=None, converter=optional(to_decimal))
    price_with_tax: Decimal | None = field(default=None, converter=optional(to_decimal))
    discount: Decimal | None = field(default=None, converter=optional(to_decimal))
    total: Decimal | None = field(default=None, converter=optional(to_decimal))
    cost: Decimal | None = field(default=None, converter=optional(to_decimal))
    weight: Decimal | None = field(default=None, converter=optional(to_decimal))
    length: Decimal | None = field(default=None, converter=optional(to_decimal))
    width: Decimal | None = field(default=None, converter=optional(to_decimal))
    height: Decimal | None = field(default=None, converter=optional(to_decimal))
    images: tuple[str, ...] = field(default=(), converter=_texts)
    url: str | None = None
    category_ids: tuple[str, ...] = field(default=(), converter=_texts)
    brand: str | None = None
    barcode: str | None = None
    return_address: Address | None = None
    extra: Mapping[str, str] = field(factory=dict, hash=False)


@frozen(kw_only=True, field_transformer=name_fields)
class Order:
    """A shop's order, as the platform answers a vendor's look-up with it.

    ``number`` is what the customer knows, ``id`` the shop's internal reference.
    """

    number: str
    id: str
    created_at: datetime
    email: str
    phone: str | None = None
    customer_id: str | None = None
    payment_method: str | None = None
    billing_address: Address | None = None
    lines: tuple[OrderLine, ...] = field(default=(), converter=_order_lines)
