"""When all of this passes, the adapter is done."""

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from returns_hub_parcelwise import ParcelWise
from returns_hub_parcelwise.sandbox import ParcelWiseSandbox, sign
from returns_hub_parcelwise.webhooks import SIGNATURE_HEADER

from returns_hub import (
    Conflict,
    NewItem,
    NewReturn,
    NotFound,
    ReturnQuery,
    Status,
    ValidationFailed,
    WebhookRequest,
    connect,
)
from returns_hub.testing import AdapterConformance, Case, serve

SINCE = datetime(2024, 1, 15, tzinfo=UTC)
NOW = datetime(2025, 1, 1, 12, tzinfo=UTC)
NEW = NewReturn(
    order_number="#1001",
    customer_email="customer@example.com",
    items=(NewItem(sku="PW-1", quantity=1, reason="TOO_SMALL"),),
)


class TestParcelWise(AdapterConformance):
    adapter_class = ParcelWise
    known_return = "pw_1"
    signature_header = SIGNATURE_HEADER
    tolerance = timedelta(minutes=5)
    cassettes = Path(__file__).parent / "cassettes"
    cases = (
        Case("list_returns", lambda adapter: adapter.list_returns(ReturnQuery(page_size=3))),
        Case("list_returns-next_page", lambda adapter: adapter.list_returns(ReturnQuery(page_size=3), "cHdfMw==")),
        Case("get_return", lambda adapter: adapter.get_return("pw_1")),
        Case("get_return-missing", lambda adapter: adapter.get_return("pw_0"), raises=NotFound),
        Case("create_return", lambda adapter: adapter.create_return(NEW)),
        Case(
            "create_return-refused",
            lambda adapter: adapter.create_return(NewReturn(order_number="")),
            raises=ValidationFailed,
        ),
        Case("set_status", lambda adapter: adapter.set_status("pw_1", Status.APPROVED)),
        Case("changes", lambda adapter: adapter.changes(SINCE)),
        Case("backfill", lambda adapter: adapter.backfill(SINCE, NOW)[0].read(None)),
    )

    def make_simulator(self, **arguments: Any) -> ParcelWiseSandbox:
        return ParcelWiseSandbox(now=lambda: NOW, **arguments)

    def secret(self, name: str) -> str:
        return "whsec_" + base64.b64encode(name.encode()).decode()

    def delivery(self, secret: str, body: bytes | None = None) -> WebhookRequest:
        if body is None:
            headers, body = self.make_simulator().webhook("return.moved", "pw_1", secret)
        else:
            headers = sign(body, secret, name=f"msg_{len(body)}_{body[-4:].hex()}", at=NOW)
        url = "https://platform.example/webhooks/parcelwise"
        return WebhookRequest(method="POST", url=url, headers=headers, body=body, received_at=NOW)


def test_an_expired_token_is_asked_for_again() -> None:
    vendor = ParcelWiseSandbox(count=3)
    with serve(vendor) as running, connect("parcelwise", base_url=running.url, **vendor.options) as client:
        client.get_return("pw_1")
        vendor.expire_tokens()
        client.set_status("pw_1", raw_status="WITHDRAWN")
        with pytest.raises(Conflict):
            client.set_status("pw_1", Status.APPROVED)
    paths = [call.path for call in vendor.requests]
    assert paths == ["/oauth/token", "/graphql", "/graphql", "/oauth/token", "/graphql", "/graphql"]
