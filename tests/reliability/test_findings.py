"""What the campaigns have found, each finding as a test that needs no luck."""

import hashlib
import hmac
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from returns_hub import Account, Hub, WebhookRequest
from returns_hub.adapter import Rate
from returns_hub.store import Store
from returns_hub.store.inbox import Deliveries, NewDelivery, Stored
from returns_hub.store.jobs import Jobs
from returns_hub.store.rate_limits import SharedRateLimiter

SECRET = "whsec-canary-4f1d"


@pytest.fixture
def hub(postgresql_url: str) -> Iterator[Hub]:
    account = Account(name="mate", provider="returnmate", options={"api_key": "k", "webhook_secrets": [SECRET]})
    with Hub([account], store=postgresql_url) as opened:
        yield opened


@pytest.fixture
def store(postgresql_url: str) -> Iterator[Store]:
    with Store.open(postgresql_url) as opened:
        yield opened


def deliver(hub: Hub) -> None:
    """A delivery that the adapter does not know, and so asks the vendor nothing."""
    body = b'{"id": "evt_1", "event": "shop.closed", "data": {}}'
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = (("X-Webhook-Signature", signature),)
    request = WebhookRequest(
        method="POST", url="https://x.example/", headers=headers, body=body, received_at=datetime.now(UTC)
    )
    hub.receive("mate", request)


def execute(store: Store, *statements: str) -> Any:
    """The rows of the last of these statements, all in one transaction."""
    with store.database.writing() as connection:
        connection.execute(text("SET LOCAL search_path = returns_hub_jobs, public"))
        for statement in statements[:-1]:
            connection.execute(text(statement))
        result = connection.execute(text(statements[-1]))
        return result.all() if result.returns_rows else None


def test_a_worker_killed_between_its_job_and_its_claim_leaves_nothing_that_waits_for_ever(
    hub: Hub, store: Store
) -> None:
    deliver(hub)
    # A worker took the job when the delivery had waited for an hour, and was killed before it had claimed it.
    execute(
        store,
        "UPDATE deliveries SET due_at = due_at - interval '1 hour'",
        "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now())",
        "UPDATE procrastinate_jobs SET status = 'doing', worker_id = (SELECT max(id) FROM procrastinate_workers)",
    )
    # Another worker looks for what was forgotten before the first one is taken for dead.
    Jobs(store.database).enqueue_forgotten()
    assert execute(store, "SELECT status::text FROM procrastinate_jobs") == [("doing",)]
    execute(store, "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour'")
    with hub.working():
        deadline = time.monotonic() + 20
        while hub.health().pending:
            assert time.monotonic() < deadline, "it is not processed"
            time.sleep(0.05)
    assert [event.type for event in hub.events()] == ["event.unmapped"]


def test_storing_a_delivery_takes_no_longer_the_more_jobs_wait(store: Store) -> None:
    jobs, deliveries = Jobs(store.database), Deliveries(store.database)
    jobs.install()
    deliveries.put([delivery(number) for number in range(1000)], jobs.enqueue)
    read: list[int] = []

    def enqueue(connection: Connection, stored: Sequence[Stored]) -> None:
        read.append(rows_read(connection))
        jobs.enqueue(connection, stored)
        read.append(rows_read(connection))

    deliveries.put([delivery(1001)], enqueue)
    before, after = read
    assert after - before < 10


def rows_read(connection: Connection) -> int:
    """How many rows of the queue this connection has read by now."""
    columns = "coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)"
    query = f"SELECT {columns} FROM pg_stat_xact_all_tables WHERE relname = 'procrastinate_jobs'"
    return int(connection.execute(text(query)).scalar_one())


def delivery(number: int) -> NewDelivery:
    request = WebhookRequest(method="POST", url="https://x.example/", body=b"", received_at=datetime.now(UTC))
    return NewDelivery(account="mate", dedupe_key=str(number), subject=str(number), request=request)


@pytest.mark.parametrize("rate", [None, Rate(5, 1.0)])
def test_two_workers_that_are_the_first_to_ask_a_vendor_may_both(store: Store, rate: Rate | None) -> None:
    first, second = (SharedRateLimiter(store.database, "mate", rate) for _ in range(2))
    waits: list[float] = []

    # The first one has looked for the account's pace, and found none, when the second one makes it.
    def overtake(*_: Any) -> None:
        waits.append(second.reserve(within=120.0))

    event.listen(store.database._engine, "after_cursor_execute", overtake, once=True)
    waits.append(first.reserve(within=120.0))
    assert max(waits) < 1.0
