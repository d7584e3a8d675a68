"""What acts do at the vendors, which are simulated, and what is said of it afterwards."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, TypeAlias

import pytest

from returns_hub import Disposition, LabelStatus, Status, WebhookRequest
from returns_hub.store.audit import AuditLog

World: TypeAlias = Any


@pytest.fixture(scope="module")
def ada(world: World) -> Any:
    return world.browser("ada")


@pytest.fixture
def mate(world: World) -> Iterator[Any]:
    """ReturnMate's simulator, which behaves again afterwards."""
    simulator = world.simulator("returnmate")
    yield simulator
    simulator.faults.clear()


def requested(world: World) -> str:
    """The id of a return of ReturnMate's that somebody asked for."""
    found: str = next(world.hub.returns(account="returnmate-sandbox", status=Status.REQUESTED)).ret.id
    return found


def last_act(world: World) -> tuple[str, str, str | None, str, str]:
    entry = AuditLog(world.hub.open_store().database).find(limit=1)[0]
    return entry.person, entry.action, entry.subject, entry.detail, entry.outcome.value


def test_a_status_is_set_at_the_vendor_and_in_the_mirror(world: World, ada: Any, mate: Any) -> None:
    return_id = requested(world)
    path = f"/console/act/status/returnmate-sandbox/{return_id}"
    assert "There may be no way back." in ada.get(path).words
    page = ada.follow(ada.act(path, path, {"status": "approved", "note": "within 30 days"}))
    assert "The vendor has the return at “approved” now." in page.words
    assert mate.rmas[return_id]["status"] == "approved"
    stored = world.hub.get_return("returnmate-sandbox", return_id)
    assert stored.ret.status is Status.APPROVED
    assert "return.status_changed" in page.words
    assert last_act(world) == ("ada", "set status", return_id, "to approved", "done")


def test_a_status_for_which_the_vendor_has_no_word_is_not_sent(world: World, ada: Any, mate: Any) -> None:
    return_id = next(world.hub.returns(account="returnmate-sandbox", status=Status.APPROVED)).ret.id
    calls = len(mate.requests)
    path = f"/console/act/status/returnmate-sandbox/{return_id}"
    page = ada.follow(ada.act(path, path, {"status": "expired"}))
    assert last_act(world)[-1] == "failed"
    assert "expired" in page.words
    assert len(mate.requests) == calls


def test_where_the_vendor_may_have_done_it_that_is_said(world: World, ada: Any, mate: Any) -> None:
    return_id = next(world.hub.returns(account="returnmate-sandbox", status=Status.APPROVED)).ret.id
    mate.faults.drop_after_commit(method="POST")
    path = f"/console/act/note/returnmate-sandbox/{return_id}"
    page = ada.follow(ada.act(path, path, {"text": "Is it there?", "reader": "staff"}))
    assert "The vendor may have done it all the same: read again to see." in page.words
    assert last_act(world)[-1] == "maybe_applied"
    mate.faults.clear()
    path = f"/console/act/read/returnmate-sandbox/{return_id}"
    page = ada.follow(ada.act(path, path))
    assert "Read again:" in page.words
    assert "Is it there?" in page.words


def test_a_note_is_for_whom_it_was_meant(world: World, ada: Any, mate: Any) -> None:
    return_id = next(world.hub.returns(account="returnmate-sandbox", status=Status.APPROVED)).ret.id
    path = f"/console/act/note/returnmate-sandbox/{return_id}"
    page = ada.follow(ada.act(path, path, {"text": "Line one\r\nLine two", "reader": "customer"}))
    assert "The note was added; the customer can read it." in page.words
    notes = world.hub.get_return("returnmate-sandbox", return_id).ret.notes
    assert ("Line one\nLine two", False) in [(note.text, note.internal) for note in notes]
    # Of what somebody wrote the audit has the length.
    assert last_act(world)[3] == "for the customer, 17 characters"


def test_a_return_that_changed_at_the_vendor_is_read_again(world: World, ada: Any, mate: Any) -> None:
    return_id = next(world.hub.returns(account="returnmate-sandbox", status=Status.APPROVED)).ret.id
    mate.set_status(return_id, "received")
    path = f"/console/act/read/returnmate-sandbox/{return_id}"
    page = ada.follow(ada.act(path, path))
    assert re.search(r"Read again: \d changes? found\.", page.words)
    assert world.hub.get_return("returnmate-sandbox", return_id).ret.status is Status.RECEIVED
    page = ada.follow(ada.act(path, path))
    assert "Read again: the vendor says what the mirror has already." in page.words


def test_a_label_is_cancelled(world: World, ada: Any) -> None:
    stored = next(
        each
        for each in world.hub.returns(account="return-helper-sandbox")
        if each.ret.shipments and each.ret.shipments[0].label and each.ret.shipments[0].label.status is LabelStatus.READY and not each.ret.items
    )  # fmt: skip
    path = f"/console/act/label/return-helper-sandbox/{stored.ret.id}"
    shipment = stored.ret.shipments[0]
    ada.follow(ada.act(path, path, {"label": shipment.label.id or shipment.id}))
    person, action, subject, _, outcome = last_act(world)
    assert (person, action, subject) == ("ada", "cancel label", stored.ret.id)
    label = world.hub.get_return("return-helper-sandbox", stored.ret.id).ret.shipments[0].label
    assert (outcome, label.status) in (("done", LabelStatus.VOID), ("failed", LabelStatus.READY))


def test_a_warehouse_is_instructed(world: World, ada: Any) -> None:
    account = "return-helper-sandbox"
    return_id, item_id = next(
        (each.ret.id, item.id)
        for each in world.hub.returns(account=account)
        for item in each.ret.items
        if item.id and item.disposition in (None, Disposition.UNDECIDED, Disposition.HOLD)
    )
    path = f"/console/act/instruct/{account}/{return_id}"
    page = ada.follow(ada.act(path, path, {"item": item_id, "disposition": "dispose"}))
    assert "The warehouse was told: dispose, 1 of the items." in page.words
    (item,) = (item for item in world.hub.get_return(account, return_id).ret.items if item.id == item_id)
    assert item.disposition is Disposition.DISPOSE


def test_all_that_match_are_replayed_and_only_those(world: World, ada: Any, deliver: Any) -> None:
    delivery = deliver()
    world.hub.process()
    page = ada.get("/console/replay?all=yes&state=processed&account=returnmate-sandbox")
    assert "again at the vendor, and takes what that says." in page.words
    form = {
        "form_token": page.token("/console/replay"),
        "all": "yes",
        "state": "processed",
        "account": "returnmate-sandbox",
        "subject": "",
    }
    count = sum(1 for each in world.hub.deliveries(account="returnmate-sandbox") if each.state.value == "processed")
    page = ada.follow(ada.post("/console/replay", form))
    assert f"{count} deliver{'y' if count == 1 else 'ies'} will be processed again." in page.words
    assert world.hub.get_delivery(delivery).state.value == "pending"
    assert last_act(world)[3] == "all with account=returnmate-sandbox&state=processed"
    world.hub.process()


def test_a_replay_says_which_events_it_would_make(world: World, ada: Any) -> None:
    simulator, account = world.simulator("return_helper"), "return-helper-sandbox"
    signed = simulator.make_event("markShipmentArrive", simulator.options["webhook_url"])
    request = WebhookRequest(
        method=signed.method, url=signed.url, headers=signed.headers, body=signed.body, received_at=datetime.now(UTC)
    )
    world.hub.receive(account, request)
    delivery = next(world.hub.deliveries(account=account, limit=1)).id
    before = len(list(world.hub.events()))
    words = ada.get(f"/console/replay?id={delivery}").words
    said = re.search(r"Makes (\d+) events?: ", words)
    assert said is not None, words
    assert len(list(world.hub.events())) == before
    world.hub.process()
    made = list(world.hub.events(delivery_id=delivery))
    assert len(made) == int(said[1])
    page = ada.get(f"/console/deliveries/{delivery}")
    assert all(f"event {event.sequence}" in page.words for event in made)
    assert (
        "Changes nothing: the mirror knows it, or something newer." in ada.get(f"/console/replay?id={delivery}").words
    )


def test_what_a_vendor_sent_is_masked_and_shown_to_who_asks(world: World, ada: Any, deliver: Any) -> None:
    delivery = deliver()
    page = ada.get(f"/console/deliveries/{delivery}")
    assert "which may hold personal data" in page.words
    shown = ada.follow(ada.act(f"/console/deliveries/{delivery}", f"/console/deliveries/{delivery}/unmask"))
    assert '"event":' in shown.words
    assert last_act(world)[:3] == ("ada", "unmask", f"delivery {delivery}")


def test_the_list_as_csv_has_no_customers_and_no_formulas(world: World, ada: Any) -> None:
    reply = ada.get("/console/returns.csv")
    lines = reply.text.splitlines()
    assert lines[0] == "account,id,provider,number,status,status_raw,attention,order_number,created_at,updated_at"
    assert len(lines) == 1 + sum(1 for _ in world.hub.returns())
    assert "@" not in reply.text
    assert "returnmate-sandbox,rma_odd,returnmate,RMA-ODD,unknown,waiting for godot,,,," in lines


def test_the_stream_says_when_something_is_new_and_ends_for_who_logs_out(world: World, ada: Any) -> None:
    import http.client
    from contextlib import closing

    from returns_hub.testing import serve

    browser = world.browser("ron")
    cookie = {"Cookie": f"returns_hub_console={browser.cookies['returns_hub_console']}"}
    with (
        serve(world.app) as server,
        closing(http.client.HTTPConnection(server.host, server.port, timeout=60)) as connection,
    ):
        connection.request("GET", "/console/stream", headers=cookie)
        reply = connection.getresponse()
        assert reply.getheader("content-type", "").startswith("text/event-stream")
        first = next(line for line in reply if line.startswith(b"data: "))
        ada.act("/console/returns/returnmate-sandbox/rma_odd", "/console/unmask/returnmate-sandbox/rma_odd")
        assert next(line for line in reply if line.startswith(b"data: ")) != first
        browser.act("/console/", "/console/logout")
        assert reply.read() is not None
