"""Notifications: whether they are believed, and what each of them says.

``notices/*.json`` have the fields, types and spellings of the samples in the vendor's legacy documentation, one file for each
documented shape, with invented people and addresses. The first signature below is the vendor's own worked example; the
others are computed here, from the recipe in its words.
"""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from returns_hub import (
    Address,
    Customer,
    Direction,
    Disposition,
    DispositionStatus,
    HttpAnswer,
    Item,
    Label,
    LabelStatus,
    Money,
    Note,
    OrderRef,
    Parcel,
    Reason,
    Receipt,
    Return,
    ReturnHint,
    ReturnKind,
    ReturnObserved,
    Secret,
    Service,
    Shipment,
    ShipmentStatus,
    UnknownEvent,
    WebhookRejected,
    WebhookRequest,
)
from returns_hub_return_helper.statuses import VOCABULARIES
from returns_hub_return_helper.webhooks import read, signed_text, verify
from returns_hub_return_helper.wire import Parser

PARSER = Parser(VOCABULARIES)
NOTICES = Path(__file__).parent / "notices"
DOCUMENTED = sorted(path.stem for path in NOTICES.glob("*.json"))

# The worked example: "Signature Verification" of the legacy documentation, its typographic quotes made straight again.
EXAMPLE = json.loads((Path(__file__).parent / "documents" / "signed-example.json").read_bytes())

URL = "https://shop.example/webhooks/acme"
KEY = base64.b64encode(bytes(range(64))).decode()
OTHER_KEY = base64.b64encode(b"another key").decode()
TIME = "2026-11-21T12:00:00.1234567Z"
NOW = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)
BODY = b'{"category":"labelGenerated","action":"labelGenerated"}'
TOLERANCE = timedelta(minutes=15)


def recipe(*, key: str = KEY, url: str = URL, timestamp: str = TIME, body: bytes = BODY) -> str:
    """The signature, step by step as the vendor has it; no line of it is shared with the adapter."""
    string_to_sign = base64.b64encode(b"".join([b"POST", url.encode(), timestamp.encode(), body]))
    digest = hmac.digest(base64.b64decode(key), base64.b64decode(string_to_sign), hashlib.sha256)
    return base64.b64encode(digest).decode()


def delivery(body: bytes = BODY, *, headers: Any = None, method: str = "POST", at: datetime = NOW) -> WebhookRequest:
    signed = (("returnhelper-signature", recipe(body=body)), ("timestamp", TIME))
    return WebhookRequest(
        method=method,
        url="http://10.0.0.7:8080/rewritten-by-a-proxy",
        headers=signed if headers is None else headers,
        body=body,
        received_at=at,
    )


def check(request: WebhookRequest, *, keys: tuple[str, ...] = (KEY,), url: str | None = URL) -> None:
    verify(request, keys=tuple(map(Secret, keys)), url=url, tolerance=TOLERANCE)


def rejection(request: WebhookRequest, *, keys: tuple[str, ...] = (KEY,), url: str | None = URL) -> str:
    with pytest.raises(WebhookRejected) as caught:
        check(request, keys=keys, url=url)
    return caught.value.reason


def test_the_vendors_worked_example() -> None:
    request = WebhookRequest(
        method="POST",
        url=EXAMPLE["url"],
        headers={
            "content-type": "application/json; charset=utf-8",
            "returnhelper-signature": EXAMPLE["signature"],
            "timestamp": EXAMPLE["timestamp"],
        },
        body=EXAMPLE["body"].encode(),
        received_at=datetime(2024, 1, 12, 9, 23, 9, tzinfo=UTC),
    )

    check(request, keys=(EXAMPLE["key"],), url=EXAMPLE["url"])


def test_what_is_signed() -> None:
    assert signed_text(url=URL, timestamp=TIME, body=b"{}") == (
        b"POSThttps://shop.example/webhooks/acme2026-11-21T12:00:00.1234567Z{}"
    )


def test_a_good_delivery_is_believed_whatever_a_proxy_made_of_its_address() -> None:
    check(delivery())


def test_the_header_had_a_shorter_name_once() -> None:
    check(delivery(headers={"Signature": recipe(), "Timestamp": TIME}))


def test_the_newer_header_wins() -> None:
    check(delivery(headers={"signature": "x", "ReturnHelper-Signature": recipe(), "timestamp": TIME}))


@pytest.mark.parametrize("keys", [(KEY, OTHER_KEY), (OTHER_KEY, KEY), (OTHER_KEY, KEY, OTHER_KEY), ("no base64!", KEY)])
def test_every_live_key_is_tried(keys: tuple[str, ...]) -> None:
    check(delivery(), keys=keys)


def test_a_key_that_was_retired_is_refused() -> None:
    assert rejection(delivery(), keys=(OTHER_KEY,)) == "wrong_signature"


def test_the_base64_text_of_the_key_is_not_the_key() -> None:
    message = signed_text(url=URL, timestamp=TIME, body=BODY)
    wrong = base64.b64encode(hmac.digest(KEY.encode(), message, hashlib.sha256)).decode()

    assert rejection(delivery(headers={"returnhelper-signature": wrong, "timestamp": TIME})) == "wrong_signature"


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ([], "missing_signature"),
        ([("timestamp", TIME)], "missing_signature"),
        ([("returnhelper-signature", " "), ("timestamp", TIME)], "missing_signature"),
        ([("returnhelper-signature", recipe())] * 2 + [("timestamp", TIME)], "duplicate_signature"),
        ([("signature", recipe())] * 2 + [("timestamp", TIME)], "duplicate_signature"),
        ([("returnhelper-signature", "not base64"), ("timestamp", TIME)], "malformed_signature"),
        ([("returnhelper-signature", recipe()[:-1]), ("timestamp", TIME)], "malformed_signature"),
        ([("returnhelper-signature", "é" * 44), ("timestamp", TIME)], "malformed_signature"),
        ([("returnhelper-signature", hashlib.sha256(b"").hexdigest()), ("timestamp", TIME)], "malformed_signature"),
        ([("returnhelper-signature", "A" * 43 + "="), ("timestamp", TIME)], "wrong_signature"),
        ([("returnhelper-signature", recipe())], "missing_timestamp"),
        ([("returnhelper-signature", recipe()), ("timestamp", "")], "missing_timestamp"),
        ([("returnhelper-signature", recipe()), ("timestamp", TIME), ("timestamp", TIME)], "malformed_timestamp"),
        ([("returnhelper-signature", recipe()), ("timestamp", "é")], "malformed_timestamp"),
        ([("returnhelper-signature", recipe(timestamp="noon")), ("timestamp", "noon")], "malformed_timestamp"),
    ],
)
def test_bad_headers_have_reasons_of_their_own(headers: list[tuple[str, str]], reason: str) -> None:
    assert rejection(delivery(headers=headers)) == reason


@pytest.mark.parametrize(
    "signature",
    [
        recipe(body=BODY + b" "),
        recipe(body=b""),
        recipe(timestamp="2026-11-21T12:00:00.1234568Z"),
        recipe(url=URL + "/"),
        recipe(url=URL.replace("https", "http")),
        recipe(key=OTHER_KEY),
    ],
)
def test_every_part_is_signed(signature: str) -> None:
    headers = {"returnhelper-signature": signature, "timestamp": TIME}

    assert rejection(delivery(headers=headers)) == "wrong_signature"


def test_the_word_post_is_signed_and_nothing_else_is_taken() -> None:
    assert rejection(delivery(method="PUT")) == "wrong_method"
    assert rejection(delivery(method="GET")) == "wrong_method"


@pytest.mark.parametrize(
    ("keys", "url"), [((), URL), (("",), URL), (("no base64!",), URL), ((KEY,), None), ((KEY,), "")]
)
def test_an_account_that_cannot_verify_refuses(keys: tuple[str, ...], url: str | None) -> None:
    assert rejection(delivery(), keys=keys, url=url) == "not_configured"


@pytest.mark.parametrize("late", [-TOLERANCE, timedelta(), TOLERANCE])
def test_the_signed_time_may_differ_by_the_tolerance(late: timedelta) -> None:
    check(delivery(at=NOW + late))


@pytest.mark.parametrize("late", [-TOLERANCE - timedelta(seconds=1), TOLERANCE + timedelta(seconds=1)])
def test_a_stale_signed_time_is_refused_in_both_directions(late: timedelta) -> None:
    assert rejection(delivery(at=NOW + late)) == "stale_timestamp"


def test_a_stale_time_tells_nothing_of_a_wrong_signature() -> None:
    headers = {"returnhelper-signature": "A" * 43 + "=", "timestamp": TIME}

    assert rejection(delivery(headers=headers, at=NOW + timedelta(days=1))) == "wrong_signature"


def test_an_old_time_in_the_body_is_no_reason_to_refuse() -> None:
    body = b'{"action":"changeLineItemImage","eventTime":"2019-01-01T00:00:00Z"}'

    check(delivery(body))


def test_no_rejection_holds_the_signature_the_key_or_the_body() -> None:
    with pytest.raises(WebhookRejected) as caught:
        check(delivery(), keys=(OTHER_KEY,))

    text = repr(caught.value) + str(caught.value.args)
    assert recipe() not in text
    assert OTHER_KEY not in text
    assert "labelGenerated" not in text


HEADER = st.text(alphabet=st.characters(max_codepoint=255), max_size=80)


@settings(deadline=None)
@given(
    names=st.lists(st.sampled_from(["returnhelper-signature", "signature", "timestamp", "x"]), max_size=5),
    values=st.lists(HEADER, min_size=5, max_size=5),
    method=st.sampled_from(["POST", "post", "GET", ""]),
    body=st.binary(max_size=50),
)
def test_any_headers_are_refused_and_never_an_error(
    names: list[str], values: list[str], method: str, body: bytes
) -> None:
    request = delivery(body, method=method, headers=list(zip(names, values, strict=False)))

    assert rejection(request) != ""


# What a good delivery says.


def receipt(name: str, **changed: Any) -> Receipt:
    body = json.loads((NOTICES / f"{name}.json").read_bytes(), parse_float=str)
    return read(PARSER, delivery(json.dumps({**body, **changed}).encode()))


def observations(name: str) -> list[ReturnObserved]:
    events = read(PARSER, delivery((NOTICES / f"{name}.json").read_bytes())).events
    observed = [event for event in events if isinstance(event, ReturnObserved)]
    assert all(event.name == name.partition("-")[0] for event in observed)
    return observed


def told(name: str) -> Return:
    (event,) = observations(name)
    assert event.observed.updated_at == event.occurred_at
    return event.observed


UNKNOWN = {"consolidateShippingOrderShippingFeeUpdated", "consolidateShippingOrderCancelled"}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_every_documented_notification_is_answered_200_and_read(name: str) -> None:
    received = read(PARSER, delivery((NOTICES / f"{name}.json").read_bytes()))

    assert received.answer == HttpAnswer(status=200)
    assert any(isinstance(event, UnknownEvent) for event in received.events) is (name in UNKNOWN)


def a_parcel(weight: int, *sides: int) -> Parcel:
    length, width, height = map(Decimal, sides)
    return Parcel(weight_g=Decimal(weight), length_cm=length, width_cm=width, height_cm=height)


def test_a_label() -> None:
    (event,) = observations("labelGenerated")

    assert event.occurred_at == datetime(2024, 1, 12, 9, 23, 8, 486274, tzinfo=UTC)
    assert event.observed == Return(
        provider="return_helper",
        id="",
        order=OrderRef(number="1001-A"),
        updated_at=event.occurred_at,
        shipments=(
            Shipment(
                id="30385",
                number="S240112-0000001",
                direction=Direction.INBOUND,
                service="RETURN_USPS_GROUND_ADVANTAGE_NJ",
                tracking_number="9400000000000000000137",
                label=Label(
                    id="31033",
                    status=LabelStatus.READY,
                    status_raw="success",
                    cancel_before=datetime(2024, 2, 11, 9, 21, 24, 79500, tzinfo=UTC),
                    url="https://labels.example/202401/10595.pdf",
                    qr_code_url="https://labels.example/202401/10595-qr.png",
                ),
            ),
        ),
    )


def test_a_label_that_failed() -> None:
    (parcel,) = told("labelGenerated-failed").shipments

    assert parcel.id == "30385"
    assert parcel.label == Label(
        id="31034",
        status=LabelStatus.FAILED,
        status_raw="fail",
        error='"{\\"errors\\":[{\\"code\\":\\"400\\",\\"message\\":\\"suburb and postcode do not match\\"}]}"',
    )
    assert parcel.tracking_number is None


def test_an_arrival_of_the_second_version() -> None:
    ret = told("markShipmentArrive-v2")

    assert ret == Return(
        provider="return_helper",
        id="64004",
        order=OrderRef(number="1001-A"),
        custom_fields={"customerId": "buyer123", "dateOfPurchase": "2024-07-01"},
        updated_at=datetime(2024, 4, 1, 1, 0, 12, 100000, tzinfo=UTC),
        shipments=(
            Shipment(
                id="30385",
                return_id="64004",
                direction=Direction.INBOUND,
                reference="shop-7",
                status=ShipmentStatus.DELIVERED,
                service="fedex",
                tracking_number="9400000000000000000137",
                warehouse_id="3",
                arrived_at=datetime(2024, 4, 1, 1, tzinfo=UTC),
            ),
        ),
    )


def test_an_arrival_of_the_first_version() -> None:
    ret = told("markShipmentArrive-v1")

    (parcel,) = ret.shipments
    assert (ret.id, ret.number, ret.reference, ret.status_raw) == ("64004", "R240330-0000004", "req-7", "0")
    assert ret.kind is ReturnKind.UNKNOWN
    assert ret.notes == (Note(id="remarks", text="fragile"),)
    assert ret.created_at == datetime(2024, 3, 30, 8, 0, 0, 768181, tzinfo=UTC)
    assert ret.customer == Customer(email="ann@shop.example", name="Ann Example", phone="5550100")
    assert ret.address == Address(
        name="Ann Example",
        line1="1 Main St",
        city="Newark",
        state="NJ",
        postal_code="07101",
        country="US",
        phone="5550100",
        email="ann@shop.example",
    )
    assert (parcel.id, parcel.status, parcel.status_raw) == ("30385", ShipmentStatus.DELIVERED, "6")
    assert (parcel.tracking_number, parcel.cost) == ("T-20240401", Money(amount=Decimal("11.03"), currency="USD"))
    assert parcel.label is not None
    assert parcel.label.status is LabelStatus.UNKNOWN
    assert (parcel.number, parcel.warehouse_id, parcel.parcel) == ("S240330-0000004", "2", a_parcel(500, 10, 10, 10))
    assert parcel.arrived_at == datetime(2024, 4, 1, 1, 36, 18, 743104, tzinfo=UTC)
    assert ret.items == (
        Item(
            id="18200",
            aliases=("38219",),
            name="Kettle",
            quantity=Decimal(1),
            quantity_received=Decimal(1),
            reference="line-7",
            rma="USE-2-240401-D00001-25",
            warehouse_id="2",
            disposition=Disposition.UNDECIDED,
            disposition_raw="0",
            disposition_status=DispositionStatus.PENDING,
            disposition_status_raw="0",
            value=Money(amount=Decimal(22), currency="USD"),
            measured=a_parcel(500, 10, 10, 120),
            received_at=datetime(2024, 4, 1, 1, 36, 18, 778048, tzinfo=UTC),
        ),
    )


def test_a_new_inventory() -> None:
    ret = told("newInventoryCreated")

    assert (ret.id, ret.order, ret.custom_fields["customerId"]) == ("64004", None, "buyer123")
    assert [(parcel.id, parcel.status) for parcel in ret.shipments] == [("30385", ShipmentStatus.DELIVERED)]
    assert ret.items == (
        Item(
            id="18200",
            name="Kettle",
            quantity=Decimal(1),
            quantity_received=Decimal(1),
            rma="USE-2-240401-D00001-25",
            warehouse_id="2",
            disposition=Disposition.UNDECIDED,
            disposition_status=DispositionStatus.PENDING,
            disposition_raw="tbc",
            disposition_status_raw="pending",
            measured=a_parcel(300, 20, 20, 22),
            received_at=datetime(2024, 4, 1, 1, 36, 18, 889680, tzinfo=UTC),
            images=("https://files.example/a.jpg", "https://files.example/b.JPG"),
            value=Money(amount=Decimal(22), currency="USD"),
        ),
    )


def test_an_unknown_parcel_that_is_ours() -> None:
    ret = told("assignUnknown")

    (one,), (parcel,) = ret.items, ret.shipments
    assert (ret.id, ret.kind, ret.number) == ("9324", ReturnKind.UNANNOUNCED, "UN240402-0000012")
    assert (ret.customer, ret.address) == (None, None)
    assert (one.id, one.aliases, one.images) == ("3929", ("10866",), ("https://files.example/u.png",))
    assert (parcel.id, parcel.service, parcel.tracking_number) == ("9265", None, "tf2024040201")
    assert parcel.label is not None
    assert (parcel.label.status, parcel.label.url, parcel.label.id) == (LabelStatus.UNKNOWN, None, "9768")


@pytest.mark.parametrize(
    ("name", "progress", "word", "parcel"),
    [
        ("tracking", DispositionStatus.IN_PROGRESS, "in-transit", ShipmentStatus.IN_TRANSIT),
        ("ready", DispositionStatus.IN_PROGRESS, "ready-to-pick-up", ShipmentStatus.AVAILABLE_FOR_PICKUP),
        ("picked-up", DispositionStatus.DONE, "picked-up", ShipmentStatus.DELIVERED),
    ],
)
def test_a_recall(name: str, progress: DispositionStatus, word: str, parcel: ShipmentStatus) -> None:
    observed = told(f"recallUpdateStatus-{name}")
    (shipment,) = observed.shipments
    plain = evolve(shipment, number=None, reference=None, parcel=None)
    assert evolve(observed, shipments=(plain,)) == Return(
        provider="return_helper",
        id="",
        updated_at=observations(f"recallUpdateStatus-{name}")[0].occurred_at,
        items=(
            Item(
                id="18600",
                aliases=("recall:938",),
                rma="USE-1005-240423-D00001-25",
                disposition=Disposition.RETURN_TO_OWNER,
                disposition_raw="rtn",
                disposition_status=progress,
                disposition_status_raw=word,
            ),
        ),
        shipments=(
            Shipment(
                id="recall:1145",
                direction=Direction.OUTBOUND,
                status=parcel,
                status_raw=word,
                service="dhl",
                tracking_number="S240423-0000018-AWB",
            ),
        ),
    )


def test_a_recall_of_several_inventories_tells_of_each_by_itself() -> None:
    one = {"recallInventoryId": 1, "returnInventoryId": 10, "recallInventoryStatusCode": "in-progress"}
    recall = {"recallId": 5, "recallInventoryList": [one, {**one, "recallInventoryId": 2, "returnInventoryId": 20}]}

    events = receipt("recallUpdateStatus-tracking", recall=recall).events

    told_of = [[part.id for part in event.observed.items] for event in events if isinstance(event, ReturnObserved)]
    assert told_of == [["10"], ["20"]]


def test_a_recall_of_the_first_generation_names_no_inventory() -> None:
    assert told("recallUpdateStatus-2021").items == (
        Item(
            aliases=("recall:338",),
            disposition=Disposition.RETURN_TO_OWNER,
            disposition_raw="rtn",
            disposition_status=DispositionStatus.IN_PROGRESS,
            disposition_status_raw="1",
        ),
    )


def test_a_recall_that_was_picked_up_tells_the_last_leg() -> None:
    (parcel,) = told("recallUpdateStatus-picked-up").shipments

    assert (parcel.number, parcel.reference) == (parcel.raw["listName"], "DHL S240423-0000018")


def test_a_resend() -> None:
    ret = told("updateResendStatus")

    (one,) = ret.items
    assert (ret.id, one.id, one.aliases) == ("63708", "18148", ("37912", "resend:3588"))
    assert (one.disposition, one.disposition_raw) == (Disposition.FORWARD, "rsd")
    assert (one.disposition_status, one.disposition_status_raw) == (DispositionStatus.DONE, "3")
    assert ret.shipments == (
        Shipment(
            id="resend:3588",
            number="RSDS240430-0000056",
            direction=Direction.OUTBOUND,
            status=ShipmentStatus.IN_TRANSIT,
            status_raw="3",
            service="SHIPMENT_USPS_GA_SIG_NJ",
            tracking_number="9405500000000000005813",
            cost=Money(amount=Decimal("11.03"), currency="USD"),
            ship_to=Address(
                name="Bob Example",
                line1="2 Main St",
                city="Taos",
                state="NM",
                postal_code="87571",
                country="US",
                phone="5550101",
                email="bob@shop.example",
            ),
            warehouse_id="2",
        ),
    )


def test_a_resend_that_failed() -> None:
    ret = told("updateResendStatus-failed")

    (one,), (parcel,) = ret.items, ret.shipments
    assert one.disposition_status is DispositionStatus.FAILED
    assert parcel.label == Label(status=LabelStatus.FAILED, error='{"message":"Invalid address."}')


def test_a_resend_of_two_returns_tells_each_its_own_inventories() -> None:
    rows = [{"returnInventoryId": 1, "returnRequestId": 7}, {"returnInventoryId": 2, "returnRequestId": 8}]

    events = receipt("updateResendStatus", returnInventoryList=[*rows, {"returnInventoryId": 3}]).events

    told_of = [
        (event.observed.id, [one.id for one in event.observed.items], len(event.observed.shipments))
        for event in events
        if isinstance(event, ReturnObserved)
    ]
    # The shipment goes only where the return is named: the same parcel is part of several.
    assert told_of == [("7", ["1"], 1), ("8", ["2"], 1), ("", ["3"], 0)]


def test_a_resend_of_the_older_form_is_known_by_its_id() -> None:
    ret = told("updateResendTrackingNumber")

    assert [one.aliases for one in ret.items] == [("resend:3588",)]
    assert [(parcel.id, parcel.tracking_number) for parcel in ret.shipments] == [("resend:3588", "test-2021-07-06")]


def test_a_service_is_named_by_its_id_and_read_again() -> None:
    observed, hint = read(PARSER, delivery((NOTICES / "vasUpdated.json").read_bytes())).events

    assert isinstance(observed, ReturnObserved)
    assert observed.observed.id == ""
    assert observed.observed.items == (
        Item(
            aliases=("vas:2664",),
            services=(Service(id="2664", status=DispositionStatus.DONE, status_raw="1", result="works"),),
            measured=a_parcel(500, 10, 20, 30),
        ),
    )
    assert hint == ReturnHint(name="vasUpdated", return_id=None, aliases=("item:vas:2664",))


def test_the_list_of_services_may_have_the_name_in_the_table() -> None:
    row = {
        "returnRequestLineItemVasId": 5,
        "returnRequestLineItemId": 9,
        "returnRequestId": 3,
        "vasStatusCode": "failed",
    }

    observed, hint = receipt("vasUpdated", updateVasList=None, returnInventoryList=[row]).events

    assert isinstance(observed, ReturnObserved)
    assert [(one.aliases, one.services[0].status) for one in observed.observed.items] == [
        (("vas:5", "9"), DispositionStatus.FAILED)
    ]
    assert isinstance(hint, ReturnHint)
    assert (observed.observed.id, hint.return_id) == ("3", "3")


def test_a_split_tells_of_its_pieces_and_has_the_whole_read_again() -> None:
    observed, hint = read(PARSER, delivery((NOTICES / "splitLineItem.json").read_bytes())).events

    assert isinstance(observed, ReturnObserved)
    first, second, whole = observed.observed.items
    assert observed.observed.id == "64004"
    assert (first.id, first.aliases, first.rma, first.disposition) == (
        "18202",
        ("38347",),
        None,
        Disposition.UNDECIDED,
    )
    assert (second.id, second.aliases) == ("18203", ("38348",))
    assert whole == Item(
        aliases=("38219", "vas:2665"),
        disposition=Disposition.REWORK,
        disposition_raw="split-parcel",
        disposition_status=DispositionStatus.DONE,
        disposition_status_raw="SUCCESSFUL",
        services=(Service(id="2665", code="split-parcel", status=DispositionStatus.DONE, status_raw="SUCCESSFUL"),),
    )
    assert [piece.measured for piece in (first, second)] == [a_parcel(213, 23, 21, 11), a_parcel(123, 23, 21, 11)]
    assert hint == ReturnHint(name="splitLineItem", return_id="64004")


def test_images_of_a_line_item() -> None:
    ret = told("changeLineItemImage")

    (item,) = ret.items
    assert (ret.id, item.id, item.aliases) == ("64004", None, ("38219",))
    assert (item.name, item.reference, item.images) == ("Kettle", "line-7", ("https://files.example/c.png",))


def test_images_of_an_inventory_that_is_named() -> None:
    (event,) = receipt("changeLineItemImage", returnInventoryId="18200").events

    assert isinstance(event, ReturnObserved)
    assert [(one.id, one.aliases) for one in event.observed.items] == [("18200", ("38219",))]


def test_a_completed_disposal() -> None:
    ret = told("completeInventoryHandling")

    (one,) = ret.items
    assert (ret.id, one.id, one.aliases) == ("64004", "18203", ("38348",))
    assert (one.disposition, one.disposition_status, one.disposition_raw) == (
        Disposition.DISPOSE,
        DispositionStatus.DONE,
        "2",
    )


@pytest.mark.parametrize(("handling", "raw"), [(4, "4"), ("ohd", "ohd")])
def test_a_completed_hold_is_still_on_hold(handling: object, raw: str) -> None:
    body = {"returnInventoryId": 1, "handlingCode": handling, "handlingStatusCode": "completed"}

    (event,) = receipt("completeInventoryHandling", returnInventory=body).events

    assert isinstance(event, ReturnObserved)
    (one,) = event.observed.items
    assert (one.disposition, one.disposition_status, one.disposition_raw) == (
        Disposition.HOLD,
        DispositionStatus.DONE,
        raw,
    )


def test_a_cancelled_handling_is_read_where_it_has_the_same_body() -> None:
    body = {"returnInventoryId": 1, "returnRequestId": 2, "handlingCode": "tbc", "handlingStatusCode": "pending"}

    (event,) = receipt("completeInventoryHandling", action="cancelInventoryHandling", returnInventory=body).events

    assert isinstance(event, ReturnObserved)
    assert [(one.id, one.disposition) for one in event.observed.items] == [("1", Disposition.UNDECIDED)]


def test_a_recalibration_teaches_the_line_item_of_an_inventory() -> None:
    ret = told("completeRecalibrate")

    assert ret.items == (
        Item(
            id="18191",
            aliases=("38320",),
            rma="USE-1005-240404-D00001-25",
            warehouse_id="8",
            measured=a_parcel(310, 20, 20, 20),
        ),
    )


def test_a_swapped_rma() -> None:
    ret = told("notifyUserRmaSwapped")

    assert (ret.id, ret.items) == ("", (Item(id="19029", rma="USE-2-240520-D00001-35"),))


def test_metas_are_further_facts_of_an_inventory() -> None:
    (one,) = told("updateReturnInventoryMeta").items

    assert (one.id, one.disposition) == ("18200", Disposition.HOLD)
    assert one.extra == {"EAN": "4006381333931", "IMEI": "490154203237518"}


def test_remarks_of_a_warehouse() -> None:
    ret = told("warehouseUpdateWarehouseRemarks")

    (one,), (parcel,) = ret.items, ret.shipments
    assert ret.notes == (Note(id="remarks", text="Created by Warehouse"),)
    assert one.notes == (Note(id="warehouse", text="scratched", author="warehouse"),)
    assert (ret.form, ret.customer) == (
        "return-helper",
        Customer(email="ann@shop.example", name="Ann Example", phone="5550100"),
    )
    assert (ret.id, ret.status_raw, parcel.status) == ("54521", "0", ShipmentStatus.DELIVERED)
    assert (one.disposition, one.disposition_status) == (Disposition.RETURN_TO_OWNER, DispositionStatus.DONE)


def test_an_assigned_sku() -> None:
    (one,) = told("userUpdateReturnInventorySku").items

    assert (one.id, one.aliases, one.sku) == ("13790", ("27320",), "AAAA")


@pytest.mark.parametrize(
    ("name", "progress", "parcel", "awb"),
    [
        ("consolidateShippingOrderInventoryAllPacked", "in_progress", "pre_transit", None),
        ("consolidateShippingShipmentSent", "done", "in_transit", None),
        ("consolidateShippingShipmentShipped", "done", "in_transit", "AWB-1"),
        ("consolidateShippingOrderCompleted", "done", "in_transit", "AWB-1"),
    ],
)
def test_consolidate_shipping(name: str, progress: str, parcel: str, awb: str | None) -> None:
    ret = told(name)

    (one,), (outbound,) = ret.items, ret.shipments
    assert (ret.id, one.id, one.rma) == ("", "18200", "USE-2-240401-D00001-25")
    assert (one.disposition, one.disposition_status) == (Disposition.FORWARD, DispositionStatus(progress))
    assert (outbound.id, outbound.status, outbound.tracking_number) == (
        "consolidate:01JDINV0000000000000000001",
        ShipmentStatus(parcel),
        awb,
    )


def test_a_return_that_a_buyer_made() -> None:
    ret = told("buyerReturnLabelGenerated")

    (parcel,) = ret.shipments
    assert (ret.id, ret.number, ret.kind) == ("70001", "BR240601-0000001", ReturnKind.CUSTOMER)
    assert ret.items == (
        Item(
            aliases=("buyer:91",),
            reference="1002-B-1",
            name="Shirt",
            quantity=Decimal(1),
            reason=Reason(code="too-small", text="Too small"),
            value=Money(amount=Decimal(30), currency="USD"),
        ),
    )
    assert (ret.order, ret.custom_fields) == (OrderRef(number="1002-B"), {"tier": "gold"})
    assert ret.created_at == datetime(2024, 6, 1, 9, 59, 58, tzinfo=UTC)
    assert parcel == Shipment(
        id="40001",
        number="BRS240601-0000001",
        return_id="70001",
        direction=Direction.INBOUND,
        service="RETURN_USPS_GROUND_ADVANTAGE_NJ",
        tracking_number="9400000000000000000555",
        label=Label(id="50001", status=LabelStatus.READY, status_raw="success", url="https://labels.example/50001.pdf"),
        cost=Money(amount=Decimal("9.5"), currency="USD"),
        parcel=a_parcel(500, 10, 10, 10),
        warehouse_id="2",
    )


# What cannot be interpreted is kept.


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b'{"probe":true}', None),
        (b"{}", None),
        (b"", None),
        (b"not json", None),
        (b"[1]", None),
        (b'{"category":"lr","action":"labelRefunded","eventTime":"2024-01-01T00:00:00Z"}', "labelRefunded"),
        (b'{"category":"sr","eventTime":"2024-01-01T00:00:00Z"}', "sr"),
        (b'{"category":"transaction","action":"addTransaction"}', "addTransaction"),
        (b'{"category":"fbaShipmentArrived","action":"fbaShipmentArrived"}', "fbaShipmentArrived"),
        (b'{"category":"recall","action":"recallDelivered"}', "recallDelivered"),
        (b'{"category":"labelGenerated","action":"labelGenerated"}', "labelGenerated"),
        (b'{"action":"labelGenerated","label":{"shipmentId":"."}}', "labelGenerated"),
        (b'{"action":"changeLineItemImage","returnRequestLineItem":{},"imageUrlList":[]}', "changeLineItemImage"),
        (b'{"action":"cancelInventoryHandling","somethingElse":1}', "cancelInventoryHandling"),
        (b'{"action":7,"category":[]}', None),
    ],
)
def test_what_cannot_be_interpreted_is_kept_and_answered_200(body: bytes, name: str | None) -> None:
    received = read(PARSER, delivery(body))

    assert received.events == (UnknownEvent(name=name, body=body),)
    assert received.answer == HttpAnswer(status=200)
    assert received.dedupe_key == hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize(
    ("body", "ids"),
    [
        (
            {"fbaShipmentId": "3c90c3cc", "warehouseId": 2, "apiId": 5},
            {"fbaShipmentId": "3c90c3cc", "warehouseId": "2"},
        ),
        ({"fbaInstruction": {"fbaInstructionId": "4d44", "status": "x"}}, {"fbaInstructionId": "4d44"}),
        ({"fbaInstructionId": None, "returnInventoryId": 7, "list": [{"otherId": 1}]}, {"returnInventoryId": "7"}),
        ({"fbaShipmentId": ["no", "id"]}, {}),
    ],
)
@pytest.mark.parametrize("action", ["markFbaShipmentArrived", "fbaShipmentPutaway", "completeFbaInstructionRestock"])
def test_what_is_documented_without_a_body_tells_its_kind_and_its_ids(action: str, body: Any, ids: Any) -> None:
    (event,) = read(PARSER, delivery(json.dumps({"action": action, "category": action, **body}).encode())).events

    assert isinstance(event, UnknownEvent)
    assert (event.name, event.ids) == (action, ids)


def test_duplicates_are_known_by_the_notification_id() -> None:
    first = receipt("consolidateShippingShipmentSent", notificationId="01JD5Y", eventTime="2024-11-03T08:00:00Z")
    again = receipt("consolidateShippingShipmentSent", notificationId="01JD5Y", eventTime="2024-11-03T08:00:09Z")

    assert first.dedupe_key == again.dedupe_key == "01JD5Y"


@pytest.mark.parametrize("notification_id", [None, "", 5, ["x"], "a b", "x" * 201])
def test_without_a_usable_one_by_the_body(notification_id: object) -> None:
    body = json.dumps({"action": "x", "notificationId": notification_id}).encode()

    assert read(PARSER, delivery(body)).dedupe_key == hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize("event_time", [None, "", "soon", 5, "0001-01-01T00:00:00"])
def test_without_a_time_in_the_body_the_signed_one_counts(event_time: object) -> None:
    (event,) = receipt("notifyUserRmaSwapped", eventTime=event_time).events

    assert isinstance(event, ReturnObserved)
    assert event.occurred_at == datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)


def test_without_any_time_that_of_the_arrival() -> None:
    body = b'{"action":"notifyUserRmaSwapped","payload":{"returnInventoryId":1,"newRma":"A"}}'

    (event,) = read(PARSER, delivery(body, headers=[], at=NOW)).events

    assert isinstance(event, ReturnObserved)
    assert event.occurred_at == NOW


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)


@settings(deadline=None)
@given(body=st.binary(max_size=30) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_body_has_a_receipt(body: bytes) -> None:
    assert read(PARSER, delivery(body, headers=[])).answer == HttpAnswer(status=200)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, held in inside for found in places(held, (*path, key)))]


@pytest.mark.parametrize("name", DOCUMENTED)
@given(data=st.data())
def test_any_value_in_any_place_of_a_notification_has_a_receipt(name: str, data: st.DataObject) -> None:
    body = json.loads((NOTICES / f"{name}.json").read_bytes())
    *path, last = data.draw(st.sampled_from(places(body)[1:]))
    holder = body
    for key in path:
        holder = holder[key]
    holder[last] = data.draw(JSON)
    sent = json.dumps(body).encode()

    received = read(PARSER, delivery(sent, headers=[]))

    assert received.answer == HttpAnswer(status=200)
    assert received.events


@pytest.mark.parametrize("name", DOCUMENTED)
def test_a_body_of_endless_depth_has_a_receipt(name: str) -> None:
    body = json.loads((NOTICES / f"{name}.json").read_bytes())
    deep = "[" * 900 + "]" * 900
    sent = [json.dumps(body | {key: 0}).replace(f'"{key}": 0', f'"{key}": {deep}') for key in body]

    assert all(read(PARSER, delivery(text.encode(), headers=[])).events for text in sent)
