"""ReturnMate's JSON, read into the model and written from it. The vendor's spelling stays in this file.

The ReturnMate API Reference shows a row of the list, statistics and a summary. What it mentions without a shape (items in replies, shipments,
timeline, tracking, notes) is read by the readers at the end, which take what they recognise; ``raw`` keeps the rest.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from attrs import field, frozen

from returns_hub import (
    AuthenticationFailed,
    Customer,
    Direction,
    Item,
    Label,
    LabelStatus,
    Money,
    NewLabel,
    NewReturn,
    Note,
    NotFound,
    OrderRef,
    PermissionDenied,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    Reason,
    Reply,
    Resolution,
    ResolutionStatus,
    Return,
    Shipment,
    ShipmentStatus,
    Status,
    StatusTable,
    TimelineEntry,
    TrackingEvent,
    UnexpectedReply,
    ValidationFailed,
    format_time,
)
from returns_hub.wire import Record, body_excerpt, build_error, error_class, fields_set, json_or_none, without_none

# ReturnMate API Reference, "Error Codes".
_ERRORS: Final[Mapping[str, type[ProviderError]]] = {
    "AUTHENTICATION_ERROR": AuthenticationFailed,
    "PERMISSION_DENIED": PermissionDenied,
    "NOT_FOUND": NotFound,
    "VALIDATION_ERROR": ValidationFailed,
    "RATE_LIMITED": RateLimited,
    "SERVER_ERROR": ProviderUnavailable,
}


def parse_payload(reply: Reply) -> Any:
    """What a good reply carries, out of any of the three envelopes of the reference; None for an empty body.

    Raises:
        ProviderError: by the HTTP status first, then by the vendor's code; also for ``success: false`` under HTTP 200.
    """
    if not 200 <= reply.status < 300:
        raise _error(reply, json_or_none(reply))
    if not reply.body.strip():
        return None
    body = reply.json()
    if not isinstance(body, dict):
        return body
    if body.get("success") is False or body.get("error") is not None:
        raise _error(reply, body)
    return body.get("data", body)


def _error(reply: Reply, body: Any) -> ProviderError:
    told = body.get("error") if isinstance(body, dict) else None
    record = Record(told if isinstance(told, dict) else {"message": told})
    code = record.text("code")
    return build_error(
        error_class(reply.status, code, codes=_ERRORS),
        reply,
        code=code,
        message=body_excerpt(reply) if body is None else record.text("message"),
        fields=_fields(record.raw.get("details")),
    )


def _fields(details: object) -> dict[str, str]:
    """``details`` by field. The reference never shows its content: text is kept, anything else only named."""
    if not isinstance(details, dict):
        return {}
    return {name: told if isinstance(told, str) else "" for name, told in details.items()}


@frozen(kw_only=True)
class Meta:
    """The paging numbers of a reply; None where they are missing or no numbers."""

    per_page: int | None = None
    total: int | None = None
    total_pages: int | None = None

    def has_more(self, *, page: int, asked: int, rows: int) -> bool:
        """True if a page after this one may hold rows, having ``asked`` for so many and got ``rows``."""
        if rows == 0:
            return False
        if self.total is not None:
            # Without the echo a page may have been clamped: then only its own length is certain.
            return page * (self.per_page or min(asked, rows)) < self.total
        if self.total_pages is not None:
            return page < self.total_pages
        # More rows than asked for: the vendor does not page this list.
        return rows == (self.per_page or asked)


def parse_meta(reply: Reply) -> Meta:
    """The ``meta`` of a reply. The reference shows it with and without ``total_pages``; it may be absent."""
    body = reply.json()
    meta = body.get("meta") if isinstance(body, dict) else None
    if not isinstance(meta, dict):
        return Meta()
    return Meta(
        per_page=_count(meta.get("per_page")) or None,
        total=_count(meta.get("total")),
        total_pages=_count(meta.get("total_pages")),
    )


def _count(value: object) -> int | None:
    return value if type(value) is int and value >= 0 else None


RMA_KEYS: Final = frozenset({"id", "rma_number", "status", "order_number", "customer", "items", "created_at"})


@frozen(kw_only=True)
class CustomerStats:
    """What ReturnMate counts of one customer. ``return_rate`` is as the vendor gives it; its sample, 12.5, reads like percent."""

    total_returns: int | None = None
    total_refunded: Money | None = None
    return_rate: Decimal | None = None
    last_return: datetime | None = None
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)


@frozen(kw_only=True)
class ReturnsSummary:
    """ReturnMate's count of returns over a period; ``by_status`` and ``by_reason`` are keyed by the shop's own words.

    What ``group_by`` does to the reply is not documented: a list of periods is given as it came, in ``periods``.
    """

    total_rmas: int | None = None
    total_refunded: Money | None = None
    by_status: Mapping[str, int] = field(factory=dict)
    by_reason: Mapping[str, int] = field(factory=dict)
    periods: tuple[Any, ...] = ()
    raw: Any = field(default=None, repr=False, eq=False)


@frozen(kw_only=True)
class Report:
    """A report whose content ReturnMate does not document: ``raw`` is what came."""

    raw: Any = field(default=None, repr=False)


@frozen(kw_only=True)
class Reader:
    """Reads the objects of one account: its status words, and the currency that the vendor never tells."""

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
        facts = self.statuses.look_up(word)
        resolutions: tuple[Resolution, ...] = ()
        if facts.resolution is not None:
            status = facts.resolution_status or ResolutionStatus.UNKNOWN
            resolutions = (Resolution(kind=facts.resolution, status=status),)
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
            resolutions=resolutions,
            timeline=tuple([_timeline_entry(entry) for entry in record.records("timeline")])
            if "timeline" in raw
            else (),
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
        known_id = record.optional_id("id", "shipment_id") or shipment_id
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
            tracking_number=record.text("tracking_number", "trackingNumber")
            or _inner(record, "tracking").text("number"),
            tracking_url=record.text("tracking_url"),
            label=_label(record),
            raw=record.raw,
            unreadable=record.unreadable if not record.place else (),
        )

    def parse_stats(self, raw: Mapping[str, Any]) -> CustomerStats:
        """What is counted of one customer."""
        record = Record(raw)
        return CustomerStats(
            total_returns=record.whole("total_returns"),
            total_refunded=self._money(record.number("total_refunded")),
            return_rate=record.number("return_rate"),
            last_return=record.time("last_return"),
            raw=raw,
        )

    def parse_summary(self, raw: Mapping[str, Any]) -> ReturnsSummary:
        """The counts of a period."""
        record = Record(raw)
        return ReturnsSummary(
            total_rmas=record.whole("total_rmas"),
            total_refunded=self._money(record.number("total_refunded")),
            by_status=_counts(record.record("by_status")),
            by_reason=_counts(record.record("by_reason")),
            raw=raw,
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


def build_time(moment: datetime, *, up: bool = False) -> str:
    """A filter's time in whole seconds, as in every sample of the reference; widened, down or ``up``, never narrowed."""
    whole = moment.replace(microsecond=0)
    return format_time(whole + timedelta(seconds=1) if up and whole != moment else whole)


def build_date(day: date) -> str:
    """A calendar date; of a ``datetime``, its date."""
    return f"{day:%Y-%m-%d}"


def parse_tracking(data: object) -> tuple[TrackingEvent, ...]:
    """The carrier's scans, oldest first, untimed ones last.

    The reference says that they come, and not how: a list is read, or an object that holds one.
    """
    if isinstance(data, dict) and data:
        held = [name for name in ("events", "tracking_events", "history") if name in data]
        if not held:
            raise UnexpectedReply("tracking events are expected", where="data.events")
        data = data[held[0]]
    if not isinstance(data, dict | list | None):
        raise UnexpectedReply("tracking events are expected", where="data")
    events = [_tracking_event(scan) for scan in Record({"events": data}).records("events")]
    return tuple(sorted(events, key=_when))


def _when(event: TrackingEvent) -> tuple[bool, datetime]:
    return event.occurred_at is None, event.occurred_at or datetime.min.replace(tzinfo=UTC)


def _tracking_event(record: Record) -> TrackingEvent:
    # The words are the carrier's own; ReturnMate documents none, so none is interpreted.
    place = record.raw.get("location")
    location = ", ".join(_texts(place)) if isinstance(place, dict) else record.text("location")
    return TrackingEvent(
        occurred_at=record.time("timestamp", "occurred_at", "date", "created_at"),
        status=ShipmentStatus.UNKNOWN,
        status_raw=record.text("status", "code"),
        text=record.text("description", "message"),
        location=location or None,
        raw=record.raw,
    )


def _timeline_entry(record: Record) -> TimelineEntry:
    return TimelineEntry(
        occurred_at=record.time("created_at", "occurred_at", "timestamp", "date"),
        kind=record.text("type", "kind", "event"),
        text=record.text("text", "message", "description", "content"),
        author=record.text("author", "user"),
        raw=record.raw,
    )


def parse_note(data: object, *, text: str, internal: bool) -> Note:
    """The note that was just added. The reply's shape is not documented: it may be the note, the RMA, or nothing."""
    raw = data if isinstance(data, dict) else {}
    if "content" not in raw:
        return Note(text=text, internal=internal, raw=raw)
    record = Record(raw)
    told = record.flag("internal")
    return Note(
        text=record.text("content") or text,
        id=record.optional_id("id"),
        author=record.text("author", "user"),
        internal=internal if told is None else told,
        created_at=record.time("created_at"),
        raw=raw,
    )


def _label(record: Record) -> Label | None:
    detail = _inner(record, "label")
    url = record.text("label_url", "labelUrl") or detail.text("url") or (None if detail.raw else record.text("label"))
    return Label(status=LabelStatus.READY, url=url, raw=detail.raw) if url else None


def _customer(record: Record) -> Customer | None:
    """The customer; None where nothing of them is told or left: a merchant can have them erased."""
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


def _counts(record: Record) -> dict[str, int]:
    return {word: count for word in record.raw if (count := record.whole(word)) is not None}


def _texts(raw: Mapping[str, Any]) -> list[str]:
    return [value for value in raw.values() if isinstance(value, str) and value]
