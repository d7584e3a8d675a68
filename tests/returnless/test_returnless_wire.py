"""Records on the wire, read into the model; the documentation's examples first."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve

from returns_hub import (
    Address,
    Answer,
    Attention,
    Customer,
    Direction,
    Disposition,
    Item,
    Label,
    LabelStatus,
    Money,
    Note,
    NotFound,
    OrderRef,
    Reason,
    Reply,
    Resolution,
    ResolutionKind,
    ResolutionStatus,
    Return,
    ReturnQuery,
    Shipment,
    ShipmentQuery,
    ShipmentStatus,
    Status,
)

ADDRESS = Address(
    first_name="Pieter",
    last_name="Post",
    line1="PCzn Hooftlaan",
    house_number="14",
    city="Eindhoven",
    postal_code="5611NV",
    country="NL",
)
CUSTOMER = Customer(email="pieter@returnless.com", name="Pieter Post", id="58179")
ORDER = OrderRef(number="ORD000123", id="124006", created_at=datetime(2021, 1, 10, 10, 46, 27, tzinfo=UTC))
NOTES = (
    Note(
        text="The status has been changed from Open to Approved",
        author="Returnless Support",
        created_at=datetime(2022, 5, 13, 13, 29, 45, tzinfo=UTC),
    ),
    Note(
        text="I have contacted the customer and everything is fine.",
        author="Returnless Support",
        created_at=datetime(2022, 5, 13, 13, 29, 59, tzinfo=UTC),
    ),
)
SUITCASE = Item(
    id="1458191",
    aliases=("153397",),
    sku="trvl-01598592",
    barcode="890128492109899",
    product_id="1007",
    article_code="495398926",
    brand="Samsonite",
    url="https://www.travelshop.nl/samsonite-scure-spinner-55-navy-blue-capri.html",
    cost=Money(amount=Decimal("87.50")),
    extra={"title_name": "Samsonite S'Cure Spinner 55"},
    name="Samsonite S'Cure Spinner 55 navy blue capri",
    quantity_ordered=Decimal("1.0000"),
    quantity=Decimal("1.0000"),
    quantity_received=Decimal("0.0000"),
    reason=Reason(code="2", text="Size too small"),
    disposition=Disposition.RESTOCK,
    disposition_raw="1",
    images=("https://media.travelshop-cdn.nl/product-square-680/339033/image.jpg",),
)
PARCEL = Shipment(
    id="3STRVL58192041",
    return_id="948191",
    direction=Direction.INBOUND,
    status=ShipmentStatus.PRE_TRANSIT,
    status_raw="1000",
    status_text="Ready to Send",
    service="PostNL inleveren bij pakketpunt",
    tracking_number="3STRVL58192041",
    tracking_url="https://jouw.postnl.nl/track-and-trace/3STRVL58192041-NL-5611NV",
    label=Label(
        status=LabelStatus.READY,
        url="https://www.returnless.com/shippinglabel/index/?scid=3SRLSS001989339&hash=hsFMhN544bhKD57wk9QDJxjsUJ",
    ),
)
LONE_PARCEL = Shipment(
    id="3STRVL987599921",
    return_id="371141",
    direction=Direction.INBOUND,
    status=ShipmentStatus.PRE_TRANSIT,
    status_raw="1000",
    status_text="Ready to Send",
    tracking_number="3STRVL987599921",
    tracking_url="https://jouw.postnl.nl/#!/track-en-trace/3STRVL987599921/NL/1234AB",
    label=Label(
        status=LabelStatus.READY,
        url="https://www.returnless.com/shippinglabel/index/index?scid=3STRVL987599921&oid=371141"
        "&hash=a4d80bd0bd87b0ff2ef1f5b17bba557756cae676dbc6b01c0f12495de2b70c81&position=0",
    ),
)


RETURN = Return(
    provider="returnless",
    id="948191",
    number="RENL1641091121",
    status=Status.READY_TO_SHIP,
    status_raw="processing",
    order=ORDER,
    customer=CUSTOMER,
    address=ADDRESS,
    items=(SUITCASE,),
    shipments=(PARCEL,),
    notes=NOTES,
    request_id="request:481049",
    form="5919",
    answers=(Answer(id="46363", question="Please describe the damage.", answer="There is a stain on the t-shirt."),),
    attachments=("https://www.retourneren.nl/sales/download/downloadCustomOption/id/8304498/key/1f96k3FAZG9exk6",),
    custom_fields={"return_type": "coupon"},
    created_at=datetime(2021, 1, 20, 11, 52, 42, tzinfo=UTC),
    updated_at=datetime(2021, 1, 21, 21, 29, 59, tzinfo=UTC),
)
REQUEST = Return(
    provider="returnless",
    id="request:948191",
    number="GK000102092019",
    status=Status.UNKNOWN,
    status_raw="processing",
    order=ORDER,
    customer=CUSTOMER,
    address=ADDRESS,
    items=(SUITCASE,),
    notes=NOTES,
    form="5919",
    created_at=datetime(2021, 1, 20, 11, 52, 42, tzinfo=UTC),
)


@pytest.fixture
def drive_one(drive: Any) -> Any:
    """What an operation returns when every request is answered with this body."""

    class Always:
        def __init__(self, body: bytes) -> None:
            self.answer = lambda _: Reply(status=200, body=body)

    return lambda operation, body: drive(operation, Always(body))


@pytest.fixture
def read(adapter: Any, answer: Any, finish: Any) -> Any:
    """One return with these fields."""
    return lambda **fields: finish(adapter.get_return("1"), answer(200, {"return_id": "1", **fields}))


def test_documented_list_of_returns(adapter: Any, document: Any, drive_one: Any) -> None:
    (ret,) = drive_one(adapter.list_returns(ReturnQuery(), only="returns"), document("list-returns.json")).items
    assert ret == RETURN


def test_documented_single_return_is_silent_about_its_type(adapter: Any, document: Any, drive_one: Any) -> None:
    ret = drive_one(adapter.get_return("948191"), document("get-return.json"))
    assert ret == evolve(RETURN, custom_fields={}, updated_at=datetime(2021, 1, 21, 22, 19, 58, tzinfo=UTC))


def test_documented_list_of_requests(adapter: Any, document: Any, drive_one: Any) -> None:
    (ret,) = drive_one(adapter.list_returns(ReturnQuery(), only="requests"), document("list-requests.json")).items
    assert ret == REQUEST


def test_documented_single_request(adapter: Any, document: Any, drive_one: Any) -> None:
    assert drive_one(adapter.get_return("request:948191"), document("get-request.json")) == REQUEST


def test_documented_list_of_shipments(adapter: Any, document: Any, finish: Any) -> None:
    page = finish(adapter.list_shipments(ShipmentQuery()), Reply(status=200, body=document("list-shipments.json")))
    assert (page.items, page.next, page.gaps) == ((LONE_PARCEL,), None, ())


def test_documented_single_shipment_is_a_list_of_one(adapter: Any, document: Any, finish: Any) -> None:
    reply = Reply(status=200, body=document("get-shipment.json"))
    assert finish(adapter.get_shipment("3STRVL987599921"), reply) == LONE_PARCEL


def test_whole_record_is_kept(adapter: Any, document: Any, finish: Any) -> None:
    ret = finish(adapter.get_return("948191"), Reply(status=200, body=document("get-return.json")))
    assert ret.raw == json.loads(document("get-return.json"))


def test_unknown_keys_are_kept(read: Any) -> None:
    assert read(novelty={"a": [1]}).raw["novelty"] == {"a": [1]}


@pytest.mark.parametrize(
    ("path", "return_id"),
    [("/returns/371141", "371141"), ("/requests/371141", "request:371141"), ("/returns/a%2Fb%3Fc%20%23", "a/b?c #")],
)
def test_id_says_which_list_it_is_in(adapter: Any, path: str, return_id: str) -> None:
    assert next(adapter.get_return(return_id)).path == path


@pytest.mark.parametrize("return_id", ["", ".", "..", "request:", "request:.."])
def test_id_that_would_be_another_path_is_not_found(adapter: Any, return_id: str) -> None:
    with pytest.raises(NotFound):
        next(adapter.get_return(return_id))


def test_tracking_number_is_one_segment_of_the_path(adapter: Any) -> None:
    assert next(adapter.get_shipment("A 1/#?x")).path == "/shipments/A%201%2F%23%3Fx"


@pytest.mark.parametrize("nothing", ["", "0", 0, None, False])
def test_return_without_a_request(read: Any, nothing: object) -> None:
    assert read(request_id=nothing).request_id is None


def test_return_that_never_mentions_a_request(read: Any) -> None:
    assert read().request_id is None


@pytest.mark.parametrize("told", ["481049", 481049])
def test_return_that_grew_from_a_request(read: Any, told: object) -> None:
    assert read(request_id=told).request_id == "request:481049"


def test_leading_zeros_survive(read: Any) -> None:
    assert read(reference="000123").order == OrderRef(number="000123")


@pytest.mark.parametrize(("told", "number"), [("1.0000", "1.0000"), ("1", "1"), (1, "1")])
def test_quantity_may_be_text_or_number(read: Any, told: object, number: str) -> None:
    (item,) = read(returned_products=[{"qty_returned": told}]).items
    assert item.quantity == Decimal(number)


def test_quantity_may_be_a_number_with_a_fraction(adapter: Any, finish: Any) -> None:
    body = b'{"return_id": 1, "returned_products": [{"qty_returned": 1.50}]}'
    (item,) = finish(adapter.get_return("1"), Reply(status=200, body=body)).items
    assert str(item.quantity) == "1.50"


@pytest.mark.parametrize("quantity", ["0.0000", "0", 0])
def test_line_that_the_customer_keeps_is_no_item(read: Any, quantity: object) -> None:
    lines = [{"return_item_id": "1", "qty_returned": quantity}, {"return_item_id": "2", "qty_returned": "1.0000"}]
    assert [item.id for item in read(returned_products=lines).items] == ["2"]


def test_line_without_a_quantity_is_an_item(read: Any) -> None:
    assert [item.id for item in read(returned_products=[{"return_item_id": "1"}]).items] == ["1"]


@pytest.mark.parametrize(
    ("told", "disposition", "raw"),
    [
        ("1", Disposition.RESTOCK, "1"),
        (1, Disposition.RESTOCK, "1"),
        (True, Disposition.RESTOCK, "1"),
        ("0", Disposition.UNKNOWN, "0"),
        (0, Disposition.UNKNOWN, "0"),
        (False, Disposition.UNKNOWN, "0"),
        ("", None, None),
        (None, None, None),
        ("maybe", Disposition.UNKNOWN, "maybe"),
    ],
)
def test_back_to_stock_has_three_states(
    read: Any, told: object, disposition: Disposition | None, raw: str | None
) -> None:
    (item,) = read(returned_products=[{"back_to_stock": told}]).items
    assert (item.disposition, item.disposition_raw) == (disposition, raw)


@pytest.mark.parametrize("nothing", ["", None, [], {}, False])
@pytest.mark.parametrize(
    ("name", "place", "empty"),
    [
        ("return", "number", None),
        ("status", "status_raw", None),
        ("billing_address", "address", None),
        ("returned_products", "items", ()),
        ("return_notes", "notes", ()),
        ("tracking_number", "shipments", ()),
        ("customer_email", "customer", None),
        ("reference", "order", None),
        ("updated_at", "updated_at", None),
        ("return_type", "custom_fields", {}),
    ],
)
def test_anything_empty_is_nothing(read: Any, name: str, place: str, empty: object, nothing: object) -> None:
    assert getattr(read(**{name: nothing}), place) == empty


@pytest.mark.parametrize(
    ("name", "value", "where"),
    [
        ("status", ["a"], "status"),
        ("status", True, "status"),
        ("reference", {"a": 1}, "reference"),
        ("billing_address", "Singel 1", "billing_address"),
        ("billing_address", {"city": ["a"]}, "billing_address.city"),
        ("returned_products", "one", "returned_products"),
        ("returned_products", [{}, {"qty_returned": "1,50"}], "returned_products[1].qty_returned"),
        ("returned_products", [{"qty_ordered": "1e3"}], "returned_products[0].qty_ordered"),
        ("returned_products", [{"qty_ordered": "1E+999999"}], "returned_products[0].qty_ordered"),
        ("returned_products", [{"images": [{"http_path": {"a": 1}}]}], "returned_products[0].images[0].http_path"),
        ("return_notes", [{"created_at": "yesterday"}], "return_notes[0].created_at"),
        ("return_questions", [{"value": [1]}], "return_questions[0].value"),
        ("files", [{"url": "https://files.example.com/1"}], "files[0]"),
        ("return_date", "2021-13-45 00:00:00", "return_date"),
        ("return_date", 1611143562, "return_date"),
        ("updated_at", 5, "updated_at"),
    ],
)
def test_value_that_cannot_be_read_is_named_and_nothing_else_is_lost(
    read: Any, name: str, value: object, where: str
) -> None:
    ret = read(**{"number": "RENL1", "return": "RENL1", name: value})
    assert (ret.id, ret.number, ret.unreadable) == ("1", "RENL1", (where,))


@pytest.mark.parametrize("name", ["returned_products", "return_notes", "return_questions", "files", "images"])
def test_null_in_a_list_is_nothing(read: Any, name: str) -> None:
    fields = {"returned_products": [{name: [None]}]} if name == "images" else {name: [None]}
    assert read(**fields).unreadable == ()


def test_list_with_holes_comes_as_an_object(read: Any) -> None:
    lines = {"0": {"return_item_id": "a"}, "3": {"return_item_id": "b"}, "10": {"return_item_id": "c"}}
    assert [item.id for item in read(returned_products=lines).items] == ["a", "b", "c"]


def test_label_of_a_closed_return_is_void(read: Any) -> None:
    (parcel,) = read(status="closed", tracking_number="T1", shipping_label_link="https://label.example/").shipments
    assert parcel.label == Label(status=LabelStatus.VOID, url="https://label.example/")


def test_refund_comes_from_the_word(read: Any) -> None:
    assert read(status="completed").resolutions == (
        Resolution(kind=ResolutionKind.REFUND, status=ResolutionStatus.DONE),
    )


@pytest.mark.parametrize(
    ("code", "text", "status", "raw"),
    [
        ("4000", "Onderweg", ShipmentStatus.UNKNOWN, "4000"),
        ("4000", "Delivered", ShipmentStatus.DELIVERED, "4000"),
        ("1000", "Delivered", ShipmentStatus.DELIVERED, "1000"),
        ("1000", "Klaar voor verzending", ShipmentStatus.PRE_TRANSIT, "1000"),
        (1000, None, ShipmentStatus.PRE_TRANSIT, "1000"),
        (None, "in transit", ShipmentStatus.IN_TRANSIT, "in transit"),
        (None, "Onderweg", ShipmentStatus.UNKNOWN, "Onderweg"),
        ("", "", None, None),
    ],
)
def test_tracking_status_is_the_text_where_it_is_plain_and_else_the_code(
    read: Any, code: object, text: str | None, status: ShipmentStatus | None, raw: str | None
) -> None:
    (parcel,) = read(tracking_number="T1", tracking_status_id=code, tracking_status=text).shipments
    assert (parcel.status, parcel.status_raw, parcel.status_text) == (status, raw, text or None)


def test_exception_asserts_no_status(read: Any) -> None:
    ret = read(status="exception")
    assert (ret.status, ret.status_raw, ret.attention) == (Status.UNKNOWN, None, frozenset({Attention.EXCEPTION}))


def test_remark_of_the_customer_is_a_note_of_the_item(read: Any) -> None:
    (item,) = read(returned_products=[{"remarks": "The zip is broken."}]).items
    assert item.notes == (Note(text="The zip is broken."),)


@pytest.mark.parametrize(
    "images",
    [
        [{"http_path": "https://images.example.com/1.jpg"}, None, {"http_path": None}],
        ["https://images.example.com/1.jpg", ""],
        "https://images.example.com/1.jpg",
        {"0": {"http_path": "https://images.example.com/1.jpg"}},
    ],
)
def test_images_come_in_several_shapes(read: Any, images: object) -> None:
    ret = read(returned_products=[{"images": images}])
    assert (ret.items[0].images, ret.unreadable) == (("https://images.example.com/1.jpg",), ())


def test_tracking_url_keeps_its_fragment(read: Any) -> None:
    url = "https://jouw.postnl.nl/#!/track-en-trace/3STRVL987599921/NL/1234AB"
    assert read(tracking_number="T1", tracking_url=url).shipments[0].tracking_url == url


def test_times_are_by_the_clock_of_the_account(make: Any, answer: Any, finish: Any) -> None:
    adapter = make(timezone="Europe/Amsterdam")
    record = {"return_id": "1", "return_date": "2021-01-20 11:52:42", "updated_at": "2021-07-20 11:52:42"}
    ret = finish(adapter.get_return("1"), answer(200, record))
    assert ret.created_at == datetime(2021, 1, 20, 10, 52, 42, tzinfo=UTC)
    assert ret.updated_at == datetime(2021, 7, 20, 9, 52, 42, tzinfo=UTC)


@pytest.mark.parametrize(
    ("sent", "hour"),
    [
        ("Sun, 31 Oct 2021 00:45:00 GMT", 0),
        ("Sun, 31 Oct 2021 01:28:00 GMT", 0),
        # The clocks of a server and of its database may differ by seconds.
        ("Sun, 31 Oct 2021 01:29:58 GMT", 1),
        ("Sun, 31 Oct 2021 01:35:00 GMT", 1),
        ("Mon, 30 Nov 2026 17:00:00 GMT", 1),
        ("yesterday", 1),
        (None, 1),
    ],
)
def test_time_of_the_hour_that_comes_twice_is_the_later_that_is_not_after_its_reply(
    make: Any, finish: Any, sent: str | None, hour: int
) -> None:
    body = b'{"return_id": "1", "updated_at": "2021-10-31 02:30:00"}'
    reply = Reply(status=200, headers={"date": sent} if sent else {}, body=body)
    ret = finish(make(timezone="Europe/Amsterdam").get_return("1"), reply)
    assert ret.updated_at == datetime(2021, 10, 31, hour, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("options", "hour"),
    [({}, 10), ({"timezone": "Europe/Amsterdam"}, 9), ({"timezone": "Europe/Amsterdam", "order_timezone": "UTC"}, 10)],
)
def test_time_of_the_order_is_by_the_clock_of_the_shop(
    make: Any, answer: Any, finish: Any, options: dict[str, str], hour: int
) -> None:
    ret = finish(make(**options).get_return("1"), answer(200, {"return_id": "1", "order_date": "2021-01-10 10:46:27"}))
    assert ret.order == OrderRef(created_at=datetime(2021, 1, 10, hour, 46, 27, tzinfo=UTC))


@pytest.mark.parametrize("zeros", ["0000-00-00 00:00:00", "0000-00-00"])
def test_time_of_zeros_is_none(read: Any, zeros: str) -> None:
    assert read(updated_at=zeros).updated_at is None


def test_bare_date_is_its_midnight(read: Any) -> None:
    assert read(return_date="2021-01-20").created_at == datetime(2021, 1, 20, tzinfo=UTC)


def test_label_link_stays_out_of_repr(read: Any) -> None:
    assert "canary" not in repr(read(tracking_number="T1", shipping_label_link="https://label.example/?hash=canary"))
