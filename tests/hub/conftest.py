"""A platform with two accounts at simulated vendors, and a store of each kind."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from returns_hub import Account, WebhookRequest
from returns_hub.testing import serve
from returns_hub_returnmate.sandbox import ReturnMateSandbox

SECRET = "whk-hub-secret"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def vendor() -> Iterator[ReturnMateSandbox]:
    sandbox = ReturnMateSandbox(count=6)
    with serve(sandbox) as running:
        sandbox.url = running.url  # type: ignore[attr-defined]
        yield sandbox


@pytest.fixture
def account(vendor: Any) -> Account:
    return Account(
        name="acme",
        provider="returnmate",
        base_url=vendor.url + vendor.base_path,
        rate_limit="none",
        options={**vendor.options, "webhook_secrets": [SECRET]},
    )


@pytest.fixture
def delivery(vendor: ReturnMateSandbox) -> Callable[..., WebhookRequest]:
    """A signed delivery about a return."""

    def make(return_id: str, *, event: str = "rma.updated", secret: str = SECRET) -> WebhookRequest:
        headers, body = vendor.webhook(event, return_id, secret)
        return WebhookRequest(
            method="POST",
            url="https://platform.example/webhooks/acme",
            headers=headers,
            body=body,
            received_at=datetime.now(UTC),
        )

    return make


@pytest.fixture
def address(tmp_path: Any) -> str:
    return f"sqlite:///{tmp_path}/returns.db"
