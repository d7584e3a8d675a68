"""Redo's JSON, read into the model and written from it. The vendor's spelling stays in this file.

Source: OpenAPI schema of Redo's API v2.2. Orders come beside the returns and are joined by Redo's own id of the order.
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from attrs import evolve, frozen

from returns_hub import (
    Address,
    Answer,
    Attention,
    Customer,
    Direction,
    Disposition,
    Facts,
    Item,
    ItemInstruction,
    Label,
    LabelStatus,
    Money,
    NewItem,
    NewReturn,
    Note,
    OrderRef,
    Reason,
    Resolution,
    ResolutionKind,
    ResolutionStatus,
    Return,
    ReturnKind,
    Shipment,
    ShipmentStatus,
    Status,
    StatusTable,
    TrackingEvent,
)
from returns_hub.wire import Record, compound_id, fields_set, parse_id, shipment_ids, without_none
from returns_hub_redo.statuses import (
    COMPENSATION_METHODS,
    FLAGS,
    KINDS,
    MOVING,
    OUTCOMES,
    REFUND_TYPES,
)

RETURN_ID: Final = "return_id"
"""Where an item's ``extra`` keeps the id of its return, which ``process`` needs."""

_TOTALS: Final[Mapping[ResolutionKind, str]] = {
    ResolutionKind.REFUND: "refund",
    ResolutionKind.STORE_CREDIT: "storeCredit",
    ResolutionKind.EXCHANGE: "exchange",
}
_ADDRESS_FIELDS: Final = ("line1", "city", "state", "postal_code", "country")


@frozen(kw_only=True)
class Reader:
    """Reads the objects of one account."""

    statuses: StatusTable
    shipment_statuses: StatusTable

    def parse_return(self, raw: Mapping[str, Any], order: Mapping[str, Any] | None = None) -> Return:
        """A return, with the order that came beside it.

        Raises:
            UnexpectedReply: it has no id.
        """
        record = Record(raw)
        joined = Record({} if order is None else order)
        return_id, word = record.id("id"), record.text("status")
        facts = self.statuses.look_up(word)
        shipments = tuple(self._shipments(record, return_id))
        lines = {line.text("id"): line for line in joined.records("items")}
        items = tuple([self._item(item, return_id, lines, facts) for item in record.records("items")])
        source, named = record.record("source"), record.record("order")
        order_number = named.text("name") or joined.text("name")
        order_id = next(iter(record.texts("externalOrderIds", "shopifyOrderIds")), None) or joined.text("externalId")
        reference = next((each.text("value") for each in record.records("externalReturnIds")), None)
        return Return(
            provider="redo",
            id=return_id,
            kind=KINDS.get(record.text("type") or "", ReturnKind.UNKNOWN),
            status=_status(word, facts, shipments),
            status_raw=word,
            attention=facts.attention | self._attention(shipments),
            order=OrderRef(number=order_number, id=order_id) if order_number or order_id else None,
            customer=_customer(source),
            address=_address(source),
            items=items,
            shipments=shipments,
            resolutions=_resolutions(record, facts, items),
            answers=tuple(_answers(record)),
            attachments=tuple([url for note in record.records("notes") if (url := note.text("image"))]),
            notes=tuple(_notes(record)),
            reference=reference,
            goods_expected=False if items and all(item.disposition is Disposition.KEEP for item in items) else None,
            custom_fields=_custom_fields(record),
            created_at=record.time("createdAt"),
            updated_at=record.time("updatedAt"),
            raw=raw,
            unreadable=record.unreadable,
        )

    def _item(self, record: Record, return_id: str, lines: Mapping[str | None, Record], facts: Facts) -> Item:
        ordered = record.record("orderItem")
        line = lines.get(ordered.text("id"), Record({})) if ordered.text("id") else Record({})
        is_green, outcome = record.flag("greenReturn"), record.text("outcome")
        return Item(
            id=record.optional_id("id"),
            sku=record.text("sku") or line.text("sku"),
            barcode=record.text("upc"),
            product_id=record.text("productId"),
            reference=ordered.text("line_item_id"),
            name=line.text("name", "title"),
            quantity=record.number("quantity"),
            reason=_reason(record),
            condition=record.text("grade"),
            disposition=Disposition.KEEP if is_green else _disposition(outcome),
            disposition_raw=outcome,
            resolutions=_item_resolutions(record, facts),
            notes=tuple([Note(text=text, internal=False) for text in record.texts("customerComment")]),
            value=_money(record.record("refund").record("amount")),
            extra=without_none(
                **{RETURN_ID: return_id}, status=record.text("status"), variant_id=record.text("variantId")
            ),
            raw=record.raw,
        )

    def _shipments(self, record: Record, return_id: str) -> Iterator[Shipment]:
        """The shipments, then the drop-offs that no shipment belongs to.

        ``shipment`` is the first of ``shipments``, which is right where the two differ.
        """
        dropoffs = {each.text("shipmentGroupId"): each for each in record.records("dropoffs")}
        listed = record.records("shipments") or record.records("shipment")
        groups = [each.text("shipmentGroupId") for each in listed]
        # Redo gives shipments no id.
        ids = shipment_ids(return_id, zip(groups, [each.text("tracker") for each in listed], strict=True))
        for each, group, shipment_id in zip(listed, groups, ids, strict=True):
            yield self._shipment(each, shipment_id, return_id, dropoffs.get(group))
        for group, dropoff in dropoffs.items():
            if group is not None and group not in groups:
                yield Shipment(
                    id=compound_id(return_id, group),
                    return_id=return_id,
                    direction=Direction.INBOUND,
                    status=ShipmentStatus.UNKNOWN,
                    carrier=dropoff.text("provider"),
                    label=_qr_code(dropoff),
                    raw=dropoff.raw,
                )

    def _shipment(self, record: Record, shipment_id: str, return_id: str, dropoff: Record | None) -> Shipment:
        word, url = record.text("status"), record.text("postageLabel")
        if url:
            label = Label(status=LabelStatus.READY, url=url)
        else:
            label = Label(status=LabelStatus.NONE) if dropoff is None else _qr_code(dropoff)
        return Shipment(
            id=shipment_id,
            return_id=return_id,
            direction=Direction.INBOUND,
            status=self.shipment_statuses.look_up(word).shipment,
            status_raw=word,
            carrier=record.text("carrier"),
            tracking_number=record.text("tracker"),
            tracking_url=record.text("trackingUrl"),
            label=label,
            warehouse_id=record.text("externalLocationId"),
            arrived_at=record.time("deliveredAt"),
            raw=record.raw,
        )

    def _attention(self, shipments: Iterable[Shipment]) -> frozenset[Attention]:
        found = [self.shipment_statuses.look_up(shipment.status_raw).attention for shipment in shipments]
        return frozenset().union(*found)


def orders_by_id(orders: Iterable[Mapping[str, Any]]) -> Mapping[str, Mapping[str, Any]]:
    """The orders that came beside a page of returns; several returns may have the same."""
    return {order_id: order for order in orders if (order_id := parse_id(order.get("id")))}


def joined_order(raw: Mapping[str, Any], orders: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The order of a return."""
    named = raw.get("order")
    order_id = parse_id(named.get("id")) if isinstance(named, dict) else None
    return orders.get(order_id or "")


def scans(shipment: Shipment) -> tuple[TrackingEvent, ...]:
    """What a shipment says of its way: its status, and when it arrived. Redo gives no scans."""
    if shipment.status_raw is None:
        return ()
    return (
        TrackingEvent(
            occurred_at=shipment.arrived_at,
            status=shipment.status or ShipmentStatus.UNKNOWN,
            status_raw=shipment.status_raw,
            raw=shipment.raw,
        ),
    )


def build_return(new: NewReturn) -> dict[str, Any]:
    """The body of ``POST /stores/{store}/returns``."""
    address = new.ship_from or Address()
    compensation = "store_credit" if new.resolution is ResolutionKind.STORE_CREDIT else "refund"
    return {
        "data": without_none(
            provider=new.custom_fields.get("provider", "shopify"),
            externalOrderId=new.custom_fields.get("order_id"),
            items=[_build_item(item, compensation) for item in new.items],
            shippingAddress=without_none(
                line1=address.line1,
                line2=address.line2,
                city=address.city,
                state=address.state,
                postalCode=address.postal_code,
                country=address.country,
            ),
            notes=new.notes,
        ),
        "options": {"createExternalRMAs": False},
    }


def _build_item(item: NewItem, compensation: str) -> dict[str, Any]:
    return without_none(
        lineItemId=item.reference,
        quantity=item.quantity,
        reason=item.reason,
        compensation=compensation,
        notes=item.notes,
    )


def unsupported_fields(new: NewReturn) -> list[str]:
    """What of a new return is set, and has no place in the body."""
    return [
        *fields_set(new, "customer_email", "customer_name", "reference", "label"),
        *(f"custom_fields[{name!r}]" for name in new.custom_fields if name not in ("order_id", "provider")),
        *(
            f"items[{index}].{name}"
            for index, item in enumerate(new.items)
            for name in fields_set(item, "sku", "name", "weight_g", "value")
        ),
    ]


def missing_fields(new: NewReturn) -> list[str]:
    """What the body cannot be without, and the new return does not say."""
    address = new.ship_from or Address()
    return [
        *([] if new.custom_fields.get("order_id") else ["custom_fields['order_id']"]),
        *([] if new.items else ["items"]),
        *(
            f"items[{index}].{name}"
            for index, item in enumerate(new.items)
            for name in ("reference", "reason")
            if not getattr(item, name)
        ),
        *(f"ship_from.{name}" for name in _ADDRESS_FIELDS if not getattr(address, name)),
    ]


def build_process(items: Iterable[Item], instruction: ItemInstruction) -> dict[str, Any]:
    """The body of ``POST /returns/{id}/process`` for items that are restocked or disposed of."""
    restock = instruction.disposition is Disposition.RESTOCK
    products = [{"_id": item.id, "processInput": {"restock": restock, "newMerchantAdjustment": None}} for item in items]
    return without_none(products=products, customerNotes=instruction.notes)


def parse_comment(payload: object, text: str) -> Note:
    """The comment that was just added: Redo gives it neither an id nor a time, and shows it to the team alone."""
    comment = payload.get("comment") if isinstance(payload, dict) else None
    raw = comment if isinstance(comment, dict) else {}
    return Note(text=Record(raw).text("message") or text, internal=True, raw=raw)


def with_items(ret: Return, ids: Iterable[str | None]) -> tuple[Item, ...]:
    """The items of a return that have one of these ids."""
    wanted = set(ids)
    return tuple([item for item in ret.items if item.id in wanted])


def _status(word: str | None, facts: Facts, shipments: Iterable[Shipment]) -> Status:
    if word in FLAGS:
        if any(shipment.status in MOVING for shipment in shipments):
            return Status.IN_TRANSIT
        return Status.READY_TO_SHIP if any(map(_is_prepared, shipments)) else Status.APPROVED
    if facts.status is Status.APPROVED and any(map(_is_prepared, shipments)):
        return Status.READY_TO_SHIP
    return facts.status or Status.UNKNOWN


def _is_prepared(shipment: Shipment) -> bool:
    """True of a shipment that can be sent: a label, a drop-off's QR code or a tracking number is there."""
    has_label = shipment.label is not None and shipment.label.status is LabelStatus.READY
    return has_label or shipment.tracking_number is not None


def _resolutions(record: Record, facts: Facts, items: Iterable[Item]) -> tuple[Resolution, ...]:
    """What the customer gets of the whole return. A kind whose total is zero is none of it."""
    kinds = [resolution.kind for item in items for resolution in item.resolutions]
    if record.record("exchange").records("items"):
        kinds.append(ResolutionKind.EXCHANGE)
    is_exchanged = ResolutionKind.EXCHANGE in kinds
    kinds += [
        COMPENSATION_METHODS[word] for word in record.texts("compensationMethods") if word in COMPENSATION_METHODS
    ]
    has_gift_card = bool(record.records("giftCards"))
    if has_gift_card:
        kinds.append(ResolutionKind.STORE_CREDIT)
    totals = record.record("totals")
    found: list[Resolution] = []
    for kind in dict.fromkeys(kinds):
        total = _money(totals.record(_TOTALS[kind]).record("amount")) if kind in _TOTALS else None
        # An exchange for goods of the same value is one all the same.
        if total is not None and total.amount == 0 and not (is_exchanged and kind is ResolutionKind.EXCHANGE):
            continue
        is_credited = has_gift_card and kind is ResolutionKind.STORE_CREDIT
        status = ResolutionStatus.DONE if is_credited else _resolution_status(facts, items)
        found.append(Resolution(kind=kind, status=status, amount=total))
    if not found and facts.status is Status.CLOSED and record.flag("completeWithNoAction"):
        return (Resolution(kind=ResolutionKind.NONE, status=ResolutionStatus.DONE),)
    return tuple(found)


def _resolution_status(facts: Facts, items: Iterable[Item]) -> ResolutionStatus:
    items = tuple(items)
    if facts.status is not Status.CLOSED:
        return ResolutionStatus.PENDING
    are_rejected = bool(items) and all(item.extra.get("status") == "rejected" for item in items)
    return ResolutionStatus.DENIED if are_rejected else ResolutionStatus.DONE


def _item_resolutions(record: Record, facts: Facts) -> tuple[Resolution, ...]:
    """What the customer gets for one item: the exchange where there is one, whatever stands beside it as a refund."""
    refund = record.record("refund")
    word = refund.text("type")
    if record.raw.get("exchangeItem"):
        kind, amount = ResolutionKind.EXCHANGE, None
    elif word:
        kind, amount = REFUND_TYPES.get(word, ResolutionKind.UNKNOWN), _money(refund.record("amount"))
    else:
        return ()
    if record.text("status") == "rejected":
        status = ResolutionStatus.DENIED
    else:
        status = ResolutionStatus.DONE if facts.status is Status.CLOSED else ResolutionStatus.PENDING
    return (Resolution(kind=kind, status=status, amount=amount),)


def _disposition(outcome: str | None) -> Disposition | None:
    return OUTCOMES.get(outcome, Disposition.OTHER) if outcome else None


def _reason(record: Record) -> Reason | None:
    code = record.text("reasonCode") or next(iter(record.texts("reasonCodes")), None)
    text = record.text("reason") or next(iter(record.texts("reasons")), None)
    return Reason(code=code, text=text) if code or text else None


def _qr_code(dropoff: Record) -> Label:
    url = dropoff.text("qrCodeUrl")
    return Label(status=LabelStatus.READY if url or dropoff.text("qrCode") else LabelStatus.NONE, qr_code_url=url)


def _money(record: Record) -> Money | None:
    amount: Decimal | None = record.number("amount")
    return None if amount is None else Money(amount=amount, currency=record.text("currency"))


def _customer(source: Record) -> Customer | None:
    customer = Customer(email=source.text("emailAddress"), name=_name(source), phone=_phone(source))
    return None if customer == Customer() else customer


def _name(source: Record) -> str | None:
    """The name; older samples spell its parts ``first`` and ``last``."""
    if isinstance(source.raw.get("name"), str):
        return source.text("name")
    name = source.record("name")
    return " ".join(filter(None, (name.text("given", "first"), name.text("surname", "last")))) or None


def _phone(source: Record) -> str | None:
    if isinstance(source.raw.get("phoneNumber"), dict):
        return source.record("phoneNumber").text("number")
    return source.text("phoneNumber")


def _address(source: Record) -> Address | None:
    mailing = source.record("mailingAddress")
    address = Address(
        line1=mailing.text("line1"),
        line2=mailing.text("line2"),
        city=mailing.text("city"),
        state=mailing.text("state", "province"),
        postal_code=mailing.text("postalCode"),
        country=mailing.text("country"),
    )
    if address == Address():
        return None
    return evolve(address, name=_name(source), phone=_phone(source), email=source.text("emailAddress"))


def _custom_fields(record: Record) -> dict[str, str]:
    """The tags; and that it is a claim for damage or loss, for which no goods may come."""
    tags = ", ".join(record.texts("tags"))
    return without_none(redo_type="claim" if record.text("type") == "claim" else None, tags=tags or None)


def _answers(record: Record) -> Iterator[Answer]:
    for item in record.records("items"):
        for each in item.records("multipleChoiceQuestions"):
            question, answer = each.text("question"), each.text("answer")
            if question or answer:
                yield Answer(id=each.text("id"), question=question, answer=answer, raw=each.raw)


def _notes(record: Record) -> Iterator[Note]:
    for each in record.records("notes"):
        text = each.text("message")
        if text:
            yield Note(text=text, internal=True, raw=each.raw)
