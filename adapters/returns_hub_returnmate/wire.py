"""ReturnMate's JSON, read into the model and written from it. The vendor's spelling stays in this file.

The ReturnMate API Reference shows a row of the list, statistics and a summary. What it mentions without a shape (items in replies, shipments,
timeline, tracking, notes) is read by the readers at the end, which take what they recognise; ``raw`` keeps the rest.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from attrs import evolve, frozen

from returns_hub import (
    Customer,
    Direction,
    Facts,
    Item,
    Label,
    LabelStatus,
    Money,
    NewLabel,
    NewReturn,
    Note,
    OrderRef,
    Reason,
    Resolution,
    ResolutionKind,
    ResolutionStatus,
    Return,
    Shipment,
    ShipmentStatus,
    Status,
    StatusTable,
    TimelineEntry,
    TrackingEvent,
    UnexpectedReply,
)
from returns_hub.wire import Record, fields_set, parse_id, without_none

RMA_KEYS: Final = frozenset({"id", "rma_number", "status", "order_number", "customer", "items", "created_at"})
# The names that an undocumented object may have for one thing.
_SCANS: Final = ("events", "tracking_events", "history")
_TIMES: Final = ("created_at", "occurred_at", "timestamp", "date")
_TEXTS: Final = ("text", "message", "description", "content")


@frozen(kw_only=True)
class Reader:
    """Reads the objects of one account: its status words, and the currency, which the vendor never prints."""

    statuses: StatusTable
    shipment_statuses: StatusTable
    currency: str | None = None

    def parse_return(self, raw: Mapping[str, Any]) -> Return:
        """An RMA, from a list or whole.

        Raises:
            UnexpectedReply: it has no id.
        """
        record = Record(raw)
        rma_id, order_number, word = record.id("id"), record.text("order_number"), record.text("status")
        timeline = record.records("timeline") if "timeline" in raw else []
        facts = self.statuses.look_up(word)
        return Return(
            provider="returnmate",
            id=rma_id,
            number=record.text("rma_number"),
            status=facts.status or Status.UNKNOWN,
            status_raw=word,
            attention=facts.attention,
            order=OrderRef(number=order_number) if order_number else None,
            customer=_customer(record.record("customer")),
            items=tuple([self._item(line) for line in record.records("items")]),
            shipments=tuple(self._shipments(record, rma_id)) if "shipments" in raw else (),
            resolutions=_resolutions(record, facts),
            notes=tuple([note for entry in timeline if (note := _timeline_note(entry)) is not None])
            if timeline
            else (),
            timeline=tuple([_timeline_entry(entry) for entry in timeline]) if timeline else (),
            goods_expected=facts.goods_expected,
            created_at=record.time("created_at"),
            raw=raw,
            unreadable=record.unreadable,
        )

    def _item(self, record: Record) -> Item:
        # The reply's shape is elided in the reference: the request's keys, and those that a reply may add.
        price = record.number("price")
        return Item(
            id=record.optional_id("id") or record.key,
            sku=record.text("sku"),
            name=record.text("name", "title"),
            quantity=record.number("quantity"),
            reason=_reason(record),
            notes=_item_notes(record),
            condition=record.text("condition"),
            value=None if price is None else self._money(price),
            raw=record.raw,
        )

    def _shipments(self, record: Record, return_id: str) -> Iterator[Shipment]:
        """The shipments inside an RMA; one without any identifier stays in ``raw`` only."""
        for inner in record.records("shipments"):
            try:
                yield self._shipment(inner, shipment_id=inner.key, return_id=return_id)
            except UnexpectedReply:
                inner.note_unreadable("id")

    def parse_shipment(
        self, raw: Mapping[str, Any], *, shipment_id: str | None = None, return_id: str | None = None
    ) -> Shipment:
        """A shipment. The ids are those it was asked by, for a reply that does not repeat them.

        Raises:
            UnexpectedReply: it has no id.
        """
        return self._shipment(Record(raw), shipment_id=shipment_id, return_id=return_id)

    def _shipment(self, record: Record, *, shipment_id: str | None, return_id: str | None) -> Shipment:
        tracking_number = record.text("tracking_number", "trackingNumber") or _inner(record, "tracking").text("number")
        known_id = record.optional_id("id", "shipment_id")
        if known_id is None:
            # A shop's shipments may be known by nothing but their number.
            known_id = parse_id(tracking_number) if shipment_id is None else shipment_id
        if known_id is None:
            raise UnexpectedReply("a shipment without an id", where="id")
        word = record.text("status")
        return Shipment(
            id=known_id,
            return_id=record.optional_id("rma_id") or _inner(record, "rma").optional_id("id") or return_id,
            # "return" is the one direction that the reference shows.
            direction=Direction.INBOUND if record.raw.get("direction") == "return" else None,
            status=self.shipment_statuses.look_up(word).shipment,
            status_raw=word,
            carrier=record.text("carrier"),
            service=record.text("service"),
            tracking_number=tracking_number,
            tracking_url=record.text("tracking_url"),
            label=_label(record),
            tracking=self._scans(record),
            raw=record.raw,
            unreadable=record.unreadable if not record.place else (),
        )

    def parse_tracking(self, data: object) -> tuple[TrackingEvent, ...]:
        """The carrier's scans, oldest first, untimed ones last.

        The reference says that they come, and not how: a list is read, or an object that holds one.

        Raises:
            UnexpectedReply: neither.
        """
        if isinstance(data, dict) and data and not any(name in data for name in _SCANS):
            raise UnexpectedReply("tracking events are expected", where="data.events")
        if not isinstance(data, dict | list | None):
            raise UnexpectedReply("tracking events are expected", where="data")
        return self._scans(Record({"tracking": data}))

    def _scans(self, record: Record) -> tuple[TrackingEvent, ...]:
        """The scans that stand in ``tracking``, or in the object in it."""
        if "tracking" not in record.raw:
            return ()
        tracking = record.raw["tracking"]
        scans = (
            record.records("tracking") if isinstance(tracking, list) else _inner(record, "tracking").records(*_SCANS)
        )
        return tuple(sorted([self._scan(scan) for scan in scans], key=_when))

    def _scan(self, record: Record) -> TrackingEvent:
        # The words are the carrier's own; those that ReturnMate has itself mean the same.
        word = record.text("status", "code")
        place = record.raw.get("location")
        location = ", ".join(_texts(place)) if isinstance(place, dict) else record.text("location")
        return TrackingEvent(
            occurred_at=record.time("timestamp", "occurred_at", "date", "created_at"),
            status=self.shipment_statuses.look_up(word).shipment or ShipmentStatus.UNKNOWN,
            status_raw=word,
            text=record.text("description", "message"),
            location=location or None,
            raw=record.raw,
        )

    def _money(self, amount: Decimal | None) -> Money | None:
        return None if amount is None else Money(amount=amount, currency=self.currency)


def build_return(new: NewReturn) -> dict[str, Any]:
    """The body of ``POST /rmas``, as the reference shows it."""
    return without_none(
        order_number=new.order_number,
        customer_email=new.customer_email,
        items=[
            without_none(sku=item.sku, quantity=item.quantity, reason=item.reason, notes=item.notes)
            for item in new.items
        ],
        return_type="refund",
    )


def build_label(new: NewLabel) -> dict[str, Any]:
    """The body of ``POST /rmas/{id}/shipments``, as the reference shows it."""
    return without_none(carrier=new.carrier, service=new.service, direction="return")


def unsupported_fields(new: NewReturn) -> list[str]:
    """What of a new return is set, and has no place in the body that the reference shows."""
    return [
        *fields_set(new, "customer_name", "reference", "notes", "ship_from", "label", "custom_fields"),
        *(
            f"items[{index}].{name}"
            for index, item in enumerate(new.items)
            for name in fields_set(item, "name", "weight_g", "value", "reference")
        ),
    ]


def unsupported_label_fields(new: NewLabel) -> list[str]:
    """What of a new label is set, and has no place in the body that the reference shows."""
    return fields_set(new, "warehouse_id", "parcel")


def _when(event: TrackingEvent) -> tuple[bool, datetime]:
    return event.occurred_at is None, event.occurred_at or datetime.min.replace(tzinfo=UTC)


def _timeline_entry(record: Record) -> TimelineEntry:
    return TimelineEntry(
        occurred_at=record.time(*_TIMES),
        kind=record.text("type", "kind", "event"),
        text=record.text(*_TEXTS),
        author=_author(record),
        internal=record.flag("internal"),
        raw=record.raw,
    )


def _timeline_note(record: Record) -> Note | None:
    """The remark that an entry of the timeline is; the help centre names the kinds Status, Note, Email, System and Document."""
    text = record.text(*_TEXTS)
    if text is None or (record.text("type", "kind", "event") or "").casefold() != "note":
        return None
    return Note(
        text=text,
        id=record.optional_id("id"),
        author=_author(record),
        internal=record.flag("internal"),
        created_at=record.time(*_TIMES),
        raw=record.raw,
    )


def _author(record: Record) -> str | None:
    return (
        _inner(record, "author").text("name")
        or _inner(record, "user").text("name")
        or _text_only(record, "author", "user")
    )


def parse_note(data: object, *, text: str, internal: bool) -> Note:
    """The note that was just added. The reply's shape is not documented: it may be the note, the RMA, or nothing."""
    raw = data if isinstance(data, dict) else {}
    if "content" not in raw:
        return Note(text=text, internal=internal, raw=raw)
    record = Record(raw)
    is_internal = record.flag("internal")
    return Note(
        text=record.text("content") or text,
        id=record.optional_id("id"),
        author=_author(record),
        internal=internal if is_internal is None else is_internal,
        created_at=record.time("created_at"),
        raw=raw,
    )


def with_request(made: Shipment, new: NewLabel) -> Shipment:
    """A shipment whose label was just made, with what was asked for where the reply does not say."""
    return evolve(
        made,
        carrier=made.carrier or new.carrier,
        service=made.service or new.service,
        direction=made.direction or new.direction,
    )


def _item_notes(record: Record) -> tuple[Note, ...]:
    """``notes`` of an item, which the request shows as one text."""
    notes = record.raw.get("notes")
    if notes is None:
        return ()
    if isinstance(notes, list):
        return tuple([Note(text=text) for text in record.texts("notes")])
    text = record.text("notes")
    return (Note(text=text),) if text else ()


def _label(record: Record) -> Label | None:
    detail = _inner(record, "label")
    url = record.text("label_url", "labelUrl") or detail.text("url") or _text_only(record, "label")
    return Label(status=LabelStatus.READY, url=url, raw=detail.raw) if url else None


def _resolutions(record: Record, facts: Facts) -> tuple[Resolution, ...]:
    """What the status word says of the outcome, else what was asked for; the reference shows ``refund`` as the only return type."""
    if facts.resolution is not None:
        return (Resolution(kind=facts.resolution, status=facts.resolution_status or ResolutionStatus.UNKNOWN),)
    if record.raw.get("return_type") == "refund":
        return (Resolution(kind=ResolutionKind.REFUND, status=ResolutionStatus.REQUESTED),)
    return ()


def _customer(record: Record) -> Customer | None:
    """The customer; None where nothing of them is left: a merchant can have them erased."""
    email, name = record.text("email"), record.text("name")
    return Customer(email=email, name=name) if email or name else None


def _reason(record: Record) -> Reason | None:
    if not isinstance(record.raw.get("reason"), dict):
        code = record.text("reason")
        return Reason(code=code) if code else None
    inner = record.record("reason")
    code, text = inner.text("code", "id"), inner.text("label", "text", "name")
    return Reason(code=code, text=text) if code or text else None


def _inner(record: Record, name: str) -> Record:
    """The object in a field that may as well hold a text."""
    return record.record(name) if isinstance(record.raw.get(name), dict) else Record({})


def _text_only(record: Record, *names: str) -> str | None:
    """The text in fields that may as well hold an object."""
    texts = [name for name in names if not isinstance(record.raw.get(name), dict)]
    return record.text(*texts) if texts else None


def _texts(raw: Mapping[str, Any]) -> list[str]:
    return [value for value in raw.values() if isinstance(value, str) and value]
