"""Whatever stands in a field of a documented payload, only the id makes a record unreadable."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from returns_hub import (
    Reply,
    ReturnHint,
    ReturnObserved,
    ReturnQuery,
    Secret,
    ShipmentQuery,
    WebhookRequest,
    decode_json,
)
from returns_hub.testing import lost_records
from returns_hub_returnless import Returnless

ADAPTER = Returnless(user="u", password=Secret("p"))
TRUSTING = Returnless(user="u", password=Secret("p"), trust_unsigned_body=True)


def run(operation: Any, payload: Any) -> Any:
    """What an operation returns when every request is answered with this payload."""
    reply = Reply(status=200, body=json.dumps(payload, default=str).encode())
    try:
        next(operation)
        while True:
            operation.send(reply)
    except StopIteration as stop:
        return stop.value


def listed(payload: Any, resource: Any) -> list[str]:
    page = run(ADAPTER.list_returns(ReturnQuery(), only=resource), payload)
    return [ret.id for ret in page.items]


@pytest.mark.parametrize(
    ("document_name", "read", "essential"),
    [
        ("list-returns.json", lambda payload: listed(payload, "returns"), "[].return_id"),
        ("list-requests.json", lambda payload: listed(payload, "requests"), "[].request_id"),
        ("get-return.json", lambda payload: [run(ADAPTER.get_return("948191"), payload).id], "return_id"),
        ("get-request.json", lambda payload: [run(ADAPTER.get_return("request:948191"), payload).id], "request_id"),
        (
            "list-shipments.json",
            lambda payload: [parcel.id for parcel in run(ADAPTER.list_shipments(ShipmentQuery()), payload).items],
            "[].tracking_number",
        ),
        (
            "get-shipment.json",
            lambda payload: [run(ADAPTER.get_shipment("3STRVL987599921"), payload).id],
            "[].tracking_number",
        ),
    ],
)
def test_no_field_but_the_id_loses_a_record(
    document: Callable[[str], bytes], document_name: str, read: Callable[[Any], list[str]], essential: str
) -> None:
    assert lost_records(read, decode_json(document(document_name)), essential={essential}) == ()


@pytest.mark.parametrize("adapter", [ADAPTER, TRUSTING], ids=["hints", "trusting"])
def test_no_field_of_a_delivery_loses_the_return(document: Callable[[str], bytes], adapter: Returnless) -> None:
    def read(payload: Any) -> list[str | None]:
        request = WebhookRequest(
            method="POST",
            url="https://shop.example/webhooks/acme/948191",
            body=json.dumps(payload, default=str).encode(),
            received_at=datetime(2026, 1, 1, tzinfo=UTC),
        )
        (event,) = adapter.read_webhook(request).events
        if isinstance(event, ReturnObserved):
            return [event.observed.id]
        return [event.return_id] if isinstance(event, ReturnHint) else []

    # Another action is another event, kept as it came.
    assert lost_records(read, decode_json(document("webhook-return-created.json")), essential={"action"}) == ()
