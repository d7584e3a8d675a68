"""Disposal, hold, resend, recall and value-added services: what is sent, what is refused, and what is learnt."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from returns_hub import (
    Address,
    Capability,
    ConfigurationError,
    Direction,
    Disposition,
    DispositionStatus,
    Item,
    ItemInstruction,
    ProviderError,
    ProviderUnavailable,
    Reply,
    ShipmentStatus,
    UnexpectedReply,
    UnsupportedOperation,
    ValidationFailed,
)
from returns_hub_return_helper.warehouse import NewVas, UploadedFile

DISPOSE = ItemInstruction(disposition=Disposition.DISPOSE)
HOLD = ItemInstruction(disposition=Disposition.HOLD)
RECALL = ItemInstruction(disposition=Disposition.RETURN_TO_OWNER)
# Legacy documentation, createResend: the sample's address, with a state's place that this country does not have.
BUYER = Address(
    name="Bach",
    line1="Schrotteringksweg 16",
    city="Uhlenhorst",
    state="HH",
    postal_code="01",
    country="DE",
    phone="01768790672",
    email="tes@returnhelper.com",
)
FORWARD = ItemInstruction(disposition=Disposition.FORWARD, ship_to=BUYER, service="ups")
FILE = UploadedFile(filename="test.png", key="rr/api/files/test.png")


def an_item(number: int = 3474, **told: Any) -> Item:
    return Item(**{"id": str(number), "warehouse_id": "2", **told})


def handlings(good: Any, *codes: str) -> Reply:
    reply: Reply = good(handlings=[{"handlingCode": code, "handlingDescription": "…"} for code in codes])
    return reply


def recalls(good: Any, *told: Any) -> Reply:
    reply: Reply = good(recallList=list(told))
    return reply


# Handling


def test_handling_is_updated_by_the_newer_call(adapter: Any, good: Any, finish: Any) -> None:
    request = next(adapter.update_handling("3474", "ohd"))
    assert (request.method, request.path) == ("POST", "/ReturnInventory/UpdateReturnInventoryHandling")
    assert request.json == {"returnInventoryId": 3474, "handlingCode": "ohd"}
    assert finish(adapter.update_handling("3474", "ohd"), good()) is None


@pytest.mark.parametrize("code", ["rsd", "tbc", "RSD", "", " "])
def test_handling_that_cannot_be_set_is_refused_before_anything_is_sent(adapter: Any, code: str) -> None:
    with pytest.raises(ValidationFailed) as error:
        next(adapter.update_handling("3474", code))
    assert list(error.value.fields) == ["handlingCode"]


def test_handling_is_cancelled(adapter: Any, good: Any, finish: Any) -> None:
    request = next(adapter.cancel_handling("3474"))
    assert (request.path, request.json) == (
        "/ReturnInventory/CancelReturnInventoryHandling",
        {"returnInventoryId": 3474},
    )
    assert finish(adapter.cancel_handling("3474"), good()) is None


@pytest.mark.parametrize(
    ("listed", "sent"),
    [
        (["tbc", "dis", "dsp"], "dsp"),
        (["tbc", "rtn", "dis", "ohd"], "dis"),
        (["ohd", "DSP"], "DSP"),
    ],
)
def test_word_for_disposal_is_the_vendors_own(adapter: Any, good: Any, requests: Any, listed: Any, sent: str) -> None:
    look, write = requests(adapter.instruct([an_item()], DISPOSE), handlings(good, *listed))
    assert (look.method, look.path, look.base) == ("GET", "/handling/getAllHandlings", "public")
    assert write.json == {"returnInventoryId": 3474, "handlingCode": sent}


def test_option_tells_the_word_for_disposal_without_asking(make: Any) -> None:
    request = next(make(dispose_code="dis").instruct([an_item()], DISPOSE))
    assert request.json == {"returnInventoryId": 3474, "handlingCode": "dis"}


def test_table_without_disposal_names_the_option(adapter: Any, good: Any, finish: Any) -> None:
    with pytest.raises(UnsupportedOperation, match="dispose_code"):
        finish(adapter.instruct([an_item()], DISPOSE), handlings(good, "ohd", "rtn"))


@pytest.mark.parametrize(
    ("disposition", "code"), [(Disposition.HOLD, "ohd"), (Disposition.RESTOCK, "rst"), (Disposition.DISPOSE, "dsp")]
)
def test_handled_item_is_pending_under_its_code(
    make: Any, good: Any, finish: Any, disposition: Disposition, code: str
) -> None:
    told = an_item(aliases=("9001",), sku="A-1")
    operation = make(dispose_code="dsp").instruct([told], ItemInstruction(disposition=disposition))
    assert finish(operation, good()) == (
        Item(
            id="3474",
            aliases=("9001",),
            sku="A-1",
            warehouse_id="2",
            disposition=disposition,
            disposition_status=DispositionStatus.PENDING,
            disposition_raw=code,
        ),
    )


def test_each_inventory_is_a_call(adapter: Any, good: Any, requests: Any) -> None:
    sent = requests(adapter.instruct([an_item(1), an_item(2), an_item(3)], HOLD), good(), good())
    assert [request.json["returnInventoryId"] for request in sent] == [1, 2, 3]


def test_failure_after_others_says_what_may_have_been_done(adapter: Any, good: Any, bad: Any, finish: Any) -> None:
    operation = adapter.instruct([an_item(1), an_item(2), an_item(3)], HOLD)
    with pytest.raises(ValidationFailed) as error:
        finish(operation, good(), bad("VALIDATION_FAILED", returnInventoryId="has a pending VAS"))
    assert "failed at 2; done before: 1" in str(error.value)
    assert error.value.maybe_applied
    assert error.value.fields == {"returnInventoryId": "has a pending VAS"}


def test_failure_of_the_first_says_that_nothing_was_done(adapter: Any, bad: Any, finish: Any) -> None:
    with pytest.raises(ValidationFailed) as error:
        finish(adapter.instruct([an_item(1), an_item(2)], HOLD), bad("VALIDATION_FAILED"))
    assert "failed at 1; nothing was done before" in str(error.value)
    assert not error.value.maybe_applied


def test_failure_of_the_only_call_is_as_it_is(adapter: Any, bad: Any, finish: Any) -> None:
    with pytest.raises(ValidationFailed) as error:
        finish(adapter.instruct([an_item(1)], HOLD), bad("VALIDATION_FAILED"))
    assert "failed at" not in str(error.value)


def test_failure_names_twenty_inventories_at_most(adapter: Any, good: Any, finish: Any) -> None:
    items = [an_item(number) for number in range(1, 31)]
    with pytest.raises(ProviderUnavailable, match=r"failed at 26; done before: 1 2 .* 20 and 5 more"):
        finish(adapter.instruct(items, HOLD), *[good()] * 25, Reply(status=503))


@pytest.mark.parametrize("items", [[], [Item(sku="A")], [Item(id="line")], [an_item(1), an_item(1)]])
def test_items_that_are_no_inventories_are_refused_before_anything_is_sent(adapter: Any, items: Any) -> None:
    for operation in (adapter.instruct(items, HOLD), adapter.cancel_instruction(items)):
        with pytest.raises(ValidationFailed) as error:
            next(operation)
        assert list(error.value.fields) == ["items"]


@pytest.mark.parametrize(
    ("instruction", "name"),
    [
        (ItemInstruction(disposition=Disposition.DISPOSE, notes="burn it"), "notes"),
        (ItemInstruction(disposition=Disposition.HOLD, service="ups"), "service"),
        (ItemInstruction(disposition=Disposition.RETURN_TO_OWNER, ship_to=BUYER), "ship_to"),
        (ItemInstruction(disposition=Disposition.REWORK, services=("repack",), ship_to=BUYER), "ship_to"),
        (
            ItemInstruction(disposition=Disposition.FORWARD, ship_to=BUYER, service="u", services=("repack",)),
            "services",
        ),
    ],
)
def test_field_without_a_place_in_the_call_is_refused_by_name(adapter: Any, instruction: Any, name: str) -> None:
    with pytest.raises(UnsupportedOperation, match=f"no place for {name}"):
        next(adapter.instruct([an_item()], instruction))


@pytest.mark.parametrize(
    "disposition", [Disposition.KEEP, Disposition.OTHER, Disposition.UNDECIDED, Disposition.UNKNOWN]
)
def test_disposition_without_a_call_is_refused(adapter: Any, disposition: Disposition) -> None:
    with pytest.raises(UnsupportedOperation, match=f"return_helper {Capability.INSTRUCT}"):
        next(adapter.instruct([an_item()], ItemInstruction(disposition=disposition)))


# Resend


def test_resend_is_the_vendors_sample(adapter: Any) -> None:
    operation = adapter.resend(["3474"], ship_to=BUYER, service="ups", description="OC56562326565", remarks="remark")
    request = next(operation)
    assert (request.method, request.path) == ("POST", "/Resend/createResend")
    assert request.json == {
        "description": "OC56562326565",
        "remarks": "remark",
        "returnInventoryIdList": [3474],
        "resendShipment": {
            "shipmentServiceType": "ups",
            "shipmentCountryCode": "deu",
            "shipmentState": "HH",
            "shipmentCity": "Uhlenhorst",
            "shipmentStreet1": "Schrotteringksweg 16",
            "shipmentStreet2": "",
            "shipmentStreet3": "",
            "shipmentName": "Bach",
            "shipmentPhone": "01768790672",
            "shipmentEmail": "tes@returnhelper.com",
            "shipmentFax": "",
            "shipmentPostalCode": "01",
        },
    }


def test_nothing_of_an_address_is_lost(adapter: Any) -> None:
    ship_to = Address(
        first_name="Johann",
        last_name="Bach",
        company="Thomas",
        line1="Thomaskirchhof",
        house_number="18",
        house_number_addition="a",
        line2="2nd floor",
        line3="rear",
        city="Vienna",
        postal_code="1010",
        country="AT",
        phone="1",
    )
    body = next(adapter.resend(["1"], ship_to=ship_to, service="ups")).json["resendShipment"]
    assert body["shipmentName"] == "Johann Bach, Thomas"
    assert body["shipmentStreet1"] == "Thomaskirchhof 18 a"
    assert (body["shipmentStreet2"], body["shipmentStreet3"]) == ("2nd floor", "rear")
    assert "shipmentEmail" not in body
    # Legacy documentation, "state codes": every country but five.
    assert (body["shipmentState"], body["shipmentCountryCode"]) == ("NA", "aut")


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": None}, "shipmentName"),
        ({"name": "x" * 256}, "shipmentName"),
        ({"line1": None}, "shipmentStreet1"),
        ({"line1": "x" * 256}, "shipmentStreet1"),
        ({"city": None}, "shipmentCity"),
        ({"city": "x" * 51}, "shipmentCity"),
        ({"postal_code": " "}, "shipmentPostalCode"),
        ({"postal_code": "1" * 51}, "shipmentPostalCode"),
        ({"phone": None}, "shipmentPhone"),
        ({"state": None}, "shipmentState"),
        ({"country": None}, "shipmentCountryCode"),
        ({"country": "XX"}, "country"),
    ],
)
def test_address_that_the_vendor_would_refuse_is_not_sent(adapter: Any, changed: Any, field: str) -> None:
    told = {
        "name": "Bach",
        "line1": "Schrotteringksweg 16",
        "city": "Uhlenhorst",
        "state": "HH",
        "postal_code": "01",
        "country": "DE",
        "phone": "01768790672",
    }
    with pytest.raises(ValidationFailed) as error:
        next(adapter.resend(["3474"], ship_to=Address(**{**told, **changed}), service="ups"))
    assert list(error.value.fields) == [field]


def test_resend_without_a_service_is_not_sent(adapter: Any) -> None:
    with pytest.raises(ValidationFailed) as error:
        next(adapter.resend(["3474"], ship_to=BUYER, service=""))
    assert list(error.value.fields) == ["shipmentServiceType"]


@pytest.mark.parametrize(("limit", "count"), [(1, 2), (9, 10)])
def test_resend_above_the_accounts_limit_is_not_sent(make: Any, limit: int, count: int) -> None:
    ids = [str(number) for number in range(1, count + 1)]
    with pytest.raises(ValidationFailed, match="returnInventoryIdList"):
        next(make(resend_limit=limit).resend(ids, ship_to=BUYER, service="ups"))


@pytest.mark.parametrize(
    ("reply", "number"), [({"resendId": 88}, None), ({"resendId": "88", "resendNumber": "RSN-88"}, "RSN-88")]
)
def test_created_resend_is_reported_in_two_generations(
    adapter: Any, good: Any, finish: Any, reply: Any, number: str | None
) -> None:
    made = finish(adapter.resend(["3474"], ship_to=BUYER, service="ups"), good(**reply))
    assert (made.id, made.number, made.shipments) == ("88", number, ())


def test_resend_that_is_not_named_is_an_unexpected_reply(adapter: Any, good: Any, finish: Any) -> None:
    with pytest.raises(UnexpectedReply) as error:
        finish(adapter.resend(["3474"], ship_to=BUYER, service="ups"), good())
    assert error.value.where == "resendId"


@pytest.mark.parametrize(("word", "raw"), [(3, "3"), ("3", "3"), ("completed", "completed")])
def test_resend_is_read_with_its_parcel(adapter: Any, good: Any, finish: Any, word: object, raw: str) -> None:
    request = next(adapter.get_resend("88"))
    assert (request.path, request.query) == ("/resend/getResend", (("resendId", "88"),))
    shipment = {
        "resendShipmentId": 5,
        "resendId": 88,
        "shipmentServiceType": "ups",
        "trackingNumber": "1Z",
        "error": "",
    }
    reply = good(
        resendId=88,
        returnInventoryId=3474,
        resendNumber="RSN-88",
        resendStatusCode=word,
        warehouseId=2,
        returnRequestLineItemId="9001",
        resendShipmentList=[shipment],
    )
    resend = finish(adapter.get_resend("88"), reply)
    assert (resend.id, resend.inventory_id, resend.line_item_id) == ("88", "3474", "9001")
    assert (resend.status, resend.status_raw) == (DispositionStatus.DONE, raw)
    (parcel,) = resend.shipments
    assert (parcel.id, parcel.direction, parcel.tracking_number) == ("resend:88", Direction.OUTBOUND, "1Z")


@pytest.mark.parametrize("reply", [{}, {"resendId": 88, "resendShipmentList": []}])
def test_resend_is_cancelled(adapter: Any, good: Any, finish: Any, reply: Any) -> None:
    request = next(adapter.cancel_resend("88"))
    assert (request.path, request.json) == ("/Resend/cancelResend", {"resendId": 88})
    assert finish(adapter.cancel_resend("88"), good(**reply)) is None


def test_forwarded_item_learns_the_name_of_its_resend(adapter: Any, good: Any, finish: Any) -> None:
    (told,) = finish(adapter.instruct([an_item(aliases=("9001", "resend:7"))], FORWARD), good(resendId=88))
    assert told.aliases == ("9001", "resend:7", "resend:88")
    assert (told.disposition, told.disposition_status) == (Disposition.FORWARD, DispositionStatus.PENDING)
    assert told.disposition_raw == "rsd"


def test_notes_of_a_forwarding_are_its_remarks(adapter: Any) -> None:
    instruction = ItemInstruction(disposition=Disposition.FORWARD, ship_to=BUYER, service="ups", notes="fragile")
    assert next(adapter.instruct([an_item()], instruction)).json["remarks"] == "fragile"


def test_what_goes_to_one_address_is_one_resend(adapter: Any, good: Any, requests: Any) -> None:
    sent = requests(adapter.instruct([an_item(1), an_item(2)], FORWARD), good(resendId=88))
    assert [request.json["returnInventoryIdList"] for request in sent] == [[1, 2]]


def test_resends_hold_inventories_of_one_warehouse(make: Any, good: Any, requests: Any, finish: Any) -> None:
    items = [
        an_item(1, warehouse_id="2"),
        an_item(2, warehouse_id="3"),
        an_item(3, warehouse_id="2"),
        an_item(4, warehouse_id="2"),
        an_item(5, warehouse_id=None),
        an_item(6, warehouse_id=None),
    ]
    replies = [good(resendId=number) for number in range(81, 85)]
    sent = requests(make(resend_limit=2).instruct(items, FORWARD), *replies)
    assert [request.json["returnInventoryIdList"] for request in sent] == [[1, 3], [4], [2], [5, 6]]
    told = finish(make(resend_limit=2).instruct(items, FORWARD), *replies)
    assert [(item.id, item.aliases) for item in told] == [
        ("1", ("resend:81",)),
        ("2", ("resend:83",)),
        ("3", ("resend:81",)),
        ("4", ("resend:82",)),
        ("5", ("resend:84",)),
        ("6", ("resend:84",)),
    ]


@pytest.mark.parametrize(
    "instruction",
    [
        ItemInstruction(disposition=Disposition.FORWARD, service="ups"),
        ItemInstruction(disposition=Disposition.FORWARD, ship_to=BUYER),
        ItemInstruction(disposition=Disposition.FORWARD),
    ],
)
def test_forwarding_needs_an_address_and_a_service(adapter: Any, instruction: Any) -> None:
    with pytest.raises(ValidationFailed):
        next(adapter.instruct([an_item()], instruction))


# Recall


def test_recall_is_read_from_the_newer_schema(adapter: Any, good: Any, finish: Any) -> None:
    request = next(adapter.recall(["123"]))
    assert (request.path, request.json) == (
        "/Recall/createRecallByReturnInventoryId",
        {"returnInventoryIdList": [123]},
    )
    told = {
        "apiId": 123,
        "recallId": 123,
        "warehouseId": 123,
        "recallNumber": "RCL240416-0000001",
        "recallStatusCode": "pending",
        "warehouseRemarks": None,
        "recallInventoryList": [{}],
    }
    (recall,) = finish(adapter.recall(["123"]), recalls(good, told))
    assert (recall.id, recall.number, recall.status_raw) == ("123", "RCL240416-0000001", "pending")
    assert (recall.warehouse_id, recall.warehouse_remarks, recall.items) == ("123", None, ())


def test_recalled_inventories_are_read(adapter: Any, good: Any, finish: Any) -> None:
    row = {
        "recallInventoryId": 4,
        "returnInventoryId": 123,
        "recallInventoryStatusCode": "in-transit",
        "pickUpCode": "pending",
        "trackingNumber": "AWB1",
        "rma": "USE-2-230101-D00013-0",
    }
    told = {"recallId": 9, "recallStatusCode": 1, "recallInventoryList": [row]}
    (recall,) = finish(adapter.recall(["123"]), recalls(good, told))
    assert (recall.status, recall.status_raw) == (DispositionStatus.IN_PROGRESS, "1")
    assert [(item.id, item.rma) for item in recall.items] == [("123", "USE-2-230101-D00013-0")]
    assert [(parcel.tracking_number, parcel.status) for parcel in recall.shipments] == [
        ("AWB1", ShipmentStatus.IN_TRANSIT)
    ]


@pytest.mark.parametrize("call", ["recall", "cancel_recall", "create_recall"])
def test_recall_takes_a_hundred_inventories(adapter: Any, call: str) -> None:
    ids = [str(number) for number in range(1, 102)]
    assert len(next(getattr(adapter, call)(ids[:100])).json["returnInventoryIdList"]) == 100
    with pytest.raises(ValidationFailed) as error:
        next(getattr(adapter, call)(ids))
    assert error.value.fields == {"returnInventoryIdList": "at most 100 go into one call"}


def test_one_text_is_no_list_of_identifiers(adapter: Any) -> None:
    with pytest.raises(TypeError):
        next(adapter.recall("123"))


def test_recall_is_cancelled_by_inventory_or_by_itself(adapter: Any, good: Any, finish: Any) -> None:
    by_inventory, by_recall = next(adapter.cancel_recall(["123"])), next(adapter.cancel_recalls(["9"]))
    assert (by_inventory.path, by_inventory.json) == (
        "/Recall/cancelRecallByReturnInventoryId",
        {"returnInventoryIdList": [123]},
    )
    assert (by_recall.path, by_recall.json) == ("/Recall/cancelRecall", {"recallIdList": [9]})
    told = {"recallId": 9, "recallStatusCode": "canceled"}
    assert finish(adapter.cancel_recalls(["9"]), recalls(good, told))[0].status is DispositionStatus.CANCELLED


@pytest.mark.parametrize("key", ["recallNumber", "recallCode"])
def test_older_recall_tells_its_number_under_two_names(adapter: Any, good: Any, finish: Any, key: str) -> None:
    request = next(adapter.create_recall(["1001", "1002"]))
    assert (request.path, request.json) == ("/Recall/createRecall", {"returnInventoryIdList": [1001, 1002]})
    recall = finish(adapter.create_recall(["1001"]), good(recallId=927, **{key: "RCL240416-0000001"}))
    assert (recall.id, recall.number) == ("927", "RCL240416-0000001")


@pytest.mark.parametrize(
    ("told", "aliases"),
    [
        # By the inventories that they name.
        (
            [
                {"recallId": 7, "recallInventoryList": [{"returnInventoryId": 2, "recallInventoryId": 1}]},
                {"recallId": 8, "recallInventoryList": [{"returnInventoryId": "1", "recallInventoryId": 2}]},
            ],
            [("recall:8",), ("recall:7",)],
        ),
        # There is only one.
        ([{"recallId": 7, "recallInventoryList": [{}]}], [("recall:7",), ("recall:7",)]),
        # By their warehouses.
        ([{"recallId": 7, "warehouseId": 3}, {"recallId": 8, "warehouseId": 2}], [("recall:8",), ("recall:7",)]),
        # Not at all.
        ([{"recallId": 7}, {"recallId": 8}], [(), ()]),
        ([], [(), ()]),
    ],
)
def test_recalled_item_learns_the_name_of_its_recall(
    adapter: Any, good: Any, finish: Any, told: Any, aliases: Any
) -> None:
    items = [an_item(1, warehouse_id="2"), an_item(2, warehouse_id="3")]
    found = finish(adapter.instruct(items, RECALL), recalls(good, *told))
    assert [item.aliases for item in found] == aliases
    assert {(item.disposition, item.disposition_status, item.disposition_raw) for item in found} == {
        (Disposition.RETURN_TO_OWNER, DispositionStatus.PENDING, "rtn")
    }


def test_more_than_a_hundred_inventories_are_several_recalls(
    adapter: Any, good: Any, requests: Any, finish: Any
) -> None:
    items = [an_item(number) for number in range(1, 102)]
    replies = [recalls(good, {"recallId": 7}), recalls(good, {"recallId": 8})]
    sent = requests(adapter.instruct(items, RECALL), *replies)
    assert [len(request.json["returnInventoryIdList"]) for request in sent] == [100, 1]
    found = finish(adapter.instruct(items, RECALL), *replies)
    assert (found[99].aliases, found[100].aliases) == (("recall:7",), ("recall:8",))


# Value-added services


def test_services_are_asked_for_by_inventory_in_text(adapter: Any) -> None:
    wanted = {"3474": [NewVas(code="prd-inspec", notes="scratches?"), NewVas(code="req-pic", quantity=2)]}
    request = next(adapter.create_vas(wanted))
    assert (request.method, request.path) == ("POST", "/Vas/CreateByReturnInventoryId")
    assert request.json == {
        "createVasList": [
            {
                "returnInventoryId": "3474",
                "createVasDetailList": [
                    {"vasCode": "prd-inspec", "notes": "scratches?"},
                    {"vasCode": "req-pic", "metaQuantity": 2},
                ],
            }
        ]
    }


def test_split_has_its_instructions(adapter: Any) -> None:
    split = NewVas(code="SPLIT_PARCEL", quantity=2, notes="test split", files=(FILE,))
    (entry,) = next(adapter.create_vas({"3474": [split]})).json["createVasList"]
    assert entry["createVasDetailList"] == [
        {
            "vasCode": "SPLIT_PARCEL",
            "notes": "test split",
            "metaQuantity": 2,
            "vasFileList": [{"filename": "test.png", "fileKey": "rr/api/files/test.png"}],
        }
    ]


@pytest.mark.parametrize("code", ["split-parcel", "SPLIT_PARCEL"])
@pytest.mark.parametrize("quantity", [None, 0, 51])
def test_split_needs_one_to_fifty_pieces(adapter: Any, code: str, quantity: int | None) -> None:
    with pytest.raises(ValidationFailed) as error:
        next(adapter.create_vas({"3474": [NewVas(code=code, quantity=quantity)]}))
    assert list(error.value.fields) == ["metaQuantity"]


@pytest.mark.parametrize("quantity", [1, 50])
def test_split_into_one_to_fifty_pieces_is_sent(adapter: Any, quantity: int) -> None:
    (entry,) = next(adapter.create_vas({"1": [NewVas(code="split-parcel", quantity=quantity)]})).json["createVasList"]
    assert entry["createVasDetailList"][0]["metaQuantity"] == quantity


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({}, "createVasList"),
        ({"3474": []}, "createVasDetailList"),
        ({"abc": [NewVas(code="repack")]}, "createVasList"),
        ({"3474": [NewVas(code="repack")], "03474": [NewVas(code="repack")]}, "createVasList"),
        ({"3474": [NewVas(code="")]}, "vasCode"),
        ({"3474": [NewVas(code="req-pic")]}, "metaQuantity"),
        ({"3474": [NewVas(code="repack", files=(FILE,))]}, "vasFileList"),
        ({"3474": [NewVas(code="SPLIT_PARCEL", quantity=2), NewVas(code="repack")]}, "createVasDetailList"),
    ],
)
def test_services_that_the_vendor_would_refuse_are_not_sent(adapter: Any, wanted: Any, field: str) -> None:
    with pytest.raises(ValidationFailed) as error:
        next(adapter.create_vas(wanted))
    assert list(error.value.fields) == [field]
    with pytest.raises(ValidationFailed):
        next(adapter.create_line_item_vas(wanted))


def test_refusal_of_one_entry_of_a_batch_names_it(adapter: Any, bad: Any, finish: Any) -> None:
    wanted = {"1": [NewVas(code="repack")], "2": [NewVas(code="repack")]}
    told = {"jobEntryList[1].returnInventoryId": "'return Inventory Id' must be on hold.,It has a pending VAS."}
    with pytest.raises(ValidationFailed) as error:
        finish(adapter.create_vas(wanted), bad("VALIDATION_FAILED", **told))
    assert error.value.fields == told
    assert "jobEntryList[1].returnInventoryId" in str(error.value)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        # As far as the newer schema is shown.
        ({"returnRequestLineItemId": 9001, "createVasDetailList": [{}]}, [(None, "9001", None)]),
        ({"returnRequestLineItemId": 9001, "createVasDetailList": []}, [(None, "9001", None)]),
        ({"returnRequestLineItemId": "9001", "createVasDetailList": None}, [(None, "9001", None)]),
        (
            {
                "returnRequestLineItemId": 9001,
                "createVasDetailList": [
                    {"returnRequestLineItemVasId": 5, "vasCode": "repack"},
                    {"returnRequestLineItemVasId": "6", "vasCode": 3},
                ],
            },
            [("5", "9001", "repack"), ("6", "9001", "3")],
        ),
    ],
)
def test_created_services_are_read_as_far_as_they_are_given(
    adapter: Any, good: Any, finish: Any, row: Any, expected: Any
) -> None:
    made = finish(adapter.create_vas({"3474": [NewVas(code="repack")]}), good(data=[row]))
    assert [(vas.id, vas.line_item_id, vas.code) for vas in made] == expected


def test_older_call_tells_each_service(adapter: Any, good: Any, finish: Any) -> None:
    wanted = {"9001": [NewVas(code="split-parcel", notes="Please split into 3 parcels", quantity=3)]}
    request = next(adapter.create_line_item_vas(wanted))
    assert request.path == "/returnrequest/createVas"
    assert request.json == {
        "createVasPayloadList": [
            {
                "returnRequestLineItemId": "9001",
                "createVasDetailList": [
                    {"vasCode": "split-parcel", "notes": "Please split into 3 parcels", "metaQuantity": 3}
                ],
            }
        ]
    }
    row = {
        "returnRequestLineItemVasId": 5,
        "returnRequestLineItemId": 9001,
        "vasCode": "split-parcel",
        "metaQuantity": 3,
        "vasResult": None,
        "notes": "Please split into 3 parcels",
        "isFinished": False,
    }
    (vas,) = finish(adapter.create_line_item_vas(wanted), good(createdLineItemVasList=[row]))
    assert (vas.id, vas.line_item_id, vas.quantity, vas.is_finished) == ("5", "9001", 3, False)
    assert vas.aliases == ("9001", "vas:5")


def test_reworked_item_learns_its_line_item_and_its_services(
    adapter: Any, good: Any, requests: Any, finish: Any
) -> None:
    instruction = ItemInstruction(
        disposition=Disposition.REWORK, services=("prd-inspec", "req-pic:2"), notes="scratches?"
    )
    row = {
        "returnRequestLineItemId": 9001,
        "createVasDetailList": [{"returnRequestLineItemVasId": 5}, {"returnRequestLineItemVasId": 6}],
    }
    (request,) = requests(adapter.instruct([an_item()], instruction))
    assert request.json["createVasList"] == [
        {
            "returnInventoryId": "3474",
            "createVasDetailList": [
                {"vasCode": "prd-inspec", "notes": "scratches?"},
                {"vasCode": "req-pic", "notes": "scratches?", "metaQuantity": 2},
            ],
        }
    ]
    (told,) = finish(adapter.instruct([an_item()], instruction), good(data=[row]))
    assert told.aliases == ("9001", "vas:5", "vas:6")
    assert (told.disposition, told.disposition_status) == (Disposition.REWORK, DispositionStatus.PENDING)
    assert told.disposition_raw == "ohd"


def test_each_inventory_is_reworked_by_a_call_of_its_own(adapter: Any, good: Any, finish: Any) -> None:
    instruction = ItemInstruction(disposition=Disposition.REWORK, services=("repack",))
    replies = [good(data=[{"returnRequestLineItemId": number}]) for number in (9001, 9002)]
    told = finish(adapter.instruct([an_item(1), an_item(2)], instruction), *replies)
    assert [(item.id, item.aliases) for item in told] == [("1", ("9001",)), ("2", ("9002",))]


@pytest.mark.parametrize("services", [(), ("req-pic",), ("req-pic:0",), ("re pack",), ("a:b",), ("split-parcel:51",)])
def test_rework_that_the_vendor_would_refuse_is_not_sent(adapter: Any, services: Any) -> None:
    with pytest.raises(ValidationFailed):
        next(adapter.instruct([an_item()], ItemInstruction(disposition=Disposition.REWORK, services=services)))


def test_upload_slot_is_asked_for_as_in_the_vendors_example(adapter: Any) -> None:
    request = next(adapter.upload_slot("test.png", "image/png"))
    assert (request.path, request.base) == ("/file/GetPreSignedUploadUrl", "public")
    assert dict(request.query) == {"filename": "test.png", "mimeType": "image/png"}


def test_upload_slot_hides_its_url(adapter: Any, good: Any, finish: Any) -> None:
    reply = good(
        preSignedUrl="https://files.example/put?signature=abc",
        filename="test.png",
        fileKey="rr/api/files/test.png",
        expires="2024-04-08T07:39:09Z",
    )
    slot = finish(adapter.upload_slot("test.png", "image/png"), reply)
    assert (slot.url, slot.file) == ("https://files.example/put?signature=abc", FILE)
    assert (slot.content_type, slot.expires) == (None, "2024-04-08T07:39:09Z")
    assert "signature" not in repr(slot)


@pytest.mark.parametrize("missing", ["preSignedUrl", "fileKey"])
def test_upload_slot_without_a_place_is_an_unexpected_reply(adapter: Any, good: Any, finish: Any, missing: str) -> None:
    told = {"preSignedUrl": "https://files.example/put", "fileKey": "k"}
    told.pop(missing)
    with pytest.raises(UnexpectedReply) as error:
        finish(adapter.upload_slot("test.png", "image/png"), good(**told))
    assert error.value.where == missing


# Taking it back


@pytest.mark.parametrize("disposition", [Disposition.DISPOSE, Disposition.HOLD, Disposition.RESTOCK, Disposition.OTHER])
def test_handling_is_taken_back_for_each_inventory(
    adapter: Any, good: Any, requests: Any, finish: Any, disposition: Disposition
) -> None:
    items = [an_item(1, disposition=disposition), an_item(2, disposition=disposition)]
    sent = requests(adapter.cancel_instruction(items), good(), good())
    assert [(request.path, request.json) for request in sent] == [
        ("/ReturnInventory/CancelReturnInventoryHandling", {"returnInventoryId": 1}),
        ("/ReturnInventory/CancelReturnInventoryHandling", {"returnInventoryId": 2}),
    ]
    told = finish(adapter.cancel_instruction(items), good(), good())
    assert [(item.disposition, item.disposition_status) for item in told] == [
        (disposition, DispositionStatus.CANCELLED),
        (disposition, DispositionStatus.CANCELLED),
    ]


def test_recall_is_taken_back_for_all_inventories_at_once(adapter: Any, good: Any, requests: Any) -> None:
    items = [an_item(number, disposition=Disposition.RETURN_TO_OWNER) for number in (1, 2)]
    (request,) = requests(adapter.cancel_instruction(items), recalls(good))
    assert request.json == {"returnInventoryIdList": [1, 2]}


def test_newest_resend_is_taken_back_once(adapter: Any, good: Any, requests: Any) -> None:
    items = [
        an_item(1, disposition=Disposition.FORWARD, aliases=("9001", "resend:100", "resend:99")),
        an_item(2, disposition=Disposition.FORWARD, aliases=("resend:100",)),
        an_item(3, disposition=Disposition.FORWARD, aliases=("resend:7",)),
    ]
    sent = requests(adapter.cancel_instruction(items), good(), good())
    assert [request.json for request in sent] == [{"resendId": 100}, {"resendId": 7}]


def test_items_come_back_in_their_order(adapter: Any, good: Any, finish: Any) -> None:
    items = [
        an_item(1, disposition=Disposition.FORWARD, aliases=("resend:7",)),
        an_item(2, disposition=Disposition.RETURN_TO_OWNER),
        an_item(3, disposition=Disposition.HOLD),
    ]
    told = finish(adapter.cancel_instruction(items), good(), recalls(good), good())
    assert [item.id for item in told] == ["1", "2", "3"]


def test_failure_to_take_back_says_what_was_done(adapter: Any, good: Any, bad: Any, finish: Any) -> None:
    items = [an_item(1, disposition=Disposition.HOLD), an_item(2, disposition=Disposition.RETURN_TO_OWNER)]
    with pytest.raises(ValidationFailed, match="failed at 2; done before: 1") as error:
        finish(adapter.cancel_instruction(items), good(), bad("VALIDATION_FAILED"))
    assert error.value.maybe_applied


@pytest.mark.parametrize("aliases", [(), ("9001",), ("resend:",), ("resend:x",)])
def test_resend_that_nothing_names_is_not_taken_back(adapter: Any, aliases: Any) -> None:
    with pytest.raises(ValidationFailed) as error:
        next(adapter.cancel_instruction([an_item(disposition=Disposition.FORWARD, aliases=aliases)]))
    assert list(error.value.fields) == ["resendId"]


@pytest.mark.parametrize("disposition", [Disposition.REWORK, Disposition.UNDECIDED, Disposition.UNKNOWN, None])
def test_what_no_call_takes_back_is_refused_before_anything_is_sent(adapter: Any, disposition: Any) -> None:
    items = [an_item(1, disposition=Disposition.HOLD), an_item(2, disposition=disposition)]
    with pytest.raises(UnsupportedOperation, match=f"return_helper {Capability.CANCEL_INSTRUCTION}"):
        next(adapter.cancel_instruction(items))


# Options


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"dispose_code": " "}, "dispose_code"),
        ({"resend_limit": 0}, "resend_limit"),
        ({"resend_limit": 10}, "resend_limit"),
    ],
)
def test_option_that_cannot_be_meant_is_named(make: Any, options: Any, name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        make(**options)


def test_options_of_the_base_are_still_checked(make: Any) -> None:
    with pytest.raises(ConfigurationError, match="webhook_tolerance"):
        make(webhook_tolerance=0)


# Whatever comes

NAMES = [
    "data", "resendId", "resendNumber", "resendStatusCode", "resendShipmentList", "resendShipmentId", "trackingNumber",
    "recallList", "recallId", "recallStatusCode", "recallInventoryList", "returnInventoryId", "recallInventoryId",
    "recallInventoryStatusCode", "returnRequestLineItemId", "createVasDetailList", "returnRequestLineItemVasId", "vasCode",
    "metaQuantity", "isFinished", "createdLineItemVasList", "preSignedUrl", "fileKey", "handlings", "handlingCode",
    "warehouseId", "cost", "costCurrencyCode",
]  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False, places=2, max_value=Decimal(10**6), min_value=Decimal(0)).map(
        float
    )
    | st.text(max_size=8)
    | st.sampled_from(["1", "dsp", "pending", "1E+999"])
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    max_leaves=20,
)
ROWS = st.lists(st.dictionaries(st.sampled_from(NAMES), JSON, max_size=8), max_size=3)
PAYLOADS = st.dictionaries(st.sampled_from(NAMES), JSON | ROWS, max_size=8)


def operations(adapter: Any) -> list[Any]:
    forwarded = an_item(disposition=Disposition.FORWARD, aliases=("resend:7",))
    return [
        adapter.instruct([an_item()], DISPOSE),
        adapter.instruct([an_item(1), an_item(2)], FORWARD),
        adapter.instruct([an_item(1), an_item(2)], RECALL),
        adapter.instruct([an_item()], ItemInstruction(disposition=Disposition.REWORK, services=("repack",))),
        adapter.cancel_instruction([forwarded, an_item(2, disposition=Disposition.RETURN_TO_OWNER)]),
        adapter.get_resend("88"),
        adapter.create_recall(["1"]),
        adapter.create_line_item_vas({"1": [NewVas(code="repack")]}),
        adapter.upload_slot("a.txt", "text/plain"),
    ]


@given(payload=PAYLOADS)
def test_any_payload_gives_a_value_or_our_error(make: Any, payload: Any) -> None:
    body = json.dumps({**payload, "meta": {"status": 200, "errorCode": None}}).encode()
    for operation in operations(make()):
        request = next(operation)
        try:
            while request is not None:
                request = operation.send(Reply(status=200, body=body))
        except (StopIteration, ProviderError, UnsupportedOperation):
            continue
