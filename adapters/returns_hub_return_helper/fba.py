"""Return Helper's FBA family: parcels of Amazon removal orders, what is in stock of them, and what is to be done with it.

Sources: the newer documentation for the creations, the single shipment, the replenishment and its shipping data; the older
one (last changed 2025-11-17) for the rest, which the getting-started guide (Return Helper API, Getting started) names. What a reply leaves out is
None; a value of another type is an ``UnexpectedReply`` that names its place.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, TypeVar

from attrs import field, frozen

from returns_hub import Address, Disposition, DispositionStatus, Operation, Page, Request, ShipmentStatus
from returns_hub_return_helper.lookups import (
    build_address,
    count,
    flag,
    long_id,
    objects,
    parse_address,
    refusal,
    required,
    word,
)
from returns_hub_return_helper.parts import identifier, moment, number, optional_identifier, parts
from returns_hub_return_helper.protocol import ReturnHelperProtocol, record, rows
from returns_hub_return_helper.statuses import Words
from returns_hub_return_helper.warehouse import UploadedFile
from returns_hub_return_helper.wire import MAX_PAGE_SIZE, parse_rows, windows

T = TypeVar("T")

_GUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_CURSOR: Final = re.compile(r"(\d{1,5})/(\d{1,9})", re.ASCII)
_MAX_TEXT: Final = 50


class FbaKind(StrEnum):
    """What an FBA instruction is for: the vendor has a detail of its own for each."""

    DISPOSE = "dispose"
    OTHERS = "others"
    RECALL = "recall"
    REPLENISH = "replenish"
    RESTOCK = "restock"


@frozen(kw_only=True)
class NewFbaShipment:
    """A parcel of a removal order, announced: one for each tracking number."""

    tracking_number: str
    removal_order_id: str
    warehouse_id: str


@frozen(kw_only=True)
class FbaShipment:
    """A parcel of a removal order. Weight and sides, the longest first, are in the units that stand beside them."""

    id: str
    warehouse_id: str | None = None
    status: ShipmentStatus | None = None
    status_raw: str | None = None
    removal_order_id: str | None = None
    tracking_number: str | None = None
    rma: str | None = None
    weight: Decimal | None = None
    weight_unit: str | None = None
    dimensions: tuple[Decimal, ...] = ()
    dimension_unit: str | None = None
    arrived_at: datetime | None = None
    created_at: datetime | None = None
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)


@frozen(kw_only=True)
class FbaShipmentItem:
    """What one parcel brought of one FNSKU, and how much of it is still free to be used."""

    id: str
    shipment_id: str | None = None
    fnsku: str | None = None
    quantity: Decimal | None = None
    available: Decimal | None = None
    last_putaway_at: datetime | None = None
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)


@frozen(kw_only=True)
class FbaStock:
    """What a warehouse has of one FNSKU; ``reference`` and ``remark`` are the account's own."""

    id: str | None = None
    warehouse_id: str | None = None
    fnsku: str | None = None
    quantity: Decimal | None = None
    available: Decimal | None = None
    reference: str | None = None
    remark: str | None = None
    last_putaway_at: datetime | None = None
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)


@frozen(kw_only=True)
class FbaLine:
    """So many pieces of an FNSKU in a warehouse, for an instruction."""

    fnsku: str
    warehouse_id: str
    quantity: int


@frozen(kw_only=True)
class FbaInstruction:
    """What a warehouse is to do with FBA stock. A replenishment, which goes to Amazon, has the disposition ``forward``."""

    id: str
    number: str | None = None
    disposition: Disposition | None = None
    disposition_raw: str | None = None
    status: DispositionStatus | None = None
    status_raw: str | None = None
    quantity: Decimal | None = None
    warehouse_id: str | None = None
    cancel_remarks: str | None = None
    created_at: datetime | None = None
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)


@frozen(kw_only=True)
class FbaInstructionItem:
    """The part of an instruction that one parcel's item is to give. ``new_fnsku`` is told of replenishments."""

    id: str
    instruction_id: str | None = None
    shipment_item_id: str | None = None
    quantity: Decimal | None = None
    fnsku: str | None = None
    new_fnsku: str | None = None
    tracking_number: str | None = None
    rma: str | None = None
    arrived_at: datetime | None = None
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)


@frozen(kw_only=True)
class FbaReplenishment:
    """Where a replenishment goes. The words of ``status_raw`` are not documented.

    ``provide_label``: the account brings its own label, the file ``filename``.
    """

    status_raw: str | None = None
    shipment_number: str | None = None
    reference_id: str | None = None
    address: Address | None = None
    weight: Decimal | None = None
    weight_unit: str | None = None
    dimensions: tuple[Decimal, ...] = ()
    dimension_unit: str | None = None
    shipped_at: datetime | None = None
    provide_label: bool | None = None
    filename: str | None = None
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)


@frozen(kw_only=True)
class FbaInstructionDetail:
    """An instruction with its items and what only its kind has.

    ``detail_id`` is the vendor's id of the detail. ``return_inventory_id`` is told of a restock: the stock has become
    that return inventory. ``recall_tracking_number`` is told of a recall, ``warehouse_remarks`` of others.
    """

    kind: FbaKind
    instruction: FbaInstruction
    detail_id: str | None = None
    items: tuple[FbaInstructionItem, ...] = ()
    warehouse_remarks: str | None = None
    recall_tracking_number: str | None = None
    return_inventory_id: str | None = None
    replenishment: FbaReplenishment | None = None
    modified_at: datetime | None = None
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)


@frozen(kw_only=True)
class FbaCalls(ReturnHelperProtocol):
    """The calls about Amazon's removal orders. The getting-started guide (Return Helper API, Getting started) has the order in which they are made."""

    def fba_create_shipments(self, wanted: Sequence[NewFbaShipment]) -> Operation[tuple[FbaShipment, ...]]:
        """Announce the parcels of removal orders; neither a label nor a pick-up comes of it.

        Raises:
            ValidationFailed: none, a tracking number twice, a removal order to two warehouses, or a text the vendor would
                not take, and nothing was sent; or the vendor's own refusal.
            Conflict: a tracking number is in use by another parcel (``TRACKING_ALREADY_EXIST``).
        """
        entries = [
            {
                "trackingNumber": _line("trackingNumber", each.tracking_number),
                "removalOrderId": _line("removalOrderId", each.removal_order_id),
                "warehouseId": long_id("warehouseId", each.warehouse_id),
            }
            for each in wanted
        ]
        if not entries:
            raise refusal("createFbaShipmentPayloadList", "at least one parcel is needed")
        if len({entry["trackingNumber"] for entry in entries}) < len(entries):
            raise refusal("trackingNumber", "a tracking number comes twice")
        if len({(entry["removalOrderId"], entry["warehouseId"]) for entry in entries}) > len(
            {entry["removalOrderId"] for entry in entries}
        ):
            raise refusal("warehouseId", "a removal order goes to one warehouse")
        envelope = yield from self.write("/Fba/FbaShipment/create", {"createFbaShipmentPayloadList": entries})
        return tuple([_shipment(self._words, raw) for raw in objects(envelope, "data")])

    def fba_shipment(self, shipment_id: str) -> Operation[FbaShipment]:
        """One parcel, by GET as the newer documentation has it, and by POST as the older one where that is refused with 405."""
        query = [("fbaShipmentId", _guid("fbaShipmentId", shipment_id))]
        return _shipment(self._words, (yield from self._get_or_post("/Fba/FbaShipment/get", query, refused=(405,))))

    def fba_shipments(
        self, first_day: date, last_day: date, cursor: str | None = None, *, page_size: int = MAX_PAGE_SIZE
    ) -> Operation[Page[FbaShipment]]:
        """One page of the parcels announced from one day to another, both included, in UTC; the newest days first.

        Older documentation. Longer times are asked for in the windows of the inventory list, 63 days; none is documented.
        ``cursor`` is the ``next`` of the page before, for the same days.
        """
        return (
            yield from self._page("/Fba/FbaShipment/list", first_day, last_day, cursor, size=page_size, parse=_shipment)
        )

    def fba_shipment_items(self, shipment_id: str) -> Operation[tuple[FbaShipmentItem, ...]]:
        """What one parcel brought, by FNSKU (older documentation)."""
        query = [("fbaShipmentId", _guid("fbaShipmentId", shipment_id))]
        envelope = yield from self.read("/Fba/FbaShipmentItem/getFbaShipmentItemList", query)
        return tuple([_shipment_item(raw) for raw in objects(envelope, "data")])

    def fba_stock(self, fnsku: str) -> Operation[tuple[FbaStock, ...]]:
        """What each warehouse has of an FNSKU (older documentation)."""
        query = [("fnsku", required("fnsku", fnsku))]
        envelope = yield from self.read("/Fba/FbaWarehouseInventory/getFbaWarehouseInventoryList", query)
        return tuple([_stock(raw) for raw in objects(envelope, "data")])

    def fba_assign_reference(self, warehouse_id: str, fnsku: str, reference: str) -> Operation[FbaStock]:
        """Give an FNSKU in a warehouse a reference of the account's own (older documentation).

        Documented as a GET, although it writes; sent as a POST where that is refused with 405. It may be sent again after a
        failure: setting the same twice does no harm.
        """
        return (yield from self._set("assignReferenceNumber", warehouse_id, fnsku, ("referenceNumber", reference)))

    def fba_update_remark(self, warehouse_id: str, fnsku: str, remark: str) -> Operation[FbaStock]:
        """Set the remark on an FNSKU in a warehouse (older documentation). A GET that writes, as ``fba_assign_reference``."""
        return (yield from self._set("updateRemark", warehouse_id, fnsku, ("remark", remark)))

    def fba_create_instructions(self, handling: str, lines: Sequence[FbaLine]) -> Operation[tuple[FbaInstruction, ...]]:
        """Have something done with FBA stock of one warehouse.

        ``handling`` is the vendor's code: ``RCL`` or ``RECALL``, ``RPS`` or ``REPLENISH``, ``RSK`` (restock), ``DIS``
        (dispose), ``OTH`` in its documents. A replenishment also wants ``fba_update_shipping_info``.

        Raises:
            ValidationFailed: no lines, lines of several warehouses, or a quantity below 1, and nothing was sent; or the
                vendor's own refusal.
        """
        body = {
            "fbaInstructionHandlingCode": required("fbaInstructionHandlingCode", handling),
            "fnskuList": [_instruction_line(each) for each in lines],
        }
        if not lines:
            raise refusal("fnskuList", "at least one line is needed")
        if len({long_id("warehouseId", each.warehouse_id) for each in lines}) > 1:
            raise refusal("warehouseId", "all lines of an instruction are in one warehouse")
        envelope = yield from self.write("/Fba/FbaInstruction/create", body)
        return tuple([_instruction(self._words, raw) for raw in objects(envelope, "data")])

    def fba_instructions(
        self, first_day: date, last_day: date, cursor: str | None = None, *, page_size: int = MAX_PAGE_SIZE
    ) -> Operation[Page[FbaInstruction]]:
        """One page of the instructions given from one day to another, as ``fba_shipments`` (older documentation)."""
        return (
            yield from self._page(
                "/Fba/FbaInstruction/list", first_day, last_day, cursor, size=page_size, parse=_instruction
            )
        )

    def fba_instruction_items(self, instruction_id: str) -> Operation[tuple[FbaInstructionItem, ...]]:
        """From which parcels' items an instruction is served (older documentation)."""
        query = [("fbaInstructionId", _guid("fbaInstructionId", instruction_id))]
        envelope = yield from self.read("/Fba/FbaInstructionItem/getFbaInstructionItemList", query)
        return tuple([_instruction_item(raw) for raw in objects(envelope, "data")])

    def fba_instruction(self, kind: FbaKind, instruction_id: str) -> Operation[FbaInstructionDetail]:
        """An instruction with what only its kind has (older documentation; the newer one has the replenishment).

        A restock is documented as a POST, unlike the others: it is asked for by GET, and by POST where that is not taken.
        """
        query = [("fbaInstructionId", _guid("fbaInstructionId", instruction_id))]
        path = f"/Fba/FbaInstruction{kind.value.capitalize()}/get"
        # An id that the vendor does not have is refused in the envelope, under HTTP 200: 404 is the path's.
        refused = (404, 405) if kind is FbaKind.RESTOCK else ()
        return _detail(self._words, kind, (yield from self._get_or_post(path, query, refused=refused)))

    def fba_update_shipping_info(
        self, instruction_id: str, *, ship_to: Address, reference_id: str, label: UploadedFile | None = None
    ) -> Operation[FbaInstructionDetail]:
        """Say to which warehouse of Amazon a replenishment goes (newer documentation).

        The getting-started guide (Return Helper API, Getting started) says that the API does not have this yet. ``label`` is the account's own, put
        where ``upload_slot`` says.

        Raises:
            ValidationFailed: an address without what the vendor requires, and nothing was sent; or the vendor's own refusal.
        """
        body: dict[str, Any] = {
            "fbaInstructionId": _guid("fbaInstructionId", instruction_id),
            "newShipmentReferenceId": required("newShipmentReferenceId", reference_id),
            **build_address(ship_to, prefix="newShipment", name_key="FbaName"),
            "provideLabel": label is not None,
        }
        if label is not None:
            body.update(filename=label.filename, fileKey=label.key)
        envelope = yield from self.write("/Fba/FbaInstructionReplenish/updateShippingInfo", body)
        return _detail(self._words, FbaKind.REPLENISH, record(envelope, "data"))

    def fba_assign_new_fnsku(
        self, instruction_id: str, new_fnskus: Mapping[str, str]
    ) -> Operation[tuple[FbaInstructionItem, ...]]:
        """Relabel what a replenishment takes, from old FNSKU to new (older documentation, where it is hidden).

        Raises:
            ValidationFailed: nothing to relabel, and nothing was sent; or the vendor's own refusal.
        """
        pairs = [
            {"oldFnsku": required("oldFnsku", old), "newFnsku": required("newFnsku", new)}
            for old, new in new_fnskus.items()
        ]
        if not pairs:
            raise refusal("assignNewFnskuPayloadList", "at least one FNSKU is needed")
        body = {
            "fbaInstructionId": _guid("fbaInstructionId", instruction_id),
            "assignNewFnskuPayloadList": pairs,
        }
        envelope = yield from self.write("/Fba/FbaInstructionReplenish/assignNewFnsku", body)
        return tuple([_instruction_item(raw) for raw in objects(envelope, "data")])

    def _set(self, call: str, warehouse_id: str, fnsku: str, value: tuple[str, str]) -> Operation[FbaStock]:
        path = f"/Fba/FbaWarehouseInventory/{call}"
        warehouse = long_id("warehouseId", warehouse_id)
        query = [("warehouseId", str(warehouse)), ("fnsku", required("fnsku", fnsku)), value]
        body = {**dict(query), "warehouseId": warehouse}
        return _stock((yield from self._get_or_post(path, query, body=body, refused=(405,), writes=True)))

    def _get_or_post(
        self,
        path: str,
        query: Sequence[tuple[str, str]],
        *,
        body: Mapping[str, Any] | None = None,
        refused: tuple[int, ...],
        writes: bool = False,
    ) -> Operation[Mapping[str, Any]]:
        """The object under ``data``, by GET, and by POST where GET is refused in one of these ways; done twice, it is as once."""
        reply = yield Request(method="GET", path=path, query=query, replayable=True, writes=writes)
        if reply.status in refused:
            body = body or dict(query)
            reply = yield Request(method="POST", path=path, json=body, replayable=True, writes=writes)
        return record(self.check(reply), "data")

    def _page(
        self,
        path: str,
        first_day: date,
        last_day: date,
        cursor: str | None,
        *,
        size: int,
        parse: Callable[[Words, Mapping[str, Any]], T],
    ) -> Operation[Page[T]]:
        """A page of a list by creation. The cursor is the number of the window, the newest being 0, and the offset in it."""
        if not 1 <= size <= MAX_PAGE_SIZE:
            raise ValueError(f"a page holds 1 to {MAX_PAGE_SIZE} rows")
        found = windows(_day(first_day), _day(last_day), overlap=False)
        if not found:
            raise ValueError("the last day is before the first")
        match = _CURSOR.fullmatch(cursor or "0/0")
        if match is None or int(match[1]) >= len(found):
            raise ValueError("the cursor is not one that this listing gave")
        number, offset = int(match[1]), int(match[2])
        window = found[number]
        envelope = yield from self.read(path, window.page(offset, size))
        data = rows(envelope, "data")
        total = count(envelope, "totalNumberOfRecords")
        end = offset + len(data)
        # Only the older documentation has the total: without it, a short page is the last of its window.
        more = bool(data) and (end < total if total is not None else len(data) >= size)
        gap = f"{path}, {window}: the vendor counts {total}, and shows {offset}"
        number, offset = (number, end) if more else (number + 1, 0)
        items, invalid_records = parse_rows(self._words, data, parse)
        return Page(
            items=items,
            next=f"{number}/{offset}" if number < len(found) else None,
            total=total if len(found) == 1 else None,
            invalid_records=invalid_records,
            gaps=(gap,) if total is not None and end < total and not data else (),
        )


def _day(day: date) -> date:
    """The calendar date; of a ``datetime``, its date."""
    return date(day.year, day.month, day.day)


def _guid(name: str, value: str) -> str:
    if not _GUID.fullmatch(value):
        raise refusal(name, "an identifier of the FBA family is a GUID")
    return value


def _line(name: str, value: str) -> str:
    """A tracking number or a removal order."""
    if len(required(name, value)) > _MAX_TEXT or not value.isprintable():
        raise refusal(name, f"one line of at most {_MAX_TEXT} characters is needed")
    return value


def _instruction_line(line: FbaLine) -> dict[str, Any]:
    if line.quantity < 1:
        raise refusal("quantity", "a quantity of 1 or more is needed")
    return {
        "fnsku": required("fnsku", line.fnsku),
        "warehouseId": long_id("warehouseId", line.warehouse_id),
        "quantity": line.quantity,
    }


def _id(raw: Mapping[str, Any], name: str) -> str:
    return identifier(raw.get(name), where=name)


def _optional_id(raw: Mapping[str, Any], name: str) -> str | None:
    return optional_identifier(raw.get(name), where=name)


def _time(raw: Mapping[str, Any], name: str) -> datetime | None:
    return moment(raw.get(name), where=name)


def _sizes(raw: Mapping[str, Any], stem: str) -> tuple[Decimal, ...]:
    """The sides that are told, in the vendor's order: the longest first."""
    sides = [number(raw, f"{stem}{index}") for index in (1, 2, 3)]
    return tuple([side for side in sides if side is not None])


def _shipment(words: Words, raw: Mapping[str, Any]) -> FbaShipment:
    status = word(raw, "fbaShipmentStatusCode")
    return FbaShipment(
        id=_id(raw, "fbaShipmentId"),
        warehouse_id=_optional_id(raw, "warehouseId"),
        status=words["fba_shipment"].look_up(status).shipment,
        status_raw=status,
        removal_order_id=word(raw, "removalOrderId"),
        tracking_number=word(raw, "trackingNumber"),
        # The older documentation has the first, the newer the second.
        rma=word(raw, "rma") or word(raw, "receivedNumber"),
        weight=number(raw, "weight"),
        weight_unit=word(raw, "weightUom"),
        dimensions=_sizes(raw, "dimension"),
        dimension_unit=word(raw, "dimensionUom"),
        arrived_at=_time(raw, "arrivalOn"),
        created_at=_time(raw, "createOn"),
        raw=raw,
    )


def _shipment_item(raw: Mapping[str, Any]) -> FbaShipmentItem:
    return FbaShipmentItem(
        id=_id(raw, "fbaShipmentItemId"),
        shipment_id=_optional_id(raw, "fbaShipmentId"),
        fnsku=word(raw, "fnsku"),
        quantity=number(raw, "shipmentItemQuantity"),
        available=number(raw, "availableQuantity"),
        last_putaway_at=_time(raw, "lastPutawayOn"),
        raw=raw,
    )


def _stock(raw: Mapping[str, Any]) -> FbaStock:
    return FbaStock(
        id=_optional_id(raw, "fbaWarehouseInventoryId"),
        warehouse_id=_optional_id(raw, "warehouseId"),
        fnsku=word(raw, "fnsku"),
        quantity=number(raw, "quantity"),
        available=number(raw, "availableQuantity"),
        reference=word(raw, "referenceNumber"),
        remark=word(raw, "remark"),
        last_putaway_at=_time(raw, "lastPutawayOn"),
        raw=raw,
    )


def _instruction(words: Words, raw: Mapping[str, Any]) -> FbaInstruction:
    handling, status = word(raw, "fbaInstructionHandlingCode"), word(raw, "handlingStatusCode")
    return FbaInstruction(
        id=_id(raw, "fbaInstructionId"),
        number=word(raw, "fbaInstructionNumber"),
        disposition=words["fba_handling"].look_up(handling).disposition,
        disposition_raw=handling,
        status=words["fba_handling_status"].look_up(status).disposition_status,
        status_raw=status,
        quantity=number(raw, "quantity"),
        warehouse_id=_optional_id(raw, "warehouseId"),
        cancel_remarks=word(raw, "cancelRemarks"),
        created_at=_time(raw, "createOn"),
        raw=raw,
    )


def _instruction_item(raw: Mapping[str, Any]) -> FbaInstructionItem:
    return FbaInstructionItem(
        id=_id(raw, "fbaInstructionItemId"),
        instruction_id=_optional_id(raw, "fbaInstructionId"),
        shipment_item_id=_optional_id(raw, "fbaShipmentItemId"),
        quantity=number(raw, "instructionItemQuantity"),
        fnsku=word(raw, "fnsku"),
        new_fnsku=word(raw, "newFnsku"),
        tracking_number=word(raw, "trackingNumber"),
        rma=word(raw, "rma"),
        arrived_at=_time(raw, "arrivalOn"),
        raw=raw,
    )


def _detail(words: Words, kind: FbaKind, raw: Mapping[str, Any]) -> FbaInstructionDetail:
    stem = f"fbaInstruction{kind.value.capitalize()}"
    return FbaInstructionDetail(
        kind=kind,
        instruction=_instruction(words, raw),
        # The older table of a recall has the name of "others", by mistake or not.
        detail_id=_optional_id(raw, f"{stem}Id") or _optional_id(raw, "fbaInstructionOthersId"),
        items=tuple([_instruction_item(row) for row in parts(raw, f"{stem}ItemList")]),
        warehouse_remarks=word(raw, "warehouseRemarks"),
        recall_tracking_number=word(raw, "recallTrackingNumber"),
        return_inventory_id=_optional_id(raw, "returnInventoryId"),
        replenishment=_replenishment(raw) if kind is FbaKind.REPLENISH else None,
        modified_at=_time(raw, "modifyOn"),
        raw=raw,
    )


def _replenishment(raw: Mapping[str, Any]) -> FbaReplenishment:
    address = parse_address(raw, prefix="newShipment")
    return FbaReplenishment(
        status_raw=word(raw, "replenishStatusCode"),
        shipment_number=word(raw, "shipmentNumber"),
        reference_id=word(raw, "newShipmentReferenceId"),
        address=address if address != Address() else None,
        weight=number(raw, "newShipmentWeight"),
        weight_unit=word(raw, "newShipmentWeightUom"),
        dimensions=_sizes(raw, "newShipmentDimension"),
        dimension_unit=word(raw, "newShipmentDimensionUom"),
        shipped_at=_time(raw, "newShipmentDate"),
        provide_label=flag(raw, "provideLabel"),
        filename=word(raw, "filename"),
        raw=raw,
    )
