"""Returnless's JSON, read into the model. The vendor's spelling stays in this file.

Returnless V1 API shows numbers and flags as text, and an empty text where nothing is known. Its authors' own connectors mix text
and numbers, and their language spells an empty object ``[]``: so a text may be a number here and the reverse, and anything
empty is nothing. Whatever else is not as the documentation shows it is an :class:`UnexpectedReply` that names its place.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any, Final, TypeVar

from attrs import evolve, frozen

from returns_hub import (
    Address,
    AuthenticationFailed,
    Conflict,
    Customer,
    Direction,
    Facts,
    InvalidRecord,
    Item,
    Label,
    LabelStatus,
    Note,
    NotFound,
    OrderRef,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    Reason,
    Reply,
    Resolution,
    ResolutionStatus,
    Return,
    Shipment,
    Status,
    StatusTable,
    UnexpectedReply,
    ValidationFailed,
    parse_time,
    structure,
)

T = TypeVar("T")

REQUEST_PREFIX: Final = "request:"

_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?\Z", re.ASCII)
_NO_REQUEST: Final = (None, "0")

# Returnless V1 API documents one error, 429. Whether wrong credentials bring 401 or 403 is not said: both mean them here.
_ERRORS: Final[Mapping[int, type[ProviderError]]] = {
    401: AuthenticationFailed,
    403: AuthenticationFailed,
    404: NotFound,
    409: Conflict,
    410: NotFound,
    429: RateLimited,
}


def parse_payload(reply: Reply) -> Any:
    """The decoded body of a good reply; the status decides first, for a 429 has nothing to decode.

    Raises:
        ProviderError: the subclass that says what the caller can do.
    """
    if not 200 <= reply.status < 300:
        kind = _error_class(reply.status)
        raise kind(http_status=reply.status, vendor_message=_message(reply))
    try:
        return reply.json()
    except UnexpectedReply as error:
        problem = error.message
    raise UnexpectedReply(problem, http_status=reply.status)


def _error_class(status: int) -> type[ProviderError]:
    if status in _ERRORS:
        return _ERRORS[status]
    if status >= 500:
        return ProviderUnavailable
    return ValidationFailed if status >= 400 else UnexpectedReply


def _message(reply: Reply) -> str | None:
    """What an error reply says. No shape is documented: ``message``, as in the reply to a PUT, or the body itself."""
    try:
        body = reply.json()
    except UnexpectedReply:
        body = None
    told = body.get("message") if isinstance(body, dict) else None
    return told if isinstance(told, str) else reply.body[:300].decode("utf-8", "replace") or None


def parse_rows(data: object) -> list[Any]:
    """The rows of a list: Returnless V1 API shows a bare array."""
    rows = _listed(data)
    if rows is None:
        raise UnexpectedReply("a list is expected")
    return rows


def parse_single(data: object, key: str, wanted: str) -> Mapping[str, Any]:
    """The one record that was asked for by id: an object, or a list of one as Returnless V1 API shows it for a shipment.

    Raises:
        NotFound: nothing came; what an unknown id brings is not documented.
        UnexpectedReply: another record came.
    """
    if _is_nothing(data):
        raise NotFound
    rows = _listed(data)
    for row in [data] if rows is None else rows:
        if isinstance(row, dict) and Record(raw=row).text(key) == wanted:
            return row
    raise UnexpectedReply("the record that came is not the one that was asked for", where=key)


def check_updated(data: object) -> None:
    """Returns if the reply to a PUT says that it was done; the documentation's sentence beside that is not looked at."""
    if _is_nothing(data):
        raise NotFound
    result = data.get("result") if isinstance(data, dict) else None
    if result is True:
        return
    if result is False:
        message = data.get("message") if isinstance(data, dict) else None
        raise ValidationFailed("the vendor did not do it", vendor_message=message if isinstance(message, str) else None)
    raise UnexpectedReply("the reply does not tell whether it was done", where="result")


def parse_each(
    rows: list[tuple[int, Any]], parse: Callable[[Mapping[str, Any]], T]
) -> tuple[tuple[T, ...], tuple[InvalidRecord, ...]]:
    """Each numbered row, parsed; and those that could not be, set aside with their place."""
    items: list[T] = []
    invalid_records: list[InvalidRecord] = []
    for index, row in rows:
        try:
            items.append(parse(_object(row)))
        except UnexpectedReply as error:
            invalid_records.append(InvalidRecord(where=f"[{index}].{error.where}".rstrip("."), raw=row))
    return tuple(items), tuple(invalid_records)


def _object(row: object) -> Mapping[str, Any]:
    if isinstance(row, dict):
        return row
    raise UnexpectedReply("an object is expected")


def parse_local_time(value: object) -> datetime | None:
    """A time as the vendor prints it, ``2021-01-20 11:52:42`` or a bare date, without a zone; None for anything else.

    None also where no second could be added or taken away: such a time is no record's.
    """
    if not isinstance(value, str) or not _TIME.match(value):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if 1970 <= moment.year < 9999 else None


def format_local_time(moment: datetime) -> str:
    """A time as the vendor prints it."""
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def lower_bound(moment: datetime, zone: tzinfo) -> datetime:
    """The vendor's clock at a moment, or earlier: in the hour that a clock set back repeats, before both."""
    local = moment.astimezone(zone).replace(tzinfo=None, microsecond=0, fold=0)
    return local + min(clock_change(local, zone), timedelta())


def upper_bound(moment: datetime, zone: tzinfo) -> datetime:
    """The vendor's clock at a moment, or later: in the hour that a clock set back repeats, after both."""
    local = moment.astimezone(zone).replace(tzinfo=None, microsecond=0, fold=0)
    return local - min(clock_change(local, zone), timedelta())


def clock_change(local: datetime, zone: tzinfo) -> timedelta:
    """By how much the clock is set at a local time: negative where it is set back and the time exists twice, positive where it never exists."""
    first, second = (local.replace(tzinfo=zone, fold=fold).utcoffset() or timedelta() for fold in (0, 1))
    return second - first


def repeated_period(local: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    """The first and the last second of the hour that a clock set back repeats; of any other time, itself."""
    change = clock_change(local, zone)
    if change >= timedelta():
        return local, local
    begun = bisect_left(
        range(int(-change.total_seconds())),
        timedelta(),
        key=lambda ago: clock_change(local - timedelta(seconds=ago), zone),
    )
    first = local - timedelta(seconds=begun - 1)
    return first, first - change - timedelta(seconds=1)


def existing_time(local: datetime, zone: tzinfo) -> datetime:
    """The local time itself; where a clock set forward skips it, one before the gap."""
    return local - max(clock_change(local, zone), timedelta())


@frozen(kw_only=True)
class Record:
    """An object of the vendor's, read name by name. ``place`` is where it stands, for an error to say."""

    raw: Mapping[str, Any]
    place: str = ""

    def text(self, name: str) -> str | None:
        """A text, or a number as text; None for nothing."""
        value = self.raw.get(name)
        if isinstance(value, str):
            return value or None
        if _is_nothing(value):
            return None
        if type(value) in (int, Decimal):
            return str(value)
        raise self._unexpected("a text is expected", name)

    def digit(self, name: str) -> str | None:
        """A flag as Returnless V1 API spells it, ``"1"`` or ``"0"``; None for nothing."""
        value = self.raw.get(name)
        return str(int(value)) if isinstance(value, bool) else self.text(name)

    def number(self, name: str) -> Decimal | None:
        """A number, or a text that spells one; None for nothing."""
        value = self.raw.get(name)
        return None if _is_nothing(value) else structure(value, Decimal, where=self.place + name)

    def time(self, name: str, zone: tzinfo) -> datetime | None:
        """A time by the clock of ``zone``; None for nothing, and for the zeros that a database prints for it."""
        told = self.text(name)
        if told is None or told.startswith("0000-00-00"):
            return None
        try:
            return parse_time(told, zone=zone)
        except ValueError:
            pass
        raise self._unexpected("a time is expected", name)

    def rows(self, name: str) -> list["Record"]:
        """The objects of a list; none for nothing."""
        value = self.raw.get(name)
        if _is_nothing(value):
            return []
        listed = _listed(value)
        if listed is None:
            raise self._unexpected("a list is expected", name)
        return [self._at(f"{name}[{index}]", row) for index, row in enumerate(listed)]

    def inner(self, name: str) -> "Record":
        """An object; an empty one for nothing."""
        value = self.raw.get(name)
        return self._at(name, {} if _is_nothing(value) else value)

    def _at(self, place: str, value: object) -> "Record":
        if not isinstance(value, dict):
            raise self._unexpected("an object is expected", place)
        return Record(raw=value, place=f"{self.place}{place}.")

    def _unexpected(self, problem: str, name: str) -> UnexpectedReply:
        return UnexpectedReply(problem, where=self.place + name)


@frozen(kw_only=True)
class RecordParser:
    """Reads the records of one account: its words, and the zone that no time of the vendor's tells."""

    zone: tzinfo
    requests: StatusTable
    returns: StatusTable
    parcels: StatusTable
    stock: StatusTable

    def parse_request(self, raw: Mapping[str, Any]) -> Return:
        """A request: what a customer applies to send back, which may become a return."""
        record = Record(raw=raw)
        told = self._common(record, self.requests.look_up(record.text("status")))
        return evolve(
            told,
            id=REQUEST_PREFIX + _id(record, "request_id"),
            number=record.text("request"),
            created_at=record.time("request_date", self.zone),
        )

    def parse_return(self, raw: Mapping[str, Any]) -> Return:
        """A return. ``return_type`` is a custom field: only a listing tells it, and it is defined nowhere."""
        record = Record(raw=raw)
        facts = self.returns.look_up(record.text("status"))
        request_id, return_type = record.text("request_id"), record.text("return_type")
        return evolve(
            self._common(record, facts),
            id=_id(record, "return_id"),
            number=record.text("return"),
            shipments=(self._shipment(record, facts),) if record.text("tracking_number") else (),
            request_id=None if request_id in _NO_REQUEST else f"{REQUEST_PREFIX}{request_id}",
            custom_fields={"return_type": return_type} if return_type else {},
            created_at=record.time("return_date", self.zone),
            updated_at=record.time("updated_at", self.zone),
        )

    def parse_shipment(self, raw: Mapping[str, Any]) -> Shipment:
        """A parcel. Its ``status`` on the wire is that of its return (Returnless V1 API), and tells only of the label here."""
        record = Record(raw=raw)
        return self._shipment(record, self.returns.look_up(record.text("status")))

    def _common(self, record: Record, facts: Facts) -> Return:
        """What requests and returns tell alike; the id is still to come."""
        number, order_id = record.text("reference"), record.text("order_id")
        customer = Customer(email=record.text("customer_email"), id=record.text("customer_id"))
        address = _address(record.inner("billing_address"))
        return Return(
            provider="returnless",
            id="",
            status=facts.status or Status.UNKNOWN,
            status_raw=record.text("status"),
            attention=facts.attention,
            order=OrderRef(number=number, id=order_id) if number or order_id else None,
            customer=customer if customer != Customer() else None,
            address=address if address != Address() else None,
            items=self._items(record),
            resolutions=_resolutions(facts),
            notes=self._notes(record),
            goods_expected=facts.goods_expected,
            raw=record.raw,
        )

    def _items(self, record: Record) -> tuple[Item, ...]:
        # The webhook lists every line of the order, with a quantity of zero for what the customer keeps.
        items = [self._item(line) for line in record.rows("returned_products")]
        return tuple([item for item in items if item.quantity is None or item.quantity > 0])

    def _item(self, line: Record) -> Item:
        code, text = line.text("reason_id"), line.text("reason")
        order_line, stock = line.text("order_product_id"), line.digit("back_to_stock")
        images = [image.text("http_path") for image in line.rows("images")]
        return Item(
            id=line.text("return_item_id"),
            aliases=(order_line,) if order_line else (),
            sku=line.text("model"),
            barcode=line.text("ean"),
            product_id=line.text("product_id"),
            name=line.text("name") or line.text("title_name"),
            quantity_ordered=line.number("qty_ordered"),
            quantity=line.number("qty_returned"),
            quantity_received=line.number("qty_received"),
            reason=Reason(code=code, text=text) if code or text else None,
            disposition=self.stock.look_up(stock).disposition,
            disposition_raw=stock,
            images=tuple([url for url in images if url]),
            raw=line.raw,
        )

    def _notes(self, record: Record) -> tuple[Note, ...]:
        return tuple(
            [
                Note(
                    text=note.text("message") or "",
                    author=note.text("name"),
                    created_at=note.time("created_at", self.zone),
                    raw=note.raw,
                )
                for note in record.rows("return_notes")
            ]
        )

    def _shipment(self, record: Record, facts: Facts) -> Shipment:
        tracking_number = _id(record, "tracking_number")
        code, text = record.text("tracking_status_id"), record.text("tracking_status")
        link = record.text("shipping_label_link")
        label = facts.label or (LabelStatus.READY if link else None)
        return Shipment(
            id=tracking_number,
            return_id=record.text("return_id"),
            direction=Direction.INBOUND,
            status=self.parcels.look_up(code or text).shipment,
            status_raw=text or code,
            service=record.text("shipping_description"),
            tracking_number=tracking_number,
            tracking_url=record.text("tracking_url"),
            label=Label(status=label, url=link) if label else None,
            raw=record.raw,
        )


def _id(record: Record, name: str) -> str:
    """The text that the record is known by; without one it is none."""
    told = record.text(name)
    if told is None:
        raise UnexpectedReply("a record without an id", where=record.place + name)
    return told


def _address(record: Record) -> Address:
    # `address1` is the street, and `address2` the house number, in every example of Returnless V1 API.
    return Address(
        first_name=record.text("first_name"),
        last_name=record.text("last_name"),
        line1=record.text("address1"),
        house_number=record.text("address2"),
        house_number_addition=record.text("addition"),
        city=record.text("city"),
        postal_code=record.text("postcode"),
        country=record.text("country"),
    )


def _resolutions(facts: Facts) -> tuple[Resolution, ...]:
    if facts.resolution is None:
        return ()
    return (Resolution(kind=facts.resolution, status=facts.resolution_status or ResolutionStatus.UNKNOWN),)


def _is_nothing(value: object) -> bool:
    return value is None or value is False or value == "" or value in ([], {})


def _listed(value: object) -> list[Any] | None:
    """The rows of a list, or of an object with numbers for names, in their order; None for anything else."""
    if isinstance(value, list):
        return value
    if isinstance(value, dict) and all(name.isdecimal() and len(name) < 10 for name in value):
        return [value[name] for name in sorted(value, key=int)]
    return [] if value is None else None
