from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from returns_hub import NewReturn, NotFound, ReturnQuery, Status, ValidationFailed, WebhookRequest
from returns_hub.testing import AdapterConformance, Case, FakeAdapter, FakeVendor
from returns_hub.testing.fake import SIGNATURE_HEADER, sign

NOW = datetime(2025, 1, 1, 12, tzinfo=UTC)
SINCE = datetime(2024, 1, 15, tzinfo=UTC)


class TestFake(AdapterConformance):
    adapter_class = FakeAdapter
    known_return = "F1"
    signature_header = SIGNATURE_HEADER
    cassettes = Path(__file__).parents[2] / "cassettes" / "fake"
    cases = (
        Case("list_returns", lambda fake: fake.list_returns(ReturnQuery(page_size=3))),
        Case("list_returns-next_page", lambda fake: fake.list_returns(ReturnQuery(page_size=3), "F3")),
        Case("get_return", lambda fake: fake.get_return("F1")),
        Case("get_return-missing", lambda fake: fake.get_return("F0"), raises=NotFound),
        Case("create_return", lambda fake: fake.create_return(NewReturn(order_number="#1001"))),
        Case(
            "create_return-refused",
            lambda fake: fake.create_return(NewReturn(order_number="")),
            raises=ValidationFailed,
        ),
        Case("set_status", lambda fake: fake.set_status("F1", Status.APPROVED)),
        Case("changes", lambda fake: fake.changes(SINCE)),
        Case("backfill", lambda fake: fake.backfill(SINCE, NOW)[0].read(None)),
    )

    def make_simulator(self, **arguments: Any) -> FakeVendor:
        return FakeVendor(now=lambda: NOW, **arguments)

    def delivery(self, secret: str, body: bytes | None = None) -> WebhookRequest:
        told = b'{"event": "moved", "id": "F1"}' if body is None else body
        url = "https://platform.example/webhooks/fake"
        return WebhookRequest(method="POST", url=url, headers=sign(told, secret), body=told, received_at=NOW)
