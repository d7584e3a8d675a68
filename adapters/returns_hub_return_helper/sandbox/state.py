"""The state of the simulated Return Helper: every record, and how new ones come about. Nothing here sends anything."""

import itertools
from bisect import insort
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from operator import attrgetter

from attrs import define, field, frozen

from returns_hub_return_helper.sandbox.records import (
    Inventory,
    Label,
    LineItem,
    Recall,
    RecallEntry,
    Resend,
    ReturnRequest,
    Shipment,
    Vas,
)
from returns_hub_return_helper.sandbox.tables import (
    ARRIVED,
    LABEL_FAILED,
    LABEL_READY,
    LABEL_REQUESTED,
    NO_LABEL,
    RETURN_SERVICES,
    WAREHOUSES,
)
from returns_hub_return_helper.sandbox.validation import invalid


@frozen(kw_only=True)
class NewLine:
    """One item of a return to be."""

    description: str
    weight: Decimal
    value: Decimal
    reference: str | None = None


@frozen(kw_only=True)
class NewParcel:
    """A return to be, with its one shipment; the names are those of the create call."""

    title: str
    order_number: str | None
    service: str
    warehouse_id: int
    address: Mapping[str, str | None] = field(repr=False)
    lines: Sequence[NewLine]
    weight: Decimal
    dimensions: tuple[Decimal, Decimal, Decimal]
    box_type: str = "cus"
    custom_fields: Mapping[str, str] = field(factory=dict)
    remarks: str | None = None
    request_reference: str | None = None
    shipment_reference: str | None = None
    announced: bool = True


@define(eq=False)
class State:
    """Every record by id, and those that are listed also in order of creation."""

    requests: dict[int, ReturnRequest] = field(factory=dict, repr=False)
    shipments: dict[int, Shipment] = field(factory=dict, repr=False)
    labels: dict[int, Shipment] = field(factory=dict, repr=False)
    line_items: dict[int, LineItem] = field(factory=dict, repr=False)
    inventories: dict[int, Inventory] = field(factory=dict, repr=False)
    services: dict[int, Vas] = field(factory=dict, repr=False)
    resends: dict[int, Resend] = field(factory=dict, repr=False)
    recalls: dict[int, Recall] = field(factory=dict, repr=False)
    shipments_by_time: list[Shipment] = field(factory=list, repr=False)
    inventories_by_time: list[Inventory] = field(factory=list, repr=False)
    # Number spaces overlap, as the vendor's do (line item 10759 in a sample of 2021, inventory 18148 in one of 2024): an id
    # alone does not say of what.
    _ids: defaultdict[str, Iterator[int]] = field(
        init=False, repr=False, factory=lambda: defaultdict(lambda: itertools.count(1001))
    )
    _numbers: Counter[str] = field(init=False, factory=Counter, repr=False)

    def new_id(self, kind: str) -> int:
        """The next id of its kind."""
        return next(self._ids[kind])

    def number(self, prefix: str, at: datetime) -> str:
        """A number as the vendor makes them: ``R230711-0000015``."""
        stem = f"{prefix}{at:%y%m%d}"
        self._numbers[stem] += 1
        return f"{stem}-{self._numbers[stem]:07d}"

    def rma(self, warehouse_id: int, at: datetime) -> str:
        """A normal RMA (Return Helper API, Getting started, RMA); how the check digits are made is not published, so these are made up."""
        stem = f"{WAREHOUSES[warehouse_id].prefix}-{warehouse_id}-{at:%y%m%d}"
        self._numbers[stem] += 1
        return f"{stem}-D{self._numbers[stem]:05d}-{self._numbers[stem] * 7 % 97}"

    def split_rma(self, parent: str) -> str:
        """An RMA of a piece: the parent's, with a sequence of two digits before the check digits (Return Helper API, Getting started, RMA)."""
        stem = "-".join(parent.split("-")[:4])
        self._numbers[stem] += 1
        return f"{stem}-{self._numbers[stem]:02d}-{self._numbers[stem] * 13 % 97}"

    def announce(self, new: NewParcel, at: datetime) -> Shipment:
        """A return with one shipment, and no label yet."""
        prefix = "" if new.announced else "UN"
        number = self.number(prefix or "R", at)
        request = ReturnRequest(
            id=self.new_id("request"),
            number=number,
            # "The vendor stores its own sequence number there".
            reference=new.request_reference or number,
            title=new.title,
            value=sum((line.value for line in new.lines), Decimal(0)),
            created=at,
            announced=new.announced,
            remarks=new.remarks,
        )
        self.requests[request.id] = request
        number = self.number(prefix + "S", at)
        shipment = Shipment(
            id=self.new_id("shipment"),
            request=request,
            number=number,
            reference=new.shipment_reference or number,
            order_number=new.order_number,
            service=new.service,
            warehouse_id=new.warehouse_id,
            address=new.address,
            box_type=new.box_type,
            weight=new.weight,
            dimensions=new.dimensions,
            custom_fields=new.custom_fields,
            cost=RETURN_SERVICES[new.service].fee if new.service in RETURN_SERVICES else Decimal("0.00"),
            status=NO_LABEL,
            created=at,
        )
        self.shipments[shipment.id] = shipment
        insort(self.shipments_by_time, shipment, key=attrgetter("created"))
        request.shipments.append(shipment)
        for line in new.lines:
            self.add_line(request, line, at)
        return shipment

    def add_line(self, request: ReturnRequest, line: NewLine, at: datetime) -> LineItem:
        """A further line item of a return."""
        number = self.number("RL" if request.announced else "UNL", at)
        item = LineItem(
            id=self.new_id("line item"),
            request=request,
            number=number,
            reference=line.reference or number,
            description=line.description,
            weight=line.weight,
            value=line.value,
        )
        self.line_items[item.id] = item
        request.line_items.append(item)
        return item

    def queue_label(self, shipment: Shipment, at: datetime) -> Label:
        """A new label request for a shipment: its label from now on."""
        label = Label(id=self.new_id("label"), status="queued", created=at)
        self.labels[label.id] = shipment
        shipment.label, shipment.status = label, LABEL_REQUESTED
        return label

    def make_label(self, shipment: Shipment, label: Label) -> None:
        """The label is ready, with a tracking number."""
        stem = f"https://labels.example.com/{label.created:%Y%m}/{label.id}-{shipment.number}"
        label.status, label.url, label.error = "success", f"{stem}.pdf", None
        label.tracking_number = shipment.tracking_number = f"SAMPLE{label.id:010d}"
        if "USPS" in shipment.service:
            label.qr_code_url = f"{stem}.png"
        shipment.status = LABEL_READY

    def fail_label(self, shipment: Shipment, label: Label, error: str, status: str) -> None:
        """The carrier made none."""
        label.status, label.error = status, error
        shipment.status = LABEL_FAILED

    def arrive(self, shipment: Shipment, packages: int, images: int, at: datetime) -> list[Inventory]:
        """The shipment is in the warehouse: one inventory for each package (Return Helper API, Getting started, Return Inventory at Warehouse Arrival)."""
        shipment.received = at
        shipment.status = ARRIVED
        shipment.tracking_number = shipment.tracking_number or f"CARRIER{shipment.id:09d}"
        shipment.request.modified = at
        empty = [one for one in shipment.request.line_items if one.inventory is None]
        first = empty[0]
        items = [first, *(self._another(first, at) for _ in range(packages - 1))]
        return [self.store(item, shipment, images, at) for item in items]

    def _another(self, item: LineItem, at: datetime) -> LineItem:
        line = NewLine(description=item.description, weight=item.weight, value=item.value)
        return self.add_line(item.request, line, at)

    def store(
        self, item: LineItem, shipment: Shipment, images: int, at: datetime, *, rma: str | None = None
    ) -> Inventory:
        """A line item as an inventory, with as many pictures."""
        inventory = Inventory(
            id=self.new_id("inventory"),
            line_item=item,
            shipment=shipment,
            rma=rma or self.rma(shipment.warehouse_id, at),
            weight=item.weight,
            dimensions=shipment.dimensions,
            created=at,
        )
        item.inventory = inventory
        item.images = [picture(inventory, index) for index in range(images)]
        self.inventories[inventory.id] = inventory
        insort(self.inventories_by_time, inventory, key=attrgetter("created"))
        return inventory

    def split(self, vas: Vas, pieces: int, at: datetime) -> list[Inventory]:
        """The inventory of a VAS in pieces, each with a line item, an inventory and an RMA of its own."""
        parent = self.parent_of(vas)
        children = []
        for _ in range(pieces):
            line = NewLine(
                description=vas.line_item.description,
                weight=(vas.line_item.weight / pieces).quantize(Decimal("0.001")),
                value=vas.line_item.value,
            )
            item = self.add_line(vas.line_item.request, line, at)
            children.append(self.store(item, parent.shipment, 0, at, rma=self.split_rma(parent.rma)))
        return children

    def parent_of(self, vas: Vas) -> Inventory:
        """The inventory that a VAS is for."""
        if vas.line_item.inventory is None:
            raise ValueError("the line item has not arrived")
        return vas.line_item.inventory

    def add_service(self, item: LineItem, code: str, notes: str | None, quantity: int | None, at: datetime) -> Vas:
        """A VAS for the warehouse to do."""
        vas = Vas(id=self.new_id("vas"), line_item=item, code=code, notes=notes, quantity=quantity, created=at)
        self.services[vas.id] = vas
        item.services.append(vas)
        return vas

    def add_recall(self, inventories: Iterable[Inventory], at: datetime) -> Recall:
        """A recall of inventories that are in one warehouse."""
        entries = [RecallEntry(id=self.new_id("recall entry"), inventory=one) for one in inventories]
        recall = Recall(
            id=self.new_id("recall"),
            number=self.number("RCL", at),
            warehouse_id=entries[0].inventory.warehouse_id,
            entries=entries,
            created=at,
        )
        self.recalls[recall.id] = recall
        return recall

    def move(self, inventory: Inventory, handling: str, status: str, at: datetime) -> None:
        """Another handling, or another stage of it."""
        inventory.handling, inventory.handling_status, inventory.modified = handling, status, at
        inventory.completed = at if status == "completed" else None
        # "Any new code other than ohd or oth locks the RMA mapping"; `tbc` is no new code.
        inventory.rma_locked = inventory.rma_locked or handling not in ("tbc", "ohd", "oth")

    def find_inventory(self, inventory_id: int, name: str = "returnInventoryId") -> Inventory:
        """An inventory of the account.

        Raises:
            Invalid: there is none; that this is a validation failure is inferred.
        """
        if inventory_id not in self.inventories:
            raise invalid(name, f"{inventory_id} was not found")
        return self.inventories[inventory_id]


def picture(inventory: Inventory, index: int) -> str:
    """The URL of a picture; nothing is there."""
    return f"https://files.example.com/images/returns/{inventory.created:%Y%m}/{inventory.rma}-{index}.jpg"
