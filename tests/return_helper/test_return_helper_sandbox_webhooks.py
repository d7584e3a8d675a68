"""The Return Helper simulator's notifications: their bodies, their signatures, and how they are delivered over real HTTP.

Signatures are checked by an implementation of its own, after the steps of the vendor's Webhook page.
"""

import base64
import hashlib
import hmac
import json
import random
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from returns_hub import Secret
from returns_hub.testing import serve
from returns_hub_return_helper.sandbox import REFUSED_POSTAL_CODE, SIGNING_KEY, ReturnHelperSandbox
from returns_hub_return_helper.sandbox.webhooks import Notification
from returns_hub_return_helper.webhooks import sign

ARRIVED = datetime(2025, 12, 1, tzinfo=UTC)
URL = "https://shop.example/webhooks/acme?x=1"


class Clock:
    def __init__(self) -> None:
        self.moment = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment

    def advance(self, **duration: float) -> None:
        self.moment += timedelta(**duration)


class Shop:
    """A receiver: it remembers what it was sent, and answers with the given statuses, the last one for ever."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses or (200,))
        self.seen: list[tuple[dict[str, str], bytes]] = []
        self.got = threading.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        assert scope["method"] == "POST"
        self.seen.append(({key.decode(): value.decode() for key, value in scope["headers"]}, message["body"]))
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        self.got.set()

    @property
    def actions(self) -> list[str]:
        return [json.loads(body)["action"] for _, body in self.seen]


Serve = Callable[[Any], str]


@pytest.fixture
def served() -> Iterator[Serve]:
    with ExitStack() as stack:
        yield lambda app: stack.enter_context(serve(app)).url


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sandbox(clock: Clock) -> ReturnHelperSandbox:
    return ReturnHelperSandbox(count=0, webhook_url=URL, now=clock)


def told(notification: Notification) -> Any:
    return json.loads(notification.body)


def only(sandbox: ReturnHelperSandbox, action: str) -> Any:
    """The body of the one notification of an action."""
    (found,) = [one for one in sandbox.notifications if one.action == action]
    return told(found)


def arrived(sandbox: ReturnHelperSandbox, **arguments: Any) -> int:
    """A new inventory of an announced return, of which nothing was reported."""
    sandbox.add_return(arrived_at=ARRIVED, **arguments)
    return max(sandbox.inventories)


def post(url: str, path: str, body: dict[str, Any]) -> Any:
    headers = {"x-rr-apikey": "rh_sandbox_key", "x-rr-apitoken": "rh_sandbox_token"}
    reply = httpx.post(f"{url}/user/api/{path}", json=body, headers=headers, timeout=5).json()
    assert reply["meta"]["status"] == 200, reply["meta"]
    return reply


def verified(headers: dict[str, str], body: bytes, url: str, key: str = SIGNING_KEY) -> bool:
    """The steps of the vendor's "Steps to Verify Signature", through Base64 and back as they say."""
    text = "POST" + url + headers["timestamp"] + body.decode("utf-8")
    string_to_sign = base64.b64encode(text.encode("utf-8"))
    mac = hmac.new(base64.b64decode(key), base64.b64decode(string_to_sign), hashlib.sha256)
    return hmac.compare_digest(base64.b64encode(mac.digest()).decode("ascii"), headers["returnhelper-signature"])


# The signature: section 4.3


def test_the_documented_signature() -> None:
    body = (
        b'{"label":{"regions":{"RHCN":"https://label.returnhelperchina.com/label/202401/10595-S240112-0000001-pqk2pvydgxp'
        b'.pdf"},"labelId":31033,"shipmentId":30385,"apiId":33,"refKey":"S240112-0000001","labelRequestId":10595,'
        b'"labelRequestStatusCode":"success","serviceType":"RETURN_ENDICIA_USPS_GROUND_ADVANTAGE_NJ","trackingNumber":'
        b'"9434611899562082901137","labelUrl":"https://label-service-dev-files.returnshelper.com/label/202401/10595-S24'
        b'0112-0000001-pqk2pvydgxp.pdf","error":null,"qrcodeUrl":null,"qrcodeError":null,"correlationId":null,'
        b'"cancelCutoffTime":"2024-02-11T09:21:24.0795","meta":null},"category":"labelGenerated","action":'
        b'"labelGenerated","eventTime":"2024-01-12T09:23:08.4862743Z"}'
    )
    key = "PEnA0mzKb7fUlGfMgCGhXPjPmPGvW70UU8bkNKdG78WDrQRwzFa572e2JsFIE1e4PLaP9h/ZEvERSR0FBDYNlQ=="
    url, timestamp = "https://s2024-01-12.free.beeceptor.com", "2024-01-12T09:23:08.4863561Z"
    expected = "gXJRba6qE2rCQqJc8WEou2i8cCl0STp2AjH+y/R6ltw="
    assert sign(url=url, timestamp=timestamp, body=body, keys=[Secret(key)]) == expected
    assert verified({"timestamp": timestamp, "returnhelper-signature": expected}, body, url, key)


def everything(sandbox: ReturnHelperSandbox, url: str) -> None:
    """Let all happen that can, so that every notification is made."""
    one, two, three, four, five = (arrived(sandbox) for _ in range(5))
    sandbox.add_return()
    shipment = max(sandbox.shipments)
    sandbox.reissue_label(shipment)
    sandbox.arrive(shipment, packages=2, images=1)
    sandbox.assign_unknown(images=1)
    sandbox.set_meta(one, "whs", {"EAN": "4006381333931"})
    sandbox.remark(one, "Box is wet \u2013 \u7bb1")
    sandbox.recalibrate(one, weight=Decimal("310.5"))
    sandbox.swap_rma(one)
    post(url, "returninventory/assignReturnInventorySku", {"returnInventoryId": one, "sku": "AAAA"})
    post(url, "ReturnInventory/UpdateReturnInventoryHandling", {"returnInventoryId": one, "handlingCode": "dsp"})
    sandbox.complete_handling(one)
    post(url, "ReturnInventory/UpdateReturnInventoryHandling", {"returnInventoryId": two, "handlingCode": "dsp"})
    sandbox.cancel_handling(two)
    recall = post(url, "Recall/createRecallByReturnInventoryId", {"returnInventoryIdList": [three]})["recallList"][0]
    for _ in range(3):
        sandbox.advance_recall(recall["recallId"])
    sandbox.ship_resend(resend(url, sandbox, four))
    sandbox.split(split_of(url, five))
    sandbox.probe()
    sandbox.notify("transaction", {"transaction": {}}, category="transaction")


def split_of(url: str, inventory: int) -> int:
    """A VAS that asks for two pieces."""
    body = {"returnInventoryId": inventory, "handlingCode": "ohd"}
    post(url, "ReturnInventory/UpdateReturnInventoryHandling", body)
    details = [{"vasCode": "split-parcel", "metaQuantity": 2}]
    wanted = {"createVasList": [{"returnInventoryId": str(inventory), "createVasDetailList": details}]}
    (made,) = post(url, "Vas/CreateByReturnInventoryId", wanted)["data"]
    return int(made["createVasDetailList"][0]["returnRequestLineItemVasId"])


def resend(url: str, sandbox: ReturnHelperSandbox, inventory: int) -> int:
    """A resend of one inventory, by the service for what was agreed specially, which every warehouse has."""
    to = {f"shipment{name}": "x" for name in ("Name", "Phone", "Street1", "Street2", "State", "City", "PostalCode")} | {
        "shipmentServiceType": "others",
        "shipmentCountryCode": "usa",
        "shipmentEmail": "a@example.com",
    }
    body = {"returnInventoryIdList": [inventory], "resendShipment": to}
    return int(post(url, "Resend/createResend", body)["resendId"])


def test_every_notification_is_delivered_with_a_good_signature(
    sandbox: ReturnHelperSandbox, served: Serve, clock: Clock
) -> None:
    shop, url = Shop(), served(sandbox)
    everything(sandbox, url)
    sandbox.deliver_to(served(shop))
    clock.advance(seconds=3)
    assert len(sandbox.deliver()) == len(sandbox.notifications) == len(shop.seen) > 20
    assert all(verified(headers, body, URL) for headers, body in shop.seen)
    assert not any(verified(headers, body, URL + "/") for headers, body in shop.seen)
    assert {headers["timestamp"] for headers, _ in shop.seen} == {"2026-01-01T12:00:03.1234560Z"}
    assert {headers["content-type"] for headers, _ in shop.seen} == {"application/json; charset=utf-8"}
    assert sandbox.waiting == ()


def test_every_notification_has_the_common_properties(sandbox: ReturnHelperSandbox, served: Serve) -> None:
    everything(sandbox, served(sandbox))
    bodies = [told(one) for one in sandbox.notifications if one.action]
    assert {body["eventTime"] for body in bodies} == {"2026-01-01T12:00:00.1234560Z"}
    assert {(body["category"], body["action"]) for body in bodies} == {
        ("labelGenerated", "labelGenerated"),
        ("rsl", "markShipmentArrive"),
        ("newInventoryCreated", "newInventoryCreated"),
        ("rrli", "changeLineItemImage"),
        ("rsl", "assignUnknown"),
        ("updateReturnInventoryMeta", "updateReturnInventoryMeta"),
        ("warehouseUpdateWarehouseRemarks", "warehouseUpdateWarehouseRemarks"),
        ("completeRecalibrate", "completeRecalibrate"),
        ("notifyUserRmaSwapped", "notifyUserRmaSwapped"),
        ("userUpdateReturnInventorySku", "userUpdateReturnInventorySku"),
        ("rinv", "completeInventoryHandling"),
        ("rinv", "cancelInventoryHandling"),
        ("recall", "recallUpdateStatus"),
        ("resend", "updateResendStatus"),
        ("lineItemVasReturnInventoryLineItem", "splitLineItem"),
        ("rrliv", "vasUpdated"),
        ("transaction", "transaction"),
    }
    assert not any("notificationId" in body for body in bodies)


def test_notifications_may_have_ids_of_their_own(clock: Clock) -> None:
    sandbox = ReturnHelperSandbox(count=0, notification_ids=True, now=clock)
    sandbox.assign_unknown()
    ids = [told(one)["notificationId"] for one in sandbox.notifications]
    assert len(set(ids)) == len(ids) == 2
    assert {len(one) for one in ids} == {len("01J9B2C2B8HNR1DRGA74BJQQB5")}


def test_the_header_may_have_its_old_name(clock: Clock) -> None:
    sandbox = ReturnHelperSandbox(count=0, signature_header="signature", now=clock)
    headers, _ = sandbox.webhook(sandbox.notify("transaction", {}))
    assert set(headers) == {"content-type", "signature", "timestamp"}


# The bodies: section 4.4


def test_labels_are_reported_by_shipment(sandbox: ReturnHelperSandbox, served: Serve) -> None:
    url = served(sandbox)
    data = post(url, "ReturnShipment/createReturnShipment", new_shipment("07001"))["data"]
    assert sandbox.notifications == ()
    sandbox.advance()
    label = only(sandbox, "labelGenerated")["label"]
    assert (label["shipmentId"], label["labelId"]) == (data["shipmentId"], data["labelId"])
    assert (label["labelRequestStatusCode"], label["referenceNumber"]) == ("success", "ORD-1")
    assert label["trackingNumber"]
    assert label["labelUrl"].endswith(".pdf")
    assert label["error"] is None
    assert "returnRequestId" not in label


def test_a_failed_label_is_reported_and_may_be_issued_later(sandbox: ReturnHelperSandbox, served: Serve) -> None:
    data = post(served(sandbox), "ReturnShipment/createReturnShipment", new_shipment(REFUSED_POSTAL_CODE))["data"]
    sandbox.advance()
    sandbox.reissue_label(data["shipmentId"])
    failed, made = (told(one)["label"] for one in sandbox.notifications)
    assert (failed["labelRequestStatusCode"], failed["trackingNumber"], failed["labelUrl"]) == ("fail", None, None)
    assert json.loads(json.loads(failed["error"]))["errors"][0]["code"] == "400"
    assert {"failReasons", "errorMessages"} <= set(failed)
    assert (made["labelRequestStatusCode"], made["shipmentId"]) == ("success", failed["shipmentId"])
    assert made["labelId"] != failed["labelId"]


def test_labels_may_be_made_at_once(clock: Clock, served: Serve) -> None:
    sandbox = ReturnHelperSandbox(count=0, labels="at_once", now=clock)
    data = post(served(sandbox), "ReturnShipment/createReturnShipment", new_shipment("07001"))["data"]
    assert data["labelRequestStatusCode"] == "queued"
    assert only(sandbox, "labelGenerated")["label"]["shipmentId"] == data["shipmentId"]


def new_shipment(postal_code: str) -> dict[str, Any]:
    item = {"description": "Shirt", "weight": 300, "weightUom": "g", "value": 12.5, "valueCurrencyCode": "usd"}
    size = {"length": 10, "width": 10, "height": 10, "dimensionUnit": "cm"}
    address = {
        "country": "usa",
        "contactName": "Kiri Demo",
        "phone": "1234567890",
        "email": "kiri.demo@example.com",
        "street1": "2 Example Road",
        "state": "NJ",
        "city": "Sampleton",
        "postalCode": postal_code,
    }
    return {
        "serviceTypeCode": "ups_nj",
        "orderTitle": "One shirt",
        "orderNumber": "ORD-1",
        "totalValue": 12.5,
        "totalValueCurrency": "usd",
        "shipment": {
            "shipToWarehouseId": 2,
            "boxType": "cus",
            "customFieldMap": {"customerId": "buyer123"},
            "shipFrom": address,
            "parcel": {"weight": 300, "weightUnit": "g", **size, "items": [item]},
        },
    }


def test_an_arrival_is_reported_in_three_steps(sandbox: ReturnHelperSandbox, served: Serve) -> None:
    data = post(served(sandbox), "ReturnShipment/createReturnShipment", new_shipment("07001"))["data"]
    ids = sandbox.arrive(data["shipmentId"], packages=3, images=2)
    assert [one.action for one in sandbox.notifications] == [
        "markShipmentArrive",
        *["newInventoryCreated"] * 3,
        *["changeLineItemImage"] * 3,
    ]
    first, *rest = map(told, sandbox.notifications)
    shipment = first["shipment"]
    assert (shipment["shipmentId"], shipment["returnRequestId"]) == (
        str(data["shipmentId"]),
        str(data["returnRequestId"]),
    )
    assert (shipment["customFieldMap"], first["version"]) == ({"customerId": "buyer123"}, "202407")
    created, images = rest[:3], rest[3:]
    assert [body["returnInventory"]["returnInventoryId"] for body in created] == [str(one) for one in ids]
    assert {body["shipment"]["shipmentId"] for body in created} == {str(data["shipmentId"])}
    assert {body["returnInventory"]["handlingCode"] for body in created} == {"tbc"}
    assert not any("returnRequestLineItemId" in body["returnInventory"] for body in created)
    meta = {"metaType": "shipmentCustomField", "metaMap": {"customerId": "buyer123"}}
    assert created[0]["returnInventory"]["returnInventoryMetaList"] == [meta]
    assert [len(body["imageUrlList"]) for body in images] == [2, 2, 2]
    assert not any("returnInventoryId" in body["returnRequestLineItem"] for body in images)
    assert len({body["returnRequestLineItem"]["returnRequestLineItemId"] for body in images}) == 3


def test_an_arrival_may_be_reported_in_its_first_version(clock: Clock) -> None:
    sandbox = ReturnHelperSandbox(count=0, arrival_version=1, now=clock)
    sandbox.add_return()
    sandbox.arrive(1001)
    body = only(sandbox, "markShipmentArrive")
    assert {"returnInventoryList", "returnRequest", "shipment", "label", "lineItems"} <= set(body)
    assert "version" not in body
    assert (body["shipment"]["shipmentStatusCode"], body["label"]["labelRequestStatusCode"]) == (6, 3)
    assert (body["returnInventoryList"][0]["handlingCode"], body["lineItems"][0]["handlingCode"]) == (0, 0)
    assert body["shipment"]["shipmentId"] == 1001


def test_an_unannounced_parcel_is_reported_in_numbers(sandbox: ReturnHelperSandbox) -> None:
    before = sandbox.return_ids
    ids = sandbox.assign_unknown(packages=2, images=1)
    body = only(sandbox, "assignUnknown")
    assert str(body["returnRequest"]["returnRequestId"]) in sandbox.return_ids - before
    assert body["returnRequest"]["returnRequestNumber"] == "UN260101-0000001"
    assert isinstance(body["shipment"]["shipmentServiceType"], int)
    assert (body["label"]["serviceType"], body["label"]["labelUrl"]) == ("unkwn", "N/A")
    assert body["label"]["labelRequestStatusCode"] == 3
    assert [one["returnInventoryId"] for one in body["returnInventoryList"]] == list(ids)
    assert [len(one["imageUrlList"]) for one in body["returnRequestLineItemIncludeImageList"]] == [1, 1]
    assert [one.action for one in sandbox.notifications[1:]] == ["newInventoryCreated"] * 2


def test_images_are_given_as_the_whole_new_list(sandbox: ReturnHelperSandbox) -> None:
    inventory = arrived(sandbox)
    sandbox.change_images(inventory, ["https://files.example.com/a.jpg"])
    sandbox.change_images(inventory, [])
    lists = [told(one)["imageUrlList"] for one in sandbox.notifications]
    assert lists == [["https://files.example.com/a.jpg"], []]


def test_a_completed_disposal_is_2_and_2(sandbox: ReturnHelperSandbox, served: Serve) -> None:
    inventory = arrived(sandbox)
    body = {"returnInventoryId": inventory, "handlingCode": "dsp"}
    post(served(sandbox), "ReturnInventory/UpdateReturnInventoryHandling", body)
    sandbox.complete_handling(inventory)
    done = only(sandbox, "completeInventoryHandling")["returnInventory"]
    assert (done["returnInventoryId"], done["handlingCode"], done["handlingStatusCode"]) == (inventory, 2, 2)
    assert done["completeOn"] == "2026-01-01T12:00:00.1234564Z"
    assert "rma" not in done


def test_a_service_update_names_the_service_only(sandbox: ReturnHelperSandbox, served: Serve) -> None:
    url, inventory = served(sandbox), arrived(sandbox)
    vas_id = split_of(url, inventory)
    sandbox.finish_vas(vas_id, failed=True, result="Too small")
    (update,) = only(sandbox, "vasUpdated")["updateVasList"]
    assert (update["returnRequestLineItemVasId"], update["vasStatusCode"], update["vasResult"]) == (
        vas_id,
        2,
        "Too small",
    )
    assert not {"returnInventoryId", "returnRequestLineItemId", "returnRequestId"} & set(update)


def test_a_split_gives_each_piece_a_line_item_an_inventory_and_an_rma(
    sandbox: ReturnHelperSandbox, served: Serve
) -> None:
    url, inventory = served(sandbox), arrived(sandbox)
    parent = sandbox.inventories[inventory]
    vas_id = split_of(url, inventory)
    children = sandbox.split(vas_id)
    body = only(sandbox, "splitLineItem")
    pieces = body["splitLineItemAndReturnInventoryList"]
    assert (body["returnRequestLineItemVasId"], body["vasStatusCode"]) == (vas_id, "SUCCESSFUL")
    assert str(body["returnRequestLineItemId"]) == parent["returnRequestLineItemId"]
    assert [piece["returnInventory"]["returnInventoryId"] for piece in pieces] == list(children)
    assert not any("rma" in piece["returnInventory"] for piece in pieces)
    rmas = [told(one)["returnInventory"]["rma"] for one in sandbox.notifications if one.action == "newInventoryCreated"]
    stem = "-".join(parent["rma"].split("-")[:4])
    assert [one.rpartition("-")[0] for one in rmas] == [f"{stem}-01", f"{stem}-02"]
    (update,) = only(sandbox, "vasUpdated")["updateVasList"]
    assert update["vasStatusCode"] == 1
    assert {sandbox.inventories[one]["returnRequestId"] for one in children} == {parent["returnRequestId"]}


@pytest.mark.parametrize(("error", "status"), [(None, 3), ('{"message":"Invalid address."}', 4)])
def test_a_resend_is_reported_with_its_inventories(
    sandbox: ReturnHelperSandbox, served: Serve, error: str | None, status: int
) -> None:
    inventory = arrived(sandbox)
    resend_id = resend(served(sandbox), sandbox, inventory)
    sandbox.ship_resend(resend_id, error=error)
    body = only(sandbox, "updateResendStatus")
    (shipment,) = body["resendShipmentList"]
    assert (body["resend"]["resendId"], body["resend"]["resendStatusCode"]) == (resend_id, status)
    assert (shipment["error"], shipment["trackingNumber"] is None) == (error or "", error is not None)
    assert [one["handlingCode"] for one in body["returnInventoryList"]] == [4]
    assert sandbox.inventories[inventory]["handlingStatusCode"] == ("completed" if error is None else "pending")


def test_a_resend_may_be_reported_the_old_way(clock: Clock, served: Serve) -> None:
    sandbox = ReturnHelperSandbox(count=0, old_resend_event=True, now=clock)
    sandbox.ship_resend(resend(served(sandbox), sandbox, arrived(sandbox)))
    body = only(sandbox, "updateResendTrackingNumber")
    assert set(body) == {"resend", "trackingNumber", "failureReason", "category", "action", "eventTime"}


def test_a_recall_goes_through_its_steps(sandbox: ReturnHelperSandbox, served: Serve) -> None:
    inventory = arrived(sandbox)
    body = {"returnInventoryIdList": [inventory]}
    (recall,) = post(served(sandbox), "Recall/createRecallByReturnInventoryId", body)["recallList"]
    for _ in range(3):
        sandbox.advance_recall(recall["recallId"])
    bodies = [told(one) for one in sandbox.notifications]
    entries = [body["recall"]["recallInventoryList"][0] for body in bodies]
    assert [body["recallUpdateTypeStatus"] for body in bodies] == [
        "updateTrackingNumber",
        "markReadyToPickUp",
        "pickUpToCourierPickUp",
    ]
    assert [body["recall"]["recallStatusCode"] for body in bodies] == ["in-progress", "completed", "completed"]
    assert [one["recallInventoryStatusCode"] for one in entries] == ["in-transit", "ready-to-pick-up", "picked-up"]
    assert [one["pickUpCode"] for one in entries] == ["pending", "pending", "courier-pick-up"]
    assert {one["pickUpOn"] for one in entries} == {None}
    with pytest.raises(ValueError, match="at its end"):
        sandbox.advance_recall(recall["recallId"])


def test_an_rma_is_swapped_by_an_id_in_text(sandbox: ReturnHelperSandbox) -> None:
    inventory = arrived(sandbox)
    old = sandbox.inventories[inventory]["rma"]
    new = sandbox.swap_rma(inventory)
    payload = only(sandbox, "notifyUserRmaSwapped")["payload"]
    assert (payload["returnInventoryId"], payload["oldRma"], payload["newRma"]) == (str(inventory), old, new)


def test_remarks_come_in_three_spellings_of_codes(sandbox: ReturnHelperSandbox) -> None:
    inventory = arrived(sandbox)
    sandbox.remark(inventory, "cool")
    body = only(sandbox, "warehouseUpdateWarehouseRemarks")
    assert (body["returnRequest"]["returnStatusCode"], body["shipment"]["shipmentStatusCode"]) == ("0", "6")
    assert (body["returnInventory"]["handlingCode"], body["returnInventory"]["warehouseRemarks"]) == ("tbc", "cool")
    assert body["returnInventory"]["createOn"] == "0001-01-01T00:00:00"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{4}", body["returnInventory"]["handlingUpdatedOnStr"])


def test_measures_come_without_units(sandbox: ReturnHelperSandbox) -> None:
    inventory = arrived(sandbox)
    sandbox.recalibrate(inventory, weight=Decimal("310.50"))
    body = sandbox.notifications[0].body
    assert b'"weight":310.50' in body
    assert b"weightUom" not in body


def test_fba_events_have_their_own_actions(sandbox: ReturnHelperSandbox, served: Serve) -> None:
    url = served(sandbox)
    parcel = {"trackingNumber": "TBA001", "removalOrderId": "RO-1", "warehouseId": 2}
    (made,) = post(url, "Fba/FbaShipment/create", {"createFbaShipmentPayloadList": [parcel]})["data"]
    sandbox.arrive_fba(made["fbaShipmentId"])
    sandbox.put_away_fba(made["fbaShipmentId"], {"X00ABC": 2})
    wanted = {"fnsku": "X00ABC", "warehouseId": 2, "quantity": 2}
    body = {"fbaInstructionHandlingCode": "DIS", "fnskuList": [wanted]}
    (instruction,) = post(url, "Fba/FbaInstruction/create", body)["data"]
    sandbox.complete_fba(instruction["fbaInstructionId"])
    assert [(one.category, one.action) for one in sandbox.notifications] == [
        ("markFbaShipmentArrived",) * 2,
        ("fbaShipmentPutaway",) * 2,
        ("completeFbaInstructionDispose",) * 2,
    ]


# Delivery: section 4.1


def test_they_come_in_any_order_and_as_often_as_wanted(sandbox: ReturnHelperSandbox, served: Serve) -> None:
    shop = Shop()
    sandbox.deliver_to(served(shop))
    sandbox.assign_unknown(packages=2)
    sandbox.deliver(lambda due: [*reversed(due), *due])
    assert shop.actions == [
        *["newInventoryCreated", "newInventoryCreated", "assignUnknown"],
        *["assignUnknown", "newInventoryCreated", "newInventoryCreated"],
    ]
    assert len({body for _, body in shop.seen}) == 3


def test_a_shuffled_delivery_leaves_nothing_behind(sandbox: ReturnHelperSandbox, served: Serve) -> None:
    shop, chance = Shop(), random.Random(7)
    sandbox.deliver_to(served(shop))
    sandbox.assign_unknown(packages=4)
    sandbox.deliver(lambda due: chance.sample(due, len(due)))
    assert (len(shop.seen), sandbox.waiting) == (5, ())


def test_what_is_left_out_still_waits(sandbox: ReturnHelperSandbox, served: Serve) -> None:
    shop = Shop()
    sandbox.deliver_to(served(shop))
    sandbox.assign_unknown()
    sandbox.deliver(lambda due: due[1:])
    assert [one.action for one in sandbox.waiting] == ["assignUnknown"]
    sandbox.deliver()
    assert shop.actions == ["newInventoryCreated", "assignUnknown"]


@pytest.mark.parametrize("status", [201, 204, 302, 401, 500])
def test_anything_but_200_is_tried_again_later(
    sandbox: ReturnHelperSandbox, served: Serve, clock: Clock, status: int
) -> None:
    shop = Shop(status, 200)
    sandbox.deliver_to(served(shop))
    sandbox.notify("transaction", {})
    sandbox.deliver()
    assert sandbox.deliver() == ()
    clock.advance(minutes=1)
    (one,) = sandbox.deliver()
    assert [attempt.status for attempt in one.attempts] == [status, 200]
    (first, body), (second, again) = shop.seen
    assert body == again
    assert first["timestamp"] != second["timestamp"]
    assert verified(second, again, URL)


def test_a_retry_may_keep_its_timestamp(clock: Clock, served: Serve) -> None:
    sandbox = ReturnHelperSandbox(count=0, keep_timestamp=True, now=clock)
    shop = Shop(500, 200)
    sandbox.deliver_to(served(shop))
    sandbox.notify("transaction", {})
    sandbox.deliver()
    clock.advance(hours=1)
    sandbox.deliver()
    assert shop.seen[0] == shop.seen[1]


def test_nobody_there_is_a_failure_too(sandbox: ReturnHelperSandbox) -> None:
    sandbox.deliver_to("http://127.0.0.1:9")
    sandbox.notify("transaction", {})
    (one,) = sandbox.deliver()
    assert [attempt.status for attempt in one.attempts] == [None]


def fail_ten_times(sandbox: ReturnHelperSandbox, clock: Clock) -> Notification:
    one = sandbox.notify("transaction", {})
    for _ in range(10):
        sandbox.deliver()
        clock.advance(minutes=1)
    return one


def test_ten_failures_suspend_the_endpoint_for_a_day(sandbox: ReturnHelperSandbox, served: Serve, clock: Clock) -> None:
    shop = Shop(*[500] * 10, 200)
    sandbox.deliver_to(served(shop))
    failed = fail_ten_times(sandbox, clock)
    missed = sandbox.notify("transaction", {})
    assert sandbox.suspended
    clock.advance(hours=23, minutes=58)
    assert sandbox.deliver() == ()
    clock.advance(minutes=2)
    later = sandbox.notify("transaction", {})
    assert sandbox.deliver() == (later,)
    assert (failed.state, missed.state, later.state) == ("lost", "lost", "acknowledged")
    assert len(shop.seen) == 11


def test_what_was_missed_may_come_after_the_suspension(clock: Clock, served: Serve) -> None:
    sandbox = ReturnHelperSandbox(count=0, keep_missed=True, now=clock)
    sandbox.deliver_to(served(Shop(*[500] * 10, 200)))
    failed = fail_ten_times(sandbox, clock)
    missed = sandbox.notify("transaction", {})
    assert sandbox.deliver() == ()
    clock.advance(hours=24)
    assert sandbox.deliver() == (failed, missed)
    assert sandbox.waiting == ()


def test_a_notification_is_given_up_after_ten_retries(clock: Clock, served: Serve) -> None:
    sandbox = ReturnHelperSandbox(count=0, keep_missed=True, now=clock)
    sandbox.deliver_to(served(Shop(500)))
    failed = fail_ten_times(sandbox, clock)
    clock.advance(hours=24)
    sandbox.deliver()
    clock.advance(hours=24)
    assert (sandbox.deliver(), failed.state, len(failed.attempts)) == ((), "dead", 11)


def test_a_success_between_failures_prevents_the_suspension(
    sandbox: ReturnHelperSandbox, served: Serve, clock: Clock
) -> None:
    sandbox.deliver_to(served(Shop(*[500] * 9, 200, *[500] * 9, 200)))
    for _ in range(2):
        sandbox.notify("transaction", {})
        for _ in range(10):
            sandbox.deliver()
            clock.advance(minutes=1)
    assert not sandbox.suspended
    assert {one.state for one in sandbox.notifications} == {"acknowledged"}


def test_one_can_be_sent_although_it_was_acknowledged(sandbox: ReturnHelperSandbox, served: Serve) -> None:
    shop = Shop()
    sandbox.deliver_to(served(shop))
    one = sandbox.notify("transaction", {})
    assert [sandbox.send(one) for _ in range(2)] == [200, 200]
    assert shop.seen[0] == shop.seen[1]


def test_a_thread_delivers_as_soon_as_something_happens(served: Serve) -> None:
    sandbox, shop = ReturnHelperSandbox(count=0, labels="at_once"), Shop()
    sandbox.deliver_to(served(shop))
    url = served(sandbox)
    with sandbox.delivering():
        data = post(url, "ReturnShipment/createReturnShipment", new_shipment("07001"))["data"]
        assert shop.got.wait(5)
    assert json.loads(shop.seen[0][1])["label"]["shipmentId"] == data["shipmentId"]


def test_a_thread_tries_again_by_the_clock(served: Serve) -> None:
    sandbox, shop = ReturnHelperSandbox(count=0, retry_after=timedelta(milliseconds=20)), Shop(500, 500, 200)
    sandbox.deliver_to(served(shop))
    with sandbox.delivering():
        one = sandbox.notify("transaction", {})
        for _ in range(3):
            assert shop.got.wait(5)
            shop.got.clear()
    assert [attempt.status for attempt in one.attempts] == [500, 500, 200]


def test_a_thread_may_receive_and_call_back_at_once(served: Serve) -> None:
    """A receiver that reads the inventory before it answers must not wait for the simulator, nor it for the receiver."""
    sandbox = ReturnHelperSandbox(count=0)
    url = served(sandbox)
    rmas: list[str] = []

    class Reader(Shop):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            headers = {"x-rr-apikey": "rh_sandbox_key", "x-rr-apitoken": "rh_sandbox_token"}
            async with httpx.AsyncClient(headers=headers, timeout=5) as client:
                path = f"{url}/user/api/returninventory/getReturnInventory?returnInventoryId=1001"
                rmas.append((await client.get(path)).json()["rma"])
            await super().__call__(scope, receive, send)

    sandbox.deliver_to(served(Reader()))
    sandbox.assign_unknown()
    sandbox.deliver()
    assert rmas == [sandbox.inventories[1001]["rma"]] * 2


def test_the_probe_is_no_notification(sandbox: ReturnHelperSandbox, served: Serve) -> None:
    shop = Shop()
    sandbox.deliver_to(served(shop))
    sandbox.probe()
    sandbox.deliver()
    headers, body = shop.seen[0]
    assert not {"category", "action", "eventTime"} & set(json.loads(body))
    assert verified(headers, body, URL)
