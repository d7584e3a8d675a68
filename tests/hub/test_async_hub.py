"""The same, awaited."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve

from returns_hub import (
    Account,
    AsyncHub,
    ConfigurationError,
    DeliveryState,
    Event,
    ReturnErased,
    ReturnStatusChanged,
    Status,
    WebhookRejected,
    WebhookRequest,
)

Deliver = Callable[..., WebhookRequest]


@pytest.mark.anyio
async def test_a_delivery_is_stored_processed_and_dispatched_once(
    vendor: Any, account: Account, address: str, delivery: Deliver
) -> None:
    told: list[Event] = []
    async with AsyncHub([account], store=address) as hub:
        (report,) = await hub.sync()
        assert report.created == 6

        @hub.on(ReturnStatusChanged, name="shop")
        async def take(event: Event) -> None:
            await asyncio.sleep(0)
            told.append(event)

        assert await hub.dispatch() == 0
        await hub.client("acme").set_status("rma_abc123", raw_status="completed")
        answer = await hub.receive("acme", delivery("rma_abc123"))
        assert answer.status == 200
        assert (await hub.health()).pending == 1
        assert await hub.process() == 1
        assert await hub.dispatch() == 1
        assert [event.return_id for event in told] == ["rma_abc123"]

        (done,) = [each async for each in hub.deliveries(account="acme")]
        assert done.state is DeliveryState.PROCESSED
        assert await hub.get_delivery(done.id) == done
        assert (await hub.replay(done.id)).state is DeliveryState.PENDING
        assert await hub.process() == 1
        assert await hub.dispatch() == 0

        stored = await hub.get_return("acme", "rma_abc123")
        assert stored is not None
        assert stored.ret.status is Status.CLOSED
        assert len([each async for each in hub.returns()]) == 6
        assert [each async for each in hub.find("#1001", account="acme")] == [stored]
        assert [event.type async for event in hub.events(return_id="rma_abc123")] == [
            "return.created",
            "return.status_changed",
        ]
        (compared,) = await hub.reconcile()
        assert (compared.missing, compared.changed) == (0, 0)
        assert (await hub.purge(done.received_at + timedelta(seconds=1))).deliveries == 1
        hub.on(ReturnErased, name="eraser")(told.append)
        erased = await hub.erase("acme", "rma_abc123")
        assert (await hub.dispatch(), [event.type for event in told][1:]) == (1, ["return.erased"])
        assert (erased.returns, erased.events, await hub.get_return("acme", "rma_abc123")) == (1, 2, None)
        assert [await hub.is_erased("acme", each) for each in ("rma_abc123", "rma_other")] == [True, False]


@pytest.mark.anyio
async def test_the_background_does_it_all(vendor: Any, account: Account, address: str, delivery: Deliver) -> None:
    arrived = asyncio.Event()
    async with AsyncHub([evolve(account, sync_every=timedelta(hours=1))], store=address) as hub:

        @hub.on(ReturnStatusChanged, name="shop")
        async def take(event: Event) -> None:
            arrived.set()

        async with hub.working():
            created = [event async for event in hub.events(follow=True, limit=6)]
            assert {event.return_id for event in created} == vendor.return_ids
            vendor.set_status("rma_abc123", "completed")
            await hub.receive("acme", delivery("rma_abc123"))
            await asyncio.wait_for(arrived.wait(), 20)


@pytest.mark.anyio
async def test_what_failed_is_listed_and_tried_again(account: Account, address: str, delivery: Deliver) -> None:
    async def send_mail(event: Event) -> None:
        raise ValueError("jane@example.com has no mailbox")

    async with AsyncHub([account], store=address) as hub:
        hub.on(name="shop", attempts=1)(send_mail)
        await hub.sync()
        await hub.receive("acme", delivery("rma_abc123"))
        with pytest.raises(WebhookRejected):
            await hub.receive("acme", delivery("rma_abc123", secret="another"))
        assert [(each.account, each.reason, each.count) for each in await hub.refused()] == [
            ("acme", "wrong_signature", 1)
        ]
        assert (await hub.count_deliveries(account="acme"), await hub.replay_deliveries(account="acme")) == (1, 1)
        hub.on(name="mail", since="beginning", backfill=True, attempts=1)(send_mail)
        assert await hub.dispatch() == 0
        mail, shop = await hub.handlers()
        assert (mail.dead, shop.dead) == (6, 0)
        assert (mail.error or "").endswith(" in send_mail")
        assert [await hub.skip_event("mail", 1), await hub.retry_event("mail", 2)] == [True, True]
        assert [await hub.forget_handler("mail"), await hub.forget_handler("mail")] == [True, False]
        found = {each.check: each.result async for each in hub.diagnose("acme")}
        assert (found["credentials"], found["signature"], found["refused"]) == ("ok", "ok", "warning")


@pytest.mark.anyio
async def test_what_cannot_be_is_refused(account: Account, address: str, delivery: Deliver) -> None:
    async with AsyncHub([account], store=address) as hub:
        with pytest.raises(WebhookRejected):
            await hub.receive("acme", delivery("rma_abc123", secret="another"))
        with pytest.raises(ConfigurationError, match="there is no account 'acne'"):
            await hub.get_return("acne", "1")
        with pytest.raises(ConfigurationError, match="two accounts are called 'acme'"):
            AsyncHub([account, evolve(account)], store=address)
        assert repr(hub) == "<AsyncHub: acme>"
        assert [each async for each in hub.failed_events("shop")] == []
        assert await hub.retry_event("shop", 1) is False
