"""Returnless V2's JSON, read into the model. The vendor's spelling stays in this file.

Shapes are those that third parties' code has seen; every field may be null or missing, and related data stand under ``includes``.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from attrs import evolve, frozen

from returns_hub import (
    Address,
    Answer,
    Attention,
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
    ReturnKind,
    Shipment,
    ShipmentStatus,
    Status,
    StatusTable,
    TrackingEvent,
)
from returns_hub.wire import Record, alpha2

# ISO 4217: the currencies whose minor unit is not a hundredth, as far as shops use them.
_MINOR_DIGITS: Final[Mapping[str, int]] = {"JPY": 0, "KRW": 0, "ISK": 0, "CLP": 0, "BHD": 3, "KWD": 3, "JOD": 3}

LIST_INCLUDES: Final = "customer,sales_order,return_order_items,shipments"
ALL_INCLUDES: Final = (
    "customer,customer_address,form,notes,return_question_answers,return_order_items,shipments,sales_order"
)


@frozen(kw_only=True)
class Reader:
    """Reads the records of one account: ``statuses`` are its own, by id."""

    statuses: StatusTable
    states: StatusTable
    shipment_statuses: StatusTable

    def parse_return(self, raw: Mapping[str, Any]) -> Return:
        """A record, be it a request still or a return already: it has one id.

        Raises:
            UnexpectedReply: it has no id.
        """
        record = Record(raw)
        return_id = record.id("id")
        included = record.record("includes")
        state, status_id = record.text("state"), record.record("status").text("id")
        facts = self.statuses.look_up(status_id)
        shipments = tuple([self._shipment(each, return_id) for each in included.records("shipments")])
        customer, address = included.record("customer"), included.record("customer_address")
        order = included.record("sales_order")
        return Return(
            provider="returnless_v2",
            id=return_id,
            number=record.text("return_number"),
            kind=ReturnKind.CUSTOMER,
            status=self._status(record, state, facts),
            status_raw=status_id,
            attention=facts.attention | self._attention(shipments),
            order=_order(order, record),
            customer=_customer(customer, address),
            address=_address(address, customer),
            items=tuple([_item(each) for each in included.records("return_order_items")]),
            shipments=shipments,
            resolutions=_resolutions(facts),
            answers=tuple(_answers(included)),
            notes=tuple(_notes(included)),
            form=included.record("form").text("name", "title", "id"),
            goods_expected=facts.goods_expected,
            created_at=record.time("created_at"),
            updated_at=record.time("updated_at"),
            raw=raw,
            unreadable=record.unreadable,
        )

    def _status(self, record: Record, state: str | None, facts: Facts) -> Status:
        """The shop's own meaning of the status; else the end, where there is one; else the state, which is a fact."""
        if facts.status is not None:
            return facts.status
        known = self.states.look_up(state).status or Status.UNKNOWN
        is_final = known is not Status.UNKNOWN and record.time("finalized_at") is not None
        return Status.CLOSED if is_final else known

    def parse_shipment(self, raw: Mapping[str, Any]) -> Shipment:
        """A shipment of its own.

        Raises:
            UnexpectedReply: it has no id.
        """
        return self._shipment(Record(raw), None)

    def _shipment(self, record: Record, return_id: str | None) -> Shipment:
        word = (
            record.record("status").text("id") if isinstance(record.raw.get("status"), dict) else record.text("status")
        )
        facts = self.shipment_statuses.look_up(word)
        return Shipment(
            id=record.id("id"),
            return_id=record.optional_id("return_order_id") or return_id,
            direction=Direction.INBOUND,
            status=facts.shipment,
            status_raw=word,
            status_text=_text(record, "status", "label"),
            carrier=record.text("carrier_name"),
            service=_text(record, "shipping_method", "name") or record.text("shipping_method_id"),
            tracking_number=record.text("tracking_number", "tracking_code"),
            tracking_url=record.text("tracking_url"),
            label=_label(record, facts),
            cost=_price(record, "cost_price"),
            ship_to=_address(record.record("includes").record("return_address"), Record({})),
            raw=record.raw,
            unreadable=record.unreadable if not record.place else (),
        )

    def _attention(self, shipments: tuple[Shipment, ...]) -> frozenset[Attention]:
        found = [self.shipment_statuses.look_up(shipment.status_raw).attention for shipment in shipments]
        return frozenset().union(*found)

    def parse_scan(self, raw: Mapping[str, Any]) -> TrackingEvent:
        """A row of a shipment's statuses, each a status with a time."""
        record = Record(raw)
        word = record.text("status") if isinstance(raw.get("status"), str) else record.record("status").text("id")
        word = word or record.text("id")
        return TrackingEvent(
            occurred_at=record.time("created_at"),
            status=self.shipment_statuses.look_up(word).shipment or ShipmentStatus.UNKNOWN,
            status_raw=word,
            text=record.text("message", "label") or record.record("status").text("label"),
            raw=raw,
        )


def state_of(raw: Mapping[str, Any]) -> str | None:
    """Whether the record is a ``request`` or a ``return``."""
    return Record(raw).text("state")


def status_id_of(raw: Mapping[str, Any]) -> str | None:
    """The id of the record's status."""
    return Record(raw).record("status").text("id")


def is_test(raw: Mapping[str, Any]) -> bool:
    """True of the record of a form in test mode."""
    return Record(raw).flag("is_test_record") is True


def return_id_of(raw: Mapping[str, Any]) -> str | None:
    """The return that a shipment belongs to."""
    return Record(raw).optional_id("return_order_id")


def labels(payload: object) -> dict[str, str]:
    """The label of each status of a list, by its id."""
    rows = Record(payload if isinstance(payload, dict) else {}).records("data")
    return {status_id: each.text("label") or "" for each in rows if (status_id := each.optional_id("id"))}


def parse_note(raw: Mapping[str, Any], *, text: str, internal: bool) -> Note:
    """The note that was just added, of whose reply only the envelope is known."""
    record = Record(raw)
    return Note(
        text=record.text("note") or text,
        id=record.optional_id("id"),
        internal=internal,
        created_at=record.time("created_at"),
        raw=raw,
    )


def _text(record: Record, name: str, inner: str) -> str | None:
    return record.record(name).text(inner) if isinstance(record.raw.get(name), dict) else None


def _order(order: Record, record: Record) -> OrderRef | None:
    number, order_id = order.text("order_number"), order.text("external_id")
    if not (number or order_id):
        return None
    return OrderRef(number=number, id=order_id, created_at=order.time("order_date") or record.time("order_date"))


def _customer(customer: Record, address: Record) -> Customer | None:
    found = Customer(
        email=customer.text("email"),
        name=customer.text("name"),
        phone=address.text("telephone"),
        id=customer.optional_id("id"),
    )
    return None if found == Customer() else found


def _address(record: Record, customer: Record) -> Address | None:
    address = Address(
        line1=record.text("street"),
        house_number=record.text("house_number"),
        house_number_addition=record.text("suffix"),
        city=record.text("city"),
        postal_code=record.text("postal_code"),
        country=alpha2(record.record("country").text("iso_code") or ""),
        phone=record.text("telephone"),
    )
    if address == Address():
        return None
    return evolve(address, name=record.text("name") or customer.text("name"))


def _item(record: Record) -> Item:
    product = record.record("product")
    reason = record.record("return_reason")
    code, text = reason.text("system_name", "id"), reason.text("label")
    return Item(
        id=record.optional_id("id"),
        sku=product.text("sku"),
        barcode=product.text("barcode"),
        product_id=product.optional_id("id"),
        name=product.text("name"),
        quantity=record.number("quantity"),
        reason=Reason(code=code, text=text) if code or text else None,
        images=tuple(
            [
                path
                for answer in record.records("answers")
                for each in answer.records("attachments")
                if (path := each.text("path"))
            ]
        ),
        raw=record.raw,
    )


def _answers(included: Record) -> Iterator[Answer]:
    found = [*included.records("answers", "return_question_answers")]
    found += [answer for item in included.records("return_order_items") for answer in item.records("answers")]
    for each in found:
        answer = each.record("option").text("answer") or each.text("answer")
        question = _text(each, "question", "label") or each.text("question")
        if question or answer:
            yield Answer(id=each.optional_id("id"), question=question, answer=answer, raw=each.raw)


def _notes(included: Record) -> Iterator[Note]:
    for each in included.records("notes"):
        text = each.text("note")
        if text:
            yield Note(
                text=text,
                id=each.optional_id("id"),
                author=each.record("creator").text("id"),
                created_at=each.time("created_at"),
                raw=each.raw,
            )


def _label(record: Record, facts: Facts) -> Label | None:
    """A label, where the status says something of one or an address is there; only https can be one."""
    url = record.text("label_url") or (record.text("label") if isinstance(record.raw.get("label"), str) else None)
    url = url if url and url.startswith("https://") else None
    status = facts.label or (LabelStatus.READY if url else None)
    return None if status is None else Label(status=status, url=url)


def _price(record: Record, name: str) -> Money | None:
    """An amount with its currency beside it, in minor units; without a currency there is none."""
    value = record.raw.get(name)
    details = record.record(name) if isinstance(value, dict) else record.record(f"{name}_details")
    amount, currency = details.whole("amount"), details.text("unit")
    if amount is None or currency is None:
        return None
    return Money(amount=Decimal(amount).scaleb(-_MINOR_DIGITS.get(currency, 2)), currency=currency)


def _resolutions(facts: Facts) -> tuple[Resolution, ...]:
    if facts.resolution is None:
        return ()
    return (Resolution(kind=facts.resolution, status=facts.resolution_status or ResolutionStatus.UNKNOWN),)
