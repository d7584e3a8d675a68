"""The FBA family: what is sent, by which verb, and what is read of it."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from returns_hub import (
    Address,
    Conflict,
    Disposition,
    DispositionStatus,
    NotFound,
    ProviderError,
    Reply,
    ShipmentStatus,
    UnexpectedReply,
    ValidationFailed,
)
from returns_hub_return_helper.fba import FbaKind, FbaLine, FbaOperations, NewFbaShipment
from returns_hub_return_helper.warehouse import UploadedFile

SHIPMENT = "3c90c3cc-0d44-4b50-8888-8dd25736052a"
# Legacy documentation, updateShippingInfo: its two samples.
LABELLED = "92e5d29c-c0b0-4f49-a0f6-913fbf99ed78"
BARE = "5c779604-b317-4cc8-8f3f-7470982c4965"
AMAZON = Address(
    name="Example Name",
    line1="Example Street 1",
    line2="Example Street 2",
    line3="Example Street 3",
    city="Example City",
    state="Example State",
    postal_code="900100",
    country="US",
)
DAY = date(2024, 1, 31)


def a_parcel(**told: str) -> NewFbaShipment:
    return NewFbaShipment(**{"tracking_number": "1Z1", "removal_order_id": "RO-1", "warehouse_id": "2", **told})


def a_line(**told: Any) -> FbaLine:
    return FbaLine(**{"fnsku": "X001", "warehouse_id": "2", "quantity": 3, **told})


# Parcels


def test_parcels_are_announced(adapter: FbaOperations) -> None:
    request = next(adapter.fba_create_shipments([a_parcel(), a_parcel(tracking_number="1Z2")]))
    assert (request.method, request.path) == ("POST", "/Fba/FbaShipment/create")
    assert request.json == {
        "createFbaShipmentPayloadList": [
            {"trackingNumber": "1Z1", "removalOrderId": "RO-1", "warehouseId": 2},
            {"trackingNumber": "1Z2", "removalOrderId": "RO-1", "warehouseId": 2},
        ]
    }


def test_announced_parcel_is_read(adapter: FbaOperations, good: Any, finish: Any) -> None:
    row = {
        "fbaShipmentId": SHIPMENT,
        "apiId": 123,
        "warehouseId": 2,
        "fbaShipmentStatusCode": "PENDING",
        "removalOrderId": "RO-1",
        "trackingNumber": "1Z1",
        "arrivalOn": None,
        "createOn": "2023-11-07T05:31:56Z",
    }
    (made,) = finish(adapter.fba_create_shipments([a_parcel()]), good(data=[row]))
    assert (made.id, made.warehouse_id) == (SHIPMENT, "2")
    assert (made.status, made.status_raw) == (ShipmentStatus.PRE_TRANSIT, "PENDING")
    assert (made.removal_order_id, made.tracking_number, made.arrived_at) == ("RO-1", "1Z1", None)
    assert made.created_at == datetime(2023, 11, 7, 5, 31, 56, tzinfo=UTC)
    assert made.raw == row


@pytest.mark.parametrize(
    ("parcels", "field"),
    [
        ([], "createFbaShipmentPayloadList"),
        ([a_parcel(), a_parcel()], "trackingNumber"),
        ([a_parcel(), a_parcel(tracking_number="1Z2", warehouse_id="3")], "warehouseId"),
        ([a_parcel(tracking_number="")], "trackingNumber"),
        ([a_parcel(tracking_number="1" * 51)], "trackingNumber"),
        ([a_parcel(tracking_number="1Z\n1")], "trackingNumber"),
        ([a_parcel(removal_order_id=" ")], "removalOrderId"),
        ([a_parcel(removal_order_id="R" * 51)], "removalOrderId"),
        ([a_parcel(warehouse_id="NJ")], "warehouseId"),
    ],
)
def test_parcels_that_the_vendor_would_refuse_are_not_sent(adapter: FbaOperations, parcels: Any, field: str) -> None:
    with pytest.raises(ValidationFailed) as error:
        next(adapter.fba_create_shipments(parcels))
    assert list(error.value.fields) == [field]


def test_two_removal_orders_may_go_to_two_warehouses(adapter: FbaOperations) -> None:
    other = a_parcel(tracking_number="1Z2", removal_order_id="RO-2", warehouse_id="3")
    assert len(next(adapter.fba_create_shipments([a_parcel(), other])).json["createFbaShipmentPayloadList"]) == 2


def test_tracking_number_in_use_is_a_conflict(adapter: FbaOperations, bad: Any, finish: Any) -> None:
    with pytest.raises(Conflict) as error:
        finish(adapter.fba_create_shipments([a_parcel()]), bad("TRACKING_ALREADY_EXIST"))
    assert error.value.vendor_code == "TRACKING_ALREADY_EXIST"


def test_refusal_of_one_entry_of_a_batch_names_it(adapter: FbaOperations, bad: Any, finish: Any) -> None:
    parcels = [a_parcel(), a_parcel(tracking_number="1Z2")]
    told = {"jobEntryList[1].trackingNumber": "is not a recognised format"}
    with pytest.raises(ValidationFailed) as error:
        finish(adapter.fba_create_shipments(parcels), bad("VALIDATION_FAILED", **told))
    assert error.value.fields == told


def test_parcel_is_asked_for_by_get(adapter: FbaOperations) -> None:
    request = next(adapter.fba_shipment(SHIPMENT))
    assert (request.method, request.path, request.query) == (
        "GET",
        "/Fba/FbaShipment/get",
        (("fbaShipmentId", SHIPMENT),),
    )


def test_parcel_is_asked_for_by_post_where_get_is_not_allowed(adapter: FbaOperations, requests: Any) -> None:
    _, request = requests(adapter.fba_shipment(SHIPMENT), Reply(status=405))
    assert (request.method, request.path, request.json) == (
        "POST",
        "/Fba/FbaShipment/get",
        {"fbaShipmentId": SHIPMENT},
    )
    assert not request.is_write


def test_parcel_that_is_not_there_is_not_asked_for_again(adapter: FbaOperations, finish: Any) -> None:
    with pytest.raises(NotFound):
        finish(adapter.fba_shipment(SHIPMENT), Reply(status=404))


@pytest.mark.parametrize("key", ["receivedNumber", "rma"])
def test_parcel_tells_its_rma_under_two_names(adapter: FbaOperations, good: Any, finish: Any, key: str) -> None:
    told = {
        "fbaShipmentId": SHIPMENT,
        key: "USE-2-230101-D00013-0",
        "weight": 11.030,
        "weightUom": "g",
        "dimension1": 30,
        "dimension2": 20,
        "dimension3": 10.5,
        "dimensionUom": "cm",
        "arrivalOn": "2024-04-08T07:39:09.2626",
    }
    parcel = finish(adapter.fba_shipment(SHIPMENT), good(data=told))
    assert (parcel.rma, parcel.weight, parcel.weight_unit) == ("USE-2-230101-D00013-0", Decimal("11.03"), "g")
    assert (parcel.dimensions, parcel.dimension_unit) == ((Decimal(30), Decimal(20), Decimal("10.5")), "cm")
    assert parcel.arrived_at == datetime(2024, 4, 8, 7, 39, 9, 262600, tzinfo=UTC)


@pytest.mark.parametrize("shipment_id", ["", "123", SHIPMENT + "0", SHIPMENT.replace("-", ""), f"{SHIPMENT}\n"])
def test_identifier_that_is_no_guid_is_refused_before_anything_is_sent(
    adapter: FbaOperations, shipment_id: str
) -> None:
    for operation in (
        adapter.fba_shipment(shipment_id),
        adapter.fba_shipment_items(shipment_id),
        adapter.fba_instruction_items(shipment_id),
        adapter.fba_instruction(FbaKind.RECALL, shipment_id),
        adapter.fba_assign_new_fnsku(shipment_id, {"X001": "X002"}),
        adapter.fba_update_shipping_info(shipment_id, ship_to=AMAZON, reference_id="REF"),
    ):
        with pytest.raises(ValidationFailed) as error:
            next(operation)
        assert next(iter(error.value.fields)) in ("fbaShipmentId", "fbaInstructionId")


def test_items_of_a_parcel_are_read(adapter: FbaOperations, good: Any, finish: Any) -> None:
    request = next(adapter.fba_shipment_items(SHIPMENT))
    assert (request.path, request.query) == (
        "/Fba/FbaShipmentItem/getFbaShipmentItemList",
        (("fbaShipmentId", SHIPMENT),),
    )
    row = {
        "fbaShipmentItemId": BARE,
        "fbaShipmentId": SHIPMENT,
        "fnsku": "X001",
        "shipmentItemQuantity": 5,
        "availableQuantity": 2,
        "lastPutawayOn": "0001-01-01T00:00:00",
    }
    (item,) = finish(adapter.fba_shipment_items(SHIPMENT), good(data=[row]))
    assert (item.id, item.shipment_id, item.fnsku) == (BARE, SHIPMENT, "X001")
    assert (item.quantity, item.available, item.last_putaway_at) == (Decimal(5), Decimal(2), None)


# Lists


@pytest.mark.parametrize(
    ("call", "path"), [("fba_shipments", "/Fba/FbaShipment/list"), ("fba_instructions", "/Fba/FbaInstruction/list")]
)
def test_list_is_asked_for_by_days(adapter: FbaOperations, call: str, path: str) -> None:
    request = next(getattr(adapter, call)(date(2024, 1, 1), DAY))
    assert (request.method, request.path) == ("GET", path)
    assert dict(request.query) == {
        "createFrom": "2024-01-01T00:00:00Z",
        "createTo": "2024-01-31T23:59:59Z",
        "pageSize": "50",
        "offset": "0",
    }


def days(requests: Any) -> list[tuple[str, str]]:
    return [(dict(one.query)["createFrom"][:10], dict(one.query)["createTo"][:10]) for one in requests]


def walk(adapter: FbaOperations, good: Any, first: date, last: date) -> list[Any]:
    """The requests of a whole walk in which there is nothing."""
    sent, cursor = [], None
    while True:
        operation = adapter.fba_shipments(first, last, cursor)
        sent.append(next(operation))
        with pytest.raises(StopIteration) as stop:
            operation.send(good(data=[], totalNumberOfRecords=0))
        cursor = stop.value.value.next
        if cursor is None:
            return sent


def test_long_time_is_walked_by_windows_that_leave_no_day_out(adapter: FbaOperations, good: Any) -> None:
    # The widest window of Return Helper API, List return inventories, "Validator rule", and the day before it.
    assert days(walk(adapter, good, date(2024, 3, 12), date(2024, 5, 14))) == [
        ("2024-03-13", "2024-05-14"),
        ("2024-03-12", "2024-03-12"),
    ]


@given(first=st.dates(date(2020, 1, 1), date(2024, 1, 1)), length=st.integers(min_value=0, max_value=500))
def test_windows_hold_every_day_once(make: Any, good: Any, first: date, length: int) -> None:
    last = date.fromordinal(first.toordinal() + length)
    seen: list[int] = []
    for start, end in days(walk(make(), good, first, last)):
        window = range(date.fromisoformat(start).toordinal(), date.fromisoformat(end).toordinal() + 1)
        assert len(window) <= 63
        seen += window
    assert sorted(seen) == list(range(first.toordinal(), last.toordinal() + 1))


def rows(count: int) -> list[dict[str, str]]:
    return [{"fbaShipmentId": f"3c90c3cc-0d44-4b50-8888-{number:012d}"} for number in range(1, count + 1)]


@pytest.mark.parametrize(
    ("count", "size", "told", "following"),
    [
        (2, 2, {"totalNumberOfRecords": 3}, "2024-01-31:0:2"),
        (2, 2, {"totalNumberOfRecords": 2}, None),
        # A page may be shorter than what was asked for.
        (1, 2, {"totalNumberOfRecords": 3}, "2024-01-31:0:1"),
        # Without a total, a short page is the last.
        (2, 2, {}, "2024-01-31:0:2"),
        (1, 2, {}, None),
        (0, 2, {}, None),
        (0, 2, {"totalNumberOfRecords": "3"}, None),
    ],
)
def test_page_ends_where_the_vendor_says(
    adapter: FbaOperations, good: Any, finish: Any, count: int, size: int, told: Any, following: str | None
) -> None:
    page = finish(adapter.fba_shipments(DAY, DAY, page_size=size), good(data=rows(count), **told))
    assert (len(page.items), page.next) == (count, following)


def test_page_goes_on_at_its_cursor(adapter: FbaOperations) -> None:
    request = next(adapter.fba_shipments(DAY, DAY, "2024-01-31:0:50"))
    assert dict(request.query)["offset"] == "50"


def test_page_goes_on_into_the_next_window(adapter: FbaOperations, good: Any, finish: Any) -> None:
    page = finish(adapter.fba_shipments(date(2023, 1, 1), DAY), good(data=rows(1), totalNumberOfRecords=1))
    assert (page.next, page.total) == ("2024-01-31:1:0", None)


def test_rows_that_are_counted_and_not_shown_are_a_gap(adapter: FbaOperations, good: Any, finish: Any) -> None:
    page = finish(adapter.fba_shipments(DAY, DAY, "2024-01-31:0:50"), good(data=[], totalNumberOfRecords=60))
    assert page.next is None
    assert page.gaps == ("/Fba/FbaShipment/list, 2024-01-31..2024-01-31: the vendor counts 60, and shows 50",)


def test_row_that_cannot_be_read_is_set_aside(adapter: FbaOperations, good: Any, finish: Any) -> None:
    broken = {"fbaShipmentStatusCode": "PENDING"}
    page = finish(adapter.fba_shipments(DAY, DAY), good(data=[*rows(1), broken, 7], totalNumberOfRecords=3))
    assert [one.id for one in page.items] == ["3c90c3cc-0d44-4b50-8888-000000000001"]
    assert [(one.where, one.raw) for one in page.invalid_records] == [("data[1].fbaShipmentId", broken), ("data[2]", 7)]
    assert (page.next, page.total) == (None, 3)


def test_instructions_are_listed(adapter: FbaOperations, good: Any, finish: Any) -> None:
    row = {
        "fbaInstructionId": BARE,
        "fbaInstructionHandlingCode": "RCL",
        "handlingStatusCode": "in-progress",
        "quantity": 4,
        "fbaInstructionNumber": "FI-1",
        "warehouseId": 2,
        "cancelRemarks": None,
        "createOn": "2024-01-31T10:00:00",
    }
    page = finish(adapter.fba_instructions(DAY, DAY), good(data=[row], totalNumberOfRecords=1))
    (one,) = page.items
    assert (one.id, one.disposition, one.disposition_raw) == (BARE, Disposition.RETURN_TO_OWNER, "RCL")
    assert (one.status, one.status_raw, one.quantity) == (DispositionStatus.IN_PROGRESS, "in-progress", Decimal(4))
    assert (one.number, one.warehouse_id, one.created_at) == ("FI-1", "2", datetime(2024, 1, 31, 10, tzinfo=UTC))


@pytest.mark.parametrize(
    "cursor", ["x", "0", "0/", "2024-01-31:1:0", "-1/0", "2024-01-31:0:9999999999", "0/0/0", "2024-01-31:٠:٠"]
)
def test_cursor_that_is_none_of_the_listings_is_refused(adapter: FbaOperations, cursor: str) -> None:
    with pytest.raises(ValueError, match="cursor"):
        next(adapter.fba_shipments(DAY, DAY, cursor))


def test_page_holds_fifty_rows_at_most(adapter: FbaOperations, make: Any) -> None:
    sizes = [dict(next(adapter.fba_shipments(DAY, DAY, page_size=size)).query)["pageSize"] for size in (7, 51)]
    assert sizes == ["7", "50"]
    assert dict(next(make(page_size=20).fba_shipments(DAY, DAY)).query)["pageSize"] == "20"
    with pytest.raises(ValueError, match="page_size"):
        next(adapter.fba_shipments(DAY, DAY, page_size=0))


def test_days_are_in_their_order(adapter: FbaOperations) -> None:
    with pytest.raises(ValueError, match="before the first"):
        next(adapter.fba_shipments(DAY, date(2024, 1, 30)))


def test_day_of_a_moment_is_its_date(adapter: FbaOperations) -> None:
    moment = datetime(2024, 1, 31, 12, tzinfo=UTC)
    assert days([next(adapter.fba_shipments(moment, moment))]) == [("2024-01-31", "2024-01-31")]


# Stock


def test_stock_is_read_by_fnsku(adapter: FbaOperations, good: Any, finish: Any) -> None:
    request = next(adapter.fba_stock("X001"))
    assert (request.path, request.query) == (
        "/Fba/FbaWarehouseInventory/getFbaWarehouseInventoryList",
        (("fnsku", "X001"),),
    )
    row = {
        "fbaWarehouseInventoryId": LABELLED,
        "warehouseId": 2,
        "fnsku": "X001",
        "quantity": 7,
        "availableQuantity": 4,
        "referenceNumber": "SKU-1",
        "remark": "blue",
        "lastPutawayOn": "2024-04-08T07:39:09Z",
    }
    (stock,) = finish(adapter.fba_stock("X001"), good(data=[row]))
    assert (stock.id, stock.warehouse_id, stock.fnsku) == (LABELLED, "2", "X001")
    assert (stock.quantity, stock.available, stock.reference, stock.remark) == (Decimal(7), Decimal(4), "SKU-1", "blue")


SETTERS = [
    ("fba_assign_reference", "assignReferenceNumber", "referenceNumber"),
    ("fba_update_remark", "updateRemark", "remark"),
]


@pytest.mark.parametrize(("call", "path", "key"), SETTERS)
def test_write_that_is_documented_as_a_get_is_sent_as_one(
    adapter: FbaOperations, good: Any, finish: Any, call: str, path: str, key: str
) -> None:
    request = next(getattr(adapter, call)("2", "X001", "new"))
    assert (request.method, request.path) == ("GET", f"/Fba/FbaWarehouseInventory/{path}")
    assert (request.is_write, request.replayable) == (True, True)
    assert request.query == (("warehouseId", "2"), ("fnsku", "X001"), (key, "new"))
    stock = finish(getattr(adapter, call)("2", "X001", "new"), good(data={"fnsku": "X001", key: "new"}))
    assert (stock.fnsku, stock.reference or stock.remark) == ("X001", "new")


@pytest.mark.parametrize(("call", "path", "key"), SETTERS)
def test_write_whose_get_is_not_allowed_is_sent_as_a_post(
    adapter: FbaOperations, requests: Any, call: str, path: str, key: str
) -> None:
    _, request = requests(getattr(adapter, call)("2", "X001", "new"), Reply(status=405))
    assert (request.method, request.path) == ("POST", f"/Fba/FbaWarehouseInventory/{path}")
    assert (request.is_write, request.replayable) == (True, True)
    assert request.json == {"warehouseId": 2, "fnsku": "X001", key: "new"}


@pytest.mark.parametrize(("call", "path", "key"), SETTERS)
def test_write_whose_get_fails_otherwise_is_not_sent_again(
    adapter: FbaOperations, finish: Any, call: str, path: str, key: str
) -> None:
    with pytest.raises(NotFound):
        finish(getattr(adapter, call)("2", "X001", "new"), Reply(status=404))


# Instructions


def test_instructions_are_created(adapter: FbaOperations, good: Any, finish: Any) -> None:
    request = next(adapter.fba_create_instructions("RECALL", [a_line(), a_line(fnsku="X002", quantity=1)]))
    assert (request.method, request.path) == ("POST", "/Fba/FbaInstruction/create")
    assert request.json == {
        "fbaInstructionHandlingCode": "RECALL",
        "fnskuList": [
            {"fnsku": "X001", "warehouseId": 2, "quantity": 3},
            {"fnsku": "X002", "warehouseId": 2, "quantity": 1},
        ],
    }
    row = {
        "fbaInstructionId": SHIPMENT,
        "apiId": 123,
        "fbaInstructionNumber": "FI-1",
        "fbaInstructionHandlingCode": "RECALL",
        "handlingStatusCode": "pending",
        "quantity": 4,
        "warehouseId": 2,
        "warehouseApiId": 123,
    }
    (made,) = finish(adapter.fba_create_instructions("RECALL", [a_line()]), good(data=[row]))
    assert (made.id, made.number, made.disposition_raw, made.status_raw) == (SHIPMENT, "FI-1", "RECALL", "pending")


@pytest.mark.parametrize(
    ("code", "disposition"),
    [
        ("RSK", Disposition.RESTOCK),
        ("RCL", Disposition.RETURN_TO_OWNER),
        ("RECALL", Disposition.RETURN_TO_OWNER),
        ("RPS", Disposition.FORWARD),
        ("REPLENISH", Disposition.FORWARD),
        ("OTH", Disposition.OTHER),
        ("DIS", Disposition.DISPOSE),
        ("SEND_TO_FULFILLMENT", Disposition.UNKNOWN),
        (7, Disposition.UNKNOWN),
    ],
)
def test_codes_of_both_generations_are_understood(
    adapter: FbaOperations, good: Any, finish: Any, code: object, disposition: Disposition
) -> None:
    row = {"fbaInstructionId": BARE, "fbaInstructionHandlingCode": code}
    (made,) = finish(adapter.fba_create_instructions("OTH", [a_line()]), good(data=[row]))
    assert (made.disposition, made.disposition_raw) == (disposition, str(code))


@pytest.mark.parametrize(
    ("handling", "lines", "field"),
    [
        ("", [a_line()], "fbaInstructionHandlingCode"),
        ("RCL", [], "fnskuList"),
        ("RCL", [a_line(), a_line(warehouse_id="3")], "warehouseId"),
        ("RCL", [a_line(warehouse_id="")], "warehouseId"),
        ("RCL", [a_line(quantity=0)], "quantity"),
        ("RCL", [a_line(fnsku="")], "fnsku"),
    ],
)
def test_instruction_that_the_vendor_would_refuse_is_not_sent(
    adapter: FbaOperations, handling: str, lines: Any, field: str
) -> None:
    with pytest.raises(ValidationFailed) as error:
        next(adapter.fba_create_instructions(handling, lines))
    assert list(error.value.fields) == [field]


def test_items_of_an_instruction_are_read(adapter: FbaOperations, good: Any, finish: Any) -> None:
    request = next(adapter.fba_instruction_items(BARE))
    assert (request.path, request.query) == (
        "/Fba/FbaInstructionItem/getFbaInstructionItemList",
        (("fbaInstructionId", BARE),),
    )
    row = {
        "fbaInstructionItemId": LABELLED,
        "fbaInstructionId": BARE,
        "fbaShipmentItemId": SHIPMENT,
        "instructionItemQuantity": 2,
    }
    (item,) = finish(adapter.fba_instruction_items(BARE), good(data=[row]))
    assert (item.id, item.instruction_id, item.shipment_item_id, item.quantity) == (
        LABELLED,
        BARE,
        SHIPMENT,
        Decimal(2),
    )


COMMON = {
    "fbaInstructionId": BARE,
    "fbaInstructionNumber": "FI-1",
    "fbaInstructionHandlingCode": "RSK",
    "handlingStatusCode": "completed",
    "quantity": 2,
    "warehouseId": 2,
    "createOn": "2024-01-31T10:00:00",
    "modifyOn": "2024-02-01T10:00:00",
}
ITEM = {
    "fbaInstructionItemId": LABELLED,
    "fbaInstructionId": BARE,
    "fbaShipmentItemId": SHIPMENT,
    "instructionItemQuantity": 2,
    "fnsku": "X001",
    "trackingNumber": "1Z1",
    "rma": "USE-2-230101-D00013-0",
    "arrivalOn": "2024-01-30T10:00:00",
}


@pytest.mark.parametrize(
    ("kind", "path", "told", "expected"),
    [
        (
            FbaKind.DISPOSE,
            "/Fba/FbaInstructionDispose/get",
            {"fbaInstructionDisposeId": SHIPMENT, "fbaInstructionDisposeItemList": [ITEM]},
            (None, None, None),
        ),
        (
            FbaKind.OTHERS,
            "/Fba/FbaInstructionOthers/get",
            {
                "fbaInstructionOthersId": SHIPMENT,
                "fbaInstructionOthersItemList": [ITEM],
                "warehouseRemarks": "torn",
            },
            ("torn", None, None),
        ),
        (
            FbaKind.RECALL,
            "/Fba/FbaInstructionRecall/get",
            {
                "fbaInstructionRecallId": SHIPMENT,
                "fbaInstructionRecallItemList": [ITEM],
                "recallTrackingNumber": "AWB1",
            },
            (None, "AWB1", None),
        ),
        (
            # The older table's name for the same.
            FbaKind.RECALL,
            "/Fba/FbaInstructionRecall/get",
            {"fbaInstructionOthersId": SHIPMENT, "fbaInstructionRecallItemList": [ITEM]},
            (None, None, None),
        ),
        (
            FbaKind.RESTOCK,
            "/Fba/FbaInstructionRestock/get",
            {
                "fbaInstructionRestockId": SHIPMENT,
                "fbaInstructionRestockItemList": [ITEM],
                "returnInventoryId": 3474,
            },
            (None, None, "3474"),
        ),
        (
            FbaKind.REPLENISH,
            "/Fba/FbaInstructionReplenish/get",
            {"fbaInstructionReplenishId": SHIPMENT, "fbaInstructionReplenishItemList": [ITEM]},
            (None, None, None),
        ),
    ],
)
def test_instruction_has_the_detail_of_its_kind(
    adapter: FbaOperations, good: Any, finish: Any, kind: FbaKind, path: str, told: Any, expected: Any
) -> None:
    request = next(adapter.fba_instruction(kind, BARE))
    assert (request.method, request.path, request.query) == ("GET", path, (("fbaInstructionId", BARE),))
    detail = finish(adapter.fba_instruction(kind, BARE), good(data={**COMMON, **told}))
    assert (detail.kind, detail.detail_id, detail.instruction.id) == (kind, SHIPMENT, BARE)
    assert (detail.warehouse_remarks, detail.recall_tracking_number, detail.return_inventory_id) == expected
    assert [(item.id, item.fnsku, item.tracking_number) for item in detail.items] == [(LABELLED, "X001", "1Z1")]
    assert (detail.replenishment is not None) == (kind is FbaKind.REPLENISH)
    assert detail.modified_at == datetime(2024, 2, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize("status", [404, 405])
def test_restock_is_asked_for_by_post_where_get_is_not_taken(
    adapter: FbaOperations, good: Any, requests: Any, finish: Any, status: int
) -> None:
    _, request = requests(adapter.fba_instruction(FbaKind.RESTOCK, BARE), Reply(status=status))
    assert (request.method, request.path, request.json, request.query) == (
        "POST",
        "/Fba/FbaInstructionRestock/get",
        {"fbaInstructionId": BARE},
        (),
    )
    detail = finish(adapter.fba_instruction(FbaKind.RESTOCK, BARE), Reply(status=status), good(data=COMMON))
    assert detail.instruction.id == BARE


@pytest.mark.parametrize("kind", [kind for kind in FbaKind if kind is not FbaKind.RESTOCK])
def test_other_detail_is_asked_for_by_get_alone(adapter: FbaOperations, finish: Any, kind: FbaKind) -> None:
    with pytest.raises(NotFound):
        finish(adapter.fba_instruction(kind, BARE), Reply(status=404))


def test_replenishment_is_read(adapter: FbaOperations, good: Any, finish: Any) -> None:
    told = {
        **COMMON,
        "fbaInstructionReplenishItemList": [{**ITEM, "newFnsku": "X002"}],
        "replenishStatusCode": "any",
        "shipmentNumber": "S-1",
        "newShipmentReferenceId": "REF-S0000000001",
        "newShipmentWeight": 500.5,
        "newShipmentWeightUom": "g",
        "newShipmentDimension1": 3,
        "newShipmentDimension2": 2,
        "newShipmentDimension3": 1,
        "newShipmentDimensionUom": "cm",
        "newShipmentDate": "2024-02-02T00:00:00",
        "provideLabel": True,
        "newShipmentCountryCode": "usa",
        "newShipmentFbaName": "Example Name",
        "newShipmentStreet1": "Example Street 1",
        "newShipmentState": "Example State",
        "newShipmentCity": "Example City",
        "newShipmentPostalCode": "900100",
        "filename": "T2300001487.pdf",
    }
    detail = finish(adapter.fba_instruction(FbaKind.REPLENISH, BARE), good(data=told))
    assert detail.items[0].new_fnsku == "X002"
    sent = detail.replenishment
    assert (sent.status_raw, sent.shipment_number, sent.reference_id) == ("any", "S-1", "REF-S0000000001")
    assert (sent.weight, sent.dimensions) == (Decimal("500.5"), (Decimal(3), Decimal(2), Decimal(1)))
    assert (sent.provide_label, sent.filename) == (True, "T2300001487.pdf")
    assert sent.shipped_at == datetime(2024, 2, 2, tzinfo=UTC)
    assert sent.address == Address(
        name="Example Name",
        line1="Example Street 1",
        city="Example City",
        state="Example State",
        postal_code="900100",
        country="US",
    )


def test_shipping_info_with_a_label_is_the_vendors_sample(adapter: FbaOperations) -> None:
    key = "rr/api/files/2023/21/038758fc-0446-4be1-9b1b-4adb04d96305/T2300001487.pdf"
    label = UploadedFile(filename="T2300001487.pdf", key=key)
    operation = adapter.fba_update_shipping_info(LABELLED, ship_to=AMAZON, reference_id="REF-S0000000001", label=label)
    request = next(operation)
    assert (request.method, request.path) == ("POST", "/Fba/FbaInstructionReplenish/updateShippingInfo")
    assert request.json == {
        "fbaInstructionId": "92e5d29c-c0b0-4f49-a0f6-913fbf99ed78",
        "provideLabel": True,
        "newShipmentFbaName": "Example Name",
        "newShipmentStreet1": "Example Street 1",
        "newShipmentStreet2": "Example Street 2",
        "newShipmentStreet3": "Example Street 3",
        "newShipmentState": "Example State",
        "newShipmentCity": "Example City",
        "newShipmentPostalCode": "900100",
        "newShipmentCountryCode": "usa",
        "newShipmentReferenceId": "REF-S0000000001",
        "filename": "T2300001487.pdf",
        "fileKey": key,
    }


def test_shipping_info_without_a_label_is_the_vendors_sample(adapter: FbaOperations) -> None:
    body = next(adapter.fba_update_shipping_info(BARE, ship_to=AMAZON, reference_id="REF-S0000000002")).json
    assert body == {
        "fbaInstructionId": "5c779604-b317-4cc8-8f3f-7470982c4965",
        "provideLabel": False,
        "newShipmentFbaName": "Example Name",
        "newShipmentStreet1": "Example Street 1",
        "newShipmentStreet2": "Example Street 2",
        "newShipmentStreet3": "Example Street 3",
        "newShipmentState": "Example State",
        "newShipmentCity": "Example City",
        "newShipmentPostalCode": "900100",
        "newShipmentCountryCode": "usa",
        "newShipmentReferenceId": "REF-S0000000002",
    }


def test_shipping_info_without_an_address_is_not_sent(adapter: FbaOperations) -> None:
    with pytest.raises(ValidationFailed) as error:
        next(adapter.fba_update_shipping_info(BARE, ship_to=Address(country="US"), reference_id="REF"))
    assert list(error.value.fields) == ["newShipmentFbaName"]


def test_shipping_info_is_echoed(adapter: FbaOperations, good: Any, finish: Any) -> None:
    operation = adapter.fba_update_shipping_info(BARE, ship_to=AMAZON, reference_id="REF-S0000000002")
    told = {"fbaInstructionId": BARE, "fbaInstructionReplenishId": SHIPMENT, "replenishStatusCode": "x"}
    detail = finish(operation, good(data=told))
    assert (detail.detail_id, detail.replenishment.status_raw) == (SHIPMENT, "x")


def test_fnsku_is_replaced(adapter: FbaOperations, good: Any, finish: Any) -> None:
    request = next(adapter.fba_assign_new_fnsku(BARE, {"X001": "X002"}))
    assert (request.method, request.path) == ("POST", "/Fba/FbaInstructionReplenish/assignNewFnsku")
    assert request.json == {
        "fbaInstructionId": BARE,
        "assignNewFnskuPayloadList": [{"oldFnsku": "X001", "newFnsku": "X002"}],
    }
    (item,) = finish(adapter.fba_assign_new_fnsku(BARE, {"X001": "X002"}), good(data=[{**ITEM, "newFnsku": "X002"}]))
    assert (item.fnsku, item.new_fnsku) == ("X001", "X002")


@pytest.mark.parametrize("pairs", [{}, {"": "X002"}, {"X001": ""}])
def test_fnsku_that_is_missing_is_not_replaced(adapter: FbaOperations, pairs: Any) -> None:
    with pytest.raises(ValidationFailed):
        next(adapter.fba_assign_new_fnsku(BARE, pairs))


def test_reply_without_its_object_names_the_place(adapter: FbaOperations, good: Any, finish: Any) -> None:
    with pytest.raises(UnexpectedReply) as error:
        finish(adapter.fba_shipment(SHIPMENT), good(data=[]))
    assert error.value.where == "data"


# Whatever comes

NAMES = [
    "data", "totalNumberOfRecords", "fbaShipmentId", "fbaShipmentStatusCode", "warehouseId", "weight", "dimension1", "rma",
    "receivedNumber", "arrivalOn", "createOn", "fbaShipmentItemId", "fnsku", "shipmentItemQuantity", "fbaInstructionId",
    "fbaInstructionItemId", "fbaInstructionReplenishItemList", "fbaInstructionRestockItemList", "returnInventoryId",
    "newShipmentCountryCode", "provideLabel", "newShipmentDate", "quantity",
]  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from([SHIPMENT, "2024-01-31T10:00:00", "0001-01-01T00:00:00", "usa", "9999-12-31T23:59:59-14:00"])
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    max_leaves=20,
)
RECORDS = st.dictionaries(st.sampled_from(NAMES), JSON, max_size=10)
PAYLOADS = st.fixed_dictionaries(
    {"data": JSON | RECORDS | st.lists(RECORDS, max_size=3)}, optional={"totalNumberOfRecords": JSON}
)


def operations(adapter: FbaOperations) -> list[Any]:
    return [
        adapter.fba_create_shipments([a_parcel()]),
        adapter.fba_shipment(SHIPMENT),
        adapter.fba_shipments(DAY, DAY),
        adapter.fba_shipment_items(SHIPMENT),
        adapter.fba_stock("X001"),
        adapter.fba_assign_reference("2", "X001", "new"),
        adapter.fba_instructions(DAY, DAY),
        adapter.fba_instruction(FbaKind.REPLENISH, BARE),
        adapter.fba_instruction(FbaKind.RESTOCK, BARE),
        adapter.fba_assign_new_fnsku(BARE, {"X001": "X002"}),
    ]


@given(payload=PAYLOADS)
def test_any_payload_gives_a_value_or_our_error(make: Any, payload: Any) -> None:
    reply = Reply(status=200, body=json.dumps({**payload, "meta": {"status": 200, "errorCode": None}}).encode())
    for operation in operations(make()):
        next(operation)
        with pytest.raises((StopIteration, ProviderError)):
            operation.send(reply)
