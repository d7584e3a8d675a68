"""The mirror of an AfterShip organisation: exact, in few requests, and every change emitted once."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from returns_hub import Account, Hub, ReturnStatusChanged, Status, WebhookRequest
from returns_hub.testing import serve
from returns_hub_aftership.sandbox import AfterShipSandbox
from returns_hub_aftership.sandbox.seed import EXAMPLE_ID


@pytest.fixture
def vendor() -> AfterShipSandbox:
    return AfterShipSandbox(count=400)


@pytest.fixture
def hub(vendor: AfterShipSandbox, sqlite_url: str) -> Iterator[Hub]:
    with serve(vendor) as running:
        url = running.url + vendor.base_path
        account = Account(name="acme", provider="aftership", base_url=url, rate_limit="none", options=vendor.options)
        with Hub([account], store=sqlite_url) as opened:
            yield opened


def test_the_mirror_is_the_vendors_list_and_costs_its_pages(hub: Hub, vendor: AfterShipSandbox) -> None:
    (report,) = hub.sync()
    assert {stored.ret.id for stored in hub.returns()} == vendor.return_ids
    assert (report.error, report.created) == (None, 400)
    # Eight pages of fifty at least, and one for each of the six slices of two months that is not full.
    assert report.requests <= 8 + 6
    assert [gap for gap in report.gaps if "lists nothing that was created before" in gap] == list(report.gaps)


def test_changes_of_open_returns_are_emitted_once_each(hub: Hub, vendor: AfterShipSandbox) -> None:
    hub.sync()
    changed = sorted(one for one, wire in vendor.returns.items() if wire["shipping_status"] == "in_transit")[:10]
    for return_id in changed:
        vendor.set_status(return_id, "approved/received")
    hub.sync()
    hub.sync()
    told = [event.return_id for event in hub.events(after=400) if isinstance(event, ReturnStatusChanged)]
    assert sorted(told) == changed


def test_a_delivery_is_applied_without_a_call(hub: Hub, vendor: AfterShipSandbox) -> None:
    hub.sync()
    vendor.set_status(EXAMPLE_ID, "done")
    headers, body = vendor.webhook("return.resolved", EXAMPLE_ID)
    request = WebhookRequest(
        method="POST",
        url="https://platform.example/webhooks/acme",
        headers=headers,
        body=body,
        received_at=datetime.now(UTC),
    )
    before = len(vendor.requests)
    assert hub.receive("acme", request).status == 200
    hub.process()
    stored = hub.get_return("acme", EXAMPLE_ID)
    assert stored is not None
    assert (stored.ret.status, len(vendor.requests)) == (Status.CLOSED, before)
