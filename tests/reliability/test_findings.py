"""What the campaigns have found, each finding as a test that needs no luck."""

import hashlib
import hmac
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from returns_hub import Account, Hub, WebhookRequest
from returns_hub.adapter import Rate
from returns_hub.store import Store
from returns_hub.store.delivery_writer import DeliveryWriter, NewDelivery
from returns_hub.store.queue import Queue
from returns_hub.store.rate_limits import SharedRateLimiter
from returns_hub.store.schema import DELIVERIES

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


def test_what_could_not_be_ended_is_processed_all_the_same(hub: Hub, store: Store) -> None:
    """The database ends the connection that marks the first delivery as processed; with a job of its own it froze the return."""
    with store.database.writing() as connection:
        for statement in (
            "CREATE SEQUENCE ends",
            """CREATE FUNCTION end_the_first() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF nextval('ends') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()), pg_sleep(1); END IF;
                RETURN NEW;
            END $$""",
            """CREATE TRIGGER end_the_first BEFORE UPDATE ON deliveries FOR EACH ROW
                WHEN (NEW.state = 'processed') EXECUTE FUNCTION end_the_first()""",
        ):
            connection.exec_driver_sql(statement)
    deliver(hub)
    with hub.working():
        deadline = time.monotonic() + 30
        while hub.health().pending:
            assert time.monotonic() < deadline, "it is not processed"
            time.sleep(0.05)
    assert [event.type for event in hub.events()] == ["event.unmapped"]
    assert [delivery.attempts for delivery in hub.deliveries()] == [2]


def test_claiming_reads_no_more_the_more_is_pending(store: Store) -> None:
    with closing(DeliveryWriter.of(store.database)) as writer:
        writer.put([delivery(number) for number in range(2000)])
    # As they are while nothing is pending.
    with store.database.writing() as connection:
        connection.execute(text("UPDATE deliveries SET state = 'processed'"))
    with store.database._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE deliveries"))
    with store.database.writing() as connection:
        connection.execute(text("UPDATE deliveries SET state = 'pending'"))
        before = rows_read(connection)
        assert Queue("postgresql", DELIVERIES, order="id", key=("account", "subject")).claim(connection, max_attempts=1)
        assert rows_read(connection) - before < 20_000


def rows_read(connection: Connection) -> int:
    """How many rows of the inbox this transaction has read by now."""
    columns = "coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)"
    query = f"SELECT {columns} FROM pg_stat_xact_all_tables WHERE relname = 'deliveries'"
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
