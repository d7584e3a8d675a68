"""The check list at the end of the wire reference: a test a number."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from returns_hub import (
    Address,
    ConfigurationError,
    LabelStatus,
    Money,
    NewItem,
    NewReturn,
    Order,
    OrderLine,
    Reply,
    Request,
    ResolutionKind,
    ResolutionStatus,
    Return,
    ReturnHint,
    ReturnQuery,
    Secret,
    Shipment,
    ShipmentStatus,
    Status,
    UnknownEvent,
    UnsupportedOperation,
    ValidationFailed,
    WebhookRejected,
    WebhookRequest,
    connect,
)
from returns_hub.testing import serve
from returns_hub_returnless_v2 import ReturnlessV2
from returns_hub_returnless_v2.sandbox import ReturnlessV2Sandbox
from returns_hub_returnless_v2.sandbox.seed import EXAMPLE_ID, example

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
REQUEST_ID = f"returnorder_{1:025d}"
# Section 13 of the reference: computed there, as the vendor prints no vector.
VECTOR_BODY = b'{"data":{"id":"returnorder_x"}}'
VECTOR_SECRET = "hub-test-secret"
VECTOR_SIGNATURE = "c081d783246c76bbc4f771fb5945fe68ee06c54f0e703c705193497206a44360"
STATUS_MAP = {
    "returnstatus_Q2mZ7": "received",
    "returnstatus_b8Lp1": {"status": "resolved", "resolution": "refund", "resolution_status": "done"},
    "returnstatus_w3Nc5": "closed",
    "requeststatus_a9Jd2": "rejected",
}


NEW = NewReturn(
    order_number="1000042",
    customer_email="sam@example.org",
    items=[NewItem(reference="salesorderitem_1", quantity=2, reason="reason_7")],
    ship_from=Address(line1="Dorpsweg", house_number="7", postal_code="1234 AB", city="Utrecht"),
    reference="shop-77",
    custom_fields={"country_id": "country_1"},
)


@pytest.fixture(scope="module")
def form() -> ReturnlessV2:
    return ReturnlessV2(api_key=Secret("key"), form_id="form_1", locale="nl")


@pytest.fixture(scope="module")
def v2() -> ReturnlessV2:
    return ReturnlessV2(
        api_key=Secret("key"),
        webhook_secrets=[VECTOR_SECRET],
        status_map=STATUS_MAP,
        lookup_username="shop",
        lookup_password=["password"],
    )


def reply(payload: Any, *, status: int = 200) -> Reply:
    return Reply(status=status, body=json.dumps(payload).encode())


def finish(operation: Any, *replies: Reply) -> tuple[Any, list[Request]]:
    """What the operation returns when it is answered so, and what it sent."""
    sent = [next(operation)]
    for each in replies[:-1]:
        sent.append(operation.send(each))  # noqa: PERF401 - the operation is driven
    with pytest.raises(StopIteration) as stop:
        operation.send(replies[-1])
    return stop.value.value, sent


def read(v2: ReturnlessV2, **fields: Any) -> Return:
    """The example of the reference with other fields, as ``get_return`` gives it."""
    ret: Return = finish(v2.get_return(EXAMPLE_ID), reply({"data": {**example(), **fields}}))[0]
    return ret


def read_shipment(v2: ReturnlessV2, **fields: Any) -> Shipment:
    """A shipment with these fields."""
    answer = reply({"data": {"id": "shipment_9", **fields}})
    shipment: Shipment = finish(v2.get_shipment("shipment_9"), answer)[0]
    return shipment


def status(status_id: str) -> Mapping[str, Any]:
    return {"id": status_id, "label": "Afgewezen"}


def delivery(body: bytes, signature: str | None = None) -> WebhookRequest:
    headers = {} if signature is None else {"X-Signature": signature}
    return WebhookRequest(
        method="POST", url="https://platform.example/webhooks/acme", headers=headers, body=body, received_at=NOW
    )


def receive(v2: ReturnlessV2, body: Mapping[str, Any]) -> Any:
    receipt = v2.receive(v2.sign_webhook(delivery(json.dumps(body).encode())))
    return receipt.events[0] if receipt.events else None


def test_1_the_version_is_in_the_address_and_v1_is_refused(v2: ReturnlessV2) -> None:
    assert v2.base_url_for("production") == "https://api-v2.returnless.com/2025-01"
    older = ReturnlessV2(api_key=Secret("key"), version="2023-01")
    assert older.base_url_for("production") == "https://api-v2.returnless.com/2023-01"
    with pytest.raises(ConfigurationError, match="version must be 2025-01"):
        ReturnlessV2(api_key=Secret("key"), version="2024-01")
    with pytest.raises(ConfigurationError, match='use provider = "returnless"'):
        connect("returnless_v2", api_key="key", base_url="https://api.returnless.com")
    with pytest.raises(ConfigurationError, match="returnless_v2"):
        connect("returnless", user="u", password="p", base_url="https://api-v2.returnless.com/2025-01")


def test_1_the_older_version_is_for_reading() -> None:
    older = ReturnlessV2(api_key=Secret("key"), version="2023-01")
    for write in (older.set_status(EXAMPLE_ID, Status.APPROVED), older.add_note(EXAMPLE_ID, "text")):
        with pytest.raises(UnsupportedOperation, match="2023-01 is for reading"):
            next(write)
    (slice_,) = older.backfill(NOW, NOW)
    first = next(slice_.read(None))
    page, _ = finish(slice_.read(None), reply({"data": []}))
    assert (first.path, next(slice_.read(page.next)).path) == ("/request-orders", "/return-orders")


def test_2_every_call_asks_for_json(v2: ReturnlessV2) -> None:
    headers = dict(v2.authorize(Request(method="GET", path="/shipments")).headers)
    assert headers == {"Authorization": "Bearer key", "Accept": "application/json"}


def test_3_and_4_one_opaque_id_for_request_and_return(v2: ReturnlessV2) -> None:
    ret = read(v2)
    assert (ret.id, ret.request_id) == ("returnorder_Zq81kTn0VbY5cXw2LmR7pJ4ds", None)


def test_5_the_status_is_an_object_and_its_id_the_word(v2: ReturnlessV2) -> None:
    assert read(v2).status_raw == "returnstatus_h4Kx9"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"state": "request", "status": status("requeststatus_new")}, Status.REQUESTED),
        ({"state": "return", "status": status("returnstatus_new")}, Status.APPROVED),
        ({"state": "return", "status": None}, Status.APPROVED),
        ({"state": "return", "finalized_at": "2026-10-09T00:00:00+00:00"}, Status.CLOSED),
        ({"state": "dispute"}, Status.UNKNOWN),
        ({"state": "return", "status": status("returnstatus_Q2mZ7")}, Status.RECEIVED),
        ({"state": "request", "status": status("requeststatus_a9Jd2")}, Status.REJECTED),
    ],
)
def test_6_an_unmapped_id_leaves_the_state(v2: ReturnlessV2, fields: Mapping[str, Any], expected: Status) -> None:
    assert read(v2, **fields).status is expected


def test_6_a_line_of_the_map_is_a_whole_fact(v2: ReturnlessV2) -> None:
    ret = read(v2, status=status("returnstatus_b8Lp1"))
    assert ret.status is Status.RESOLVED
    assert [(one.kind, one.status) for one in ret.resolutions] == [(ResolutionKind.REFUND, ResolutionStatus.DONE)]


def test_7_a_label_means_nothing(v2: ReturnlessV2) -> None:
    assert (
        read(v2, state="request", status={"id": "requeststatus_other", "label": "Afgewezen"}).status is Status.REQUESTED
    )


def test_7_doctor_proposes_lines_for_labels() -> None:
    plain = ReturnlessV2(api_key=Secret("key"))
    words, _ = finish(
        plain.read_words(),
        reply({"data": [{"id": "requeststatus_a9Jd2", "label": "Afgewezen"}]}),
        reply({"data": [{"id": "returnstatus_h4Kx9", "label": "Goedgekeurd"}]}),
    )
    assert words == {
        "requeststatus_a9Jd2": 'Afgewezen: not in status_map, perhaps "requeststatus_a9Jd2" = "rejected"',
        "returnstatus_h4Kx9": "Goedgekeurd: not in status_map",
    }


def test_8_filters_are_singular_and_rows_are_compared() -> None:
    vendor = ReturnlessV2Sandbox(count=30, plural_filters=True)
    with (
        serve(vendor) as running,
        connect("returnless_v2", base_url=running.url + vendor.base_path, **vendor.options) as client,
    ):
        assert [ret.id for ret in client.list_returns(order_number="1000042")] == [EXAMPLE_ID]
        assert {name for name, _ in vendor.requests[0].query} >= {"filter[order_number]"}


def test_9_changes_are_sorted_by_their_time(v2: ReturnlessV2) -> None:
    request = next(v2.changes(NOW))
    assert request.query[:3] == (
        ("filter[updated_at][gte]", "2026-11-01T11:55:00Z"),
        ("sort", "updated_at"),
        ("per_page", "100"),
    )


def test_10_a_cursor_is_no_address(v2: ReturnlessV2) -> None:
    linked = {"data": [], "links": {"next": "http://evil.example/x?cursor=abc%3D%3D&per_page=1"}, "meta": {}}
    page, _ = finish(v2.list_returns(ReturnQuery()), reply(linked))
    following = next(v2.list_returns(ReturnQuery(), page.next))
    assert (following.path, following.url, dict(following.query)["cursor"]) == ("/return-orders", None, "abc==")


def test_11_equal_stamps_at_the_end_of_a_page_hide_nothing() -> None:
    vendor = ReturnlessV2Sandbox(count=260, same_created=90)
    with (
        serve(vendor) as running,
        connect(
            "returnless_v2", base_url=running.url + vendor.base_path, rate_limit="none", **vendor.options
        ) as client,
    ):
        for newest_first in (False, True):
            seen = [ret.id for ret in client.list_returns(page_size=40, newest_first=newest_first)]
            assert set(seen) == vendor.return_ids
            assert len(seen) == len(set(seen))
        assert client.gaps == ()


def test_11_more_equal_stamps_than_a_page_holds_are_said() -> None:
    vendor = ReturnlessV2Sandbox(count=260, same_created=150)
    with (
        serve(vendor) as running,
        connect(
            "returnless_v2", base_url=running.url + vendor.base_path, rate_limit="none", **vendor.options
        ) as client,
    ):
        assert {ret.id for ret in client.list_returns()} == vendor.return_ids
        assert client.gaps == (
            "more than 100 records have one created_at, and the vendor cannot be made to show that these are all",
        )


def test_12_shipments_are_walked_for_themselves(v2: ReturnlessV2) -> None:
    page, _ = finish(v2.changes(NOW), reply({"data": []}))
    rows = [{"id": "shipment_1", "return_order_id": "returnorder_a"}, {"id": "shipment_2", "return_order_id": None}]
    last, sent = finish(v2.changes(NOW, page.next), reply({"data": rows}))
    assert (sent[0].path, last.items, last.read_again, last.next) == ("/shipments", (), ("returnorder_a",), None)
    assert "sort" not in dict(sent[0].query)


def test_13_test_records_are_left_out_unless_asked_for() -> None:
    vendor = ReturnlessV2Sandbox(count=20, test_records=3)
    with serve(vendor) as running:
        url = running.url + vendor.base_path
        with connect("returnless_v2", base_url=url, **vendor.options) as client:
            assert {ret.id for ret in client.list_returns()} == vendor.return_ids
        with connect("returnless_v2", base_url=url, include_test_records=True, **vendor.options) as client:
            assert len(list(client.list_returns())) == 23


def test_13_a_delivery_about_a_test_record_is_dropped(v2: ReturnlessV2) -> None:
    body = {"event": "return.created", "data": {"id": "returnorder_t", "is_test_record": True}}
    assert receive(v2, body) is None


def test_14_a_postal_code_and_a_country_as_they_are_read(v2: ReturnlessV2) -> None:
    address = read(v2).address
    assert address is not None
    assert (address.postal_code, address.country, address.house_number, address.house_number_addition) == (
        "1234 AB",
        "NL",
        "7",
        "b",
    )


def test_14_a_postal_code_and_a_country_as_they_are_written(form: ReturnlessV2) -> None:
    _, (_, filed, _) = finish(
        form.create_return(NEW),
        reply({"data": {"id": "intent_1", "status": "created"}}, status=201),
        reply({"data": {"id": EXAMPLE_ID}}, status=201),
        reply({"data": example()}),
    )
    assert (filed.path, filed.json) == (
        "/return-orders",
        {
            "return_order_intent_id": "intent_1",
            "customer": {
                "street": "Dorpsweg",
                "house_number": "7",
                "postcode": "1234 AB",
                "city": "Utrecht",
                "country_id": "country_1",
            },
            "items": [{"id": "salesorderitem_1", "quantity": 2, "return_reason_id": "reason_7"}],
            "metadata": {"reference": "shop-77"},
        },
    )


def test_15_an_intent_that_failed_is_an_error_under_a_2xx(form: ReturnlessV2) -> None:
    operation = form.create_return(NEW)
    asked = next(operation)
    assert (asked.path, asked.replayable) == ("/return-order-intents", False)
    assert asked.json == {"form_id": "form_1", "locale": "nl", "input": "sam@example.org", "order_number": "1000042"}
    failed = {"id": "intent_1", "status": "failed", "status_message": "Could not validate sales order"}
    with pytest.raises(ValidationFailed) as raised:
        operation.send(reply({"data": failed}, status=201))
    assert raised.value.vendor_message == "Could not validate sales order"


def test_15_a_parcel_whose_status_is_that_word_is_no_error(v2: ReturnlessV2) -> None:
    shipment, _ = finish(v2.get_shipment("shipment_9"), reply({"data": {"id": "shipment_9", "status": "failed"}}))
    assert (shipment.status, shipment.status_raw) == (ShipmentStatus.UNKNOWN, "failed")


def test_15_a_failed_intent_has_filed_nothing() -> None:
    vendor = ReturnlessV2Sandbox(count=5)
    options = {**vendor.options, "rate_limit": "none"}
    with (
        serve(vendor) as running,
        connect("returnless_v2", base_url=running.url + vendor.base_path, **options) as client,
        pytest.raises(ValidationFailed) as raised,
    ):
        client.create_return(evolve(NEW, order_number="404"))
    assert (raised.value.maybe_applied, len(vendor.requests), len(vendor.return_ids)) == (False, 1, 5)


@pytest.mark.parametrize(
    ("new", "problem"),
    [
        ({"custom_fields": {}}, "requires custom_fields['country_id']"),
        ({"items": []}, "requires items"),
        ({"customer_email": None}, "requires customer_email or custom_fields['input']"),
        ({"resolution": "exchange"}, "has no place for resolution"),
        ({"ship_from": Address(line1="Dorpsweg", company="Sample")}, "has no place for ship_from.company"),
        ({"notes": "Hello"}, "has no place for notes"),
    ],
)
def test_15_what_the_form_cannot_say_is_refused_before_anything_is_sent(
    form: ReturnlessV2, new: dict[str, Any], problem: str
) -> None:
    with pytest.raises(UnsupportedOperation, match=re.escape(problem)):
        next(form.create_return(evolve(NEW, **new)))


def test_15_without_a_form_nothing_is_created(v2: ReturnlessV2) -> None:
    with pytest.raises(UnsupportedOperation, match="requires the option form_id"):
        next(v2.create_return(NEW))


def test_16_a_decision_is_not_repeated_blindly(v2: ReturnlessV2) -> None:
    request = next(v2.set_status(REQUEST_ID, Status.APPROVED))
    assert (request.path, request.json, request.replayable) == (f"/return-orders/{REQUEST_ID}/approve", {}, False)
    ret, _ = finish(
        v2.set_status(EXAMPLE_ID, Status.APPROVED),
        reply({"message": "no request"}, status=409),
        reply({"data": example()}),
    )
    assert ret.status is Status.APPROVED


def test_16_a_status_of_the_account_is_set_by_its_id(v2: ReturnlessV2) -> None:
    _, sent = finish(
        v2.set_status(EXAMPLE_ID, Status.RECEIVED), reply({"data": {"id": EXAMPLE_ID}}), reply({"data": example()})
    )
    assert (sent[0].method, sent[0].path, sent[0].json, sent[0].replayable) == (
        "PATCH",
        f"/return-orders/{EXAMPLE_ID}/status",
        {"status_id": "returnstatus_Q2mZ7"},
        True,
    )
    with pytest.raises(UnsupportedOperation, match="no id of status_map means inspected"):
        next(v2.set_status(EXAMPLE_ID, Status.INSPECTED))


def test_16_a_reason_goes_in_as_a_note_before_a_rejection() -> None:
    plain = ReturnlessV2(api_key=Secret("key"))
    request = {**example(), "id": REQUEST_ID, "state": "request"}
    _, sent = finish(
        plain.set_status(REQUEST_ID, Status.REJECTED, note="Too late"),
        reply({"data": {"id": "note_1"}}, status=201),
        reply({"data": {"id": REQUEST_ID}}),
        reply({"data": request}),
    )
    assert [each.path.rpartition("/")[2] for each in sent] == ["notes", "reject", REQUEST_ID]


def test_17_the_vector_is_accepted_and_every_change_refused(v2: ReturnlessV2) -> None:
    v2.verify_webhook(delivery(VECTOR_BODY, VECTOR_SIGNATURE))
    v2.verify_webhook(delivery(VECTOR_BODY, VECTOR_SIGNATURE.upper()))
    for changed in (VECTOR_BODY.replace(b"_x", b"_y"), VECTOR_BODY + b"\n", VECTOR_BODY.replace(b":", b": ")):
        with pytest.raises(WebhookRejected) as caught:
            v2.verify_webhook(delivery(changed, VECTOR_SIGNATURE))
        assert caught.value.reason == "wrong_signature"


def test_18_a_delivery_is_answered_200_with_nothing(v2: ReturnlessV2) -> None:
    receipt = v2.receive(v2.sign_webhook(delivery(VECTOR_BODY)))
    assert (receipt.answer.status, receipt.answer.body) == (200, b"")


@pytest.mark.parametrize(
    ("body", "name", "return_id"),
    [
        ({"event": "return.created", "data": {"id": "returnorder_a"}}, "return.created", "returnorder_a"),
        ({"type": "return.created", "data": {"id": "returnorder_a"}}, "return.created", "returnorder_a"),
        (
            {"meta": {"topic": "return.notes.added"}, "data": {"id": "returnorder_a"}},
            "return.notes.added",
            "returnorder_a",
        ),
        ({"data": {"id": "returnorder_a"}}, "unknown", "returnorder_a"),
        ({"event": "x", "data": {"id": "shipment_1", "return_order_id": "returnorder_b"}}, "x", "returnorder_b"),
        ({"event": "x", "data": {"id": "note_1", "resource": {"id": "returnorder_c"}}}, "x", "returnorder_c"),
    ],
)
def test_19_the_name_and_the_return_are_looked_for(
    v2: ReturnlessV2, body: Mapping[str, Any], name: str, return_id: str
) -> None:
    event = receive(v2, body)
    assert isinstance(event, ReturnHint)
    assert (event.name, event.return_id) == (name, return_id)


def test_19_an_event_without_a_return_is_kept(v2: ReturnlessV2) -> None:
    event = receive(v2, {"event": "shipment.delivered", "data": {}})
    assert isinstance(event, UnknownEvent)
    assert event.name == "shipment.delivered"


def test_20_two_notes_of_a_return_are_two_deliveries(v2: ReturnlessV2) -> None:
    told = [{"event": "return.notes.added", "data": {"id": "returnorder_a", "note": text}} for text in ("one", "two")]
    keys = {v2.receive(v2.sign_webhook(delivery(json.dumps(body).encode()))).dedupe_key for body in told}
    assert len(keys) == 2


def test_21_a_delivered_parcel_is_no_received_return(v2: ReturnlessV2) -> None:
    includes = {**example()["includes"], "shipments": [{"id": "shipment_9", "status": {"id": "delivered"}}]}
    ret = read(v2, includes=includes)
    assert (ret.status, ret.shipments[0].status) == (Status.APPROVED, ShipmentStatus.DELIVERED)


@pytest.mark.parametrize(
    ("word", "shipment", "label"),
    [
        ("awaiting-webshop-pickup", ShipmentStatus.AVAILABLE_FOR_PICKUP, None),
        ("cancellation-requested", ShipmentStatus.PRE_TRANSIT, LabelStatus.READY),
        ("cancelled", ShipmentStatus.CANCELLED, LabelStatus.VOID),
        ("no-label", None, LabelStatus.NONE),
        ("announcement-failed", None, LabelStatus.FAILED),
        ("beamed-up", ShipmentStatus.UNKNOWN, None),
    ],
)
def test_22_and_23_shipments_have_fixed_words(
    v2: ReturnlessV2, word: str, shipment: ShipmentStatus | None, label: LabelStatus | None
) -> None:
    found = read_shipment(v2, status={"id": word})
    assert (found.status, found.status_raw) == (shipment, word)
    assert (found.label.status if found.label else None) is label


def test_24_an_amount_without_a_currency_is_none(v2: ReturnlessV2) -> None:
    assert read_shipment(v2, cost_price=495).cost is None
    priced = read_shipment(v2, cost_price=495, cost_price_details={"amount": 495, "unit": "EUR"})
    assert priced.cost == Money(amount="4.95", currency="EUR")
    assert read_shipment(v2, cost_price={"amount": 500, "unit": "JPY"}).cost == Money(amount=500, currency="JPY")


def test_related_data_that_is_not_known_is_read_record_by_record() -> None:
    vendor = ReturnlessV2Sandbox(count=12, known_includes=frozenset({"customer", "sales_order"}))
    with (
        serve(vendor) as running,
        connect(
            "returnless_v2", base_url=running.url + vendor.base_path, rate_limit="none", **vendor.options
        ) as client,
    ):
        assert {ret.id for ret in client.list_returns()} == vendor.return_ids


def test_an_order_is_looked_up_by_post(v2: ReturnlessV2) -> None:
    assert v2.order_lookup_method == "POST"
    order = Order(
        number="1000042",
        id="700042",
        created_at=datetime(2026, 10, 2, 8, 14, tzinfo=UTC),
        email="sam@example.org",
        lines=[OrderLine(id="55", product_id="9", name="Blue chair", quantity=Decimal(2), price=Decimal("41.235"))],
    )
    body = json.loads(v2.answer_order_lookup(order).body)
    assert (body["order_number"], body["order_id"]) == ("1000042", "700042")
    assert body["sales_order_items"] == [
        {"sales_order_item_id": "55", "product_id": "9", "name": "Blue chair", "quantity": 2, "item_price": 4124}
    ]
    unknown = v2.answer_order_lookup(None)
    assert (unknown.status, unknown.body) == (404, b"{}")


def test_25_no_key_of_this_vendors_form_is_written_anywhere_near() -> None:
    """Third parties have published theirs: forty letters and digits, later ones with eight hexadecimal digits more."""
    here = Path(__file__).parent
    files = [*here.rglob("*.*"), *(here.parents[1] / "cassettes" / "returnless_v2").iterdir()]
    key = re.compile(r"(?<![\w+/=-])(?=\w*\d)(?=\w*[a-z])(?=\w*[A-Z])[A-Za-z0-9]{40}([0-9a-f]{8})?(?![\w+/=-])")
    assert [
        path.name for path in files if path.suffix in (".py", ".json", ".yaml") and key.search(path.read_text())
    ] == []
