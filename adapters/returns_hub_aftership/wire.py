"""AfterShip's JSON, read into the model and written from it. The vendor's spelling stays in this file.

Source: OpenAPI of the Returns API 2026-07. Every field is optional: accounts may be pinned to older versions, and webhooks of an older
generation have one status word.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from operator import itemgetter
from typing import Any, Final

from attrs import frozen

from returns_hub import (
    Address,
    Attention,
    Customer,
    Direction,
    Disposition,
    DispositionStatus,
    Facts,
    Item,
    Label,
    LabelStatus,
    Money,
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
)
from returns_hub.wire import Record, alpha2, compound_id, fields_set, without_none
from returns_hub_aftership.statuses import OUTCOMES, UNUSED_TRACKING, joined

_STAMPS: Final = ("approved_at", "rejected_at", "resolved_at", "refunded_at", "expired_at")
_UNFINISHED: Final = frozenset({Status.REJECTED, Status.EXPIRED})


@frozen(kw_only=True)
class Reader:
    """Reads the objects of one account."""

    statuses: StatusTable
    exceptions: StatusTable
    tracking: StatusTable
    dropoffs: StatusTable

    def parse_return(self, raw: Mapping[str, Any]) -> Return:
        """A return, from the list, on its own, or from a webhook.

        Raises:
            UnexpectedReply: it has no id.
        """
        record = Record(raw)
        return_id = record.id("id")
        word = joined(record.text("approval_status"), record.text("shipping_status")) or record.text("status")
        facts, exceptions = self.statuses.look_up(word), record.texts("exceptions")
        received = _Received.read(record)
        items = tuple(self._items(record, return_id, received, exceptions))
        shipments = tuple(self._shipments(record, return_id, facts, exceptions))
        is_green = record.record("return_method").text("type") == "green_return" or (
            bool(items) and all(item.disposition is Disposition.KEEP for item in items)
        )
        status = facts.status or Status.UNKNOWN
        if status is Status.RECEIVED and received.is_graded:
            status = Status.INSPECTED
        return Return(
            provider="aftership",
            id=return_id,
            number=record.text("rma_number"),
            status=status,
            status_raw=word,
            attention=self._attention(record, facts, exceptions, shipments),
            order=_order(record.record("order")),
            customer=_customer(record),
            address=_address(record.record("shipping_address")),
            items=items,
            shipments=shipments,
            resolutions=_resolutions(record, status, exceptions),
            timeline=tuple(_timeline(record)),
            notes=tuple([Note(text=text, internal=True) for text in record.texts("merchant_note")]),
            form=record.record("return_method").text("type"),
            goods_expected=False if is_green else None,
            created_at=record.time("created_at"),
            raw=raw,
            unreadable=record.unreadable,
        )

    def _items(
        self, record: Record, return_id: str, received: "_Received", exceptions: Iterable[str]
    ) -> Iterator[Item]:
        """The items, each followed by those of the bundle that it is; what was taken out of the return is in ``raw`` only."""
        for each in record.records("return_items"):
            filed, removed = each.number("intended_return_quantity"), each.number("removed_quantity")
            if removed and filed and removed >= filed:
                continue
            item_id = each.optional_id("id") or each.optional_id("external_order_item_id")
            parent = each.optional_id("parent_item_id")
            yield self._item(
                each,
                item_id=compound_id(return_id, item_id) if item_id else None,
                alias=each.optional_id("external_order_item_id"),
                parent_id=compound_id(return_id, parent) if parent else None,
                received=received,
                exceptions=exceptions,
            )
            for child in each.records("bundled_items"):
                child_id = child.optional_id("external_id")
                yield self._item(
                    child,
                    item_id=compound_id(return_id, child_id) if child_id else None,
                    alias=child_id,
                    parent_id=compound_id(return_id, item_id) if item_id else None,
                    received=received,
                    exceptions=exceptions,
                )

    def _item(
        self,
        record: Record,
        *,
        item_id: str | None,
        alias: str | None,
        parent_id: str | None,
        received: "_Received",
        exceptions: Iterable[str],
    ) -> Item:
        disposition, disposition_status = _disposition(record, exceptions)
        return Item(
            id=item_id,
            aliases=(alias,) if alias else (),
            parent_id=parent_id,
            sku=record.text("sku"),
            product_id=record.text("external_product_id"),
            name=record.text("product_title"),
            quantity_ordered=record.number("ordered_quantity"),
            quantity=_return_quantity(record),
            quantity_received=record.number("received_quantity"),
            reason=_reason(record),
            condition=", ".join(received.grades.get(alias or "", ())) or None,
            disposition=disposition,
            disposition_status=disposition_status,
            images=record.texts("shopper_uploaded_image_urls") + record.texts("merchant_uploaded_image_urls"),
            notes=tuple([Note(text=text, internal=False) for text in record.texts("return_reason_comment")]),
            received_at=received.times.get(alias or ""),
            extra=_extra(record),
            raw=record.raw,
        )

    def _shipments(self, record: Record, return_id: str, facts: Facts, exceptions: Iterable[str]) -> Iterator[Shipment]:
        for each in record.records("shipments"):
            yield self._shipment(each, return_id, facts, exceptions)
        for dropoff in record.records("dropoffs"):
            dropoff_id = dropoff.optional_id("id")
            if dropoff_id is None:
                dropoff.note_unreadable("id")
                continue
            yield Shipment(
                id=compound_id(return_id, dropoff_id),
                number=dropoff.text("dropoff_number"),
                return_id=return_id,
                direction=Direction.INBOUND,
                status=self.dropoffs.look_up(dropoff.text("status")).shipment,
                status_raw=dropoff.text("status"),
                carrier=dropoff.text("service_provider"),
                label=_dropoff_label(dropoff),
                raw=dropoff.raw,
            )

    def _shipment(self, record: Record, return_id: str, facts: Facts, exceptions: Iterable[str]) -> Shipment:
        word = record.text("tracking_status")
        shipment_id = record.optional_id("id") or record.text("tracking_number") or "1"
        status = ShipmentStatus.PRE_TRANSIT if word is None else self.tracking.look_up(word).shipment
        changed = record.time("tracking_status_updated_at")
        label = record.record("label")
        return Shipment(
            id=compound_id(return_id, shipment_id),
            return_id=return_id,
            direction=Direction.INBOUND,
            status=status,
            status_raw=word,
            carrier=record.text("slug"),
            service=label.text("aftership_shipping_slug"),
            tracking_number=record.text("tracking_number"),
            label=_label(label, facts, word, exceptions),
            cost=_money(label.record("total_charge")),
            ship_to=_address(record.record("ship_to")),
            arrived_at=changed if status is ShipmentStatus.DELIVERED else None,
            tracking=_tracking(record, word, status),
            raw=record.raw,
        )

    def _attention(
        self, record: Record, facts: Facts, exceptions: Iterable[str], shipments: Iterable[Shipment]
    ) -> frozenset[Attention]:
        found = set(facts.attention)
        for word in exceptions:
            found |= self.exceptions.look_up(word).attention
        for shipment in shipments:
            if shipment.status_raw:
                found |= self.tracking.rows.get(shipment.status_raw, Facts()).attention
        if record.record("instant_exchange").text("status") == "failed":
            found.add(Attention.PAYMENT_DUE)
        return frozenset(found)


@frozen(kw_only=True)
class _Received:
    """What the warehouse says of an item by its shop id: when it came, and how it was graded."""

    times: Mapping[str, datetime]
    grades: Mapping[str, tuple[str, ...]]
    is_graded: bool

    @classmethod
    def read(cls, record: Record) -> "_Received":
        times: dict[str, datetime] = {}
        grades: dict[str, tuple[str, ...]] = {}
        units, graded = Decimal(0), Decimal(0)
        for receiving in record.records("receivings"):
            at = receiving.time("received_at")
            for item in receiving.records("items"):
                key = item.text("external_id") or ""
                if at is not None:
                    times.setdefault(key, at)
                units += item.number("quantity") or 0
                for grading in item.records("gradings"):
                    graded += grading.number("quantity") or 0
                    grade = grading.text("grade")
                    if grade and grade not in grades.get(key, ()):
                        grades[key] = (*grades.get(key, ()), grade)
        return cls(times=times, grades=grades, is_graded=units > 0 and graded >= units)


def open_items(raw: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What of a return has not come yet, as ``receive-items`` takes it: children stand for a bundle that was filed whole.

    Items that the customer keeps and those that were taken out are left out.
    """
    found: list[dict[str, Any]] = []
    for item in Record(raw).records("return_items"):
        filed, removed = item.number("intended_return_quantity"), item.number("removed_quantity")
        if item.flag("green_return") or (removed and filed and removed >= filed):
            continue
        children = item.records("bundled_items")
        for each, name in [(child, "external_id") for child in children] or [(item, "external_order_item_id")]:
            missing = (_return_quantity(each) or Decimal(0)) - (each.number("received_quantity") or 0)
            key = each.text(name)
            if key and missing > 0:
                found.append({"external_id": key, "quantity": int(missing)})
    return found


def build_return(new: NewReturn, *, platform: str | None, store_id: str | None) -> dict[str, Any]:
    """The body of ``POST /returns``."""
    is_credit = new.resolution is ResolutionKind.STORE_CREDIT
    store = without_none(
        platform=new.custom_fields.get("platform", platform), external_id=new.custom_fields.get("store_id", store_id)
    )
    method = new.custom_fields.get("return_method")
    return without_none(
        order={"external_id": new.custom_fields.get("order_id"), "store": store},
        return_items=[
            without_none(
                external_order_item_id=item.reference,
                intended_return_quantity=item.quantity,
                return_reason=item.reason,
                return_reason_comment=item.notes,
                resolution="refund",
            )
            for item in new.items
        ],
        return_method={"type": method} if method else None,
        refund_destination="store_credit" if is_credit else "original_payment",
    )


def unsupported_fields(new: NewReturn) -> list[str]:
    """What of a new return is set, and has no place in the body."""
    known = ("order_id", "platform", "store_id", "return_method")
    return [
        *fields_set(new, "customer_email", "customer_name", "reference", "notes", "ship_from", "label"),
        *(f"custom_fields[{name!r}]" for name in new.custom_fields if name not in known),
        *(
            f"items[{index}].{name}"
            for index, item in enumerate(new.items)
            for name in fields_set(item, "sku", "name", "weight_g", "value")
        ),
    ]


def missing_fields(new: NewReturn, *, platform: str | None, store_id: str | None) -> list[str]:
    """What the body cannot be without, and neither the new return nor the account says."""
    fields = new.custom_fields
    return [
        *([] if fields.get("order_id") else ["custom_fields['order_id']"]),
        *([] if fields.get("platform") or platform else ["the option platform"]),
        *([] if fields.get("store_id") or store_id else ["the option store_id"]),
        *([] if new.items else ["items"]),
        *(
            f"items[{index}].{name}"
            for index, item in enumerate(new.items)
            for name in ("reference", "reason")
            if not getattr(item, name)
        ),
    ]


def requested_shipment(ret: Return) -> Shipment:
    """A shipment of a return whose label was asked for, and that the vendor has not made yet: it has no id."""
    label = Label(status=LabelStatus.REQUESTED)
    return Shipment(id="", return_id=ret.id, direction=Direction.INBOUND, label=label, raw=ret.raw)


def _return_quantity(record: Record) -> Decimal | None:
    quantity = record.number("return_quantity")
    return record.number("intended_return_quantity") if quantity is None else quantity


def _reason(record: Record) -> Reason | None:
    """The merchant's texts: the reason, and behind a colon the one below it."""
    text = ": ".join(filter(None, (record.text("return_reason"), record.text("return_subreason"))))
    return Reason(text=text) if text else None


def _disposition(record: Record, exceptions: Iterable[str]) -> tuple[Disposition | None, DispositionStatus | None]:
    if record.flag("green_return"):
        return Disposition.KEEP, DispositionStatus.DONE
    restocked, received = record.number("restocked_quantity"), record.number("received_quantity")
    if restocked and restocked == received:
        return Disposition.RESTOCK, DispositionStatus.DONE
    if received and "restock_failed" in exceptions:
        return Disposition.RESTOCK, DispositionStatus.FAILED
    return None, None


def _extra(record: Record) -> dict[str, str]:
    named = without_none(
        variant=record.text("variant_title"),
        variant_id=record.text("external_variant_id"),
        refund_quantity=record.text("refund_quantity"),
        restocked_quantity=record.text("restocked_quantity"),
        removed_quantity=record.text("removed_quantity"),
    )
    properties = {
        f"property:{name}": value
        for each in record.records("properties")
        if (name := each.text("name")) and (value := each.text("value"))
    }
    return {**named, **properties}


def _label(label: Record, facts: Facts, tracking: str | None, exceptions: Iterable[str]) -> Label:
    """The label: void where an unused one expired or was voided, failed where the vendor could not make it."""
    url, qr_code_url = label.text("url"), label.text("qr_code_url")
    if facts.label is LabelStatus.VOID and tracking in UNUSED_TRACKING:
        return Label(status=LabelStatus.VOID, url=url, qr_code_url=qr_code_url, raw=label.raw)
    if url or qr_code_url:
        return Label(status=LabelStatus.READY, url=url, qr_code_url=qr_code_url, raw=label.raw)
    is_failed = "generate_label_failed" in exceptions
    return Label(status=LabelStatus.FAILED if is_failed else LabelStatus.NONE, raw=label.raw)


def _tracking(record: Record, word: str | None, status: ShipmentStatus | None) -> tuple[TrackingEvent, ...]:
    """The last word of the carrier, which is all that is told."""
    if word is None:
        return ()
    at = record.time("tracking_status_updated_at")
    fields = {name: value for name, value in record.raw.items() if name.startswith("tracking_status")}
    return (TrackingEvent(occurred_at=at, status=status or ShipmentStatus.UNKNOWN, status_raw=word, raw=fields),)


def _dropoff_label(dropoff: Record) -> Label | None:
    url = dropoff.text("qr_code_url")
    return Label(status=LabelStatus.READY, qr_code_url=url) if url else None


def _order(record: Record) -> OrderRef | None:
    number, order_id = record.text("order_name", "order_number"), record.text("external_id")
    if not (number or order_id):
        return None
    return OrderRef(number=number, id=order_id, created_at=record.time("placed_at"))


def _customer(record: Record) -> Customer | None:
    emails = record.record("order").record("customer").texts("emails")
    address = record.record("shipping_address")
    customer = Customer(
        email=record.text("contact_email") or next(iter(emails), None),
        name=address.text("contact_name"),
        phone=address.text("phone"),
    )
    return None if customer == Customer() else customer


def _address(record: Record) -> Address | None:
    address = Address(
        name=record.text("contact_name"),
        company=record.text("company_name"),
        line1=record.text("street_1"),
        line2=record.text("street_2"),
        city=record.text("city"),
        state=record.record("state").text("name"),
        postal_code=record.text("postal_code"),
        country=alpha2(record.record("country_region").text("code") or "") or None,
        phone=record.text("phone"),
        email=record.text("email"),
    )
    return None if address == Address() else address


def _money(record: Record) -> Money | None:
    amount = record.number("amount")
    return None if amount is None else Money(amount=amount, currency=record.text("currency"))


def _resolutions(record: Record, status: Status, exceptions: Iterable[str]) -> tuple[Resolution, ...]:
    """What the customer gets. ``done`` says nothing of it: the refund's own time and rows do."""
    destination = record.text("refund_destination")
    refunds = record.records("refunds")
    kinds = [OUTCOMES[word] for word in record.texts("outcomes") if word in OUTCOMES]
    if refunds and not kinds:
        kinds = [ResolutionKind.REFUND]
    if destination == "store_credit":
        kinds = [ResolutionKind.STORE_CREDIT if kind is ResolutionKind.REFUND else kind for kind in kinds]
    is_refunded = bool(refunds) or record.time("refunded_at") is not None
    is_exchanged = bool(record.record("exchange").record("order").raw)
    found: list[Resolution] = []
    for kind in dict.fromkeys(kinds):
        is_exchange = kind is ResolutionKind.EXCHANGE
        failed = ("exchange_failed", "charge_failed") if is_exchange else ("refund_failed",)
        amount = None
        if is_exchanged if is_exchange else is_refunded:
            outcome = ResolutionStatus.DONE
            amount = None if is_exchange else _money(record.record("refunded_total"))
        elif any(word in exceptions for word in failed):
            outcome = ResolutionStatus.FAILED
        else:
            outcome = ResolutionStatus.UNKNOWN if status in _UNFINISHED else ResolutionStatus.PENDING
        found.append(Resolution(kind=kind, status=outcome, amount=amount))
    return tuple(found)


def _timeline(record: Record) -> Iterator[TimelineEntry]:
    """The steps that the record has a time of, in the vendor's words, the oldest first."""
    steps = [(record.time(name), name.removesuffix("_at"), {name: record.raw.get(name)}) for name in _STAMPS]
    steps += [(each.time("received_at"), "receiving", dict(each.raw)) for each in record.records("receivings")]
    filed = record.time("created_at")
    if filed is not None:
        filing = without_none(created_at=record.raw.get("created_at"), filed_by=record.raw.get("filed_by"))
        yield TimelineEntry(occurred_at=filed, kind="filed", author=record.text("filed_by"), raw=filing)
    for at, kind, raw in sorted(((at, kind, raw) for at, kind, raw in steps if at is not None), key=itemgetter(0)):
        text = record.text("reject_reason") if kind == "rejected" else None
        yield TimelineEntry(occurred_at=at, kind=kind, text=text, raw=raw)
