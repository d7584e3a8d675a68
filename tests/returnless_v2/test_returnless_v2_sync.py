"""The mirror of a Returnless V2 account: exact, test records left out, and every change emitted once, of shipments too."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from returns_hub import Account, Hub, ReturnStatusChanged, ShipmentStatus, Status, WebhookRequest
from returns_hub.testing import serve
from returns_hub_returnless_v2.sandbox import ReturnlessV2Sandbox
from returns_hub_returnless_v2.sandbox.seed import EXAMPLE_ID


@pytest.fixture
def vendor() -> ReturnlessV2Sandbox:
    return ReturnlessV2Sandbox(count=300, test_records=2)


@pytest.fixture
def hub(vendor: ReturnlessV2Sandbox, sqlite_url: str) -> Iterator[Hub]:
    with serve(vendor) as running:
        account = Account(
            name="acme",
            provider="returnless_v2",
            base_url=running.url + vendor.base_path,
            rate_limit="none",
            options={**vendor.options, "status_map": {"returnstatus_Q2mZ7": "received"}},
        )
        with Hub([account], store=sqlite_url) as opened:
            yield opened


def test_the_mirror_is_the_account_without_test_records(hub: Hub, vendor: ReturnlessV2Sandbox) -> None:
    (report,) = hub.sync(since=datetime(2024, 10, 1, tzinfo=UTC))
    assert {stored.ret.id for stored in hub.returns()} == vendor.return_ids
    assert (report.error, report.created, report.gaps) == (None, 300, ())


def test_changes_are_emitted_once_and_a_parcel_has_its_own(hub: Hub, vendor: ReturnlessV2Sandbox) -> None:
    hub.sync()
    changed = sorted(
        one
        for one, record in vendor.records.items()
        if record["status"]["id"] == "returnstatus_h4Kx9" and not record["is_test_record"]
    )[:8]
    for return_id in changed:
        vendor.set_status(return_id, "returnstatus_Q2mZ7")
    vendor.set_shipment_status(EXAMPLE_ID, "awaiting-webshop-pickup")
    vendor.change(EXAMPLE_ID, includes=vendor.records[EXAMPLE_ID]["includes"])
    hub.sync()
    hub.sync()
    told = [event.return_id for event in hub.events(after=300) if isinstance(event, ReturnStatusChanged)]
    assert sorted(told) == changed
    stored = hub.get_return("acme", EXAMPLE_ID)
    assert stored is not None
    assert stored.ret.shipments[0].status is ShipmentStatus.AVAILABLE_FOR_PICKUP


def test_a_delivery_has_its_record_read_again(hub: Hub, vendor: ReturnlessV2Sandbox) -> None:
    hub.sync()
    vendor.set_status(EXAMPLE_ID, "returnstatus_Q2mZ7")
    headers, body = vendor.webhook("return.status_changed", EXAMPLE_ID)
    request = WebhookRequest(
        method="POST",
        url="https://platform.example/webhooks/acme",
        headers=headers,
        body=body,
        received_at=datetime.now(UTC),
    )
    assert hub.receive("acme", request).status == 200
    hub.process()
    stored = hub.get_return("acme", EXAMPLE_ID)
    assert stored is not None
    assert stored.ret.status is Status.RECEIVED
