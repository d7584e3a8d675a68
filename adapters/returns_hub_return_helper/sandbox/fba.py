"""The simulated FBA family.

The bodies of its notifications are documented nowhere: those sent here are the objects of the matching reads, which is
inferred. What a source leaves open otherwise says so where it is decided.
"""

import itertools
import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypeAlias

from attrs import define, field

from returns_hub_return_helper.sandbox import validation as checks
from returns_hub_return_helper.sandbox.records import API_ID, print_time
from returns_hub_return_helper.sandbox.tables import FBA_HANDLINGS, WAREHOUSES
from returns_hub_return_helper.sandbox.validation import WINDOW, Endpoint, Field, Invalid, Parameter, Routes, invalid
from returns_hub_return_helper.sandbox.webhooks import Outbox

Json: TypeAlias = dict[str, Any]

FBA_DAYS: Final = 62  # inferred: no text gives the windows of the FBA lists
TAKEN: Final = "TRACKING_ALREADY_EXIST"
_TRACKING: Final = re.compile(r"[A-Za-z0-9_-]{1,50}\Z")
_NAMESPACE: Final = uuid.UUID("6f1d3c0e-0000-4000-8000-000000000000")
# The detail endpoints, the own id of each, and its item list; "completed" actions by the same word.
_KINDS: Final[Mapping[str, str]] = {
    "dispose": "Dispose",
    "others": "Others",
    "recall": "Recall",
    "replenish": "Replenish",
    "restock": "Restock",
}
_COMPLETED: Final[Mapping[str, str]] = {
    "dispose": "completeFbaInstructionDispose",
    "others": "completeFbaInstructionOthers",
    "recall": "completeFbaInstructionRecall",
    "replenish": "fbaInstructionReplenishComplete",
    # No action is named for a restock; this one is made up.
    "restock": "completeFbaInstructionRestock",
}

_READERS: Final[Mapping[str, Callable[[str], Any]]] = {"warehouseId": checks.whole, "remark": str}

_NEW_SHIPMENT: Final[Mapping[str, Field]] = {
    "trackingNumber": checks.text(50),
    "removalOrderId": checks.text(50),
    "warehouseId": checks.identifier_of(WAREHOUSES),
}
_NEW_INSTRUCTION: Final[Mapping[str, Field]] = {
    "fbaInstructionHandlingCode": checks.word(FBA_HANDLINGS),
    "fnskuList": checks.many(
        {"fnsku": checks.text(), "warehouseId": checks.identifier(), "quantity": checks.count(1, 1_000_000)}
    ),
}
_SHIPPING: Final[Mapping[str, Field]] = {
    "fbaInstructionId": checks.text(),
    **{
        f"newShipment{name}": checks.text()
        for name in ("ReferenceId", "FbaName", "Street1", "State", "City", "PostalCode")
    },
    "newShipmentStreet2": checks.text(empty=True),
    "provideLabel": checks.flag(),
    "newShipmentStreet3": checks.optional(checks.text(empty=True)),
    "newShipmentCountryCode": checks.optional(checks.text()),
    "filename": checks.optional(checks.text()),
    "fileKey": checks.optional(checks.text()),
}


@define(kw_only=True, eq=False)
class FbaShipment:
    """A removal parcel."""

    id: str
    warehouse_id: int
    removal_order: str
    tracking_number: str
    created: datetime
    status: str = "PENDING"
    received_number: str | None = None
    arrived: datetime | None = None
    items: list["FbaShipmentItem"] = field(factory=list)


@define(kw_only=True, eq=False)
class FbaShipmentItem:
    """So many of one FNSKU that came in one parcel."""

    id: str
    shipment: FbaShipment = field(repr=False)
    fnsku: str
    quantity: int
    available: int
    put_away: datetime


@define(kw_only=True, eq=False)
class FbaStock:
    """What the vendor keeps of one FNSKU in one warehouse."""

    id: str
    warehouse_id: int
    fnsku: str
    modified: datetime
    reference: str | None = None
    remark: str | None = None
    items: list[FbaShipmentItem] = field(factory=list)


@define(kw_only=True, eq=False)
class FbaInstructionItem:
    """What an instruction takes out of one parcel's items."""

    id: str
    source: FbaShipmentItem = field(repr=False)
    quantity: int
    new_fnsku: str | None = None


@define(kw_only=True, eq=False)
class FbaInstruction:
    """What is to become of stock."""

    id: str
    number: str
    code: str
    warehouse_id: int
    created: datetime
    modified: datetime
    items: list[FbaInstructionItem]
    status: str = "pending"
    shipping: Json = field(factory=dict)
    tracking_number: str | None = None
    inventory_id: int | None = None

    @property
    def kind(self) -> str:
        """Which detail endpoint has it."""
        return FBA_HANDLINGS[self.code]

    @property
    def quantity(self) -> int:
        """Of all its items."""
        return sum(one.quantity for one in self.items)


@define(kw_only=True, eq=False)
class FbaEndpoints:
    """The FBA calls, and what the warehouse does about them.

    ``posts``: reads whose verb the sources contradict each other about want POST, as the legacy text has it. The two writes
    that are documented as GET are GET, or POST with ``posts``.
    """

    outbox: Outbox
    now: Callable[[], datetime]
    posts: bool
    shipments: dict[str, FbaShipment] = field(factory=dict, init=False)
    instructions: dict[str, FbaInstruction] = field(factory=dict, init=False)
    stock: dict[tuple[int, str], FbaStock] = field(factory=dict, init=False)
    _serials: Iterator[int] = field(factory=lambda: itertools.count(1), init=False)

    @property
    def routes(self) -> Routes:
        """The calls by method and path."""
        shipment = {"fbaShipmentId": Parameter(checks.some)}
        instruction = {"fbaInstructionId": Parameter(checks.some)}
        user: dict[tuple[str, str], Endpoint] = {
            ("POST", "FbaShipment/create"): Endpoint(
                self._create_shipments, body={"createFbaShipmentPayloadList": checks.many(_NEW_SHIPMENT)}
            ),
            ("GET", "FbaShipment/list"): Endpoint(self._list_shipments, WINDOW),
            ("GET", "FbaShipmentItem/getFbaShipmentItemList"): Endpoint(self._shipment_items, shipment),
            ("GET", "FbaWarehouseInventory/getFbaWarehouseInventoryList"): Endpoint(
                self._list_stock, {"fnsku": Parameter(checks.some)}
            ),
            ("POST", "FbaInstruction/create"): Endpoint(self._create_instruction, body=_NEW_INSTRUCTION),
            ("GET", "FbaInstruction/list"): Endpoint(self._list_instructions, WINDOW),
            ("GET", "FbaInstructionItem/getFbaInstructionItemList"): Endpoint(self._instruction_items, instruction),
            ("POST", "FbaInstructionReplenish/updateShippingInfo"): Endpoint(self._update_shipping, body=_SHIPPING),
            ("POST", "FbaInstructionReplenish/assignNewFnsku"): Endpoint(
                self._assign_fnsku,
                body={
                    "fbaInstructionId": checks.text(),
                    "assignNewFnskuPayloadList": checks.many({"oldFnsku": checks.text(), "newFnsku": checks.text()}),
                },
            ),
            **{
                ("GET", f"FbaInstruction{name}/get"): self._reading(kind, instruction)
                for kind, name in _KINDS.items()
                if kind != "restock"
            },
        }
        doubtful = {
            "FbaShipment/get": ({"fbaShipmentId": checks.text()}, self._get_shipment),
            "FbaInstructionRestock/get": ({"fbaInstructionId": checks.text()}, self._getter("restock")),
            "FbaWarehouseInventory/assignReferenceNumber": (
                {"warehouseId": checks.identifier(), "fnsku": checks.text(), "referenceNumber": checks.text()},
                self._assign_reference,
            ),
            "FbaWarehouseInventory/updateRemark": (
                {"warehouseId": checks.identifier(), "fnsku": checks.text(), "remark": checks.text(empty=True)},
                self._update_remark,
            ),
        }
        for path, (fields, answer) in doubtful.items():
            if self.posts:
                user["POST", path] = Endpoint(answer, body=fields)
            else:
                query = {name: Parameter(_READERS.get(name, checks.some)) for name in fields}
                user["GET", path] = Endpoint(answer, query)
        return {(method, f"/user/api/Fba/{path}"): endpoint for (method, path), endpoint in user.items()}

    def add(self, quantities: Mapping[str, int], warehouse_id: int) -> str:
        """A parcel that has arrived and is on the shelf; its id. No notification is sent."""
        serial = next(self._serials)
        shipment = FbaShipment(
            id=self._guid(),
            warehouse_id=warehouse_id,
            removal_order=f"REMOVAL{serial:06d}",
            tracking_number=f"TBA{serial:012d}",
            created=self.now(),
        )
        self.shipments[shipment.id] = shipment
        self._receive(shipment)
        self._shelve(shipment, quantities)
        return shipment.id

    def arrive(self, shipment_id: str) -> None:
        """A parcel is in the warehouse; delivers ``markFbaShipmentArrived``."""
        shipment = self.shipments[shipment_id]
        self._receive(shipment)
        self.outbox.add("markFbaShipmentArrived", {"fbaShipment": _shipment_detail(shipment)})

    def put_away(self, shipment_id: str, quantities: Mapping[str, int]) -> None:
        """Its contents, by FNSKU, are on the shelf; delivers ``fbaShipmentPutaway``."""
        shipment = self.shipments[shipment_id]
        self._shelve(shipment, quantities)
        fields = {
            "fbaShipment": _shipment_detail(shipment),
            "fbaShipmentItemList": [_item(one) for one in shipment.items],
        }
        self.outbox.add("fbaShipmentPutaway", fields)

    def _receive(self, shipment: FbaShipment) -> None:
        shipment.status, shipment.arrived = "ARRIVED", self.now()
        shipment.received_number = f"FBR{self.now():%y%m%d}-{next(self._serials):07d}"

    def _shelve(self, shipment: FbaShipment, quantities: Mapping[str, int]) -> None:
        at = self.now()
        for fnsku, quantity in quantities.items():
            item = FbaShipmentItem(
                id=self._guid(), shipment=shipment, fnsku=fnsku, quantity=quantity, available=quantity, put_away=at
            )
            shipment.items.append(item)
            key = (shipment.warehouse_id, fnsku)
            if key not in self.stock:
                self.stock[key] = FbaStock(
                    id=self._guid(), warehouse_id=shipment.warehouse_id, fnsku=fnsku, modified=at
                )
            self.stock[key].items.append(item)

    def complete(self, instruction_id: str, inventory_id: int | None = None) -> None:
        """An instruction is done; delivers it under the action of its kind. A restock has become ``inventory_id``."""
        one = self.instructions[instruction_id]
        one.status, one.modified, one.inventory_id = "completed", self.now(), inventory_id
        if one.kind == "recall":
            one.tracking_number = f"SAMPLE{next(self._serials):010d}"
        self.outbox.add(_COMPLETED[one.kind], {f"fbaInstruction{_KINDS[one.kind]}": _detail(one)})

    def _guid(self) -> str:
        return str(uuid.uuid5(_NAMESPACE, str(next(self._serials))))

    # Shipments

    def _create_shipments(self, body: Json) -> Json:
        wanted: list[Json] = body["createFbaShipmentPayloadList"]
        self._check_shipments(wanted)
        made = [
            FbaShipment(
                id=self._guid(),
                warehouse_id=one["warehouseId"],
                removal_order=one["removalOrderId"],
                tracking_number=one["trackingNumber"],
                created=self.now(),
            )
            for one in wanted
        ]
        self.shipments |= {one.id: one for one in made}
        return {"data": [_shipment(one) for one in made]}

    def _check_shipments(self, wanted: Sequence[Json]) -> None:
        """The rules of ``FbaShipment/create``. A "recognised format" is not explained: letters, digits, hyphen and underscore here."""
        name = "createFbaShipmentPayloadList"
        problems: dict[str, str] = {}
        numbers: set[str] = set()
        warehouses: dict[str, int] = {}
        for index, one in enumerate(wanted):
            if not _TRACKING.match(one["trackingNumber"]):
                problems[f"{name}[{index}].trackingNumber"] = "is not a tracking number"
            if not _TRACKING.match(one["removalOrderId"]):
                problems[f"{name}[{index}].removalOrderId"] = "is not a removal order"
            if one["trackingNumber"] in numbers:
                problems[f"{name}[{index}].trackingNumber"] = "is in the batch twice"
            numbers.add(one["trackingNumber"])
            if warehouses.setdefault(one["removalOrderId"], one["warehouseId"]) != one["warehouseId"]:
                problems[f"{name}[{index}].warehouseId"] = "differs within the removal order"
        if problems:
            raise Invalid(problems)
        active = {one.tracking_number for one in self.shipments.values() if one.status != "CANCELED"}
        if taken := numbers & active:
            raise Invalid({"trackingNumber": f"{min(taken)} is in use"}, code=TAKEN)

    def _find_shipment(self, values: Json) -> FbaShipment:
        if values["fbaShipmentId"] not in self.shipments:
            raise invalid("fbaShipmentId", "was not found")
        return self.shipments[values["fbaShipmentId"]]

    def _get_shipment(self, values: Json) -> Json:
        return {"data": _shipment_detail(self._find_shipment(values))}

    def _list_shipments(self, query: Json) -> Json:
        rows = checks.rows_of_window(list(self.shipments.values()), query, FBA_DAYS)
        return checks.page(rows, query, _shipment_row, total=True)

    def _shipment_items(self, query: Json) -> Json:
        return {"data": [_item(one) for one in self._find_shipment(query).items]}

    # Stock

    def _list_stock(self, query: Json) -> Json:
        return {"data": [_stock(one) for one in self.stock.values() if one.fnsku == query["fnsku"]]}

    def _find_stock(self, values: Json) -> FbaStock:
        key = (values["warehouseId"], values["fnsku"])
        if key not in self.stock:
            raise invalid("fnsku", "is not in this warehouse")
        return self.stock[key]

    def _assign_reference(self, values: Json) -> Json:
        stock = self._find_stock(values)
        stock.reference, stock.modified = values["referenceNumber"], self.now()
        return {"data": _stock_detail(stock)}

    def _update_remark(self, values: Json) -> Json:
        stock = self._find_stock(values)
        stock.remark, stock.modified = values["remark"], self.now()
        return {"data": _stock_detail(stock)}

    # Instructions

    def _create_instruction(self, body: Json) -> Json:
        """One warehouse in a call (current). Undocumented: the oldest parcels are used up first."""
        wanted: list[Json] = body["fnskuList"]
        if len({one["warehouseId"] for one in wanted}) > 1:
            raise invalid("fnskuList", "must be in one warehouse")
        problems: dict[str, str] = {}
        names = [one["fnsku"] for one in wanted]
        for index, one in enumerate(wanted):
            stock = self.stock.get((one["warehouseId"], one["fnsku"]))
            if names.count(one["fnsku"]) > 1:
                problems[f"fnskuList[{index}].fnsku"] = "is in the list twice"
            elif stock is None or sum(item.available for item in stock.items) < one["quantity"]:
                problems[f"fnskuList[{index}].quantity"] = "is more than there is"
        if problems:
            raise Invalid(problems)
        at = self.now()
        made = FbaInstruction(
            id=self._guid(),
            number=f"FBI{at:%y%m%d}-{next(self._serials):07d}",
            code=body["fbaInstructionHandlingCode"],
            warehouse_id=wanted[0]["warehouseId"],
            created=at,
            modified=at,
            items=[item for one in wanted for item in self._take(one)],
        )
        self.instructions[made.id] = made
        return {"data": [_head(made)]}

    def _take(self, wanted: Json) -> Iterator[FbaInstructionItem]:
        left = wanted["quantity"]
        for source in self.stock[wanted["warehouseId"], wanted["fnsku"]].items:
            taken = min(left, source.available)
            if taken:
                source.available -= taken
                left -= taken
                yield FbaInstructionItem(id=self._guid(), source=source, quantity=taken)

    def _list_instructions(self, query: Json) -> Json:
        rows = checks.rows_of_window(list(self.instructions.values()), query, FBA_DAYS)
        return checks.page(rows, query, _instruction_row, total=True)

    def _find_instruction(self, values: Json, kind: str | None = None) -> FbaInstruction:
        found = self.instructions.get(values["fbaInstructionId"])
        if found is None or kind not in (None, found.kind):
            raise invalid("fbaInstructionId", "was not found")
        return found

    def _instruction_items(self, query: Json) -> Json:
        found = self._find_instruction(query)
        return {"data": [_instruction_item(one, found) for one in found.items]}

    def _getter(self, kind: str) -> Callable[[Json], Json]:
        return lambda values: {"data": _detail(self._find_instruction(values, kind))}

    def _reading(self, kind: str, query: Mapping[str, Parameter]) -> Endpoint:
        return Endpoint(self._getter(kind), query)

    def _update_shipping(self, body: Json) -> Json:
        one = self._find_instruction(body, "replenish")
        if body["provideLabel"] and not (body.get("filename") and body.get("fileKey")):
            raise invalid("filename", "is needed with provideLabel")
        one.shipping, one.modified = body, self.now()
        fields = {
            "fbaInstructionReplenishId": one.id,
            "handlingStatusCode": one.status,
            "replenishStatusCode": _replenish_status(one),
        }
        return {"data": {**body, **fields}}

    def _assign_fnsku(self, body: Json) -> Json:
        one = self._find_instruction(body, "replenish")
        for pair in body["assignNewFnskuPayloadList"]:
            for item in one.items:
                if item.source.fnsku == pair["oldFnsku"]:
                    item.new_fnsku = pair["newFnsku"]
        return {"data": [_detail_item(item, one) for item in one.items]}


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else print_time(moment, zone=True)


def _shipment(shipment: FbaShipment) -> Json:
    return {
        "fbaShipmentId": shipment.id,
        "apiId": API_ID,
        "warehouseId": shipment.warehouse_id,
        "fbaShipmentStatusCode": shipment.status,
        "removalOrderId": shipment.removal_order,
        "trackingNumber": shipment.tracking_number,
        "arrivalOn": _time(shipment.arrived),
        "createOn": _time(shipment.created),
    }


def _shipment_detail(shipment: FbaShipment) -> Json:
    size = {f"dimension{index}": Decimal("30.0") for index in (1, 2, 3)} if shipment.arrived else {}
    weight = {"weight": Decimal("1200.0"), "weightUom": "g"} if shipment.arrived else {}
    return {
        **_shipment(shipment),
        **weight,
        **size,
        "dimensionUom": "cm",
        "receivedNumber": shipment.received_number,  # the legacy table calls it `rma`
    }


def _shipment_row(shipment: FbaShipment) -> Json:
    return {
        "fbaShipmentId": shipment.id,
        "warehouseId": shipment.warehouse_id,
        "fbaShipmentStatusCode": shipment.status,
        "rma": shipment.received_number,
        "trackingNumber": shipment.tracking_number,
        "removalOrderId": shipment.removal_order,
        "createOn": print_time(shipment.created),
    }


def _item(item: FbaShipmentItem) -> Json:
    return {
        "fbaShipmentItemId": item.id,
        "fbaShipmentId": item.shipment.id,
        "fnsku": item.fnsku,
        "shipmentItemQuantity": item.quantity,
        "availableQuantity": item.available,
        "lastPutawayOn": print_time(item.put_away),
    }


def _stock(stock: FbaStock) -> Json:
    return {
        "fbaWarehouseInventoryId": stock.id,
        "warehouseId": stock.warehouse_id,
        "fnsku": stock.fnsku,
        "quantity": sum(one.quantity for one in stock.items),
        "availableQuantity": sum(one.available for one in stock.items),
        "referenceNumber": stock.reference,
        "remark": stock.remark,
        "lastPutawayOn": print_time(max(one.put_away for one in stock.items)),
    }


def _stock_detail(stock: FbaStock) -> Json:
    return {
        **_stock(stock),
        "warehouseDescription": WAREHOUSES[stock.warehouse_id].wire["description"],
        "modifyBy": str(API_ID),
        "modifyOn": print_time(stock.modified),
    }


def _head(instruction: FbaInstruction) -> Json:
    return {
        "fbaInstructionId": instruction.id,
        "apiId": API_ID,
        "fbaInstructionNumber": instruction.number,
        "fbaInstructionHandlingCode": instruction.code,
        "handlingStatusCode": instruction.status,
        "quantity": instruction.quantity,
        "warehouseId": instruction.warehouse_id,
        "warehouseApiId": 3,
    }


def _instruction_row(instruction: FbaInstruction) -> Json:
    kept = ("fbaInstructionId", "fbaInstructionHandlingCode", "handlingStatusCode", "quantity", "fbaInstructionNumber")
    head = _head(instruction)
    return {
        **{name: head[name] for name in kept},
        "warehouseId": instruction.warehouse_id,
        "cancelRemarks": None,
        "createOn": print_time(instruction.created),
    }


def _instruction_item(item: FbaInstructionItem, instruction: FbaInstruction) -> Json:
    return {
        "fbaInstructionItemId": item.id,
        "fbaInstructionId": instruction.id,
        "fbaShipmentItemId": item.source.id,
        "instructionItemQuantity": item.quantity,
    }


def _detail_item(item: FbaInstructionItem, instruction: FbaInstruction) -> Json:
    parcel = item.source.shipment
    return {
        **_instruction_item(item, instruction),
        "apiId": API_ID,
        "fnsku": item.source.fnsku,
        "trackingNumber": parcel.tracking_number,
        "rma": parcel.received_number,
        "arrivalOn": _time(parcel.arrived),
        **({"newFnsku": item.new_fnsku} if instruction.kind == "replenish" else {}),
    }


def _replenish_status(instruction: FbaInstruction) -> str:
    """No source lists the words; these are made up."""
    return "shipping-info-provided" if instruction.shipping else "pending"


def _detail(instruction: FbaInstruction) -> Json:
    kind = _KINDS[instruction.kind]
    head = _head(instruction)
    return {
        f"fbaInstruction{kind}Id": instruction.id,
        **head,
        "createOn": print_time(instruction.created),
        "modifyOn": print_time(instruction.modified),
        "cancelRemarks": None,
        f"fbaInstruction{kind}ItemList": [_detail_item(one, instruction) for one in instruction.items],
        **_extra(instruction),
    }


def _extra(instruction: FbaInstruction) -> Json:
    """What only one kind has."""
    if instruction.kind == "others":
        return {"warehouseRemarks": None}
    if instruction.kind == "recall":
        return {"recallTrackingNumber": instruction.tracking_number}
    if instruction.kind == "restock":
        return {"returnInventoryId": instruction.inventory_id}
    if instruction.kind == "replenish":
        shipping = {name: value for name, value in instruction.shipping.items() if name != "fbaInstructionId"}
        return {"replenishStatusCode": _replenish_status(instruction), "isLabelDeleted": False, **shipping}
    return {}
