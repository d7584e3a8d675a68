"""The made-up vendor as users meet it: through a client, over HTTP."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from returns_hub import (
    Client,
    NewReturn,
    NotFound,
    Secret,
    Status,
    UnsupportedOperation,
    ValidationFailed,
    WebhookRequest,
)
from returns_hub.testing import FakeAdapter, FakeVendor, open_with, serve

NOW = datetime(2024, 6, 1, tzinfo=UTC)


@pytest.fixture
def vendor() -> FakeVendor:
    return FakeVendor(now=lambda: NOW)


@pytest.fixture
def client(vendor: FakeVendor) -> Iterator[Client]:
    adapter = FakeAdapter(api_key=Secret("fake_key"), webhook_secrets=(Secret("whsec"),))
    with serve(vendor) as running, open_with(adapter, base_url=running.url) as client:
        yield client


def test_returns_are_listed_by_status(vendor: FakeVendor, client: Client) -> None:
    vendor.set_status("F2", "granted")
    assert [found.id for found in client.list_returns(status=Status.APPROVED)] == ["F2"]


def test_a_status_that_the_vendor_has_no_word_for_lists_nothing(client: Client) -> None:
    assert list(client.list_returns(status=Status.EXPIRED)) == []


def test_returns_are_listed_newest_first(client: Client) -> None:
    assert next(iter(client.list_returns(newest_first=True))).id == "F20"


def test_returns_are_listed_by_time(client: Client) -> None:
    found = client.list_returns(created_after=datetime(2024, 1, 19, tzinfo=UTC))
    assert [one.id for one in found] == ["F19", "F20"]


def test_a_created_return_is_there(client: Client) -> None:
    created = client.create_return(NewReturn(order_number="#7"))
    assert client.get_return(created.id) == created


def test_one_idempotency_key_creates_one_return(vendor: FakeVendor, client: Client) -> None:
    once = client.create_return(NewReturn(order_number="#7"), idempotency_key="k")
    assert client.create_return(NewReturn(order_number="#7"), idempotency_key="k") == once
    assert len(vendor.return_ids) == 21


def test_a_status_can_be_set(client: Client) -> None:
    assert client.set_status("F1", Status.CLOSED).status_raw == "done"


def test_a_word_that_the_vendor_does_not_have_is_refused(client: Client) -> None:
    with pytest.raises(ValidationFailed):
        client.set_status("F1", raw_status="lost")


@pytest.mark.parametrize("status", [Status.EXPIRED, Status.UNKNOWN])
def test_a_status_without_a_word_is_unsupported(client: Client, status: Status) -> None:
    with pytest.raises(UnsupportedOperation):
        client.set_status("F1", status)


def test_a_return_that_is_not_there_is_not_found(client: Client) -> None:
    with pytest.raises(NotFound):
        client.set_status("F99", Status.CLOSED)


def test_changes_are_emitted(vendor: FakeVendor, client: Client) -> None:
    vendor.set_status("F3", "arrived")
    assert [found.id for found in client.changes(datetime(2024, 5, 1, tzinfo=UTC))] == ["F3"]


def test_a_delivery_is_a_hint(vendor: FakeVendor, client: Client) -> None:
    headers, body = vendor.webhook("moved", "F1", "whsec")
    request = WebhookRequest(
        method="POST", url="https://platform.example/webhooks/fake", headers=headers, body=body, received_at=NOW
    )
    (hint,) = client.receive(request).events
    assert hint.name == "moved"
