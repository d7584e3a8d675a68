"""The vendor's objects, read. Expected values stand in the vendor's documents, or follow from a rule stated there."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from returns_hub import (
    Address,
    Customer,
    Direction,
    Disposition,
    DispositionStatus,
    Item,
    Label,
    LabelStatus,
    Money,
    Note,
    Parcel,
    Service,
    Shipment,
    ShipmentStatus,
    UnexpectedReply,
    ValidationFailed,
)
from returns_hub.wire import Record
from returns_hub_return_helper import wire
from returns_hub_return_helper.statuses import VOCABULARIES
from returns_hub_return_helper.wire import Parser

PARSER = Parser(VOCABULARIES)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (18148, "18148"),
        ("18148", "18148"),
        (2**63 - 1, "9223372036854775807"),
        ("27f4c4a4-de2a-427e-9cde-615dcf55b53d", "27f4c4a4-de2a-427e-9cde-615dcf55b53d"),
        ("01JDORDER00000000000000001", "01JDORDER00000000000000001"),
        (None, None),
        ("", None),
        (0, None),
        ("0", None),
    ],
)
def test_identifier_is_text_whether_it_comes_as_a_number_or_as_text(value: object, expected: str | None) -> None:
    assert wire.find_id(Record({"shipmentId": value}), "shipmentId") == expected


@pytest.mark.parametrize("value", [None, "", 0, "0", True, Decimal("1.5"), "x" * 201, [], {}, ["1"]])
def test_record_without_an_identifier_is_refused(value: object) -> None:
    with pytest.raises(UnexpectedReply) as caught:
        PARSER.shipment(Record({"shipmentId": value}))
    assert caught.value.where == "shipmentId"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2024-04-08T07:39:09.2626", datetime(2024, 4, 8, 7, 39, 9, 262600, tzinfo=UTC)),
        ("2024-04-08T07:39:51.0883217Z", datetime(2024, 4, 8, 7, 39, 51, 88321, tzinfo=UTC)),
        ("2022-08-09 08:54:59.8219", datetime(2022, 8, 9, 8, 54, 59, 821900, tzinfo=UTC)),
        ("0001-01-01T00:00:00", None),
    ],
)
def test_time_is_in_utc_and_year_one_is_none(value: object, expected: datetime | None) -> None:
    assert PARSER.inventory(Record({"returnInventoryId": 1, "createOn": value})).received_at == expected


@pytest.mark.parametrize(("alpha3", "alpha2"), [("usa", "US"), ("GBR", "GB"), ("chn", "CN"), ("twn", "TW")])
def test_countries_have_three_letters_there_and_two_here(alpha3: str, alpha2: str) -> None:
    assert wire.parse_country(Record({"country": alpha3}), "country") == alpha2
    assert wire.country_code(alpha2) == alpha3.lower()


def test_a_country_that_iso_does_not_have_is_not_guessed() -> None:
    assert wire.parse_country(Record({"country": "xyz"}), "country") is None
    with pytest.raises(ValidationFailed):
        wire.country_code("XX")


def test_money_is_exact_and_its_currency_in_upper_case() -> None:
    priced = Record({"cost": Decimal("11.030"), "unit": "usd"})
    assert wire.parse_money(priced, "cost", "unit") == Money(amount=Decimal("11.030"), currency="USD")
    assert wire.parse_money(Record({"cost": 5}), "cost", "unit") == Money(amount=Decimal(5), currency=None)
    assert wire.parse_money(Record({"unit": "usd"}), "cost", "unit") is None


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (
            {
                "labelId": 31033,
                "labelRequestStatusCode": "success",
                "labelUrl": "https://labels.example/1.pdf",
                "qrcodeUrl": "https://q/1",
                "cancelCutoffTime": "2024-02-11T09:21:24.0795",
            },
            Label(
                id="31033",
                status=LabelStatus.READY,
                status_raw="success",
                url="https://labels.example/1.pdf",
                qr_code_url="https://q/1",
                cancel_before=datetime(2024, 2, 11, 9, 21, 24, 79500, tzinfo=UTC),
            ),
        ),
        ({"labelRequestStatusCode": "queued"}, Label(status=LabelStatus.REQUESTED, status_raw="queued")),
        (
            {"labelRequestStatusCode": "fail", "error": '"{}"'},
            Label(status=LabelStatus.FAILED, status_raw="fail", reasons=('"{}"',)),
        ),
        (
            {"labelRequestStatusCode": "failed", "failReasons": ["a", "b"], "errorMessages": "c"},
            Label(status=LabelStatus.FAILED, status_raw="failed", reasons=("a", "b", "c")),
        ),
        (
            {"labelRequestStatusCode": "fail", "error": "a", "failReasons": [], "errorMessages": ["a"]},
            Label(status=LabelStatus.FAILED, status_raw="fail", reasons=("a",)),
        ),
        # A row that speaks of the status alone.
        ({"labelRequestStatusCode": "success"}, Label(status=LabelStatus.READY, status_raw="success")),
        # Parcels without a label of the vendor's.
        ({"labelRequestStatusCode": 3, "labelUrl": None}, Label()),
        ({"labelRequestStatusCode": 3, "labelUrl": "N/A", "serviceType": "unkwn"}, Label()),
    ],
)
def test_labels(raw: dict[str, Any], expected: Label) -> None:
    assert PARSER.label(Record(raw)) == expected


def test_reasons_of_a_failure_are_joined_in_the_error() -> None:
    label = PARSER.label(Record({"labelRequestStatusCode": "fail", "failReasons": ["a", "b"]}))
    assert label.error == "a; b"


def test_a_row_of_the_shipment_list() -> None:
    row = {
        "shipmentId": 30385,
        "shipmentNumber": "S240330-0000004",
        "returnRequestId": 64004,
        "labelId": 31033,
        "shipmentStatusCode": "no-label",
        "referenceNumber": "1001-A",
        "warehouseId": 2,
        "shipmentServiceType": "RETURN_USPS_GROUND_ADVANTAGE_NJ",
        "shipmentCountryCode": "usa",
        "createOn": "2024-03-30T08:00:01.799949",
    }

    assert PARSER.shipment(Record(row)) == Shipment(
        id="30385",
        number="S240330-0000004",
        return_id="64004",
        direction=Direction.INBOUND,
        status=ShipmentStatus.PRE_TRANSIT,
        status_raw="no-label",
        service="RETURN_USPS_GROUND_ADVANTAGE_NJ",
        label=Label(id="31033", status=LabelStatus.NONE),
        warehouse_id="2",
    )


@pytest.mark.parametrize("name", ["receiveDate", "receiveDateStr"])
def test_a_shipment_that_has_been_received_is_delivered(name: str) -> None:
    parcel = PARSER.shipment(Record({"shipmentId": "1", name: "2024-01-01 01:00:00.5"}))

    assert parcel.status is ShipmentStatus.DELIVERED
    assert parcel.arrived_at == datetime(2024, 1, 1, 1, 0, 0, 500000, tzinfo=UTC)


def test_a_shipment_whose_receipt_was_never_set_is_not() -> None:
    parcel = PARSER.shipment(Record({"shipmentId": "1", "receiveDate": "0001-01-01T00:00:00"}), return_id="7")

    assert parcel == Shipment(id="1", return_id="7", direction=Direction.INBOUND)


@pytest.mark.parametrize("service", [9, "9", "unkwn", None])
def test_a_number_of_a_service_says_nothing(service: object) -> None:
    raw = {"shipmentId": 1, "shipmentServiceType": service, "label": {"serviceType": "fedex"}}

    assert PARSER.shipment(Record(raw)).service == "fedex"
    assert PARSER.shipment(Record({**raw, "label": None})).service is None


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (
            {
                "weight": 500,
                "weightUom": "g",
                "dimension1": 30,
                "dimension2": 20,
                "dimension3": 10,
                "dimensionUom": "cm",
            },
            Parcel(weight_g=Decimal(500), length_cm=Decimal(30), width_cm=Decimal(20), height_cm=Decimal(10)),
        ),
        ({"weight": Decimal("0.5"), "weightUom": "kg"}, Parcel(weight_g=Decimal(500))),
        ({"weight": 310, "dimension1": 20}, Parcel(weight_g=Decimal(310), length_cm=Decimal(20))),
        ({"weight": 5, "weightUom": "lb", "dimension1": 3, "dimensionUom": "in"}, None),
        ({}, None),
    ],
)
def test_measures_are_in_grams_and_centimetres(raw: dict[str, Any], expected: Parcel | None) -> None:
    assert wire.parse_parcel(Record(raw)) == expected


def test_a_row_of_the_inventory_list() -> None:
    row = {
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

    assert PARSER.inventory(Record(row)) == Item(
        id="123",
        aliases=("789",),
        sku="SKU-1",
        rma="TWN-20-230101-D12345-36",
        warehouse_id="20",
        disposition=Disposition.HOLD,
        disposition_status=DispositionStatus.PENDING,
        disposition_raw="ohd",
        disposition_status_raw="pending",
        received_at=datetime(2023, 11, 7, 5, 31, 56, tzinfo=UTC),
    )


def test_an_inventory_with_services_is_known_by_them_too() -> None:
    item = PARSER.inventory(
        Record(
            {
                "returnInventoryId": "123",
                "returnRequestLineItemId": "789",
                "itemRma": "TWN-20-230101-D12345-36",
                "returnRequestLineItemVasList": [
                    {"returnRequestLineItemVasId": 5, "vasCode": "repack", "isFinished": True, "vasResult": "done"},
                    {"returnRequestLineItemVasId": "6", "vasCode": "req-pic", "metaQuantity": 2, "isFinished": False},
                ],
            }
        )
    )

    assert item.aliases == ("789", "vas:5", "vas:6")
    assert item.rma == "TWN-20-230101-D12345-36"
    assert item.services == (
        Service(id="5", code="repack", status=DispositionStatus.DONE, result="done"),
        Service(id="6", code="req-pic", status=DispositionStatus.PENDING, quantity=Decimal(2)),
    )


def test_what_was_found_on_an_inventory() -> None:
    record = Record(
        {
            "returnInventoryId": 1,
            "sellerReferenceNumber": "line-7",
            "warehouseRemarks": "scratched",
            "completeOn": "2024-04-10T08:00:00Z",
            "returnInventoryMetaList": [
                {"metaType": "whs", "metaMap": {"EAN": "4006381333931", "IMEI": "490154203237518"}},
                {"metaType": "usr", "metaMap": {"EAN": "0000000000000"}},
                {"metaType": "shipmentCustomField", "metaMap": {"customerId": "buyer123"}},
            ],
        }
    )

    item = PARSER.inventory(record)

    assert item.extra == {"EAN": "4006381333931", "IMEI": "490154203237518"}
    assert item.notes == (Note(id="warehouse", text="scratched", author="warehouse"),)
    assert (item.reference, item.completed_at) == ("line-7", datetime(2024, 4, 10, 8, tzinfo=UTC))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"imageUrlList": ["https://f/1", "https://f/2"]}, ("https://f/1", "https://f/2")),
        ({"imageList": [{"imageUrl": "https://f/1", "imageKey": "1"}, {"imageUrl": None}]}, ("https://f/1",)),
        ({"imageUrlList": []}, ()),
        ({"imageUrlList": None}, ()),
    ],
)
def test_images(raw: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert wire.parse_images(Record(raw)) == expected


def test_a_sender() -> None:
    raw = {
        "shipmentName": "Ann Example",
        "shipmentPhone": 5550100,
        "shipmentEmail": "ann@shop.example",
        "shipmentStreet1": "1 Main St",
        "shipmentStreet2": "",
        "shipmentCity": "Newark",
        "shipmentState": "NJ",
        "shipmentPostalCode": "07101",
        "shipmentCountryCode": "usa",
    }

    record = Record(raw)
    assert (wire.parse_customer(record), wire.parse_place(record, prefix="shipment")) == (
        Customer(email="ann@shop.example", name="Ann Example", phone="5550100"),
        Address(
            name="Ann Example",
            line1="1 Main St",
            city="Newark",
            state="NJ",
            postal_code="07101",
            country="US",
            phone="5550100",
            email="ann@shop.example",
        ),
    )


def test_a_country_alone_is_no_sender() -> None:
    record = Record({"shipmentCountryCode": "usa"})
    assert (wire.parse_customer(record), wire.parse_place(record, prefix="shipment")) == (None, None)


def test_the_placeholders_of_an_unannounced_parcel_are_nobody() -> None:
    raw = {
        "shipmentName": "name",
        "shipmentPhone": "phone",
        "shipmentEmail": "email",
        "shipmentStreet1": "street",
        "shipmentCity": "city",
        "shipmentState": "state",
        "shipmentPostalCode": "code",
        "shipmentCountryCode": "fra",
    }

    record = Record(raw)
    assert (wire.parse_customer(record), wire.parse_place(record, prefix="shipment")) == (None, None)


def test_a_resend_of_several_parcels_has_a_shipment_for_each() -> None:
    rows: list[dict[str, Any]] = [
        {"resendShipmentId": 1, "trackingNumber": "A"},
        {"resendShipmentId": 2, "trackingNumber": None},
    ]

    resend = Record({"resendId": "9", "resendStatusCode": 2})
    first, second = PARSER.resend_shipments([Record(row) for row in rows], resend=resend)

    assert (first.id, first.tracking_number, first.direction) == ("resend:9:1", "A", Direction.OUTBOUND)
    assert (second.id, second.tracking_number, second.label) == ("resend:9:2", None, None)


def test_a_recall_that_has_not_left_has_no_parcel() -> None:
    raw = {"recallInventoryId": 1, "returnInventoryId": 2, "recallInventoryStatusCode": "in-progress"}

    item, parcels = PARSER.recalled(Record(raw))

    assert (item.id, item.disposition, parcels) == ("2", Disposition.RETURN_TO_OWNER, ())
