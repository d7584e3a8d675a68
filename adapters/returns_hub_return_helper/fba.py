"""Return Helper's FBA family: parcels of Amazon removal orders, what is in stock of them, and what is to be done with it.

Sources: Return Helper API, other pages, for the creations, the single shipment, the replenishment and its shipping data; the legacy
documentation for the rest, which Getting started names. What a reply leaves out, or what cannot be read, is None.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, TypeVar

from attrs import field, frozen

from returns_hub import Address, Disposition, DispositionStatus, Operation, Page, Request, ShipmentStatus
from returns_hub.wire import Record, parse_list, parse_rows
from returns_hub_return_helper.pagination import Position, build_windows, foreign_cursor, read_page
from returns_hub_return_helper.protocol import ReturnHelperProtocol, find_record
from returns_hub_return_helper.warehouse import UploadedFile
from returns_hub_return_helper.wire import (
    build_address,
    find_id,
    long_id,
    parse_address,
    parse_all,
    refusal,
    require_id,
    require_same_id,
    required,
)

T = TypeVar("T")

_GUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
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
    """The part of an instruction that one parcel's item is to give. ``new_fnsku`` is set for replenishments."""

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

    ``detail_id`` is the vendor's id of the detail. ``return_inventory_id`` is set for a restock: the stock has become
    that return inventory. ``recall_tracking_number`` is set for a recall, ``warehouse_remarks`` of others.
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
class FbaOperations(ReturnHelperProtocol):
    """The calls about Amazon's removal orders. Getting started has the order in which they are made."""

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
        return _parse_data(envelope, self._fba_shipment)

    def fba_shipment(self, shipment_id: str) -> Operation[FbaShipment]:
        """One parcel, by GET as the other pages has it, and by POST as the legacy one where that is refused with 405."""
        query = [("fbaShipmentId", _guid("fbaShipmentId", shipment_id))]
        raw = yield from self._get_or_post("/Fba/FbaShipment/get", query, refused=(405,))
        found = self._fba_shipment(Record(raw))
        require_same_id(found.id.lower(), shipment_id.lower(), name="fbaShipmentId")
        return found

    def fba_shipments(
        self, first_day: date, last_day: date, cursor: str | None = None, *, page_size: int | None = None
    ) -> Operation[Page[FbaShipment]]:
        """One page of the parcels announced from one day to another, both included, in UTC; the newest days first.

        Legacy documentation. Longer times are asked for in the windows of the inventory list, 63 days; none is documented.
        ``cursor`` is the ``next`` of the page before, for the same days.
        """
        return (
            yield from self._page(
                "/Fba/FbaShipment/list", first_day, last_day, cursor, size=page_size, parse=self._fba_shipment
            )
        )

    def fba_shipment_items(self, shipment_id: str) -> Operation[tuple[FbaShipmentItem, ...]]:
        """What one parcel brought, by FNSKU (legacy documentation)."""
        query = [("fbaShipmentId", _guid("fbaShipmentId", shipment_id))]
        envelope = yield from self.read("/Fba/FbaShipmentItem/getFbaShipmentItemList", query)
        return _parse_data(envelope, _parse_shipment_item)

    def fba_stock(self, fnsku: str) -> Operation[tuple[FbaStock, ...]]:
        """What each warehouse has of an FNSKU (legacy documentation)."""
        query = [("fnsku", required("fnsku", fnsku))]
        envelope = yield from self.read("/Fba/FbaWarehouseInventory/getFbaWarehouseInventoryList", query)
        return _parse_data(envelope, _parse_stock)

    def fba_assign_reference(self, warehouse_id: str, fnsku: str, reference: str) -> Operation[FbaStock]:
        """Give an FNSKU in a warehouse a reference of the account's own (legacy documentation).

        Documented as a GET, although it writes; sent as a POST where that is refused with 405. It may be sent again after a
        failure: setting the same twice does no harm.
        """
        return (yield from self._set("assignReferenceNumber", warehouse_id, fnsku, ("referenceNumber", reference)))

    def fba_update_remark(self, warehouse_id: str, fnsku: str, remark: str) -> Operation[FbaStock]:
        """Set the remark on an FNSKU in a warehouse (legacy documentation). A GET that writes, as ``fba_assign_reference``."""
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
        return _parse_data(envelope, self._fba_instruction)

    def fba_instructions(
        self, first_day: date, last_day: date, cursor: str | None = None, *, page_size: int | None = None
    ) -> Operation[Page[FbaInstruction]]:
        """One page of the instructions given from one day to another, as ``fba_shipments`` (legacy documentation)."""
        return (
            yield from self._page(
                "/Fba/FbaInstruction/list", first_day, last_day, cursor, size=page_size, parse=self._fba_instruction
            )
        )

    def fba_instruction_items(self, instruction_id: str) -> Operation[tuple[FbaInstructionItem, ...]]:
        """From which parcels' items an instruction is served (legacy documentation)."""
        query = [("fbaInstructionId", _guid("fbaInstructionId", instruction_id))]
        envelope = yield from self.read("/Fba/FbaInstructionItem/getFbaInstructionItemList", query)
        return _parse_data(envelope, _parse_instruction_item)

    def fba_instruction(self, kind: FbaKind, instruction_id: str) -> Operation[FbaInstructionDetail]:
        """An instruction with what only its kind has (legacy documentation; other pages has the replenishment).

        A restock is documented as a POST, unlike the others: it is asked for by GET, and by POST where that is not taken.
        """
        query = [("fbaInstructionId", _guid("fbaInstructionId", instruction_id))]
        path = f"/Fba/FbaInstruction{kind.value.capitalize()}/get"
        # An id that the vendor does not have is refused in the envelope, under HTTP 200: 404 is the path's.
        refused = (404, 405) if kind is FbaKind.RESTOCK else ()
        found = self._fba_detail(kind, Record((yield from self._get_or_post(path, query, refused=refused))))
        require_same_id(found.instruction.id.lower(), instruction_id.lower(), name="fbaInstructionId")
        return found

    def fba_update_shipping_info(
        self, instruction_id: str, *, ship_to: Address, reference_id: str, label: UploadedFile | None = None
    ) -> Operation[FbaInstructionDetail]:
        """Say to which warehouse of Amazon a replenishment goes (other pages).

        Getting started says that the API does not have this yet. ``label`` is the account's own, put
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
        return self._fba_detail(FbaKind.REPLENISH, Record(find_record(envelope, "data")))

    def fba_assign_new_fnsku(
        self, instruction_id: str, new_fnskus: Mapping[str, str]
    ) -> Operation[tuple[FbaInstructionItem, ...]]:
        """Relabel what a replenishment takes, from old FNSKU to new (legacy documentation, where it is hidden).

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
        return _parse_data(envelope, _parse_instruction_item)

    def _set(self, call: str, warehouse_id: str, fnsku: str, value: tuple[str, str]) -> Operation[FbaStock]:
        path = f"/Fba/FbaWarehouseInventory/{call}"
        warehouse = long_id("warehouseId", warehouse_id)
        query = [("warehouseId", str(warehouse)), ("fnsku", required("fnsku", fnsku)), value]
        body = {**dict(query), "warehouseId": warehouse}
        return _parse_stock(Record((yield from self._get_or_post(path, query, body=body, refused=(405,), writes=True))))

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
        return find_record(self.check(reply), "data")

    def _page(
        self,
        path: str,
        first_day: date,
        last_day: date,
        cursor: str | None,
        *,
        size: int | None,
        parse: Callable[[Record], T],
    ) -> Operation[Page[T]]:
        """A page of a list by creation, the newest window first."""
        windows = build_windows(_day(first_day), _day(last_day), overlap=False)
        if not windows:
            raise ValueError("the last day is before the first")
        position = Position(last=windows[0].last) if cursor is None else Position.parse(cursor)
        if position.last != windows[0].last or position.window >= len(windows):
            raise foreign_cursor()
        window = windows[position.window]
        rows = self.rows_per_page(size)
        envelope = yield from self.read(path, window.query(position.offset, rows))
        # Only the legacy documentation has the total: without it, a short page is the last of its window.
        page = read_page(envelope, offset=position.offset, size=rows, counts_rows=True, place=f"{path}, {window}")
        items, invalid = parse_rows(enumerate(page.rows), lambda raw: parse(Record(raw)), where="data")
        return Page(
            items=items,
            next=position.after(page, windows=len(windows)),
            total=page.total if len(windows) == 1 else None,
            invalid_records=invalid,
            gaps=page.gaps,
        )

    def _fba_shipment(self, record: Record) -> FbaShipment:
        status = record.text("fbaShipmentStatusCode")
        return FbaShipment(
            id=require_id(record, "fbaShipmentId"),
            warehouse_id=find_id(record, "warehouseId"),
            status=self._parser.words["fba_shipment"].look_up(status).shipment,
            status_raw=status,
            removal_order_id=record.text("removalOrderId"),
            tracking_number=record.text("trackingNumber"),
            # The legacy documentation has the first, other pages the second.
            rma=record.text("rma", "receivedNumber"),
            weight=record.number("weight"),
            weight_unit=record.text("weightUom"),
            dimensions=_parse_sides(record, "dimension"),
            dimension_unit=record.text("dimensionUom"),
            arrived_at=record.time("arrivalOn"),
            created_at=record.time("createOn"),
            raw=record.raw,
        )

    def _fba_instruction(self, record: Record) -> FbaInstruction:
        handling, status = record.text("fbaInstructionHandlingCode"), record.text("handlingStatusCode")
        words = self._parser.words
        return FbaInstruction(
            id=require_id(record, "fbaInstructionId"),
            number=record.text("fbaInstructionNumber"),
            disposition=words["fba_handling"].look_up(handling).disposition,
            disposition_raw=handling,
            status=words["fba_handling_status"].look_up(status).disposition_status,
            status_raw=status,
            quantity=record.number("quantity"),
            warehouse_id=find_id(record, "warehouseId"),
            cancel_remarks=record.text("cancelRemarks"),
            created_at=record.time("createOn"),
            raw=record.raw,
        )

    def _fba_detail(self, kind: FbaKind, record: Record) -> FbaInstructionDetail:
        stem = f"fbaInstruction{kind.value.capitalize()}"
        items = [row for row in record.records(f"{stem}ItemList") if find_id(row, "fbaInstructionItemId")]
        return FbaInstructionDetail(
            kind=kind,
            instruction=self._fba_instruction(record),
            # The legacy table of a recall has the name of "others", by mistake or not.
            detail_id=find_id(record, f"{stem}Id", "fbaInstructionOthersId"),
            items=tuple(map(_parse_instruction_item, items)),
            warehouse_remarks=record.text("warehouseRemarks"),
            recall_tracking_number=record.text("recallTrackingNumber"),
            return_inventory_id=find_id(record, "returnInventoryId"),
            replenishment=_parse_replenishment(record) if kind is FbaKind.REPLENISH else None,
            modified_at=record.time("modifyOn"),
            raw=record.raw,
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


def _parse_data(envelope: Mapping[str, Any], parse: Callable[[Record], T]) -> tuple[T, ...]:
    return parse_all(parse_list(envelope.get("data", ""), where="data"), parse, where="data")


def _parse_sides(record: Record, stem: str) -> tuple[Decimal, ...]:
    """The sides that are given, in the vendor's order: the longest first."""
    sides = [record.number(f"{stem}{index}") for index in (1, 2, 3)]
    return tuple([side for side in sides if side is not None])


def _parse_shipment_item(record: Record) -> FbaShipmentItem:
    return FbaShipmentItem(
        id=require_id(record, "fbaShipmentItemId"),
        shipment_id=find_id(record, "fbaShipmentId"),
        fnsku=record.text("fnsku"),
        quantity=record.number("shipmentItemQuantity"),
        available=record.number("availableQuantity"),
        last_putaway_at=record.time("lastPutawayOn"),
        raw=record.raw,
    )


def _parse_stock(record: Record) -> FbaStock:
    return FbaStock(
        id=find_id(record, "fbaWarehouseInventoryId"),
        warehouse_id=find_id(record, "warehouseId"),
        fnsku=record.text("fnsku"),
        quantity=record.number("quantity"),
        available=record.number("availableQuantity"),
        reference=record.text("referenceNumber"),
        remark=record.text("remark"),
        last_putaway_at=record.time("lastPutawayOn"),
        raw=record.raw,
    )


def _parse_instruction_item(record: Record) -> FbaInstructionItem:
    return FbaInstructionItem(
        id=require_id(record, "fbaInstructionItemId"),
        instruction_id=find_id(record, "fbaInstructionId"),
        shipment_item_id=find_id(record, "fbaShipmentItemId"),
        quantity=record.number("instructionItemQuantity"),
        fnsku=record.text("fnsku"),
        new_fnsku=record.text("newFnsku"),
        tracking_number=record.text("trackingNumber"),
        rma=record.text("rma"),
        arrived_at=record.time("arrivalOn"),
        raw=record.raw,
    )


def _parse_replenishment(record: Record) -> FbaReplenishment:
    address = parse_address(record, prefix="newShipment")
    return FbaReplenishment(
        status_raw=record.text("replenishStatusCode"),
        shipment_number=record.text("shipmentNumber"),
        reference_id=record.text("newShipmentReferenceId"),
        address=address if address != Address() else None,
        weight=record.number("newShipmentWeight"),
        weight_unit=record.text("newShipmentWeightUom"),
        dimensions=_parse_sides(record, "newShipmentDimension"),
        dimension_unit=record.text("newShipmentDimensionUom"),
        shipped_at=record.time("newShipmentDate"),
        provide_label=record.flag("provideLabel"),
        filename=record.text("filename"),
        raw=record.raw,
    )
