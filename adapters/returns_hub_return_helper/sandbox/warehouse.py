"""The simulated calls that instruct a warehouse: handling, VAS, resend, recall.

Sources: Return Helper API, other pages. The vendor speaks of a state machine of handling and shows two of its rules: from
``pending``, on hold is always allowed; and nothing moves while a VAS is pending. The rest is inferred: what the warehouse has
begun or completed does not move, and what is on its way out by resend or recall is first cancelled there.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from attrs import define, field

from returns_hub_return_helper.sandbox import records
from returns_hub_return_helper.sandbox import validation as checks
from returns_hub_return_helper.sandbox.records import Inventory, LineItem, Recall, Resend, Vas
from returns_hub_return_helper.sandbox.state import State
from returns_hub_return_helper.sandbox.tables import (
    COUNTRIES,
    RESEND_SERVICES,
    SPLIT,
    VAS,
    WAREHOUSES,
    Service,
    handlings,
)
from returns_hub_return_helper.sandbox.validation import Endpoint, Field, Invalid, Parameter, Routes, invalid
from returns_hub_return_helper.sandbox.webhooks import Outbox

Json: TypeAlias = dict[str, Any]

MAX_RECALLED: Final = 100  # Return Helper API, Getting started, Recall
MAX_PIECES: Final = 50  # legacy, split parcel
MOST_PICTURES: Final = 100  # made up: the legacy text only wants more than none

_VAS_DETAILS: Final[Mapping[str, Field]] = {
    "vasCode": checks.word(VAS),
    "notes": checks.optional(checks.text(empty=True)),
    "metaQuantity": checks.optional(checks.count(1, MOST_PICTURES)),
    "vasFileList": checks.optional(checks.many({"filename": checks.text(), "fileKey": checks.text()})),
}
_RESEND_SHIPMENT: Final[Mapping[str, Field]] = {
    "shipmentServiceType": checks.word({one.code for one in RESEND_SERVICES}),
    "shipmentCountryCode": checks.word(COUNTRIES),
    "shipmentName": checks.text(255),
    "shipmentPhone": checks.text(),
    "shipmentStreet1": checks.text(255),
    "shipmentStreet2": checks.text(empty=True),  # required, and "" in the legacy sample
    "shipmentStreet3": checks.optional(checks.text(empty=True)),
    "shipmentState": checks.text(),
    "shipmentCity": checks.text(50),
    "shipmentPostalCode": checks.text(50),
    # Required by the legacy page; the newer example has them among the optional.
    "shipmentEmail": checks.optional(checks.email()),
    "shipmentFax": checks.optional(checks.text(empty=True)),
}


@define(kw_only=True, eq=False)
class WarehouseEndpoints:
    """Everything from the arrival on."""

    state: State
    outbox: Outbox
    now: Callable[[], datetime]
    dispose_code: str
    max_resent: int
    vas_ids: bool
    upload_url: str = field(default="", init=False)
    slots: dict[str, str] = field(factory=dict, init=False)
    uploads: dict[str, bytes] = field(factory=dict, init=False)

    @property
    def routes(self) -> Routes:
        """The calls by method and path."""
        inventory = {"returnInventoryId": checks.identifier()}
        details = checks.many(_VAS_DETAILS)
        by_inventory = {"returnInventoryId": checks.identifier_text(), "createVasDetailList": details}
        by_line_item = {"returnRequestLineItemId": checks.identifier_text(), "createVasDetailList": details}
        recalled = {"returnInventoryIdList": checks.identifiers(MAX_RECALLED)}
        user = {
            ("POST", "ReturnInventory/UpdateReturnInventoryHandling"): Endpoint(
                self._update, body={**inventory, "handlingCode": checks.word(self._settable)}
            ),
            ("POST", "ReturnInventory/CancelReturnInventoryHandling"): Endpoint(self._cancel, body=inventory),
            ("POST", "Vas/CreateByReturnInventoryId"): Endpoint(
                self._create_services, body={"createVasList": checks.many(by_inventory)}
            ),
            ("POST", "returnrequest/createVas"): Endpoint(
                self._create_services_by_line_item, body={"createVasPayloadList": checks.many(by_line_item)}
            ),
            ("POST", "Resend/createResend"): Endpoint(
                self._create_resend,
                body={
                    "returnInventoryIdList": checks.identifiers(),
                    "description": checks.optional(checks.text(empty=True)),
                    "remarks": checks.optional(checks.text(empty=True)),
                    "resendShipment": checks.inside(_RESEND_SHIPMENT),
                },
            ),
            ("GET", "resend/getResend"): Endpoint(
                lambda query: records.resend_detail(self._resend(query["resendId"])),
                {"resendId": Parameter(checks.whole)},
            ),
            ("POST", "Resend/cancelResend"): Endpoint(self._cancel_resend, body={"resendId": checks.identifier()}),
            ("GET", "Resend/getShippingFeeListByToShippingOption"): Endpoint(
                self._resend_quotes,
                {
                    "returnInventoryIdList": Parameter(checks.whole, many=True),
                    "toCountryCode": Parameter(checks.some),
                    "toPostalCode": Parameter(checks.some),
                },
            ),
            ("POST", "Recall/createRecallByReturnInventoryId"): Endpoint(self._create_recalls, body=recalled),
            ("POST", "Recall/createRecall"): Endpoint(self._create_recall, body=recalled),
            ("POST", "Recall/cancelRecallByReturnInventoryId"): Endpoint(
                self._cancel_recalled, body={"returnInventoryIdList": checks.identifiers()}
            ),
            ("POST", "Recall/cancelRecall"): Endpoint(
                self._cancel_recalls, body={"recallIdList": checks.identifiers()}
            ),
        }
        upload = Endpoint(self._slot, {"filename": Parameter(checks.some), "mimeType": Parameter(checks.some)})
        return {
            **{(method, f"/user/api/{path}"): endpoint for (method, path), endpoint in user.items()},
            ("GET", "/public/api/file/GetPreSignedUploadUrl"): upload,
        }

    @property
    def _settable(self) -> frozenset[str]:
        """Any code of ``getAllHandlings`` except those with a flow of their own."""
        return frozenset(handlings(self.dispose_code)) - {"rsd", "tbc"}

    # Handling

    def _update(self, body: Json) -> Json:
        inventory = self.state.find_inventory(body["returnInventoryId"])
        code = body["handlingCode"]
        if inventory.has_pending_service:
            raise invalid("returnInventoryId", "has a pending VAS")
        if inventory.handling_status != "pending":
            raise invalid("handlingCode", f"is not allowed from {inventory.handling} {inventory.handling_status}")
        if inventory.handling in ("rtn", "rsd") and code != "ohd":
            raise invalid("handlingCode", f"is not allowed from {inventory.handling}")
        self.state.move(inventory, code, "pending", self.now())
        return {}

    def _cancel(self, body: Json) -> Json:
        inventory = self.state.find_inventory(body["returnInventoryId"])
        if inventory.handling_status != "pending" or inventory.handling in ("tbc", "rtn", "rsd"):
            raise invalid("returnInventoryId", "has no handling that can be canceled")
        self.state.move(inventory, "tbc", "pending", self.now())
        return {}

    # VAS

    def _create_services(self, body: Json) -> Json:
        """``CreateByReturnInventoryId``. That the reply has ``returnRequestLineItemVasId`` is an option: its newest shape is not shown."""
        ids = [int(one["returnInventoryId"]) for one in body["createVasList"]]
        if len(set(ids)) < len(ids):
            raise invalid("createVasList", "must not have an inventory twice")
        found = [
            self.state.find_inventory(one, f"createVasList[{index}].returnInventoryId") for index, one in enumerate(ids)
        ]
        wanted = [one["createVasDetailList"] for one in body["createVasList"]]
        made = self._add_services([one.line_item for one in found], wanted, "createVasList")
        return {
            "data": [
                {
                    "returnRequestLineItemId": item.id,
                    "createVasDetailList": [
                        detail | ({"returnRequestLineItemVasId": vas.id} if self.vas_ids else {})
                        for detail, vas in zip(details, services, strict=True)
                    ],
                }
                for (item, services), details in zip(made, wanted, strict=True)
            ]
        }

    def _create_services_by_line_item(self, body: Json) -> Json:
        items: list[LineItem] = []
        for index, one in enumerate(body["createVasPayloadList"]):
            item = self.state.line_items.get(int(one["returnRequestLineItemId"]))
            if item is None or item.inventory is None:
                raise invalid(f"createVasPayloadList[{index}].returnRequestLineItemId", "was not found")
            items.append(item)
        wanted = [one["createVasDetailList"] for one in body["createVasPayloadList"]]
        made = self._add_services(items, wanted, "createVasPayloadList")
        return {"createdLineItemVasList": [records.service_detail(vas) for _, services in made for vas in services]}

    def _add_services(
        self, items: Sequence[LineItem], wanted: Sequence[list[Json]], name: str
    ) -> list[tuple[LineItem, list[Vas]]]:
        problems: dict[str, str] = {}
        for index, (item, details) in enumerate(zip(items, wanted, strict=True)):
            if item.inventory is None or item.inventory.handling != "ohd":
                problems[f"{name}[{index}]"] = "must be on hold"
            if problem := _wrong_with(details):
                problems[f"{name}[{index}].createVasDetailList"] = problem
        if problems:
            raise Invalid(problems)
        at = self.now()
        return [
            (
                item,
                [
                    self.state.add_service(item, one["vasCode"], one.get("notes"), one.get("metaQuantity"), at)
                    for one in details
                ],
            )
            for item, details in zip(items, wanted, strict=True)
        ]

    def _slot(self, query: Json) -> Json:
        """``CreateByReturnInventoryId``, Split instruction files."""
        key = f"split/{self.state.new_id('file')}-{quote(query['filename'], safe='')}"
        self.slots[key] = query["mimeType"]
        return {
            "preSignedUrl": f"{self.upload_url}/uploads/{key}",
            "filename": query["filename"],
            "fileKey": key,
            "contentType": query["mimeType"],
            "expires": records.print_time(self.now() + timedelta(hours=1)),
        }

    def upload(self, key: str, content_type: str, body: bytes) -> bool:
        """Put a file into its slot; False where there is none, or the type is not the one that was named."""
        if self.slots.get(key) != content_type:
            return False
        self.uploads[key] = body
        return True

    # Resend

    def _create_resend(self, body: Json) -> Json:
        """``createResend``."""
        shipping = body["resendShipment"]
        chosen = [
            self.state.find_inventory(one, f"returnInventoryIdList[{index}]")
            for index, one in enumerate(body["returnInventoryIdList"])
        ]
        if len(chosen) > self.max_resent:
            raise invalid("returnInventoryIdList", f"must have at most {self.max_resent} ids")
        self._need_movable(chosen)
        warehouses = {one.warehouse_id for one in chosen}
        if len(warehouses) > 1:
            raise invalid("returnInventoryIdList", "must be in one warehouse")
        (warehouse_id,) = warehouses
        service = _resend_service(shipping["shipmentServiceType"], warehouse_id)
        if service is None or shipping["shipmentCountryCode"] not in service.countries:
            raise invalid("resendShipment.shipmentServiceType", "does not serve this warehouse and country")
        at = self.now()
        resend = Resend(
            id=self.state.new_id("resend"),
            number=self.state.number("RSD", at),
            inventories=chosen,
            shipping=shipping,
            description=body.get("description"),
            remarks=body.get("remarks"),
            cost=service.fee,
            created=at,
            modified=at,
        )
        self.state.resends[resend.id] = resend
        for one in chosen:
            self.state.move(one, "rsd", "pending", at)
        return {"resendId": resend.id}

    def _resend(self, resend_id: int) -> Resend:
        if resend_id not in self.state.resends:
            raise invalid("resendId", "was not found")
        return self.state.resends[resend_id]

    def _cancel_resend(self, body: Json) -> Json:
        """Only before dispatch. What the inventories become is inferred from consolidate shipping, whose reply shows it."""
        resend = self._resend(body["resendId"])
        if resend.status != "pending":
            raise invalid("resendId", "can no longer be canceled")
        at = self.now()
        resend.status, resend.modified = "canceled", at
        for one in resend.inventories:
            self.state.move(one, "ohd", "pending", at)
        return {"resendId": resend.id, "resendShipmentList": [records.resend_shipment(resend)]}

    def _resend_quotes(self, query: Json) -> Json:
        chosen = [self.state.find_inventory(one, "returnInventoryIdList") for one in query["returnInventoryIdList"]]
        weight = sum((one.weight for one in chosen), Decimal(0))
        here = {one.warehouse_id for one in chosen}
        found = [
            one for one in RESEND_SERVICES if query["toCountryCode"] in one.countries and {one.warehouse_id} == here
        ]
        details = [
            {
                "serviceTypeCode": one.code,
                "serviceTypeName": one.name,
                "countryCode": query["toCountryCode"],
                "postalCodePair": {"from": WAREHOUSES[one.warehouse_id].postal_code, "to": query["toPostalCode"]},
                "currencyCode": "usd",
                "fee": one.fee,
                "chargeableWeight": weight,
            }
            for one in found
        ]
        return {"data": {"shippingFeeDetailList": details}}

    # Recall

    def _create_recalls(self, body: Json) -> Json:
        """``createRecallByReturnInventoryId``: one recall for each warehouse (inferred from the reply's being a list)."""
        chosen = self._recallable(body["returnInventoryIdList"])
        by_warehouse = attrgetter("warehouse_id")
        groups = groupby(sorted(chosen, key=by_warehouse), key=by_warehouse)
        return {"recallList": [records.recall_detail(self._recall(list(group))) for _, group in groups]}

    def _create_recall(self, body: Json) -> Json:
        """The older call: one recall, so one warehouse (inferred)."""
        chosen = self._recallable(body["returnInventoryIdList"])
        if len({one.warehouse_id for one in chosen}) > 1:
            raise invalid("returnInventoryIdList", "must be in one warehouse")
        recall = self._recall(chosen)
        return {"recallId": recall.id, "recallNumber": recall.number}

    def _recallable(self, ids: Iterable[int]) -> list[Inventory]:
        chosen = [self.state.find_inventory(one, f"returnInventoryIdList[{index}]") for index, one in enumerate(ids)]
        self._need_movable(chosen)
        return chosen

    def _recall(self, chosen: Sequence[Inventory]) -> Recall:
        at = self.now()
        for one in chosen:
            self.state.move(one, "rtn", "pending", at)
        return self.state.add_recall(chosen, at)

    def _cancel_recalls(self, body: Json) -> Json:
        found: list[Recall] = []
        for index, one in enumerate(body["recallIdList"]):
            if one not in self.state.recalls:
                raise invalid(f"recallIdList[{index}]", "was not found")
            found.append(self.state.recalls[one])
        entries = [entry.id for recall in found for entry in recall.entries]
        return self._cancel_entries(found, entries, "recallIdList")

    def _cancel_recalled(self, body: Json) -> Json:
        wanted = set(body["returnInventoryIdList"])
        active = [one for one in self.state.recalls.values() if one.status != "canceled"]
        entries = {
            entry.inventory.id: (recall, entry.id)
            for recall in active
            for entry in recall.entries
            if entry.inventory.id in wanted and entry.status != "canceled"
        }
        if missing := wanted - entries.keys():
            raise invalid("returnInventoryIdList", f"{min(missing)} has no recall")
        touched = {recall.id: recall for recall, _ in entries.values()}
        return self._cancel_entries(
            list(touched.values()), [entry_id for _, entry_id in entries.values()], "returnInventoryIdList"
        )

    def _cancel_entries(self, recalls: Sequence[Recall], entry_ids: Iterable[int], name: str) -> Json:
        """Only until the warehouse starts; a recall without an entry left is cancelled as a whole (inferred)."""
        if any(one.status != "pending" for one in recalls):
            raise invalid(name, "can no longer be canceled")
        at, chosen = self.now(), set(entry_ids)
        for recall in recalls:
            for entry in recall.entries:
                if entry.id in chosen:
                    entry.status = "canceled"
                    self.state.move(entry.inventory, "ohd", "pending", at)
            if all(entry.status == "canceled" for entry in recall.entries):
                recall.status = "canceled"
        return {"recallList": [records.recall_detail(one) for one in recalls]}

    def _need_movable(self, chosen: Sequence[Inventory]) -> None:
        """What resend and recall have in common: nothing pending, nothing begun, nothing on its way out."""
        problems: dict[str, str] = {}
        for index, one in enumerate(chosen):
            if one.has_pending_service:
                problems[f"returnInventoryIdList[{index}]"] = "has a pending VAS"
            elif one.handling_status != "pending" or one.handling not in ("tbc", "ohd", "oth"):
                problems[f"returnInventoryIdList[{index}]"] = f"is {one.handling} {one.handling_status}"
        if problems:
            raise Invalid(problems)


def _wrong_with(details: Sequence[Json]) -> str | None:
    """The rules of each service's code."""
    codes = [one["vasCode"] for one in details]
    if SPLIT in codes and len(codes) > 1:
        return f"{SPLIT} must be alone"
    for one in details:
        if one["vasCode"] in (SPLIT, "req-pic") and one.get("metaQuantity") is None:
            return f"{one['vasCode']} needs metaQuantity"
        if one["vasCode"] == SPLIT and one["metaQuantity"] > MAX_PIECES:
            return f"metaQuantity must be 1 to {MAX_PIECES}"
        if one["vasCode"] != SPLIT and one.get("vasFileList"):
            return f"files are for {SPLIT} only"
    return None


def _resend_service(code: str, warehouse_id: int) -> Service | None:
    found = (one for one in RESEND_SERVICES if (one.code, one.warehouse_id) == (code, warehouse_id))
    return next(found, None)
