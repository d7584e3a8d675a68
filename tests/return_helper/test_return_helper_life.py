"""The life of one return in notifications, in whatever order and however often they come: one state, each change emitted once."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from returns_hub import (
    Direction,
    Disposition,
    DispositionStatus,
    Event,
    Item,
    Label,
    LabelStatus,
    Money,
    Origin,
    Parcel,
    Return,
    ReturnObserved,
    Secret,
    Service,
    Shipment,
    ShipmentStatus,
    Status,
    WebhookRequest,
)
from returns_hub.merge import Derive, Observation, State, derive_nothing, merge
from returns_hub.store import Store
from returns_hub_return_helper import ReturnHelper

ADAPTER = ReturnHelper(api_key=Secret("key"), api_token=Secret("token"))
RECEIVED = datetime(2026, 11, 21, 12, tzinfo=UTC)


def notification(time: str, action: str, **body: Any) -> bytes:
    return json.dumps({**body, "category": action, "action": action, "eventTime": f"2024-04-{time}Z"}).encode()


def label(time: str, **told: Any) -> bytes:
    return notification(time, "labelGenerated", label={"shipmentId": 30385, "serviceType": "fedex", **told})


def inventory(number: int, **told: Any) -> dict[str, Any]:
    return {
        "returnInventoryId": number,
        "description": "Kettle",
        "quantity": 1,
        "value": 22,
        "valueCurrencyCode": "usd",
        "handlingCode": 0,
        "handlingStatusCode": 0,
        **told,
    }


def created(time: str, number: int, rma: str) -> bytes:
    parcel = {"shipmentId": "30385", "returnRequestId": "64004", "receiveDate": "2024-04-01T01:00:00"}
    one = inventory(number, rma=rma, warehouseId=2, handlingCode="tbc", handlingStatusCode="pending")
    return notification(time, "newInventoryCreated", returnInventory=one, shipment=parcel)


def images(time: str, *urls: str) -> bytes:
    line = {"returnRequestLineItemId": 38219, "returnRequestId": 64004}
    return notification(time, "changeLineItemImage", imageUrlList=list(urls), returnRequestLineItem=line)


def piece(number: int, line: int) -> dict[str, Any]:
    return {"returnInventory": inventory(number, returnRequestLineItemId=line, returnRequestId=64004)}


LIFE = [
    label("01T00:01:00", labelRequestStatusCode="fail", error="no such street", labelUrl=None, labelId=1),
    label(
        "01T00:02:00",
        labelRequestStatusCode="success",
        labelUrl="https://labels.example/2.pdf",
        trackingNumber="TRACK",
        labelId=2,
        referenceNumber="1001-A",
    ),
    notification(
        "01T01:00:00",
        "markShipmentArrive",
        shipment={
            "shipmentId": "30385",
            "returnRequestId": "64004",
            "trackingNumber": "TRACK",
            "serviceType": "fedex",
            "customFieldMap": {"customerId": "buyer123"},
            "receiveDate": "2024-04-01T01:00:00",
        },
    ),
    created("01T01:01:00", 18200, "USE-2-240401-D00001-25"),
    images("01T01:02:00", "https://files.example/a.jpg"),
    images("01T01:03:00", "https://files.example/a.jpg", "https://files.example/b.jpg"),
    # The pair of inventory and line item.
    notification(
        "02T00:00:00",
        "completeRecalibrate",
        recalibrateSupplement={"returnInventoryId": 18200, "returnRequestLineItemId": 38219, "weight": 310},
    ),
    notification(
        "03T00:00:00",
        "notifyUserRmaSwapped",
        payload={"returnInventoryId": "18200", "oldRma": "USE-2-240401-D00001-25", "newRma": "USE-2-240403-D00009-11"},
    ),
    notification("07T00:00:00", "vasUpdated", updateVasList=[{"returnRequestLineItemVasId": 2665, "vasStatusCode": 1}]),
    # What reading the inventory again says of the service and of the handling.
    notification(
        "07T12:00:00",
        "updateReturnInventoryMeta",
        returnInventory=inventory(
            18200,
            returnRequestLineItemId=38219,
            returnRequestId=64004,
            handlingCode="ohd",
            handlingStatusCode="pending",
            returnRequestLineItemVasList=[{"returnRequestLineItemVasId": 2665, "isFinished": True}],
        ),
    ),
    notification(
        "08T00:00:00",
        "splitLineItem",
        returnRequestId=64004,
        returnRequestLineItemId=38219,
        returnRequestLineItemVasId=2665,
        vasStatusCode="SUCCESSFUL",
        splitLineItemAndReturnInventoryList=[piece(18202, 38347), piece(18203, 38348)],
    ),
    created("08T00:01:00", 18202, "USE-2-240401-D00001-01-25"),
    created("08T00:02:00", 18203, "USE-2-240401-D00001-02-25"),
    notification(
        "09T00:00:00",
        "completeInventoryHandling",
        returnInventory=inventory(18203, returnRequestId=64004, handlingCode=2, handlingStatusCode=2),
    ),
    notification(
        "10T00:00:00",
        "updateResendStatus",
        resend={"resendId": 3588, "resendStatusCode": 2},
        resendShipmentList=[{"resendShipmentId": 3583, "trackingNumber": None, "error": ""}],
        returnInventoryList=[inventory(18202, returnRequestId=64004, handlingCode=4)],
    ),
    notification(
        "11T00:00:00",
        "updateResendStatus",
        resend={"resendId": 3588, "resendStatusCode": 3},
        resendShipmentList=[{"resendShipmentId": 3583, "trackingNumber": "OUT", "error": ""}],
        returnInventoryList=[inventory(18202, returnRequestId=64004, handlingCode=4)],
    ),
]

# The same of another return: every identifier has a 1 before it.
OTHER_LIFE = [
    re.sub(rb"(?<=[ \"])(64004|30385|182\d\d|38219|3834[78]|2665|3588|3583)(?=[\",}])", rb"1\1", body) for body in LIFE
]

PIECE = Item(
    name="Kettle",
    quantity=Decimal(1),
    quantity_received=Decimal(1),
    warehouse_id="2",
    value=Money(amount=Decimal(22), currency="USD"),
)
WHOLE = evolve(
    PIECE,
    id="18200",
    aliases=("38219", "vas:2665"),
    rma="USE-2-240403-D00009-11",
    disposition=Disposition.REWORK,
    disposition_status=DispositionStatus.DONE,
    disposition_raw="split-parcel",
    disposition_status_raw="SUCCESSFUL",
    services=(Service(id="2665", code="split-parcel", status=DispositionStatus.DONE, status_raw="SUCCESSFUL"),),
    measured=Parcel(weight_g=Decimal(310)),
    images=("https://files.example/a.jpg", "https://files.example/b.jpg"),
)
RESENT = evolve(
    PIECE,
    id="18202",
    aliases=("38347", "resend:3588"),
    rma="USE-2-240401-D00001-01-25",
    disposition=Disposition.FORWARD,
    disposition_raw="rsd",
    disposition_status=DispositionStatus.DONE,
    disposition_status_raw="3",
)
DISPOSED = evolve(
    PIECE,
    id="18203",
    aliases=("38348",),
    rma="USE-2-240401-D00001-02-25",
    disposition=Disposition.DISPOSE,
    disposition_raw="2",
    disposition_status=DispositionStatus.DONE,
    disposition_status_raw="2",
)
SHIPMENTS = {
    "30385": Shipment(
        id="30385",
        return_id="64004",
        direction=Direction.INBOUND,
        status=ShipmentStatus.DELIVERED,
        service="fedex",
        tracking_number="TRACK",
        label=Label(id="2", status=LabelStatus.READY, status_raw="success", url="https://labels.example/2.pdf"),
        arrived_at=datetime(2024, 4, 1, 1, tzinfo=UTC),
    ),
    "resend:3588": Shipment(
        id="resend:3588",
        direction=Direction.OUTBOUND,
        status=ShipmentStatus.IN_TRANSIT,
        status_raw="3",
        tracking_number="OUT",
    ),
}


INVENTORIES = {"38219": "18200", "vas:2665": "18200", "38347": "18202", "resend:3588": "18202", "38348": "18203"}


def delivered(body: bytes, *, at: datetime) -> list[Observation]:
    """What a notification says, in its own form: of the return ``""`` where it names only a part of it."""
    request = WebhookRequest(method="POST", url="", body=body, received_at=at)
    return [
        Observation(ret=event.observed, at=event.occurred_at, seen_at=at, origin=Origin.WEBHOOK)
        for event in ADAPTER.read_webhook(request).events
        if isinstance(event, ReturnObserved)
    ]


def lived(
    bodies: Sequence[bytes], state: State | None = None, *, derive: Derive = ADAPTER.derive
) -> tuple[State, list[Event]]:
    events: list[Event] = []
    start = RECEIVED if state is None else RECEIVED + timedelta(days=1)
    for number, body in enumerate(bodies):
        for observation in delivered(body, at=start + timedelta(seconds=number)):
            named = evolve(observation, ret=evolve(observation.ret, id="64004"))
            merged = merge(state, named, account="acme", derive=derive)
            state, events = merged.state, [*events, *merged.events]
    assert state is not None
    return state, events


def check(ret: Return) -> None:
    assert {item.id: item for item in ret.items} == {"18200": WHOLE, "18202": RESENT, "18203": DISPOSED}
    assert {shipment.id: shipment for shipment in ret.shipments} == SHIPMENTS
    assert ret.status is Status.RESOLVED
    assert ret.custom_fields == {"customerId": "buyer123"}
    assert ret.order is not None
    assert ret.order.number == "1001-A"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path_factory.mktemp('life')}/returns.db") as store:
        yield store


ACCOUNTS = count()


def test_a_life_in_its_own_order() -> None:
    state, events = lived(LIFE)

    check(state.ret)
    assert [event.changes["status"] for event in events if event.type == "return.status_changed"] == [
        ("approved", "ready_to_ship"),
        ("ready_to_ship", "received"),
        ("received", "resolved"),
    ]
    assert [event.type for event in events].count("label.ready") == 1
    assert [event.type for event in events].count("item.received") == 3


@settings(deadline=None)
@given(data=st.data())
def test_any_order_and_repetition_ends_in_one_state(data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(LIFE), max_size=6))
    bodies = data.draw(st.permutations([*LIFE, *again]))

    state, events = lived(bodies)

    check(state.ret)
    assert len({event.id for event in events}) == len(events)


@settings(deadline=None)
@given(bodies=st.permutations(LIFE))
def test_what_comes_again_changes_nothing(bodies: list[bytes]) -> None:
    state, _ = lived(bodies)

    again, events = lived(LIFE, state)

    assert events == []
    assert again.ret == state.ret


@settings(deadline=None)
@given(bodies=st.permutations(LIFE))
def test_no_fact_is_reported_twice(bodies: list[bytes]) -> None:
    """What is concluded is left out: that a line item is a certain inventory may be withdrawn when another one appears."""
    _, events = lived(bodies, derive=derive_nothing)
    # What comes back to what it was is reported again: an inventory was reworked, on hold, and reworked once more.
    _, in_time = lived(LIFE, derive=derive_nothing)

    assert reported(events) - (reported(in_time) | Counter(set(reported(events)))) == Counter()


def reported(events: list[Event]) -> Counter[tuple[str, str]]:
    """How often each value was reported of each thing."""
    return Counter((thing(place), repr(now)) for event in events for place, (_, now) in event.changes.items())


def thing(place: str) -> str:
    """What a change is about, whether the inventory is named or its line item. Whose an alias is, is reported of each name."""
    key = re.search(r"items\[(.*)\]", place)
    if key is None or place.endswith(".aliases"):
        return place
    return place.replace(key[1], INVENTORIES.get(key[1], key[1]))


@pytest.mark.parametrize("first", range(len(LIFE)))
def test_a_return_can_begin_with_any_of_them(first: int) -> None:
    state, events = lived([LIFE[first], *LIFE])

    check(state.ret)
    assert [event.type for event in events].count("return.created") == 1


def test_a_failure_that_comes_late_does_not_undo_the_label() -> None:
    state, events = lived([LIFE[1], LIFE[0]])

    (parcel,) = state.ret.shipments
    assert parcel.label is not None
    assert parcel.label.status is LabelStatus.READY
    assert [event.type for event in events] == ["return.created"]


def test_an_older_list_of_images_does_not_replace_the_newer() -> None:
    newer, older = lived([LIFE[5], LIFE[4]]), lived([LIFE[4], LIFE[5]])

    assert newer[0].ret == older[0].ret
    assert newer[0].ret.items[0].images == ("https://files.example/a.jpg", "https://files.example/b.jpg")


@settings(max_examples=10, deadline=None)  # a transaction for each notification
@given(data=st.data())
def test_the_mirror_finds_the_return_by_its_parts_in_any_order(store: Store, data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(LIFE), max_size=6))
    bodies = data.draw(st.permutations([*LIFE, *again]))
    account = f"acme{next(ACCOUNTS)}"

    for number, body in enumerate(bodies):
        told = delivered(body, at=RECEIVED + timedelta(seconds=number))
        store.apply(account, told, derive=ADAPTER.derive)

    (only,) = store.returns(account=account)
    check(only.ret)
    ids = [event.id for event in store.events(account=account)]
    assert len(set(ids)) == len(ids)
    store.apply(account, delivered(LIFE[0], at=RECEIVED + timedelta(days=1)), derive=ADAPTER.derive)
    assert [event.id for event in store.events(account=account)] == ids


@settings(max_examples=10, deadline=None)  # a transaction for each notification
@given(data=st.data())
def test_two_lives_side_by_side_do_not_touch(store: Store, data: st.DataObject) -> None:
    bodies = data.draw(st.permutations([*LIFE, *OTHER_LIFE]))
    account = f"acme{next(ACCOUNTS)}"

    for number, body in enumerate(bodies):
        store.apply(account, delivered(body, at=RECEIVED + timedelta(seconds=number)), derive=ADAPTER.derive)

    returns = {stored.ret.id: stored.ret for stored in store.returns(account=account)}
    assert returns.keys() == {"64004", "164004"}
    check(returns["64004"])
    assert {item.id for item in returns["164004"].items} == {"118200", "118202", "118203"}
    assert {shipment.id for shipment in returns["164004"].shipments} == {"130385", "resend:13588"}
    assert returns["164004"].status is Status.RESOLVED
