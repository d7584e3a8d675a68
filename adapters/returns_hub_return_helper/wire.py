"""Return Helper's objects: read into the model, and built for its calls. The vendor's spelling stays in this file and its subjects.

Only what a record is known by is essential. Codes and identifiers come as numbers or as text, times with and without a zone (they are UTC),
countries as ISO 3166 alpha-3, weights in grams and sides in centimetres unless a unit says otherwise.
Sources: Return Helper API, List return inventories and Getting started; the shapes of everything else are those of the Return Helper legacy
documentation (see ``docs/sources.md``).
"""

import functools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final, TypeVar

from attrs import evolve, frozen

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
    Note,
    OrderRef,
    Parcel,
    Return,
    Service,
    Shipment,
    ShipmentStatus,
    UnexpectedReply,
    ValidationFailed,
)
from returns_hub.wire import Record, alpha2, alpha3, parse_one
from returns_hub_return_helper.statuses import Words

T = TypeVar("T")

PROVIDER: Final = "return_helper"
RECALL_CODE: Final = "rtn"
RESEND_CODE: Final = "rsd"
HOLD_CODE: Final = "ohd"
SPLIT_CODE: Final = "split-parcel"

_MAX_ID: Final = 2**63 - 1
_NO_URL: Final = "N/A"
_NO_SERVICE: Final = "unkwn"
_CUSTOM_FIELD_META: Final = "shipmentCustomField"
_WAREHOUSE_META: Final = "whs"
# What stands for the sender of a parcel that a warehouse announced, because nobody else did (samples of assignUnknown and of
# warehouseUpdateWarehouseRemarks).
_PLACEHOLDERS: Final = frozenset({"name", "email", "phone", "street", "city", "state", "code"})
_WEIGHTS: Final[Mapping[str | None, Decimal]] = MappingProxyType(
    {None: Decimal(1), "g": Decimal(1), "kg": Decimal(1000)}
)
# The countries for which the legacy documentation has codes of states; everywhere else the vendor wants NA.
_WITH_STATES: Final = frozenset({"usa", "can", "aus", "deu", "esp"})
_NO_STATE: Final = "NA"
_RMA: Final = re.compile(
    r"(?P<prefix>[A-Z]{1,10})-(?P<warehouse_id>\d{1,10})-(?P<day>\d{6})-(?P<environment>[A-Z])(?P<sequence>\d{1,5})"
    r"(?:-(?P<split>\d{2}))?-(?P<check>\d{1,2})",
    re.ASCII,
)


@frozen(kw_only=True)
class Rma:
    """An RMA in its parts, each as it is written: ``TWN-20-230101-D12345-36``, or after a split ``…-D12345-01-36``.

    ``day`` is ``YYMMDD``; ``environment`` the letter before the ``sequence``. ``split`` is the number of a piece, None of a
    parcel that was not split. ``check`` is not verified: how it is made is not published. An inventory's RMA can be
    swapped for another, so it is no key. Source: Getting started, "RMA"; legacy samples show one check digit and warehouses of four.
    """

    prefix: str
    warehouse_id: str
    day: str
    environment: str
    sequence: str
    split: str | None = None
    check: str

    @classmethod
    def parse(cls, text: str) -> "Rma":
        """The RMA that a text is; ``str()`` of it is the text again.

        Raises:
            ValueError: the text has neither of the two formats.
        """
        match = _RMA.fullmatch(text)
        if match is None:
            raise ValueError(
                f"{text[:60]!r} is no RMA: one looks like TWN-20-230101-D12345-36, a piece of a split like "
                "TWN-20-230101-D12345-01-36"
            )
        return cls(**match.groupdict())

    @property
    def is_split(self) -> bool:
        """True of a piece that came out of a split."""
        return self.split is not None

    @property
    def stem(self) -> str:
        """What the pieces of a split have in common with the parcel that was split."""
        return "-".join((self.prefix, self.warehouse_id, self.day, self.environment + self.sequence))

    def __str__(self) -> str:
        return "-".join((self.stem, *([] if self.split is None else [self.split]), self.check))


def find_id(record: Record, *names: str) -> str | None:
    """An identifier as text; None for none, for which the vendor also writes 0."""
    found = record.optional_id(*names)
    return None if found is None or not found.strip("0") else found


def require_id(record: Record, *names: str) -> str:
    """An identifier as text.

    Raises:
        UnexpectedReply: there is none.
    """
    found = find_id(record, *names)
    if found is None:
        raise UnexpectedReply("a record without an id", where=".".join(filter(None, (record.place, names[0]))))
    return found


def find_envelope_record(envelope: Mapping[str, Any], key: str) -> Record:
    """The object with this key: beside ``meta``, or under ``data``. Which of the two differs from call to call."""
    inner = envelope.get("data")
    return Record(inner if key not in envelope and isinstance(inner, dict) else envelope)


def require_same_id(found: str | None, wanted: str | None, *, name: str) -> None:
    """Returns if a reply is about what was asked for; one that names nothing is believed.

    Raises:
        UnexpectedReply: it is about something else.
    """
    if None not in (found, wanted) and found != wanted:
        raise UnexpectedReply("the record that came is not the one that was asked for", where=name)


def parse_money(record: Record, amount: str, currency: str) -> Money | None:
    """The amount in one field, in the currency of another; None without an amount."""
    value, unit = record.number(amount), record.text(currency)
    return None if value is None else Money(amount=value, currency=unit.upper() if unit else None)


def parse_country(record: Record, *names: str) -> str | None:
    """A country as ISO 3166 alpha-2; None for none and for one that ISO does not have."""
    name = record.text(*names)
    return alpha2(name) if name else None


def parse_parcel(record: Record, *, prefix: str = "") -> Parcel | None:
    """Weight and sides of a parcel or an inventory, the longest side first; None where there are none. A measure in a unit that is not known is left out."""
    weight_name, weight_units, side_names, side_units = _parcel_names(prefix)
    factor = _WEIGHTS.get(record.text(*weight_units))
    weight = record.number(weight_name)
    sides = [record.number(name) for name in side_names]
    if record.text(*side_units) not in (None, "cm"):
        sides = [None, None, None]
    if factor is None:
        weight = None
    if weight is None and sides == [None, None, None]:
        return None
    length, width, height = sides
    return Parcel(
        weight_g=None if weight is None or factor is None else weight * factor,
        length_cm=length,
        width_cm=width,
        height_cm=height,
    )


@functools.cache
def _parcel_names(prefix: str) -> tuple[str, tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """The fields of a weight, of its unit, of the three sides, and of their unit."""
    weight, side = (prefix + "Weight", prefix + "Dimension") if prefix else ("weight", "dimension")
    sides = (f"{side}1", f"{side}2", f"{side}3")
    return weight, (weight + "Uom", weight + "Unit"), sides, (side + "Uom", side + "Unit")


def parse_address(record: Record, *, prefix: str = "") -> Address:
    """An address in fields that all begin alike (``shipmentStreet1``), or of a warehouse; an empty one where nothing is given."""

    def read(*names: str) -> str | None:
        found = record.text(*(prefix + name if prefix else name[:1].lower() + name[1:] for name in names))
        return None if found in _PLACEHOLDERS and prefix == "shipment" else found

    return Address(
        name=read("Name", "ContactName", "FbaName"),
        company=read("CompanyName", "Company"),
        line1=read("Street1"),
        line2=read("Street2"),
        line3=read("Street3"),
        city=read("City"),
        state=read("State"),
        postal_code=read("PostalCode"),
        country=alpha2(read("CountryCode", "Country") or ""),
        phone=read("Phone"),
        # The tables of a label have a misprint.
        email=read("Email", "Eamil"),
    )


def parse_place(record: Record, *, prefix: str) -> Address | None:
    """The same, or None where no street, town or postal code is given: a country alone stands in every row of the shipment list."""
    address = parse_address(record, prefix=prefix)
    return address if any((address.line1, address.city, address.postal_code)) else None


def parse_customer(record: Record, *, prefix: str = "shipment") -> Customer | None:
    """Who sends a parcel; None where nothing is given."""
    values = {name: record.text(prefix + name.capitalize()) for name in ("email", "name", "phone")}
    known = {name: value for name, value in values.items() if value not in (None, *_PLACEHOLDERS)}
    return Customer(**known) if known else None


def parse_order(record: Record) -> OrderRef | None:
    """The order by its ``referenceNumber``, which is the ``orderNumber`` of the creation."""
    number = record.text("referenceNumber")
    return OrderRef(number=number) if number else None


def parse_images(record: Record) -> tuple[str, ...]:
    """The URLs of an ``imageUrlList`` of texts, or of an ``imageList`` of objects."""
    listed = [image.text("imageUrl") for image in record.records("imageList")]
    return record.texts("imageUrlList") or tuple([url for url in listed if url])


def parse_aliases(record: Record) -> tuple[str, ...]:
    """By what else an inventory may be named: its line item's id as it is, and ``vas:ID`` for each service on it."""
    line_item = find_id(record, "returnRequestLineItemId")
    services = [find_id(each, "returnRequestLineItemVasId") for each in (*_service_records(record), record)]
    names = [service_alias(service) for service in services if service]
    return tuple(dict.fromkeys([line_item, *names] if line_item else names))


def _service_records(record: Record) -> list[Record]:
    return record.records("returnRequestLineItemVasList")


def service_alias(service_id: str) -> str:
    """The alias of the inventory that a service is done to."""
    return f"vas:{service_id}"


def resend_alias(resend_id: str) -> str:
    """The alias of every inventory of a resend."""
    return f"resend:{resend_id}"


def recall_alias(recall_id: str) -> str:
    """The alias of every inventory of a recall."""
    return f"recall:{recall_id}"


def parse_metas(record: Record) -> dict[str, str]:
    """Numbers that were found on an inventory (EAN, IMEI, LPN), by their names; the warehouse's own come before the account's."""
    metas = [each for each in record.records("returnInventoryMetaList") if each.text("metaType") != _CUSTOM_FIELD_META]
    metas.sort(key=lambda each: each.text("metaType") == _WAREHOUSE_META)
    return {name: value for each in metas for name, value in each.text_map("metaMap").items()}


def parse_remarks(record: Record, *, of: str = "warehouse") -> tuple[Note, ...]:
    """What the warehouse says of an inventory, or of a resend or a recall that it is in. There is one remark of each, which another replaces."""
    remarks = record.text("warehouseRemarks")
    return (Note(id=of, text=remarks, author="warehouse"),) if remarks else ()


@frozen
class Parser:
    """The vendor's objects that replies and notifications have in common, read with the status tables of one account."""

    words: Words

    def label(self, record: Record) -> Label:
        """A label. A success whose ``labelUrl`` is null or ``N/A`` asserts nothing: so comes a parcel that never had one."""
        word = record.text("labelRequestStatusCode")
        status = self.words["label"].look_up(word).label or LabelStatus.UNKNOWN
        url = record.text("labelUrl")
        has_url = url is not None and url != _NO_URL
        if status is LabelStatus.READY and not has_url and "labelUrl" in record.raw:
            status, word = LabelStatus.UNKNOWN, None
        return Label(
            id=find_id(record, "labelId"),
            status=status,
            status_raw=word,
            url=url if has_url else None,
            qr_code_url=record.text("qrcodeUrl"),
            reasons=_failure_reasons(record) if status is LabelStatus.FAILED else (),
            cancel_before=record.time("cancelCutoffTime"),
            raw=record.raw,
        )

    def shipment(self, record: Record, *, return_id: str | None = None, label: Record | None = None) -> Shipment:
        """A parcel on its way to the warehouse: a row of the list, the shipment of a notification or of a return request.

        What is set for its label may stand in ``label``, or beside its own fields. One with a time of receipt has arrived.

        Raises:
            UnexpectedReply: no ``shipmentId``.
        """
        word = record.text("shipmentStatusCode")
        facts = self.words["shipment"].look_up(word)
        arrived_at = record.time("receiveDate", "receiveDateStr")
        status = facts.shipment
        if status in (None, ShipmentStatus.UNKNOWN) and arrived_at:
            status = ShipmentStatus.DELIVERED
        about_label = label or (record.record("label") if record.raw.get("label") else record)
        made = self.label(about_label) if about_label.raw.get("labelRequestStatusCode") is not None else None
        if made is None and (facts.label is not None or find_id(record, "labelId")):
            made = Label(id=find_id(record, "labelId"), status=facts.label or LabelStatus.UNKNOWN)
        return Shipment(
            id=require_id(record, "shipmentId"),
            number=record.text("shipmentNumber"),
            reference=record.text("sellerReferenceNumber"),
            return_id=return_id or find_id(record, "returnRequestId"),
            direction=Direction.INBOUND,
            status=status,
            status_raw=word,
            carrier=about_label.text("carrier"),
            service=_parse_service_code(record) or _parse_service_code(about_label),
            tracking_number=record.text("trackingNumber") or about_label.text("trackingNumber"),
            label=made,
            cost=parse_money(record, "cost", "costCurrencyCode"),
            parcel=parse_parcel(record),
            ship_to=parse_place(about_label, prefix="to"),
            warehouse_id=find_id(record, "shipToWarehouseId", "shipToWarehouse", "warehouseId"),
            arrived_at=arrived_at,
            raw=record.raw,
        )

    def inventory(self, record: Record) -> Item:
        """An inventory: what has arrived in a warehouse. Its aliases are its line item and the services on it.

        Raises:
            UnexpectedReply: no ``returnInventoryId``.
        """
        handling, progress = record.text("handlingCode"), record.text("handlingStatusCode")
        quantity = record.number("quantity")
        return Item(
            id=require_id(record, "returnInventoryId"),
            aliases=parse_aliases(record),
            sku=record.text("sku"),
            reference=record.text("sellerReferenceNumber"),
            name=record.text("description"),
            quantity=quantity,
            quantity_received=quantity,
            rma=record.text("rma", "itemRma"),
            warehouse_id=find_id(record, "warehouseId"),
            disposition=self.words["handling"].look_up(handling).disposition,
            disposition_raw=handling,
            disposition_status=self.words["handling_status"].look_up(progress).disposition_status,
            disposition_status_raw=progress,
            services=tuple([self.service(each) for each in _service_records(record)]),
            images=parse_images(record),
            notes=parse_remarks(record),
            value=parse_money(record, "value", "valueCurrencyCode"),
            measured=parse_parcel(record),
            received_at=record.time("createOn"),
            completed_at=record.time("completeOn"),
            extra=parse_metas(record),
            raw=record.raw,
        )

    def service(self, record: Record) -> Service:
        """A value-added service on an inventory. Older objects say only whether it is finished."""
        word = record.text("vasStatusCode")
        status = self.words["vas_status"].look_up(word).disposition_status
        finished = record.flag("isFinished")
        if status is None and finished is not None:
            status = DispositionStatus.DONE if finished else DispositionStatus.PENDING
        return Service(
            id=find_id(record, "returnRequestLineItemVasId"),
            code=record.text("vasCode"),
            status=status,
            status_raw=word,
            result=record.text("vasResult"),
            quantity=record.number("metaQuantity"),
            raw=record.raw,
        )

    def line_item(self, record: Record) -> Item:
        """A line of a return request, known by its line item's id until an inventory says that it has arrived."""
        return Item(
            aliases=parse_aliases(record),
            reference=record.text("sellerReferenceNumber"),
            name=record.text("description"),
            quantity=record.number("quantity"),
            rma=record.text("itemRma"),
            services=tuple([self.service(each) for each in _service_records(record)]),
            value=parse_money(record, "value", "valueCurrencyCode"),
            raw=record.raw,
        )

    def request_facts(self, record: Record) -> dict[str, Any]:
        """What a return request says of the return itself, by the names of the model. No document says what its status word means."""
        remarks = record.text("remarks")
        return {
            "number": record.text("returnRequestNumber"),
            "reference": record.text("sellerReferenceNumber"),
            "status_raw": record.text("returnStatusCode"),
            "form": record.text("returnRequestFrom"),
            "notes": (Note(id="remarks", text=remarks),) if remarks else (),
            "created_at": record.time("createOn"),
        }

    def request(self, envelope: Mapping[str, Any], *, wanted: str | None = None) -> Return:
        """A return request, with its line items and shipments. Its time of change is not the return's: a label is made without it.

        Raises:
            UnexpectedReply: no id, or that of another request than the one ``wanted``.
        """
        record = find_envelope_record(envelope, "returnRequestId")
        return_id = require_id(record, "returnRequestId")
        require_same_id(return_id, wanted, name="returnRequestId")
        shipments = [each for each in record.records("shipments") if find_id(each, "shipmentId")]
        return Return(
            provider=PROVIDER,
            id=return_id,
            order=next(filter(None, map(parse_order, shipments)), None),
            customer=next(filter(None, map(parse_customer, shipments)), None),
            address=next(filter(None, (parse_place(each, prefix="shipment") for each in shipments)), None),
            items=tuple([self.line_item(each) for each in record.records("returnRequestLineItems")]),
            shipments=tuple([self.shipment(each, return_id=return_id) for each in shipments]),
            unreadable=record.unreadable,
            raw=record.raw,
            **self.request_facts(record),
        )

    def single_inventory(
        self, envelope: Mapping[str, Any], *, wanted: str, wanted_name: str = "returnInventoryId"
    ) -> Item:
        """The inventory that a reply is about, asked for by the id ``wanted`` of the field ``wanted_name``.

        Raises:
            UnexpectedReply: no id, or another inventory.
        """
        record = find_envelope_record(envelope, "returnInventoryId")
        require_same_id(find_id(record, wanted_name), wanted, name=wanted_name)
        return evolve(self.inventory(record), unreadable=record.unreadable)

    def created(self, envelope: Mapping[str, Any]) -> Return:
        """A return that was just created, as the vendor confirms it. The label is still to be made, and comes by webhook.

        Raises:
            UnexpectedReply: no id of the return or of its shipment.
        """
        record = find_envelope_record(envelope, "returnRequestId")
        return_id = require_id(record, "returnRequestId")
        made = self.shipment(record, return_id=return_id)
        if made.label is None or made.label.status is LabelStatus.UNKNOWN:
            label = evolve(made.label or Label(), status=LabelStatus.REQUESTED)
            made = evolve(made, label=label)
        return Return(
            provider=PROVIDER,
            id=return_id,
            number=record.text("returnRequestNumber"),
            order=parse_order(record),
            shipments=(evolve(made, number=record.text("refKey")),),
            unreadable=record.unreadable,
            raw=record.raw,
        )

    def inventory_row(self, raw: Mapping[str, Any]) -> Return:
        """What one inventory says of its return (List return inventories). The time is that of the inventory: the earliest that is given.

        Raises:
            UnexpectedReply: no id of the return or of the inventory.
        """
        record = Record(raw)
        return_id, item = require_id(record, "returnRequestId"), self.inventory(record)
        return Return(
            provider=PROVIDER,
            id=return_id,
            items=(item,),
            created_at=item.received_at,
            unreadable=record.unreadable,
            raw=raw,
        )

    def shipment_row(self, raw: Mapping[str, Any]) -> Return:
        """What a row of the shipment list says of its return. The newer documentation shows ``returnRequestId`` and no more.

        Raises:
            UnexpectedReply: no id of the return.
        """
        record = Record(raw)
        return_id = require_id(record, "returnRequestId")
        has_shipment = find_id(record, "shipmentId") is not None
        return Return(
            provider=PROVIDER,
            id=return_id,
            order=parse_order(record),
            shipments=(self.shipment(record),) if has_shipment else (),
            created_at=record.time("createOn"),
            unreadable=record.unreadable,
            raw=raw,
        )

    def shipment_row_with_id(self, raw: Mapping[str, Any]) -> Return:
        """The same, of a row that names its shipment.

        Raises:
            UnexpectedReply: it does not, or not its return.
        """
        require_id(Record(raw), "shipmentId")
        return self.shipment_row(raw)

    def resend_shipments(self, records: Sequence[Record], *, resend: Record) -> tuple[Shipment, ...]:
        """The parcels in which a resend goes to a buyer: ``resend:ID``, and with further ones ``resend:ID:RESEND SHIPMENT``.

        Its identifiers are not those of the parcels that came in.

        Raises:
            UnexpectedReply: no ``resendId``.
        """
        name = resend_alias(require_id(resend, "resendId"))
        word = resend.text("resendStatusCode")
        facts = self.words["resend"].look_up(word)
        numbered = [(record, find_id(record, "resendShipmentId")) for record in records]
        return tuple(
            [
                Shipment(
                    id=name if len(records) == 1 else f"{name}:{number}",
                    number=record.text("resendShipmentNumber"),
                    direction=Direction.OUTBOUND,
                    status=facts.shipment,
                    status_raw=word,
                    service=_parse_service_code(record),
                    tracking_number=record.text("trackingNumber"),
                    label=_parse_outbound_label(facts.label, record.text("error")),
                    cost=parse_money(record, "cost", "costCurrencyCode"),
                    ship_to=parse_place(record, prefix="shipment"),
                    warehouse_id=find_id(record, "warehouseId"),
                    raw=record.raw,
                )
                for record, number in numbered
                if number is not None or len(records) == 1
            ]
        )

    def resent(self, resend: Record, item: Item) -> Item:
        """An inventory that is in a resend, which sets its handling (Getting started, Recipe 3)."""
        word = resend.text("resendStatusCode")
        return evolve(
            item,
            notes=(*item.notes, *parse_remarks(resend, of="resend")),
            aliases=(*item.aliases, resend_alias(require_id(resend, "resendId"))),
            disposition=Disposition.FORWARD,
            disposition_raw=RESEND_CODE,
            disposition_status=self.words["resend"].look_up(word).disposition_status,
            disposition_status_raw=word,
        )

    def recalled(self, record: Record) -> tuple[Item, tuple[Shipment, ...]]:
        """One of a ``recallInventoryList``: the inventory, and the parcel ``recall:RECALL INVENTORY`` it goes to the owner in.

        Raises:
            UnexpectedReply: no ``returnInventoryId``.
        """
        word = record.text("recallInventoryStatusCode")
        facts = self.words["recall_inventory"].look_up(word)
        remarks = record.text("remarks")
        item = Item(
            id=require_id(record, "returnInventoryId"),
            aliases=parse_aliases(record),
            rma=record.text("rma"),
            disposition=Disposition.RETURN_TO_OWNER,
            disposition_raw=RECALL_CODE,
            disposition_status=facts.disposition_status,
            disposition_status_raw=word,
            notes=(Note(id="recalled", text=remarks, author="warehouse"),) if remarks else (),
        )
        tracking_number = record.text("trackingNumber")
        number = find_id(record, "recallInventoryId")
        if number is None or (tracking_number is None and facts.shipment is None):
            return item, ()
        parcel = Shipment(
            id=recall_alias(number),
            number=record.text("listName"),
            # The leg from Hong Kong to the owner, beside the one from the warehouse.
            reference=record.text("courierTrackingNumber"),
            direction=Direction.OUTBOUND,
            status=facts.shipment,
            status_raw=word,
            service=_parse_service_code(record),
            tracking_number=tracking_number,
            parcel=parse_parcel(record),
            arrived_at=record.time("pickUpOn"),
            raw=record.raw,
        )
        return item, (parcel,)


def _parse_outbound_label(status: LabelStatus | None, error: str | None) -> Label | None:
    """The label of a resend's parcel; only its failure is given, as a text."""
    return Label(status=status or LabelStatus.FAILED, error=error) if status or error else None


def _failure_reasons(record: Record) -> tuple[str, ...]:
    """Why a label failed. ``error`` is opaque text; the other two are named by Getting started, Recipe 1, without a type."""
    texts = [text for name in ("error", "failReasons", "errorMessages") for text in record.texts(name)]
    return tuple(dict.fromkeys(texts))


def _parse_service_code(record: Record) -> str | None:
    """The code of a carrier's service. A number stands for one in some notifications, and no document says for which."""
    names = ("shipmentServiceType", "serviceType", "recallServiceType")
    found = next(filter(None, (record.text(name) for name in names)), None)
    return None if found is None or found == _NO_SERVICE or found.isdigit() else found


def merge_rows(rows: Iterable[Return]) -> tuple[Return, ...]:
    """One return for all rows about it, in their order; of an inventory that comes twice, the later row."""
    found: dict[str, list[Return]] = {}
    for row in rows:
        found.setdefault(row.id, []).append(row)
    return tuple(_merge_same(same) if len(same) > 1 else same[0] for same in found.values())


def _merge_same(rows: list[Return]) -> Return:
    times = [row.created_at for row in rows if row.created_at is not None]
    return evolve(
        rows[0],
        order=next((row.order for row in rows if row.order is not None), None),
        items=tuple({item.id: item for row in rows for item in row.items}.values()),
        shipments=tuple({shipment.id: shipment for row in rows for shipment in row.shipments}.values()),
        created_at=min(times, default=None),
        unreadable=tuple(dict.fromkeys(place for row in rows for place in row.unreadable)),
        raw={"data": [row.raw for row in rows]},
    )


def parse_all(data: Iterable[object], parse: Callable[[Record], T], *, where: str) -> tuple[T, ...]:
    """Every object of a list of a reply, parsed.

    Raises:
        UnexpectedReply: one is no object, or has no identity; its place is under ``where``.
    """
    return tuple(
        [parse_one(row, lambda raw: parse(Record(raw)), where=f"{where}[{index}]") for index, row in enumerate(data)]
    )


def refusal(name: str, problem: str) -> ValidationFailed:
    """The error for what the vendor would refuse in one of its fields. Nothing was sent."""
    return ValidationFailed(problem, fields={name: problem})


def required(name: str, value: str | None) -> str:
    """The text, if it is one.

    Raises:
        ValidationFailed: it is empty or missing.
    """
    if value is None or not value.strip():
        raise refusal(name, "the vendor requires it")
    return value


def long_id(name: str, value: str | None) -> int:
    """One of the vendor's numeric identifiers as it goes into a body.

    Raises:
        ValidationFailed: the text is none.
    """
    if value and value.isascii() and value.isdigit() and len(value) <= 19 and 0 < int(value) <= _MAX_ID:
        return int(value)
    raise refusal(name, "an identifier of this vendor is a whole number")


def long_ids(name: str, values: Sequence[str], *, maximum: int | None = None) -> list[int]:
    """Numeric identifiers of a batch, in their order.

    Raises:
        ValidationFailed: there are none, or more than ``maximum``, or one that comes twice or is no such identifier.
    """
    if isinstance(values, str):
        raise TypeError("a sequence of identifiers is expected, not one text")
    ids = [long_id(name, value) for value in values]
    if not ids:
        raise refusal(name, "at least one identifier is needed")
    if maximum is not None and len(ids) > maximum:
        raise refusal(name, f"at most {maximum} go into one call")
    if len(set(ids)) < len(ids):
        raise refusal(name, "an identifier comes twice")
    return ids


def country_code(country: str) -> str:
    """The country as the vendor wants it: ISO 3166 alpha-3 in lower case.

    Raises:
        ValidationFailed: ISO 3166 has no such code.
    """
    found = alpha3(country)
    if found is None:
        raise ValidationFailed("a country is not an ISO 3166 code", fields={"country": "unknown"})
    return found


def build_dimensions(parcel: Parcel) -> list[tuple[str, Decimal]]:
    """The sides of a parcel by the vendor's names, the longest first; none where none is given.

    Raises:
        ValidationFailed: some are given and some are not.
    """
    sizes = [size for size in (parcel.length_cm, parcel.width_cm, parcel.height_cm) if size is not None]
    if sizes and len(sizes) < 3:
        raise refusal("dimension1", "either all three sides of a parcel are given, or none")
    return [(f"dimension{index}", size) for index, size in enumerate(sorted(sizes, reverse=True), 1)]


def build_address(address: Address, *, prefix: str, name_key: str = "Name") -> dict[str, str]:
    """An address in fields that all begin alike: ``shipmentStreet1``; the country as alpha-3, lower case.

    A company comes after the name, a house number after the street. What is optional is sent empty: the documents
    disagree on what may be left out. A country without states of its own has the vendor's ``NA``.

    Raises:
        ValidationFailed: something that the vendor requires is missing, or no such country.
    """
    nation = country_code(required(f"{prefix}CountryCode", address.country))
    fields = {
        "CountryCode": nation,
        name_key: required(f"{prefix}{name_key}", addressee(address)),
        "Street1": required(f"{prefix}Street1", street(address)),
        "Street2": address.line2 or "",
        "Street3": address.line3 or "",
        "State": required(f"{prefix}State", state_code(address.state, country=nation)),
        "City": required(f"{prefix}City", address.city),
        "PostalCode": required(f"{prefix}PostalCode", address.postal_code),
    }
    return {f"{prefix}{key}": value for key, value in fields.items()}


def state_code(state: str | None, *, country: str) -> str | None:
    """The state as the vendor wants it in this country (its own code): ``NA`` where it knows none; None if one is missing."""
    return state or (None if country in _WITH_STATES else _NO_STATE)


def addressee(address: Address, *, otherwise: str | None = None) -> str:
    """Whom to name on a parcel: the person, or ``otherwise`` where the address names none, and after that the company."""
    person = address.name or _joined(address.first_name, address.last_name) or otherwise
    return ", ".join(filter(None, (person, address.company)))


def street(address: Address) -> str:
    """The first line of an address, and after it the house number."""
    return _joined(address.line1, address.house_number, address.house_number_addition)


def _joined(*texts: str | None) -> str:
    return " ".join(filter(None, texts))
