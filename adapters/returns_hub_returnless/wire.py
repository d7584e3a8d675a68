"""Returnless's JSON, read into the model. The vendor's spelling stays in this file.

Returnless V1 API shows numbers and flags as text, and an empty text where nothing is known; the vendor's own connectors mix text and
numbers, and PHP spells an empty object ``[]``. Only the id of a record is needed: any other value that cannot be read is left
empty, and named in ``unreadable``.
"""

import re
from bisect import bisect_left
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final

from attrs import evolve, frozen

from returns_hub import (
    Address,
    Answer,
    Customer,
    Direction,
    Facts,
    Item,
    Label,
    LabelStatus,
    Money,
    Note,
    OrderRef,
    Reason,
    Resolution,
    ResolutionStatus,
    Return,
    Shipment,
    Status,
    StatusTable,
)
from returns_hub.wire import Record

REQUEST_PREFIX: Final = "request:"

_LOCAL_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?\Z", re.ASCII)
_NO_REQUEST: Final = (None, "0")
_NO_ORDER: Final = OrderRef()
_NOBODY: Final = Customer()
_NO_ADDRESS: Final = Address()
# The vendor's web server and its database need not agree to the second.
_CLOCK_TOLERANCE: Final = timedelta(minutes=1)


def parse_local_time(value: object) -> datetime | None:
    """A time as the vendor prints it, ``2021-01-20 11:52:42`` or a bare date, without a zone; None for anything else.

    None also where no second could be added or taken away: such a time is no record's.
    """
    if type(value) is not str or not _LOCAL_TIME.match(value):
        return None
    try:
        local = datetime.fromisoformat(value)
    except ValueError:
        return None
    return local if 1970 <= local.year < 9999 else None


def format_local_time(local: datetime) -> str:
    """A time as the vendor prints it."""
    return f"{local:%Y-%m-%d %H:%M:%S}"


def lower_bound(moment: datetime, zone: tzinfo) -> datetime:
    """The vendor's clock at a moment, or earlier: in the hour that a clock set back repeats, before both."""
    local = moment.astimezone(zone).replace(tzinfo=None, microsecond=0, fold=0)
    return local + min(clock_change(local, zone), timedelta())


def upper_bound(moment: datetime, zone: tzinfo) -> datetime:
    """The vendor's clock at a moment, or later: in the hour that a clock set back repeats, after both."""
    local = moment.astimezone(zone).replace(tzinfo=None, microsecond=0, fold=0)
    return local - min(clock_change(local, zone), timedelta())


def clock_change(local: datetime, zone: tzinfo) -> timedelta:
    """By how much the clock is set at a local time: less than zero where that time exists twice, more where it never exists."""
    if zone is UTC:
        return timedelta()
    before = local.replace(tzinfo=zone, fold=0)
    return (before.replace(fold=1).utcoffset() or timedelta()) - (before.utcoffset() or timedelta())


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


def resolve_local_time(local: datetime, zone: tzinfo, observed_at: datetime | None) -> datetime:
    """The moment of a local time. Of the two of a repeated hour, the later one that is not after the moment of observation.

    A record observed in that hour can so never seem older than one observed before it. Without ``observed_at`` it is the later one.

    ``local`` is the first of the two (``fold=0``).

    Raises:
        OverflowError: outside what a ``datetime`` holds.
    """
    # `replace` parses keywords, which takes ten times as long.
    first = datetime.combine(local, local.time(), zone)
    if zone is UTC:
        return first
    second = first.replace(fold=1)
    if first.utcoffset() == second.utcoffset():
        return first.astimezone(UTC)
    earlier, later = sorted((first.astimezone(UTC), second.astimezone(UTC)))
    return later if observed_at is None or later <= observed_at + _CLOCK_TOLERANCE else earlier


@frozen(kw_only=True)
class RecordParser:
    """Reads the records of one account: its words, and the zones that no time of the vendor's names.

    ``zone`` is of the times that Returnless stamps, ``order_zone`` of the shop's. ``observed_at`` is when the records were sent.
    """

    zone: tzinfo
    order_zone: tzinfo
    requests: StatusTable
    returns: StatusTable
    tracking: StatusTable
    stock: StatusTable
    observed_at: datetime | None = None

    def parse_request(self, raw: Mapping[str, Any]) -> Return:
        """A request: what a customer applies to send back, which may become a return.

        Raises:
            UnexpectedReply: it has no id.
        """
        record = Record(raw)
        common = self._parse_common(record, self.requests)
        return Return(
            **common,
            id=REQUEST_PREFIX + record.id("request_id"),
            number=record.text("request"),
            created_at=self._time(record, "request_date", self.zone),
            unreadable=record.unreadable,
        )

    def parse_return(self, raw: Mapping[str, Any]) -> Return:
        """A return. ``return_type`` is a custom field: only a listing has it, and it is defined nowhere.

        Raises:
            UnexpectedReply: it has no id.
        """
        record = Record(raw)
        common = self._parse_common(record, self.returns)
        request_id, return_type = record.optional_id("request_id"), record.text("return_type")
        tracking_number = record.optional_id("tracking_number")
        return Return(
            **common,
            id=record.id("return_id"),
            number=record.text("return"),
            shipments=(self._parse_shipment(record, tracking_number),) if tracking_number else (),
            answers=tuple([_parse_answer(question) for question in record.records("return_questions")]),
            attachments=record.texts("files"),
            request_id=None if request_id in _NO_REQUEST else f"{REQUEST_PREFIX}{request_id}",
            custom_fields={"return_type": return_type} if return_type else {},
            created_at=self._time(record, "return_date", self.zone),
            updated_at=self._time(record, "updated_at", self.zone),
            unreadable=record.unreadable,
        )

    def parse_shipment(self, raw: Mapping[str, Any]) -> Shipment:
        """A parcel. Its ``status`` on the wire is that of its return, and says something of the label only.

        Raises:
            UnexpectedReply: it has no tracking number.
        """
        record = Record(raw)
        return evolve(self._parse_shipment(record, record.id("tracking_number")), unreadable=record.unreadable)

    def _parse_common(self, record: Record, statuses: StatusTable) -> dict[str, Any]:
        """What requests and returns have in common, by the names of the model."""
        word = record.text("status")
        facts = statuses.look_up(word)
        number, order_id = record.text("reference"), record.optional_id("order_id")
        order = OrderRef(number=number, id=order_id, created_at=self._time(record, "order_date", self.order_zone))
        address = _parse_address(record.record("billing_address"))
        customer = Customer(
            email=record.text("customer_email"),
            name=" ".join(filter(None, (address.first_name, address.last_name))) or None,
            id=record.optional_id("customer_id"),
        )
        return {
            "provider": "returnless",
            "status": facts.status or Status.UNKNOWN,
            # A word that asserts no status, as `exception`, leaves the one that was there.
            "status_raw": None if facts.status is None else word,
            "attention": facts.attention,
            "order": order if order != _NO_ORDER else None,
            "customer": customer if customer != _NOBODY else None,
            "address": address if address != _NO_ADDRESS else None,
            "items": self._parse_items(record),
            "resolutions": _resolutions(facts),
            "notes": tuple([self._parse_note(note) for note in record.records("return_notes")]),
            "form": record.text("form"),
            "goods_expected": facts.goods_expected,
            "raw": record.raw,
        }

    def _parse_items(self, record: Record) -> tuple[Item, ...]:
        # The webhook lists every line of the order, with a quantity of zero for what the customer keeps.
        items = [self._parse_item(line) for line in record.records("returned_products")]
        return tuple([item for item in items if item.quantity is None or item.quantity > 0])

    def _parse_item(self, line: Record) -> Item:
        code, text = line.text("reason_id"), line.text("reason")
        order_line, stock = line.optional_id("order_product_id"), _parse_digit(line, "back_to_stock")
        title, remarks, cost = line.text("title_name"), line.text("remarks"), line.number("cost")
        return Item(
            id=line.optional_id("return_item_id"),
            aliases=(order_line,) if order_line else (),
            sku=line.text("model"),
            barcode=line.text("ean"),
            product_id=line.optional_id("product_id"),
            article_code=line.text("article_code"),
            name=line.text("name") or title,
            brand=line.text("u_brand"),
            url=line.text("url"),
            quantity_ordered=line.number("qty_ordered"),
            quantity=line.number("qty_returned"),
            quantity_received=line.number("qty_received"),
            reason=Reason(code=code, text=text) if code or text else None,
            disposition=self.stock.look_up(stock).disposition,
            disposition_raw=stock,
            images=_parse_images(line),
            notes=(Note(text=remarks),) if remarks else (),
            cost=None if cost is None else Money(amount=cost),
            extra={"title_name": title} if title else {},
            raw=line.raw,
        )

    def _parse_note(self, note: Record) -> Note:
        return Note(
            text=note.text("message") or "",
            author=note.text("name"),
            created_at=self._time(note, "created_at", self.zone),
            raw=note.raw,
        )

    def _parse_shipment(self, record: Record, tracking_number: str) -> Shipment:
        code, text = record.text("tracking_status_id"), record.text("tracking_status")
        link = record.text("shipping_label_link")
        label = self.returns.look_up(record.text("status")).label or (LabelStatus.READY if link else None)
        # The text says more than the code, of which one is documented; it is read where it is plain.
        word = text if text and self.tracking.knows(text) else code or text
        return Shipment(
            id=tracking_number,
            return_id=record.optional_id("return_id"),
            direction=Direction.INBOUND,
            status=self.tracking.look_up(word).shipment,
            status_raw=code or text,
            status_text=text,
            service=record.text("shipping_description"),
            tracking_number=tracking_number,
            tracking_url=record.text("tracking_url"),
            label=Label(status=label, url=link) if label else None,
            raw=record.raw,
        )

    def _time(self, record: Record, name: str, zone: tzinfo) -> datetime | None:
        """A time by the clock of ``zone``; None for nothing, and for the zeros that a database prints for it."""
        text = record.text(name)
        if text is None or text.startswith("0000-00-00"):
            return None
        if not text.isdigit():
            try:
                time = datetime.fromisoformat(text)
                if time.tzinfo is not None:
                    return time.astimezone(UTC)
                return resolve_local_time(time, zone, self.observed_at)
            except (ValueError, OverflowError):
                pass
        record.note_unreadable(name)
        return None


def _parse_digit(line: Record, name: str) -> str | None:
    """A flag as Returnless V1 API spells it, ``"1"`` or ``"0"``, also from true and false; None for nothing."""
    value = line.raw.get(name)
    return str(int(value)) if isinstance(value, bool) else line.text(name)


def _parse_images(line: Record) -> tuple[str, ...]:
    """The URLs of a product's images: objects with an ``http_path``, or plain texts."""
    value = line.raw.get("images")
    if isinstance(value, str) or (isinstance(value, list) and all(isinstance(part, str) for part in value)):
        return line.texts("images")
    urls = [image.text("http_path") for image in line.records("images")]
    return tuple([url for url in urls if url])


def _parse_answer(question: Record) -> Answer:
    return Answer(
        id=question.optional_id("option_id"),
        question=question.text("label"),
        answer=question.text("value"),
        raw=question.raw,
    )


def _parse_address(record: Record) -> Address:
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
