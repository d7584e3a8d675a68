"""The vendor's objects, read. Expected values stand in the vendor's documents, or follow from a rule stated there."""

from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
    Shipment,
    ShipmentStatus,
    UnexpectedReply,
    ValidationFailed,
)
from returns_hub_return_helper import parts
from returns_hub_return_helper.statuses import VOCABULARIES


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (18148, "18148"),
        ("18148", "18148"),
        ("0018148", "18148"),
        (2**63 - 1, "9223372036854775807"),
        ("27f4c4a4-de2a-427e-9cde-615dcf55b53d", "27f4c4a4-de2a-427e-9cde-615dcf55b53d"),
        ("01JDORDER00000000000000001", "01JDORDER00000000000000001"),
    ],
)
def test_an_identifier_is_text_whether_it_comes_as_a_number_or_as_text(value: object, expected: str) -> None:
    assert parts.identifier(value) == expected


@pytest.mark.parametrize(
    "value", [None, "", 0, "0", -1, 2**63, True, 1.5, Decimal(5), " 5", "5\n", "a/b", "x" * 65, "٥", [], {}]
)
def test_what_is_no_identifier_is_refused(value: object) -> None:
    with pytest.raises(UnexpectedReply) as caught:
        parts.identifier(value, where="shipmentId")
    assert caught.value.where == "shipmentId"


@pytest.mark.parametrize("value", [None, "", 0, "0"])
def test_an_identifier_that_was_never_set_is_none(value: object) -> None:
    assert parts.optional_identifier(value) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2024-04-08T07:39:09", datetime(2024, 4, 8, 7, 39, 9, tzinfo=UTC)),
        ("2024-04-08T07:39:09.2626", datetime(2024, 4, 8, 7, 39, 9, 262600, tzinfo=UTC)),
        ("2024-04-08T07:39:51.0883217Z", datetime(2024, 4, 8, 7, 39, 51, 88321, tzinfo=UTC)),
        ("2022-08-09 08:54:59.8219", datetime(2022, 8, 9, 8, 54, 59, 821900, tzinfo=UTC)),
        ("2024-04-08T09:39:09+02:00", datetime(2024, 4, 8, 7, 39, 9, tzinfo=UTC)),
        ("0001-01-01T00:00:00", None),
        ("0001-01-01T00:00:00Z", None),
        ("", None),
        (None, None),
    ],
)
def test_a_time_is_in_utc_and_year_one_is_none(value: object, expected: datetime | None) -> None:
    assert parts.moment(value) == expected


@pytest.mark.parametrize("value", ["yesterday", "2024-13-01", 1712560000, True, "9999-12-31T23:59:59-14:00"])
def test_what_is_no_time_is_refused(value: object) -> None:
    with pytest.raises(UnexpectedReply):
        parts.moment(value, where="createOn")


@settings(deadline=None)
@given(st.integers(0, 7), st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1)))  # noqa: DTZ001 - Hypothesis takes naive bounds
def test_a_time_may_have_any_number_of_digits(digits: int, when: datetime) -> None:
    fraction = f".{when.microsecond:06d}0"[: digits + 1] if digits else ""
    shown = when.strftime("%Y-%m-%dT%H:%M:%S") + fraction

    read = parts.moment(shown)

    kept = int(f"{when.microsecond:06d}"[: min(digits, 6)].ljust(6, "0"))
    assert read == when.replace(microsecond=kept, tzinfo=UTC)


@pytest.mark.parametrize(("alpha3", "alpha2"), [("usa", "US"), ("GBR", "GB"), ("chn", "CN"), ("twn", "TW")])
def test_countries_have_three_letters_there_and_two_here(alpha3: str, alpha2: str) -> None:
    assert parts.country(alpha3) == alpha2
    assert parts.country_code(alpha2) == alpha3.lower()


def test_a_country_that_iso_does_not_have_is_not_guessed() -> None:
    assert parts.country("xyz") is None
    with pytest.raises(ValidationFailed):
        parts.country_code("XX")


def test_money_is_exact_and_its_currency_in_upper_case() -> None:
    assert parts.money({"cost": Decimal("11.030"), "unit": "usd"}, "cost", "unit") == Money(
        amount=Decimal("11.030"), currency="USD"
    )
    assert parts.money({"cost": 5}, "cost", "unit") == Money(amount=Decimal(5), currency=None)
    assert parts.money({"unit": "usd"}, "cost", "unit") is None


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (
            {
                "labelRequestStatusCode": "success",
                "labelUrl": "https://labels.example/1.pdf",
                "qrcodeUrl": "https://q/1",
            },
            Label(status=LabelStatus.READY, url="https://labels.example/1.pdf", qr_code_url="https://q/1"),
        ),
        ({"labelRequestStatusCode": "queued"}, Label(status=LabelStatus.REQUESTED)),
        ({"labelRequestStatusCode": "fail", "error": '"{}"'}, Label(status=LabelStatus.FAILED, error='"{}"')),
        (
            {"labelRequestStatusCode": "failed", "failReasons": ["a", "b"], "errorMessages": "c"},
            Label(status=LabelStatus.FAILED, error='["a", "b"]; c'),
        ),
        ({"labelRequestStatusCode": "fail", "error": None, "failReasons": []}, Label(status=LabelStatus.FAILED)),
        # A row that speaks of the status alone.
        ({"labelRequestStatusCode": "success"}, Label(status=LabelStatus.READY)),
        # Parcels without a label of the vendor's.
        ({"labelRequestStatusCode": 3, "labelUrl": None}, Label(status=LabelStatus.UNKNOWN)),
        ({"labelRequestStatusCode": 3, "labelUrl": "N/A", "serviceType": "unkwn"}, Label(status=LabelStatus.UNKNOWN)),
    ],
)
def test_labels(raw: dict[str, Any], expected: Label) -> None:
    assert parts.label(VOCABULARIES, raw) == expected


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

    assert parts.shipment(VOCABULARIES, row) == Shipment(
        id="30385",
        return_id="64004",
        direction=Direction.INBOUND,
        status=ShipmentStatus.PRE_TRANSIT,
        status_raw="no-label",
        service="RETURN_USPS_GROUND_ADVANTAGE_NJ",
        label=Label(status=LabelStatus.NONE),
    )


def test_a_shipment_that_has_been_received_is_delivered() -> None:
    parcel = parts.shipment(VOCABULARIES, {"shipmentId": "1", "receiveDate": "2024-01-01T01:00:00"})

    assert parcel.status is ShipmentStatus.DELIVERED


def test_a_shipment_whose_receipt_was_never_set_is_not() -> None:
    parcel = parts.shipment(VOCABULARIES, {"shipmentId": "1", "receiveDate": "0001-01-01T00:00:00"}, return_id="7")

    assert parcel == Shipment(id="1", return_id="7", direction=Direction.INBOUND)


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

    assert parts.item(VOCABULARIES, row) == Item(
        id="123",
        aliases=("789",),
        sku="SKU-1",
        rma="TWN-20-230101-D12345-36",
        warehouse_id="20",
        disposition=Disposition.HOLD,
        disposition_status=DispositionStatus.PENDING,
        disposition_raw="ohd",
    )


def test_an_inventory_with_services_is_known_by_them_too() -> None:
    told = parts.item(
        VOCABULARIES,
        {
            "returnInventoryId": "123",
            "returnRequestLineItemId": "789",
            "itemRma": "TWN-20-230101-D12345-36",
            "returnRequestLineItemVasList": [{"returnRequestLineItemVasId": 5}, {"returnRequestLineItemVasId": "6"}],
        },
    )

    assert told.aliases == ("789", "vas:5", "vas:6")
    assert told.rma == "TWN-20-230101-D12345-36"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (["https://f/1", "https://f/2"], ("https://f/1", "https://f/2")),
        ([{"imageUrl": "https://f/1", "imageKey": "1"}, {"imageUrl": None}], ("https://f/1",)),
        ([], ()),
        (None, ()),
    ],
)
def test_images(value: object, expected: tuple[str, ...]) -> None:
    assert parts.images(value) == expected


@pytest.mark.parametrize("value", ["https://f/1", [1], [None], {"imageUrl": "https://f/1"}])
def test_what_are_no_images_is_refused(value: object) -> None:
    with pytest.raises(UnexpectedReply):
        parts.images(value)


def test_custom_fields_are_text_to_text() -> None:
    assert parts.custom_fields({"customerId": "buyer123"}) == {"customerId": "buyer123"}
    assert parts.custom_fields(None) == {}
    assert parts.custom_fields([]) == {}
    with pytest.raises(UnexpectedReply):
        parts.custom_fields({"customerId": 5})


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

    assert parts.sender(raw) == (
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
    assert parts.sender({"shipmentCountryCode": "usa"}) == (None, None)


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

    assert parts.sender(raw) == (None, None)


def test_a_resend_of_several_parcels_has_a_shipment_for_each() -> None:
    rows: list[dict[str, Any]] = [
        {"resendShipmentId": 1, "trackingNumber": "A"},
        {"resendShipmentId": 2, "trackingNumber": None},
    ]

    first, second = parts.resend_shipments(VOCABULARIES, rows, resend={"resendId": "9", "resendStatusCode": 2})

    assert (first.id, first.tracking_number, first.direction) == ("resend:9:1", "A", Direction.OUTBOUND)
    assert (second.id, second.tracking_number, second.label) == ("resend:9:2", None, None)


def test_a_recall_that_has_not_left_has_no_parcel() -> None:
    raw = {"recallInventoryId": 1, "returnInventoryId": 2, "recallInventoryStatusCode": "in-progress"}

    told, parcels = parts.recalled(VOCABULARIES, raw)

    assert (told.id, told.disposition, parcels) == ("2", Disposition.RETURN_TO_OWNER, ())


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)
FIELDS = [
    "shipmentId", "returnRequestId", "returnInventoryId", "returnRequestLineItemId", "returnRequestLineItemVasId",
    "returnRequestLineItemVasList", "labelRequestStatusCode", "labelUrl", "error", "failReasons", "label", "carrier",
    "cost", "costCurrencyCode", "receiveDate", "shipmentStatusCode", "handlingCode", "handlingStatusCode", "imageList",
    "quantity", "rma", "warehouseId", "value", "shipmentName", "shipmentPhone", "shipmentCountryCode", "recallInventoryId",
    "trackingNumber", "serviceType", "sku", "description",
]  # fmt: skip


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(FIELDS), JSON | st.integers(1, 9)))
def test_whatever_comes_is_read_or_refused(raw: dict[str, Any]) -> None:
    readers = [partial(read, VOCABULARIES) for read in (parts.label, parts.shipment, parts.item, parts.recalled)]
    resends = partial(parts.resend_shipments, VOCABULARIES)
    for read in (*readers, parts.sender, parts.aliases, lambda row: resends([row], resend=row)):
        try:
            read(raw)
        except UnexpectedReply as error:
            assert error.__context__ is None  # noqa: PT017 - nothing of the vendor's data travels along
