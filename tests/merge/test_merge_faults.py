"""What small faults in merging would change, each shown by a history of observations."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve

from returns_hub import (
    Address,
    Attention,
    Customer,
    Disposition,
    Item,
    Label,
    LabelStatus,
    Note,
    OrderRef,
    Origin,
    Return,
    Shipment,
    ShipmentStatus,
    Status,
    TimelineEntry,
    dump,
)
from returns_hub.merge import Observation, State, merge, observed, restrict_fields

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
READY = Label(status=LabelStatus.READY, url="https://labels.example/1")


def at(minute: int) -> datetime:
    return NOON.replace(minute=minute)


def a_return(**values: Any) -> Return:
    return Return(provider="memory", id="r1", **values)


def test_what_an_api_showed_is_as_of_its_own_time_or_of_ours() -> None:
    timed, untimed = a_return(updated_at=at(1)), a_return()
    assert observed(timed, seen_at=at(2)) == Observation(ret=timed, at=at(1), seen_at=at(2), origin=Origin.POLL)
    assert observed(untimed, seen_at=at(2)) == Observation(ret=untimed, at=at(2), seen_at=at(2), origin=Origin.POLL)
    assert observed(untimed, seen_at=at(2), origin=Origin.BACKFILL).origin is Origin.BACKFILL


def merge_all(*history: Return) -> State:
    state: State | None = None
    for minute, ret in enumerate(history):
        state = merge(state, Observation(ret=ret, at=at(minute), seen_at=at(minute)), account="acme").state
    assert state is not None
    return state


def test_restricting_keeps_the_status_and_never_the_timeline() -> None:
    entry = TimelineEntry(kind="status")
    detail = a_return(status=Status.CLOSED, status_raw="closed", number="RMA-1", timeline=(entry,), raw={"id": 1})
    row = a_return(timeline=(entry,))
    assert dump(restrict_fields(detail, row), raw=True) == dump(
        a_return(status=Status.CLOSED, status_raw="closed", raw={"id": 1}), raw=True
    )


def test_restricting_reaches_into_a_part_of_a_part() -> None:
    detail = a_return(
        address=Address(line1="1 First St", city="Perth"),
        shipments=(Shipment(id="s1", label=Label(status=LabelStatus.READY, url="https://labels.example/1")),),
    )
    row = a_return(address=Address(city="Hobart"), shipments=(Shipment(id="s1", label=Label(url="old")),))
    assert restrict_fields(detail, row) == a_return(
        address=Address(city="Perth"),
        shipments=(Shipment(id="s1", label=Label(url="https://labels.example/1")),),
    )


def test_a_word_goes_with_its_status() -> None:
    first = Shipment(id="s1", status=ShipmentStatus.PRE_TRANSIT, status_raw="label made")
    (parcel,) = merge_all(
        a_return(shipments=(first,)), a_return(shipments=(Shipment(id="s1", status_raw="odd"),))
    ).ret.shipments
    assert (parcel.status, parcel.status_raw) == (None, "odd")


def test_an_error_goes_with_its_label_status() -> None:
    failed = Label(status=LabelStatus.FAILED, error="no such postcode")
    first, then = (a_return(shipments=(Shipment(id="s1", label=label),)) for label in (failed, READY))
    assert merge_all(first, then).ret.shipments[0].label == READY


def test_order_and_customer_merge_field_by_field() -> None:
    first = a_return(order=OrderRef(number="#1001"), customer=Customer(email="a@example.com", name="A"))
    then = a_return(order=OrderRef(id="55"), customer=Customer(email="b@example.com"))
    state = merge_all(first, then)
    assert state.ret.order == OrderRef(number="#1001", id="55")
    assert state.ret.customer == Customer(email="b@example.com", name="A")


def rereads(first: Return, then: Return, *, apart: int = 0) -> bool:
    """Whether the vendor is to be asked again, after two observations whose vendor times are so many minutes apart."""
    state = merge(None, Observation(ret=first, at=at(1), seen_at=at(10)), account="acme").state
    return merge(state, Observation(ret=then, at=at(1 + apart), seen_at=at(11)), account="acme").reread


def test_only_a_disagreement_about_one_moment_and_one_fact_asks_for_another_look() -> None:
    first, then = a_return(number="1"), a_return(number="2")
    assert rereads(first, then)
    assert not rereads(first, then, apart=1)
    assert not rereads(first, a_return(number="1"))
    assert not rereads(first, a_return(reference="2"))


def test_what_differs_by_nature_asks_for_no_other_look() -> None:
    assert not rereads(a_return(raw={"views": 1}), a_return(raw={"views": 2}))
    assert not rereads(a_return(created_at=at(1)), a_return(created_at=at(2)))
    assert not rereads(a_return(items=(Item(id="1"),)), a_return(items=(Item(id="2"),)))


def test_zero_and_no_are_values() -> None:
    first = a_return(items=(Item(id="1", quantity_received=Decimal(1)),))
    then = a_return(items=(Item(id="1", quantity_received=Decimal(0)),))
    assert merge_all(first, then).ret.items[0].quantity_received == Decimal(0)
    assert merge_all(a_return(goods_expected=True), a_return(goods_expected=False)).ret.goods_expected is False


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (a_return(raw={"price": Decimal("1.0")}), a_return(raw={"price": "1.0"})),
        (a_return(notes=(Note(text="a", raw={"id": 1}),)), a_return(notes=(Note(text="a", raw={"id": 2}),))),
        (a_return(notes=(Note(text="a", raw={"n": Decimal(1)}),)), a_return(notes=(Note(text="a", raw={"n": "1"}),))),
    ],
)
def test_contradictions_of_one_moment_come_to_one_state_in_any_order(one: Return, other: Return) -> None:
    here, there = (
        [Observation(ret=ret, at=at(1), seen_at=at(1)) for ret in order] for order in ((one, other), (other, one))
    )
    assert spelt(here) == spelt(there)


def spelt(history: Iterable[Observation]) -> Any:
    state: State | None = None
    for observation in history:
        state = merge(state, observation, account="acme").state
    assert state is not None
    return [dump(layer.ret, raw=True) for layer in state.layers]


def test_aliases_of_one_observation_are_joined_at_once() -> None:
    state = merge_all(a_return(items=(Item(aliases=("b",), sku="A"), Item(aliases=("a", "b"), rma="R1"))))
    assert state.ret.items == (Item(aliases=("a", "b"), sku="A", rma="R1"),)


def test_what_follows_is_concluded_from_facts_of_every_age() -> None:
    observations = [
        Observation(ret=a_return(number="RMA-1"), at=at(1), seen_at=at(1)),
        Observation(ret=a_return(shipments=(Shipment(id="s1"),)), at=at(2), seen_at=at(2)),
    ]
    state: State | None = None
    for observation in observations:
        state = merge(state, observation, account="acme", derive=lambda ret: evolve(ret, reference="derived")).state
    assert state is not None
    assert (len(state.layers), state.ret.reference) == (2, "derived")


def test_a_status_of_the_same_moment_has_the_last_word_on_attention() -> None:
    word = Observation(ret=a_return(status=Status.APPROVED), at=at(1), seen_at=at(1))
    mark = Observation(ret=a_return(attention=frozenset({Attention.REVIEW})), at=at(1), seen_at=at(1))
    for history in ((word, mark), (mark, word)):
        state = None
        for observation in history:
            state = merge(state, observation, account="acme").state
        assert state is not None
        assert state.ret.attention == frozenset()


def test_items_that_nothing_names_give_way_to_those_that_an_alias_names() -> None:
    state = merge_all(a_return(items=(Item(sku="A"),)), a_return(items=(Item(aliases=("a",)),)))
    assert state.ret.items == (Item(aliases=("a",)),)
    assert (
        merge_all(a_return(items=(Item(aliases=("a",)),)), a_return(items=(Item(sku="A"),))).ret.items
        == state.ret.items
    )


def test_parts_stand_in_the_order_of_their_numbers() -> None:
    state = merge_all(
        a_return(
            number="RMA-1",
            items=(Item(aliases=("11",)), Item(aliases=("12", "9")), Item(id="10"), Item(id="9")),
            shipments=(Shipment(id="10"), Shipment(id="9")),
        )
    )
    assert state.ret.items == (Item(id="9"), Item(id="10"), Item(aliases=("9", "12")), Item(aliases=("11",)))
    assert state.ret.shipments == (Shipment(id="9"), Shipment(id="10"))


def changes_by_type(first: Return, then: Return) -> dict[str, Any]:
    """By the type of each event, what the second of two observations changes."""
    state = merge(None, Observation(ret=first, at=at(1), seen_at=at(1)), account="acme").state
    events = merge(state, Observation(ret=then, at=at(2), seen_at=at(2)), account="acme").events
    return {event.type: event.changes for event in events}


def test_a_change_of_attention_has_its_own_type() -> None:
    then = a_return(attention=frozenset({Attention.REVIEW}))
    assert changes_by_type(a_return(), then) == {"return.attention_changed": {"attention": ([], ["review"])}}


def test_a_creation_has_plain_text_and_the_request_it_grew_from() -> None:
    ret = a_return(status=Status.APPROVED, request_id="request:7")
    (event,) = merge(None, Observation(ret=ret, at=at(1), seen_at=at(1)), account="acme").events
    assert event.changes == {
        "status": (None, "approved"),
        "status_raw": (None, None),
        "request_id": (None, "request:7"),
    }
    assert type(event.changes["status"][1]) is str


def test_an_event_has_one_id_of_32_digits_however_the_vendor_orders_its_keys() -> None:
    ids: set[str] = set()
    for fields in ({"a": "1", "b": "2"}, {"b": "2", "a": "1"}):
        state = merge(None, Observation(ret=a_return(), at=at(1), seen_at=at(1)), account="acme").state
        then = Observation(ret=a_return(custom_fields=fields), at=at(2), seen_at=at(2))
        ids.update(event.id for event in merge(state, then, account="acme").events)
    (only,) = ids
    assert len(only) == 32


def test_items_without_names_share_an_event() -> None:
    then = a_return(items=(Item(sku="B"),))
    (changes,) = changes_by_type(a_return(items=(Item(sku="A"),)), then).values()
    assert changes.keys() == {"items"}


def test_another_spelling_hides_nothing_that_changed_beside_it() -> None:
    held = Item(id="1", disposition=Disposition.HOLD, disposition_raw="ohd")
    sent = Shipment(id="s1", status=ShipmentStatus.IN_TRANSIT, status_raw="sent")
    then = a_return(
        items=(evolve(held, disposition_raw="4", images=("u",)),),
        shipments=(evolve(sent, status_raw="on its way", carrier="tnt"),),
    )
    assert changes_by_type(a_return(items=(held,), shipments=(sent,)), then) == {
        "item.images_changed": {"items[1].images": ([], ["u"])},
        "shipment.updated": {"shipments[s1].carrier": (None, "tnt")},
    }


@pytest.mark.parametrize(
    ("before", "after", "kind"), [(1, 2, "item.received"), (2, 1, "return.updated"), (0, 1, "item.received")]
)
def test_only_more_than_before_is_received(before: int, after: int, kind: str) -> None:
    first, then = (a_return(items=(Item(id="1", quantity_received=Decimal(n)),)) for n in (before, after))
    assert changes_by_type(first, then) == {kind: {"items[1].quantity_received": (str(before), str(after))}}


def test_all_that_has_no_event_of_its_own_is_one_event() -> None:
    first = a_return(number="1", items=(Item(id="1", sku="A"), Item(id="2", sku="A")))
    then = a_return(number="2", items=(Item(id="1", sku="B"), Item(id="2", sku="B")))
    state = merge(None, Observation(ret=first, at=at(1), seen_at=at(1)), account="acme").state
    (event,) = merge(state, Observation(ret=then, at=at(2), seen_at=at(2)), account="acme").events
    assert event.changes == {"number": ("1", "2"), "items[1].sku": ("A", "B"), "items[2].sku": ("A", "B")}


def test_each_item_has_an_event_of_its_own() -> None:
    first = a_return(items=(Item(id="1"), Item(id="2")))
    then = a_return(items=(Item(id="1", images=("u",)), Item(id="2", images=("v",))))
    state = merge(None, Observation(ret=first, at=at(1), seen_at=at(1)), account="acme").state
    events = merge(state, Observation(ret=then, at=at(2), seen_at=at(2)), account="acme").events
    assert [event.changes for event in events] == [
        {"items[1].images": ([], ["u"])},
        {"items[2].images": ([], ["v"])},
    ]


def test_a_label_is_ready_once_and_its_new_address_is_no_second_time() -> None:
    waiting, moved = Label(status=LabelStatus.REQUESTED), evolve(READY, url="https://labels.example/2")
    made, again, renewed = (a_return(shipments=(Shipment(id="s1", label=label),)) for label in (waiting, READY, moved))
    assert [*changes_by_type(again, renewed)] == ["shipment.updated"]
    only_status = a_return(shipments=(Shipment(id="s1", label=Label(status=LabelStatus.READY)),))
    assert [*changes_by_type(made, only_status)] == ["label.ready"]
