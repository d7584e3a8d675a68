"""Records whatever shape their fields have: nothing is refused but for an id, and nothing invented."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from returns_hub import (
    Customer,
    Direction,
    Item,
    Label,
    LabelStatus,
    Money,
    Note,
    NotFound,
    OrderRef,
    Reason,
    Resolution,
    ResolutionKind,
    ResolutionStatus,
    Return,
    Shipment,
    ShipmentStatus,
    TimelineEntry,
    TrackingEvent,
    UnexpectedReply,
)


@pytest.fixture
def read(adapter: Any, answer: Any, finish: Any) -> Any:
    """The RMA with these keys, read through get_return."""

    def read(**keys: object) -> Return:
        ret: Return = finish(adapter.get_return("rma_1"), answer(200, {"data": {"id": "rma_1", **keys}}))
        return ret

    return read


@pytest.fixture
def parcel(adapter: Any, answer: Any, finish: Any) -> Any:
    """The shipment with these keys, read through get_shipment."""

    def parcel(**keys: object) -> Shipment:
        shipment: Shipment = finish(adapter.get_shipment("shp_1"), answer(200, {"data": keys}))
        return shipment

    return parcel


@pytest.fixture
def scans(adapter: Any, answer: Any, finish: Any) -> Any:
    """The tracking events in this payload."""
    return lambda data: finish(adapter.track("shp_1"), answer(200, {"success": True, "data": data}))


def test_id_alone_is_a_return(read: Any) -> None:
    assert read() == Return(provider="returnmate", id="rma_1")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {"rma_number": 1234, "order_number": 1001},
            Return(provider="returnmate", id="rma_1", number="1234", order=OrderRef(number="1001")),
        ),
        (
            {"customer": {"name": 7, "email": ""}},
            Return(provider="returnmate", id="rma_1", customer=Customer(name="7")),
        ),
        ({"status": 3}, Return(provider="returnmate", id="rma_1", status_raw="3")),
        ({"customer": [], "created_at": "", "status": {}}, Return(provider="returnmate", id="rma_1")),
    ],
)
def test_numbers_stand_for_text_and_empty_things_for_nothing(read: Any, fields: Any, expected: Return) -> None:
    ret = read(**fields)
    assert (ret, ret.unreadable) == (expected, ())


@pytest.mark.parametrize(
    ("fields", "unreadable"),
    [
        ({"status": {"code": "pending"}}, ("status",)),
        ({"customer": "John Smith"}, ("customer",)),
        ({"customer": {"name": ["John"], "email": True}}, ("customer.email", "customer.name")),
        ({"created_at": 1704067200}, ("created_at",)),
        ({"created_at": "30/12/2024"}, ("created_at",)),
        ({"items": [{"sku": "A"}, {"quantity": "1,50"}, "x"]}, ("items[2]", "items[1].quantity")),
        ({"shipments": [{"status": ["x"], "id": "shp_1"}, {"id": {}}]}, ("shipments[0].status", "shipments[1].id")),
    ],
)
def test_value_that_cannot_be_read_leaves_its_field_empty_and_is_reported(
    read: Any, fields: Any, unreadable: object
) -> None:
    ret = read(**fields)
    assert (ret.id, ret.unreadable, ret.raw) == ("rma_1", unreadable, {"id": "rma_1", **fields})


def test_shipment_by_itself_reports_its_own(parcel: Any) -> None:
    shipment = parcel(id="shp_1", carrier=["tnt"])
    assert (shipment.carrier, shipment.unreadable) == (None, ("carrier",))


@pytest.mark.parametrize("nothing", [None, [], {}, "", 0, "[...]", [None, "text", 3]])
@pytest.mark.parametrize("key", ["items", "shipments", "timeline"])
def test_list_may_be_missing_in_any_way(read: Any, key: str, nothing: object) -> None:
    assert getattr(read(**{key: nothing}), key) == ()


def test_item_of_the_requests_shape(read: Any) -> None:
    (item,) = read(items=[{"sku": "PROD-001", "quantity": 1, "reason": "defective", "notes": "Screen"}]).items
    notes = (Note(text="Screen"),)
    assert item == Item(sku="PROD-001", quantity=Decimal(1), reason=Reason(code="defective"), notes=notes)


def test_item_with_what_a_reply_may_add(read: Any) -> None:
    told = {"id": 17, "title": "Kettle", "quantity": "2", "price": 19.95, "condition": "B Good"}
    assert read(items=[told]).items == (
        Item(
            id="17",
            name="Kettle",
            quantity=Decimal(2),
            condition="B Good",
            value=Money(amount=Decimal("19.95"), currency="AUD"),
        ),
    )


def test_items_by_id_take_their_ids_from_the_keys(read: Any) -> None:
    items = read(items={"item_1": {"sku": "A"}, "item_2": {"sku": "B", "id": "own"}}).items
    assert [item.id for item in items] == ["item_1", "own"]


@pytest.mark.parametrize("quantity", [None, "two", True, [], {}, "1e9", 10**400, "NaN"])
def test_quantity_that_is_no_number_is_none(read: Any, quantity: object) -> None:
    assert read(items=[{"sku": "A", "quantity": quantity}]).items[0].quantity is None


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"code": "defective", "label": "Defective/Broken"}, Reason(code="defective", text="Defective/Broken")),
        ({"name": "Changed my mind"}, Reason(text="Changed my mind")),
        ("Doesn't fit", Reason(code="Doesn't fit")),
        ({}, None),
        ("", None),
        (3, Reason(code="3")),
        ([3], None),
    ],
)
def test_reason_of_an_item(read: Any, told: object, reason: object) -> None:
    assert read(items=[{"reason": told}]).items[0].reason == reason


@pytest.mark.parametrize(
    ("fields", "resolutions"),
    [
        ({"return_type": "refund"}, (Resolution(kind=ResolutionKind.REFUND, status=ResolutionStatus.REQUESTED),)),
        (
            {"return_type": "refund", "status": "REFUNDED"},
            (Resolution(kind=ResolutionKind.REFUND, status=ResolutionStatus.DONE),),
        ),
        ({"return_type": "exchange"}, ()),
        ({"return_type": ["refund"], "status": "completed"}, ()),
    ],
)
def test_what_was_asked_for_is_a_requested_resolution(read: Any, fields: Any, resolutions: object) -> None:
    assert read(**fields).resolutions == resolutions


@pytest.mark.parametrize("customer", [None, {}, {"email": None, "name": None}, {"email": "", "name": ""}])
def test_erased_customer_is_none(read: Any, customer: object) -> None:
    assert read(customer=customer).customer is None


def test_partly_erased_customer_is_what_is_left(read: Any) -> None:
    assert read(customer={"email": "", "name": "John Smith"}).customer == Customer(name="John Smith")


def test_amount_without_a_currency_stays_without(make: Any, answer: Any, finish: Any) -> None:
    reply = answer(200, {"data": {"id": "rma_1", "items": [{"price": 5}]}})
    assert finish(make().get_return("rma_1"), reply).items[0].value == Money(amount=Decimal(5))


def test_timeline_entries_tell_what_is_recognised(read: Any) -> None:
    told = [{"type": "Note", "message": "Called", "created_at": "2024-12-30T10:30:00+01:00", "user": "Kim"}, {"x": 1}]
    assert read(timeline=told).timeline == (
        TimelineEntry(kind="Note", text="Called", author="Kim", occurred_at=datetime(2024, 12, 30, 9, 30, tzinfo=UTC)),
        TimelineEntry(),
    )


def test_notes_of_the_timeline_are_notes(read: Any) -> None:
    note = {"id": "note_1", "type": "Note", "content": "Called", "internal": True, "author": {"name": "Kim"}}
    ret = read(timeline=[note, {"type": "status", "content": "Status changed"}, {"type": "note"}])
    assert ret.notes == (Note(id="note_1", text="Called", author="Kim", internal=True),)
    assert [(entry.kind, entry.internal) for entry in ret.timeline] == [
        ("Note", True),
        ("status", None),
        ("note", None),
    ]


def test_timeline_entries_keep_their_raw(read: Any) -> None:
    assert read(timeline=[{"x": 1}]).timeline[0].raw == {"x": 1}


def test_shipment_in_a_return_belongs_to_it(read: Any) -> None:
    assert read(shipments=[{"id": "shp_1"}]).shipments == (Shipment(id="shp_1", return_id="rma_1"),)


def test_shipments_by_id_take_their_ids_from_the_keys(read: Any) -> None:
    assert [shipment.id for shipment in read(shipments={"shp_1": {}, "shp_2": {}}).shipments] == ["shp_1", "shp_2"]


def test_shipment_without_an_id_is_known_by_its_tracking_number(read: Any) -> None:
    (shipment,) = read(shipments=[{"tracking_number": "AP1"}]).shipments
    assert (shipment.id, shipment.tracking_number, shipment.return_id) == ("AP1", "AP1", "rma_1")


def test_shipment_without_any_identifier_stays_in_raw_and_is_reported(read: Any) -> None:
    ret = read(shipments=[{"carrier": "tnt"}])
    assert (ret.shipments, ret.unreadable, ret.raw["shipments"]) == ((), ("shipments[0].id",), [{"carrier": "tnt"}])


def test_shipment_that_tells_everything(parcel: Any) -> None:
    shipment = parcel(
        id="shp_1",
        rma_id="rma_1",
        carrier="australia_post",
        service="express_post",
        direction="return",
        status="delivered",
        tracking_number="AP1",
        tracking_url="https://track.example/AP1",
        label_url="https://labels.example/7.pdf",
    )
    assert shipment == Shipment(
        id="shp_1",
        return_id="rma_1",
        carrier="australia_post",
        service="express_post",
        direction=Direction.INBOUND,
        status=ShipmentStatus.DELIVERED,
        status_raw="delivered",
        tracking_number="AP1",
        tracking_url="https://track.example/AP1",
        label=Label(status=LabelStatus.READY, url="https://labels.example/7.pdf"),
    )


def test_shipment_with_another_id_is_refused(parcel: Any) -> None:
    with pytest.raises(UnexpectedReply) as caught:
        parcel(id="shp_2")
    assert caught.value.where == "data.id"


def test_return_with_another_id_is_refused(read: Any) -> None:
    with pytest.raises(UnexpectedReply) as caught:
        read(id="rma_2")
    assert caught.value.where == "data.id"


def test_id_that_is_a_number_is_the_one_that_was_asked_for(adapter: Any, answer: Any, finish: Any) -> None:
    assert finish(adapter.get_return("17"), answer(200, {"data": {"id": 17}})).id == "17"


def test_shipment_tells_its_scans(parcel: Any) -> None:
    scans = [{"status": "in_transit", "timestamp": "2024-12-01T10:00:00Z"}]
    for tracking in (scans, {"number": "AP1", "events": scans}):
        assert parcel(tracking=tracking).tracking == (
            TrackingEvent(
                occurred_at=datetime(2024, 12, 1, 10, tzinfo=UTC),
                status=ShipmentStatus.IN_TRANSIT,
                status_raw="in_transit",
            ),
        )


def test_shipment_that_tells_nothing_is_the_one_asked_for(parcel: Any) -> None:
    assert parcel(whatever=1) == Shipment(id="shp_1")


@pytest.mark.parametrize(
    "keys",
    [
        {"tracking_number": "AP1"},
        {"trackingNumber": "AP1"},
        {"tracking": {"number": "AP1"}},
    ],
)
def test_tracking_number_under_any_of_its_names(parcel: Any, keys: Any) -> None:
    assert parcel(**keys).tracking_number == "AP1"


@pytest.mark.parametrize(
    "keys",
    [{"label_url": "https://l"}, {"labelUrl": "https://l"}, {"label": "https://l"}, {"label": {"url": "https://l"}}],
)
def test_label_under_any_of_its_names(parcel: Any, keys: Any) -> None:
    assert parcel(**keys).label == Label(status=LabelStatus.READY, url="https://l")


@pytest.mark.parametrize("keys", [{"rma_id": "rma_5"}, {"rma": {"id": "rma_5"}}])
def test_return_of_a_shipment_under_any_of_its_names(parcel: Any, keys: Any) -> None:
    assert parcel(**keys).return_id == "rma_5"


@pytest.mark.parametrize("keys", [{"rma_number": "RMA-2024-001234"}, {"rma": None}, {"rma": "rma_5"}])
def test_number_of_a_return_is_not_its_id(parcel: Any, keys: Any) -> None:
    assert parcel(**keys).return_id is None


@pytest.mark.parametrize("word", ["outbound", "RETURN", "", None, 1])
def test_undocumented_direction_is_none(parcel: Any, word: object) -> None:
    assert parcel(direction=word).direction is None


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("created", ShipmentStatus.PRE_TRANSIT),
        ("in_transit", ShipmentStatus.IN_TRANSIT),
        ("In Transit", ShipmentStatus.IN_TRANSIT),
        ("delivered", ShipmentStatus.DELIVERED),
        ("exception", ShipmentStatus.EXCEPTION),
        ("Onboard with driver", ShipmentStatus.UNKNOWN),
    ],
)
def test_shipment_status_is_known_where_the_vendor_has_a_word(parcel: Any, word: str, status: ShipmentStatus) -> None:
    assert (parcel(status=word).status, parcel(status=word).status_raw) == (status, word)


def test_shipment_without_a_status_asserts_none(parcel: Any) -> None:
    assert (parcel().status, parcel().status_raw) == (None, None)


@pytest.mark.parametrize("holder", [lambda e: e, lambda e: {"events": e}, lambda e: {"tracking_events": e}])
def test_tracking_is_a_list_or_an_object_that_holds_one(scans: Any, holder: Any) -> None:
    assert [event.text for event in scans(holder([{"description": "Lodged"}]))] == ["Lodged"]


def test_tracking_history_is_read_too(scans: Any) -> None:
    assert [event.text for event in scans({"carrier": "tnt", "history": [{"message": "Lodged"}]})] == ["Lodged"]


@pytest.mark.parametrize("data", [None, [], {}, {"events": []}, {"events": None}])
def test_tracking_before_the_first_scan_is_empty(scans: Any, data: object) -> None:
    assert scans(data) == ()


@pytest.mark.parametrize(("data", "where"), [("x", "data"), (3, "data"), ({"status": "moving"}, "data.events")])
def test_tracking_of_another_shape_is_an_unexpected_reply(scans: Any, data: object, where: str) -> None:
    with pytest.raises(UnexpectedReply) as failure:
        scans(data)
    assert failure.value.where == where


def test_scans_are_sorted_and_untimed_ones_last(scans: Any) -> None:
    events = scans(
        [
            {"code": "untimed", "timestamp": "soon"},
            {"code": "third", "date": "2024-12-03"},
            {"code": "first", "timestamp": "2024-12-01T10:00:00Z"},
            {"code": "second", "occurred_at": "2024-12-01T10:00:00.5Z"},
            {"code": "also untimed"},
        ]
    )
    assert [event.status_raw for event in events] == ["first", "second", "third", "untimed", "also untimed"]


def test_scan_with_a_word_of_the_carriers_own_keeps_it(scans: Any) -> None:
    (event,) = scans([{"status": "Onboard with driver"}])
    assert (event.status, event.status_raw) == (ShipmentStatus.UNKNOWN, "Onboard with driver")


def test_scan_tells_when_and_where(scans: Any) -> None:
    told = {
        "status": "delivered",
        "description": "Delivered",
        "location": {"suburb": "Newtown", "state": "NSW", "postcode": 2042},
        "timestamp": "2024-12-01T10:00:00Z",
    }
    assert scans([told]) == (
        TrackingEvent(
            occurred_at=datetime(2024, 12, 1, 10, tzinfo=UTC),
            status=ShipmentStatus.DELIVERED,
            status_raw="delivered",
            text="Delivered",
            location="Newtown, NSW",
        ),
    )


@pytest.mark.parametrize(
    ("told", "location"), [("Newtown", "Newtown"), ("", None), ({}, None), (None, None), ([1], None)]
)
def test_place_of_a_scan(scans: Any, told: object, location: object) -> None:
    assert scans([{"location": told}])[0].location == location


def test_tracking_404_of_a_known_shipment_is_no_scan_yet(adapter: Any, answer: Any, finish: Any) -> None:
    assert finish(adapter.track("shp_1"), answer(404, {}), answer(200, {"data": {"id": "shp_1"}})) == ()


def test_tracking_404_of_an_unknown_shipment_is_not_found(adapter: Any, answer: Any, finish: Any) -> None:
    with pytest.raises(NotFound):
        finish(adapter.track("shp_1"), answer(404, {}), answer(404, {}))
