"""What the simulated Return Helper keeps, and how its API and its notifications show it.

Fields, order and types are those of the Return Helper legacy documentation, its tables (API) and its samples (notifications): codes are symbols in the API and mostly numbers in notifications, ids are numbers, and text where
a sample has text. Keys that a sample lacks are missing here too.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from operator import attrgetter
from typing import Any, Final, TypeAlias

from attrs import Factory, define, field

from returns_hub_return_helper.sandbox.tables import (
    HANDLING_NUMBERS,
    HANDLING_STATUS_NUMBERS,
    LABEL_NUMBERS,
    REQUEST_ARRIVED,
    REQUEST_OPEN,
    RESEND_NUMBERS,
    SHIPMENT_NUMBERS,
    VAS_STATUS_NUMBERS,
    WAREHOUSES,
)

Json: TypeAlias = dict[str, Any]

API_ID: Final = 21
_WAREHOUSE_API_ID: Final = 3
_CHANGED_NOW: Final = "0001-01-01T00:00:00"  # "never set", in two samples
_FILES: Final = "https://files.example.com"


def print_time(moment: datetime, *, zone: bool = False) -> str:
    """A time as the vendor prints it: UTC, mostly without saying so, with none to seven digits of a second."""
    seventh = moment.microsecond % 7 if moment.microsecond % 10 else 0  # Python's clock has six, the vendor's seven
    fraction = f"{moment.microsecond:06d}{seventh}".rstrip("0")
    text = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return text + (f".{fraction}" if fraction else "") + ("Z" if zone else "")


@define(kw_only=True, eq=False)
class ReturnRequest:
    """A return: what everything else hangs on."""

    id: int
    number: str
    reference: str
    title: str
    value: Decimal
    created: datetime
    announced: bool = True
    remarks: str | None = None
    modified: datetime = field(default=Factory(attrgetter("created"), takes_self=True))
    shipments: list["Shipment"] = field(factory=list, repr=False)
    line_items: list["LineItem"] = field(factory=list, repr=False)

    @property
    def inventories(self) -> list["Inventory"]:
        """What has arrived of it."""
        return [one.inventory for one in self.line_items if one.inventory is not None]


@define(kw_only=True, eq=False)
class Label:
    """A label request and what became of it."""

    id: int
    status: str
    created: datetime
    tracking_number: str | None = None
    url: str | None = None
    qr_code_url: str | None = None
    error: str | None = None

    @property
    def cutoff(self) -> datetime:
        """``cancelCutoffTime``: about 30 days after creation in one sample."""
        return self.created + timedelta(days=30)


@define(kw_only=True, eq=False)
class Shipment:
    """A parcel on its way to a warehouse. ``address`` has the names of ``shipFrom``."""

    id: int
    request: ReturnRequest = field(repr=False)
    number: str
    reference: str
    order_number: str | None
    service: str
    warehouse_id: int
    address: Mapping[str, str | None] = field(repr=False)
    box_type: str
    weight: Decimal
    dimensions: tuple[Decimal, Decimal, Decimal]
    custom_fields: Mapping[str, str]
    cost: Decimal
    status: int | str
    created: datetime
    tracking_number: str | None = None
    label: Label | None = None
    received: datetime | None = None

    @property
    def id_of_label(self) -> int:
        """0 where there is none."""
        return self.label.id if self.label else 0


@define(kw_only=True, eq=False)
class Vas:
    """A service that was asked of the warehouse for one line item."""

    id: int
    line_item: "LineItem" = field(repr=False)
    code: str
    notes: str | None
    quantity: int | None
    created: datetime
    status: str = "pending"
    result: str | None = None


@define(kw_only=True, eq=False)
class LineItem:
    """A line of a return; once it has arrived it has an inventory."""

    id: int
    request: ReturnRequest = field(repr=False)
    number: str
    reference: str
    description: str
    weight: Decimal
    value: Decimal
    images: list[str] = field(factory=list)
    services: list[Vas] = field(factory=list)
    inventory: "Inventory | None" = None


@define(kw_only=True, eq=False)
class Inventory:
    """One item in a warehouse."""

    id: int
    line_item: LineItem = field(repr=False)
    shipment: Shipment = field(repr=False)
    rma: str
    weight: Decimal
    dimensions: tuple[Decimal, Decimal, Decimal]
    created: datetime
    handling: str = "tbc"
    handling_status: str = "pending"
    sku: str | None = None
    warehouse_remarks: str | None = None
    completed: datetime | None = None
    rma_locked: bool = False
    meta: dict[str, Mapping[str, str]] = field(factory=dict)
    modified: datetime = field(default=Factory(attrgetter("created"), takes_self=True))

    @property
    def warehouse_id(self) -> int:
        """Where it lies."""
        return self.shipment.warehouse_id

    @property
    def has_pending_service(self) -> bool:
        """Whether the warehouse still has a VAS to do: handling, resend and recall are refused until then."""
        return any(one.status == "pending" for one in self.line_item.services)


@define(kw_only=True, eq=False)
class Resend:
    """An outbound parcel. ``shipping`` has the fields of ``resendShipment``."""

    id: int
    number: str
    inventories: list[Inventory]
    shipping: Mapping[str, Any] = field(repr=False)
    description: str | None
    remarks: str | None
    cost: Decimal
    created: datetime
    modified: datetime
    status: str = "pending"
    tracking_number: str | None = None
    error: str = ""


@define(kw_only=True, eq=False)
class RecallEntry:
    """One inventory of a recall."""

    id: int
    inventory: Inventory = field(repr=False)
    status: str = "in-progress"
    pick_up: str = "pending"
    tracking_number: str | None = None
    list_name: str | None = None
    weight: Decimal | None = None
    amount: Decimal | None = None
    courier_tracking_number: str | None = None


@define(kw_only=True, eq=False)
class Recall:
    """Stock of one warehouse on its way to Hong Kong."""

    id: int
    number: str
    warehouse_id: int
    entries: list[RecallEntry]
    created: datetime
    status: str = "pending"


# The API


def _audit(created: datetime, modified: datetime) -> Json:
    return {
        "modifyOn": print_time(modified),
        "modifyBy": str(API_ID),
        "modifyOnStr": print_time(modified),
        "createOn": print_time(created),
        "createBy": str(API_ID),
        "createOnStr": print_time(created),
    }


def shipment_row(shipment: Shipment) -> Json:
    """A row of ``Shipment/list``: the ten fields of the legacy table, and the label status of which the newer page speaks."""
    return {
        "shipmentId": shipment.id,
        "shipmentNumber": shipment.number,
        "returnRequestId": shipment.request.id,
        "labelId": shipment.id_of_label,
        "shipmentStatusCode": shipment.status,
        "labelRequestStatusCode": shipment.label.status if shipment.label else None,
        "referenceNumber": shipment.order_number,
        "warehouseId": shipment.warehouse_id,
        "shipmentServiceType": shipment.service,
        "shipmentCountryCode": shipment.address["country"],
        "createOn": print_time(shipment.created),
    }


def inventory_row(inventory: Inventory) -> Json:
    """A row of ``ReturnInventory/list`` (Return Helper API, List return inventories, Response)."""
    return {
        "returnInventoryId": inventory.id,
        "returnRequestId": inventory.line_item.request.id,
        "returnRequestLineItemId": str(inventory.line_item.id),
        "rma": inventory.rma,
        "itemRma": None,
        "sku": inventory.sku,
        "handlingCode": inventory.handling,
        "handlingStatusCode": inventory.handling_status,
        "warehouseId": inventory.warehouse_id,
        "createOn": print_time(inventory.created),
    }


def inventory_detail(inventory: Inventory) -> Json:
    """What ``getReturnInventory`` answers with."""
    item = inventory.line_item
    return {
        "returnInventoryId": inventory.id,
        "warehouseId": inventory.warehouse_id,
        "returnRequestLineItemId": item.id,
        "returnRequestId": item.request.id,
        "sellerReferenceNumber": item.reference,
        "rma": inventory.rma,
        "description": item.description,
        "weight": inventory.weight,
        "weightUom": "g",
        "valueCurrencyCode": "usd",
        "value": item.value,
        "handlingCode": inventory.handling,
        "handlingStatusCode": inventory.handling_status,
        "returnRequestLineItemImages": [_image(item, index) for index in range(len(item.images))],
        "returnRequestLineItemVasList": [service_detail(one) for one in item.services],
        "warehouseRemarks": inventory.warehouse_remarks,
        # `...OnStr` "may hold YYYY-MM-DD HH:MM:SS.ffff with a blank instead of T".
        "handlingUpdatedOnStr": inventory.modified.strftime("%Y-%m-%d %H:%M:%S.%f")[:-2],
        "sku": inventory.sku,
        **_audit(inventory.created, inventory.modified),
    }


def _image(item: LineItem, index: int) -> Json:
    key = item.images[index].removeprefix(_FILES + "/")
    return {
        "returnRequestLineItemImageId": item.id * 100 + index,
        "returnRequestLineItemId": item.id,
        "filename": key.rsplit("/", 1)[-1],
        "fileExt": ".jpg",
        "s3OriginalFileKey": key,
        "s3SmallFileKey": key,
        "s3MediumFileKey": key,
        "s3LargeFileKey": key,
        "createOn": print_time(item.request.created),
        "createBy": str(_WAREHOUSE_API_ID),
    }


def service_detail(vas: Vas) -> Json:
    """The VAS object of an inventory."""
    return {
        "returnRequestLineItemVasId": vas.id,
        "returnRequestLineItemId": vas.line_item.id,
        "vasCode": vas.code,
        "metaQuantity": vas.quantity,
        "vasResult": vas.result,
        "notes": vas.notes,
        "isFinished": vas.status != "pending",
        **_audit(vas.created, vas.created),
    }


def request_detail(request: ReturnRequest) -> Json:
    """What ``getReturnRequest`` answers with; of ``returnStatusCode`` only numbers are shown."""
    return {
        "returnRequestId": request.id,
        "returnRequestNumber": request.number,
        "sellerReferenceNumber": request.reference,
        "returnStatusCode": REQUEST_ARRIVED if request.inventories else REQUEST_OPEN,
        "returnTitle": request.title,
        "totalValue": request.value,
        "totalValueCurrency": "usd",
        "warehouseRma": None,
        "remarks": request.remarks,
        "isArchived": False,
        "returnRequestFrom": "return-helper",
        **_audit(request.created, request.modified),
        "returnRequestLineItems": [_line_item_detail(one) for one in request.line_items],
        "shipments": [_shipment_detail(one) for one in request.shipments],
    }


def _line_item_detail(item: LineItem) -> Json:
    return {
        "returnRequestLineItemId": item.id,
        "returnRequestId": item.request.id,
        "returnRequestLineItemNumber": item.number,
        "description": item.description,
        "weight": item.weight,
        "weightUom": "g",
        "valueCurrencyCode": "usd",
        "value": item.value,
        "handlingCode": item.inventory.handling if item.inventory else "tbc",
        "itemRma": item.inventory.rma if item.inventory else None,
        "returnRequestLineItemImages": [_image(item, index) for index in range(len(item.images))],
        "returnRequestLineItemVasList": [service_detail(one) for one in item.services],
    }


def _shipment_detail(shipment: Shipment) -> Json:
    return {
        **_parcel(shipment),
        "shipmentStatusCode": shipment.status,
        "receiveDateStr": print_time(shipment.received) if shipment.received else None,
        "label": None if shipment.label is None else _label_with_addresses(shipment, shipment.label),
        "shipmentCostDetail": [{"shipmentCostTypeCode": "label", "detailCost": shipment.cost}],
    }


def _parcel(shipment: Shipment) -> Json:
    """What the API and the notifications say alike of a shipment (Shipment payload)."""
    return {
        "shipmentId": shipment.id,
        "returnRequestId": shipment.request.id,
        "labelId": shipment.id_of_label,
        "warehouseId": shipment.warehouse_id,
        "shipmentNumber": shipment.number,
        "sellerReferenceNumber": shipment.reference,
        "shipmentServiceType": shipment.service,
        **_named("shipment", shipment.address),
        "costCurrencyCode": "usd",
        "cost": shipment.cost,
        "boxType": shipment.box_type,
        "weight": shipment.weight,
        "weightUom": "g",
        **_size(shipment.dimensions),
        "isRrLabel": shipment.request.announced,
        "referenceNumber": shipment.order_number,
    }


def _size(dimensions: Sequence[Decimal | None]) -> Json:
    """Three sides in centimetres, the longest first."""
    return {**{f"dimension{index}": side for index, side in enumerate(dimensions, 1)}, "dimensionUom": "cm"}


def _named(prefix: str, address: Mapping[str, str | None]) -> Json:
    """An address under the names of a shipment or of one side of a label."""
    return {
        f"{prefix}CountryCode": address["country"],
        f"{prefix}Name": address["contactName"],
        f"{prefix}Phone": address["phone"],
        f"{prefix}Fax": address.get("fax"),
        f"{prefix}Email": address["email"],
        f"{prefix}Street1": address["street1"],
        f"{prefix}Street2": address.get("street2"),
        f"{prefix}Street3": address.get("street3"),
        f"{prefix}State": address["state"],
        f"{prefix}City": address["city"],
        f"{prefix}PostalCode": address["postalCode"],
    }


def _label_with_addresses(shipment: Shipment, label: Label) -> Json:
    target = WAREHOUSES[shipment.warehouse_id].wire
    target["country"] = target["countryCode"]
    return {
        "labelId": label.id,
        "shipmentId": shipment.id,
        **_label_result(shipment, label),
        **_named("from", shipment.address),
        **_named("to", target),
        "carrier": None,
    }


def _label_result(shipment: Shipment, label: Label) -> Json:
    """What reply and notification say of a label alike."""
    return {
        "refKey": shipment.number,
        "labelRequestId": label.id,
        "labelRequestStatusCode": label.status,
        "serviceType": shipment.service,
        "trackingNumber": label.tracking_number,
        "labelUrl": label.url,
        "error": label.error,
        "qrcodeUrl": label.qr_code_url,
        "qrcodeError": None,
    }


def resend_detail(resend: Resend) -> Json:
    """What ``getResend`` answers with. ``returnInventoryId`` and the line item are those of the first one."""
    first = resend.inventories[0]
    return {
        "resendId": resend.id,
        "returnInventoryId": first.id,
        "resendNumber": resend.number,
        "resendStatusCode": resend.status,
        "description": resend.description,
        "remarks": resend.remarks,
        "warehouseRemarks": None,
        "warehouseId": first.warehouse_id,
        "returnRequestLineItemId": first.line_item.id,
        "returnRequestLineItemNumber": first.line_item.number,
        "resendShipmentList": [resend_shipment(resend)],
        **_audit(resend.created, resend.modified),
    }


def resend_shipment(resend: Resend) -> Json:
    """The one shipment of a resend."""
    return {
        "resendShipmentId": resend.id,
        "apiId": API_ID,
        "resendId": resend.id,
        "warehouseId": resend.inventories[0].warehouse_id,
        "resendShipmentNumber": resend.number.replace("RSD", "RSDS"),
        "shipmentServiceType": resend.shipping["shipmentServiceType"],
        "shipmentCountryCode": resend.shipping["shipmentCountryCode"],
        "shipmentName": resend.shipping["shipmentName"],
        "shipmentPhone": resend.shipping["shipmentPhone"],
        "shipmentFax": resend.shipping.get("shipmentFax"),
        "shipmentEmail": resend.shipping.get("shipmentEmail"),
        "shipmentStreet1": resend.shipping["shipmentStreet1"],
        "shipmentStreet2": resend.shipping["shipmentStreet2"],
        "shipmentStreet3": resend.shipping.get("shipmentStreet3"),
        "shipmentState": resend.shipping["shipmentState"],
        "shipmentCity": resend.shipping["shipmentCity"],
        "shipmentPostalCode": resend.shipping["shipmentPostalCode"],
        "trackingNumber": resend.tracking_number,
        **_stamps(resend.created, resend.modified),
        "costCurrencyCode": "usd",
        "cost": resend.cost,
        "chargeTypeCode": "actualWeight",
        "chargeableWeight": sum(one.weight for one in resend.inventories),
        "shipmentLabelId": f"00000000-0000-4000-8000-{resend.id:012d}",
        "error": resend.error,
    }


def recall_detail(recall: Recall, entries: Iterable[RecallEntry] | None = None) -> Json:
    """A recall as every recall call shows it; the notifications leave the warehouse out."""
    return {
        "apiId": API_ID,
        "recallId": recall.id,
        "warehouseId": recall.warehouse_id,
        "recallNumber": recall.number,
        "recallStatusCode": recall.status,
        "warehouseRemarks": None,
        "recallInventoryList": [_recall_entry(one) for one in (recall.entries if entries is None else entries)],
    }


def _recall_entry(entry: RecallEntry) -> Json:
    return {
        "recallInventoryId": entry.id,
        "returnInventoryId": entry.inventory.id,
        "recallInventoryStatusCode": entry.status,
        "pickUpCode": entry.pick_up,
        "trackingNumber": entry.tracking_number,
        "listName": entry.list_name,
        "weight": entry.weight,
        "amount": entry.amount,
        "pickUpOn": None,  # "even when picked up"
        "courierTrackingNumber": entry.courier_tracking_number,
        "remarks": None,
        "recallServiceType": "dhl",
        "rma": entry.inventory.rma,
    }


# The notifications: samples of the legacy documentation


def _stamps(created: datetime, modified: datetime) -> Json:
    """The audit fields of notifications: the later one mostly has a zone, the earlier one not."""
    return {
        "modifyOn": print_time(modified, zone=True),
        "modifyBy": str(_WAREHOUSE_API_ID),
        "createOn": print_time(created),
        "createBy": str(API_ID),
    }


def label_generated(shipment: Shipment, label: Label) -> Json:
    """``labelGenerated``."""
    mirrored = label.url is not None
    failed = (
        {"failReasons": ["CARRIER_ERROR"], "errorMessages": [label.error]} if label.error else {}
    )  # Return Helper API, Getting started, Recipe 1
    return {
        "label": {
            "correlationId": None,
            "meta": None,
            **({"regions": {"RHCN": label.url}} if mirrored else {}),
            "labelId": label.id,
            "referenceNumber": shipment.order_number,
            "shipmentId": shipment.id,
            "apiId": API_ID,
            **_label_result(shipment, label),
            "cancelCutoffTime": print_time(label.cutoff),
            **failed,
        }
    }


def shipment_arrived(shipment: Shipment) -> Json:
    """``markShipmentArrive``, version 2: ids are text."""
    return {
        "shipment": {
            "shipmentId": str(shipment.id),
            "sellerReferenceNumber": shipment.reference,
            **_arrival(shipment),
        }
    }


def _arrival(shipment: Shipment) -> Json:
    return {
        "returnRequestId": str(shipment.request.id),
        "trackingNumber": shipment.tracking_number,
        "referenceNumber": shipment.order_number or "",
        "serviceType": shipment.service,
        "customFieldMap": dict(shipment.custom_fields),
        "shipToWarehouseId": shipment.warehouse_id,
        "receiveDate": print_time(_received(shipment), zone=True),
    }


def _received(shipment: Shipment) -> datetime:
    return shipment.received or shipment.created


def shipment_arrived_v1(shipment: Shipment, inventories: Iterable[Inventory]) -> Json:
    """``markShipmentArrive``: the same pair of category and action, another shape."""
    arrived = list(inventories)
    return {
        "returnInventoryList": [_inventory(one, measured=True) for one in arrived],
        "returnRequest": _request(shipment.request),
        "shipment": _shipment(shipment) | {"chargeTypeCode": "noCharge", "chargeableWeight": Decimal("0.0")},
        "label": _arrived_label(shipment),
        "lineItems": [_line_item(one.line_item) for one in arrived],
    }


def inventory_created(inventory: Inventory) -> Json:
    """``newInventoryCreated``: ids are text, codes are symbols, and the line item is not named."""
    item, shipment = inventory.line_item, inventory.shipment
    custom = {"metaType": "shipmentCustomField", "metaMap": dict(shipment.custom_fields)}
    return {
        "returnInventory": {
            "returnInventoryId": str(inventory.id),
            "warehouseId": inventory.warehouse_id,
            "apiId": API_ID,
            "description": item.description,
            "quantity": 1,
            **_size(inventory.dimensions),
            "weight": inventory.weight,
            "weightUom": "g",
            "valueCurrencyCode": "usd",
            "value": item.value,
            "handlingCode": inventory.handling,
            "handlingStatusCode": inventory.handling_status,
            "completeOn": None,
            "warehouseRemarks": inventory.warehouse_remarks,
            "handlingUpdatedOn": print_time(inventory.modified),
            "sku": inventory.sku,
            "rma": inventory.rma,
            "modifyOn": print_time(inventory.modified),
            "createOn": print_time(inventory.created),
            "imageList": [{"imageUrl": url, "imageKey": url.removeprefix(_FILES + "/")} for url in item.images],
            "returnInventoryMetaList": [custom] if shipment.custom_fields else [],
        },
        "shipment": {"shipmentId": str(shipment.id), **_arrival(shipment)},
    }


def unknown_assigned(shipment: Shipment, inventories: Iterable[Inventory]) -> Json:
    """``assignUnknown``: numbers for codes, a number even for the service, ``N/A`` for the label's URL."""
    arrived = list(inventories)
    return {
        "returnRequest": _request(shipment.request),
        "shipment": _shipment(shipment) | {"shipmentServiceType": 9},
        "label": _arrived_label(shipment) | {"serviceType": "unkwn", "labelUrl": "N/A"},
        "returnInventoryList": [_inventory(one, measured=False) for one in arrived],
        "returnRequestLineItemIncludeImageList": [
            {"imageUrlList": list(one.line_item.images), "returnRequestLineItem": _line_item(one.line_item)}
            for one in arrived
        ],
    }


def _request(request: ReturnRequest) -> Json:
    return {
        "returnRequestId": request.id,
        "apiId": API_ID,
        "returnRequestNumber": request.number,
        "sellerReferenceNumber": request.reference,
        "returnStatusCode": 0,
        "returnTitle": request.title,
        "totalValue": request.value,
        "totalValueCurrency": "usd",
        "remarks": request.remarks,
        "isArchived": False,
        "returnRequestSourceType": 0,
        **_stamps(request.created, request.modified),
    }


def _shipment(shipment: Shipment) -> Json:
    return {
        **_parcel(shipment),
        "apiId": API_ID,
        "apiTransactionId": 0,
        "shipmentStatusCode": SHIPMENT_NUMBERS.get(shipment.status, shipment.status),
        "receiveDate": print_time(_received(shipment), zone=True),
        **_stamps(shipment.created, _received(shipment)),
    }


def _arrived_label(shipment: Shipment) -> Json:
    label = shipment.label or Label(id=0, status="success", created=shipment.created)
    return {
        **_label_with_addresses(shipment, label),
        "apiId": API_ID,
        "labelRequestStatusCode": LABEL_NUMBERS[label.status],
        "trackingNumber": shipment.tracking_number,
        "toCompany": None,
        "fromCompany": None,
        "referenceNumber": None,
        "cancelCutoffTime": print_time(label.cutoff),
        **_stamps(label.created, label.created),
    }


def _line_item(item: LineItem) -> Json:
    handling = item.inventory.handling if item.inventory else "tbc"
    return {
        "returnRequestLineItemId": item.id,
        "apiId": API_ID,
        "returnRequestId": item.request.id,
        "returnRequestLineItemNumber": item.number,
        "sellerReferenceNumber": item.reference,
        "description": item.description,
        "quantity": 1,
        "weight": item.weight,
        "weightUom": "g",
        "valueCurrencyCode": "usd",
        "value": item.value,
        "handlingCode": HANDLING_NUMBERS.get(handling, handling),
        "isDeleted": False,
    }


def _inventory(inventory: Inventory, *, measured: bool, with_rma: bool = True) -> Json:
    """An inventory in numbers; ``measured`` with its dimensions, which not every sample has."""
    item = inventory.line_item
    size = {**_size(inventory.dimensions), "canRecalibrate": True}
    return {
        "returnInventoryId": inventory.id,
        "warehouseId": inventory.warehouse_id,
        "returnRequestLineItemId": item.id,
        "apiId": API_ID,
        "returnRequestId": item.request.id,
        "returnRequestLineItemNumber": item.number,
        "sellerReferenceNumber": item.reference,
        "description": item.description,
        "quantity": 1,
        **(size if measured else {}),
        "weight": inventory.weight,
        "weightUom": "g",
        "valueCurrencyCode": "usd",
        "value": item.value,
        "handlingCode": HANDLING_NUMBERS.get(inventory.handling, inventory.handling),
        "handlingStatusCode": HANDLING_STATUS_NUMBERS.get(inventory.handling_status, inventory.handling_status),
        "completeBy": str(_WAREHOUSE_API_ID) if inventory.completed else None,
        "completeOn": print_time(inventory.completed, zone=True) if inventory.completed else None,
        "warehouseRemarks": inventory.warehouse_remarks,
        "handlingUpdatedOn": print_time(inventory.modified, zone=True),
        "stopAgingOn": None,
        "sku": inventory.sku,
        **({"rma": inventory.rma} if with_rma else {}),
        "warehouseApiId": _WAREHOUSE_API_ID,
        **_stamps(inventory.created, inventory.modified),
    }


def recall_updated(recall: Recall, entries: Iterable[RecallEntry], update: str) -> Json:
    """``recallUpdateStatus``; only the entries that it concerns (inferred)."""
    body = recall_detail(recall, entries)
    del body["warehouseId"]
    return {"recall": body, "recallUpdateTypeStatus": update}


def resend_updated(resend: Resend) -> Json:
    """``updateResendStatus``: in both samples the inventories still say ``ohd``."""
    return {
        "resend": _resend(resend),
        "resendShipmentList": [resend_shipment(resend)],
        "returnInventoryList": [
            _inventory(one, measured=False) | {"handlingCode": HANDLING_NUMBERS["ohd"], "handlingStatusCode": 0}
            for one in resend.inventories
        ],
    }


def _resend(resend: Resend) -> Json:
    return {
        "resendId": resend.id,
        "apiId": API_ID,
        "resendNumber": resend.number,
        "resendStatusCode": RESEND_NUMBERS[resend.status],
        "description": resend.description,
        "remarks": resend.remarks,
        "warehouseRemarks": None,
        **_stamps(resend.created, resend.modified),
    }


def resend_tracking_updated(resend: Resend) -> Json:
    """``updateResendTrackingNumber``, deprecated: no inventories."""
    return {
        "resend": _resend(resend),
        "trackingNumber": resend.tracking_number,
        "failureReason": resend.error or None,
    }


def services_updated(services: Iterable[Vas]) -> Json:
    """``vasUpdated``: names nothing but the VAS."""
    return {"updateVasList": [_service_update(one) for one in services]}


def _service_update(vas: Vas) -> Json:
    inventory = vas.line_item.inventory
    return {
        "returnRequestLineItemVasId": vas.id,
        "vasResult": vas.result,
        "weight": inventory.weight if inventory else None,
        "weightUom": "g",
        **_size(inventory.dimensions if inventory else (None, None, None)),
        "vasStatusCode": VAS_STATUS_NUMBERS[vas.status],
        "imageUrlList": None,
    }


def line_item_split(vas: Vas, children: Iterable[Inventory]) -> Json:
    """``splitLineItem``: the children's RMAs come with their ``newInventoryCreated``."""
    return {
        "returnRequestId": vas.line_item.request.id,
        "returnRequestLineItemId": vas.line_item.id,
        "returnRequestLineItemVasId": vas.id,
        "vasStatusCode": vas.status.upper(),
        "splitLineItemAndReturnInventoryList": [
            {
                "returnRequestLineItem": _line_item(one.line_item) | {"isFraudulent": False, "fraudReasonCode": None},
                "returnInventory": _inventory(one, measured=False, with_rma=False) | {"handlingUpdatedOn": None},
                "returnRequestLineItemSupplement": _supplement(one),
            }
            for one in children
        ],
    }


def _supplement(inventory: Inventory) -> Json:
    return {
        "returnRequestLineItemSupplementId": inventory.id,
        "returnRequestLineItemId": inventory.line_item.id,
        "weight": inventory.weight,
        "weightUom": "g",
        **_size(inventory.dimensions),
        **_stamps(inventory.created, inventory.modified),
        "canRecalibrate": True,
    }


def images_changed(item: LineItem) -> Json:
    """``changeLineItemImage``: the list is the whole new state, and the inventory is not named."""
    return {"imageUrlList": list(item.images), "returnRequestLineItem": _line_item(item)}


def handling_updated(inventory: Inventory) -> Json:
    """``completeInventoryHandling``: completed or (body inferred) cancelled; no RMA."""
    return {"returnInventory": _inventory(inventory, measured=False, with_rma=False)}


def recalibrated(inventory: Inventory) -> Json:
    """``completeRecalibrate``: no units."""
    length, width, height = inventory.dimensions
    return {
        "recalibrateSupplement": {
            "warehouseId": inventory.warehouse_id,
            "returnInventoryId": inventory.id,
            "returnRequestLineItemId": inventory.line_item.id,
            "rma": inventory.rma,
            "dimension1": length,
            "dimension2": width,
            "dimension3": height,
            "weight": inventory.weight,
            "recalibratedOn": print_time(inventory.modified, zone=True),
        }
    }


def rma_swapped(inventory: Inventory, old: str) -> Json:
    """``notifyUserRmaSwapped``: the id is text."""
    return {
        "payload": {
            "userApiId": API_ID,
            "clientCode": f"RH{API_ID}",
            "returnInventoryId": str(inventory.id),
            "oldRma": old,
            "newRma": inventory.rma,
        }
    }


def meta_updated(inventory: Inventory) -> Json:
    """``updateReturnInventoryMeta``."""
    return {
        "returnInventory": _inventory(inventory, measured=True),
        "returnInventoryMetaList": [
            {"returnInventoryId": inventory.id, "metaType": kind, "metaMap": dict(values)}
            for kind, values in inventory.meta.items()
        ],
    }


def remarks_updated(inventory: Inventory) -> Json:
    """``warehouseUpdateWarehouseRemarks``: codes of request and shipment are numbers in text, those of the inventory symbols."""
    shipment = inventory.shipment
    body = _worded_request(shipment.request)
    parcel = _parcel(shipment) | {
        "shipmentStatusCode": str(SHIPMENT_NUMBERS.get(shipment.status, shipment.status)),
        "shipmentServiceType": "9",
        "receiveDateStr": None,
        **_stamps_without_text(shipment.created, _received(shipment)),
    }
    return {"returnRequest": body, "shipment": parcel, "returnInventory": _worded_inventory(inventory)}


def sku_updated(inventory: Inventory) -> Json:
    """``userUpdateReturnInventorySku``."""
    return {
        "returnRequest": _worded_request(inventory.line_item.request),
        "returnInventory": _worded_inventory(inventory),
    }


def _stamps_without_text(created: datetime, modified: datetime) -> Json:
    return {
        "modifyOn": print_time(modified),
        "modifyBy": str(_WAREHOUSE_API_ID),
        "modifyOnStr": None,
        "createOn": print_time(created),
        "createBy": str(_WAREHOUSE_API_ID),
        "createOnStr": None,
    }


def _worded_request(request: ReturnRequest) -> Json:
    return {
        "returnRequestId": request.id,
        "returnRequestNumber": request.number,
        "sellerReferenceNumber": request.reference,
        "returnStatusCode": "0",
        "returnTitle": request.title,
        "totalValue": request.value,
        "totalValueCurrency": "usd",
        "remarks": request.remarks,
        "isArchived": False,
        "returnRequestFrom": "return-helper",
        **_stamps_without_text(request.created, request.modified),
    }


def _worded_inventory(inventory: Inventory) -> Json:
    detail = inventory_detail(inventory)
    kept = ("returnInventoryId", "warehouseId", "returnRequestLineItemId", "returnRequestId")
    more = ("sellerReferenceNumber", "description", "weight", "weightUom", "valueCurrencyCode", "value")
    codes = ("handlingCode", "handlingStatusCode", "warehouseRemarks", "handlingUpdatedOnStr", "sku")
    return {
        **{name: detail[name] for name in (*kept, *more, *codes)},
        "returnRequestLineItemNumber": inventory.line_item.number,
        "modifyOn": _CHANGED_NOW,
        "modifyBy": None,
        "modifyOnStr": None,
        "createOn": _CHANGED_NOW,
        "createBy": None,
        "createOnStr": None,
    }
