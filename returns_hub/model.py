"""The one model in front of every vendor.

Every object is frozen. Times are aware and in UTC; money and quantities are ``Decimal``; collections are
tuples. What a vendor does not tell is ``None`` or empty, never invented. ``raw`` is the vendor's own decoded
object, and ``unreadable`` names the fields of it that could not be read and were left empty, dotted and in the vendor's
spelling (``items[0].quantity``): both are outside ``repr`` and equality.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from attrs import field, frozen

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
    attentions,
)


# Type checkers take no `tuple` for a converter of any iterable: it leaves them without the type of the elements.
def _texts(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(values)


def _new_items(values: "Iterable[NewItem]") -> "tuple[NewItem, ...]":
    return tuple(values)


def _order_lines(values: "Iterable[OrderLine]") -> "tuple[OrderLine, ...]":
    return tuple(values)


@frozen(kw_only=True)
class Money:
    """An amount in major units. ``currency`` is ISO 4217, or None where nobody told it."""

    amount: Decimal
    currency: str | None = None


@frozen(kw_only=True)
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


@frozen(kw_only=True)
class Parcel:
    """Weight and size of a parcel or an item: grams and centimetres."""

    weight_g: Decimal | None = None
    length_cm: Decimal | None = None
    width_cm: Decimal | None = None
    height_cm: Decimal | None = None


@frozen(kw_only=True)
class OrderRef:
    """The order a return belongs to: the ``number`` a customer knows, and the shop's internal ``id``."""

    number: str | None = None
    id: str | None = None
    created_at: datetime | None = None


@frozen(kw_only=True)
class Customer:
    """Who sends something back."""

    email: str | None = None
    name: str | None = None
    phone: str | None = None
    id: str | None = None


@frozen(kw_only=True)
class Reason:
    """Why an item comes back: the vendor's or the merchant's ``code``, and the words shown for it."""

    code: str | None = None
    text: str | None = None


@frozen(kw_only=True)
class Resolution:
    """What the customer gets, and how far that has come."""

    kind: ResolutionKind
    status: ResolutionStatus = ResolutionStatus.UNKNOWN
    amount: Money | None = None


@frozen(kw_only=True)
class Note:
    """A remark on a return. ``internal`` is None where the vendor does not say who may read it."""

    text: str
    id: str | None = None
    author: str | None = None
    internal: bool | None = None
    created_at: datetime | None = None
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)


@frozen(kw_only=True)
class Answer:
    """One question of a return form, and what the customer answered."""

    id: str | None = None
    question: str | None = None
    answer: str | None = None
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)


@frozen(kw_only=True)
class Service:
    """A value-added service on an item: ``code`` names it, ``result`` is what the warehouse reports of it."""

    id: str | None = None
    code: str | None = None
    status: DispositionStatus | None = None
    status_raw: str | None = None
    result: str | None = None
    quantity: Decimal | None = None
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)


@frozen(kw_only=True)
class TimelineEntry:
    """One line of a return's history as the vendor tells it; ``kind`` is the vendor's word.

    ``internal`` is None where the vendor does not say who may read it.
    """

    occurred_at: datetime | None = None
    kind: str | None = None
    text: str | None = None
    author: str | None = None
    internal: bool | None = None
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)


@frozen(kw_only=True)
class Label:
    """A shipping label. ``url`` may let anyone who has it print the label: treat it as a secret.

    ``id`` is what ``cancel_label`` takes, ``cancel_before`` the end of the time in which it may be cancelled. ``reasons``
    say why there is no label, and ``error`` is the same in one text: each is filled from the other.
    """

    id: str | None = None
    status: LabelStatus = LabelStatus.UNKNOWN
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


@frozen(kw_only=True)
class TrackingEvent:
    """One scan by a carrier. ``status`` is ours, ``status_raw`` the carrier's word."""

    occurred_at: datetime | None = None
    status: ShipmentStatus = ShipmentStatus.UNKNOWN
    status_raw: str | None = None
    text: str | None = None
    location: str | None = None
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)


@frozen(kw_only=True)
class Shipment:
    """One parcel of a return. ``return_id`` is None where the vendor's row does not name its return.

    ``status_raw`` is the vendor's word or code, ``status_text`` its sentence beside the code. ``number`` is what people
    see, ``reference`` the sender's own; ``arrived_at`` is when the parcel reached its destination.
    """

    id: str
    number: str | None = None
    reference: str | None = None
    return_id: str | None = None
    direction: Direction | None = None
    status: ShipmentStatus | None = None
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


@frozen(kw_only=True)
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
    quantity_ordered: Decimal | None = None
    quantity: Decimal | None = None
    quantity_received: Decimal | None = None
    reason: Reason | None = None
    condition: str | None = None
    rma: str | None = None
    warehouse_id: str | None = None
    disposition: Disposition | None = None
    disposition_raw: str | None = None
    disposition_status: DispositionStatus | None = None
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


@frozen(kw_only=True)
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
    kind: ReturnKind = ReturnKind.UNKNOWN
    status: Status = Status.UNKNOWN
    status_raw: str | None = None
    attention: frozenset[Attention] = field(default=frozenset(), converter=attentions)
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


@frozen(kw_only=True)
class NewItem:
    """One line of a return to be created."""

    sku: str | None = None
    name: str | None = None
    quantity: int = 1
    reason: str | None = None
    notes: str | None = None
    weight_g: Decimal | None = None
    value: Money | None = None
    reference: str | None = None


@frozen(kw_only=True)
class NewLabel:
    """A label to be made. ``direction`` inbound is from the customer to the merchant."""

    carrier: str | None = None
    service: str | None = None
    direction: Direction = Direction.INBOUND
    warehouse_id: str | None = None
    parcel: Parcel | None = None


@frozen(kw_only=True)
class NewReturn:
    """A return to be created. ``label`` is for vendors that want one at creation."""

    order_number: str
    customer_email: str | None = None
    customer_name: str | None = None
    items: tuple[NewItem, ...] = field(default=(), converter=_new_items)
    resolution: ResolutionKind = ResolutionKind.REFUND
    reference: str | None = None
    notes: str | None = None
    ship_from: Address | None = None
    label: NewLabel | None = None
    custom_fields: Mapping[str, str] = field(factory=dict, hash=False)


@frozen(kw_only=True)
class ItemInstruction:
    """What is to be done with returned items. ``ship_to`` is for dispositions that send them somewhere."""

    disposition: Disposition
    ship_to: Address | None = None
    service: str | None = None
    services: tuple[str, ...] = field(default=(), converter=_texts)
    notes: str | None = None


@frozen(kw_only=True)
class ReturnQuery:
    """Which returns to list, in which order. Every filter that is set must hold (AND).

    ``status`` and ``raw_status`` list alternatives (OR): the neutral words, or the vendor's own as they are to
    go on the wire. ``page_size`` None leaves it to the adapter, which asks for as much as the vendor allows.
    """

    status: frozenset[Status] = frozenset()
    raw_status: tuple[str, ...] = ()
    created_after: datetime | None = None
    created_before: datetime | None = None
    updated_after: datetime | None = None
    customer_email: str | None = None
    order_number: str | None = None
    newest_first: bool = False
    page_size: int | None = None


@frozen(kw_only=True)
class ShipmentQuery:
    """Which shipments to list, in which order. Every filter that is set must hold.

    ``oldest_first`` is for vendors that let the order be chosen; others list in their own.
    """

    return_id: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    oldest_first: bool = False
    page_size: int | None = None


@frozen(kw_only=True)
class OrderLine:
    """One line of a shop's order. Prices are per unit, ``discount`` and ``total`` for the whole line.

    ``price`` is without tax, ``price_with_tax`` with it. ``return_address`` is where this line is to be sent back to,
    where that is not the shop's usual address. ``extra`` are further keys of the vendor that asks, as text.
    """

    product_id: str
    id: str | None = None
    quantity: Decimal = Decimal(1)
    name: str | None = None
    title: str | None = None
    sku: str | None = None
    article_code: str | None = None
    price: Decimal | None = None
    price_with_tax: Decimal | None = None
    discount: Decimal | None = None
    total: Decimal | None = None
    cost: Decimal | None = None
    weight: Decimal | None = None
    length: Decimal | None = None
    width: Decimal | None = None
    height: Decimal | None = None
    images: tuple[str, ...] = field(default=(), converter=_texts)
    url: str | None = None
    category_ids: tuple[str, ...] = field(default=(), converter=_texts)
    brand: str | None = None
    barcode: str | None = None
    return_address: Address | None = None
    extra: Mapping[str, str] = field(factory=dict, hash=False)


@frozen(kw_only=True)
class Order:
    """A shop's order, as the platform tells it to a vendor that looks it up.

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
