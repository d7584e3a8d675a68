"""The Return Helper simulator's API against the vendor's documents, through a plain HTTP client. Values are the documents'."""

import copy
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from returns_hub.testing import serve
from returns_hub_return_helper.sandbox import REFUSED_POSTAL_CODE, ReturnHelperSandbox

Start = Callable[..., httpx.Client]

CREATE = "/user/api/ReturnShipment/createReturnShipment"
INVENTORIES = "/user/api/ReturnInventory/list"
SHIPMENTS = "/user/api/Shipment/list"
KEY = "x-returnhelper-idempotency-key"
# providers/return-helper.md 2.2: every field of the create call.
NEW_SHIPMENT: dict[str, Any] = {
    "serviceTypeCode": "ups_nj",
    "orderTitle": "Two shirts",
    "orderNumber": "ORD 1001",
    "totalValue": 12.5,
    "totalValueCurrency": "usd",
    "sellerReferenceNumber": "#ORD-1001_(a)",
    "remarks": "Ring twice",
    "shipment": {
        "shipToWarehouseId": 2,
        "boxType": "cus",
        "sellerReferenceNumber": None,
        "customFieldMap": {"customerId": "buyer123", "dateOfPurchase": "2024-07-01"},
        "shipFrom": {
            "country": "usa",
            "contactName": "Kiri Demo",
            "phone": "1234567890",
            "email": "kiri.demo@example.com",
            "fax": "",
            "street1": "2 Example Road",
            "street2": "",
            "street3": "",
            "state": "NJ",
            "city": "Sampleton",
            "postalCode": "07001",
        },
        "parcel": {
            "weight": 300,
            "weightUnit": "g",
            "length": 10,
            "width": 30,
            "height": 20.5,
            "dimensionUnit": "cm",
            "items": [
                {
                    "description": "Shirt",
                    "weight": 300,
                    "weightUom": "g",
                    "value": 12.5,
                    "valueCurrencyCode": "usd",
                    "sellerReferenceNumber": "",
                    "customFieldMap": {},
                }
            ],
        },
    },
}
RESEND_TO = {
    "shipmentServiceType": "SHIPMENT_USPS_GA_SIG_NJ",
    "shipmentCountryCode": "usa",
    "shipmentName": "Kiri Demo",
    "shipmentPhone": "1234567890",
    "shipmentEmail": "kiri.demo@example.com",
    "shipmentStreet1": "2 Example Road",
    "shipmentStreet2": "",
    "shipmentState": "NJ",
    "shipmentCity": "Sampleton",
    "shipmentPostalCode": "07001",
}


class Clock:
    def __init__(self, moment: datetime = datetime(2026, 1, 1, 12, tzinfo=UTC)) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment


@pytest.fixture
def http() -> Iterator[Start]:
    """A client with the credentials of a simulator, which is given or made with the arguments."""
    with ExitStack() as stack:

        def start(simulator: ReturnHelperSandbox | None = None, **arguments: Any) -> httpx.Client:
            sandbox = simulator or ReturnHelperSandbox(**{"count": 0, **arguments})
            running = stack.enter_context(serve(sandbox))
            headers = {"x-rr-apikey": "rh_sandbox_key", "x-rr-apitoken": "rh_sandbox_token"}
            return stack.enter_context(httpx.Client(base_url=running.url, headers=headers, timeout=5))

        yield start


def changed(path: str, value: object) -> dict[str, Any]:
    """The create call with one field otherwise; ``...`` leaves it out."""
    body = copy.deepcopy(NEW_SHIPMENT)
    *parents, name = path.split(".")
    place: Any = body
    for parent in parents:
        place = place[int(parent) if parent.isdigit() else parent]
    if value is ...:
        del place[name]
    else:
        place[name] = value
    return body


def problems_of(reply: httpx.Response) -> set[str]:
    """The properties that a soft error names."""
    meta = reply.json()["meta"]
    assert (reply.status_code, meta["status"], meta["errorCode"]) == (200, 400, "VALIDATION_FAILED")
    return set(meta["error"])


def good(reply: httpx.Response) -> Any:
    body = reply.json()
    assert body["meta"] == {"status": 200, "data": {}, "errorCode": None, "error": {}}
    assert body["correlationId"]
    return body


def window(first: str, last: str, size: int = 50, offset: int = 0) -> dict[str, str | int]:
    return {"createFrom": first, "createTo": last, "pageSize": size, "offset": offset}


def arrived(sandbox: ReturnHelperSandbox, **arguments: Any) -> int:
    """A new inventory, of a return that is announced and in the warehouse."""
    return_id = sandbox.add_return(arrived_at=datetime(2026, 1, 1, tzinfo=UTC), **arguments)
    return next(key for key, row in sandbox.inventories.items() if str(row["returnRequestId"]) == return_id)


def on_hold(sandbox: ReturnHelperSandbox, client: httpx.Client) -> int:
    inventory = arrived(sandbox)
    assert handle(client, inventory, "ohd") == []
    return inventory


def handle(client: httpx.Client, inventory: int, code: str) -> list[str]:
    """The problems of setting a handling."""
    body = {"returnInventoryId": inventory, "handlingCode": code}
    reply = client.post("/user/api/ReturnInventory/UpdateReturnInventoryHandling", json=body)
    return sorted(reply.json()["meta"]["error"])


def state(sandbox: ReturnHelperSandbox, inventory: int) -> tuple[str, str]:
    row = sandbox.inventories[inventory]
    return row["handlingCode"], row["handlingStatusCode"]


# The documented examples (Return Helper API, Getting started, Response Structure)


def test_the_documented_success(http: Start) -> None:
    body = http().get("/user/api/ApiBalance/GetApiBalance?pageSize=50&offset=0").json()
    assert len(body.pop("correlationId")) == len("0HM9SANDBOX:00000001")
    assert body == {
        "apiBalances": [{"apiBalanceId": 7, "currencyCode": "usd", "balance": 2044.233}],
        "meta": {"status": 200, "data": {}, "errorCode": None, "error": {}},
        "totalNumberOfRecords": 1,
    }


def test_the_documented_failure_is_soft(http: Start) -> None:
    reply = http().get("/user/api/warehouse/getWarehouse?warehouseId=invalid")
    assert reply.status_code == 200
    assert reply.json()["meta"] == {
        "status": 400,
        "data": {},
        "errorCode": "VALIDATION_FAILED",
        "error": {"warehouseId": "The value 'invalid' is not valid."},
    }


def test_every_answer_has_a_correlation_id_of_its_own(http: Start) -> None:
    client = http()
    ids = {client.get("/user/api/ApiBalance/GetApiBalance").json()["correlationId"] for _ in range(3)}
    assert len(ids) == 3


# Credentials (Return Helper API, Introduction, Authentication) and limits


@pytest.mark.parametrize(
    ("key", "token", "status"),
    [
        (None, "rh_sandbox_token", 401),
        ("rh_sandbox_key", None, 401),
        ("wrong", "wrong", 401),
        ("rh_sandbox_key", "wrong", 403),
        ("wrong", "rh_sandbox_token", 403),
    ],
)
@pytest.mark.parametrize("path", ["/user/api/ApiBalance/GetApiBalance", "/public/api/vas/getAllVas"])
def test_both_headers_must_be_a_pair(http: Start, key: str | None, token: str | None, status: int, path: str) -> None:
    client = http()
    for name, value in (("x-rr-apikey", key), ("x-rr-apitoken", token)):
        client.headers.pop(name)
        if value is not None:
            client.headers[name] = value
    reply = client.get(path)
    assert (reply.status_code, reply.json()["meta"]["status"]) == (status, status)


def test_calls_over_the_limit_are_refused_and_counted(http: Start) -> None:
    sandbox = ReturnHelperSandbox(count=0, requests_per_second=2, now=Clock())
    client = http(sandbox)
    statuses = [client.get("/user/api/ApiBalance/GetApiBalance").status_code for _ in range(4)]
    assert (statuses, sandbox.violations) == ([200, 200, 429, 429], 2)


def test_requests_are_counted_by_endpoint(http: Start) -> None:
    sandbox = ReturnHelperSandbox(count=0)
    client = http(sandbox)
    for path in ("/public/api/vas/getAllVas", "/public/api/vas/getAllVas", "/user/api/warehouse/getAllWarehouse"):
        client.get(path)
    assert sandbox.counts == {"GET /public/api/vas/getAllVas": 2, "GET /user/api/warehouse/getAllWarehouse": 1}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/user/api/api/ReturnInventory/list", 404),
        ("GET", "/user/api/returninventory/list", 404),
        ("GET", "/public/api/ReturnInventory/list", 404),
        ("GET", CREATE, 405),
        ("POST", INVENTORIES, 405),
    ],
)
def test_a_path_has_one_spelling_and_one_verb(http: Start, method: str, path: str, status: int) -> None:
    assert http().request(method, path).status_code == status


# Creating: section 2.2


def test_the_create_call_queues_a_label(http: Start) -> None:
    data = good(http().post(CREATE, json=NEW_SHIPMENT))["data"]
    assert (data["referenceNumber"], data["labelRequestStatusCode"]) == ("ORD 1001", "queued")
    assert {"returnRequestId", "returnRequestNumber", "shipmentId", "labelId", "cost", "costCurrencyCode"} <= set(data)
    assert [type(data[name]) for name in ("returnRequestId", "shipmentId", "labelId")] == [int, int, int]


REQUIRED = [
    *("serviceTypeCode", "orderTitle", "orderNumber", "totalValue", "totalValueCurrency", "shipment"),
    *(f"shipment.{name}" for name in ("shipToWarehouseId", "boxType", "shipFrom", "parcel")),
    *(f"shipment.shipFrom.{name}" for name in ("country", "contactName", "phone", "email", "street1")),
    *(f"shipment.shipFrom.{name}" for name in ("state", "city", "postalCode")),
    *(f"shipment.parcel.{name}" for name in ("weight", "weightUnit", "length", "width", "height", "dimensionUnit")),
    "shipment.parcel.items",
]


@pytest.mark.parametrize("path", REQUIRED)
@pytest.mark.parametrize("value", [..., None, ""], ids=["left out", "null", "empty"])
def test_a_required_field_is_required(http: Start, path: str, value: object) -> None:
    assert problems_of(http().post(CREATE, json=changed(path, value))) == {path}


@pytest.mark.parametrize("name", ["description", "weight", "weightUom", "value", "valueCurrencyCode"])
def test_a_required_field_of_an_item_is_required(http: Start, name: str) -> None:
    reply = http().post(CREATE, json=changed(f"shipment.parcel.items.0.{name}", ...))
    assert problems_of(reply) == {f"shipment.parcel.items[0].{name}"}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("totalValue", 12.51),
        ("totalValue", 0),
        ("totalValue", "12.5"),
        ("totalValue", True),
        ("totalValueCurrency", "USD"),
        ("serviceTypeCode", "SHIPMENT_USPS_GA_SIG_NJ"),
        ("shipment.shipToWarehouseId", 9999),
        ("shipment.shipToWarehouseId", "2"),
        ("shipment.boxType", "Medium Box"),
        ("shipment.shipFrom.country", "USA"),
        ("shipment.shipFrom.country", "us"),
        ("shipment.shipFrom.phone", 1234567890),
        ("shipment.shipFrom.email", "kiri"),
        ("shipment.parcel.weight", 301),
        ("shipment.parcel.weight", -1),
        ("shipment.parcel.weightUnit", "kg"),
        ("shipment.parcel.dimensionUnit", "in"),
        ("shipment.parcel.length", 0),
        ("sellerReferenceNumber", "ORD 1001"),
        ("sellerReferenceNumber", "ORD\u200b1001"),
        ("sellerReferenceNumber", "ORD\ufeff1001"),
        ("sellerReferenceNumber", "ORD\t1001"),
        ("sellerReferenceNumber", "x" * 51),
        ("shipment.sellerReferenceNumber", " "),
        ("shipment.customFieldMap", {"count": 2}),
        ("shipment.customFieldMap", ["a"]),
        ("shipment.customFieldMap", {f"field{index}": "x" for index in range(25)}),
        ("returnRequestNumber", "R1"),
        ("shipment.shipmentNumber", "S1"),
        ("shipment.parcel.items.0.returnRequestLineItemNumber", "RL1"),
        ("shipment.shipfrom", {}),
    ],
    ids=str,
)
def test_a_field_has_its_rules(http: Start, path: str, value: object) -> None:
    named = {path.replace(".0.", "[0]."), path}
    assert len(problems_of(http().post(CREATE, json=changed(path, value))) & named) == 1


def test_an_output_only_number_is_refused_where_unknown_fields_are_not(http: Start) -> None:
    client = http(ignore_unknown=True)
    good(client.post(CREATE, json=changed("colour", "red")))
    assert problems_of(client.post(CREATE, json=changed("returnRequestNumber", "R1"))) == {"returnRequestNumber"}


def test_several_problems_come_at_once(http: Start) -> None:
    body = changed("shipment.shipFrom.city", ...) | {"orderTitle": ""}
    assert problems_of(http().post(CREATE, json=body)) == {"shipment.shipFrom.city", "orderTitle"}


def test_24_custom_fields_are_accepted(http: Start) -> None:
    fields = {f"field{index}": "x" for index in range(24)}
    good(http().post(CREATE, json=changed("shipment.customFieldMap", fields)))


def test_a_service_must_serve_country_and_warehouse(http: Start) -> None:
    body = changed("shipment.shipToWarehouseId", 1034)
    assert problems_of(http().post(CREATE, json=body)) == {"serviceTypeCode"}
    assert problems_of(http().post(CREATE, json=changed("serviceTypeCode", "rm"))) == {"serviceTypeCode"}


def test_several_items_need_an_account_for_it(http: Start) -> None:
    item = NEW_SHIPMENT["shipment"]["parcel"]["items"][0]
    body = changed("shipment.parcel.items", [item, item]) | {"totalValue": 25.0}
    body["shipment"]["parcel"]["weight"] = 600
    assert problems_of(http().post(CREATE, json=body)) == {"shipment.parcel.items"}
    good(http(max_items=2).post(CREATE, json=body))


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"1", b"[" * 100_000])
def test_a_body_must_be_a_json_object(http: Start, body: bytes) -> None:
    reply = http().post(CREATE, content=body, headers={"content-type": "application/json"})
    assert problems_of(reply) == {"body"}


def test_a_body_must_be_sent_as_json(http: Start) -> None:
    reply = http().post(CREATE, content=json.dumps(NEW_SHIPMENT), headers={"content-type": "text/plain"})
    assert problems_of(reply) == {"body"}


def test_the_vendor_fills_in_reference_numbers_of_its_own(http: Start) -> None:
    client = http()
    data = good(client.post(CREATE, json=NEW_SHIPMENT))["data"]
    request = good(client.get(f"/user/api/returnrequest/getReturnRequest?returnRequestId={data['returnRequestId']}"))
    (shipment,) = request["shipments"]
    assert request["sellerReferenceNumber"] == "#ORD-1001_(a)"
    assert shipment["sellerReferenceNumber"] == shipment["shipmentNumber"]


def test_dimension1_is_the_longest_side(http: Start) -> None:
    client = http()
    return_id = good(client.post(CREATE, json=NEW_SHIPMENT))["data"]["returnRequestId"]
    request = good(client.get(f"/user/api/returnrequest/getReturnRequest?returnRequestId={return_id}"))
    assert [request["shipments"][0][f"dimension{index}"] for index in (1, 2, 3)] == [30, 20.5, 10]


# Idempotency (Return Helper API, Introduction)


def test_a_repeated_key_is_executed_once_and_answered_alike(http: Start) -> None:
    sandbox = ReturnHelperSandbox(count=0)
    client = http(sandbox)
    replies = [client.post(CREATE, json=NEW_SHIPMENT, headers={KEY: "a"}) for _ in range(3)]
    assert len({reply.content for reply in replies}) == 1
    assert len(sandbox.return_ids) == 1


def test_another_key_is_another_shipment(http: Start) -> None:
    sandbox = ReturnHelperSandbox(count=0)
    client = http(sandbox)
    for key in ("a", "b"):
        client.post(CREATE, json=NEW_SHIPMENT, headers={KEY: key})
    assert len(sandbox.return_ids) == 2


def test_a_create_whose_reply_is_dropped_is_done_once(http: Start) -> None:
    sandbox = ReturnHelperSandbox(count=0)
    client = http(sandbox)
    for index in range(50):
        sandbox.faults.clear()
        sandbox.faults.drop_after_commit(method="POST", times=1)
        with pytest.raises(httpx.RemoteProtocolError):
            client.post(CREATE, json=NEW_SHIPMENT, headers={KEY: f"key-{index}"})
        good(client.post(CREATE, json=NEW_SHIPMENT, headers={KEY: f"key-{index}"}))
    assert len(sandbox.return_ids) == len(sandbox.shipments) == 50


def test_a_refused_request_does_not_use_up_its_key(http: Start) -> None:
    client = http()
    problems_of(client.post(CREATE, json=changed("orderTitle", ...), headers={KEY: "a"}))
    good(client.post(CREATE, json=NEW_SHIPMENT, headers={KEY: "a"}))


def test_a_key_with_another_body_is_a_conflict(http: Start) -> None:
    client = http()
    client.post(CREATE, json=NEW_SHIPMENT, headers={KEY: "a"})
    assert client.post(CREATE, json=changed("orderTitle", "Other"), headers={KEY: "a"}).status_code == 409


def test_a_repeated_key_may_be_a_conflict(http: Start) -> None:
    sandbox = ReturnHelperSandbox(count=0, repeated_key="conflict")
    client = http(sandbox)
    statuses = [client.post(CREATE, json=NEW_SHIPMENT, headers={KEY: "a"}).status_code for _ in range(2)]
    assert (statuses, len(sandbox.return_ids)) == ([200, 409], 1)


# Labels: section 2.3


def label_of(client: httpx.Client, return_id: int) -> Any:
    request = good(client.get(f"/user/api/returnrequest/getReturnRequest?returnRequestId={return_id}"))
    return request["shipments"][0]["label"]


def test_a_label_is_made_when_time_advances(http: Start) -> None:
    sandbox = ReturnHelperSandbox(count=0)
    client = http(sandbox)
    data = good(client.post(CREATE, json=NEW_SHIPMENT))["data"]
    assert label_of(client, data["returnRequestId"])["labelRequestStatusCode"] == "queued"
    assert sandbox.advance() == (data["shipmentId"],)
    label = label_of(client, data["returnRequestId"])
    assert (label["labelId"], label["labelRequestStatusCode"]) == (data["labelId"], "success")
    assert label["trackingNumber"]
    assert sandbox.advance() == ()


@pytest.mark.parametrize("word", ["fail", "failed"])
def test_a_label_can_fail(http: Start, word: str) -> None:
    sandbox = ReturnHelperSandbox(count=0, failed_word=word)  # type: ignore[arg-type]  # parametrized
    client = http(sandbox)
    data = good(client.post(CREATE, json=changed("shipment.shipFrom.postalCode", REFUSED_POSTAL_CODE)))["data"]
    sandbox.advance()
    label = label_of(client, data["returnRequestId"])
    assert (label["labelRequestStatusCode"], label["trackingNumber"], label["labelUrl"]) == (word, None, None)
    assert sandbox.shipments[data["shipmentId"]]["shipmentStatusCode"] == "lb-failed"


def test_only_the_latest_label_can_be_cancelled(http: Start) -> None:
    sandbox = ReturnHelperSandbox(count=0)
    client = http(sandbox)
    data = good(client.post(CREATE, json=NEW_SHIPMENT))["data"]
    sandbox.finish_label(data["shipmentId"], error="Carrier is down")
    sandbox.reissue_label(data["shipmentId"])
    latest = sandbox.shipments[data["shipmentId"]]["labelId"]
    cancel = "/user/api/Label/CancelLabel"
    assert latest != data["labelId"]
    assert problems_of(client.post(cancel, json={"labelId": data["labelId"]})) == {"labelId"}
    assert set(good(client.post(cancel, json={"labelId": str(latest)}))) == {"correlationId", "meta"}
    assert problems_of(client.post(cancel, json={"labelId": latest})) == {"labelId"}


# Lists (Return Helper API, List return inventories; 2.5)


@pytest.mark.parametrize("path", [INVENTORIES, SHIPMENTS])
@pytest.mark.parametrize("name", ["createFrom", "createTo", "pageSize", "offset"])
def test_a_list_needs_its_parameters(http: Start, path: str, name: str) -> None:
    query = {key: value for key, value in window("2024-01-01", "2024-02-01").items() if key != name}
    assert problems_of(http().get(path, params=query)) == {name}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pageSize", "0"),
        ("pageSize", "51"),
        ("pageSize", "many"),
        ("offset", "-1"),
        ("createFrom", "01/02/2024"),
        ("createTo", ""),
        ("status", "open"),
    ],
)
def test_a_list_refuses_a_bad_parameter(http: Start, name: str, value: str) -> None:
    query = {**window("2024-01-01", "2024-02-01"), name: value}
    assert problems_of(http().get(INVENTORIES, params=query)) == {name}


@pytest.mark.parametrize(
    ("first", "last", "fits"),
    [
        (
            "2024-03-13T15:00:00Z",
            "2024-05-14T09:00:00Z",
            True,
        ),  # Return Helper API, List return inventories, Validator rule
        ("2024-03-13T00:00:00Z", "2024-05-14T23:59:59.999Z", True),
        ("2024-03-12T23:59:59.999Z", "2024-05-14T00:00:00Z", False),
        ("2024-03-13", "2024-05-15", False),
    ],
)
@pytest.mark.parametrize("path", [INVENTORIES, SHIPMENTS])
def test_a_window_is_at_most_62_calendar_days(http: Start, path: str, first: str, last: str, *, fits: bool) -> None:
    reply = http().get(path, params=window(first, last))
    assert reply.status_code == 200
    assert (reply.json()["meta"]["status"] == 200) is fits


def test_the_shipment_list_may_take_90_days(http: Start) -> None:
    client = http(shipment_days=90)
    reply = client.get(SHIPMENTS, params=window("2024-01-01", "2024-03-31"))
    good(reply)


SEAM = (
    datetime(2024, 3, 12, 23, 59, 59, 999_000, UTC),
    datetime(2024, 3, 13, tzinfo=UTC),
    datetime(2024, 3, 13, 23, 59, 59, 999_000, UTC),
    datetime(2024, 5, 14, tzinfo=UTC),
    datetime(2024, 5, 14, 23, 59, 59, 999_000, UTC),
    datetime(2024, 5, 15, tzinfo=UTC),
)


@pytest.mark.parametrize("path", [INVENTORIES, SHIPMENTS])
def test_a_window_covers_whole_days_at_both_ends(http: Start, path: str) -> None:
    sandbox = ReturnHelperSandbox(count=0)
    ids = [sandbox.add_return(created_at=moment, arrived_at=moment) for moment in SEAM]
    query = window("2024-03-13T15:00:00Z", "2024-05-14T09:00:00Z")
    rows = good(http(sandbox).get(path, params=query))["data"]
    assert [str(row["returnRequestId"]) for row in rows] == ids[1:5]


def test_windows_side_by_side_hold_every_day_once(http: Start) -> None:
    sandbox = ReturnHelperSandbox(count=0)
    start = date(2023, 12, 1)
    for offset in range(200):
        day = datetime(2023, 12, 1, tzinfo=UTC) + timedelta(days=offset)
        sandbox.add_return(created_at=day, arrived_at=day)
        sandbox.add_return(created_at=day, arrived_at=day + timedelta(days=1, microseconds=-1))
    client = http(sandbox)
    seen: list[int] = []
    while len(seen) < 400:
        rows = [
            good(client.get(INVENTORIES, params=window(f"{start}", f"{start + timedelta(days=62)}", 50, offset)))[
                "data"
            ]
            for offset in range(0, 150, 50)
        ]
        seen += [row["returnInventoryId"] for part in rows for row in part]
        start += timedelta(days=63)
    assert Counter(seen) == Counter(sandbox.inventories.keys())


def test_pages_add_up_to_the_total(http: Start) -> None:
    sandbox = ReturnHelperSandbox(count=300, newest=datetime(2020, 3, 1, tzinfo=UTC))
    client = http(sandbox)
    pages = [
        good(client.get(INVENTORIES, params=window("2020-01-01", "2020-03-02", 7, offset)))
        for offset in range(0, 301, 7)
    ]
    ids = [row["returnInventoryId"] for page in pages for row in page["data"]]
    assert ids == list(sandbox.inventories)
    assert {page["totalNumberOfRecords"] for page in pages} == {len(ids)}


def test_a_row_of_an_inventory_is_the_documented_one(http: Start) -> None:
    sandbox = ReturnHelperSandbox(count=0)
    sandbox.add_return(created_at=SEAM[1], arrived_at=SEAM[1])
    (row,) = good(http(sandbox).get(INVENTORIES, params=window("2024-03-13", "2024-03-13")))["data"]
    assert {name: type(value).__name__ for name, value in row.items()} == {
        "returnInventoryId": "int",
        "returnRequestId": "int",
        "returnRequestLineItemId": "str",
        "rma": "str",
        "itemRma": "NoneType",
        "sku": "NoneType",
        "handlingCode": "str",
        "handlingStatusCode": "str",
        "warehouseId": "int",
        "createOn": "str",
    }
    assert row["createOn"] == "2024-03-13T00:00:00"


def test_the_shipment_list_tells_a_total_only_where_switched_on(http: Start) -> None:
    query = window("2024-03-13", "2024-03-13")
    assert "totalNumberOfRecords" not in good(http().get(SHIPMENTS, params=query))
    assert good(http(shipment_total=True).get(SHIPMENTS, params=query))["totalNumberOfRecords"] == 0


def test_times_have_no_zone_and_none_to_seven_digits() -> None:
    rows = ReturnHelperSandbox(count=400).inventories.values()
    digits = {len(row["createOn"].partition(".")[2]) for row in rows}
    assert digits >= {0, 3, 7}
    assert not any(row["createOn"].endswith("Z") for row in rows)


def test_an_rma_has_the_documented_form() -> None:
    rows = ReturnHelperSandbox(count=50).inventories.values()
    parts = [row["rma"].split("-") for row in rows]
    assert {len(one) for one in parts} == {5}
    assert len({row["rma"] for row in rows}) == len(rows)
    assert all(one[1] == str(row["warehouseId"]) for one, row in zip(parts, rows, strict=True))


# The seeded data


def test_the_same_arguments_give_the_same_data() -> None:
    first, second = (ReturnHelperSandbox(count=60, seed=5) for _ in range(2))
    assert (first.shipments, first.inventories) == (second.shipments, second.inventories)
    assert first.inventories != ReturnHelperSandbox(count=60, seed=6).inventories


def test_the_past_has_every_kind_of_return() -> None:
    sandbox = ReturnHelperSandbox(count=300)
    shipments, inventories = sandbox.shipments.values(), sandbox.inventories.values()
    assert len(sandbox.return_ids) == 300
    assert {row["shipmentStatusCode"] for row in shipments} == {
        # The two symbols that a document spells, and the integers of samples and of their history.
        *("no-label", "lb-failed", 2, 3, 4, 6)
    }
    assert {row["handlingCode"] for row in inventories} == {"tbc", "ohd", "dsp", "rtn", "rsd", "oth", "rst"}
    assert {row["handlingStatusCode"] for row in inventories} == {"pending", "inProgress", "completed"}
    assert max(Counter(row["returnRequestId"] for row in inventories).values()) == 4
    years = {row["createOn"][:4] for row in shipments}
    assert years == {"2020", "2021", "2022", "2023", "2024"}


def test_neither_list_has_all_returns(http: Start) -> None:
    sandbox = ReturnHelperSandbox(count=120, newest=datetime(2020, 3, 1, tzinfo=UTC))
    client = http(sandbox)
    found = {}
    for path in (INVENTORIES, SHIPMENTS):
        pages = [
            good(client.get(path, params=window("2020-01-01", "2020-03-02", 50, offset)))["data"]
            for offset in range(0, 250, 50)
        ]
        found[path] = {str(row["returnRequestId"]) for page in pages for row in page}
    assert found[INVENTORIES] | found[SHIPMENTS] == sandbox.return_ids
    assert found[INVENTORIES] - found[SHIPMENTS]
    assert found[SHIPMENTS] - found[INVENTORIES]


# Reading one


def test_an_inventory_is_read_by_id_and_by_line_item(http: Start) -> None:
    sandbox = ReturnHelperSandbox(count=0)
    inventory = arrived(sandbox)
    client = http(sandbox)
    by_id = good(client.get(f"/user/api/returninventory/getReturnInventory?returnInventoryId={inventory}"))
    item = by_id["returnRequestLineItemId"]
    by_item = good(client.get(f"/user/api/returninventory/getReturnInventoryByLineItemId?lineItemId={item}"))
    assert by_id["rma"] == by_item["rma"] == sandbox.inventories[inventory]["rma"]
    assert by_id["handlingUpdatedOnStr"][10] == " "


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/user/api/returninventory/getReturnInventory", "returnInventoryId"),
        ("/user/api/returninventory/getReturnInventoryByLineItemId", "lineItemId"),
        ("/user/api/returnrequest/getReturnRequest", "returnRequestId"),
        ("/user/api/resend/getResend", "resendId"),
        ("/user/api/warehouse/getWarehouse", "warehouseId"),
    ],
)
def test_what_does_not_exist_is_a_soft_error(http: Start, path: str, name: str) -> None:
    assert problems_of(http().get(path, params={name: "999999"})) == {name}


def test_a_remark_is_changed(http: Start) -> None:
    sandbox = ReturnHelperSandbox(count=0)
    return_id = sandbox.add_return()
    body = {"returnRequestId": int(return_id), "remarks": "Fragile"}
    assert good(http(sandbox).post("/user/api/returnrequest/updateRemark", json=body))["remarks"] == "Fragile"


def test_a_sku_is_assigned(http: Start) -> None:
    sandbox = ReturnHelperSandbox(count=0)
    inventory = arrived(sandbox)
    body = {"returnInventoryId": inventory, "sku": "AAAA"}
    assert good(http(sandbox).post("/user/api/returninventory/assignReturnInventorySku", json=body))["sku"] == "AAAA"
    assert sandbox.inventories[inventory]["sku"] == "AAAA"


# Handling: section 2.6


@pytest.mark.parametrize("code", ["ohd", "dsp", "rtn", "oth", "rst"])
def test_a_handling_is_set(http: Start, code: str) -> None:
    sandbox = ReturnHelperSandbox(count=0)
    inventory = arrived(sandbox)
    assert handle(http(sandbox), inventory, code) == []
    assert state(sandbox, inventory) == (code, "pending")


@pytest.mark.parametrize("code", ["rsd", "tbc", "dis", "DSP", "", None, 2])
def test_a_handling_that_cannot_be_set(http: Start, code: Any) -> None:
    sandbox = ReturnHelperSandbox(count=0)
    assert handle(http(sandbox), arrived(sandbox), code) == ["handlingCode"]


def test_the_word_for_disposal_may_be_the_legacy_one(http: Start) -> None:
    sandbox = ReturnHelperSandbox(count=0, dispose_code="dis")
    client = http(sandbox)
    listed = good(client.get("/public/api/handling/getAllHandlings"))["handlings"]
    assert "dis" in {row["handlingCode"] for row in listed}
    assert handle(client, arrived(sandbox), "dis") == []
    assert handle(client, arrived(sandbox), "dsp") == ["handlingCode"]


def test_what_the_warehouse_has_begun_does_not_move(http: Start) -> None:
    sandbox = ReturnHelperSandbox(count=0)
    client, inventory = http(sandbox), arrived(sandbox)
    handle(client, inventory, "dsp")
    sandbox.start_handling(inventory)
    body = {"returnInventoryId": inventory}
    assert handle(client, inventory, "ohd") == ["handlingCode"]
    reply = client.post("/user/api/ReturnInventory/CancelReturnInventoryHandling", json=body)
    assert problems_of(reply) == {"returnInventoryId"}


def test_a_handling_is_withdrawn(http: Start) -> None:
    sandbox = ReturnHelperSandbox(count=0)
    client, inventory = http(sandbox), arrived(sandbox)
    handle(client, inventory, "dsp")
    reply = client.post(
        "/user/api/ReturnInventory/CancelReturnInventoryHandling", json={"returnInventoryId": inventory}
    )
    assert set(good(reply)) == {"correlationId", "meta"}
    assert state(sandbox, inventory) == ("tbc", "pending")


def test_a_handling_beyond_hold_locks_the_rma(http: Start) -> None:
    sandbox = ReturnHelperSandbox(count=0)
    client, inventory = http(sandbox), arrived(sandbox)
    for code in ("ohd", "oth"):
        handle(client, inventory, code)
        assert sandbox.swap_rma(inventory) == sandbox.inventories[inventory]["rma"]
    handle(client, inventory, "dsp")
    with pytest.raises(ValueError, match="locked"):
        sandbox.swap_rma(inventory)


# VAS: section 2.7

VAS = "/user/api/Vas/CreateByReturnInventoryId"


def vas(inventory: int, *details: dict[str, Any]) -> dict[str, Any]:
    return {"createVasList": [{"returnInventoryId": str(inventory), "createVasDetailList": list(details)}]}


def test_a_service_is_asked_for(http: Start) -> None:
    sandbox = ReturnHelperSandbox(count=0)
    client = http(sandbox)
    inventory = on_hold(sandbox, client)
    (made,) = good(client.post(VAS, json=vas(inventory, {"vasCode": "repack", "notes": "Gently"})))["data"]
    assert str(made["returnRequestLineItemId"]) == sandbox.inventories[inventory]["returnRequestLineItemId"]
    (detail,) = made["createVasDetailList"]
    assert (detail["vasCode"], detail["notes"]) == ("repack", "Gently")
    assert isinstance(detail["returnRequestLineItemVasId"], int)


def test_the_reply_may_not_tell_the_id_of_a_service(http: Start) -> None:
    sandbox = ReturnHelperSandbox(count=0, vas_ids=False)
    client = http(sandbox)
    (made,) = good(client.post(VAS, json=vas(on_hold(sandbox, client), {"vasCode": "repack"})))["data"]
    assert made["createVasDetailList"] == [{"vasCode": "repack"}]


@pytest.mark.parametrize(
    "details",
    [
        [{"vasCode": "SPLIT_PARCEL", "metaQuantity": 2}],
        [{"vasCode": "req-pic"}],
        [{"vasCode": "req-pic", "metaQuantity": 0}],
        [{"vasCode": "split-parcel"}],
        [{"vasCode": "split-parcel", "metaQuantity": 51}],
        [{"vasCode": "split-parcel", "metaQuantity": 2}, {"vasCode": "repack"}],
        [{"vasCode": "repack", "vasFileList": [{"filename": "a.txt", "fileKey": "k"}]}],
        [],
    ],
    ids=str,
)
def test_a_service_has_its_rules(http: Start, details: list[dict[str, Any]]) -> None:
    sandbox = ReturnHelperSandbox(count=0)
    client = http(sandbox)
    (problem,) = problems_of(client.post(VAS, json=vas(on_hold(sandbox, client), *details)))
    assert problem.startswith("createVasList[0].createVasDetailList")


def test_a_service_needs_an_inventory_on_hold_named_by_text(http: Start) -> None:
    sandbox = ReturnHelperSandbox(count=0)
    client, inventory = http(sandbox), arrived(sandbox)
    assert problems_of(client.post(VAS, json=vas(inventory, {"vasCode": "repack"}))) == {"createVasList[0]"}
    body = vas(inventory, {"vasCode": "repack"})
    body["createVasList"][0]["returnInventoryId"] = inventory
    assert problems_of(client.post(VAS, json=body)) == {"createVasList[0].returnInventoryId"}


def test_an_inventory_cannot_be_in_a_batch_twice(http: Start) -> None:
    sandbox = ReturnHelperSandbox(count=0)
    client = http(sandbox)
    one = vas(on_hold(sandbox, client), {"vasCode": "repack"})["createVasList"]
    assert problems_of(client.post(VAS, json={"createVasList": one * 2})) == {"createVasList"}


def test_a_pending_service_blocks_everything_else(http: Start) -> None:
    sandbox = ReturnHelperSandbox(count=0)
    client = http(sandbox)
    inventory = on_hold(sandbox, client)
    (made,) = good(client.post(VAS, json=vas(inventory, {"vasCode": "repack"})))["data"]
    recall = {"returnInventoryIdList": [inventory]}
    resend = {"returnInventoryIdList": [inventory], "resendShipment": RESEND_TO}
    blocked = {"returnInventoryIdList[0]"}
    assert handle(client, inventory, "dsp") == ["returnInventoryId"]
    assert problems_of(client.post("/user/api/Recall/createRecallByReturnInventoryId", json=recall)) == blocked
    assert problems_of(client.post("/user/api/Resend/createResend", json=resend)) == blocked
    sandbox.finish_vas(made["createVasDetailList"][0]["returnRequestLineItemVasId"])
    assert handle(client, inventory, "dsp") == []


def test_the_older_call_names_line_items(http: Start) -> None:
    sandbox = ReturnHelperSandbox(count=0)
    client = http(sandbox)
    inventory = on_hold(sandbox, client)
    item = sandbox.inventories[inventory]["returnRequestLineItemId"]
    wanted = {"returnRequestLineItemId": item, "createVasDetailList": [{"vasCode": "mobi-imei"}]}
    reply = client.post("/user/api/returnrequest/createVas", json={"createVasPayloadList": [wanted]})
    (made,) = good(reply)["createdLineItemVasList"]
    assert (made["vasCode"], made["isFinished"], str(made["returnRequestLineItemId"])) == ("mobi-imei", False, item)


def test_a_file_for_a_split_is_put_into_a_slot(http: Start) -> None:
    sandbox = ReturnHelperSandbox(count=0)
    client = http(sandbox)
    query = {"filename": "how to.txt", "mimeType": "text/plain"}
    slot = good(client.get("/public/api/file/GetPreSignedUploadUrl", params=query))
    for kind, status in (("image/png", 403), ("text/plain", 200)):
        reply = httpx.put(slot["preSignedUrl"], content=b"in two", headers={"content-type": kind})
        assert reply.status_code == status
    assert sandbox.uploads == {slot["fileKey"]: b"in two"}
    detail = {
        "vasCode": "split-parcel",
        "metaQuantity": 2,
        "vasFileList": [{"filename": slot["filename"], "fileKey": slot["fileKey"]}],
    }
    good(client.post(VAS, json=vas(on_hold(sandbox, client), detail)))


# Resend: section 2.8

RESEND = "/user/api/Resend/createResend"


def test_a_resend_is_created_read_and_cancelled(http: Start) -> None:
    sandbox = ReturnHelperSandbox(count=0)
    client = http(sandbox)
    inventory = inventory_in(sandbox, 2)
    body = {"returnInventoryIdList": [inventory], "description": "Back", "resendShipment": RESEND_TO}
    made = good(client.post(RESEND, json=body))
    assert set(made) == {"resendId", "correlationId", "meta"}
    assert state(sandbox, inventory) == ("rsd", "pending")
    resend = {"resendId": made["resendId"]}
    told = good(client.get("/user/api/resend/getResend", params=resend))
    assert (told["resendStatusCode"], told["returnInventoryId"], told["description"]) == ("pending", inventory, "Back")
    cancelled = good(client.post("/user/api/Resend/cancelResend", json=resend))
    assert cancelled["resendShipmentList"][0]["shipmentName"] == "Kiri Demo"
    assert state(sandbox, inventory) == ("ohd", "pending")
    assert problems_of(client.post("/user/api/Resend/cancelResend", json=resend)) == {"resendId"}


def inventory_in(sandbox: ReturnHelperSandbox, warehouse: int) -> int:
    """A new inventory in a warehouse; where a return is made up to go is by chance."""
    found = arrived(sandbox)
    while sandbox.inventories[found]["warehouseId"] != warehouse:
        found = arrived(sandbox)
    return found


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("shipmentServiceType", "ups_nj"),
        ("shipmentServiceType", "SHIPMENT_RM"),
        ("shipmentCountryCode", "US"),
        ("shipmentName", "x" * 256),
        ("shipmentCity", "x" * 51),
        ("shipmentPostalCode", "x" * 51),
        ("shipmentStreet2", None),
        ("shipmentPhone", ""),
    ],
)
def test_a_resend_has_its_rules(http: Start, name: str, value: object) -> None:
    sandbox = ReturnHelperSandbox(count=0)
    shipping = {**RESEND_TO, name: value}
    body = {"returnInventoryIdList": [inventory_in(sandbox, 2)], "resendShipment": shipping}
    assert problems_of(http(sandbox).post(RESEND, json=body)) == {f"resendShipment.{name}"}


def test_a_resend_is_small_and_of_one_warehouse(http: Start) -> None:
    sandbox = ReturnHelperSandbox(count=0)
    client = http(sandbox)
    many = [inventory_in(sandbox, 2) for _ in range(10)]
    for ids in (many, [many[0], inventory_in(sandbox, 3)], [], [many[0], many[0]]):
        body = {"returnInventoryIdList": ids, "resendShipment": RESEND_TO}
        assert problems_of(client.post(RESEND, json=body)) == {"returnInventoryIdList"}
    good(client.post(RESEND, json={"returnInventoryIdList": many[:9], "resendShipment": RESEND_TO}))


def test_a_resend_takes_its_services_from_its_own_lookup(http: Start) -> None:
    client = http()
    listed = good(client.get("/user/api/Shipment/getAvailableShipmentServiceType?warehouseId=2"))["data"]
    assert [row["serviceTypeCode"] for row in listed] == ["SHIPMENT_USPS_GA_SIG_NJ", "others"]
    assert listed[0]["countryCodePairList"][0]["toCountryCode"] == "usa"


def test_a_resend_is_quoted_for_repeated_ids(http: Start) -> None:
    sandbox = ReturnHelperSandbox(count=0)
    ids = [inventory_in(sandbox, 2) for _ in range(2)]
    query = f"returnInventoryIdList={ids[0]}&returnInventoryIdList={ids[1]}&toCountryCode=usa&toPostalCode=07001"
    reply = http(sandbox).get(f"/user/api/Resend/getShippingFeeListByToShippingOption?{query}")
    assert [row["fee"] for row in good(reply)["data"]["shippingFeeDetailList"]] == [11.030, 0]


# Recall: section 2.9

RECALL = "/user/api/Recall/createRecallByReturnInventoryId"


def test_a_recall_is_made_for_each_warehouse(http: Start) -> None:
    sandbox = ReturnHelperSandbox(count=0)
    ids = [inventory_in(sandbox, 2), inventory_in(sandbox, 3), inventory_in(sandbox, 2)]
    made = good(http(sandbox).post(RECALL, json={"returnInventoryIdList": ids}))["recallList"]
    assert [one["warehouseId"] for one in made] == [2, 3]
    assert [[entry["returnInventoryId"] for entry in one["recallInventoryList"]] for one in made] == [
        [ids[0], ids[2]],
        [ids[1]],
    ]
    assert {state(sandbox, one) for one in ids} == {("rtn", "pending")}


def test_a_recall_takes_100_and_no_more(http: Start) -> None:
    sandbox = ReturnHelperSandbox(count=0)
    ids = [arrived(sandbox) for _ in range(101)]
    client = http(sandbox)
    assert problems_of(client.post(RECALL, json={"returnInventoryIdList": ids})) == {"returnInventoryIdList"}
    good(client.post(RECALL, json={"returnInventoryIdList": ids[:100]}))


def test_what_is_recalled_is_not_recalled_again(http: Start) -> None:
    sandbox = ReturnHelperSandbox(count=0)
    client, body = http(sandbox), {"returnInventoryIdList": [arrived(sandbox)]}
    good(client.post(RECALL, json=body))
    assert problems_of(client.post(RECALL, json=body)) == {"returnInventoryIdList[0]"}


def test_an_inventory_is_taken_out_of_its_recall(http: Start) -> None:
    sandbox = ReturnHelperSandbox(count=0)
    client, ids = http(sandbox), [inventory_in(sandbox, 2), inventory_in(sandbox, 2)]
    good(client.post(RECALL, json={"returnInventoryIdList": ids}))
    cancel = "/user/api/Recall/cancelRecallByReturnInventoryId"
    for inventory, status in ((ids[0], "pending"), (ids[1], "canceled")):
        (told,) = good(client.post(cancel, json={"returnInventoryIdList": [inventory]}))["recallList"]
        assert told["recallStatusCode"] == status
        assert state(sandbox, inventory) == ("ohd", "pending")
    assert problems_of(client.post(cancel, json={"returnInventoryIdList": [ids[0]]})) == {"returnInventoryIdList"}


def test_a_recall_is_cancelled_until_the_warehouse_starts(http: Start) -> None:
    sandbox = ReturnHelperSandbox(count=0)
    client, cancel = http(sandbox), "/user/api/Recall/cancelRecall"
    first, second = (
        good(client.post("/user/api/Recall/createRecall", json={"returnInventoryIdList": [arrived(sandbox)]}))
        for _ in range(2)
    )
    assert set(first) == {"recallId", "recallNumber", "correlationId", "meta"}
    sandbox.advance_recall(second["recallId"])
    (told,) = good(client.post(cancel, json={"recallIdList": [first["recallId"]]}))["recallList"]
    assert told["recallStatusCode"] == "canceled"
    assert problems_of(client.post(cancel, json={"recallIdList": [second["recallId"]]})) == {"recallIdList"}
    assert problems_of(client.post(cancel, json={"recallIdList": [999_999]})) == {"recallIdList[0]"}


# Look-ups: section 2.10


LOOKUPS = {
    "boxtype/getAllBoxTypes": ("boxTypes", {"boxType", "boxTypeDescription"}),
    "country/getAllCountries": ("countries", {"countryCode", "countryName"}),
    "country/getAllFromCountries": ("countries", {"countryCode", "countryName"}),
    "currency/getAllCurrencies": ("currencies", {"currencyCode", "exchangeRate"}),
    "dimensionuom/getAllDimensionUoms": ("dimensionUoms", {"dimensionUom", "dimensionUomDescription"}),
    "weightuom/getAllWeightUom": ("weightUoms", {"weightUom", "weightUomDescription"}),
    "handling/getAllHandlings": ("handlings", {"handlingCode", "handlingDescription"}),
    "handlingfeetype/getAllHandlingFeeTypes": (
        "handlingFeeTypes",
        {"handlingFeeTypeCode", "handlingFeeTypeDescription"},
    ),
    "handlingstatus/getAllHandlingStatus": (
        "handlingStatusList",
        {"handlingStatusCode", "handlingStatus", "handlingStageDescription"},
    ),
    "labelstatus/getAllLabelStatus": ("labelStatuses", {"labelStatusCode", "labelStatus", "labelStageDescription"}),
    "martype/getAllMarType": ("marTypeList", {"marTypeCode", "marTypeDescription"}),
    "refundstatus/getAllRefundStatus": (
        "refundStatuses",
        {"refundStatusCode", "refundStatus", "refundStageDescription"},
    ),
    "resendstatus/getAllResendStatus": (
        "resendStatusList",
        {"resendStatusCode", "resendStatus", "resendStageDescription"},
    ),
    "returnrequestsourcetype/getAllReturnRequestSourceTypes": (
        "returnRequestSourceTypes",
        {"returnRequestSourceTypeCode", "returnRequestSourceTypeDescription"},
    ),
    "returnrequeststatus/getAllReturnRequestStatus": (
        "returnRequestStatuses",
        {"returnRequestStatusCode", "returnRequestStatus", "returnRequestStageDescription"},
    ),
    "servicetype/getAllServiceType": ("serviceTypes", {"serviceTypeCode", "serviceType"}),
    "shipment/getAllShipmentStatus": (
        "shipmentStatuses",
        {"shipmentStatusCode", "shipmentStatus", "shipmentStageDescription", "isShipmentEditable"},
    ),
    "shipment/getAllShipmentCostTypes": (
        "shipmentCostTypes",
        {"shipmentCostTypeCode", "shipmentCostTypeDescription"},
    ),
    "transactiontype/getAllTransactionType": ("transactionTypes", {"transactionTypeCode", "transactionName"}),
    "unknownshipmentstatus/getAllUnknownShipmentStatus": (
        "unknownShipmentStatuses",
        {"unknownShipmentStatusCode", "unknownShipmentStatus", "unknownShipmentStageDescription"},
    ),
    "vas/getAllVas": ("vasList", {"vasCode", "vasDescription"}),
    "vasStatus/getAllVasStatus": ("vasStatusList", {"vasStatusCode", "vasStatusDescription"}),
}


@pytest.mark.parametrize("path", LOOKUPS)
def test_a_public_lookup_has_the_documented_columns(http: Start, path: str) -> None:
    key, columns = LOOKUPS[path]
    rows = good(http().get(f"/public/api/{path}"))[key]
    assert rows
    assert all(set(row) == columns for row in rows)


def test_the_account_names_itself(http: Start) -> None:
    told = good(http().get("/public/api/account/getApiInfo"))
    assert {"apiTypeCode", "apiName", "primayEmail"} <= set(told)


def test_warehouses_are_found_by_country(http: Start) -> None:
    client = http()
    assert len(good(client.get("/user/api/warehouse/getAllWarehouse"))["warehouses"]) == 5
    found = good(client.get("/user/api/warehouse/getWarehouseByFromCountry?countryCode=usa"))["warehouses"]
    assert [one["warehouseId"] for one in found] == [2, 1034]
    assert good(client.get("/user/api/warehouse/getWarehouse?warehouseId=1034"))["description"] == (
        "1034-United States-WA"
    )


def test_quotes_come_cheapest_first(http: Start) -> None:
    client = http()
    query = {"fromCountryCode": "usa", "fromPostalCode": "07001", "weight": "300"}
    path = "/user/api/Shipment/getShippingFeeListByFromShippingOption"
    fees = [row["fee"] for row in good(client.get(path, params=query))["data"]["shippingFeeDetailList"]]
    assert fees == sorted(fees)
    assert len(fees) == 4
    limited = good(client.get(path, params={**query, "limit": "2"}))["data"]["shippingFeeDetailList"]
    assert [row["fee"] for row in limited] == fees[:2]
    assert problems_of(client.get(path, params={**query, "weight": "0"})) == {"weight"}


def test_return_services_are_found_by_lane_and_by_warehouse(http: Start) -> None:
    client = http()
    services = good(client.get("/user/api/ServiceType/getAllReturnServiceType"))["availableReturnServiceTypeList"]
    assert {"serviceTypeCode": "rm", "serviceType": "Royal Mail", "fromCountry": "gbr", "toCountry": "gbr"} in services
    lane = good(client.get("/user/api/servicetype/getServiceTypeByFromToCountry?fromCountry=deu&toCountry=fra"))
    assert lane["serviceTypes"] == [{"serviceTypeCode": "RETURN_PATRICE_EUR", "serviceType": "Europe Consolidated"}]
    path = "/user/api/servicetype/getServiceTypeByFromCountryAndWarehouse?fromCountry=usa&warehouseId=1034"
    assert good(client.get(path))["serviceTypes"] == [{"serviceTypeCode": "ups_wa", "serviceType": "UPS WA"}]


# FBA: section 2.13

FBA = "/user/api/Fba"


def removal(tracking: str = "TBA001", warehouse: int = 2, order: str = "RO-1") -> dict[str, Any]:
    return {"trackingNumber": tracking, "removalOrderId": order, "warehouseId": warehouse}


def stocked(sandbox: ReturnHelperSandbox, client: httpx.Client, quantity: int = 5) -> str:
    """A removal parcel whose contents are on the shelf; its id."""
    body = {"createFbaShipmentPayloadList": [removal(f"TBA{len(sandbox.requests)}")]}
    made = good(client.post(f"{FBA}/FbaShipment/create", json=body))["data"][0]
    shipment_id = str(made["fbaShipmentId"])
    sandbox.arrive_fba(shipment_id)
    sandbox.put_away_fba(shipment_id, {"X00ABC": quantity})
    return shipment_id


def instruct(client: httpx.Client, code: str, quantity: int = 2) -> httpx.Response:
    wanted = {"fnsku": "X00ABC", "warehouseId": 2, "quantity": quantity}
    body = {"fbaInstructionHandlingCode": code, "fnskuList": [wanted]}
    return client.post(f"{FBA}/FbaInstruction/create", json=body)


def test_removal_parcels_are_announced_and_listed(http: Start) -> None:
    clock = Clock()
    client = http(now=clock)
    body = {"createFbaShipmentPayloadList": [removal("TBA001"), removal("TBA002")]}
    made = good(client.post(f"{FBA}/FbaShipment/create", json=body))["data"]
    assert [(one["trackingNumber"], one["fbaShipmentStatusCode"]) for one in made] == [
        ("TBA001", "PENDING"),
        ("TBA002", "PENDING"),
    ]
    listed = good(client.get(f"{FBA}/FbaShipment/list", params=window("2025-12-01", "2026-01-01")))
    assert listed["totalNumberOfRecords"] == 2
    one = {"fbaShipmentId": made[0]["fbaShipmentId"]}
    assert good(client.get(f"{FBA}/FbaShipment/get", params=one))["data"]["removalOrderId"] == "RO-1"


def test_a_tracking_number_in_use_has_a_code_of_its_own(http: Start) -> None:
    client, body = http(), {"createFbaShipmentPayloadList": [removal()]}
    good(client.post(f"{FBA}/FbaShipment/create", json=body))
    meta = client.post(f"{FBA}/FbaShipment/create", json=body).json()["meta"]
    assert (meta["status"], meta["errorCode"]) == (400, "TRACKING_ALREADY_EXIST")


@pytest.mark.parametrize(
    ("batch", "problem"),
    [
        ([removal(), removal()], "createFbaShipmentPayloadList[1].trackingNumber"),
        ([removal("a b")], "createFbaShipmentPayloadList[0].trackingNumber"),
        ([removal("x" * 51)], "createFbaShipmentPayloadList[0].trackingNumber"),
        ([removal("A"), removal("B", warehouse=3)], "createFbaShipmentPayloadList[1].warehouseId"),
        ([removal(warehouse=9999)], "createFbaShipmentPayloadList[0].warehouseId"),
    ],
)
def test_a_removal_parcel_has_its_rules(http: Start, batch: list[dict[str, Any]], problem: str) -> None:
    reply = http().post(f"{FBA}/FbaShipment/create", json={"createFbaShipmentPayloadList": batch})
    assert problems_of(reply) == {problem}


def test_stock_is_what_was_put_away_less_what_was_instructed(http: Start) -> None:
    sandbox = ReturnHelperSandbox(count=0)
    client = http(sandbox)
    shipment_id = stocked(sandbox, client)
    (made,) = good(instruct(client, "DIS"))["data"]
    assert (made["quantity"], made["handlingStatusCode"]) == (2, "pending")
    (stock,) = good(client.get(f"{FBA}/FbaWarehouseInventory/getFbaWarehouseInventoryList?fnsku=X00ABC"))["data"]
    assert (stock["quantity"], stock["availableQuantity"]) == (5, 3)
    items = {"fbaShipmentId": shipment_id}
    (item,) = good(client.get(f"{FBA}/FbaShipmentItem/getFbaShipmentItemList", params=items))["data"]
    assert (item["fnsku"], item["shipmentItemQuantity"], item["availableQuantity"]) == ("X00ABC", 5, 3)
    assert problems_of(instruct(client, "DIS", quantity=4)) == {"fnskuList[0].quantity"}
    assert problems_of(instruct(client, "RLB")) == {"fbaInstructionHandlingCode"}


@pytest.mark.parametrize(
    ("code", "name", "extra"),
    [
        ("DIS", "Dispose", "cancelRemarks"),
        ("OTH", "Others", "warehouseRemarks"),
        ("RCL", "Recall", "recallTrackingNumber"),
        ("RPS", "Replenish", "replenishStatusCode"),
        ("RSK", "Restock", "returnInventoryId"),
    ],
)
def test_an_instruction_has_a_detail_of_its_kind(http: Start, code: str, name: str, extra: str) -> None:
    sandbox = ReturnHelperSandbox(count=0)
    client = http(sandbox)
    stocked(sandbox, client)
    query = {"fbaInstructionId": good(instruct(client, code))["data"][0]["fbaInstructionId"]}
    sandbox.complete_fba(query["fbaInstructionId"])
    detail = good(client.get(f"{FBA}/FbaInstruction{name}/get", params=query))["data"]
    assert detail["handlingStatusCode"] == "completed"
    assert detail[f"fbaInstruction{name}Id"]
    assert extra in detail
    assert [item["fnsku"] for item in detail[f"fbaInstruction{name}ItemList"]] == ["X00ABC"]
    (item,) = good(client.get(f"{FBA}/FbaInstructionItem/getFbaInstructionItemList", params=query))["data"]
    assert item["instructionItemQuantity"] == 2
    other = "Others" if name == "Dispose" else "Dispose"
    assert problems_of(client.get(f"{FBA}/FbaInstruction{other}/get", params=query)) == {"fbaInstructionId"}


def test_a_restock_becomes_an_inventory(http: Start) -> None:
    sandbox = ReturnHelperSandbox(count=0)
    client = http(sandbox)
    stocked(sandbox, client)
    query = {"fbaInstructionId": good(instruct(client, "RSK"))["data"][0]["fbaInstructionId"]}
    sandbox.complete_fba(query["fbaInstructionId"])
    detail = good(client.get(f"{FBA}/FbaInstructionRestock/get", params=query))["data"]
    assert detail["returnInventoryId"] in sandbox.inventories


def test_a_replenishment_gets_its_destination(http: Start) -> None:
    sandbox = ReturnHelperSandbox(count=0)
    client = http(sandbox)
    stocked(sandbox, client)
    instruction_id = good(instruct(client, "REPLENISH"))["data"][0]["fbaInstructionId"]
    to = {f"newShipment{name}": "x" for name in ("ReferenceId", "FbaName", "Street1", "State", "City", "PostalCode")}
    body = {"fbaInstructionId": instruction_id, **to, "newShipmentStreet2": "", "provideLabel": False}
    path = f"{FBA}/FbaInstructionReplenish/updateShippingInfo"
    assert problems_of(client.post(path, json={**body, "provideLabel": True})) == {"filename"}
    assert good(client.post(path, json=body))["data"]["newShipmentFbaName"] == "x"
    pairs = [{"oldFnsku": "X00ABC", "newFnsku": "X00DEF"}]
    renamed = {"fbaInstructionId": instruction_id, "assignNewFnskuPayloadList": pairs}
    (told,) = good(client.post(f"{FBA}/FbaInstructionReplenish/assignNewFnsku", json=renamed))["data"]
    assert (told["fbaInstructionId"], told["fnsku"], told["newFnsku"]) == (instruction_id, "X00ABC", "X00DEF")
    query = {"fbaInstructionId": instruction_id}
    detail = good(client.get(f"{FBA}/FbaInstructionReplenish/get", params=query))["data"]
    assert detail["fbaInstructionReplenishItemList"][0]["newFnsku"] == "X00DEF"


def test_a_removal_parcel_of_the_past_is_reported_by_nothing(http: Start) -> None:
    sandbox = ReturnHelperSandbox(count=0)
    shipment_id = sandbox.add_fba_shipment({"X00ABC": 3})
    client = http(sandbox)
    detail = good(client.get(f"{FBA}/FbaShipment/get", params={"fbaShipmentId": shipment_id}))["data"]
    assert detail["fbaShipmentStatusCode"] == "ARRIVED"
    stock = good(client.get(f"{FBA}/FbaWarehouseInventory/getFbaWarehouseInventoryList", params={"fnsku": "X00ABC"}))
    assert [one["availableQuantity"] for one in stock["data"]] == [3]
    assert sandbox.notifications == ()


def test_a_buyers_cost_is_given_for_a_lane_that_is_served(http: Start) -> None:
    client = http()
    path = "/public/api/shipment/calculateBuyerShipmentCost"
    parcel = {
        "warehouseId": 3,
        "shipmentServiceType": "rm",
        "shipmentCountryCode": "gbr",
        **{f"shipment{name}": "x" for name in ("Name", "Street1", "State", "City", "PostalCode")},
        "boxType": "cus",
        "weight": 100,
        "weightUom": "g",
        "dimensionUom": "cm",
    }
    told = good(client.post(path, json=parcel))
    assert (told["serviceTypeCode"], told["rate"], told["currencyCode"]) == ("rm", 4.2, "usd")
    assert problems_of(client.post(path, json={**parcel, "warehouseId": 2})) == {"shipmentServiceType"}
    assert problems_of(client.post(path, json={**parcel, "weight": 0})) == {"weight"}


def test_two_writes_of_stock_are_documented_as_get(http: Start) -> None:
    sandbox = ReturnHelperSandbox(count=0)
    client = http(sandbox)
    stocked(sandbox, client)
    stock: dict[str, str | int] = {"warehouseId": 2, "fnsku": "X00ABC"}
    path = f"{FBA}/FbaWarehouseInventory"
    named = client.get(f"{path}/assignReferenceNumber", params={**stock, "referenceNumber": "REF-1"})
    assert good(named)["data"]["referenceNumber"] == "REF-1"
    remarked = client.get(f"{path}/updateRemark", params={**stock, "remark": "Top shelf"})
    assert (good(remarked)["data"]["referenceNumber"], remarked.json()["data"]["remark"]) == ("REF-1", "Top shelf")


def test_calls_of_doubtful_verb_may_want_post(http: Start) -> None:
    sandbox = ReturnHelperSandbox(count=0, fba_posts=True)
    client = http(sandbox)
    shipment_id = stocked(sandbox, client)
    query = {"fbaShipmentId": shipment_id}
    assert client.get(f"{FBA}/FbaShipment/get", params=query).status_code == 405
    assert good(client.post(f"{FBA}/FbaShipment/get", json=query))["data"]["fbaShipmentStatusCode"] == "ARRIVED"


# Faults


def test_faults_strike_this_simulator_too(http: Start) -> None:
    sandbox = ReturnHelperSandbox(count=0)
    client, path = http(sandbox), "/user/api/ApiBalance/GetApiBalance"
    sandbox.faults.too_many_requests(retry_after=3, times=1)
    sandbox.faults.server_error(times=1)
    sandbox.faults.server_error(html=True, times=1)
    sandbox.faults.unavailable(times=1)
    replies = [client.get(path) for _ in range(4)]
    assert [reply.status_code for reply in replies] == [429, 500, 500, 503]
    assert [reply.json()["meta"]["status"] for reply in replies[:2]] == [429, 500]
    assert replies[0].headers["retry-after"] == "3"


def test_a_soft_error_can_be_switched_on(http: Start) -> None:
    sandbox = ReturnHelperSandbox(count=0)
    sandbox.faults.soft_error()
    reply = http(sandbox).get("/user/api/ApiBalance/GetApiBalance")
    assert (reply.status_code, reply.json()["meta"]["status"]) == (200, 500)


def test_rows_come_twice_and_turned_round_on_demand(http: Start) -> None:
    sandbox = ReturnHelperSandbox(count=0)
    for moment in SEAM[1:3]:
        sandbox.add_return(created_at=moment, arrived_at=moment)
    client, query = http(sandbox), window("2024-03-13", "2024-03-13")
    sandbox.faults.duplicate_rows(times=1)
    sandbox.faults.reordered_rows(times=1)
    found = [
        [row["returnInventoryId"] for row in good(client.get(INVENTORIES, params=query))["data"]] for _ in range(3)
    ]
    first, second = found[2]
    assert found[:2] == [[first, first, second, second], [second, first]]


def test_staff_may_set_any_word() -> None:
    sandbox = ReturnHelperSandbox(count=0)
    here = sandbox.add_return(arrived_at=SEAM[0], packages=2)
    coming = sandbox.add_return()
    for return_id in (here, coming):
        sandbox.set_status(return_id, "in_limbo")
    assert {row["handlingCode"] for row in sandbox.inventories.values()} == {"in_limbo"}
    assert sandbox.shipments[1002]["shipmentStatusCode"] == "in_limbo"


def test_what_has_happened_cannot_happen_again() -> None:
    sandbox = ReturnHelperSandbox(count=0)
    sandbox.add_return(arrived_at=SEAM[0])
    with pytest.raises(ValueError, match="has arrived before"):
        sandbox.arrive(1001)
    with pytest.raises(ValueError, match="no queued label"):
        sandbox.finish_label(1001)
