"""Rows, inventories and return requests, read into the model; and the status that the parts of a return come to."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve

from returns_hub import (
    Attention,
    Customer,
    Direction,
    Disposition,
    DispositionStatus,
    Item,
    Label,
    LabelStatus,
    Money,
    NotFound,
    OrderRef,
    Reply,
    Return,
    ReturnQuery,
    Service,
    Shipment,
    ShipmentStatus,
    Status,
    UnexpectedReply,
    ValidationFailed,
)
from returns_hub_return_helper import FbaKind

# Return Helper API, List return inventories, its sample of a reply, byte for byte; the envelope around it is that of Return Helper API, Getting started.
SEED_ROW = b"""{
      "returnInventoryId": 123,
      "returnRequestId": 123,
      "returnRequestLineItemId": "<string>",
      "rma": "<string>",
      "itemRma": "<string>",
      "sku": "<string>",
      "handlingCode": "<string>",
      "handlingStatusCode": "<string>",
      "warehouseId": 123,
      "createOn": "2023-11-07T05:31:56Z"
    }"""
BY_DAY = ReturnQuery(
    created_after=datetime(2023, 11, 7, tzinfo=UTC), created_before=datetime(2023, 11, 7, 23, tzinfo=UTC)
)


def a_row(**changes: object) -> dict[str, object]:
    """A row of ``ReturnInventory/list`` with the values of the older samples."""
    return {
        "returnInventoryId": 1510,
        "returnRequestId": 2301,
        "returnRequestLineItemId": "2310",
        "rma": "TWN-20-230101-D12345-36",
        "itemRma": None,
        "sku": None,
        "handlingCode": "ohd",
        "handlingStatusCode": "pending",
        "warehouseId": 20,
        "createOn": "2023-11-07T05:31:56.123",
        **changes,
    }


def a_shipment_row(**changes: object) -> dict[str, object]:
    """A row of ``Shipment/list`` with the ten fields of the legacy documentation."""
    return {
        "shipmentId": 4123,
        "shipmentNumber": "S230711-0000015",
        "returnRequestId": 2301,
        "labelId": 991,
        "shipmentStatusCode": "6",
        "referenceNumber": "ORDER-1",
        "warehouseId": 20,
        "shipmentServiceType": "usps",
        "shipmentCountryCode": "usa",
        "createOn": "2023-11-07T05:31:56",
        **changes,
    }


A_REQUEST: dict[str, object] = {
    "returnRequestId": 2301,
    "returnRequestNumber": "R230711-0000015",
    "sellerReferenceNumber": "MY-1",
    "returnStatusCode": 3,
    "returnTitle": "ORDER-1",
    "totalValue": 25.5,
    "totalValueCurrency": "usd",
    "remarks": "handle with care",
    "createOn": "2023-07-11T08:00:00",
    "modifyOn": "2023-07-12T08:00:00",
    "returnRequestLineItems": [
        {
            "returnRequestLineItemId": "2310",
            "returnRequestId": 2301,
            "description": "T-shirt",
            "valueCurrencyCode": "usd",
            "value": 25.5,
            "handlingCode": "tbc",
            "itemRma": None,
        }
    ],
    "shipments": [
        {
            "shipmentId": 4123,
            "returnRequestId": 2301,
            "labelId": 991,
            "shipmentStatusCode": "3",
            "shipmentServiceType": "usps",
            "shipmentCountryCode": "usa",
            "shipmentName": "Jane Doe",
            "shipmentPhone": "5550100",
            "shipmentEmail": "jane@example.com",
            "shipmentStreet1": "1 Main St",
            "shipmentStreet2": "",
            "shipmentState": "NJ",
            "shipmentCity": "Newark",
            "shipmentPostalCode": "07101",
            "costCurrencyCode": "usd",
            "cost": 5.25,
            "referenceNumber": "ORDER-1",
            "label": {
                "labelId": 991,
                "shipmentId": 4123,
                "labelRequestStatusCode": "success",
                "serviceType": "usps",
                "trackingNumber": "9400100000000000000000",
                "labelUrl": "https://label-service-dev-files.returnshelper.com/l.pdf",
                "error": None,
            },
        }
    ],
}


@pytest.fixture
def page_of(adapter: Any, good: Any, finish: Any) -> Any:
    """The page of one day's inventories, or with ``shipments=True`` shipments."""

    def page_of(*rows: object, shipments: bool = False) -> Any:
        reply = good(data=list(rows), totalNumberOfRecords=len(rows))
        return finish(adapter.list_returns(BY_DAY, "2023-11-07:1:0" if shipments else None), reply)

    return page_of


def test_row_of_the_seed_is_read(page_of: Any) -> None:
    (ret,) = page_of(json.loads(SEED_ROW)).items
    (item,) = ret.items
    assert (ret.id, item.id, item.aliases, item.rma, item.sku, item.warehouse_id) == (
        "123",
        "123",
        ("<string>",),
        "<string>",
        "<string>",
        "123",
    )
    assert ret.created_at == datetime(2023, 11, 7, 5, 31, 56, tzinfo=UTC)
    assert (item.disposition, item.disposition_status, item.disposition_raw) == (
        Disposition.UNKNOWN,
        DispositionStatus.UNKNOWN,
        "<string>",
    )


def test_row_of_an_inventory_is_an_item_of_its_return(page_of: Any) -> None:
    (ret,) = page_of(a_row()).items
    assert ret == Return(
        provider="return_helper",
        id="2301",
        items=(
            Item(
                id="1510",
                aliases=("2310",),
                rma="TWN-20-230101-D12345-36",
                warehouse_id="20",
                disposition=Disposition.HOLD,
                disposition_status=DispositionStatus.PENDING,
                disposition_raw="ohd",
                disposition_status_raw="pending",
                received_at=datetime(2023, 11, 7, 5, 31, 56, 123000, tzinfo=UTC),
            ),
        ),
        created_at=datetime(2023, 11, 7, 5, 31, 56, 123000, tzinfo=UTC),
    )
    assert ret.raw == ret.items[0].raw == a_row()


@pytest.mark.parametrize(("value", "expected"), [("1510", "1510"), (1510, "1510")])
def test_ids_may_be_numbers_or_text(page_of: Any, value: object, expected: str) -> None:
    (ret,) = page_of(a_row(returnInventoryId=value, returnRequestId=value)).items
    assert (ret.id, ret.items[0].id) == (expected, expected)


@pytest.mark.parametrize("name", ["returnInventoryId", "returnRequestId"])
@pytest.mark.parametrize("value", [None, "", 0, True, [], {}])
def test_row_without_its_ids_is_set_aside_with_its_place(page_of: Any, name: str, value: object) -> None:
    broken = a_row(**{name: value})
    page = page_of(a_row(), broken)
    assert [ret.id for ret in page.items] == ["2301"]
    assert [(record.where, record.raw) for record in page.invalid_records] == [(f"data[1].{name}", broken)]


@pytest.mark.parametrize("row", [None, 5, "text", [], True])
def test_row_that_is_no_object_is_set_aside(page_of: Any, row: object) -> None:
    (record,) = page_of(row).invalid_records
    assert (record.where, record.raw) == ("data[0]", row)


def test_several_inventories_of_a_return_are_one_return(page_of: Any) -> None:
    rows = [
        a_row(),
        a_row(returnRequestId=9, returnInventoryId=99),
        a_row(returnInventoryId=1511, createOn="2023-11-07T05:00:00Z"),
    ]
    first, second = page_of(*rows).items
    assert [item.id for item in first.items] == ["1510", "1511"]
    assert first.created_at == datetime(2023, 11, 7, 5, tzinfo=UTC)
    assert first.raw == {"data": [rows[0], rows[2]]}
    assert [item.id for item in second.items] == ["99"]


def test_row_that_comes_twice_is_one_item(page_of: Any) -> None:
    (ret,) = page_of(a_row(), a_row(handlingCode="dsp")).items
    assert [item.disposition for item in ret.items] == [Disposition.DISPOSE]


def test_row_of_a_shipment_is_a_shipment_of_its_return(page_of: Any) -> None:
    (ret,) = page_of(a_shipment_row(), shipments=True).items
    assert ret == Return(
        provider="return_helper",
        id="2301",
        order=OrderRef(number="ORDER-1"),
        shipments=(
            Shipment(
                id="4123",
                number="S230711-0000015",
                return_id="2301",
                direction=Direction.INBOUND,
                status=ShipmentStatus.DELIVERED,
                status_raw="6",
                service="usps",
                label=Label(id="991"),
                warehouse_id="20",
            ),
        ),
        created_at=datetime(2023, 11, 7, 5, 31, 56, tzinfo=UTC),
    )


def test_row_with_a_return_and_nothing_else_is_a_return(page_of: Any) -> None:
    (ret,) = page_of({"returnRequestId": 2301}, shipments=True).items
    assert ret == Return(provider="return_helper", id="2301")


def test_row_with_a_label_status_tells_the_label(page_of: Any) -> None:
    (ret,) = page_of(a_shipment_row(labelRequestStatusCode="queued"), shipments=True).items
    assert ret.shipments[0].label == Label(id="991", status=LabelStatus.REQUESTED, status_raw="queued")


def test_return_request_is_read_with_label_and_line_item(adapter: Any, good: Any, finish: Any) -> None:
    ret = finish(adapter.get_return("2301"), good(**A_REQUEST))
    (item,) = ret.items
    (shipment,) = ret.shipments
    assert (ret.id, ret.number, ret.reference) == ("2301", "R230711-0000015", "MY-1")
    assert ret.order == OrderRef(number="ORDER-1")
    assert ret.customer == Customer(email="jane@example.com", name="Jane Doe", phone="5550100")
    assert (ret.address.country, ret.address.line1, ret.address.state) == ("US", "1 Main St", "NJ")
    assert [note.text for note in ret.notes] == ["handle with care"]
    assert (item.id, item.aliases, item.name) == (None, ("2310",), "T-shirt")
    assert item.value == Money(amount=Decimal("25.5"), currency="USD")
    assert (shipment.id, shipment.tracking_number) == ("4123", "9400100000000000000000")
    assert shipment.cost == Money(amount=Decimal("5.25"), currency="USD")
    assert shipment.label == Label(
        id="991",
        status=LabelStatus.READY,
        status_raw="success",
        url="https://label-service-dev-files.returnshelper.com/l.pdf",
    )
    assert ret.created_at == datetime(2023, 7, 11, 8, tzinfo=UTC)


def test_word_of_a_return_request_means_nothing_and_is_kept(adapter: Any, good: Any, finish: Any) -> None:
    ret = finish(adapter.get_return("2301"), good(**A_REQUEST))
    assert (ret.status, ret.status_raw) == (Status.UNKNOWN, "3")


def test_time_of_a_requests_change_is_not_that_of_its_parts(adapter: Any, good: Any, finish: Any) -> None:
    assert finish(adapter.get_return("2301"), good(**A_REQUEST)).updated_at is None


def test_return_request_may_lie_under_data(adapter: Any, good: Any, finish: Any) -> None:
    assert finish(adapter.get_return("2301"), good(data=A_REQUEST)).number == "R230711-0000015"


def test_line_item_with_an_rma_is_read_as_its_inventory(adapter: Any, good: Any, finish: Any) -> None:
    lines = [{"returnRequestLineItemId": "2310", "itemRma": "TWN-20-230101-D12345-36"}]
    operation = adapter.get_return("2301")
    next(operation)
    request = operation.send(good(**{**A_REQUEST, "returnRequestLineItems": lines}))
    assert (request.method, request.path, request.query) == (
        "GET",
        "/returninventory/getReturnInventoryByLineItemId",
        (("lineItemId", "2310"),),
    )
    with pytest.raises(StopIteration) as stop:
        operation.send(good(**a_row()))
    assert [(item.id, item.aliases) for item in stop.value.value.items] == [("1510", ("2310",))]


def test_line_item_whose_inventory_is_not_there_stays(adapter: Any, good: Any, bad: Any, finish: Any) -> None:
    lines = [{"returnRequestLineItemId": "2310", "itemRma": "TWN-20-230101-D12345-36"}]
    request = good(**{**A_REQUEST, "returnRequestLineItems": lines})
    ret = finish(adapter.get_return("2301"), request, bad("VALIDATION_FAILED", lineItemId="was not found"))
    assert [(item.id, item.aliases) for item in ret.items] == [(None, ("2310",))]


def test_another_return_than_the_one_asked_for_is_refused(adapter: Any, good: Any, finish: Any) -> None:
    with pytest.raises(UnexpectedReply) as caught:
        finish(adapter.get_return("7"), good(**A_REQUEST))
    assert caught.value.where == "returnRequestId"


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda adapter: adapter.get_return("7"), "returnRequestId"),
        (lambda adapter: adapter.inventory("7"), "returnInventoryId"),
        (lambda adapter: adapter.inventory_by_line_item("7"), "lineItemId"),
    ],
)
def test_id_that_the_vendor_refuses_is_not_found(adapter: Any, bad: Any, finish: Any, call: Any, name: str) -> None:
    with pytest.raises(NotFound) as caught:
        finish(call(adapter), bad("VALIDATION_FAILED", **{name: "was not found"}))
    assert (caught.value.vendor_code, caught.value.request_id) == ("VALIDATION_FAILED", "0HM9VIKSKH2CF:00000002")


def test_other_refusals_of_a_read_stay_what_they_are(adapter: Any, bad: Any, finish: Any) -> None:
    with pytest.raises(ValidationFailed):
        finish(adapter.get_return("7"), bad("VALIDATION_FAILED", returnRequestId="?", other="?"))


@pytest.mark.parametrize("body", [b"", b"null", b'{"meta": {"status": 200}}', b'{"meta": {"status": 200}, "data": []}'])
def test_read_of_nothing_is_an_unexpected_reply(adapter: Any, finish: Any, body: bytes) -> None:
    for call in (adapter.get_return("1"), adapter.inventory("1"), adapter.inventory_by_line_item("1")):
        with pytest.raises(UnexpectedReply):
            finish(call, Reply(status=200, body=body))


def test_inventory_is_read_by_its_id(adapter: Any, good: Any, requests: Any) -> None:
    (request,) = requests(adapter.inventory("1510"))
    assert (request.method, request.path, request.query, request.replayable) == (
        "GET",
        "/returninventory/getReturnInventory",
        (("returnInventoryId", "1510"),),
        True,
    )


def test_inventory_names_its_line_item_and_services(adapter: Any, good: Any, finish: Any) -> None:
    services = [{"returnRequestLineItemVasId": 77, "vasCode": "req-pic", "isFinished": False}]
    payload = {**a_row(), "description": "T-shirt", "returnRequestLineItemVasList": services}
    item = finish(adapter.inventory("1510"), good(**payload))
    assert (item.id, item.aliases, item.name) == ("1510", ("2310", "vas:77"), "T-shirt")


# What a return comes to (design: known only from shipments, with inventories, every disposition done)

SHIPMENT = Shipment(id="4123", direction=Direction.INBOUND)
HELD = Item(id="1", disposition=Disposition.HOLD, disposition_status=DispositionStatus.PENDING)
DISPOSED = Item(id="2", disposition=Disposition.DISPOSE, disposition_status=DispositionStatus.DONE)
RESENT = Item(id="3", disposition=Disposition.FORWARD, disposition_status=DispositionStatus.DONE)
NAMELESS = Item(aliases=("2310",), disposition=Disposition.DISPOSE, disposition_status=DispositionStatus.DONE)


def labelled(status: LabelStatus) -> Shipment:
    return evolve(SHIPMENT, label=Label(status=status))


@pytest.mark.parametrize(
    ("shipments", "items", "status"),
    [
        ((), (), Status.UNKNOWN),
        ((SHIPMENT,), (), Status.APPROVED),
        ((labelled(LabelStatus.REQUESTED),), (), Status.APPROVED),
        ((labelled(LabelStatus.VOID),), (), Status.CANCELLED),
        ((labelled(LabelStatus.VOID), SHIPMENT), (), Status.APPROVED),
        ((labelled(LabelStatus.VOID),), (HELD,), Status.RECEIVED),
        ((labelled(LabelStatus.READY),), (), Status.READY_TO_SHIP),
        ((labelled(LabelStatus.FAILED), labelled(LabelStatus.READY)), (), Status.READY_TO_SHIP),
        ((evolve(labelled(LabelStatus.READY), status=ShipmentStatus.DELIVERED),), (), Status.RECEIVED),
        ((SHIPMENT,), (NAMELESS,), Status.APPROVED),
        ((), (NAMELESS,), Status.APPROVED),
        ((), (HELD,), Status.RECEIVED),
        ((labelled(LabelStatus.READY),), (HELD,), Status.RECEIVED),
        ((), (Item(id="1"),), Status.RECEIVED),
        ((), (DISPOSED, HELD), Status.RECEIVED),
        ((), (DISPOSED,), Status.RESOLVED),
        ((SHIPMENT,), (DISPOSED, RESENT), Status.RESOLVED),
        ((), (evolve(HELD, disposition_status=DispositionStatus.DONE),), Status.RECEIVED),
        ((), (evolve(DISPOSED, disposition=Disposition.UNKNOWN),), Status.RECEIVED),
        ((), (evolve(DISPOSED, disposition_status=DispositionStatus.CANCELLED),), Status.RECEIVED),
        ((evolve(labelled(LabelStatus.READY), direction=Direction.OUTBOUND),), (HELD,), Status.RECEIVED),
        ((evolve(SHIPMENT, direction=Direction.OUTBOUND, status=ShipmentStatus.DELIVERED),), (), Status.APPROVED),
    ],
)
def test_status_follows_from_the_parts(adapter: Any, shipments: Any, items: Any, status: Status) -> None:
    ret = Return(provider="return_helper", id="1", shipments=shipments, items=items)
    assert adapter.derive(ret).status is status


@pytest.mark.parametrize("told", [None, ShipmentStatus.UNKNOWN, ShipmentStatus.PRE_TRANSIT])
@pytest.mark.parametrize(
    ("label", "items", "status"),
    [
        (LabelStatus.REQUESTED, (), ShipmentStatus.PRE_TRANSIT),
        (LabelStatus.READY, (), ShipmentStatus.PRE_TRANSIT),
        (LabelStatus.FAILED, (), ShipmentStatus.PRE_TRANSIT),
        (LabelStatus.VOID, (), ShipmentStatus.CANCELLED),
        (LabelStatus.READY, (HELD,), ShipmentStatus.DELIVERED),
        (LabelStatus.VOID, (HELD,), ShipmentStatus.DELIVERED),
        (LabelStatus.UNKNOWN, (HELD, DISPOSED), ShipmentStatus.DELIVERED),
    ],
)
def test_where_the_only_parcel_is_follows_from_its_label_and_what_arrived(
    adapter: Any, told: Any, label: LabelStatus, items: Any, status: ShipmentStatus
) -> None:
    parcel = evolve(labelled(label), status=told, status_raw="7")
    (derived,) = adapter.derive(Return(provider="return_helper", id="1", shipments=(parcel,), items=items)).shipments
    assert (derived.status, derived.status_raw) == (status, "7")


def test_of_several_parcels_an_inventory_does_not_say_which_has_arrived(adapter: Any) -> None:
    other = evolve(labelled(LabelStatus.READY), id="4124")
    ret = adapter.derive(Return(provider="return_helper", id="1", shipments=(SHIPMENT, other), items=(HELD,)))
    assert [parcel.status for parcel in ret.shipments] == [None, ShipmentStatus.PRE_TRANSIT]


def test_what_the_vendor_says_of_a_parcel_on_its_way_out_is_kept(adapter: Any) -> None:
    out = evolve(SHIPMENT, direction=Direction.OUTBOUND, status=ShipmentStatus.PRE_TRANSIT)
    ret = adapter.derive(Return(provider="return_helper", id="1", shipments=(SHIPMENT, out), items=(HELD,)))
    assert [parcel.status for parcel in ret.shipments] == [ShipmentStatus.DELIVERED, ShipmentStatus.PRE_TRANSIT]


ARRIVED = Item(id="18200", rma="USE-2-240401-D00001-25")
PICTURED = Item(aliases=("38219",), name="Kettle", images=("https://f/1",))


def derived_items(adapter: Any, *items: Item) -> tuple[Any, Any]:
    ret = adapter.derive(Return(provider="return_helper", id="1", items=items))
    return ret.items, ret.attachments


def test_line_item_of_the_only_inventory_is_that_inventory(adapter: Any) -> None:
    folded = evolve(ARRIVED, aliases=("38219",), name="Kettle", images=("https://f/1",))
    assert derived_items(adapter, ARRIVED, PICTURED) == ((folded,), ())


def test_line_items_of_several_inventories_are_no_further_items(adapter: Any) -> None:
    second = evolve(ARRIVED, id="18201")
    assert derived_items(adapter, ARRIVED, second, PICTURED) == ((ARRIVED, second), ("https://f/1",))


def test_another_line_item_than_the_one_that_arrived_stays(adapter: Any) -> None:
    arrived = evolve(ARRIVED, aliases=("38218",))
    assert derived_items(adapter, arrived, PICTURED) == ((arrived, PICTURED), ())


def test_what_only_a_service_is_known_of_is_one_of_the_inventories(adapter: Any) -> None:
    served = Item(aliases=("vas:77",), services=(Service(id="77", status=DispositionStatus.DONE),))
    paired = evolve(ARRIVED, aliases=("38218",))
    ((item,), _) = derived_items(adapter, paired, served)
    assert (item.id, item.services, set(item.aliases)) == ("18200", served.services, {"38218", "vas:77"})
    assert derived_items(adapter, paired, evolve(paired, id="18201"), served)[0] == (paired, evolve(paired, id="18201"))


def test_line_items_are_items_before_anything_has_arrived(adapter: Any) -> None:
    assert derived_items(adapter, PICTURED) == ((PICTURED,), ())


def test_pieces_of_a_split_know_the_whole_by_their_rma(adapter: Any) -> None:
    whole = evolve(ARRIVED, aliases=("1",))
    pieces = [evolve(whole, id=f"1820{n}", rma=f"USE-2-240401-D00001-0{n}-25") for n in (1, 2)]
    other = evolve(whole, id="9", rma="USE-2-240401-D00002-25")
    items, _ = derived_items(adapter, whole, *pieces, other)
    assert [item.parent_id for item in items] == [None, "18200", "18200", None]


def test_whole_is_settled_once_there_are_pieces(adapter: Any) -> None:
    whole = evolve(HELD, id="18200", rma="USE-2-240401-D00001-25", aliases=("1",))
    piece = evolve(DISPOSED, id="18201", rma="USE-2-240401-D00001-01-25", aliases=("2",))
    ret = adapter.derive(Return(provider="return_helper", id="1", items=(whole, piece)))
    assert ret.status is Status.RESOLVED


@pytest.mark.parametrize(
    ("progress", "disposition"),
    [
        (DispositionStatus.PENDING, Disposition.REWORK),
        (DispositionStatus.DONE, Disposition.HOLD),
        (DispositionStatus.FAILED, Disposition.HOLD),
    ],
)
@pytest.mark.parametrize("word", ["ohd", "4"])
def test_inventory_on_hold_for_a_service_is_in_rework(
    adapter: Any, progress: DispositionStatus, disposition: Disposition, word: str
) -> None:
    held = evolve(HELD, disposition_raw=word, services=(Service(id="77", status=progress),))
    ((item,), _) = derived_items(adapter, held)
    assert (item.disposition, item.disposition_raw) == (disposition, word)


def test_failed_label_wants_attention_until_there_is_another(adapter: Any) -> None:
    failed = Return(provider="return_helper", id="1", shipments=(labelled(LabelStatus.FAILED),))
    assert adapter.derive(failed).attention == {Attention.LABEL_FAILED}
    mended = evolve(failed, shipments=(labelled(LabelStatus.FAILED), labelled(LabelStatus.READY)))
    assert adapter.derive(mended).attention == frozenset()


def test_word_of_the_vendor_stays_beside_the_status(adapter: Any) -> None:
    ret = Return(provider="return_helper", id="1", status_raw="3", items=(HELD,))
    assert (adapter.derive(ret).status, adapter.derive(ret).status_raw) == (Status.RECEIVED, "3")


def test_to_derive_twice_is_to_derive_once(adapter: Any) -> None:
    once = adapter.derive(Return(provider="return_helper", id="1", items=(HELD, DISPOSED)))
    assert adapter.derive(once) == once


GUID = "3c90c3cc-0d44-4b50-8888-8dd25736052a"
OTHER_GUID = "4d449892-c64a-5a4d-90f2-c81ff0e4d39c"


@pytest.mark.parametrize(
    ("call", "payload"),
    [
        (lambda adapter: adapter.get_return("7"), {"returnRequestId": 8}),
        (lambda adapter: adapter.inventory("7"), {"returnInventoryId": 8}),
        (lambda adapter: adapter.inventory_by_line_item("7"), {"returnInventoryId": 7, "returnRequestLineItemId": 8}),
        (lambda adapter: adapter.assign_sku("7", "SKU-1"), {"returnInventoryId": 8}),
        (lambda adapter: adapter.update_remark("7", "text"), {"returnRequestId": 8}),
        (lambda adapter: adapter.warehouse("7"), {"warehouseId": 8}),
        (lambda adapter: adapter.get_resend("7"), {"resendId": 8}),
        (lambda adapter: adapter.fba_shipment(GUID), {"data": {"fbaShipmentId": OTHER_GUID}}),
        (lambda adapter: adapter.fba_instruction(FbaKind.RECALL, GUID), {"data": {"fbaInstructionId": OTHER_GUID}}),
    ],
)
def test_reply_about_something_else_is_refused(adapter: Any, good: Any, finish: Any, call: Any, payload: Any) -> None:
    with pytest.raises(UnexpectedReply, match="not the one that was asked for"):
        finish(call(adapter), good(**payload))
