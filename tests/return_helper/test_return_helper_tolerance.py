"""Whatever stands in a field of a documented payload, only what a record is known by makes it unreadable; notifications included."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from returns_hub import Reply, ReturnHint, ReturnObserved, Secret, WebhookRequest, decode_json
from returns_hub.testing import lost_records
from returns_hub_return_helper import ReturnHelper

NOTICES = Path(__file__).parent / "notices"
ADAPTER = ReturnHelper(api_key=Secret("key"), api_token=Secret("token"))
DAY = datetime(2024, 3, 13, tzinfo=UTC)
META = {"status": 200, "data": {}, "errorCode": None, "error": {}}
# What returns, shipments, items and services are known by. Without its action nobody knows what a notification is about.
IDENTITIES = {
    *("returnRequestId", "shipmentId", "returnInventoryId", "returnRequestLineItemId", "returnRequestLineItemVasId"),
    *("resendId", "recallId", "recallInventoryId", "consolidateShippingInventoryId", "buyerReturnLineItemId", "action"),
}
INVENTORY = {
    "returnInventoryId": 123,
    "returnRequestId": 456,
    "returnRequestLineItemId": "789",
    "rma": "TWN-20-230101-D12345-36",
    "itemRma": None,
    "sku": "SKU-1",
    "handlingCode": "ohd",
    "handlingStatusCode": "pending",
    "warehouseId": 20,
    "createOn": "2023-11-07T05:31:56Z",
}
SHIPMENT = {
    "shipmentId": 4123,
    "shipmentNumber": "S230711-0000015",
    "returnRequestId": 2301,
    "labelId": 991,
    "shipmentStatusCode": "6",
    "labelRequestStatusCode": "success",
    "referenceNumber": "ORDER-1",
    "warehouseId": 20,
    "shipmentServiceType": "usps",
    "shipmentCountryCode": "usa",
    "createOn": "2023-11-07T05:31:56",
}


def identities(sample: Any, path: str = "") -> Iterator[str]:
    """Where a payload names what its records are known by."""
    if isinstance(sample, dict):
        for name, value in sample.items():
            place = f"{path}.{name}".removeprefix(".")
            if name in IDENTITIES:
                yield place
            yield from identities(value, place)
    elif isinstance(sample, list):
        for value in sample:
            yield from identities(value, f"{path}[]")


def run(operation: Any, payload: Any) -> Any:
    """What an operation returns when its request is answered with this payload."""
    next(operation)
    body = json.dumps({**payload, "meta": META}, default=float).encode()
    with pytest.raises(StopIteration) as stop:
        operation.send(Reply(status=200, body=body))
    return stop.value.value


def received(payload: Any) -> list[str]:
    """What the events of a notification name."""
    body = json.dumps(payload, default=float).encode()
    events = ADAPTER.read_webhook(WebhookRequest(method="POST", url="", body=body, received_at=DAY)).events
    observed = [event.observed for event in events if isinstance(event, ReturnObserved)]
    return [
        *(f"return {ret.id}" for ret in observed),
        *(f"shipment {shipment.id}" for ret in observed for shipment in ret.shipments),
        *(f"item {item.id or item.aliases[0]}" for ret in observed for item in ret.items if item.id or item.aliases),
        *(f"hint {event.return_id} {event.aliases}" for event in events if isinstance(event, ReturnHint)),
    ]


READ_NOTICES = [path.stem for path in sorted(NOTICES.glob("*.json")) if received(json.loads(path.read_bytes()))]


@pytest.mark.parametrize("name", READ_NOTICES)
def test_no_field_of_a_notification_but_an_identity_loses_what_it_names(name: str) -> None:
    sample = decode_json((NOTICES / f"{name}.json").read_bytes())

    assert lost_records(received, sample, essential=set(identities(sample))) == ()


@pytest.mark.parametrize(
    ("read", "sample"),
    [
        (lambda payload: [ret.id for ret in run(ADAPTER.backfill(DAY, DAY)[0].read(None), payload).items], INVENTORY),
        (lambda payload: [ret.id for ret in run(ADAPTER.backfill(DAY, DAY)[1].read(None), payload).items], SHIPMENT),
    ],
    ids=["inventories", "shipments"],
)
def test_no_field_of_a_row_but_an_identity_loses_it(read: Any, sample: Any) -> None:
    payload = {"data": [sample, {**sample, "returnRequestId": 7}], "totalNumberOfRecords": 2}
    essential = {"data[].returnRequestId", "data[].returnInventoryId"}

    assert lost_records(read, payload, essential=essential) == ()


def test_no_field_of_a_return_request_but_its_id_loses_it() -> None:
    notice = decode_json((NOTICES / "markShipmentArrive-v1.json").read_bytes())
    lines = [{**line, "itemRma": None, "returnRequestLineItemVasList": []} for line in notice["lineItems"]]
    shipment = {**notice["shipment"], "label": notice["label"]}
    sample = {**notice["returnRequest"], "returnRequestLineItems": lines, "shipments": [shipment]}

    assert lost_records(lambda payload: [run(request(), payload).id], sample, essential={"returnRequestId"}) == ()


def request() -> Any:
    return ADAPTER.update_remark("64004", "text")


def test_no_field_of_an_inventory_but_its_id_loses_it() -> None:
    sample = decode_json((NOTICES / "markShipmentArrive-v1.json").read_bytes())["returnInventoryList"][0]

    essential = {"returnInventoryId"}
    assert (
        lost_records(lambda payload: [run(ADAPTER.inventory("18200"), payload).id], sample, essential=essential) == ()
    )


def test_what_could_not_be_read_is_named_by_its_place() -> None:
    row = {**INVENTORY, "sku": {"never": "seen"}, "createOn": "30/12/2024", "warehouseId": [1], "rma": 7}
    (ret,) = run(ADAPTER.backfill(DAY, DAY)[0].read(None), {"data": [row]}).items
    assert ret.unreadable == ("sku", "warehouseId", "createOn")
    assert (ret.items[0].sku, ret.items[0].rma, ret.created_at) == (None, "7", None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("quantity", ""),
        ("value", ""),
        ("sku", 7),
        ("rma", 7),
        ("description", 7),
        ("sellerReferenceNumber", 7),
        ("imageList", [None, "text"]),
    ],
)
def test_sloppy_fields_of_an_inventory(name: str, value: Any) -> None:
    inventory = {"returnInventoryId": 1, "returnRequestId": 2, "handlingCode": "ohd", name: value}
    assert received({"action": "completeInventoryHandling", "returnInventory": inventory}) == ["return 2", "item 1"]


def test_names_of_places_hold_nothing_of_the_vendors_data() -> None:
    record = {**INVENTORY, "returnRequestLineItemVasList": {"a person's name": 5}}
    (ret,) = run(ADAPTER.backfill(DAY, DAY)[0].read(None), {"data": [record]}).items
    assert all(re.fullmatch(r"[\w.\[\]]+", place) for place in ret.unreadable)
