"""The mirror of a Redo store: exact, in as few requests as there are pages, and every change emitted once."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from returns_hub import Account, Hub, ReturnStatusChanged, Status, WebhookRequest
from returns_hub.testing import serve
from returns_hub_redo.sandbox import RedoSandbox
from returns_hub_redo.sandbox.seed import EXAMPLE_ID

TOKEN = "redo-sandbox-token-of-thirty-two-chars"


@pytest.fixture
def vendor() -> RedoSandbox:
    return RedoSandbox(count=600)


@pytest.fixture
def hub(vendor: RedoSandbox, sqlite_url: str) -> Iterator[Hub]:
    with serve(vendor) as running:
        url = running.url + vendor.base_path
        account = Account(name="acme", provider="redo", base_url=url, rate_limit="none", options=vendor.options)
        with Hub([account], store=sqlite_url) as opened:
            yield opened


def test_the_mirror_is_the_store_and_costs_its_pages(hub: Hub, vendor: RedoSandbox) -> None:
    (report,) = hub.sync(since=datetime(2024, 10, 1, tzinfo=UTC))
    assert {stored.ret.id for stored in hub.returns()} == vendor.return_ids
    assert (report.error, report.created) == (None, 600)
    # Two pages of 500 at least, and one for each of the three years that is not full.
    assert report.requests <= 2 + 3


def test_changes_are_emitted_once_each(hub: Hub, vendor: RedoSandbox) -> None:
    hub.sync()
    changed = sorted(vendor.return_ids)[:30]
    for return_id in changed:
        word = vendor.returns[return_id]["status"]
        vendor.set_status(return_id, "rejected" if word != "rejected" else "complete")
    hub.sync()
    hub.sync()
    told = [event.return_id for event in hub.events(after=600) if isinstance(event, ReturnStatusChanged)]
    assert sorted(told) == changed
    (report,) = hub.reconcile()
    assert (report.missing, report.changed, report.gone) == (0, 0, 0)


def test_a_delivery_is_applied_without_a_call(hub: Hub, vendor: RedoSandbox) -> None:
    hub.sync()
    vendor.set_status(EXAMPLE_ID, "complete")
    headers, body = vendor.webhook("updated", EXAMPLE_ID)
    before = len(vendor.requests)
    answer = hub.receive(
        "acme",
        WebhookRequest(
            method="POST",
            url="https://platform.example/webhooks/acme",
            headers=headers,
            body=body,
            received_at=datetime.now(UTC),
        ),
    )
    assert answer.status == 200
    hub.process()
    stored = hub.get_return("acme", EXAMPLE_ID)
    assert stored is not None
    assert (stored.ret.status, len(vendor.requests)) == (Status.CLOSED, before)


def test_the_token_of_a_delivery_is_not_stored(hub: Hub, vendor: RedoSandbox, sqlite_url: str) -> None:
    headers, body = vendor.webhook("updated", EXAMPLE_ID)
    request = WebhookRequest(
        method="POST",
        url="https://platform.example/webhooks/acme",
        headers=headers,
        body=body,
        received_at=datetime.now(UTC),
    )
    hub.receive("acme", request)
    hub.close()
    assert TOKEN.encode() not in Path(sqlite_url.removeprefix("sqlite:///")).read_bytes()
