"""Whatever JSON stands where a record, a reply or a delivery is expected, only our own errors come of it."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from returns_hub import (
    NewLabel,
    NewReturn,
    Page,
    ProviderError,
    Reply,
    Return,
    ReturnHint,
    ReturnQuery,
    Secret,
    ShipmentQuery,
    Status,
    UnknownEvent,
    WebhookRejected,
    WebhookRequest,
    dump,
    load,
)
from returns_hub.testing import lost_records, replacements
from returns_hub_returnmate import ReturnMate

CALM = settings(deadline=None)  # the machine may be busy with other tests
ADAPTER = ReturnMate(api_key=Secret("rm_test_key"), webhook_secrets=(Secret("whsec_live"),))
NAMES = [
    "id", "status", "rma_number", "order_number", "customer", "email", "name", "items", "sku", "quantity", "reason",
    "price", "shipments", "label", "tracking", "number", "rma", "timeline", "created_at", "events", "location",
    "timestamp", "success", "error", "data", "meta", "total", "per_page", "event", "rma_id", "total_returns",
]  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["2024-12-30T10:30:00Z", "0001-01-01T00:00:00+23:59", "pending", "rma.updated", "1E+999"])
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), inner, max_size=8)
    ),
    max_leaves=25,
)
# Mostly right, so that the inner readers are reached.
RECORDS = st.fixed_dictionaries({"id": st.text(min_size=1, max_size=10)}, optional=dict.fromkeys(NAMES[1:], JSON))

ITEM = {
    "id": "item_1",
    "sku": "PROD-001",
    "name": "Kettle",
    "quantity": 1,
    "reason": "defective",
    "notes": "Screen not working",
    "condition": "B Good",
    "price": Decimal("19.95"),
}
SHIPMENT = {
    "id": "shp_1",
    "rma_id": "rma_abc123",
    "carrier": "australia_post",
    "service": "express_post",
    "direction": "return",
    "status": "in_transit",
    "tracking_number": "AP1",
    "tracking_url": "https://track.example/AP1",
    "label_url": "https://labels.example/1.pdf",
    "tracking": [{"timestamp": "2024-12-31T06:30:00Z", "status": "in_transit", "location": "Sampleton"}],
    "created_at": "2024-12-30T16:30:00Z",
}
# The row of the API Reference, with what it elides or only mentions in the shapes that are read.
RMA = {
    "id": "rma_abc123",
    "rma_number": "RMA-2024-001234",
    "status": "pending",
    "order_number": "#1001",
    "customer": {"email": "customer@example.com", "name": "John Smith"},
    "items": [ITEM],
    "shipments": [SHIPMENT],
    "timeline": [
        {"id": "note_1", "type": "note", "content": "Called", "internal": True, "created_at": "2024-12-30T10:30:00Z"}
    ],
    "created_at": "2024-12-30T10:30:00Z",
}
META = {"page": 1, "per_page": 50, "total": 1, "total_pages": 1}

OPERATIONS: list[Any] = [
    lambda: ADAPTER.list_returns(ReturnQuery(page_size=2)),
    lambda: ADAPTER.list_returns(ReturnQuery(order_number="#1", status=frozenset({Status.APPROVED})), "2"),
    lambda: ADAPTER.get_return("rma_1"),
    lambda: ADAPTER.set_status("rma_1", Status.APPROVED),
    lambda: ADAPTER.add_note("rma_1", "text"),
    lambda: ADAPTER.list_shipments(ShipmentQuery()),
    lambda: ADAPTER.get_shipment("shp_1"),
    lambda: ADAPTER.track("shp_1"),
    lambda: ADAPTER.customer_stats("a@b.c"),
    ADAPTER.reports_summary,
    ADAPTER.reports_reasons,
]


def drive(operation: Any, reply: Reply) -> Any:
    """The operation's value or error, every request answered alike; any other exception escapes."""
    try:
        next(operation)
        for _ in range(4):
            operation.send(reply)
    except StopIteration as stop:
        return stop.value
    except ProviderError as error:
        return error
    raise AssertionError("the operation never ends")


def encode(payload: object) -> bytes:
    return json.dumps(payload, default=float).encode()


def reply_of(payload: object) -> Reply:
    return Reply(status=200, body=encode(payload))


def page_of(row: object) -> Page[Return]:
    page: Page[Return] = drive(ADAPTER.list_returns(ReturnQuery()), Reply(status=200, body=json.dumps([row]).encode()))
    return page


@given(
    operation=st.sampled_from(OPERATIONS),
    data=JSON | st.lists(RECORDS, max_size=3) | RECORDS,
    status=st.sampled_from([200, 201, 404]),
)
def test_any_payload_gives_a_value_or_our_error(operation: Any, data: object, status: int) -> None:
    drive(operation(), Reply(status=status, body=json.dumps({"success": True, "data": data}).encode()))


@CALM
@given(body=JSON, status=st.integers(min_value=100, max_value=599))
def test_any_envelope_gives_a_value_or_our_error(body: object, status: int) -> None:
    drive(ADAPTER.get_return("rma_1"), Reply(status=status, body=json.dumps(body).encode()))


@CALM
@given(body=st.binary(max_size=60), status=st.sampled_from([200, 204, 400, 500]))
def test_any_bytes_give_a_value_or_our_error(body: bytes, status: int) -> None:
    drive(ADAPTER.get_return("rma_1"), Reply(status=status, body=body))


@CALM
@given(row=JSON | RECORDS)
def test_any_row_is_read_or_set_aside(row: object) -> None:
    page = page_of(row)
    assert len(page.items) + len(page.invalid_records) == 1


def read_list(payload: Any) -> list[str]:
    return [row.id for row in drive(ADAPTER.list_returns(ReturnQuery()), reply_of(payload)).items]


def read_shipments(payload: Any) -> list[str]:
    return [row.id for row in drive(ADAPTER.list_shipments(ShipmentQuery()), reply_of(payload)).items]


def read_return(payload: Any) -> list[str]:
    return [drive(ADAPTER.get_return("rma_abc123"), reply_of(payload)).id]


def read_shipment(payload: Any) -> list[str]:
    return [drive(ADAPTER.get_shipment("shp_1"), reply_of(payload)).id]


def read_created(payload: Any) -> list[str]:
    return [drive(ADAPTER.create_return(NewReturn(order_number="#1001")), reply_of(payload)).id]


def read_label(payload: Any) -> list[str]:
    return [drive(ADAPTER.create_label("rma_abc123", NewLabel()), reply_of(payload)).id]


def read_delivery(payload: Any) -> list[str | None]:
    body = encode(payload)
    request = WebhookRequest(method="POST", url="https://shop.example/", body=body, received_at=datetime.now(UTC))
    (event,) = ADAPTER.read_webhook(request).events
    return [event.return_id] if isinstance(event, ReturnHint) else []


@pytest.mark.parametrize(
    ("read", "sample", "essential"),
    [
        (read_list, {"success": True, "data": [RMA, {"id": "rma_2"}], "meta": META}, {"success", "data[].id"}),
        (read_shipments, {"success": True, "data": [SHIPMENT], "meta": META}, {"success", "data[].id"}),
        (read_return, {"success": True, "data": RMA}, {"success", "data.id"}),
        (read_shipment, {"success": True, "data": SHIPMENT}, {"success", "data.id"}),
        (read_created, {"success": True, "data": RMA}, {"success", "data.id"}),
        (read_label, {"success": True, "data": SHIPMENT}, {"success", "data.id"}),
        (read_delivery, {"id": "evt_1", "event": "rma.approved", "data": RMA}, {"event", "data.id"}),
    ],
)
def test_a_record_is_lost_for_no_field_but_its_id(read: Any, sample: Any, essential: set[str]) -> None:
    assert lost_records(read, sample, essential=essential) == ()


def test_what_is_put_in_place_of_a_field_is_empty_or_reported() -> None:
    for replacement in replacements(RMA):
        if replacement.path.startswith("id"):
            continue
        ret = drive(ADAPTER.list_returns(ReturnQuery()), reply_of([replacement.payload])).items[0]
        assert ret.raw == replacement.payload
        assert len(ret.unreadable) <= 1


@CALM
@given(row=RECORDS)
def test_any_row_that_is_read_survives_dump_and_load(row: object) -> None:
    items = page_of(row).items
    assert tuple(load(json.loads(json.dumps(dump(ret))), Return) for ret in items) == items


@CALM
@given(word=st.text(min_size=1).filter(lambda word: not (word.isspace() or ADAPTER.statuses.knows(word))))
def test_unknown_status_word_survives(word: str) -> None:
    (ret,) = page_of({"id": "rma_1", "status": word}).items
    assert (ret.status, ret.status_raw) == (Status.UNKNOWN, word)


@CALM
@given(word=st.sampled_from(sorted(ADAPTER.statuses.rows)), data=st.data())
def test_spelling_never_changes_a_known_word(word: str, data: st.DataObject) -> None:
    spelt = "".join(data.draw(st.sampled_from([" ", "-", "_"] if c == "_" else [c, c.upper()])) for c in word)
    assert ADAPTER.statuses.look_up(spelt) == ADAPTER.statuses.look_up(word)


@CALM
@given(segment=st.text(min_size=1, max_size=20).filter(lambda text: text not in (".", "..")))
def test_any_id_stays_one_path_segment(segment: str) -> None:
    path = next(ADAPTER.get_return(segment)).path
    assert path.count("/") == 2
    assert not set("#?+ &") & set(path)


@CALM
@given(body=JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=80))
def test_any_verified_delivery_is_a_hint_or_an_unknown_event(body: bytes) -> None:
    request = WebhookRequest(method="POST", url="https://shop.example/", body=body, received_at=datetime.now(UTC))
    receipt = ADAPTER.read_webhook(request)
    assert isinstance(receipt.events[0], ReturnHint | UnknownEvent)
    assert receipt.dedupe_key


@CALM
@given(signature=st.text(), body=st.binary(max_size=20), method=st.text(max_size=6))
def test_any_unsigned_delivery_is_rejected(signature: str, body: bytes, method: str) -> None:
    request = WebhookRequest(
        method=method,
        url="https://shop.example/",
        headers={"X-Webhook-Signature": signature},
        body=body,
        received_at=datetime.now(UTC),
    )
    with pytest.raises(WebhookRejected):
        ADAPTER.receive(request)
