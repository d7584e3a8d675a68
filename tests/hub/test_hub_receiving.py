"""A hub receives, processes, dispatches events, and reports its state."""

import os
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve

from returns_hub import (
    Account,
    ConfigurationError,
    DeliveryState,
    Event,
    Hub,
    Origin,
    ReturnCreated,
    ReturnStatusChanged,
    Status,
    WebhookRejected,
    WebhookRequest,
)

Deliver = Callable[..., WebhookRequest]


def test_a_delivery_is_stored_processed_and_dispatched_once(
    vendor: Any, account: Account, address: str, delivery: Deliver
) -> None:
    told: list[Event] = []
    with Hub([account], store=address) as hub:
        hub.sync()
        hub.on(ReturnStatusChanged, name="shop")(told.append)
        assert hub.dispatch() == 0
        vendor.set_status("rma_abc123", "completed")
        request = delivery("rma_abc123")
        assert hub.receive("acme", request).status == 200
        assert hub.receive("acme", request).status == 200

        assert [(each.state, each.duplicates) for each in hub.deliveries()] == [(DeliveryState.PENDING, 1)]
        assert hub.health().pending == 1
        assert hub.process() == 1
        stored = hub.get_return("acme", "rma_abc123")
        assert stored is not None
        assert stored.ret.status is Status.CLOSED
        assert hub.dispatch() == 1
        assert hub.dispatch() == 0
        (event,) = told
        assert (event.type, event.return_id, event.origin) == ("return.status_changed", "rma_abc123", Origin.WEBHOOK)

        (done,) = hub.deliveries(state=DeliveryState.PROCESSED)
        again = hub.replay(done.id)
        assert again.state is DeliveryState.PENDING
        assert hub.process() == 1
        assert hub.dispatch() == 0
        assert hub.health().pending == hub.health().dead == 0

        assert hub.purge(done.received_at.date()).deliveries == 0
        assert hub.purge(done.received_at + timedelta(seconds=1)).deliveries == 1
        assert hub.get_delivery(done.id) is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform does not fork")
def test_a_child_process_receives_and_processes_with_resources_of_its_own(
    vendor: Any, account: Account, address: str, delivery: Deliver
) -> None:
    with Hub([account], store=address) as hub:
        hub.sync()
        hub.receive("acme", delivery("rma_abc123"))
        vendor.set_status("rma_abc123", "completed")
        child = os.fork()
        if child == 0:
            code = 1
            try:
                hub.receive("acme", delivery("rma_abc123", event="rma.completed"))
                code = 0 if hub.process() == 2 else 1
            finally:
                os._exit(code)
        assert os.waitpid(child, 0)[1] == 0
        assert hub.health().pending == 0
        stored = hub.get_return("acme", "rma_abc123")
        assert stored is not None
        assert stored.ret.status is Status.CLOSED


def test_what_must_not_be_believed_is_not_stored(account: Account, address: str, delivery: Deliver) -> None:
    with Hub([account], store=address) as hub:
        with pytest.raises(WebhookRejected):
            hub.receive("acme", delivery("rma_abc123", secret="another"))
        with pytest.raises(ConfigurationError, match="there is no account 'acne'; did you mean 'acme'"):
            hub.receive("acne", delivery("rma_abc123"))
        assert list(hub.deliveries()) == []
        assert hub.get_delivery(1) is None
        with pytest.raises(ConfigurationError, match="there is no delivery 7"):
            hub.replay(7)


def test_the_background_does_it_all(vendor: Any, account: Account, address: str, delivery: Deliver) -> None:
    arrived = threading.Event()
    seen: list[Event] = []
    with Hub([evolve(account, sync_every=timedelta(hours=1))], store=address) as hub:

        @hub.on(name="shop", since="beginning", backfill=True)
        def take(event: Event) -> None:
            seen.append(event)
            if event.type == "return.status_changed":
                arrived.set()

        with hub.working():
            # The schedule has never run: it does so at once.
            for _ in hub.events(follow=True, limit=6):
                pass
            vendor.set_status("rma_abc123", "completed")
            hub.receive("acme", delivery("rma_abc123"))
            assert arrived.wait(20)
        assert {event.return_id for event in seen if isinstance(event, ReturnCreated)} == vendor.return_ids
        (health,) = hub.health().accounts
        assert (health.account, health.degraded) == ("acme", False)
        assert health.lag_s is not None


def test_all_clients_of_an_account_keep_one_pace(account: Account, address: str) -> None:
    with Hub([account], store=address) as hub:
        parts: Any = hub._resources
        assert hub.client("acme") is hub.client("acme")
        make = parts.clients.limiter_of(account)
        assert make(None) is parts.clients.limiter_of(account)(None)
        assert make(None, writes=True) is parts.clients.limiter_of(account)(None, writes=True)
        assert make(None, writes=True) is not make(None)


def test_a_look_up_without_a_function_is_said(account: Account, address: str, delivery: Deliver) -> None:
    with (
        Hub([account], store=address) as hub,
        pytest.raises(ConfigurationError, match="acme.orders names no function".replace(".", r"\.")),
    ):
        hub.answer_order_lookup("acme", delivery("rma_abc123"))
