"""Where each documented field goes: the tables in the docs are what the adapter does, and nothing that says something of a return is left in ``raw``.

``python tests/return_helper/test_return_helper_fields.py`` writes the page.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from returns_hub import Page, ReturnObserved, Secret, UnknownEvent, WebhookRequest, decode_json
from returns_hub.testing import field_map, field_table, read_reply
from returns_hub_return_helper import ReturnHelper

NOTICES = Path(__file__).parent / "notices"
DOCUMENTS = Path(__file__).parent / "documents"
PAGE = Path(__file__).parents[2] / "docs" / "providers" / "return_helper-fields.md"
ADAPTER = ReturnHelper(api_key=Secret("key"), api_token=Secret("token"))
DAY = datetime(2023, 11, 7, tzinfo=UTC)
META = {"status": 200, "data": {}, "errorCode": None, "error": {}}

# What a sample has null or empty, as it looks where there is something.
FILLED: Mapping[str, Any] = {
    **dict.fromkeys(("completeOn", "receiveDate", "receiveDateStr", "pickUpOn"), "2024-04-10T08:00:00Z"),
    **dict.fromkeys(("trackingNumber", "carrier", "sku", "warehouseRemarks", "remarks", "listName", "awb"), "text"),
    **dict.fromkeys(
        ("courierTrackingNumber", "shipmentStreet2", "shipmentStreet3", "referenceNumber", "itemRma"), "text"
    ),
    **dict.fromkeys(("labelUrl", "qrcodeUrl"), "https://labels.example/1"),
    "imageUrlList": ["https://files.example/1.jpg"],
    **dict.fromkeys(("weight", "cost"), Decimal(5)),
    "returnRequestLineItemVasList": [
        {
            "returnRequestLineItemVasId": 77,
            "vasCode": "req-pic",
            "metaQuantity": 2,
            "vasResult": "done",
            "notes": "both sides",
            "isFinished": True,
        }
    ],
}
ACCOUNT = "of the account"
AUDIT = "who wrote the record, and when"
DELIVERY = "of the delivery: what it is about, its duplicates"
ELSEWHERE = "another field says the same"
VENDORS = "the vendor's own processing"
CHARGED = "what the vendor charges by; the cost is given"
# Fields that say nothing of a return: what each of them is for.
BOOKKEEPING: Mapping[str, str] = {
    **dict.fromkeys(("apiId", "warehouseApiId", "userApiId", "clientCode"), ACCOUNT),
    **dict.fromkeys(
        ("createBy", "modifyBy", "modifyOn", "createOnStr", "modifyOnStr", "updatedAt", "completeBy"), AUDIT
    ),
    **dict.fromkeys(("handlingUpdatedOn", "handlingUpdatedOnStr", "recalibratedOn"), AUDIT),
    **dict.fromkeys(("category", "action", "version", "notificationId", "correlationId", "meta"), DELIVERY),
    **dict.fromkeys(
        ("refKey", "labelRequestId", "apiTransactionId", "imageKey", "labelKey", "shipmentLabelId"), VENDORS
    ),
    **dict.fromkeys(
        ("canRecalibrate", "isDeleted", "isFraudulent", "fraudReasonCode", "isArchived", "isRrLabel"), VENDORS
    ),
    **dict.fromkeys(("stopAgingOn", "returnRequestSourceType", "warehouseRma", "qrcodeError", "boxType"), VENDORS),
    **dict.fromkeys(("regions.RHCN", "buyerReturnId", "returnRequestLineItemSupplementId", "boxNumber"), VENDORS),
    **dict.fromkeys(("chargeTypeCode", "chargeableWeight", "sellerCost", "sellerCostCurrencyCode"), CHARGED),
    **dict.fromkeys(("buyerCost", "buyerCostCurrencyCode", "amount"), CHARGED),
    **dict.fromkeys(("totalValue", "totalValueCurrency"), "the sum of the values of the items"),
    "returnTitle": "the order number, as it was given",
    **dict.fromkeys(("returnRequestLineItemNumber", "resendNumber", "recallNumber"), ELSEWHERE),
    **dict.fromkeys(("shipmentFax",), "no place for a fax"),
    "oldRma": "what the RMA was before",
    "recallUpdateTypeStatus": "the step of a recall; where each inventory is, its own status says",
    "recallStatusCode": "of the recall as a whole; where each inventory is, its own status says",
    "pickUpCode": "how it is picked up; whether it was, the status says",
    **dict.fromkeys(("description", "itemRma", "eventTime"), ELSEWHERE),
    # Inside an object that names the same thing.
    **dict.fromkeys(
        ("returnRequestId", "returnRequestLineItemId", "returnInventoryId", "shipmentId", "labelId"), ELSEWHERE
    ),
    **dict.fromkeys(("resendId", "resendShipmentId", "metaMap.customerId", "metaType"), ELSEWHERE),
    **{
        f"{holder}.{name}": "of the line item; its inventory has it"
        for holder in ("lineItems[]", "returnRequestLineItems[]", "returnRequestLineItem", "buyerReturnLineItemList[]")
        for name in (
            *("handlingCode", "quantity", "sellerReferenceNumber", "value", "valueCurrencyCode", "weight", "weightUom"),
        )
    },
    **{
        f"label.{name}": "of the label; its shipment has it"
        for name in ("fromCountryCode", "fromName", "referenceNumber", "serviceType", "toCountryCode", "toName")
    },
    **dict.fromkeys(
        ("label.error", "resendShipmentList[].error", "buyerReturn.error"), "why a label failed, where it did"
    ),
    "shipment.createOn": "when the label was asked for",
    "shipments[].createOn": "when the label was asked for",
    "createOn": AUDIT,
    **{
        f"returnInventoryList[].{name}": "older than the resend that it stands in"
        for name in ("handlingCode", "handlingStatusCode")
    },
    "trackingNumber": "of a whole recall, which named no inventory before 2022-07",
    **dict.fromkeys(("returnInventory.weight", "returnInventory.weightUom"), "measured once more beside it"),
    "resend.remarks": "the account's own words to the warehouse",
    "recall.warehouseId": "of the recall; where an inventory is, its own warehouse says",
    **dict.fromkeys(
        ("shipmentCountryCode", "shipmentState", "shipmentStreet2", "shipmentStreet3"),
        "a placeholder: nobody announced the parcel",
    ),
    "shipmentServiceType": "a number in some notifications; no document says of which service",
    **{
        f"order.{name}": "of an order of consolidate shipping, kept with the delivery"
        for name in (
            *(
                "consolidateShippingOrderId",
                "consolidateShippingOrderNumber",
                "consolidateShippingOrderStatus",
                "shippingFee",
            ),
            *("currencyCode", "shippingMethod", "shipToContactName", "shipToCountry"),
        )
    },
    **dict.fromkeys(
        ("consolidateShippingOrderId", "consolidateShippingOrderStatus", "consolidateShippingShipmentId"), ELSEWHERE
    ),
    **dict.fromkeys(("consolidateShippingShipmentBoxId", "consolidateShippingShipmentBoxStatus"), VENDORS),
    "notes": "the account's own words to the warehouse",
    "totalNumberOfRecords": "of the listing: `Page.total`",
}


def filled(value: Any) -> Any:
    """A sample in which nothing is empty that the vendor may fill."""
    if isinstance(value, dict):
        return {
            name: FILLED[name] if name in FILLED and inner in (None, "", []) else filled(inner)
            for name, inner in value.items()
        }
    return [filled(inner) for inner in value] if isinstance(value, list) else value


def received(payload: Any) -> list[Any]:
    body = json.dumps(payload, default=float).encode()
    events = ADAPTER.read_webhook(WebhookRequest(method="POST", url="", body=body, received_at=DAY)).events
    return [
        event.observed if isinstance(event, ReturnObserved) else dict(event.ids)
        for event in events
        if isinstance(event, ReturnObserved | UnknownEvent)
    ]


def answered(operation: Callable[[], Any]) -> Callable[[Any], Any]:
    def read(payload: Any) -> Any:
        found = read_reply(operation(), {**payload, "meta": META})
        return found.items if isinstance(found, Page) else found

    return read


def notice(name: str) -> Any:
    return filled(decode_json((NOTICES / f"{name}.json").read_bytes()))


def documented() -> dict[str, dict[str, tuple[str, ...]]]:
    """For each documented payload: where its fields go."""
    arrival = notice("markShipmentArrive-v1")
    inventory = {
        **arrival["returnInventoryList"][0],
        "returnRequestLineItemVasList": FILLED["returnRequestLineItemVasList"],
    }
    request = {
        **arrival["returnRequest"],
        "returnRequestLineItems": arrival["lineItems"][:1],
        "shipments": [{**arrival["shipment"], "label": arrival["label"]}],
    }
    rows = decode_json((DOCUMENTS / "list-return-inventories.json").read_bytes())
    created = decode_json((DOCUMENTS / "create-return-shipment.json").read_bytes())
    replies = {
        "ReturnInventory/list": field_map(answered(lambda: ADAPTER.backfill(DAY, DAY)[0].read(None)), filled(rows)),
        "createReturnShipment": field_map(ADAPTER._parser.created, {"data": created["data"]}),
        "getReturnRequest": field_map(ADAPTER._parser.request, request),
        "getReturnInventory": field_map(answered(lambda: ADAPTER.inventory("18200")), inventory),
    }
    names = sorted({path.stem for path in NOTICES.glob("*.json")})
    return {**replies, **{name: field_map(received, notice(name)) for name in names}}


def bookkeeping(fields: Mapping[str, Any]) -> dict[str, str]:
    """The fields of a payload that are bookkeeping, by their whole path."""
    found = {}
    for path, places in fields.items():
        for name, why in BOOKKEEPING.items():
            if not places and (path == name or path.endswith(f".{name}")):
                found[path] = why
    return found


def by_object() -> dict[str, tuple[str, ...]]:
    """Where the fields of each object go, whatever payload it stands in: the same objects come in many."""
    found: dict[str, set[str]] = {}
    for fields in documented().values():
        for path, places in fields.items():
            # It decides what all the others mean.
            if path == "action":
                continue
            found.setdefault(".".join(path.split(".")[-2:]), set()).update(places)
    return {path: tuple(sorted(found[path])) for path in sorted(found)}


HEAD = """Made by `tests/return_helper/test_return_helper_fields.py`: one field of each documented reply, row and notification after the other is
changed, and what changes with it in the model is written here. A field is named with the object that it stands in.

"""


def build_page() -> str:
    fields = by_object()
    return HEAD + field_table(fields, bookkeeping=bookkeeping(fields))


def test_page_is_what_the_adapter_does() -> None:
    assert PAGE.read_text("utf-8") == build_page()


def test_nothing_that_says_something_is_left_in_raw() -> None:
    left = {
        f"{name}: {path}"
        for name, fields in documented().items()
        for path, places in fields.items()
        if not places and path not in bookkeeping(fields)
    }
    assert left == set()


if __name__ == "__main__":
    PAGE.write_text(build_page(), "utf-8")
