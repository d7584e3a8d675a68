"""The simulated calls around shipments, return requests and inventories, and the look-ups.

Paths are in the newest documented case and in no other.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypeAlias

from attrs import define

from returns_hub_return_helper.sandbox import records
from returns_hub_return_helper.sandbox import validation as checks
from returns_hub_return_helper.sandbox.records import API_ID, Inventory
from returns_hub_return_helper.sandbox.state import NewLine, NewParcel, State
from returns_hub_return_helper.sandbox.tables import (
    BOX_TYPES,
    LABEL_CANCELED,
    RESEND_SERVICES,
    RETURN_SERVICES,
    WAREHOUSES,
    Service,
    from_countries,
    lookups,
)
from returns_hub_return_helper.sandbox.validation import (
    PAGING,
    WINDOW,
    Endpoint,
    Field,
    Invalid,
    Parameter,
    Routes,
    invalid,
)
from returns_hub_return_helper.sandbox.webhooks import Outbox

Json: TypeAlias = dict[str, Any]

MAX_CUSTOM_FIELDS: Final = 24  # Return Helper API, Getting started, Custom Fields
INVENTORY_DAYS: Final = 62  # Return Helper API, List return inventories, Window semantics

_SHIP_FROM: Final[Mapping[str, Field]] = {
    "country": checks.word(from_countries()),
    "contactName": checks.text(),
    "phone": checks.text(),
    "email": checks.email(),
    "fax": checks.optional(checks.text(empty=True)),
    "street1": checks.text(),
    # Required by the legacy page; the newer one lists it among the optional.
    "street2": checks.optional(checks.text(empty=True)),
    "street3": checks.optional(checks.text(empty=True)),
    "state": checks.text(),
    "city": checks.text(),
    "postalCode": checks.text(),
}
_ITEM: Final[Mapping[str, Field]] = {
    "description": checks.text(),
    "weight": checks.positive(),
    "weightUom": checks.word(["g"]),
    "value": checks.positive(),
    "valueCurrencyCode": checks.word(["usd"]),
    "sellerReferenceNumber": checks.reference(),
    "customFieldMap": checks.optional(checks.texts()),
}
# Return Helper API, other pages. The currency is the legacy page's: `usd` only, in lower case.
NEW_SHIPMENT: Final[Mapping[str, Field]] = {
    "serviceTypeCode": checks.word(RETURN_SERVICES),
    "orderTitle": checks.text(),
    "orderNumber": checks.text(),
    "totalValue": checks.positive(),
    "totalValueCurrency": checks.word(["usd"]),
    "sellerReferenceNumber": checks.reference(),
    "remarks": checks.optional(checks.text(empty=True)),
    "shipment": checks.inside(
        {
            "shipToWarehouseId": checks.identifier_of(WAREHOUSES),
            "boxType": checks.word(BOX_TYPES),
            "sellerReferenceNumber": checks.reference(),
            "customFieldMap": checks.optional(checks.texts()),
            "shipFrom": checks.inside(_SHIP_FROM),
            "parcel": checks.inside(
                {
                    "weight": checks.positive(),
                    "weightUnit": checks.word(["g"]),
                    "length": checks.positive(),
                    "width": checks.positive(),
                    "height": checks.positive(),
                    "dimensionUnit": checks.word(["cm"]),
                    "items": checks.many(_ITEM),
                }
            ),
        }
    ),
}


@define(kw_only=True, eq=False)
class ReturnEndpoints:
    """Everything before handling."""

    state: State
    outbox: Outbox
    now: Callable[[], datetime]
    finish_label: Callable[[int], object]
    labels_at_once: bool
    shipment_days: int
    shipment_total: bool
    max_items: int
    dispose_code: str

    @property
    def routes(self) -> Routes:
        """The calls by method and path."""
        inventory = {"returnInventoryId": Parameter(checks.whole)}
        user: Mapping[tuple[str, str], Endpoint] = {
            ("POST", "ReturnShipment/createReturnShipment"): Endpoint(self._create, body=NEW_SHIPMENT),
            ("POST", "Label/CancelLabel"): Endpoint(self._cancel_label, body={"labelId": checks.identifier_either()}),
            ("GET", "Shipment/list"): Endpoint(self._list_shipments, WINDOW),
            ("GET", "returnrequest/getReturnRequest"): Endpoint(
                self._get_request, {"returnRequestId": Parameter(checks.whole)}
            ),
            ("POST", "returnrequest/updateRemark"): Endpoint(
                self._update_remark,
                body={"returnRequestId": checks.identifier_either(), "remarks": checks.text(empty=True)},
            ),
            ("GET", "ReturnInventory/list"): Endpoint(self._list_inventories, WINDOW),
            ("GET", "returninventory/getReturnInventory"): Endpoint(self._get_inventory, inventory),
            ("GET", "returninventory/getReturnInventoryByLineItemId"): Endpoint(
                self._get_by_line_item, {"lineItemId": Parameter(checks.whole)}
            ),
            ("POST", "returninventory/assignReturnInventorySku"): Endpoint(
                self._assign_sku, body={"returnInventoryId": checks.identifier(), "sku": checks.text()}
            ),
            ("GET", "ApiBalance/GetApiBalance"): Endpoint(
                # The legacy page requires both, the newer one shows none.
                _balances,
                {name: Parameter(one.read, one.check, required=False) for name, one in PAGING.items()},
            ),
            ("GET", "warehouse/getAllWarehouse"): Endpoint(lambda _: _warehouses(WAREHOUSES)),
            ("GET", "warehouse/getWarehouseByFromCountry"): Endpoint(
                lambda query: _warehouses(one.warehouse_id for one in _services_from(query["countryCode"])),
                {"countryCode": Parameter(checks.some)},
            ),
            ("GET", "warehouse/getWarehouse"): Endpoint(_warehouse, {"warehouseId": Parameter(checks.whole)}),
            ("GET", "Shipment/getShippingFeeListByFromShippingOption"): Endpoint(_return_quotes, _QUOTE),
            ("GET", "ServiceType/getAllReturnServiceType"): Endpoint(_return_services),
            ("GET", "servicetype/getServiceTypeByFromToCountry"): Endpoint(
                _services_of_lane, {"fromCountry": Parameter(checks.some), "toCountry": Parameter(checks.some)}
            ),
            ("GET", "servicetype/getServiceTypeByFromCountryAndWarehouse"): Endpoint(
                _services_to_warehouse, {"fromCountry": Parameter(checks.some), "warehouseId": Parameter(checks.whole)}
            ),
            ("GET", "Shipment/getAvailableShipmentServiceType"): Endpoint(
                _resend_services, {"warehouseId": Parameter(checks.whole)}
            ),
        }
        public: Mapping[str, Endpoint] = {
            "account/getApiInfo": Endpoint(
                lambda _: {"apiTypeCode": "user", "apiName": "Sandbox", "primayEmail": "sandbox@example.com"}
            ),
            **{path: _constant(lookup.payload) for path, lookup in lookups(self.dispose_code).items()},
        }
        cost = Endpoint(_buyer_cost, body=_BUYER_PARCEL)
        return {
            **{(method, f"/user/api/{path}"): endpoint for (method, path), endpoint in user.items()},
            **{("GET", f"/public/api/{path}"): endpoint for path, endpoint in public.items()},
            ("POST", "/public/api/shipment/calculateBuyerShipmentCost"): cost,
        }

    def _create(self, body: Json) -> Json:
        """``createReturnShipment``: what the fields cannot say one by one; then the record, and a queued label."""
        self._check_sums(body)
        shipment = body["shipment"]
        parcel = shipment["parcel"]
        at = self.now()
        new = self.state.announce(
            NewParcel(
                title=body["orderTitle"],
                order_number=body["orderNumber"],
                service=body["serviceTypeCode"],
                warehouse_id=shipment["shipToWarehouseId"],
                address=shipment["shipFrom"],
                lines=[
                    NewLine(
                        description=item["description"],
                        weight=Decimal(item["weight"]),
                        value=Decimal(item["value"]),
                        reference=item.get("sellerReferenceNumber"),
                    )
                    for item in parcel["items"]
                ],
                weight=Decimal(parcel["weight"]),
                dimensions=_sorted(parcel),
                box_type=shipment["boxType"],
                custom_fields=shipment.get("customFieldMap") or {},
                remarks=body.get("remarks"),
                request_reference=body.get("sellerReferenceNumber"),
                shipment_reference=shipment.get("sellerReferenceNumber"),
            ),
            at,
        )
        label = self.state.queue_label(new, at)
        reply = {
            "returnRequestId": new.request.id,
            "returnRequestNumber": new.request.number,
            "shipmentId": new.id,
            "referenceNumber": new.order_number,
            "labelId": label.id,
            "labelRequestStatusCode": label.status,
            "cost": new.cost,
            "costCurrencyCode": "usd",
            "apiId": API_ID,
            "refKey": new.number,
        }
        if self.labels_at_once:
            self.finish_label(new.id)
        return {"data": reply}

    def _check_sums(self, body: Json) -> None:
        shipment = body["shipment"]
        parcel, service = shipment["parcel"], RETURN_SERVICES[body["serviceTypeCode"]]
        items = parcel["items"]
        problems: dict[str, str] = {}
        if len(items) > self.max_items:
            # "Several items only if the account is configured for it, otherwise a validation soft error" (current).
            problems["shipment.parcel.items"] = f"must have at most {self.max_items}"
        if sum(item["value"] for item in items) != body["totalValue"]:
            problems["totalValue"] = "must be the sum of the items' values"
        if sum(item["weight"] for item in items) != parcel["weight"]:
            problems["shipment.parcel.weight"] = "must be the sum of the items' weights"
        if shipment["shipFrom"]["country"] not in service.countries:
            problems["serviceTypeCode"] = "does not serve this country"
        elif shipment["shipToWarehouseId"] != service.warehouse_id:
            problems["serviceTypeCode"] = "does not serve this warehouse"
        # Whether the items' entries count toward the 24 is not documented; here they do.
        fields = [shipment.get("customFieldMap"), *(item.get("customFieldMap") for item in items)]
        if sum(len(one or {}) for one in fields) > MAX_CUSTOM_FIELDS:
            problems["shipment.customFieldMap"] = f"must have at most {MAX_CUSTOM_FIELDS} entries"
        if problems:
            raise Invalid(problems)

    def _cancel_label(self, body: Json) -> Json:
        # Undocumented: that a superseded or cancelled label, or one of an arrived parcel, is refused.
        shipment = self.state.labels.get(int(body["labelId"]))
        label = shipment.label if shipment else None
        if shipment is None or label is None or label.id != int(body["labelId"]):
            raise invalid("labelId", "is not the label of a shipment")
        if label.status == "canceled" or shipment.received is not None:
            raise invalid("labelId", "can no longer be canceled")
        label.status, shipment.status = "canceled", LABEL_CANCELED
        return {}

    def _list_shipments(self, query: Json) -> Json:
        """``Shipment/list``. A parcel that nobody announced is in the inventory list only (undocumented)."""
        rows = checks.rows_of_window(self.state.shipments_by_time, query, self.shipment_days)
        announced = [one for one in rows if one.request.announced]
        return checks.page(announced, query, records.shipment_row, total=self.shipment_total)

    def _list_inventories(self, query: Json) -> Json:
        """Return Helper API, List return inventories."""
        rows = checks.rows_of_window(self.state.inventories_by_time, query, INVENTORY_DAYS)
        return checks.page(rows, query, records.inventory_row, total=True)

    def _get_request(self, query: Json) -> Json:
        request = self.state.requests.get(query["returnRequestId"])
        if request is None:
            raise invalid("returnRequestId", "was not found")
        return records.request_detail(request)

    def _update_remark(self, body: Json) -> Json:
        request = self.state.requests.get(int(body["returnRequestId"]))
        if request is None:
            raise invalid("returnRequestId", "was not found")
        request.remarks, request.modified = body["remarks"], self.now()
        return records.request_detail(request)

    def _get_inventory(self, query: Json) -> Json:
        return records.inventory_detail(self.state.find_inventory(query["returnInventoryId"]))

    def _get_by_line_item(self, query: Json) -> Json:
        item = self.state.line_items.get(query["lineItemId"])
        if item is None or item.inventory is None:
            raise invalid("lineItemId", "was not found")
        return records.inventory_detail(item.inventory)

    def _assign_sku(self, body: Json) -> Json:
        inventory: Inventory = self.state.find_inventory(body["returnInventoryId"])
        inventory.sku, inventory.modified = body["sku"], self.now()
        self.outbox.add("userUpdateReturnInventorySku", records.sku_updated(inventory))
        return records.inventory_detail(inventory)


def _sorted(parcel: Json) -> tuple[Decimal, Decimal, Decimal]:
    """``dimension1`` is the longest side and ``dimension3`` the shortest (current)."""
    longest, middle, shortest = sorted((Decimal(parcel[name]) for name in ("length", "width", "height")), reverse=True)
    return longest, middle, shortest


# Look-ups of both APIs


def _constant(payload: Json) -> Endpoint:
    return Endpoint(lambda _: payload)


def _balances(query: Json) -> Json:
    """Return Helper API, Getting started, its sample of a success, to the digit."""
    balances = [{"apiBalanceId": 7, "currencyCode": "usd", "balance": Decimal("2044.233")}]
    offset = query.get("offset", 0)
    return {"apiBalances": balances[offset : offset + query.get("pageSize", 50)], "totalNumberOfRecords": 1}


def _warehouses(ids: Iterable[int]) -> Json:
    return {"warehouses": [WAREHOUSES[one].wire for one in sorted(set(ids))]}


def _warehouse(query: Json) -> Json:
    if query["warehouseId"] not in WAREHOUSES:
        raise invalid("warehouseId", "was not found")
    return WAREHOUSES[query["warehouseId"]].wire


def _services_from(country: str) -> list[Service]:
    return [one for one in RETURN_SERVICES.values() if country in one.countries]


_ABOVE_ZERO: Final = Parameter(checks.decimal, lambda value: None if value > 0 else "must be greater than 0")
_QUOTE: Final[Mapping[str, Parameter]] = {
    "fromCountryCode": Parameter(checks.some),
    "fromPostalCode": Parameter(checks.some),
    "weight": _ABOVE_ZERO,
    # Called required, and missing from the vendor's own sample.
    **{
        name: Parameter(checks.decimal, _ABOVE_ZERO.check, required=False)
        for name in ("dimension1", "dimension2", "dimension3")
    },
    "limit": Parameter(checks.whole, checks.between(0), required=False),
}


def _return_quotes(query: Json) -> Json:
    """Ascending by fee; ``limit`` 0 is all."""
    found = sorted(_services_from(query["fromCountryCode"]), key=lambda one: one.fee)
    limit = query.get("limit", 0)
    details = [
        {
            "serviceTypeCode": one.code,
            "countryCode": query["fromCountryCode"],
            "postalCodePair": {"from": "", "to": WAREHOUSES[one.warehouse_id].postal_code},
            "currencyCode": "usd",
            "fee": one.fee,
            "warehouseList": [WAREHOUSES[one.warehouse_id].wire],
        }
        for one in (found[:limit] if limit else found)
    ]
    return {"data": {"shippingFeeDetailList": details}}


# "The legacy shipment payload": its address, box, weight and sides. Which of them are required is undocumented.
_BUYER_PARCEL: Final[Mapping[str, Field]] = {
    "warehouseId": checks.identifier_of(WAREHOUSES),
    "shipmentServiceType": checks.word(RETURN_SERVICES),
    "shipmentCountryCode": checks.word(from_countries()),
    **{f"shipment{name}": checks.text() for name in ("Name", "Street1", "State", "City", "PostalCode")},
    **{
        f"shipment{name}": checks.optional(checks.text(empty=True))
        for name in ("Phone", "Fax", "Email", "Street2", "Street3")
    },
    "boxType": checks.word(BOX_TYPES),
    "weight": checks.positive(),
    "weightUom": checks.word(["g"]),
    **{name: checks.optional(checks.positive()) for name in ("dimension1", "dimension2", "dimension3")},
    "dimensionUom": checks.word(["cm"]),
}


def _buyer_cost(body: Json) -> Json:
    """What the seller would pay, and no surcharge: how a buyer's price is made is documented nowhere."""
    service = RETURN_SERVICES[body["shipmentServiceType"]]
    if body["shipmentCountryCode"] not in service.countries or body["warehouseId"] != service.warehouse_id:
        raise invalid("shipmentServiceType", "does not serve this lane")
    return {
        "serviceTypeCode": service.code,
        "fromCountry": body["shipmentCountryCode"],
        "toCountry": WAREHOUSES[service.warehouse_id].country,
        "currencyCode": "usd",
        "rate": service.fee,
        "costDetails": {"label": service.fee},
    }


def _return_services(_: Json) -> Json:
    return {
        "availableReturnServiceTypeList": [
            one.short | {"fromCountry": country, "toCountry": WAREHOUSES[one.warehouse_id].country}
            for one in RETURN_SERVICES.values()
            for country in one.countries
        ]
    }


def _services_of_lane(query: Json) -> Json:
    found = _services_from(query["fromCountry"])
    return {"serviceTypes": [one.short for one in found if WAREHOUSES[one.warehouse_id].country == query["toCountry"]]}


def _services_to_warehouse(query: Json) -> Json:
    found = _services_from(query["fromCountry"])
    return {"serviceTypes": [one.short for one in found if one.warehouse_id == query["warehouseId"]]}


def _resend_services(query: Json) -> Json:
    """#9: the only source of codes for a resend."""
    warehouse_id = query["warehouseId"]
    if warehouse_id not in WAREHOUSES:
        raise invalid("warehouseId", "was not found")
    return {
        "data": [
            one.short
            | {
                "countryCodePairList": [
                    {
                        "warehouseId": warehouse_id,
                        "description": WAREHOUSES[warehouse_id].wire["description"],
                        "fromCountryCode": WAREHOUSES[warehouse_id].country,
                        "toCountryCode": country,
                    }
                    for country in one.countries
                ]
            }
            for one in RESEND_SERVICES
            if one.warehouse_id == warehouse_id
        ]
    }
