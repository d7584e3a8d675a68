"""What a client of a hub writes is observed at once, with the origin ``local``."""

import logging
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from returns_hub import (
    Account,
    AsyncHub,
    Event,
    Hub,
    Item,
    Label,
    LabelStatus,
    NewItem,
    NewReturn,
    Origin,
    Request,
    Return,
    ReturnCreated,
    Shipment,
    Status,
    StoreError,
)
from returns_hub.store import Store

NEW = NewReturn(
    order_number="ORD-1",
    customer_email="jane@example.com",
    items=[NewItem(sku="PROD-1", quantity=1, reason="defective")],
)


@pytest.fixture
def hub(account: Account, address: str) -> Iterator[Hub]:
    with Hub([account], store=address) as opened:
        yield opened


def news(hub: Hub, after: int) -> list[tuple[str, str, Origin]]:
    return [(event.type, event.return_id, event.origin) for event in hub.events(after=after)]


def last(hub: Hub) -> int:
    return max((event.sequence for event in hub.events()), default=0)


def test_a_return_that_is_created_is_in_the_mirror(hub: Hub) -> None:
    made = hub.client("acme").create_return(NEW)
    stored = hub.get_return("acme", made.id)
    assert stored is not None
    assert (stored.ret.number, stored.ret.status) == (made.number, made.status)
    assert news(hub, 0) == [("return.created", made.id, Origin.LOCAL)]


def test_a_status_that_is_set_is_an_event_once(hub: Hub) -> None:
    hub.sync()
    before = last(hub)
    hub.client("acme").set_status("rma_abc123", Status.APPROVED)
    assert news(hub, before) == [("return.status_changed", "rma_abc123", Origin.LOCAL)]
    hub.sync(full=True)
    assert news(hub, before) == [("return.status_changed", "rma_abc123", Origin.LOCAL)]


def test_a_note_that_is_added_stands_beside_the_others(hub: Hub) -> None:
    hub.sync(details=True)
    hub.client("acme").add_note("rma_abc123", "first", internal=True)
    hub.client("acme").add_note("rma_abc123", "second", internal=True)
    stored = hub.get_return("acme", "rma_abc123")
    assert stored is not None
    assert [note.text for note in stored.ret.notes][-2:] == ["first", "second"]


def test_handlers_hear_of_it(hub: Hub) -> None:
    told: list[Event] = []
    hub.on(ReturnCreated, name="shop")(told.append)
    made = hub.client("acme").create_return(NEW)
    hub.dispatch()
    assert [(event.return_id, event.origin) for event in told] == [(made.id, Origin.LOCAL)]


def test_what_is_only_read_is_not_observed(hub: Hub) -> None:
    hub.client("acme").get_return("rma_abc123")
    assert hub.get_return("acme", "rma_abc123") is None


def test_a_store_that_fails_does_not_make_an_error_of_a_write_that_is_done(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise StoreError("the mirror is locked by another process")

    monkeypatch.setattr(Store, "apply", fail)
    with caplog.at_level(logging.WARNING, "returns_hub"):
        assert hub.client("acme").set_status("rma_abc123", Status.APPROVED).id == "rma_abc123"
    assert "acme: what was written is not in the mirror before the next sync" in caplog.text


def writing(result: Any) -> Any:
    """An operation that writes something, and gives this."""
    yield Request(method="PATCH", path="/rmas/rma_abc123/status", json={"status": "approved"})
    return result


def parcel(**told: Any) -> Shipment:
    return Shipment(id="s1", **told)


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (parcel(return_id="rma_abc123"), [("shipment.updated", "rma_abc123", Origin.LOCAL)]),
        ((parcel(return_id="rma_abc123"),), [("shipment.updated", "rma_abc123", Origin.LOCAL)]),
        (Item(id="no-return-has-it", quantity=Decimal(1)), []),
        (None, []),
        ("rma_abc123", []),
    ],
)
def test_a_vendor_s_own_call_is_observed_by_what_it_results_in(hub: Hub, result: Any, expected: Any) -> None:
    hub.sync()
    before = last(hub)
    assert hub.client("acme").run(writing(result)) == result
    assert sorted(set(news(hub, before))) == expected


def test_a_label_that_is_cancelled_is_void(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.sync()
    client = hub.client("acme")
    client.run(writing(parcel(return_id="rma_abc123", label=Label(id="l1", status=LabelStatus.READY))))
    before = last(hub)
    monkeypatch.setattr(type(client.adapter), "cancel_label", lambda *_: writing(None))
    client.cancel_label("rma_abc123", "l1")
    (event,) = hub.events(after=before)
    assert event.changes == {"shipments[s1].label.status": ("ready", "void")}


@pytest.mark.anyio
async def test_an_awaited_client_is_observed_alike(account: Account, address: str) -> None:
    async with AsyncHub([account], store=address) as hub:
        made = await hub.client("acme").create_return(NEW)
        await hub.client("acme").set_status(made.id, Status.APPROVED)
        await hub.client("acme").add_note(made.id, "hello")
        stored = await hub.get_return("acme", made.id)
        assert stored is not None
        assert stored.ret.status is Status.APPROVED
        assert [note.text for note in stored.ret.notes] == ["hello"]
        origins = [event.origin async for event in hub.events()]
        assert set(origins) == {Origin.LOCAL}


def test_a_return_keeps_what_the_answer_does_not_say(hub: Hub) -> None:
    hub.sync(details=True)
    before = hub.get_return("acme", "rma_abc123")
    hub.client("acme").run(writing(Return(provider="returnmate", id="rma_abc123", status=Status.APPROVED)))
    after = hub.get_return("acme", "rma_abc123")
    assert before is not None
    assert after is not None
    assert (after.ret.status, after.ret.number, after.ret.items) == (
        Status.APPROVED,
        before.ret.number,
        before.ret.items,
    )
