"""Merging: which fact wins, which event it has, and that neither order nor repetition matters."""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, TypeAlias

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from returns_hub import (
    Address,
    Attention,
    Customer,
    Disposition,
    DispositionStatus,
    Event,
    Item,
    Label,
    LabelStatus,
    Note,
    OrderRef,
    Origin,
    Parcel,
    Resolution,
    ResolutionKind,
    Return,
    Service,
    Shipment,
    ShipmentStatus,
    Status,
    TimelineEntry,
    TrackingEvent,
    dump,
)
from returns_hub.merge import Derive, MergeResult, Observation, State, derive_nothing, merge, observed, restrict_fields
from returns_hub.merge.facts import read_facts

At: TypeAlias = Callable[[float], datetime]
MakeReturn: TypeAlias = Callable[..., Return]
Observe: TypeAlias = Callable[..., MergeResult]


@pytest.fixture(scope="session")
def observe(at: At, a_return: MakeReturn) -> Observe:
    """What an observation of ``minute`` makes of a state."""

    def merge_in(stored: MergeResult | None, minute: float, **values: Any) -> MergeResult:
        observation = Observation(ret=a_return(**values), at=at(minute), seen_at=at(minute))
        return merge(stored.state if stored else None, observation, account="acme")

    return merge_in


def types(merged: MergeResult) -> list[str]:
    return [event.type for event in merged.events]


def test_a_first_observation_has_one_event(observe: Observe) -> None:
    first = observe(
        None,
        0,
        status=Status.READY_TO_SHIP,
        status_raw="label_sent",
        attention=frozenset({Attention.REVIEW}),
        items=(Item(id="1", quantity_received=Decimal(1)),),
        shipments=(Shipment(id="s1", label=Label(status=LabelStatus.READY)),),
    )
    assert types(first) == ["return.created"]
    assert first.events[0].changes == {"status": (None, "ready_to_ship"), "status_raw": (None, "label_sent")}


def test_an_event_says_whose_it_is_and_when_and_how_it_came(at: At, a_return: MakeReturn) -> None:
    observation = Observation(ret=a_return("r7"), at=at(0), seen_at=at(3), origin=Origin.WEBHOOK)
    (event,) = merge(None, observation, account="acme-au").events
    assert (event.account, event.return_id, event.origin) == ("acme-au", "r7", Origin.WEBHOOK)
    assert (event.occurred_at, event.recorded_at) == (at(0), at(3))


def test_a_status_change_is_one_event(observe: Observe) -> None:
    first = observe(None, 0, status=Status.REQUESTED, status_raw="pending")
    then = observe(first, 1, status=Status.APPROVED, status_raw="approved")
    assert types(then) == ["return.status_changed"]
    assert then.events[0].changes == {"status": ("requested", "approved"), "status_raw": ("pending", "approved")}


def test_the_same_observation_again_has_no_event(observe: Observe) -> None:
    first = observe(None, 0, status=Status.REQUESTED, number="RMA-1")
    assert observe(first, 0, status=Status.REQUESTED, number="RMA-1") == MergeResult(state=first.state)


def test_an_older_observation_changes_nothing_that_is_known(observe: Observe) -> None:
    first = observe(None, 1, status=Status.APPROVED, status_raw="approved")
    late = observe(first, 0, status=Status.REQUESTED, status_raw="pending")
    assert (late.state.ret.status, late.events) == (Status.APPROVED, ())


def test_an_older_observation_adds_what_was_not_known(observe: Observe) -> None:
    first = observe(None, 1, status=Status.APPROVED)
    late = observe(first, 0, status=Status.REQUESTED, number="RMA-1")
    assert (late.state.ret.status, late.state.ret.number) == (Status.APPROVED, "RMA-1")


def test_silence_keeps(observe: Observe) -> None:
    known = {
        "number": "RMA-1",
        "status": Status.RECEIVED,
        "status_raw": "received",
        "order": OrderRef(number="#1001"),
        "customer": Customer(email="customer@example.com", name="John Smith"),
        "items": (Item(sku="PROD-001"),),
        "shipments": (Shipment(id="s1", carrier="australia_post"),),
        "notes": (Note(text="fragile"),),
        "timeline": (TimelineEntry(kind="system"),),
        "custom_fields": {"colour": "red"},
        "goods_expected": True,
        "raw": {"id": "r1"},
    }
    first = observe(None, 0, **known)
    then = observe(first, 1)
    assert dump(then.state.ret, raw=True) == dump(first.state.ret, raw=True)
    assert then.events == ()


def test_a_status_takes_its_attention_along(observe: Observe) -> None:
    first = observe(None, 0, status=Status.RECEIVED, attention=frozenset({Attention.REVIEW}))
    then = observe(first, 1, status=Status.INSPECTED)
    assert then.state.ret.attention == frozenset()
    assert [event.changes for event in then.events] == [
        {"status": ("received", "inspected")},
        {"attention": (["review"], [])},
    ]


def test_attention_alone_leaves_the_status(observe: Observe) -> None:
    first = observe(None, 0, status=Status.APPROVED, status_raw="approved")
    then = observe(first, 1, attention=frozenset({Attention.LABEL_FAILED}))
    assert (then.state.ret.status, then.state.ret.status_raw) == (Status.APPROVED, "approved")
    assert then.state.ret.attention == {Attention.LABEL_FAILED}


def test_attention_alone_falls_with_the_next_status(observe: Observe) -> None:
    first = observe(None, 0, status=Status.APPROVED)
    marked = observe(first, 1, attention=frozenset({Attention.LABEL_FAILED}))
    assert observe(marked, 2, status=Status.APPROVED).state.ret.attention == frozenset()


def test_an_unknown_word_replaces_a_known_status(observe: Observe) -> None:
    first = observe(None, 0, status=Status.APPROVED, status_raw="approved")
    then = observe(first, 1, status=Status.UNKNOWN, status_raw="Quality Hold")
    assert (then.state.ret.status, then.state.ret.status_raw) == (Status.UNKNOWN, "Quality Hold")


def test_items_with_an_id_merge_field_by_field(observe: Observe) -> None:
    first = observe(None, 0, items=(Item(id="1", sku="A"), Item(id="2", sku="B")))
    then = observe(first, 1, items=(Item(id="2", condition="new"),))
    assert then.state.ret.items == (Item(id="1", sku="A"), Item(id="2", sku="B", condition="new"))


def test_items_without_an_id_are_one_value(observe: Observe) -> None:
    first = observe(None, 0, items=(Item(sku="A"), Item(sku="B")))
    then = observe(first, 1, items=(Item(sku="A", quantity=Decimal(2)),))
    assert then.state.ret.items == (Item(sku="A", quantity=Decimal(2)),)
    assert types(then) == ["return.updated"]


def test_items_without_an_id_give_way_to_named_ones(observe: Observe) -> None:
    first = observe(None, 0, items=(Item(sku="A"),))
    named = observe(first, 1, items=(Item(id="1", sku="A"),))
    assert observe(named, 2, items=(Item(sku="A"),)).state.ret.items == (Item(id="1", sku="A"),)


def test_an_alias_finds_the_item_that_has_it(observe: Observe) -> None:
    first = observe(None, 0, items=(Item(id="77", aliases=("line-9",), sku="A"),))
    then = observe(first, 1, items=(Item(aliases=("line-9",), images=("https://img.example/1",)),))
    assert then.state.ret.items == (Item(id="77", aliases=("line-9",), sku="A", images=("https://img.example/1",)),)
    assert types(then) == ["item.images_changed"]


def test_facts_under_an_alias_wait_for_their_item(observe: Observe) -> None:
    first = observe(None, 0, items=(Item(aliases=("line-9",), images=("https://img.example/1",)),))
    then = observe(first, 1, items=(Item(id="77", aliases=("line-9",), sku="A"),))
    assert then.state.ret.items == (Item(id="77", aliases=("line-9",), sku="A", images=("https://img.example/1",)),)


def test_an_alias_is_never_removed(observe: Observe) -> None:
    first = observe(None, 0, items=(Item(id="77", aliases=("line-9",)),))
    then = observe(first, 1, items=(Item(id="77", aliases=("line-8",), sku="A"),))
    assert then.state.ret.items == (Item(id="77", aliases=("line-8", "line-9"), sku="A"),)


def test_an_alias_in_a_late_old_observation_counts(observe: Observe) -> None:
    known = observe(observe(None, 2, items=(Item(id="77", sku="A"),)), 3, items=(Item(aliases=("line-9",), rma="R1"),))
    then = observe(known, 0, items=(Item(id="77", aliases=("line-9",)),))
    assert then.state.ret.items == (Item(id="77", aliases=("line-9",), sku="A", rma="R1"),)


def test_any_alias_of_an_item_without_an_id_finds_its_item(observe: Observe) -> None:
    first = observe(None, 0, items=(Item(aliases=("line-9", "line-10"), sku="A"),))
    then = observe(first, 1, items=(Item(id="77", aliases=("line-10",)),))
    assert then.state.ret.items == (Item(id="77", aliases=("line-9", "line-10"), sku="A"),)
    assert [event.changes for event in then.events] == [{"items[77].id": (None, "77")}]


def test_two_items_may_share_an_alias(observe: Observe) -> None:
    items = (Item(id="1", aliases=("order-line",), sku="A"), Item(id="2", aliases=("order-line",), sku="B"))
    assert observe(None, 0, items=items).state.ret.items == items


def test_received_goods_have_an_event(observe: Observe) -> None:
    first = observe(None, 0, items=(Item(id="1", quantity=Decimal(2)),))
    then = observe(first, 1, items=(Item(id="1", quantity_received=Decimal(1)),))
    assert types(then) == ["item.received"]
    assert then.events[0].changes == {"items[1].quantity_received": (None, "1")}


def test_a_disposition_has_an_event_with_its_word(observe: Observe) -> None:
    first = observe(None, 0, items=(Item(id="1", disposition=Disposition.HOLD, disposition_raw="ohd"),))
    then = observe(
        first,
        1,
        items=(
            Item(
                id="1",
                disposition=Disposition.DISPOSE,
                disposition_raw="dis",
                disposition_status=DispositionStatus.PENDING,
            ),
        ),
    )
    assert types(then) == ["item.disposition_changed"]
    assert then.events[0].changes == {
        "items[1].disposition": ("hold", "dispose"),
        "items[1].disposition_raw": ("ohd", "dis"),
        "items[1].disposition_status": (None, "pending"),
    }


def test_a_label_that_can_be_fetched_has_an_event(observe: Observe) -> None:
    first = observe(None, 0, shipments=(Shipment(id="s1", label=Label(status=LabelStatus.REQUESTED)),))
    label = Label(status=LabelStatus.READY, url="https://labels.example/1.pdf")
    then = observe(first, 1, shipments=(Shipment(id="s1", label=label),))
    assert types(then) == ["label.ready"]
    assert then.events[0].changes["shipments[s1].label.status"] == ("requested", "ready")


def test_a_label_that_failed_has_an_event_with_the_reason(observe: Observe) -> None:
    first = observe(None, 0, shipments=(Shipment(id="s1", label=Label(status=LabelStatus.REQUESTED)),))
    failed = Label(status=LabelStatus.FAILED, error="no such postcode")
    then = observe(first, 1, shipments=(Shipment(id="s1", label=failed),))
    assert types(then) == ["label.failed"]
    assert then.events[0].changes["shipments[s1].label.error"] == (None, "no such postcode")


def test_a_label_keeps_its_url_when_only_its_status_is_observed(observe: Observe) -> None:
    ready = Label(status=LabelStatus.READY, url="https://labels.example/1.pdf")
    first = observe(None, 0, shipments=(Shipment(id="s1", label=ready),))
    then = observe(first, 1, shipments=(Shipment(id="s1", label=Label(status=LabelStatus.VOID)),))
    assert then.state.ret.shipments[0].label == Label(status=LabelStatus.VOID, url="https://labels.example/1.pdf")


def test_each_shipment_has_an_event_of_its_own(observe: Observe) -> None:
    first = observe(None, 0, shipments=(Shipment(id="s1"), Shipment(id="s2")))
    moved = ShipmentStatus.IN_TRANSIT
    then = observe(first, 1, shipments=(Shipment(id="s1", status=moved), Shipment(id="s2", status=moved)))
    assert [event.changes for event in then.events] == [
        {"shipments[s1].status": (None, "in_transit")},
        {"shipments[s2].status": (None, "in_transit")},
    ]


def test_a_new_shipment_has_an_event(observe: Observe) -> None:
    then = observe(observe(None, 0), 1, shipments=(Shipment(id="s1", carrier="australia_post"),))
    assert types(then) == ["shipment.updated"]
    assert then.events[0].changes == {
        "shipments[s1].id": (None, "s1"),
        "shipments[s1].carrier": (None, "australia_post"),
    }


def test_a_resolution_has_an_event(observe: Observe) -> None:
    then = observe(observe(None, 0), 1, resolutions=(Resolution(kind=ResolutionKind.REFUND),))
    assert types(then) == ["resolution.changed"]


def test_an_address_is_one_value(observe: Observe) -> None:
    first = observe(None, 0, address=Address(line1="1 First St", line2="Flat 2", city="Perth"))
    moved = Address(line1="9 Ninth St", city="Hobart")
    assert observe(first, 1, address=moved).state.ret.address == moved


def test_other_changes_share_an_event(observe: Observe) -> None:
    first = observe(None, 0, number="RMA-1", customer=Customer(email="a@example.com", name="A"))
    then = observe(first, 1, number="RMA-2", customer=Customer(email="b@example.com"))
    assert types(then) == ["return.updated"]
    assert set(then.events[0].changes) == {"number", "customer"}


def test_what_only_the_vendor_s_clock_says_is_no_event(at: At, observe: Observe) -> None:
    first = observe(None, 0, status=Status.APPROVED, updated_at=at(0))
    assert observe(first, 1, status=Status.APPROVED, updated_at=at(1)).events == ()


def test_raw_follows_the_newest_observation_and_is_no_event(observe: Observe) -> None:
    first = observe(None, 0, number="1", raw={"id": "r1", "views": 1})
    then = observe(first, 1, number="1", raw={"id": "r1", "views": 2})
    assert (then.state.ret.raw, then.events) == ({"id": "r1", "views": 2}, ())


def test_created_at_is_the_earliest_that_was_observed(at: At, observe: Observe) -> None:
    first = observe(None, 0, created_at=at(-60))
    then = observe(first, 1, created_at=at(-30))
    assert then.state.ret.created_at == at(-60)


def test_a_disagreement_about_one_vendor_moment_asks_for_another_look(at: At, a_return: MakeReturn) -> None:
    seen_first = observed(a_return(status=Status.APPROVED, updated_at=at(0)), seen_at=at(1))
    seen_last = observed(a_return(status=Status.RECEIVED, updated_at=at(0)), seen_at=at(2))
    stored = merge(None, seen_first, account="acme").state
    merged = merge(stored, seen_last, account="acme")
    assert (merged.reread, merged.state.ret.status) == (True, Status.RECEIVED)


def test_agreement_about_one_vendor_moment_asks_for_nothing(at: At, a_return: MakeReturn) -> None:
    ret = a_return(status=Status.APPROVED, updated_at=at(0))
    stored = merge(None, observed(ret, seen_at=at(1)), account="acme").state
    assert not merge(stored, observed(ret, seen_at=at(2)), account="acme").reread


def test_a_vendor_clock_in_the_future_does_not_make_facts_unchangeable(at: At, a_return: MakeReturn) -> None:
    ahead = observed(a_return(status=Status.APPROVED, updated_at=at(10_000_000)), seen_at=at(0))
    stored = merge(None, ahead, account="acme").state
    then = observed(a_return(status=Status.RECEIVED, updated_at=at(5)), seen_at=at(6))
    assert merge(stored, then, account="acme").state.ret.status is Status.RECEIVED


def test_a_status_that_flips_back_and_forth_has_an_event_of_its_own_each_time(observe: Observe) -> None:
    merged = observe(None, 0, status=Status.RECEIVED)
    events: list[Event] = []
    for minute, status in enumerate([Status.INSPECTED, Status.RECEIVED, Status.INSPECTED], start=1):
        merged = observe(merged, minute, status=status)
        events += merged.events
    assert len({event.id for event in events}) == 3


def by_parts(ret: Return) -> Return:
    """The status that follows from the shipments, for a return without one."""
    if ret.status is not Status.UNKNOWN or ret.status_raw:
        return ret
    on_the_way = any(shipment.status is ShipmentStatus.IN_TRANSIT for shipment in ret.shipments)
    return evolve(ret, status=Status.IN_TRANSIT if on_the_way else Status.APPROVED)


def by_items(ret: Return) -> Return:
    """The status that follows from the items with an id, and what is still to be looked at, for a return without a word."""
    named = [item for item in ret.items if item.id]
    if ret.status is not Status.UNKNOWN or ret.status_raw or not named:
        return ret
    done = all(item.disposition_status is DispositionStatus.DONE for item in named)
    review = Attention.REVIEW if any(item.images for item in named) else Attention.OTHER
    attention: frozenset[Any] = ret.attention | {review}
    return evolve(ret, status=Status.RESOLVED if done else Status.RECEIVED, attention=attention)


@pytest.fixture
def conclude(at: At, a_return: MakeReturn) -> Observe:
    """What an observation makes of a state, where the status follows from the shipments."""

    def merge_in(stored: MergeResult | None, minute: float, **values: Any) -> MergeResult:
        observation = Observation(ret=a_return(**values), at=at(minute), seen_at=at(minute))
        return merge(stored.state if stored else None, observation, account="acme", derive=by_parts)

    return merge_in


def test_what_follows_from_the_parts_is_shown_and_has_an_event(conclude: Observe) -> None:
    first = conclude(None, 0, shipments=(Shipment(id="s1"),))
    then = conclude(first, 1, shipments=(Shipment(id="s1", status=ShipmentStatus.IN_TRANSIT),))
    assert (first.state.ret.status, then.state.ret.status) == (Status.APPROVED, Status.IN_TRANSIT)
    assert {"status": ("approved", "in_transit")} in [event.changes for event in then.events]


def test_what_follows_is_no_fact_and_gives_way_to_one(conclude: Observe) -> None:
    first = conclude(None, 5, shipments=(Shipment(id="s1"),))
    then = conclude(first, 0, status=Status.CLOSED)
    assert (first.state.layers[0].ret.status, then.state.ret.status) == (Status.UNKNOWN, Status.CLOSED)


def test_changes_are_plain_json(observe: Observe) -> None:
    first = observe(None, 0, items=(Item(sku="A"),), customer=Customer(email="a@example.com"))
    then = observe(first, 1, items=(Item(sku="A", quantity=Decimal("1.50")),), customer=Customer(email="b@example.com"))
    (event,) = then.events
    assert json.loads(json.dumps(event.changes)) == {name: list(pair) for name, pair in event.changes.items()}


def test_restricting_leaves_out_what_was_never_known(a_return: MakeReturn) -> None:
    row = a_return(status=Status.REQUESTED, number="RMA-1", items=(Item(sku="A"),))
    detail = a_return(
        status=Status.CLOSED,
        number="RMA-1",
        items=(Item(sku="A", condition="new"),),
        timeline=(TimelineEntry(kind="status"),),
        raw={"id": "r1"},
    )
    assert restrict_fields(detail, row) == a_return(status=Status.CLOSED, number="RMA-1", items=(Item(sku="A"),))


def test_restricting_keeps_a_new_part(a_return: MakeReturn) -> None:
    row = a_return(shipments=(Shipment(id="s2", carrier="tnt"),))
    detail = a_return(shipments=(Shipment(id="s1", carrier="dhl"), Shipment(id="s2", carrier="tnt", service="express")))
    expected = (Shipment(id="s1", carrier="dhl"), Shipment(id="s2", carrier="tnt"))
    assert restrict_fields(detail, row).shipments == expected


def a_few(values: Iterable[Any]) -> st.SearchStrategy[Any]:
    """None, or one of a few values: few enough to meet again."""
    return st.none() | st.sampled_from(list(values))


SECOND = timedelta(seconds=1)
MOMENTS = st.integers(0, 3).map(lambda second: datetime(2026, 3, 1, 12, 0, second, tzinfo=UTC))
WORDS = ["a", "b"]
RAWS = st.dictionaries(st.sampled_from(WORDS), st.sampled_from([1, None, Decimal("1.0")]), max_size=1)
NOTES = st.lists(
    st.builds(Note, id=a_few(WORDS), text=st.sampled_from(WORDS), raw=RAWS), max_size=2, unique_by=lambda note: note.id
).map(tuple)
SERVICES = st.builds(
    Service, id=a_few(WORDS), code=a_few(WORDS), status=a_few(DispositionStatus), status_raw=a_few(WORDS), raw=RAWS
)
PARCELS = st.builds(Parcel, weight_g=a_few([Decimal(0), Decimal(1)]), length_cm=a_few([Decimal(2)]))
ITEMS = st.builds(
    Item,
    id=a_few(WORDS),
    # Enough of them for chains: x with y, y with z, z with an item that has an id.
    aliases=st.lists(st.sampled_from(["x", "y", "z"]), max_size=2, unique=True).map(tuple),
    sku=a_few(WORDS),
    quantity_received=a_few([Decimal(0), Decimal(1)]),
    disposition=a_few(Disposition),
    disposition_status=a_few([DispositionStatus.PENDING, DispositionStatus.DONE, DispositionStatus.UNKNOWN]),
    disposition_raw=a_few(WORDS),
    disposition_status_raw=a_few(WORDS),
    services=st.lists(SERVICES, max_size=2, unique_by=lambda service: service.id or service.code).map(tuple),
    notes=NOTES,
    measured=st.none() | PARCELS,
    images=st.lists(st.sampled_from(WORDS), max_size=1).map(tuple),
    raw=RAWS,
)
LABELS = st.builds(
    Label,
    status=st.sampled_from(LabelStatus),
    status_raw=a_few(WORDS),
    url=a_few(WORDS),
    error=a_few(WORDS),
    raw=RAWS,
)
SCANS = st.builds(TrackingEvent, occurred_at=st.none() | MOMENTS, status_raw=a_few(WORDS), text=a_few(WORDS))
SHIPMENTS = st.builds(
    Shipment,
    id=st.sampled_from(WORDS),
    status=a_few(ShipmentStatus),
    status_raw=a_few(WORDS),
    label=st.none() | LABELS,
    parcel=st.none() | PARCELS,
    tracking=st.lists(SCANS, max_size=2).map(tuple),
    raw=RAWS,
)
RETURNS = st.builds(
    Return,
    provider=st.just("memory"),
    id=st.just("r1"),
    number=a_few(WORDS),
    status=st.sampled_from([Status.UNKNOWN, Status.APPROVED, Status.CLOSED]),
    status_raw=a_few(WORDS),
    attention=st.frozensets(st.sampled_from([Attention.REVIEW, Attention.ON_HOLD])),
    goods_expected=a_few([True, False]),
    order=st.none() | st.builds(OrderRef, number=a_few(WORDS), id=a_few(WORDS)),
    items=st.lists(ITEMS, max_size=3).map(tuple),
    shipments=st.lists(SHIPMENTS, max_size=2).map(tuple),
    notes=NOTES,
    created_at=st.none() | MOMENTS,
    updated_at=st.none() | MOMENTS,
    raw=RAWS,
)
OBSERVATIONS = st.builds(Observation, ret=RETURNS, at=MOMENTS, seen_at=MOMENTS)
HISTORIES = st.lists(OBSERVATIONS, min_size=1, max_size=5)


def merge_history(history: Iterable[Observation], derive: Derive = derive_nothing) -> tuple[State | None, list[Event]]:
    state: State | None = None
    events: list[Event] = []
    for observation in history:
        merged = merge(state, observation, account="acme", derive=derive)
        state = merged.state
        events += merged.events
    return state, events


def spelt(state: State | None) -> Any:
    """All that a state holds, ``raw`` included, which equality leaves out."""
    return state and (
        dump(state.ret, raw=True),
        [(layer.stamp, dump(layer.ret, raw=True)) for layer in state.layers],
    )


DERIVES = pytest.mark.parametrize("derive", [derive_nothing, by_parts, by_items])


@DERIVES
@given(data=st.data())
def test_neither_order_nor_repetition_matters(derive: Derive, data: st.DataObject) -> None:
    history = data.draw(HISTORIES)
    repeated = history + data.draw(st.lists(st.sampled_from(history), max_size=3))
    shuffled = data.draw(st.permutations(repeated))
    assert spelt(merge_history(shuffled, derive)[0]) == spelt(merge_history(history, derive)[0])


@DERIVES
@given(history=HISTORIES)
def test_each_change_has_one_event(derive: Derive, history: list[Observation]) -> None:
    state, _ = merge_history(history, derive)
    events = [event for seen in history for event in merge(state, seen, account="acme", derive=derive).events]
    assert events == []


@DERIVES
@given(history=HISTORIES)
def test_no_two_events_share_an_id(derive: Derive, history: list[Observation]) -> None:
    _, events = merge_history(history, derive)
    assert len({event.id for event in events}) == len(events)


@given(first=OBSERVATIONS)
def test_the_first_observation_comes_to_what_merging_it_into_nothing_does(first: Observation) -> None:
    nothing = State(ret=Return(provider="memory", id="r1"), layers=())
    merged = merge(nothing, first, account="acme").state
    state = merge(None, first, account="acme").state
    assert state == merged
    # Equal returns may differ in the vendor's objects.
    for one, other in ((state.ret, merged.ret), (state.layers[0].ret, merged.layers[0].ret)):
        assert dump(one, raw=True) == dump(other, raw=True)


@DERIVES
@given(first=OBSERVATIONS, then=OBSERVATIONS)
def test_what_stays_the_same_has_no_event(derive: Derive, first: Observation, then: Observation) -> None:
    state = merge(None, first, account="acme", derive=derive).state
    merged = merge(state, then, account="acme", derive=derive)
    assert bool(merged.events) != says_the_same(state.ret, merged.state.ret)


def says_the_same(before: Return, after: Return) -> bool:
    """True if the two differ in nothing but the vendor's clock, an order, or another spelling of a word."""
    same_status = is_known(after.status) and before.status is after.status
    if same_status and (before.status_raw is None or after.status_raw is None):
        before = evolve(before, status_raw=after.status_raw)
    return bool(in_our_words(before) == in_our_words(after))


def in_our_words(ret: Return) -> Any:
    """The return without the vendor's clock, and without a vendor's word beside a known one of ours for a part."""
    items = [
        evolve(
            item,
            disposition_raw=None if is_known(item.disposition) else item.disposition_raw,
            disposition_status_raw=None if is_known(item.disposition_status) else item.disposition_status_raw,
            services=tuple(evolve(one, status_raw=None) if is_known(one.status) else one for one in item.services),
        )
        for item in ret.items
    ]
    shipments = [
        evolve(
            one,
            status_raw=None if is_known(one.status) else one.status_raw,
            label=one.label
            and evolve(one.label, status_raw=None if is_known(one.label.status) else one.label.status_raw),
        )
        for one in ret.shipments
    ]
    plain = evolve(ret, updated_at=None, items=(), shipments=tuple(shipments))
    # Where nothing names some items, it does not matter where each of them stands.
    return plain, items if all(item.id or item.aliases for item in items) else Counter(items)


def is_known(word: Enum | None) -> bool:
    return word is not None and word.value != "unknown"


@DERIVES
@given(history=HISTORIES)
def test_what_follows_from_the_parts_is_in_no_layer(derive: Derive, history: list[Observation]) -> None:
    concluded, plain = merge_history(history, derive)[0], merge_history(history)[0]
    assert concluded is not None
    assert plain is not None
    assert concluded.layers == plain.layers
    assert concluded.ret == derive(plain.ret)


@DERIVES
@given(data=st.data())
def test_every_state_depends_on_the_observations_and_not_on_their_order(derive: Derive, data: st.DataObject) -> None:
    some, more = data.draw(HISTORIES), data.draw(HISTORIES)
    one_way, _ = merge_history(some, derive)
    other_way, _ = merge_history(data.draw(st.permutations(some)), derive)
    assert spelt(one_way) == spelt(other_way)
    # So the events of the rest are the same too.
    for observation in more:
        here = merge(one_way, observation, account="acme", derive=derive)
        there = merge(other_way, observation, account="acme", derive=derive)
        assert here.events == there.events
        one_way, other_way = here.state, there.state


@given(HISTORIES)
def test_no_alias_is_ever_taken_back(history: list[Observation]) -> None:
    state, _ = merge_history(history)
    assert state is not None
    asserted = {
        (item.id, alias)
        for observation in history
        if all(item.id or item.aliases for item in observation.ret.items)
        for item in observation.ret.items
        for alias in item.aliases
        if item.id
    }
    assert asserted <= {(item.id, alias) for item in state.ret.items for alias in item.aliases}


@given(history=HISTORIES, polled=OBSERVATIONS)
def test_a_second_comparison_finds_nothing(history: list[Observation], polled: Observation) -> None:
    state, _ = merge_history(history)
    moment = datetime(2026, 3, 1, 12, 1, tzinfo=UTC)
    polled = evolve(polled, seen_at=moment)
    compared = merge(state, polled, account="acme", overrules_before=moment).state
    assert (
        merge(compared, evolve(polled, seen_at=moment + SECOND), account="acme", overrules_before=moment).events == ()
    )
    # Copies of what was overruled do not bring it back.
    for observation in history:
        assert merge(compared, observation, account="acme").events == ()


@given(first=OBSERVATIONS, then=OBSERVATIONS)
def test_a_further_row_has_events_only_for_facts_that_it_changes(first: Observation, then: Observation) -> None:
    state = merge(None, first, account="acme").state
    further = merge(state, then, account="acme", completes=True)
    assert further.state == merge(state, then, account="acme").state
    if not any(path in read_facts(first.ret) for path in read_facts(then.ret)):
        assert further.events == ()
