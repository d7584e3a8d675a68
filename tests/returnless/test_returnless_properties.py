"""Whatever JSON stands where a record, a reply or a delivery is expected, only our own errors come of it."""

import contextlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from returns_hub import (
    Page,
    ProviderError,
    Reply,
    Request,
    Return,
    ReturnHint,
    ReturnObserved,
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
from returns_hub_returnless import Returnless

ADAPTER = Returnless(user="u", password=Secret("p"), signing_keys=(Secret("demo-key-1"),))
TRUSTING = Returnless(user="u", password=Secret("p"), signing_keys=(Secret("demo-key-1"),), trust_unsigned_body=True)
SINCE = datetime(2024, 1, 1, tzinfo=UTC)
NAMES = [
    "return_id", "request_id", "return", "request", "status", "return_type", "reference", "order_id", "order_date",
    "return_date", "request_date", "updated_at", "customer_id", "customer_email", "tracking_number", "tracking_status",
    "tracking_status_id", "shipping_label_link", "billing_address", "country", "return_notes", "message", "name",
    "created_at", "returned_products", "return_item_id", "qty_returned", "images", "http_path", "back_to_stock",
    "order_product_id", "reason_id", "result", "action", "0", "1",
]  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(
        ["2021-01-20 11:52:42", "0001-01-01 00:00:00", "9999-12-31 23:59:59", "0000-00-00 00:00:00", "1.0000", "1E+999"]
    )
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), inner, max_size=8)
    ),
    max_leaves=25,
)
KEYS = ("return_id", "request_id", "return_date", "request_date")
# Mostly right, so that the inner readers are reached.
RECORDS = st.fixed_dictionaries(
    {
        "return_id": st.integers(min_value=1, max_value=9).map(str),
        "request_id": st.integers(min_value=1, max_value=9).map(str),
        "return_date": st.integers(min_value=0, max_value=9).map(lambda second: f"2024-05-01 10:00:0{second}"),
        "request_date": st.integers(min_value=0, max_value=9).map(lambda second: f"2024-05-01 10:00:0{second}"),
    },
    optional=dict.fromkeys([name for name in NAMES if name not in KEYS], JSON),
)

OPERATIONS: list[Any] = [
    lambda: ADAPTER.list_returns(ReturnQuery()),
    lambda: ADAPTER.list_returns(ReturnQuery(page_size=2, status=frozenset({Status.APPROVED}))),
    lambda: ADAPTER.list_returns(ReturnQuery(order_number="#1", customer_email="a@b.c", created_after=SINCE)),
    lambda: ADAPTER.list_returns(ReturnQuery(newest_first=True)),
    lambda: ADAPTER.list_returns(ReturnQuery(newest_first=True), "older"),
    lambda: ADAPTER.changes(SINCE),
    lambda: ADAPTER.changes(SINCE, "1:2024-05-01 10:00:00;i;2x2;1,2"),
    lambda: ADAPTER.changes(SINCE, "0:2024-05-01 10:00:00;pu;0x0;"),
    lambda: ADAPTER.backfill(SINCE, SINCE)[0].read("0:2024-05-01 10:00:05;;3x1;1,2,3"),
    lambda: ADAPTER.get_return("1"),
    lambda: ADAPTER.get_return("request:1"),
    lambda: ADAPTER.set_status("1", Status.RECEIVED),
    lambda: ADAPTER.set_free_shipping("request:1", free=True),
    lambda: ADAPTER.list_shipments(ShipmentQuery()),
    lambda: ADAPTER.list_shipments(ShipmentQuery(return_id="1")),
    lambda: ADAPTER.get_shipment("T1"),
]


def run(operation: Any, reply: Reply) -> Any:
    """The operation's value or error, every request answered alike; any other exception escapes."""
    try:
        request = next(operation)
        for _ in range(50):
            assert isinstance(request, Request)
            request = operation.send(reply)
    except StopIteration as stop:
        return stop.value
    except ProviderError as error:
        return error
    raise AssertionError("the operation never ends")


def page_of(row: object) -> Page[Return]:
    page: Page[Return] = run(
        ADAPTER.list_returns(ReturnQuery()),
        Reply(status=200, body=json.dumps([row, {"return_id": "last", "return_date": "2024-05-01 11:00:00"}]).encode()),
    )
    return page


def delivery(body: bytes, url: str = "https://shop.example/371141") -> WebhookRequest:
    return WebhookRequest(method="POST", url=url, body=body, received_at=datetime.now(UTC))


@pytest.mark.parametrize("operation", OPERATIONS, ids=range(len(OPERATIONS)))
@given(data=JSON | st.lists(RECORDS, max_size=5) | RECORDS, status=st.sampled_from([200, 201, 400, 404, 429]))
def test_any_payload_gives_a_value_or_our_error(operation: Any, data: object, status: int) -> None:
    run(operation(), Reply(status=status, body=json.dumps(data).encode()))


@given(body=st.binary(max_size=60), status=st.integers(min_value=100, max_value=599))
def test_any_bytes_give_a_value_or_our_error(body: bytes, status: int) -> None:
    run(ADAPTER.get_return("1"), Reply(status=status, body=body))


@given(row=JSON | RECORDS.map(lambda record: {**record, "return_date": "2024-05-01 10:00:00"}))
def test_any_row_is_read_or_an_invalid_record(row: object) -> None:
    page = page_of(row)
    assert len(page.items) + len(page.invalid_records) == 2


@given(row=RECORDS.map(lambda record: {**record, "return_date": "2024-05-01 10:00:00"}))
def test_any_row_that_is_read_survives_dump_and_load(row: object) -> None:
    for ret in page_of(row).items:
        assert load(json.loads(json.dumps(dump(ret))), Return) == ret


@given(word=st.text(min_size=1).filter(lambda word: word.strip() and not ADAPTER.statuses.knows(word)))
def test_unknown_status_word_of_a_return_survives(word: str) -> None:
    body = json.dumps({"return_id": "1", "status": word}).encode()
    ret = run(ADAPTER.get_return("1"), Reply(status=200, body=body))
    assert (ret.status, ret.status_raw) == (Status.UNKNOWN, word)


@given(
    word=st.text(min_size=1).filter(lambda word: word.strip() and not Returnless.vocabularies["request"].knows(word))
)
def test_unknown_status_word_of_a_request_survives(word: str) -> None:
    body = json.dumps({"request_id": "1", "status": word}).encode()
    ret = run(ADAPTER.get_return("request:1"), Reply(status=200, body=body))
    assert (ret.status, ret.status_raw) == (Status.UNKNOWN, word)


@given(word=st.text(min_size=1).filter(str.strip))
def test_any_tracking_status_survives(word: str) -> None:
    body = json.dumps([{"tracking_number": "T1", "tracking_status": word}]).encode()
    assert run(ADAPTER.get_shipment("T1"), Reply(status=200, body=body)).status_raw == word


@given(segment=st.text(min_size=1, max_size=20).filter(lambda text: text not in (".", "..")))
@example("../requests/1")
def test_any_id_stays_one_path_segment(segment: str) -> None:
    path = next(ADAPTER.get_shipment(segment)).path
    assert path.count("/") == 2
    assert not set("#?+ &") & set(path)


@given(
    cursor=st.text() | st.from_regex(r"[0-9]:[0-9:; -]{0,30};[ipsu]{0,4};[0-9]x[0-9];[0-9a-z,]{0,9}", fullmatch=True)
)
def test_any_cursor_is_ours_or_refused(cursor: str) -> None:
    with contextlib.suppress(ValueError):
        assert next(ADAPTER.backfill(SINCE, SINCE)[0].read(cursor)).path == "/returns"


@pytest.mark.parametrize("adapter", [ADAPTER, TRUSTING], ids=["hints", "trusting"])
@given(body=(JSON | RECORDS).map(lambda value: json.dumps(value).encode()) | st.binary(max_size=80))
def test_any_verified_delivery_is_one_event(adapter: Returnless, body: bytes) -> None:
    (event,) = adapter.read_webhook(delivery(body)).events
    assert isinstance(event, ReturnHint | ReturnObserved | UnknownEvent)


@given(url=st.text())
def test_any_url_of_a_verified_delivery_is_read(url: str) -> None:
    receipt = ADAPTER.read_webhook(delivery(b"{}", url))
    assert (receipt.answer.status, len(receipt.events)) == (201, 1)


@given(signature=st.text(), url=st.text(), method=st.sampled_from(["POST", "GET"]) | st.text(max_size=6))
def test_any_unsigned_call_is_rejected(signature: str, url: str, method: str) -> None:
    request = WebhookRequest(
        method=method, url=url, headers={"returnless-signature": signature}, received_at=datetime.now(UTC)
    )
    with pytest.raises(WebhookRejected):
        ADAPTER.receive(request)
    with pytest.raises(WebhookRejected):
        ADAPTER.read_order_lookup(request)
