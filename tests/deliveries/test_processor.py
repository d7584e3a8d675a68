"""Processing: each delivery takes effect once, whichever process is killed or slow; and none blocks another."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeAlias

import pytest
from attrs import evolve

from returns_hub import (
    Client,
    ConfigurationError,
    HttpAnswer,
    Item,
    Origin,
    Return,
    Secret,
    Shipment,
    ShipmentStatus,
    Status,
    TimelineEntry,
    WebhookRequest,
)
from returns_hub.deliveries import Inbox, Processor
from returns_hub.merge import observed
from returns_hub.reports import Delivery, DeliveryState
from returns_hub.store import Store
from returns_hub.store.inbox import ClaimedDelivery, Deliveries, ProcessingResult
from returns_hub.testing import serve
from returns_hub.testing.drivers import open_with
from returns_hub.testing.fake import FakeAdapter, FakeVendor

At: TypeAlias = Callable[[float], datetime]
Post: TypeAlias = Callable[..., list[int]]
PassTime: TypeAlias = Callable[[], None]


class Bodies(Protocol):
    def told(self, *returns: Return, minute: float = 0) -> bytes: ...
    def hint(self, return_id: str) -> bytes: ...
    def parts(self, *parts: str) -> bytes: ...
    def unknown(self, name: str) -> bytes: ...


def a_return(return_id: str = "X1", **told: Any) -> Return:
    return Return(provider="fake", id=return_id, **told)


def found(inbox: Inbox, number: int) -> Delivery:
    delivery = inbox.get(number)
    assert delivery is not None
    return delivery


def states(inbox: Inbox) -> list[str]:
    """Oldest first."""
    return [delivery.state.value for delivery in inbox.find()][::-1]


def told(store: Store) -> list[tuple[str, str, Origin]]:
    return [(event.type, event.return_id, event.origin) for event in store.events()]


def status(store: Store, return_id: str) -> Status | None:
    stored = store.get_return("acme", return_id)
    return None if stored is None else stored.ret.status


def test_what_a_delivery_says_is_in_the_mirror(
    store: Store, inbox: Inbox, post: Post, processor: Processor, bodies: Bodies, at: At
) -> None:
    (number,) = post(bodies.told(a_return(status=Status.APPROVED), minute=5))
    assert processor.process_due() == 1
    delivery = found(inbox, number)
    assert (delivery.state, delivery.events, delivery.attempts, delivery.error) == (DeliveryState.PROCESSED, 1, 1, None)
    assert delivery.processed_at is not None
    (event,) = store.events()
    assert (event.type, event.origin, event.occurred_at) == ("return.created", Origin.WEBHOOK, at(5))
    assert event.recorded_at == delivery.received_at


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_a_delivery_takes_five_round_trips_to_postgresql(
    store: Store, post: Post, processor: Processor, bodies: Bodies, sent: Callable[..., list[str]]
) -> None:
    post(bodies.told(a_return(status=Status.APPROVED, items=(Item(id="I1"),))))
    with store.database.reading() as connection:
        driver = connection.connection.dbapi_connection
    round_trips = sent(driver, lambda: processor.process_due(1))
    assert round_trips == ["SELECT UPDATE", "BEGIN SELECT SELECT", "WITH", "UPDATE", "COMMIT"]
    assert len(told(store)) == 1


def test_of_a_hint_nothing_is_believed_but_that_there_is_news(
    store: Store, post: Post, processor: Processor, bodies: Bodies, vendor: FakeVendor
) -> None:
    vendor.set_status("F1", "arrived")
    post(bodies.hint("F1"))
    assert (processor.process_due(), status(store, "F1")) == (1, Status.RECEIVED)
    assert told(store) == [("return.created", "F1", Origin.WEBHOOK)]


def test_a_webhook_and_a_poll_of_one_fact_are_one_event(
    store: Store, post: Post, processor: Processor, bodies: Bodies, vendor: FakeVendor, client: Client
) -> None:
    def poll() -> None:
        store.apply("acme", [observed(ret, seen_at=datetime.now(UTC)) for ret in client.list_returns()])

    poll()
    vendor.set_status("F1", "arrived")
    post(bodies.hint("F1"))
    processor.process_due()
    poll()
    assert told(store)[3:] == [("return.status_changed", "F1", Origin.WEBHOOK)]


def test_what_cannot_be_interpreted_is_reported_and_stays_in_the_inbox(
    store: Store, inbox: Inbox, post: Post, processor: Processor, bodies: Bodies
) -> None:
    (number,) = post(bodies.unknown("odd"))
    processor.process_due()
    (event,) = store.events()
    assert (event.type, event.return_id) == ("event.unmapped", "")
    assert event.changes == {"event": (None, "odd"), "delivery": (None, number)}
    assert (found(inbox, number).events, found(inbox, number).body) == (1, bodies.unknown("odd"))


def test_a_delivery_may_be_about_several_returns(
    store: Store, post: Post, processor: Processor, bodies: Bodies
) -> None:
    post(bodies.told(a_return("X1"), a_return("X2")))
    processor.process_due()
    assert sorted(stored.ret.id for stored in store.returns()) == ["X1", "X2"]


def test_copies_are_processed_once(
    store: Store, inbox: Inbox, post: Post, processor: Processor, bodies: Bodies
) -> None:
    first, second = post(bodies.told(a_return()), bodies.told(a_return()))
    assert (first == second, processor.process_due(), len(told(store))) == (True, 1, 1)
    (third,) = post(bodies.told(a_return()))
    assert (third == first, processor.process_due(), found(inbox, first).duplicates) == (True, 0, 2)


def test_what_names_a_return_by_its_parts_waits_for_it(
    store: Store, inbox: Inbox, post: Post, processor: Processor, bodies: Bodies
) -> None:
    moved = Shipment(id="s1", status=ShipmentStatus.IN_TRANSIT)
    post(bodies.told(a_return("", shipments=(moved,)), minute=2))
    assert (processor.process_due(), states(inbox), told(store)) == (1, ["processed"], [])
    post(bodies.told(a_return("X1", shipments=(Shipment(id="s1"),)), minute=1))
    assert (processor.process_due(), status(store, "X1")) == (1, Status.IN_TRANSIT)
    assert [(event.type, event.delivery_id) for event in store.events()] == [
        ("return.created", 2),
        ("return.status_changed", 1),
        ("shipment.updated", 1),
    ]
    assert [event.sequence for event in store.events(delivery_id=1)] == [2, 3]


def test_news_of_a_part_waits_for_its_return_and_has_it_read(
    store: Store, inbox: Inbox, post: Post, processor: Processor, bodies: Bodies, vendor: FakeVendor
) -> None:
    vendor.set_status("F1", "granted")
    post(bodies.parts("item:line-9"))
    assert (processor.process_due(), states(inbox)) == (1, ["processed"])
    post(bodies.told(a_return("F1", items=(Item(id="7", aliases=("line-9",)),))))
    assert (processor.process_due(), status(store, "F1")) == (1, Status.APPROVED)


def test_news_of_a_known_part_has_its_return_read(
    store: Store, post: Post, processor: Processor, bodies: Bodies, vendor: FakeVendor
) -> None:
    post(bodies.told(a_return("F1", items=(Item(id="7"),))))
    vendor.set_status("F1", "granted")
    post(bodies.parts("item:7"))
    assert (processor.process_due(), status(store, "F1")) == (2, Status.APPROVED)


def test_where_two_deliveries_of_one_moment_disagree_the_vendor_is_asked(
    store: Store, post: Post, processor: Processor, bodies: Bodies, vendor: FakeVendor
) -> None:
    vendor.set_status("F1", "arrived")
    post(bodies.told(a_return("F1", status=Status.APPROVED), minute=1))
    post(bodies.told(a_return("F1", status=Status.CLOSED), minute=1))
    assert (processor.process_due(), status(store, "F1")) == (2, Status.RECEIVED)
    moves = [event.changes["status"] for event in store.events() if "status" in event.changes]
    assert moves == [(None, "approved"), ("approved", "received")]


def test_what_follows_from_the_parts_is_the_adapter_s_to_say(
    store: Store, post: Post, processor: Processor, bodies: Bodies
) -> None:
    post(bodies.told(a_return(shipments=(Shipment(id="s1"),))))
    processor.process_due()
    assert status(store, "X1") is Status.READY_TO_SHIP


def test_a_return_that_nobody_keeps_the_timeline_of_gets_none(
    store: Store, post: Post, processor: Processor, bodies: Bodies, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = (TimelineEntry(kind="moved"),)
    run = client.run
    monkeypatch.setattr(client, "run", lambda operation: evolve(run(operation), timeline=entries))
    post(bodies.told(a_return("F1")), bodies.hint("F1"), bodies.hint("F2"))
    processor.process_due()
    kept = {stored.ret.id: stored.ret.timeline for stored in store.returns()}
    assert kept == {"F1": (), "F2": entries}


# What fails.


def test_a_vendor_that_is_away_is_asked_again_later(
    store: Store,
    inbox: Inbox,
    post: Post,
    processor: Processor,
    bodies: Bodies,
    vendor: FakeVendor,
    pass_time: PassTime,
) -> None:
    vendor.faults.unavailable(times=1)
    (number,) = post(bodies.hint("F1"))
    assert processor.process_due(1) == 0
    failed = found(inbox, number)
    assert (failed.state, failed.attempts) == (DeliveryState.PENDING, 1)
    assert failed.error == "ProviderUnavailable: fake get_return: The vendor is failing (5xx) (HTTP 503)"
    pass_time()
    assert processor.process_due() == 1
    done = found(inbox, number)
    assert (done.state, done.attempts, done.error, status(store, "F1")) == ("processed", 2, None, Status.REQUESTED)


def test_a_vendor_s_wish_to_wait_is_obeyed(
    inbox: Inbox, post: Post, processor: Processor, bodies: Bodies, vendor: FakeVendor
) -> None:
    vendor.faults.too_many_requests(retry_after=600)
    (number,) = post(bodies.hint("F1"))
    processor.process_due()
    left = found(inbox, number).due_at - datetime.now(UTC)
    assert timedelta(seconds=590) < left <= timedelta(seconds=600)


def test_a_delivery_that_fails_too_often_is_dead_and_says_why_without_its_data(
    store: Store, inbox: Inbox, post: Post, processor: Processor, pass_time: PassTime, caplog: pytest.LogCaptureFixture
) -> None:
    (number,) = post(b'{"breaks": true}')
    for _ in range(5):
        pass_time()
        processor.process_due()
    dead = found(inbox, number)
    assert (dead.state, dead.attempts, told(store)) == (DeliveryState.DEAD, 4, [])
    assert (dead.error or "").startswith("RuntimeError at deliveries/conftest.py:")
    assert "canary" not in caplog.text
    assert inbox.backlog().dead == 1


@pytest.mark.parametrize("code", [409, 422])
def test_what_no_other_attempt_would_help_is_dead_at_once(
    inbox: Inbox, post: Post, processor: Processor, bodies: Bodies, vendor: FakeVendor, code: int
) -> None:
    vendor.faults.answer_with(HttpAnswer(status=code, body=b"{}"))
    (number,) = post(bodies.hint("F1"))
    processor.process_due()
    assert (found(inbox, number).state, found(inbox, number).attempts) == (DeliveryState.DEAD, 1)


@pytest.mark.parametrize("drawn", ["the shortest waits", "the longest waits"])
def test_a_return_that_the_vendor_does_not_have_is_asked_for_ten_minutes_long_and_then_let_be(
    store: Store,
    inbox: Inbox,
    post: Post,
    client: Client,
    bodies: Bodies,
    pass_time: PassTime,
    drawn: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("random.uniform", lambda low, high: low if "shortest" in drawn else high)
    (number,) = post(bodies.hint("F99"))
    processor = Processor(store, lambda _: client)
    waits = []
    while not processor.process_due(1):
        waits.append((found(inbox, number).due_at - store.now()).total_seconds())
        pass_time()
    done = found(inbox, number)
    assert (done.state, done.events) == (DeliveryState.PROCESSED, 0)
    assert done.error == "the vendor has no such return"
    # What its API knows after 20 seconds is asked for within a minute.
    assert any(20 < sum(waits[:count]) < 60 for count in range(len(waits)))
    assert 600 < sum(waits) < 3600


def test_a_delivery_whose_attempts_do_not_end_is_stuck_until_one_does(
    store: Store,
    inbox: Inbox,
    post: Post,
    processor: Processor,
    bodies: Bodies,
    pass_time: PassTime,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (number,) = post(bodies.hint("F1"))
    assert processor.claim() is not None
    assert inbox.backlog().stuck == 0
    pass_time()
    assert inbox.backlog().stuck == 1
    assert processor.claim() is not None
    # It is tried again by now, but for long.
    assert inbox.backlog().stuck == 1
    assert found(inbox, number).error == "the process ended before the attempt had"
    assert [record.event for record in caplog.records if hasattr(record, "event")] == ["delivery.lost"]
    pass_time()
    assert processor.process_due() == 1
    assert (inbox.backlog().stuck, found(inbox, number).error) == (0, None)


def test_what_waits_or_fails_is_not_stuck(
    inbox: Inbox, post: Post, processor: Processor, bodies: Bodies, pass_time: PassTime
) -> None:
    post(bodies.hint("F99"), bodies.hint("F1"), bodies.hint("F1") + b" ")
    processor.process_due(1)
    pass_time()
    assert (inbox.backlog().pending, inbox.backlog().stuck) == (3, 0)


def test_a_return_that_appears_a_little_later_is_found(
    store: Store,
    inbox: Inbox,
    post: Post,
    processor: Processor,
    bodies: Bodies,
    vendor: FakeVendor,
    pass_time: PassTime,
) -> None:
    vendor.faults.answer_with(HttpAnswer(status=404, body=b"{}"), times=1)
    post(bodies.hint("F1"))
    processor.process_due(1)
    pass_time()
    assert (processor.process_due(), status(store, "F1")) == (1, Status.REQUESTED)


def test_an_account_that_is_not_configured_any_more_is_waited_for(
    store: Store, inbox: Inbox, post: Post, bodies: Bodies
) -> None:
    def nobody(_: str) -> Client:
        raise ConfigurationError("there is no account 'acme'")

    (number,) = post(bodies.hint("F1"))
    Processor(store, nobody).process_due(1)
    failed = found(inbox, number)
    assert (failed.state, failed.error) == ("pending", "ConfigurationError: there is no account 'acme'")


@pytest.mark.parametrize("return_id", ["x" * 300, "nul\\u0000"])
def test_an_id_that_no_return_can_have_is_unknown_and_takes_no_other_along(
    store: Store, inbox: Inbox, post: Post, processor: Processor, bodies: Bodies, return_id: str
) -> None:
    numbers = post(
        bodies.told(a_return("X1"), a_return("x" * 300)), b'{"events": [{"hint": "%s"}]}' % return_id.encode()
    )
    processor.process_due()
    assert [found(inbox, number).state for number in numbers] == [DeliveryState.PROCESSED] * 2
    assert [event.type for event in store.events()] == ["return.created", "event.unmapped", "event.unmapped"]


def test_another_return_than_the_one_asked_for_is_not_taken(
    store: Store,
    inbox: Inbox,
    post: Post,
    processor: Processor,
    bodies: Bodies,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = client.run
    monkeypatch.setattr(client, "run", lambda _: run(client.adapter.get_return("F2")))
    (number,) = post(bodies.hint("F1"))
    processor.process_due(1)
    assert ((found(inbox, number).error or "").startswith("UnexpectedReply"), told(store)) == (True, [])


# In which order.


def test_deliveries_of_one_return_keep_their_order(
    inbox: Inbox, post: Post, processor: Processor, bodies: Bodies, vendor: FakeVendor, pass_time: PassTime
) -> None:
    vendor.faults.too_many_requests(retry_after=600, times=1)
    post(bodies.hint("F1"), bodies.told(a_return("F1", number="1")), bodies.told(a_return("F2")))
    assert (processor.process_due(), states(inbox)) == (1, ["pending", "pending", "processed"])
    pass_time()
    assert (processor.process_due(), states(inbox)) == (2, ["processed", "processed", "processed"])


def test_a_dead_delivery_holds_nothing_back(
    inbox: Inbox, post: Post, processor: Processor, bodies: Bodies, vendor: FakeVendor
) -> None:
    vendor.faults.answer_with(HttpAnswer(status=422, body=b"{}"), times=1)
    post(bodies.hint("F1"), bodies.told(a_return("F1")))
    assert (processor.process_due(), states(inbox)) == (1, ["dead", "processed"])


def test_the_same_return_of_another_account_is_another_one(
    inbox: Inbox, post: Post, processor: Processor, bodies: Bodies, vendor: FakeVendor
) -> None:
    vendor.faults.too_many_requests(retry_after=600, times=1)
    post(bodies.hint("F1"))
    post(bodies.told(a_return("F1")), account="other")
    assert (processor.process_due(), states(inbox)) == (1, ["pending", "processed"])


def test_only_so_many_are_tried(inbox: Inbox, post: Post, processor: Processor, bodies: Bodies) -> None:
    post(*(bodies.told(a_return(f"X{number}")) for number in range(4)))
    assert [processor.process_due(limit) for limit in (0, 3, None)] == [0, 3, 1]


def test_nothing_more_is_begun_once_it_is_to_stop(post: Post, processor: Processor, bodies: Bodies) -> None:
    post(*(bodies.told(a_return(f"X{number}")) for number in range(4)))
    answers = iter([False, False, True])
    assert processor.process_due(stop=lambda: next(answers)) == 2


# Who does it.


@pytest.fixture
def deliveries(store: Store) -> Deliveries:
    return Deliveries(store.database)


def claimed(deliveries: Deliveries) -> ClaimedDelivery:
    claim = deliveries.claim(max_attempts=4)
    assert claim is not None
    return claim


def test_what_is_claimed_is_nobody_else_s(
    deliveries: Deliveries, post: Post, processor: Processor, bodies: Bodies
) -> None:
    post(bodies.told(a_return()))
    claimed(deliveries)
    assert (deliveries.claim(max_attempts=4), processor.process_due()) == (None, 0)


def test_what_a_killed_process_had_claimed_is_processed_after_a_while(
    inbox: Inbox, deliveries: Deliveries, post: Post, processor: Processor, bodies: Bodies, pass_time: PassTime
) -> None:
    (number,) = post(bodies.told(a_return()))
    claimed(deliveries)
    pass_time()
    assert (processor.process_due(), found(inbox, number).attempts) == (1, 2)


def test_a_delivery_that_takes_every_process_down_is_given_up(
    inbox: Inbox, deliveries: Deliveries, post: Post, processor: Processor, bodies: Bodies, pass_time: PassTime
) -> None:
    (number,) = post(bodies.told(a_return()))
    for _ in range(4):
        claimed(deliveries)
        pass_time()
    assert processor.process_due() == 0
    dead = found(inbox, number)
    assert (dead.state, dead.error) == (DeliveryState.DEAD, "the process ended before the attempt had")


def test_who_was_too_slow_does_nothing(
    store: Store, inbox: Inbox, deliveries: Deliveries, post: Post, bodies: Bodies, at: At, pass_time: PassTime
) -> None:
    (number,) = post(bodies.told(a_return()))
    slow = claimed(deliveries)
    pass_time()
    quick = claimed(deliveries)
    result = ProcessingResult(observations=(observed(a_return(), seen_at=at(0)),))
    assert deliveries.finish(slow, result, lambda ret: ret) is None
    deliveries.fail(slow.claim, "too slow", retry_in=None)
    deliveries.release(slow.claim)
    deliveries.extend(slow.claim)
    assert (told(store), found(inbox, number).state, found(inbox, number).attempts) == ([], "pending", 2)
    assert deliveries.finish(quick, result, lambda ret: ret) is not None
    assert (len(told(store)), found(inbox, number).state) == (1, "processed")


def test_a_claim_that_is_kept_up_does_not_lapse(
    deliveries: Deliveries, post: Post, processor: Processor, bodies: Bodies, pass_time: PassTime
) -> None:
    post(bodies.told(a_return()))
    claim = claimed(deliveries)
    pass_time()
    deliveries.extend(claim.claim)
    assert processor.process_due() == 0


def test_an_attempt_that_was_handed_back_does_not_count(
    inbox: Inbox, deliveries: Deliveries, post: Post, processor: Processor, bodies: Bodies
) -> None:
    (number,) = post(bodies.told(a_return()))
    deliveries.release(claimed(deliveries).claim)
    assert (processor.process_due(), found(inbox, number).attempts) == (1, 1)


def test_an_interrupted_process_hands_back_what_it_had_begun(
    inbox: Inbox, store: Store, post: Post, processor: Processor, bodies: Bodies
) -> None:
    def interrupted(_: str) -> Client:
        raise KeyboardInterrupt

    (number,) = post(bodies.told(a_return()))
    with pytest.raises(KeyboardInterrupt):
        Processor(store, interrupted).process_due()
    assert (processor.process_due(), found(inbox, number).attempts) == (1, 1)


def test_many_at_once_process_each_delivery_once(
    store_url: str, inbox: Inbox, store: Store, post: Post, client: Client, bodies: Bodies
) -> None:
    numbers = post(*(bodies.told(a_return(f"X{n % 20}", number=str(n)), minute=n) for n in range(60)))

    def work(_: int) -> int:
        with Store.open(store_url) as own:
            return Processor(own, lambda _: client).process_due()

    with ThreadPoolExecutor(4) as workers:
        counts = list(workers.map(work, range(4)))
    while (rest := Processor(store, lambda _: client).process_due()) > 0:
        counts.append(rest)
    assert (sum(counts), {found(inbox, number).attempts for number in numbers}) == (60, {1})
    assert len({event.id for event in store.events()}) == len(told(store)) == 60


# Again.


def test_a_replay_of_what_was_processed_emits_nothing_again(
    store: Store, inbox: Inbox, post: Post, processor: Processor, bodies: Bodies
) -> None:
    numbers = post(bodies.told(a_return()), bodies.unknown("odd"))
    processor.process_due()
    before = told(store)
    replayed = [inbox.replay(number) for number in numbers]
    assert [(each.state, each.origin, each.attempts, each.processed_at) for each in replayed] == [
        (DeliveryState.PENDING, Origin.REPLAY, 0, None)
    ] * 2
    assert (processor.process_due(), told(store) == before) == (2, True)
    assert [found(inbox, number).events for number in numbers] == [1, 1]


def test_a_replay_of_what_was_dead_is_reported_as_one(
    store: Store, inbox: Inbox, post: Post, processor: Processor, bodies: Bodies, vendor: FakeVendor
) -> None:
    vendor.faults.answer_with(HttpAnswer(status=422, body=b"{}"), times=1)
    (number,) = post(bodies.hint("F1"))
    processor.process_due()
    inbox.replay(number)
    assert (processor.process_due(), told(store)) == (1, [("return.created", "F1", Origin.REPLAY)])
    assert found(inbox, number).error is None


def test_a_replay_leaves_to_itself_what_somebody_is_at(
    inbox: Inbox, deliveries: Deliveries, post: Post, bodies: Bodies
) -> None:
    (number,) = post(bodies.told(a_return()))
    claimed(deliveries)
    assert (inbox.replay(number).origin, inbox.replay(number).attempts) == (Origin.WEBHOOK, 1)


def test_all_that_match_are_replayed_in_small_transactions_but_what_somebody_is_at(
    store: Store, inbox: Inbox, post: Post, processor: Processor, bodies: Bodies, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("returns_hub.store.inbox._REPLAY_CHUNK", 2)
    post(*(bodies.told(a_return(f"R{number}")) for number in range(5)))
    post(bodies.told(a_return("R9")), account="other")
    processor.process_due()
    (late,) = post(bodies.hint("F1"))
    assert processor.claim() is not None
    since = datetime(2026, 3, 1, 13, 3, tzinfo=UTC)
    assert inbox.count(account="acme", since=since) == 3
    assert inbox.replay_matching(account="acme", since=since) == 2
    assert [(each.id, each.origin) for each in inbox.find(state=DeliveryState.PENDING)] == [
        (late, Origin.WEBHOOK),
        (5, Origin.REPLAY),
        (4, Origin.REPLAY),
    ]


def test_a_replay_waits_for_a_later_one_that_somebody_is_at(
    inbox: Inbox, deliveries: Deliveries, post: Post, processor: Processor, bodies: Bodies
) -> None:
    first, _ = post(bodies.told(a_return()), bodies.told(a_return(number="1")))
    processor.process_due(1)
    claimed(deliveries)
    inbox.replay(first)
    assert processor.process_due() == 0


def test_keys_that_were_replaced_meanwhile_do_not_matter(
    store: Store, inbox: Inbox, vendor: FakeVendor, client: Client
) -> None:
    headers, body = vendor.webhook("moved", "F1", "old-secret")
    request = WebhookRequest(method="POST", url="/w", headers=headers, body=body, received_at=datetime.now(UTC))
    old = FakeAdapter(api_key=Secret("fake_key"), webhook_secrets=(Secret("old-secret"),))
    inbox.put("acme", request, old.receive(request))
    new = FakeAdapter(api_key=Secret("fake_key"), webhook_secrets=(Secret("new-secret"),))
    with serve(vendor) as running, open_with(new, base_url=running.url) as other:
        assert (Processor(store, lambda _: other).process_due(), status(store, "F1")) == (1, Status.REQUESTED)


def test_a_test_record_is_processed_and_not_mirrored(
    store: Store, inbox: Inbox, post: Post, processor: Processor, bodies: Bodies, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeAdapter, "is_test_record", lambda self, ret: ret.id in ("X1", "F1"))
    post(bodies.told(a_return(status=Status.APPROVED)), bodies.hint("F1"), bodies.hint("F2"))
    assert processor.process_due() == 3
    assert (states(inbox), [ret.ret.id for ret in store.returns()]) == (["processed"] * 3, ["F2"])
