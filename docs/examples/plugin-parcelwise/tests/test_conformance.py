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
    Account,
    Conflict,
    Hub,
    NewItem,
    NewReturn,
    NotFound,
    ReturnQuery,
    Status,
    ValidationFailed,
    WebhookRequest,
    connect,
)
from returns_hub.testing import AdapterConformance, Case, ExpectedItem, ExpectedReturn, Filter, Variation, serve

SINCE = datetime(2024, 1, 15, tzinfo=UTC)
NOW = datetime(2025, 1, 1, 12, tzinfo=UTC)
NEW = NewReturn(
    order_number="#1001",
    customer_email="customer@example.com",
    items=(NewItem(sku="PW-1", quantity=1, reason="TOO_SMALL"),),
)

FIRST = ExpectedReturn(
    id="pw_1",
    number="PW-00001",
    order_number="#1001",
    email="customer@example.com",
    status=Status.REQUESTED,
    status_raw="AWAITING_REVIEW",
    created_at=datetime(2024, 1, 1, tzinfo=UTC),
    updated_at=datetime(2024, 1, 1, 1, tzinfo=UTC),
    items=(
        ExpectedItem(id="pw_1_1", sku="PW-1", quantity=1, reason_code="TOO_SMALL"),
        ExpectedItem(id="pw_1_2", sku="PW-2", quantity=2, reason_code="UNWANTED"),
    ),
    facts={"kind": "unknown", "attention": ["waiting_merchant"]},
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
        Case("get_return", lambda adapter: adapter.get_return("pw_1"), expects=(FIRST,)),
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

    states_every_value = True
    # Its API has no shipments, and knows an order by its name alone.
    not_given = frozenset({"order_id", "shipment.tracking_number", "shipment.label_url"})
    filters = (
        Filter(query={"status": Status.APPROVED}, matches="pw_2", excludes="pw_1"),
        Filter(query={"raw_status": "ACCEPTED"}, matches="pw_2", excludes="pw_1"),
        Filter(query={"created_after": SINCE}, matches="pw_15", excludes="pw_14"),
        Filter(query={"created_before": SINCE}, matches="pw_14", excludes="pw_16"),
        Filter(query={"updated_after": SINCE}, matches="pw_15", excludes="pw_14"),
        Filter(query={"customer_email": "other@example.com"}, matches="pw_2", excludes="pw_1"),
        Filter(query={"order_number": "#1002"}, matches="pw_2", excludes="pw_1"),
    )
    oldest_return = "pw_1"
    newest_return = "pw_20"
    variations = (
        Variation(
            case="get_return",
            path="data.return.createdAt",
            value="2024-01-01T00:00:00+05:00",
            field="created_at",
            becomes=datetime(2023, 12, 31, 19, tzinfo=UTC),
        ),
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


def test_an_expired_token_is_asked_for_again_by_the_refresh_token() -> None:
    vendor = ParcelWiseSandbox(count=3)
    with serve(vendor) as running, connect("parcelwise", base_url=running.url, **vendor.options) as client:
        client.get_return("pw_1")
        vendor.expire_tokens()
        client.set_status("pw_1", raw_status="WITHDRAWN")
        with pytest.raises(Conflict):
            client.set_status("pw_1", Status.APPROVED)
    paths = [call.path for call in vendor.requests]
    assert paths == ["/oauth/token", "/graphql", "/graphql", "/oauth/token", "/graphql", "/graphql"]
    assert vendor.grants == ["client_credentials", "refresh_token"]


def test_every_process_of_a_hub_has_the_same_token(tmp_path: Path) -> None:
    vendor = ParcelWiseSandbox(count=3)
    with serve(vendor) as running:
        account = Account(name="acme", provider="parcelwise", base_url=running.url, options=dict(vendor.options))
        for _ in range(2):
            with Hub([account], store=f"sqlite:///{tmp_path / 'returns.db'}") as hub:
                (report,) = hub.sync()
                assert report.error is None
                hub.client("acme").get_return("pw_1")
    assert vendor.grants == ["client_credentials"]
    assert b"pw-token" not in (tmp_path / "returns.db").read_bytes()
