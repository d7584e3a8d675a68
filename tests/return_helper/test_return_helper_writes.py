"""What the adapter sends: the body of a new return to the letter, and what it refuses before anything is sent."""

from decimal import Decimal
from itertools import product
from string import ascii_uppercase
from typing import Any

import pytest
from attrs import evolve

from returns_hub import (
    Address,
    Direction,
    Label,
    LabelStatus,
    Money,
    NewItem,
    NewLabel,
    NewReturn,
    NotFound,
    OrderRef,
    Parcel,
    ResolutionKind,
    Status,
    UnexpectedReply,
    UnsupportedOperation,
    ValidationFailed,
)
from returns_hub.wire import alpha2, alpha3

ITEM = NewItem(
    name="T-shirt",
    sku="TS-1",
    weight_g=Decimal(300),
    value=Money(amount=Decimal("25.50"), currency="USD"),
    reference="LINE-1",
)
SENDER = Address(
    name="Jane Doe",
    line1="1 Main St",
    city="Newark",
    state="NJ",
    postal_code="07101",
    country="US",
    phone="5550100",
    email="jane@example.com",
)
PARCEL = Parcel(weight_g=Decimal(300), length_cm=Decimal(10), width_cm=Decimal("30.5"), height_cm=Decimal(20))
LABEL = NewLabel(service="RETURN_USPS_NJ", warehouse_id="1034", parcel=PARCEL)
NEW = NewReturn(
    order_number="ORDER 1",
    items=[ITEM],
    reference="MY-1",
    notes="handle with care",
    ship_from=SENDER,
    label=LABEL,
    custom_fields={"customerId": "buyer123", "dateOfPurchase": "2024-07-01"},
)
# The legacy documentation's sample of a reply.
CREATED = {
    "returnRequestId": 2301,
    "returnRequestNumber": "R230711-0000015",
    "shipmentId": 4123,
    "referenceNumber": "ORDER 1",
    "labelId": 991,
    "labelRequestStatusCode": "queued",
    "cost": 5.25,
    "costCurrencyCode": "usd",
    "apiId": 7,
    "refKey": "S230711-0000015",
}


def problems(adapter: Any, new: NewReturn) -> dict[str, str]:
    with pytest.raises(ValidationFailed) as caught:
        next(adapter.create_return(new))
    assert "nothing was sent" in str(caught.value)
    return dict(caught.value.fields)


def body(adapter: Any, new: NewReturn) -> Any:
    return next(adapter.create_return(new)).json


def test_new_return_is_sent_with_every_field_in_its_place(adapter: Any) -> None:
    request = next(adapter.create_return(NEW))
    assert (request.method, request.path, request.base) == ("POST", "/ReturnShipment/createReturnShipment", None)
    assert request.json == {
        "serviceTypeCode": "RETURN_USPS_NJ",
        "orderTitle": "ORDER 1",
        "orderNumber": "ORDER 1",
        "totalValue": Decimal("25.50"),
        "totalValueCurrency": "usd",
        "sellerReferenceNumber": "MY-1",
        "remarks": "handle with care",
        "shipment": {
            "shipToWarehouseId": 1034,
            "boxType": "cus",
            "sellerReferenceNumber": "MY-1",
            "customFieldMap": {"customerId": "buyer123", "dateOfPurchase": "2024-07-01"},
            "shipFrom": {
                "country": "usa",
                "contactName": "Jane Doe",
                "phone": "5550100",
                "email": "jane@example.com",
                "street1": "1 Main St",
                "street2": "",
                "state": "NJ",
                "city": "Newark",
                "postalCode": "07101",
            },
            "parcel": {
                "weight": Decimal(300),
                "weightUnit": "g",
                "length": Decimal("30.5"),
                "width": Decimal(20),
                "height": Decimal(10),
                "dimensionUnit": "cm",
                "items": [
                    {
                        "description": "T-shirt (TS-1)",
                        "weight": Decimal(300),
                        "weightUom": "g",
                        "value": Decimal("25.50"),
                        "valueCurrencyCode": "usd",
                        "sellerReferenceNumber": "LINE-1",
                    }
                ],
            },
        },
    }


def test_no_number_of_an_object_is_ever_sent(adapter: Any) -> None:
    assert not {"returnRequestNumber", "shipmentNumber", "returnRequestLineItemNumber"} & _keys(body(adapter, NEW))


def _keys(value: object) -> set[str]:
    if isinstance(value, dict):
        return set(value) | {name for inner in value.values() for name in _keys(inner)}
    return {name for inner in value for name in _keys(inner)} if isinstance(value, list) else set()


def test_a_write_leaves_its_key_to_the_driver(adapter: Any) -> None:
    request = next(adapter.create_return(NEW))
    assert (request.idempotency_key, request.replayable, request.is_write) == (None, False, True)


def test_what_is_not_given_is_not_sent(adapter: Any) -> None:
    plain = evolve(NEW, reference=None, notes=None, custom_fields={}, items=[evolve(ITEM, reference=None)])
    sent = body(adapter, plain)
    assert not {"sellerReferenceNumber", "remarks", "customFieldMap", "street3"} & _keys(sent)


def test_created_return_tells_what_the_vendor_confirmed(adapter: Any, good: Any, finish: Any) -> None:
    ret = finish(adapter.create_return(NEW), good(data=CREATED))
    (shipment,) = ret.shipments
    assert (ret.provider, ret.id, ret.number) == ("return_helper", "2301", "R230711-0000015")
    assert ret.order == OrderRef(number="ORDER 1")
    assert (shipment.id, shipment.return_id, shipment.direction) == ("4123", "2301", Direction.INBOUND)
    assert shipment.label == Label(id="991", status=LabelStatus.REQUESTED, status_raw="queued")
    assert shipment.cost == Money(amount=Decimal("5.25"), currency="USD")
    assert ret.raw == CREATED | {"cost": Decimal("5.25")}


@pytest.mark.parametrize("payload", [{}, {"data": None}, {"data": {}}, {"data": {"returnRequestId": 5}}, {"data": [5]}])
def test_reply_that_names_no_return_is_unexpected(adapter: Any, good: Any, finish: Any, payload: Any) -> None:
    with pytest.raises(UnexpectedReply):
        finish(adapter.create_return(NEW), good(**payload))


def test_vendors_refusal_keeps_its_fields(adapter: Any, bad: Any, finish: Any) -> None:
    with pytest.raises(ValidationFailed) as caught:
        finish(adapter.create_return(NEW), bad("VALIDATION_FAILED", totalValue="'total Value' must be 1."))
    assert caught.value.fields == {"totalValue": "'total Value' must be 1."}


# Defaults that have one meaning


def test_weight_of_the_one_item_is_that_of_the_parcel(adapter: Any) -> None:
    parcel = body(adapter, evolve(NEW, items=[evolve(ITEM, weight_g=None)]))["shipment"]["parcel"]
    assert (parcel["weight"], parcel["items"][0]["weight"]) == (Decimal(300), Decimal(300))


def test_weight_of_the_parcel_is_the_sum_of_its_items(make: Any) -> None:
    label = evolve(LABEL, parcel=evolve(PARCEL, weight_g=None))
    new = evolve(NEW, label=label, items=[ITEM, evolve(ITEM, weight_g=Decimal("0.5"))])
    assert body(make(several_items=True), new)["shipment"]["parcel"]["weight"] == Decimal("300.5")


def test_total_value_is_exactly_the_sum_of_the_items(make: Any) -> None:
    values = [Money(amount=Decimal(amount), currency="usd") for amount in ("0.10", "0.20")]
    items = [evolve(ITEM, value=value, weight_g=Decimal(150)) for value in values]
    assert body(make(several_items=True), evolve(NEW, items=items))["totalValue"] == Decimal("0.30")


@pytest.mark.parametrize(
    ("sender", "expected"),
    [
        ({"name": None, "first_name": "Jane", "last_name": "Doe"}, ("Jane Doe", "1 Main St", "", "NJ")),
        ({"name": None}, ("Customer Name", "1 Main St", "", "NJ")),
        ({"company": "ACME"}, ("Jane Doe, ACME", "1 Main St", "", "NJ")),
        ({"line2": "Apt 2"}, ("Jane Doe", "1 Main St", "Apt 2", "NJ")),
        ({"line1": "Dorpsstraat", "house_number": "7", "house_number_addition": "B", "country": "NL", "state": None},
         ("Jane Doe", "Dorpsstraat 7 B", "", "NA")),
    ],
)  # fmt: skip
def test_sender_is_written_in_the_vendors_fields(adapter: Any, sender: Any, expected: tuple[str, ...]) -> None:
    new = evolve(NEW, ship_from=evolve(SENDER, **sender), customer_name="Customer Name")
    sent = body(adapter, new)["shipment"]["shipFrom"]
    assert (sent["contactName"], sent["street1"], sent["street2"], sent["state"]) == expected


def test_email_may_be_the_customers(adapter: Any) -> None:
    new = evolve(NEW, ship_from=evolve(SENDER, email=None), customer_email="customer@example.com")
    assert body(adapter, new)["shipment"]["shipFrom"]["email"] == "customer@example.com"


@pytest.mark.parametrize(("item", "text"), [({"sku": None}, "T-shirt"), ({"name": None}, "TS-1")])
def test_description_is_the_name_or_the_sku(adapter: Any, item: Any, text: str) -> None:
    sent = body(adapter, evolve(NEW, items=[evolve(ITEM, **item)]))
    assert sent["shipment"]["parcel"]["items"][0]["description"] == text


# What the documents rule out


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"label": None}, {"label"}),
        ({"ship_from": None}, {"ship_from"}),
        ({"items": []}, {"items"}),
        ({"order_number": ""}, {"order_number"}),
        ({"label": NewLabel()}, {"label.service", "label.warehouse_id", "label.parcel"}),
        ({"label": evolve(LABEL, warehouse_id="NJ")}, {"label.warehouse_id"}),
        ({"label": evolve(LABEL, warehouse_id="0")}, {"label.warehouse_id"}),
        ({"label": evolve(LABEL, parcel=Parcel(weight_g=Decimal(300)))}, {"label.parcel"}),
        ({"label": evolve(LABEL, parcel=evolve(PARCEL, length_cm=Decimal(0)))}, {"label.parcel"}),
        ({"label": evolve(LABEL, parcel=evolve(PARCEL, weight_g=Decimal(299)))}, {"label.parcel.weight_g"}),
        ({"label": evolve(LABEL, parcel=evolve(PARCEL, weight_g=Decimal(0)))}, {"label.parcel.weight_g"}),
        ({"ship_from": evolve(SENDER, phone=None, city="")}, {"ship_from.phone", "ship_from.city"}),
        ({"ship_from": evolve(SENDER, country="XX")}, {"ship_from.country"}),
        ({"ship_from": evolve(SENDER, country=None)}, {"ship_from.country"}),
        ({"ship_from": evolve(SENDER, state=None)}, {"ship_from.state"}),
        ({"items": [NewItem()]}, {"items[0].name", "items[0].value"}),
        ({"items": [evolve(ITEM, value=Money(amount=Decimal(5)))]}, {"items[0].value"}),
        ({"items": [evolve(ITEM, value=Money(amount=Decimal(0), currency="usd"))]}, {"items[0].value"}),
        ({"items": [evolve(ITEM, weight_g=Decimal(-1))]}, {"items[0].weight_g"}),
        ({"items": [evolve(ITEM, reference="LINE 1")]}, {"items[0].reference"}),
        ({"custom_fields": {str(n): "" for n in range(25)}}, {"custom_fields"}),
        ({"custom_fields": {"a": 5}}, {"custom_fields"}),
        ({"custom_fields": {5: "a"}}, {"custom_fields"}),
    ],
)  # fmt: skip
def test_values_that_the_documents_rule_out_are_named(adapter: Any, changes: Any, fields: set[str]) -> None:
    assert set(problems(adapter, evolve(NEW, **changes))) == fields


def test_several_items_have_one_currency(make: Any) -> None:
    items = [ITEM, evolve(ITEM, value=Money(amount=Decimal(1), currency="EUR"))]
    label = evolve(LABEL, parcel=evolve(PARCEL, weight_g=Decimal(600)))
    assert set(problems(make(several_items=True), evolve(NEW, items=items, label=label))) == {"items"}


def test_twenty_four_custom_fields_are_taken(adapter: Any) -> None:
    fields = {f"field{n}": "x" for n in range(24)}
    assert body(adapter, evolve(NEW, custom_fields=fields))["shipment"]["customFieldMap"] == fields


@pytest.mark.parametrize("reference", ["#1001", "a-b_c(d)", "x" * 50, "é", "日本"])
def test_reference_of_printable_characters_is_taken(adapter: Any, reference: str) -> None:
    assert body(adapter, evolve(NEW, reference=reference))["sellerReferenceNumber"] == reference


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "x" * 51,
        "a b",
        " a",
        "a\n",
        "a\tb",
        "a\u00a0b",
        "a\u200bb",
        "\ufeffa",
        "a\u200fb",
        "a\x00",
        "a\x7f",
        "\u2028",
    ],
)
def test_reference_with_a_blank_or_the_invisible_is_refused(adapter: Any, reference: str) -> None:
    assert problems(adapter, evolve(NEW, reference=reference)) == {
        "reference": "has 1 to 50 characters, none of them blank or invisible"
    }


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"resolution": ResolutionKind.EXCHANGE}, "resolution"),
        ({"label": evolve(LABEL, carrier="USPS")}, "label.carrier"),
        ({"items": [evolve(ITEM, reason="damaged", notes="x")]}, r"items\[0\].reason, items\[0\].notes"),
        ({"items": [evolve(ITEM, quantity=2)]}, r"items\[0\].quantity"),
        ({"label": evolve(LABEL, direction=Direction.OUTBOUND)}, "goes to the warehouse"),
        ({"items": [ITEM, ITEM]}, "several_items"),
    ],
)
def test_what_the_call_has_no_place_for_is_refused(adapter: Any, changes: Any, named: str) -> None:
    with pytest.raises(UnsupportedOperation, match=named):
        next(adapter.create_return(evolve(NEW, **changes)))


# Countries


def test_every_country_of_iso_3166_has_a_code_of_its_own() -> None:
    found = {two: alpha3(two) for two in map("".join, product(ascii_uppercase, repeat=2))}
    known = {two: three for two, three in found.items() if three is not None}
    assert len(known) == len(set(known.values())) == 249
    assert {alpha2(three): three for three in known.values()} == known


@pytest.mark.parametrize(
    ("country", "code"), [("US", "usa"), ("gb", "gbr"), ("CN", "chn"), ("DE", "deu"), ("CHE", "che"), ("hrv", "hrv")]
)
def test_country_is_three_small_letters(country: str, code: str) -> None:
    assert alpha3(country) == code


@pytest.mark.parametrize("country", ["", "X", "XX", "UK", "USAA", "ß", "12"])
def test_country_that_there_is_not_has_no_code(country: str) -> None:
    assert alpha3(country) is None
    assert alpha2(country) is None


# The other writes


def test_label_is_cancelled_by_its_own_id(adapter: Any, good: Any, finish: Any, requests: Any) -> None:
    (request,) = requests(adapter.cancel_label("2301", "991"))
    assert (request.method, request.path, request.json) == ("POST", "/Label/CancelLabel", {"labelId": 991})
    assert finish(adapter.cancel_label("2301", "991"), good()) is None


@pytest.mark.parametrize("label_id", ["0", "-1", "abc", "1.5", " 1", "1" * 30, "٣"])
def test_label_id_that_is_no_number_goes_as_text(adapter: Any, label_id: str) -> None:
    assert next(adapter.cancel_label("2301", label_id)).json == {"labelId": label_id}


def test_remarks_are_replaced(adapter: Any, good: Any, finish: Any, requests: Any) -> None:
    (request,) = requests(adapter.update_remark("2301", "fragile"))
    assert (request.method, request.path, request.json) == (
        "POST",
        "/returnrequest/updateRemark",
        {"returnRequestId": 2301, "remarks": "fragile"},
    )
    ret = finish(adapter.update_remark("2301", "fragile"), good(returnRequestId="2301", remarks="fragile"))
    assert [note.text for note in ret.notes] == ["fragile"]


def test_sku_is_assigned_to_an_inventory(adapter: Any, good: Any, finish: Any, requests: Any) -> None:
    (request,) = requests(adapter.assign_sku("1510", "TS-1"))
    assert (request.method, request.path, request.json) == (
        "POST",
        "/returninventory/assignReturnInventorySku",
        {"returnInventoryId": 1510, "sku": "TS-1"},
    )
    item = finish(adapter.assign_sku("1510", "TS-1"), good(returnInventoryId="1510", sku="TS-1"))
    assert (item.id, item.sku) == ("1510", "TS-1")


# Over HTTP

SERVED = evolve(LABEL, service="ups_wa", warehouse_id="1034")
USUAL = evolve(NEW, label=SERVED)


def test_created_return_gets_its_label_later(simulator: Any, client: Any) -> None:
    made = client.create_return(USUAL)
    assert made.shipments[0].label.status is LabelStatus.REQUESTED
    simulator.advance()
    found = client.get_return(made.id)
    assert [shipment.label.status for shipment in found.shipments] == [LabelStatus.READY]
    assert client.adapter.derive(found).status is Status.READY_TO_SHIP
    assert (found.reference, found.order, found.address.country) == ("MY-1", OrderRef(number="ORDER 1"), "US")


def test_arrived_return_is_read_with_its_inventories(simulator: Any, client: Any) -> None:
    made = client.create_return(USUAL)
    simulator.advance()
    (inventory_id,) = simulator.arrive(int(made.shipments[0].id))
    found = client.get_return(made.id)
    assert [item.id for item in found.items] == [str(inventory_id)]
    assert client.adapter.derive(found).status is Status.RECEIVED


def test_create_whose_reply_is_lost_makes_one_shipment(simulator: Any, client: Any) -> None:
    before = len(simulator.shipments)
    simulator.faults.drop_after_commit(times=2)
    assert client.create_return(USUAL, idempotency_key="one-intent").id in simulator.return_ids
    assert len(simulator.shipments) == before + 1


def test_key_of_an_intent_is_the_callers(simulator: Any, client: Any) -> None:
    first = client.create_return(USUAL, idempotency_key="one-intent")
    assert client.create_return(USUAL, idempotency_key="one-intent").id == first.id
    assert client.create_return(USUAL).id != first.id


def test_label_is_cancelled_over_http(simulator: Any, client: Any) -> None:
    made = client.create_return(USUAL)
    client.cancel_label(made.id, str(made.shipments[0].raw["labelId"]))
    assert client.get_return(made.id).shipments[0].label.status is LabelStatus.VOID
    with pytest.raises(ValidationFailed) as caught:
        client.cancel_label(made.id, "999999999")
    assert set(caught.value.fields) == {"labelId"}


def test_remarks_and_sku_are_written(simulator: Any, client: Any) -> None:
    made = client.create_return(USUAL)
    simulator.advance()
    (inventory_id,) = map(str, simulator.arrive(int(made.shipments[0].id)))
    told = client.run(client.adapter.update_remark(made.id, "fragile"))
    assert [note.text for note in told.notes] == ["fragile"]
    assert client.run(client.adapter.assign_sku(inventory_id, "TS-1")).sku == "TS-1"
    assert client.run(client.adapter.inventory(inventory_id)).sku == "TS-1"


def test_what_there_is_not_is_not_found(client: Any) -> None:
    for operation in (
        client.adapter.get_return("999999999"),
        client.adapter.inventory("999999999"),
        client.adapter.inventory_by_line_item("999999999"),
    ):
        with pytest.raises(NotFound):
            client.run(operation)


def test_sides_may_be_reported_in_any_order(client: Any) -> None:
    parcel = evolve(PARCEL, length_cm=Decimal(1), width_cm=Decimal(2), height_cm=Decimal(3))
    assert client.create_return(evolve(USUAL, label=evolve(SERVED, parcel=parcel))).id
