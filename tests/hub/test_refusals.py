"""What is refused leaves a trace: how often, when and why, and nothing of what came in."""

import asyncio
import hashlib
import hmac
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from returns_hub import Account, AsyncHub, ConfigurationError, Hub, WebhookRejected, WebhookRequest
from returns_hub.hub.refusals import RefusalRecorder
from returns_hub.store import Store
from returns_hub.store.refusals import NewRefusals, Refusals

BODY = b'{"customer": "jane@example.com"}'


def find_order(number: str) -> None:
    raise LookupError(f"no row for {number} of jane@example.com")


@pytest.fixture
def accounts() -> list[Account]:
    return [
        Account(name="mate", provider="returnmate", options={"api_key": "k", "webhook_secrets": ["whsec"]}),
        Account(name="unset", provider="returnmate", options={"api_key": "k"}),
        Account(name="broken", provider="returnmate", options={}),
        Account(
            name="less",
            provider="returnless",
            orders=f"{__name__}:find_order",
            options={"user": "u", "password": "p", "signing_keys": ["key"]},
        ),
    ]


@pytest.fixture
def hub(accounts: list[Account], tmp_path: Path) -> Iterator[Hub]:
    with Hub(accounts, store=f"sqlite:///{tmp_path}/returns.db") as hub:
        yield hub


def forged(signature: str = "0" * 64, *, method: str = "POST", url: str = "https://shop.example/") -> WebhookRequest:
    headers = {"X-Webhook-Signature": signature, "Returnless-Signature": signature}
    return WebhookRequest(method=method, url=url, headers=headers, body=BODY, received_at=datetime.now(UTC))


def refuse(hub: Hub, account: str, request: WebhookRequest) -> None:
    with pytest.raises((WebhookRejected, ConfigurationError)):
        hub.receive(account, request)


def kinds(hub: Hub) -> set[tuple[str, str, str, int]]:
    return {(each.account, each.route, each.reason, each.count) for each in hub.refused()}


def test_refused_deliveries_are_counted_by_account_and_reason(hub: Hub) -> None:
    for _ in range(3):
        refuse(hub, "mate", forged())
    refuse(hub, "mate", forged("nonsense"))
    refuse(hub, "unset", forged())
    refuse(hub, "broken", forged())
    refuse(hub, "jane@example.com", forged())
    refuse(hub, "somebody-else", forged())
    assert kinds(hub) == {
        ("mate", "webhooks", "wrong_signature", 3),
        ("mate", "webhooks", "malformed_signature", 1),
        ("unset", "webhooks", "not_configured", 1),
        ("broken", "webhooks", "misconfigured", 1),
        ("", "webhooks", "unknown_account", 2),
    }
    assert [each.reason for each in hub.refused("unset")] == ["not_configured"]
    (broken,) = hub.refused("broken")
    assert broken.detail == "ConfigurationError: accounts.broken.api_key is missing"
    health = hub.health()
    assert (health.refused, health.refused_at) == (8, max(each.last_at for each in hub.refused()))


def test_of_what_came_in_only_a_digest_is_kept(hub: Hub, tmp_path: Path) -> None:
    refuse(hub, "mate", forged())
    (refusal,) = hub.refused()
    assert refusal.digest == hashlib.sha256(BODY).hexdigest()
    hub.close()
    assert b"jane" not in (tmp_path / "returns.db").read_bytes()


def test_a_find_order_that_raises_is_counted_with_its_place(hub: Hub) -> None:
    signature = hmac.new(b"key", b"ORD1", hashlib.sha256).hexdigest()
    request = forged(signature, method="GET", url="https://shop.example/orders/less/ORD1")
    with pytest.raises(LookupError):
        hub.answer_order_lookup("less", request)
    (refusal,) = hub.refused()
    assert (refusal.account, refusal.route, refusal.reason, refusal.count) == ("less", "orders", "failed", 1)
    assert refusal.detail.startswith("LookupError at hub/test_refusals.py:")
    assert refusal.detail.endswith(" in find_order")


async def refuse_async(accounts: list[Account], address: str) -> set[tuple[str, str]]:
    async with AsyncHub(accounts, store=address) as hub:
        for name in ("mate", "broken"):
            with pytest.raises((WebhookRejected, ConfigurationError)):
                await hub.receive(name, forged())
        return {(each.account, each.reason) for each in await hub.refused()}


def test_an_async_hub_counts_alike(accounts: list[Account], tmp_path: Path) -> None:
    found = asyncio.run(refuse_async(accounts, f"sqlite:///{tmp_path}/returns.db"))
    assert found == {("mate", "wrong_signature"), ("broken", "misconfigured")}


def test_many_refusals_are_one_write(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[list[NewRefusals]] = []
    monkeypatch.setattr(Refusals, "add", lambda _, new: written.append(list(new)))
    monkeypatch.setattr("returns_hub.hub.refusals._WRITE_INTERVAL", 60.0)
    recorder = RefusalRecorder(lambda: store)
    for _ in range(1000):
        recorder.record("acme", "webhooks", "wrong_signature", body=BODY)
    recorder.close()
    assert sum(each.count for new in written for each in new) == 1000
    assert len(written) <= 2


def test_a_sender_cannot_make_more_rows_than_there_are_reasons(store: Store) -> None:
    refusals = Refusals(store.database)
    for number in range(3):
        new = NewRefusals(
            account="a", route="webhooks", reason="too_large", detail=f"{number}", digest="", count=number + 1
        )
        refusals.add([new])
    (found,) = refusals.find()
    assert (found.count, found.detail, found.first_at <= found.last_at) == (6, "2", True)
    assert refusals.total() == (6, found.last_at)


def test_what_the_store_cannot_take_is_counted_later(accounts: list[Account], tmp_path: Path) -> None:
    path = tmp_path / "returns.db"
    path.mkdir()
    with Hub(accounts, store=f"sqlite:///{path}") as hub:
        refuse(hub, "mate", forged())
        path.rmdir()
        refuse(hub, "mate", forged())
        assert kinds(hub) == {("mate", "webhooks", "wrong_signature", 2)}


def test_what_was_refused_long_ago_is_forgotten(hub: Hub, tmp_path: Path) -> None:
    refuse(hub, "mate", forged())
    assert len(hub.refused()) == 1
    with closing(sqlite3.connect(tmp_path / "returns.db")) as connection:
        connection.execute("UPDATE refusals SET last_at = '2024-01-01T00:00:00.000000Z'")
        connection.commit()
    hub.purge(datetime(2024, 1, 2, tzinfo=UTC))
    assert hub.refused() == ()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform does not fork")
def test_a_child_counts_for_itself(hub: Hub) -> None:
    refuse(hub, "mate", forged())
    hub.refused()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            refuse(hub, "mate", forged())
            code = 0 if kinds(hub) == {("mate", "webhooks", "wrong_signature", 2)} else 1
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    assert kinds(hub) == {("mate", "webhooks", "wrong_signature", 2)}
