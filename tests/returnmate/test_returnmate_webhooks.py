"""Deliveries: beyond the API reference; see ``webhooks.py``.

The signatures were computed with another tool (``openssl dgst -sha256 -hmac SECRET FILE``, the digests with ``sha256sum``).
"""

import hashlib
from datetime import UTC, datetime
from typing import Any

import pytest

from returns_hub import ReturnHint, Secret, UnknownEvent, WebhookRejected, WebhookRequest

BODY = b'{"id":"evt_1","event":"rma.status_changed","data":{"id":"rma_abc123","status":"approved"}}'
SIGNATURE = "55bedb5cbfc815f664f6362f88618d55f5511593eeaa60ae60ae711cf09c3972"  # whsec_live
NEXT_SIGNATURE = "0a33de80fdbb06a0988281af12c9e3a2b50b86e30e27f179c94a665817b74d56"  # whsec_next
UNICODE_SIGNATURE = "2a3047bcf4ecc3121e9df56d8613d61543bb1aec93a8ba97da4c73f2758ab287"  # ünïcode ✓
EMPTY_SIGNATURE = "cede27f120dda55bb3dbcda0443ea036a2486d61702f4789340db0b6d80e8039"  # whsec_live, empty body
DIGEST = "976438932a4451268edd565723a254788028e61ffe7adf3d2e2602b40c331f05"
NOT_JSON_SIGNATURE = "079be41588661a9494991442d9ed8dc84b9edd7591a0c66598b14222559f989b"  # whsec_live, "not json"
NOT_JSON_DIGEST = "7ccfa1fbf3940e6f0c0375d87c0f9235a50514e14cb427bdfaf5077987b26ccf"

DOCUMENTED = [
    "rma.created",
    "rma.updated",
    "rma.status_changed",
    "rma.approved",
    "rma.rejected",
    "rma.received",
    "rma.inspected",
    "rma.completed",
    "rma.cancelled",
    "shipment.created",
    "shipment.in_transit",
    "shipment.delivered",
    "shipment.exception",
    "warranty.created",
    "warranty.approved",
    "warranty.resolved",
    "refund.initiated",
    "refund.completed",
    "refund.failed",
    "credit.issued",
    "inspection.started",
    "inspection.completed",
    "inspection.issue_found",
    "trade_return.created",
    "trade_return.status_changed",
    "trade_return.credit_requested",
    "trade_return.resolved",
]


def delivery(body: bytes = BODY, *, method: str = "POST", headers: Any = None) -> WebhookRequest:
    return WebhookRequest(
        method=method,
        url="https://shop.example/webhooks/acme",
        headers={"X-Webhook-Signature": SIGNATURE} if headers is None else headers,
        body=body,
        received_at=datetime(2026, 11, 21, tzinfo=UTC),
    )


@pytest.fixture
def receiver(make: Any) -> Any:
    return make(webhook_secrets=(Secret("whsec_live"),))


def rejection(adapter: Any, request: WebhookRequest) -> str:
    with pytest.raises(WebhookRejected) as caught:
        adapter.receive(request)
    return caught.value.reason


def read(receiver: Any, body: bytes) -> Any:
    receipt = receiver.read_webhook(delivery(body))
    (event,) = receipt.events
    return event


def test_signed_delivery_is_a_hint(receiver: Any) -> None:
    receipt = receiver.receive(delivery())
    assert receipt.events == (ReturnHint(name="rma.status_changed", return_id="rma_abc123"),)
    assert (receipt.answer.status, receipt.dedupe_key) == (200, "evt_1")


@pytest.mark.parametrize(
    "signature", [SIGNATURE.upper(), f"sha256={SIGNATURE}", f"sha256={SIGNATURE.upper()}", f" {SIGNATURE} "]
)
def test_signature_may_be_spelt_in_these_ways(receiver: Any, signature: str) -> None:
    assert receiver.receive(delivery(headers={"x-webhook-signature": signature})).dedupe_key == "evt_1"


@pytest.mark.parametrize("signature", [SIGNATURE, NEXT_SIGNATURE])
def test_every_live_secret_is_good(make: Any, signature: str) -> None:
    adapter = make(webhook_secrets=(Secret("whsec_next"), Secret("whsec_live")))
    assert adapter.receive(delivery(headers={"X-Webhook-Signature": signature})).dedupe_key == "evt_1"


def test_secret_is_used_as_utf8(make: Any) -> None:
    adapter = make(webhook_secrets=(Secret("ünïcode ✓"),))
    assert adapter.receive(delivery(headers={"X-Webhook-Signature": UNICODE_SIGNATURE})).dedupe_key == "evt_1"


def test_header_name_is_an_option(make: Any) -> None:
    adapter = make(webhook_secrets=(Secret("whsec_live"),), webhook_signature_header="X-Other")
    assert adapter.receive(delivery(headers={"x-other": SIGNATURE})).dedupe_key == "evt_1"


@pytest.mark.parametrize("secrets", [(), (Secret(""),)])
def test_without_a_secret_every_delivery_is_refused(make: Any, secrets: Any) -> None:
    assert rejection(make(webhook_secrets=secrets), delivery()) == "not_configured"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", ""])
def test_other_method_is_refused(receiver: Any, method: str) -> None:
    assert rejection(receiver, delivery(method=method)) == "wrong_method"


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "missing_signature"),
        ({"X-Webhook-Signature": ""}, "missing_signature"),
        ({"X-Webhook-Signature": "  "}, "missing_signature"),
        ([("X-Webhook-Signature", SIGNATURE), ("x-webhook-signature", SIGNATURE)], "duplicate_signature"),
        ({"X-Webhook-Signature": SIGNATURE[:-1]}, "malformed_signature"),
        ({"X-Webhook-Signature": SIGNATURE + "0"}, "malformed_signature"),
        ({"X-Webhook-Signature": "sha256="}, "malformed_signature"),
        ({"X-Webhook-Signature": f"sha1={SIGNATURE}"}, "malformed_signature"),
        ({"X-Webhook-Signature": "ü" * 64}, "malformed_signature"),
        ({"X-Webhook-Signature": "\0" * 64}, "malformed_signature"),
        ({"X-Webhook-Signature": "0" * 64}, "wrong_signature"),
        ({"X-Webhook-Signature": NEXT_SIGNATURE}, "wrong_signature"),
        ({"X-Webhook-Signature": EMPTY_SIGNATURE}, "wrong_signature"),
    ],
)
def test_signature_that_is_not_one_is_refused(receiver: Any, headers: Any, reason: str) -> None:
    assert rejection(receiver, delivery(headers=headers)) == reason


@pytest.mark.parametrize("body", [BODY + b" ", BODY.replace(b":", b": "), BODY[:-1], b""])
def test_other_bytes_than_the_signed_ones_are_refused(receiver: Any, body: bytes) -> None:
    assert rejection(receiver, delivery(body)) == "wrong_signature"


def test_signed_delivery_that_is_not_json_is_an_unknown_event(receiver: Any) -> None:
    receipt = receiver.receive(delivery(b"not json", headers={"X-Webhook-Signature": NOT_JSON_SIGNATURE}))
    assert receipt.events == (UnknownEvent(name=None, body=b"not json"),)
    assert (receipt.answer.status, receipt.dedupe_key) == (200, NOT_JSON_DIGEST)


def test_signed_empty_delivery_is_an_unknown_event(receiver: Any) -> None:
    receipt = receiver.receive(delivery(b"", headers={"X-Webhook-Signature": EMPTY_SIGNATURE}))
    assert receipt.events == (UnknownEvent(name=None, body=b""),)


def test_redelivery_has_the_same_key(receiver: Any) -> None:
    assert receiver.receive(delivery()).dedupe_key == receiver.receive(delivery()).dedupe_key


@pytest.mark.parametrize("name", DOCUMENTED)
def test_documented_event_is_a_hint(receiver: Any, name: str) -> None:
    body = b'{"event": "%s", "data": {"id": "x_1", "rma_id": "rma_1"}}' % name.encode()
    assert read(receiver, body) == ReturnHint(name=name, return_id="rma_1")


@pytest.mark.parametrize("name", ["rma.exploded", "RMA.CREATED", "", "test"])
def test_other_event_is_unknown_and_keeps_its_bytes(receiver: Any, name: str) -> None:
    body = b'{"event": "%s", "data": {"rma_id": "rma_1"}}' % name.encode()
    assert read(receiver, body) == UnknownEvent(name=name or None, body=body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"event": "rma.updated", "data": {"id": "rma_1"}}',
        b'{"type": "rma.updated", "payload": {"id": "rma_1"}}',
        b'{"event_type": "rma.updated", "data": {"rma_id": "rma_1"}}',
        b'{"event": "rma.updated", "data": {"rma": {"id": "rma_1"}}}',
        b'{"event": "rma.updated", "rma_id": "rma_1"}',
        b'{"event": "rma.updated", "id": "rma_1", "rma_number": "RMA-1"}',
        b'{"event": "rma.updated", "data": "text", "rma": {"id": "rma_1"}}',
    ],
)
def test_rma_is_recognised_where_it_is_named(receiver: Any, body: bytes) -> None:
    assert read(receiver, body) == ReturnHint(name="rma.updated", return_id="rma_1")


def test_rma_in_another_events_data_is_recognised_by_its_number(receiver: Any) -> None:
    body = b'{"event": "refund.completed", "data": {"id": "rma_1", "rma_number": "RMA-1"}}'
    assert read(receiver, body) == ReturnHint(name="refund.completed", return_id="rma_1")


@pytest.mark.parametrize(
    "body",
    [
        b'{"event": "shipment.delivered", "data": {"id": "shp_1"}}',
        b'{"event": "rma.updated", "id": "rma_1"}',
        b'{"event": "rma.updated", "data": [{"id": "rma_1"}]}',
        b'{"event": "rma.updated", "data": {"id": {"a": 1}}}',
        b'{"event": "rma.updated", "data": {"id": "%s"}}' % (b"x" * 201),
    ],
)
def test_event_without_a_recognisable_rma_is_unknown(receiver: Any, body: bytes) -> None:
    assert isinstance(read(receiver, body), UnknownEvent)


@pytest.mark.parametrize(
    ("body", "key"),
    [
        (BODY, "evt_1"),
        (b'{"event_id": "evt_2", "id": "rma_1", "event": "x"}', "evt_2"),
        (b'{"event_id": 7, "event": "x"}', "7"),
    ],
)
def test_events_own_id_is_the_key(receiver: Any, body: bytes, key: str) -> None:
    assert receiver.read_webhook(delivery(body)).dedupe_key == key


@pytest.mark.parametrize(
    "body",
    [
        b'{"event": "rma.updated", "id": "rma_1", "rma_number": "RMA-1"}',
        b'{"event": "rma.updated", "id": "rma_1", "data": {"id": "rma_1"}}',
        b'{"event": "rma.updated", "id": "rma_1", "data": {"status": "approved"}}',
        b'{"event": "rma.updated", "event_id": "%s"}' % (b"x" * 201),
        b'["evt_1"]',
    ],
)
def test_id_that_may_be_an_rmas_is_not_the_key(receiver: Any, body: bytes) -> None:
    assert receiver.read_webhook(delivery(body)).dedupe_key == hashlib.sha256(body).hexdigest()


def test_delivery_without_an_id_is_known_by_its_digest(receiver: Any) -> None:
    body = BODY.replace(b'"id":"evt_1",', b"")
    other = body.replace(b"approved", b"received")
    keys = {receiver.read_webhook(delivery(each)).dedupe_key for each in (body, body, other)}
    assert len(keys) == 2


@pytest.mark.parametrize("body", [b"[" * 200_000, b'{"a":' * 200_000, b"1" * 5_000, b"\xff\x00", b"NaN", b'"text"'])
def test_hostile_body_is_an_unknown_event(receiver: Any, body: bytes) -> None:
    assert read(receiver, body) == UnknownEvent(name=None, body=body)
