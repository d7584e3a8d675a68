"""A clock of ours that is wrong decides nothing: the database's does, and what the vendor says of a later moment wins."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo

import pytest
from attrs import evolve

from returns_hub import Adapter, Client, HttpAnswer, Operation, Return, Status, WebhookRequest
from returns_hub.deliveries import Inbox, Processor
from returns_hub.json_codec import encode_json
from returns_hub.scalars import format_time
from returns_hub.store import Store
from returns_hub.store.sync_log import SyncLog
from returns_hub.testing.fake import FakeVendor
from returns_hub.worker import sync_schedule

SetClock = Callable[..., None]


@pytest.fixture
def postgresql_store(postgresql_url: str) -> Iterator[Store]:
    with Store.open(postgresql_url) as opened:
        yield opened


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> SetClock:
    """Have this machine's clock ahead by so much, or behind; PostgreSQL's stays as it is, a file has this machine's."""

    def change(**ahead: float) -> None:
        class Wrong(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]  # a datetime, not a Wrong
                return datetime.now(tz) + timedelta(**ahead)

        for module in ("store.database", "store.delivery_writer", "hub.clients", "sync.engine", "server.endpoint"):
            monkeypatch.setattr(f"returns_hub.{module}.datetime", Wrong)

    return change


@pytest.fixture
def client(client: Client, monkeypatch: pytest.MonkeyPatch) -> Client:
    """The vendor does not say since when a return is as it is."""
    real = type(client.adapter).get_return

    def get_return(adapter: Adapter, return_id: str) -> Operation[Return]:
        ret = yield from real(adapter, return_id)
        return evolve(ret, updated_at=None)

    monkeypatch.setattr(type(client.adapter), "get_return", get_return)
    return client


def deliver(inbox: Inbox, client: Client, event: dict[str, object], received_at: datetime) -> None:
    body = encode_json({"events": [event]}).encode()
    request = WebhookRequest(method="POST", url="https://hub.example/w", body=body, received_at=received_at)
    inbox.put("acme", request, client.adapter.read_webhook(request))


def told(status: Status, at: datetime) -> dict[str, object]:
    return {"told": {"provider": "fake", "id": "F1", "status": status.value}, "at": format_time(at)}


def status(store: Store) -> Status:
    stored = store.get_return("acme", "F1")
    assert stored is not None
    return stored.ret.status


@pytest.mark.parametrize("seconds", [30, 600])
def test_a_read_made_with_a_clock_ahead_does_not_outrank_the_signed_word_that_follows(
    store: Store, inbox: Inbox, client: Client, processor: Processor, set_clock: SetClock, seconds: int
) -> None:
    set_clock(seconds=seconds)
    deliver(inbox, client, {"hint": "F1"}, datetime.now(UTC))
    assert (processor.process_due(), status(store)) == (1, Status.REQUESTED)
    by_vendor = datetime.now(UTC)
    deliver(inbox, client, told(Status.APPROVED, by_vendor), by_vendor + timedelta(seconds=seconds))
    assert (processor.process_due(), status(store)) == (1, Status.APPROVED)


def test_what_a_server_received_whose_clock_is_behind_is_later_than_what_was_read_before(
    postgresql_store: Store, client: Client, set_clock: SetClock
) -> None:
    processor = Processor(postgresql_store, lambda _: client)
    with Inbox(postgresql_store) as inbox:
        deliver(inbox, client, {"hint": "F1"}, datetime.now(UTC))
        processor.process_due()
        set_clock(minutes=-10)
        now = datetime.now(UTC)
        deliver(inbox, client, told(Status.APPROVED, now), now - timedelta(minutes=10))
        processor.process_due()
        newest = next(inbox.find())
    assert status(postgresql_store) is Status.APPROVED
    assert abs(newest.received_at - now) < timedelta(minutes=5)


def test_a_worker_whose_clock_is_ahead_schedules_retries_by_the_database_s(
    postgresql_store: Store, client: Client, vendor: FakeVendor, set_clock: SetClock
) -> None:
    # Not there yet: tried again.
    vendor.faults.answer_with(HttpAnswer(status=404, body=b"{}"))
    with Inbox(postgresql_store) as inbox:
        deliver(inbox, client, {"hint": "F1"}, datetime.now(UTC))
        set_clock(minutes=10)
        assert Processor(postgresql_store, lambda _: client).process_due(1) == 0
        (failed,) = inbox.find()
    assert failed.attempts == 1
    assert failed.due_at - postgresql_store.now() < timedelta(minutes=1)


def test_a_worker_whose_clock_is_ahead_syncs_no_earlier(postgresql_store: Store, set_clock: SetClock) -> None:
    SyncLog(postgresql_store.database).started("acme", postgresql_store.now())
    set_clock(minutes=10)
    schedule = sync_schedule(postgresql_store, "acme", every=3600.0, sync=lambda _: None)
    assert schedule.due_in() > 3300
