"""ReturnMate's JSON, read into the model and written from it. The vendor's spelling stays in this file.

What the API reference (ReturnMate API Reference) shows is read strictly: a value of another type is an :class:`UnexpectedReply` that
names its place. What it mentions without a shape (items in replies, shipments, timeline, tracking, notes) is read by
the readers at the end, which take what they recognise and never refuse; ``raw`` keeps the rest.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, TypeVar

from attrs import field, frozen

from returns_hub import (
    AuthenticationFailed,
    Conflict,
    Customer,
    Direction,
    InvalidRecord,
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
    parse_time,
    structure,
)

T = TypeVar("T")

# ReturnMate API Reference, "Error Codes". 409, 410 and 422 are not in it, and mean at ReturnMate what they mean everywhere.
_ERRORS: Final[Mapping[str, type[ProviderError]]] = {
    "AUTHENTICATION_ERROR": AuthenticationFailed,
    "PERMISSION_DENIED": PermissionDenied,
    "NOT_FOUND": NotFound,
    "VALIDATION_ERROR": ValidationFailed,
    "RATE_LIMITED": RateLimited,
    "SERVER_ERROR": ProviderUnavailable,
}
_STATUSES: Final[Mapping[int, type[ProviderError]]] = {
    400: ValidationFailed,
    401: AuthenticationFailed,
    403: PermissionDenied,
    404: NotFound,
    409: Conflict,
    410: NotFound,
    422: ValidationFailed,
    429: RateLimited,
}


def parse_payload(reply: Reply) -> Any:
    """What a good reply carries, out of any of the three envelopes of the reference; None for an empty body.

    Raises:
        ProviderError: by the HTTP status first, then by the vendor's code; also for ``success: false`` under HTTP 200.
    """
    if not 200 <= reply.status < 300:
        raise _error(reply, _json_or_none(reply))
    if not reply.body.strip():
        return None
    try:
        body = reply.json()
    except UnexpectedReply as error:
        problem = error.message
    else:
        if not isinstance(body, dict):
            return body
        if body.get("success") is False or body.get("error") is not None:
            raise _error(reply, body)
        return body.get("data", body)
    raise UnexpectedReply(problem, http_status=reply.status)


def _json_or_none(reply: Reply) -> Any:
    """The decoded body of an error reply; None where a gateway answered in HTML or not at all."""
    try:
        return reply.json()
    except UnexpectedReply:
        return None


def _error(reply: Reply, body: Any) -> ProviderError:
    told = body.get("error") if isinstance(body, dict) else None
    if not isinstance(told, dict):
        told = {"message": told}
    code = read_text(told, "code")
    message = read_text(told, "message")
    if body is None:
        message = reply.body[:300].decode("utf-8", "replace")
    kind = _error_class(reply.status, code)
    if kind is ValidationFailed:
        return ValidationFailed(
            fields=_fields(told.get("details")),
            http_status=reply.status,
            vendor_code=code,
            vendor_message=message,
        )
    return kind(http_status=reply.status, vendor_code=code, vendor_message=message)


def _error_class(status: int, code: str | None) -> type[ProviderError]:
    if status in _STATUSES:
        return _STATUSES[status]
    if status >= 500:
        return ProviderUnavailable
    by_class = ValidationFailed if status >= 400 else UnexpectedReply
    return _ERRORS.get(code or "", by_class)


def _fields(details: object) -> dict[str, str]:
    """``details`` by field. The seed never shows its content: text is kept, anything else only named."""
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
    """The ``meta`` of a reply. The seed shows it with and without ``total_pages``; it may be absent."""
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


def parse_rows(
    data: object, parse: Callable[[Mapping[str, Any]], T]
) -> tuple[tuple[T, ...], tuple[InvalidRecord, ...]]:
    """Each row of a list, parsed; and those that could not be, set aside with their place."""
    if not isinstance(data, list):
        raise UnexpectedReply("a list is expected", where="data")
    items: list[T] = []
    invalid_records: list[InvalidRecord] = []
    for index, row in enumerate(data):
        try:
            items.append(parse(as_object(row)))
        except UnexpectedReply as error:
            invalid_records.append(InvalidRecord(where=_join(f"data[{index}]", error.where), raw=row))
    return tuple(items), tuple(invalid_records)


def parse_one(data: object, parse: Callable[[Mapping[str, Any]], T]) -> T:
    """One parsed object, its faults placed under ``data``."""
    try:
        return parse(as_object(data))
    except UnexpectedReply as error:
        problem, where = error.message, _join("data", error.where)
    raise UnexpectedReply(problem, where=where)


def as_object(data: object) -> Mapping[str, Any]:
    """The payload, if it is an object."""
    if isinstance(data, dict):
        return data
    raise UnexpectedReply("an object is expected")


def _join(place: str, inner: str) -> str:
    return f"{place}.{inner}" if inner else place


@frozen(kw_only=True)
class RmaCustomer:
    """``customer`` of an RMA. A merchant can have it erased."""

    email: str | None = None
    name: str | None = None


@frozen(kw_only=True)
class Rma:
    """An RMA as the reference's list shows it, but for ``items``, whose content it elides."""

    id: str
    rma_number: str | None = None
    status: str | None = None
    order_number: str | None = None
    customer: RmaCustomer | None = None
    created_at: datetime | None = None


RMA_KEYS: Final = frozenset({"id", "rma_number", "status", "order_number", "customer", "items", "created_at"})


@frozen(kw_only=True)
class _Stats:
    total_returns: int | None = None
    total_refunded: Decimal | None = None
    return_rate: Decimal | None = None
    last_return: datetime | None = None


@frozen(kw_only=True)
class _Summary:
    total_rmas: int | None = None
    total_refunded: Decimal | None = None
    by_status: Mapping[str, int] | None = None
    by_reason: Mapping[str, int] | None = None


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
        """An RMA, from a list or whole."""
        rma = structure(raw, Rma)
        if not rma.id:
            raise UnexpectedReply("an RMA without an id", where="id")
        facts = self.statuses.look_up(rma.status)
        resolutions: tuple[Resolution, ...] = ()
        if facts.resolution is not None:
            status = facts.resolution_status or ResolutionStatus.UNKNOWN
            resolutions = (Resolution(kind=facts.resolution, status=status),)
        return Return(
            provider="returnmate",
            id=rma.id,
            number=rma.rma_number or None,
            status=facts.status or Status.UNKNOWN,
            status_raw=rma.status or None,
            attention=facts.attention,
            order=OrderRef(number=rma.order_number) if rma.order_number else None,
            customer=_customer(rma.customer),
            items=tuple([self._item(key, row) for key, row in _objects(raw.get("items"))]),
            shipments=tuple(self._shipments(raw, rma.id)) if "shipments" in raw else (),
            resolutions=resolutions,
            timeline=tuple([_timeline_entry(row) for _, row in _objects(raw.get("timeline"))]),
            goods_expected=facts.goods_expected,
            created_at=rma.created_at,
            raw=raw,
        )

    def _shipments(self, raw: Mapping[str, Any], return_id: str) -> Iterator[Shipment]:
        """The shipments inside an RMA; one without any identifier stays in ``raw`` only."""
        for key, row in _objects(raw.get("shipments")):
            try:
                yield self.parse_shipment(row, shipment_id=key, return_id=return_id)
            except UnexpectedReply:
                continue

    def _item(self, key: str | None, raw: Mapping[str, Any]) -> Item:
        # The reply's shape is elided in the reference: the request's keys, and those that a reply may add.
        price = _number(raw.get("price"))
        return Item(
            id=read_id(raw, "id") or key,
            sku=read_text(raw, "sku"),
            name=read_text(raw, "name", "title"),
            quantity=_number(raw.get("quantity")),
            reason=_reason(raw.get("reason")),
            condition=read_text(raw, "condition"),
            value=None if price is None else Money(amount=price, currency=self.currency),
            raw=raw,
        )

    def parse_shipment(
        self, raw: Mapping[str, Any], *, shipment_id: str | None = None, return_id: str | None = None
    ) -> Shipment:
        """A shipment. The ids are those it was asked by, for a reply that does not repeat them."""
        known_id = read_id(raw, "id", "shipment_id") or shipment_id
        if known_id is None:
            raise UnexpectedReply("a shipment without an id", where="id")
        word = read_text(raw, "status")
        return Shipment(
            id=known_id,
            return_id=read_id(raw, "rma_id") or read_id(_object(raw.get("rma")), "id") or return_id,
            # "return" is the one direction that the reference shows.
            direction=Direction.INBOUND if raw.get("direction") == "return" else None,
            status=self.shipment_statuses.look_up(word).shipment,
            status_raw=word,
            carrier=read_text(raw, "carrier"),
            service=read_text(raw, "service"),
            tracking_number=read_text(raw, "tracking_number", "trackingNumber")
            or read_text(_object(raw.get("tracking")), "number"),
            tracking_url=read_text(raw, "tracking_url"),
            label=_label(raw),
            raw=raw,
        )

    def parse_stats(self, raw: Mapping[str, Any]) -> CustomerStats:
        """What is counted of one customer."""
        stats = structure(raw, _Stats)
        return CustomerStats(
            total_returns=stats.total_returns,
            total_refunded=self._money(stats.total_refunded),
            return_rate=stats.return_rate,
            last_return=stats.last_return,
            raw=raw,
        )

    def parse_summary(self, raw: Mapping[str, Any]) -> ReturnsSummary:
        """The counts of a period."""
        summary = structure(raw, _Summary)
        return ReturnsSummary(
            total_rmas=summary.total_rmas,
            total_refunded=self._money(summary.total_refunded),
            by_status=summary.by_status or {},
            by_reason=summary.by_reason or {},
            raw=raw,
        )

    def _money(self, amount: Decimal | None) -> Money | None:
        return None if amount is None else Money(amount=amount, currency=self.currency)


def build_return(new: NewReturn) -> dict[str, Any]:
    """The body of ``POST /rmas``, as the reference shows it."""
    return _told(
        order_number=new.order_number,
        customer_email=new.customer_email,
        items=[_told(sku=item.sku, quantity=item.quantity, reason=item.reason, notes=item.notes) for item in new.items],
        return_type="refund",
    )


def build_label(new: NewLabel) -> dict[str, Any]:
    """The body of ``POST /rmas/{id}/shipments``, as the reference shows it."""
    return _told(carrier=new.carrier, service=new.service, direction="return")


def unsupported_fields(new: NewReturn) -> list[str]:
    """What of a new return is set, and has no place in the body that the reference shows."""
    return [
        *_set_fields(new, "customer_name", "reference", "notes", "ship_from", "label", "custom_fields"),
        *(
            f"items[{index}].{name}"
            for index, item in enumerate(new.items)
            for name in _set_fields(item, "name", "weight_g", "value", "reference")
        ),
    ]


def unsupported_label_fields(new: NewLabel) -> list[str]:
    """What of a new label is set, and has no place in the body that the reference shows."""
    return _set_fields(new, "warehouse_id", "parcel")


def build_time(moment: datetime, *, up: bool = False) -> str:
    """A filter's time in whole seconds, as in every sample of the reference; widened, down or ``up``, never narrowed."""
    whole = moment.replace(microsecond=0)
    return format_time(whole + timedelta(seconds=1) if up and whole != moment else whole)


def build_date(day: date) -> str:
    """A calendar date; of a ``datetime``, its date."""
    return f"{day:%Y-%m-%d}"


def _told(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _set_fields(value: object, *names: str) -> list[str]:
    return [name for name in names if getattr(value, name) not in (None, {})]


def parse_tracking(data: object) -> tuple[TrackingEvent, ...]:
    """The carrier's scans, oldest first, untimed ones last.

    The seed says that they come, and not how: a list is read, or an object that holds one.
    """
    if isinstance(data, dict) and data:
        held = [name for name in ("events", "tracking_events", "history") if name in data]
        if not held:
            raise UnexpectedReply("tracking events are expected", where="data.events")
        data = data[held[0]]
    if not isinstance(data, dict | list | None):
        raise UnexpectedReply("tracking events are expected", where="data")
    events = [_tracking_event(row) for _, row in _objects(data)]
    return tuple(sorted(events, key=_when))


def _when(event: TrackingEvent) -> tuple[bool, datetime]:
    return event.occurred_at is None, event.occurred_at or datetime.min.replace(tzinfo=UTC)


def _tracking_event(raw: Mapping[str, Any]) -> TrackingEvent:
    # The words are the carrier's own; ReturnMate documents none, so none is interpreted.
    place = raw.get("location")
    location = place if isinstance(place, str) else ", ".join(_texts(_object(place)))
    return TrackingEvent(
        occurred_at=_read_time(raw, "timestamp", "occurred_at", "date", "created_at"),
        status=ShipmentStatus.UNKNOWN,
        status_raw=read_text(raw, "status", "code"),
        text=read_text(raw, "description", "message"),
        location=location or None,
        raw=raw,
    )


def _timeline_entry(raw: Mapping[str, Any]) -> TimelineEntry:
    return TimelineEntry(
        occurred_at=_read_time(raw, "created_at", "occurred_at", "timestamp", "date"),
        kind=read_text(raw, "type", "kind", "event"),
        text=read_text(raw, "text", "message", "description", "content"),
        author=read_text(raw, "author", "user"),
        raw=raw,
    )


def parse_note(data: object, *, text: str, internal: bool) -> Note:
    """The note that was just added. The reply's shape is not documented: it may be the note, the RMA, or nothing."""
    raw = _object(data)
    if "content" not in raw:
        return Note(text=text, internal=internal, raw=raw)
    told = raw.get("internal")
    return Note(
        text=read_text(raw, "content") or text,
        id=read_id(raw, "id"),
        author=read_text(raw, "author", "user"),
        internal=told if isinstance(told, bool) else internal,
        created_at=_read_time(raw, "created_at"),
        raw=raw,
    )


def _label(raw: Mapping[str, Any]) -> Label | None:
    detail = _object(raw.get("label"))
    url = read_text(raw, "label_url", "labelUrl", "label") or read_text(detail, "url")
    return Label(status=LabelStatus.READY, url=url, raw=detail) if url else None


def _customer(customer: RmaCustomer | None) -> Customer | None:
    """The customer; None where nothing of them is told or left."""
    if customer is None or not (customer.email or customer.name):
        return None
    return Customer(email=customer.email or None, name=customer.name or None)


def _reason(value: object) -> Reason | None:
    if isinstance(value, str):
        return Reason(code=value) if value else None
    code, text = read_text(_object(value), "code", "id"), read_text(_object(value), "label", "text", "name")
    return Reason(code=code, text=text) if code or text else None


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[tuple[str | None, Mapping[str, Any]]]:
    """The objects of a list, or of an object keyed by their ids, each with its key."""
    if isinstance(value, list):
        return [(None, row) for row in value if isinstance(row, dict)]
    return [(key, row) for key, row in _object(value).items() if isinstance(row, dict)]


def _texts(raw: Mapping[str, Any]) -> list[str]:
    return [value for value in raw.values() if isinstance(value, str) and value]


def read_text(raw: Mapping[str, Any], *names: str) -> str | None:
    """The first of these that is a text with something in it."""
    for name in names:
        value = raw.get(name)
        if isinstance(value, str) and value:
            return value
    return None


def read_id(raw: Mapping[str, Any], *names: str) -> str | None:
    """The first of these that can be an identifier, as text: a text, or a whole number."""
    for name in names:
        value = raw.get(name)
        if type(value) is int:
            return str(value)
        if isinstance(value, str) and value:
            return value
    return None


def _read_time(raw: Mapping[str, Any], *names: str) -> datetime | None:
    for name in names:
        try:
            return parse_time(raw[name])
        except (KeyError, TypeError, ValueError):
            continue
    return None


def _number(value: object) -> Decimal | None:
    if value is None:
        return None
    # Quantities and prices of every line come this way: the converter costs several times as much as these two.
    if type(value) is int and 0 <= value < 1_000_000:
        return Decimal(value)
    if type(value) is Decimal and -6 <= value.adjusted() <= 12:
        return value
    try:
        return structure(value, Decimal)
    except UnexpectedReply:
        return None
