"""The check list at the end of the wire reference: a test a number."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from returns_hub import (
    Attention,
    Disposition,
    Item,
    ItemInstruction,
    LabelStatus,
    Money,
    NewReturn,
    Page,
    PermissionDenied,
    Reply,
    Request,
    Resolution,
    ResolutionKind,
    ResolutionStatus,
    Return,
    ReturnKind,
    ReturnObserved,
    ReturnQuery,
    Secret,
    ShipmentStatus,
    Status,
    TransportFailed,
    UnknownEvent,
    UnsupportedOperation,
    WebhookRejected,
    WebhookRequest,
    connect,
)
from returns_hub.testing import serve
from returns_hub_redo import Redo
from returns_hub_redo.sandbox import RedoSandbox
from returns_hub_redo.sandbox.seed import EXAMPLE_ID, example

STORE = "65a00000000000000000feed"
TOKEN = "a-token-of-more-than-thirty-two-characters"
NOW = datetime(2026, 10, 4, tzinfo=UTC)


@pytest.fixture(scope="module")
def redo() -> Redo:
    return Redo(api_key=Secret("a-secret"), store_id=STORE, webhook_secrets=[TOKEN])


def reply(payload: Any, *, status: int = 200, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status=status, headers=named, body=json.dumps(payload).encode())


def finish(operation: Any, *replies: Reply) -> tuple[Any, list[Request]]:
    """What the operation returns when it is answered so, and what it sent."""
    sent = [next(operation)]
    for each in replies[:-1]:
        sent.append(operation.send(each))  # noqa: PERF401 - the operation is driven
    with pytest.raises(StopIteration) as stop:
        operation.send(replies[-1])
    return stop.value.value, sent


def read(redo: Redo, **fields: Any) -> Return:
    """The example of the reference with other fields, as ``get_return`` gives it."""
    wire, order = example()
    ret: Return = finish(redo.get_return(EXAMPLE_ID), reply({"return": {**wire, **fields}, "order": order}))[0]
    return ret


def item(**fields: Any) -> dict[str, Any]:
    return {**example()[0]["items"][0], **fields}


def totals(**amounts: str) -> Mapping[str, Any]:
    return {name: {"amount": {"amount": amount, "currency": "USD"}} for name, amount in amounts.items()}


def delivery(body: Mapping[str, Any], *, token: str = TOKEN, **headers: str) -> WebhookRequest:
    return WebhookRequest(
        method="POST",
        url="https://platform.example/webhooks/acme",
        headers={"Authorization": f"Bearer {token}", **headers},
        body=json.dumps(body).encode(),
        received_at=NOW,
    )


def told(**fields: Any) -> Mapping[str, Any]:
    wire, order = example()
    return {"type": "updated", "at": "2026-10-03T18:20:01Z", "return": {**wire, **fields}, "order": order}


def test_1_the_store_id_is_in_the_paths_of_list_and_create_only(redo: Redo) -> None:
    assert next(redo.list_returns(ReturnQuery())).path == f"/stores/{STORE}/returns"
    assert next(redo.get_return(EXAMPLE_ID)).path == f"/returns/{EXAMPLE_ID}"
    assert next(redo.set_status(EXAMPLE_ID, Status.CLOSED)).path == f"/returns/{EXAMPLE_ID}/status"


def test_2_pages_are_asked_for_in_headers(redo: Redo) -> None:
    first = next(redo.list_returns(ReturnQuery(page_size=40)))
    assert (first.headers, first.query) == ((("X-Page-Size", "40"),), ())
    page, _ = finish(redo.list_returns(ReturnQuery()), reply({"returns": [], "orders": []}, X_Page_Next="abc=="))
    second = next(redo.list_returns(ReturnQuery(), page.next))
    assert second.headers == (("X-Page-Size", "500"), ("X-Page-Continue", "abc=="))


def test_3_only_a_missing_next_page_ends_a_listing(redo: Redo) -> None:
    empty, _ = finish(redo.list_returns(ReturnQuery()), reply({"returns": [], "orders": []}, X_Page_Next="more"))
    assert (empty.items, empty.next is not None) == ((), True)
    wire, order = example()
    last, _ = finish(redo.list_returns(ReturnQuery()), reply({"returns": [wire], "orders": [order]}))
    assert (len(last.items), last.next) == (1, None)


def test_4_the_end_of_a_window_is_exclusive_and_the_same_on_every_page(redo: Redo) -> None:
    since, until = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 10, 4, tzinfo=UTC)
    (part,) = redo.backfill(since, until)
    first = next(part.read(None))
    assert first.query == (("updated_at_min", "2026-01-01T00:00:00Z"), ("updated_at_max", "2026-10-04T00:00:01Z"))
    page, _ = finish(part.read(None), reply({"returns": [], "orders": []}, X_Page_Next="more"))
    assert next(part.read(page.next)).query == first.query
    parts = redo.backfill(datetime(2020, 1, 1, tzinfo=UTC), until)
    bounds = [dict(next(each.read(None)).query) for each in parts]
    assert bounds[0]["updated_at_min"] == "2020-01-01T00:00:00Z"
    assert bounds[-1]["updated_at_max"] == "2026-10-04T00:00:01Z"
    assert [one["updated_at_max"] for one in bounds[:-1]] == [other["updated_at_min"] for other in bounds[1:]]


def test_4_changes_are_read_from_five_minutes_before(redo: Redo) -> None:
    assert next(redo.changes(NOW)).query == (("updated_at_min", "2026-10-03T23:55:00Z"),)


def test_5_several_returns_share_an_order(redo: Redo) -> None:
    wire, order = example()
    bare = {name: value for name, value in wire.items() if name != "externalOrderIds"}
    rows = [{**bare, "id": f"65a00000000000000000000{n}", "order": {"id": order["id"]}} for n in range(3)]
    page: Page[Return]
    page, _ = finish(redo.list_returns(ReturnQuery()), reply({"returns": rows, "orders": [order]}))
    assert [(ret.order.number, ret.order.id) for ret in page.items if ret.order] == [("#2041", "5001")] * 3
    assert {ret.items[0].name for ret in page.items} == {"Tee"}


def test_6_totals_wrap_their_amount_twice(redo: Redo) -> None:
    ret = read(redo, totals=totals(refund="20.00", exchange="0.00", storeCredit="0.00", charge="0.00"))
    amount = Money(amount="20.00", currency="USD")
    assert ret.resolutions == (Resolution(kind=ResolutionKind.REFUND, status=ResolutionStatus.PENDING, amount=amount),)


def test_7_a_second_label_of_a_group_leaves_the_first_its_id(redo: Redo) -> None:
    first = {"shipmentGroupId": "sg_1", "tracker": "111", "status": "pre_transit"}
    second = {"shipmentGroupId": "sg_1", "tracker": "222", "status": "pre_transit"}
    bare, nameless = {"tracker": "333", "status": "unknown"}, {"status": "unknown"}
    ret = read(redo, shipments=[first, second, bare, nameless])
    assert [shipment.id for shipment in ret.shipments] == [
        f"{EXAMPLE_ID}/sg_1",
        f"{EXAMPLE_ID}/sg_1/222",
        f"{EXAMPLE_ID}/333",
        f"{EXAMPLE_ID}/4",
    ]


def test_7_a_drop_off_without_a_shipment_is_one_of_unknown_status(redo: Redo) -> None:
    dropoff = {"shipmentGroupId": "sg_9", "provider": "happy_returns", "qrCodeUrl": "https://files.example/9.png"}
    ret = read(redo, status="open", shipments=[], dropoffs=[dropoff])
    (shipment,) = ret.shipments
    assert (shipment.id, shipment.status, ret.status) == (
        f"{EXAMPLE_ID}/sg_9",
        ShipmentStatus.UNKNOWN,
        Status.READY_TO_SHIP,
    )
    assert shipment.label is not None
    assert (shipment.label.status, shipment.label.url) == (LabelStatus.READY, None)
    assert shipment.label.qr_code_url == "https://files.example/9.png"


def test_8_the_list_of_shipments_is_right_where_the_single_one_differs(redo: Redo) -> None:
    single = {"shipmentGroupId": "sg_1", "tracker": "111", "status": "delivered"}
    listed = {"shipmentGroupId": "sg_1", "tracker": "111", "status": "in_transit"}
    both = read(redo, shipment=single, shipments=[listed])
    assert [shipment.status for shipment in both.shipments] == [ShipmentStatus.IN_TRANSIT]
    alone = read(redo, shipment=single, shipments=[])
    assert [shipment.status for shipment in alone.shipments] == [ShipmentStatus.DELIVERED]


def test_9_a_green_return_is_reported_by_item(redo: Redo) -> None:
    half = read(redo, items=[item(greenReturn=True), item(id="65a000000000000000000012")])
    assert [each.disposition for each in half.items] == [Disposition.KEEP, None]
    assert half.goods_expected is None
    assert read(redo, items=[item(greenReturn=True)]).goods_expected is False


@pytest.mark.parametrize(
    ("word", "attention"),
    [
        ("needs_review", {Attention.REVIEW}),
        ("in_review", {Attention.REVIEW}),
        ("flagged", {Attention.WAITING_MERCHANT, Attention.EXCEPTION}),
    ],
)
def test_10_a_flag_keeps_the_progress_of_the_shipments(redo: Redo, word: str, attention: set[Attention]) -> None:
    moving = read(redo, status=word)
    assert (moving.status, set(moving.attention)) == (Status.IN_TRANSIT, attention)
    labelled = [{"shipmentGroupId": "sg_1", "status": "pre_transit", "postageLabel": "https://files.example/l.pdf"}]
    assert read(redo, status=word, shipments=labelled).status is Status.READY_TO_SHIP
    assert read(redo, status=word, shipments=[]).status is Status.APPROVED


def test_11_delivered_is_not_received_unless_the_account_says_so(redo: Redo) -> None:
    assert read(redo, status="delivered").status is Status.IN_TRANSIT
    trusting = Redo(api_key=Secret("a-secret"), store_id=STORE, delivered_means_received=True)
    assert read(trusting, status="delivered").status is Status.RECEIVED


def test_12_a_deleted_return_is_cancelled_and_stays_readable(redo: Redo) -> None:
    ret = read(redo, status="deleted")
    assert (ret.status, ret.id) == (Status.CANCELLED, EXAMPLE_ID)


def test_13_complete_says_done_when_it_is_read(redo: Redo) -> None:
    ret = read(redo, status="complete")
    assert (ret.status, ret.resolutions[0].status) == (Status.CLOSED, ResolutionStatus.DONE)
    _, sent = finish(
        redo.set_status(EXAMPLE_ID, Status.CLOSED), Reply(status=204), reply({"return": example()[0], "order": None})
    )
    assert [(request.method, request.path, request.json) for request in sent] == [
        ("PUT", f"/returns/{EXAMPLE_ID}/status", {"status": "complete"}),
        ("GET", f"/returns/{EXAMPLE_ID}", None),
    ]


def test_13_all_items_rejected_is_denied_and_closed(redo: Redo) -> None:
    ret = read(redo, status="complete", items=[item(status="rejected")])
    assert (ret.status, ret.resolutions[0].status) == (Status.CLOSED, ResolutionStatus.DENIED)
    assert ret.items[0].resolutions[0].status is ResolutionStatus.DENIED


def test_13_complete_with_no_action_is_no_resolution_only_when_nothing_was_paid(redo: Redo) -> None:
    nothing = {"items": [item(refund=None)], "compensationMethods": [], "completeWithNoAction": True}
    assert read(redo, status="complete", **nothing).resolutions == (
        Resolution(kind=ResolutionKind.NONE, status=ResolutionStatus.DONE),
    )
    assert read(redo, status="open", **nothing).resolutions == ()


def test_14_an_open_word_moves_a_closed_return_back(redo: Redo) -> None:
    request = next(redo.set_status(EXAMPLE_ID, Status.APPROVED))
    assert request.json == {"status": "open"}
    assert read(redo, status="open", shipments=[]).status is Status.APPROVED


def test_15_setting_a_status_is_answered_without_a_body(redo: Redo) -> None:
    wire, order = example()
    ret, sent = finish(
        redo.set_status(EXAMPLE_ID, Status.REJECTED), Reply(status=204), reply({"return": wire, "order": order})
    )
    assert (ret.id, sent[0].replayable) == (EXAMPLE_ID, True)


def test_16_processing_is_off_unless_it_is_allowed(redo: Redo) -> None:
    items = read(redo).items
    restock = ItemInstruction(disposition=Disposition.RESTOCK)
    with pytest.raises(UnsupportedOperation, match="allow_process"):
        next(redo.instruct(items, restock))
    allowed = Redo(api_key=Secret("a-secret"), store_id=STORE, allow_process=True)
    request = next(allowed.instruct(items, restock))
    assert (request.path, request.replayable) == (f"/returns/{EXAMPLE_ID}/process", False)
    assert request.json == {
        "products": [
            {"_id": "65a000000000000000000011", "processInput": {"restock": True, "newMerchantAdjustment": None}}
        ]
    }
    with pytest.raises(UnsupportedOperation, match="items of one return"):
        next(allowed.instruct([Item(id="65a000000000000000000011")], restock))


def test_17_a_comment_is_a_message_and_nothing_else(redo: Redo) -> None:
    note, sent = finish(
        redo.add_note(EXAMPLE_ID, "Damaged box"), reply({"comment": {"message": "Damaged box"}}, status=201)
    )
    assert (sent[0].json, note.text, note.internal) == ({"comment": {"message": "Damaged box"}}, "Damaged box", True)
    with pytest.raises(UnsupportedOperation, match="internal"):
        next(redo.add_note(EXAMPLE_ID, "Hello", internal=False))


def test_18_a_replayed_creation_is_the_return_that_was_made(redo: Redo) -> None:
    from tests.redo.test_redo_conformance import NEW

    assert redo.idempotency_header == "Idempotency-Key"
    for status in (201, 200):
        made, _ = finish(
            redo.create_return(NEW), reply({"return": example()[0], "externalRMAResponses": []}, status=status)
        )
        assert made.id == EXAMPLE_ID


def test_18_only_a_creation_is_sent_again_when_its_reply_is_lost() -> None:
    """A comment would stand there twice, and processing pays."""
    vendor = RedoSandbox(count=2)
    with (
        serve(vendor) as running,
        connect("redo", base_url=running.url + vendor.base_path, allow_process=True, **vendor.options) as client,
    ):
        ret = client.get_return(EXAMPLE_ID)
        vendor.faults.drop_after_commit(method="POST", times=1)
        with pytest.raises(TransportFailed) as caught:
            client.add_note(EXAMPLE_ID, "Damaged box")
        assert caught.value.maybe_applied
        vendor.faults.clear()
        vendor.faults.drop_after_commit(method="POST", times=1)
        with pytest.raises(TransportFailed):
            client.instruct(ret.items, ItemInstruction(disposition=Disposition.RESTOCK))
    posts = [request.path.rpartition("/")[2] for request in vendor.requests if request.method == "POST"]
    assert posts == ["comments", "process"]


def test_18_a_creation_names_what_the_vendor_requires(redo: Redo) -> None:
    with pytest.raises(UnsupportedOperation, match=r"custom_fields\['order_id'\], items, ship_from.line1"):
        next(redo.create_return(NewReturn(order_number="#2041")))


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (delivery(told(), token="another"), "wrong_signature"),
        (delivery(told(), token=TOKEN[:-1]), "wrong_signature"),
        (WebhookRequest(method="POST", url="https://p.example/", body=b"{}", received_at=NOW), "missing_signature"),
        (
            WebhookRequest(
                method="POST",
                url="https://p.example/",
                headers=[("Authorization", f"Bearer {TOKEN}")] * 2,
                body=b"{}",
                received_at=NOW,
            ),
            "duplicate_signature",
        ),
    ],
)
def test_19_a_delivery_without_the_token_is_refused(redo: Redo, request_: WebhookRequest, reason: str) -> None:
    with pytest.raises(WebhookRejected) as caught:
        redo.receive(request_)
    assert caught.value.reason == reason


def test_19_without_a_token_every_delivery_is_refused() -> None:
    with pytest.raises(WebhookRejected) as caught:
        Redo(api_key=Secret("a-secret"), store_id=STORE).receive(delivery(told()))
    assert caught.value.reason == "not_configured"


def test_20_a_delivery_is_known_by_what_it_says_and_ordered_by_the_change(redo: Redo) -> None:
    receipt = redo.receive(delivery(told()))
    (event,) = receipt.events
    assert isinstance(event, ReturnObserved)
    # Not `at`: a replayed delivery has a new one.
    assert event.occurred_at == datetime(2026, 10, 3, 18, 20, tzinfo=UTC)
    keys = {
        receipt.dedupe_key,
        redo.receive(delivery(told(updatedAt="2026-10-03T18:20:00.500Z"))).dedupe_key,
        redo.receive(delivery({**told(), "at": "2026-10-03T18:20:02Z"})).dedupe_key,
        redo.receive(delivery({**told(), "type": "created"})).dedupe_key,
    }
    assert len(keys) == 4
    assert redo.receive(delivery(told())).dedupe_key == receipt.dedupe_key


def test_21_a_backfill_is_read_as_an_update(redo: Redo) -> None:
    (event,) = redo.receive(delivery({**told(), "type": "backfill"})).events
    assert isinstance(event, ReturnObserved)
    assert event.observed.id == EXAMPLE_ID
    (unknown,) = redo.receive(delivery({**told(), "type": "archived"})).events
    assert isinstance(unknown, UnknownEvent)


def test_22_codes_and_staff_are_not_kept(redo: Redo) -> None:
    secret = {
        "giftCards": [{"amount": {"amount": "5.00", "currency": "USD"}, "code": "SPEND-ME", "externalId": "1"}],
        "items": [item(assessments=[{"assignedUser": {"name": "Staff Member"}, "result": "ok"}])],
    }
    receipt = redo.receive(delivery(told(**secret)))
    (event,) = receipt.events
    assert isinstance(event, ReturnObserved)
    assert receipt.kept_body is not None
    for text in (receipt.kept_body.decode(), str(event.observed.raw), str(event.raw)):
        assert "SPEND-ME" not in text
        assert "Staff Member" not in text


def test_23_a_refusal_names_the_missing_scope(redo: Redo) -> None:
    problem = {"type": "com.getredo.api:scope/forbidden", "detail": "Missing scope: returns_read"}
    operation = redo.get_return(EXAMPLE_ID)
    next(operation)
    with pytest.raises(PermissionDenied, match="Missing scope: returns_read"):
        operation.send(reply(problem, status=403))


def test_24_a_claim_may_have_no_goods(redo: Redo) -> None:
    ret = read(redo, type="claim", items=[], shipments=[])
    assert (ret.kind, ret.custom_fields, ret.goods_expected) == (ReturnKind.CUSTOMER, {"redo_type": "claim"}, None)
    assert read(redo, type="warranty").kind is ReturnKind.WARRANTY


def test_25_the_version_is_in_the_path() -> None:
    assert Redo.base_urls == {"production": "https://api.getredo.com/v2.2"}


def test_an_exchange_hides_the_refund_beside_it(redo: Redo) -> None:
    exchanged = item(exchangeItem={"id": "x"})
    ret = read(redo, items=[exchanged], totals=totals(refund="0.00", exchange="20.00"))
    assert [resolution.kind for resolution in ret.resolutions] == [ResolutionKind.EXCHANGE]
    assert ret.items[0].resolutions[0].kind is ResolutionKind.EXCHANGE


def test_a_gift_card_is_store_credit_that_was_given(redo: Redo) -> None:
    ret = read(
        redo,
        giftCards=[{"amount": {"amount": "20.00", "currency": "USD"}, "code": "SECRET-CODE", "externalId": "1"}],
        compensationMethods=["store_credit"],
        items=[item(refund={"amount": {"amount": "20.00", "currency": "USD"}, "type": "store_credit"})],
        totals=totals(refund="0.00", storeCredit="20.00"),
    )
    (resolution,) = ret.resolutions
    assert (resolution.kind, resolution.status) == (ResolutionKind.STORE_CREDIT, ResolutionStatus.DONE)


def test_a_status_is_asked_for_by_every_word_that_may_mean_it(redo: Redo) -> None:
    asked, cursor = [], None
    wire, order = example()
    while True:
        operation = redo.list_returns(ReturnQuery(status={Status.READY_TO_SHIP}), cursor)
        asked.append(dict(next(operation).query)["status"])
        with pytest.raises(StopIteration) as stop:
            operation.send(reply({"returns": [{**wire, "status": asked[-1]}], "orders": [order]}))
        cursor = stop.value.value.next
        if cursor is None:
            break
    assert asked == ["open", "needs_review", "in_review", "flagged"]


def test_a_status_that_no_word_means_is_not_asked_for(redo: Redo) -> None:
    with pytest.raises(StopIteration) as stop:
        next(redo.list_returns(ReturnQuery(status={Status.INSPECTED})))
    assert stop.value.value.items == ()


def test_an_unknown_word_is_kept_and_means_nothing(redo: Redo) -> None:
    ret = read(redo, status="manual_review")
    assert (ret.status, ret.status_raw) == (Status.UNKNOWN, "manual_review")


def test_older_names_of_a_person_are_read(redo: Redo) -> None:
    source = {
        "name": {"first": "Kim", "last": "Muster"},
        "phoneNumber": {"number": "+15555550100"},
        "mailingAddress": {"line1": "1 Test St", "province": "UT"},
    }
    ret = read(redo, source=source)
    assert ret.customer is not None
    assert (ret.customer.name, ret.customer.phone) == ("Kim Muster", "+15555550100")
    assert ret.address is not None
    assert ret.address.state == "UT"
