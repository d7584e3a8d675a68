"""The inbox: what is in it when it has answered, what of a request is kept, and how copies are counted."""

import asyncio
import hashlib
import hmac
import multiprocessing
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime
from typing import Any, TypeAlias

import pytest
from sqlalchemy import QueuePool, text

from returns_hub import (
    ConfigurationError,
    HttpAnswer,
    Item,
    Receipt,
    Return,
    ReturnHint,
    ReturnObserved,
    Secret,
    Shipment,
    StoreError,
    UnknownEvent,
    WebhookRequest,
)
from returns_hub.deliveries import Inbox
from returns_hub.deliveries.sanitizer import sanitize_delivery
from returns_hub.reports import Backlog, Delivery, DeliveryState
from returns_hub.store import Store
from returns_hub.testing.fake import FakeAdapter

At: TypeAlias = Callable[[float], datetime]
Send: TypeAlias = Callable[..., int]


@pytest.fixture
def request_at(at: At) -> Callable[..., WebhookRequest]:
    """A delivery that came so many minutes after noon."""

    def make(minute: float = 0, **told: Any) -> WebhookRequest:
        usual = {"method": "POST", "url": "https://hub.example/webhooks/acme", "body": b"{}"}
        return WebhookRequest(received_at=at(minute), **{**usual, **told})

    return make


def receipt(key: str = "k1", *events: Any) -> Receipt:
    return Receipt(events=events, answer=HttpAnswer(status=200), dedupe_key=key)


def hint(return_id: str) -> ReturnHint:
    return ReturnHint(name="moved", return_id=return_id)


def found(inbox: Inbox, id: int) -> Delivery:
    delivery = inbox.get(id)
    assert delivery is not None
    return delivery


def test_a_delivery_is_stored_to_the_byte(inbox: Inbox, request_at: Callable[..., WebhookRequest], at: At) -> None:
    body = bytes(range(256))
    delivery = found(inbox, inbox.put("acme", request_at(5, body=body), receipt("k1", hint("F1"))))
    assert (delivery.body, delivery.received_at, delivery.method) == (body, at(5), "POST")
    assert (delivery.account, delivery.dedupe_key, delivery.subject) == ("acme", "k1", "F1")
    assert (delivery.state, delivery.attempts, delivery.duplicates, delivery.events) == (DeliveryState.PENDING, 0, 0, 0)
    assert (delivery.error, delivery.processed_at) == (None, None)


def test_a_body_that_held_secrets_is_kept_without_them_and_with_the_digest_of_what_came(
    inbox: Inbox, request_at: Callable[..., WebhookRequest]
) -> None:
    class Adapter(FakeAdapter):
        secret_paths = ("giftCards[].code",)

    body = b'{ "event": "moved", "id": "F1", "giftCards": [ {"code": "canary-1"} ] }'
    # printf '...' | openssl dgst -sha256 -hmac demo-secret-1
    signature = hmac.new(b"demo-secret-1", body, hashlib.sha256).hexdigest()
    headers = [("X-Fake-Signature", signature), ("Returns-Hub-Body-SHA256", "canary-2")]
    adapter = Adapter(api_key=Secret("k"), webhook_secrets=(Secret("demo-secret-1"),))
    sent = request_at(body=body, headers=headers)
    receipt = adapter.receive(sent)
    delivery = found(inbox, inbox.put("acme", sent, receipt))
    assert delivery.body == b'{"event":"moved","id":"F1","giftCards":[{"code":"REDACTED"}]}'
    assert delivery.headers == (("Returns-Hub-Body-SHA256", hashlib.sha256(body).hexdigest()),)
    assert "canary" not in repr((receipt, delivery))
    # It can be processed from what was kept.
    assert adapter.read_webhook(delivery.request).events == receipt.events


def test_what_could_be_a_secret_is_not_stored(
    inbox: Inbox, store: Store, request_at: Callable[..., WebhookRequest]
) -> None:
    headers = (
        ("Content-Type", "application/json"),
        ("Timestamp", "2026-03-01T12:00:00Z"),
        ("X-Shop-Topic", "returns/moved"),
        ("User-Agent", "Vendor/1"),
        ("Authorization", "Basic canary"),
        ("Cookie", "canary"),
        ("X-Webhook-Signature", "canary"),
        ("X-Signature-Version", "canary"),
        ("X-Api-Key-Id", "canary"),
        ("X-Auth-Token", "canary"),
        ("X-Forwarded-For", "canary"),
    )
    url = "https://canary:canary@hub.example/webhooks/acme/948191?type=moved&token=canary&q=canary#canary"
    delivery = found(inbox, inbox.put("acme", request_at(url=url, headers=headers), receipt()))
    assert delivery.headers == headers[:4]
    assert delivery.url == "https://hub.example/webhooks/acme/948191?type=moved"
    with store.database.reading() as connection:
        assert "canary" not in str(connection.execute(text("SELECT * FROM deliveries")).all())


def test_neither_body_nor_headers_are_shown(inbox: Inbox, request_at: Callable[..., WebhookRequest]) -> None:
    headers = {"Content-Type": "canary"}
    delivery = found(inbox, inbox.put("acme", request_at(body=b"canary", headers=headers), receipt()))
    assert "canary" not in repr(delivery)


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://hub.example/a%2Fb/%20?", "https://hub.example/a%2Fb/%20"),
        ("/webhooks/acme/7/", "/webhooks/acme/7/"),
        ("https://[broken", ""),
        ("https://hub.example/a\0b", "https://hub.example/ab"),
    ],
)
def test_an_odd_url_is_kept_as_far_as_it_can_be(
    inbox: Inbox, request_at: Callable[..., WebhookRequest], url: str, kept: str
) -> None:
    assert found(inbox, inbox.put("acme", request_at(url=url), receipt())).url == kept


@pytest.mark.parametrize("key", ["", "k" * 1000, "nul\0", "half\ud800", "é", "a\nb"])
def test_any_key_is_recognised_again(inbox: Inbox, request_at: Callable[..., WebhookRequest], key: str) -> None:
    first = inbox.put("acme", request_at(), receipt(key))
    other = inbox.put("acme", request_at(), receipt(f"{key}2"))
    assert (inbox.put("acme", request_at(), receipt(key)), other == first) == (first, False)


def test_copies_are_counted_where_the_first_one_is(
    inbox: Inbox, request_at: Callable[..., WebhookRequest], at: At
) -> None:
    ids = [inbox.put("acme", request_at(minute), receipt("k1")) for minute in range(4)]
    delivery = found(inbox, ids[0])
    assert (set(ids), delivery.duplicates, delivery.received_at) == ({ids[0]}, 3, at(0))


def test_the_same_key_at_another_account_is_another_delivery(
    inbox: Inbox, request_at: Callable[..., WebhookRequest]
) -> None:
    ids = {inbox.put(account, request_at(), receipt("k1")) for account in ("acme", "other")}
    assert len(ids) == 2


def test_many_senders_of_many_copies_are_all_answered(inbox: Inbox, request_at: Callable[..., WebhookRequest]) -> None:
    keys = [f"k{number % 50}" for number in range(500)]
    with ThreadPoolExecutor(16) as senders:
        ids = list(senders.map(lambda key: inbox.put("acme", request_at(), receipt(key)), keys))
    assert {key: found(inbox, each).dedupe_key for key, each in zip(keys, ids, strict=True)} == {
        key: key for key in keys
    }
    assert [delivery.duplicates for delivery in inbox.find()] == [9] * 50


def test_two_processes_that_store_the_same_copies_do_not_block_each_other(
    store_url: str, request_at: Callable[..., WebhookRequest]
) -> None:
    keys = [f"k{number}" for number in range(200)]

    def send(order: Sequence[str]) -> set[int]:
        with Store.open(store_url) as store, Inbox(store) as inbox, ThreadPoolExecutor(8) as senders:
            return set(senders.map(lambda key: inbox.put("acme", request_at(), receipt(key)), order))

    with ThreadPoolExecutor(2) as processes:
        first, second = processes.map(send, [keys, keys[::-1]])
    assert (first == second, len(first)) == (True, 200)


def test_it_can_be_awaited_without_keeping_the_loop(inbox: Inbox, request_at: Callable[..., WebhookRequest]) -> None:
    async def send_all() -> list[int]:
        puts = (inbox.put_async("acme", request_at(), receipt(f"k{number}")) for number in range(300))
        return list(await asyncio.gather(*puts))

    before = threading.active_count()
    ids = asyncio.run(send_all())
    assert (len(set(ids)), inbox.backlog().pending) == (300, 300)
    assert threading.active_count() <= before + 1


def test_who_does_not_wait_any_more_keeps_nobody_else_waiting(
    inbox: Inbox, request_at: Callable[..., WebhookRequest]
) -> None:
    async def give_up() -> int:
        gone = asyncio.ensure_future(inbox.put_async("acme", request_at(), receipt("gone")))
        await asyncio.sleep(0)
        gone.cancel()
        return await inbox.put_async("acme", request_at(), receipt("stays"))

    assert found(inbox, asyncio.run(give_up())).dedupe_key == "stays"


@pytest.mark.parametrize(
    ("events", "subject"),
    [
        ([hint("F1")], "F1"),
        ([UnknownEvent(name="odd", body=b""), hint("F2")], "F2"),
        ([ReturnHint(name="moved", return_id=None, aliases=("item:7",))], "item:7"),
        ([UnknownEvent(name="odd", body=b"")], ""),
        ([], ""),
        ([{"id": "F3"}], "F3"),
        ([{"id": "", "shipments": (Shipment(id="s1"),)}], "shipment:s1"),
        ([{"id": "", "items": (Item(aliases=("line-9",)),)}], "item:line-9"),
    ],
)
def test_a_delivery_says_what_it_is_about(
    inbox: Inbox, request_at: Callable[..., WebhookRequest], at: At, events: list[Any], subject: str
) -> None:
    read = [
        ReturnObserved(name="told", observed=Return(provider="fake", **event), occurred_at=at(0))
        if isinstance(event, dict)
        else event
        for event in events
    ]
    assert found(inbox, inbox.put("acme", request_at(), receipt("k1", *read))).subject == subject


def test_deliveries_are_found_newest_first(inbox: Inbox, request_at: Callable[..., WebhookRequest]) -> None:
    for number in range(45):
        inbox.put(["acme", "other"][number % 2], request_at(number), receipt(f"k{number}"))
    assert [delivery.dedupe_key for delivery in inbox.find(limit=2)] == ["k44", "k43"]
    assert len(list(inbox.find())) == 45
    assert [delivery.dedupe_key for delivery in inbox.find(account="other", limit=1)] == ["k43"]
    assert list(inbox.find(state=DeliveryState.DEAD)) == []
    assert list(inbox.find(limit=0)) == []


def test_the_backlog_says_since_when(inbox: Inbox, request_at: Callable[..., WebhookRequest], at: At) -> None:
    assert inbox.backlog() == Backlog(pending=0, dead=0, oldest_pending_at=None)
    for minute in (3, 1, 2):
        inbox.put("acme", request_at(minute), receipt(f"k{minute}"))
    assert inbox.backlog() == Backlog(pending=3, dead=0, oldest_pending_at=at(1))


def test_what_comes_in_is_stored_while_others_use_every_connection(
    store: Store, request_at: Callable[..., WebhookRequest]
) -> None:
    pool = store.database._engine.pool
    assert isinstance(pool, QueuePool)
    with ExitStack() as held, Inbox(store) as inbox:
        for _ in range(pool.size() + pool._max_overflow):
            held.enter_context(store.database.reading())
        assert inbox.put("acme", request_at(), receipt("k1"))


def test_what_is_not_there_is_none(inbox: Inbox) -> None:
    assert inbox.get(4711) is None
    with pytest.raises(ConfigurationError, match="there is no delivery 4711"):
        inbox.replay(4711)


@pytest.fixture
def refuses_broken(store: Store) -> None:
    """The database takes no delivery whose subject is "broken"."""
    statement = "ALTER TABLE deliveries ADD CONSTRAINT whole CHECK (subject <> 'broken')"
    if store.database.dialect == "sqlite":
        statement = (
            "CREATE TRIGGER whole BEFORE INSERT ON deliveries WHEN NEW.subject = 'broken' "
            "BEGIN SELECT RAISE(ABORT, 'canary-7f3a'); END"
        )
    with store.database.writing() as connection:
        connection.exec_driver_sql(statement)


@pytest.mark.usefixtures("refuses_broken")
def test_what_the_database_refuses_is_not_stored(store: Store, request_at: Callable[..., WebhookRequest]) -> None:
    with Inbox(store) as inbox:
        with pytest.raises(StoreError) as caught:
            inbox.put("acme", request_at(), receipt("k1", hint("broken")))
        assert inbox.put("acme", request_at(), receipt("k2", hint("F1")))
        assert ("canary" in str(caught.value), inbox.backlog().pending) == (False, 1)


@pytest.mark.usefixtures("refuses_broken")
def test_one_that_cannot_be_stored_does_not_take_the_others_along(
    store: Store, request_at: Callable[..., WebhookRequest]
) -> None:
    with Inbox(store) as inbox, ThreadPoolExecutor(6) as senders:
        with store.database.writing() as connection:
            if store.database.dialect == "postgresql":
                connection.execute(text("LOCK TABLE deliveries IN EXCLUSIVE MODE"))
            first = senders.submit(inbox.put, "acme", request_at(), receipt("first", hint("first")))
            while not (inbox._writer and not inbox._arrivals):
                pass
            # These meet in one transaction: the first one is still being stored.
            rest = [senders.submit(inbox.put, "acme", request_at(), receipt(s, hint(s))) for s in ("a", "broken", "b")]
            while len(inbox._arrivals) < 3:
                pass
        outcomes = [future.exception(10) for future in (first, *rest)]
    assert [type(outcome) for outcome in outcomes] == [type(None), type(None), StoreError, type(None)]


def test_a_store_that_is_silent_is_not_waited_for(
    store: Store, request_at: Callable[..., WebhookRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("returns_hub.deliveries.inbox.RECEIVING_SECONDS", 0.1)
    with Inbox(store) as inbox:
        with store.database.writing() as connection:
            if store.database.dialect == "postgresql":
                connection.execute(text("LOCK TABLE deliveries IN EXCLUSIVE MODE"))
            with pytest.raises(StoreError, match="has not answered"):
                inbox.put("acme", request_at(), receipt("k1"))
            with pytest.raises(StoreError, match="has not answered"):
                asyncio.run(inbox.put_async("acme", request_at(), receipt("k2")))
        monkeypatch.setattr("returns_hub.deliveries.inbox.RECEIVING_SECONDS", 60.0)
        assert inbox.put("acme", request_at(), receipt("k3"))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform does not fork")
def test_a_forked_process_has_a_writer_of_its_own(store: Store, request_at: Callable[..., WebhookRequest]) -> None:
    with Inbox(store) as inbox:
        inbox.put("acme", request_at(), receipt("parent"))
        child = multiprocessing.get_context("fork").Process(
            target=inbox.put, args=("acme", request_at(), receipt("child"))
        )
        child.start()
        child.join(60)
        inbox.put("acme", request_at(), receipt("parent again"))
        assert child.exitcode == 0
        assert [each.dedupe_key for each in inbox.find()] == ["parent again", "child", "parent"]


def test_closing_stores_what_has_come_in(store: Store, request_at: Callable[..., WebhookRequest]) -> None:
    inbox = Inbox(store)
    waiting: list[Future[int]] = [Future() for _ in range(600)]
    for number, stored in enumerate(waiting):
        inbox._enqueue(sanitize_delivery("acme", request_at(), receipt(f"k{number}")), stored)
    inbox.close()
    inbox.close()
    assert len({future.result(0) for future in waiting}) == 600
    with pytest.raises(StoreError, match="the inbox is closed"):
        inbox.put("acme", request_at(), receipt())


def test_more_than_it_can_hold_is_refused_at_once(sqlite_url: str, request_at: Callable[..., WebhookRequest]) -> None:
    with Store.open(sqlite_url) as store, Inbox(store) as inbox:
        taken: list[Future[int]] = []

        def send_on() -> None:
            for number in range(400):
                new = sanitize_delivery("acme", request_at(body=b"x" * 2**20), receipt(f"k{number}"))
                stored: Future[int] = Future()
                inbox._enqueue(new, stored)
                taken.append(stored)

        # Nobody else can write meanwhile.
        with store.database.writing(), pytest.raises(StoreError, match="the inbox is full"):
            send_on()
        assert {future.exception(10) for future in taken} == {None}


def test_sqlite_keeps_what_is_acknowledged_through_a_power_cut(sqlite_url: str) -> None:
    with Store.open(sqlite_url) as store:
        levels = []
        for durable in (True, False):
            with store.database.writing(durable=durable) as connection:
                levels.append(connection.exec_driver_sql("PRAGMA synchronous").scalar())
    assert levels == [2, 1]


def test_postgresql_keeps_what_is_acknowledged_through_a_power_cut(postgresql_url: str) -> None:
    careless = f"{postgresql_url}&options=-csynchronous_commit%3Doff"
    with Store.open(careless) as store:
        levels = []
        for durable in (True, False):
            with store.database.writing(durable=durable) as connection:
                levels.append(connection.exec_driver_sql("SHOW synchronous_commit").scalar())
    assert levels == ["on", "off"]
