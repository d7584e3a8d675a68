"""Items that only aliases name: whose facts they are, and that no change has a second event when that turns out."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from itertools import permutations
from typing import Any, TypeAlias

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from returns_hub import Disposition, DispositionStatus, Event, Item, Return, Shipment, ShipmentStatus
from returns_hub.merge import Observation, State, merge

At: TypeAlias = Callable[[float], datetime]

ONE = "https://img.example/1"
TWO = "https://img.example/2"
LINE = Item(aliases=("38219",), images=(ONE,))
SERVICE = Item(aliases=("vas:2665",), condition="opened")
LINK = Item(aliases=("38219", "vas:2665"))
INVENTORY = Item(id="18200", aliases=("38219",), sku="A")


def observe(*items: Item, minute: int = 0) -> Observation:
    moment = datetime(2026, 3, 1, 12, minute, tzinfo=UTC)
    return Observation(ret=Return(provider="memory", id="r1", items=items), at=moment, seen_at=moment)


def of(*, minute: int, **fields: Any) -> Observation:
    return evolve(observe(minute=minute), ret=Return(provider="memory", id="r1", **fields))


def merge_all(history: Iterable[Observation], state: State | None = None) -> tuple[State, list[Event]]:
    events: list[Event] = []
    for observation in history:
        merged = merge(state, observation, account="acme")
        state, events = merged.state, [*events, *merged.events]
    assert state is not None
    return state, events


def changes(history: Iterable[Observation]) -> list[Any]:
    """The changes that the last of some observations makes, after one that only created the return."""
    *before, last = history
    state, _ = merge_all([observe(), *before])
    return [event.changes for event in merge_all([last], state)[1]]


def test_what_an_alias_asserted_is_no_change_when_its_item_appears() -> None:
    then = changes([observe(LINE, minute=1), observe(INVENTORY, minute=2)])
    assert then == [{"items[18200].id": (None, "18200"), "items[18200].sku": (None, "A")}]


def test_what_an_alias_asserted_is_no_change_when_its_item_is_found() -> None:
    known = Item(id="18200", sku="A")
    then = changes([observe(known, minute=1), observe(LINE, minute=2), observe(INVENTORY, minute=3)])
    assert then == [{"items[18200].aliases": ([], ["38219"])}]


def test_a_new_value_is_a_change_from_what_the_alias_asserted() -> None:
    known = Item(id="18200", sku="A")
    then = changes(
        [
            observe(known, minute=1),
            observe(LINE, minute=2),
            observe(evolve(INVENTORY, images=(ONE, TWO)), minute=3),
        ],
    )
    assert then == [
        {"items[18200].aliases": ([], ["38219"])},
        {"items[18200].images": ([ONE], [ONE, TWO])},
    ]


def test_an_item_that_was_received_under_its_alias_is_not_received_again() -> None:
    received = Item(aliases=("38219",), quantity_received=Decimal(1))
    then = changes([observe(received, minute=1), observe(evolve(INVENTORY, quantity_received=Decimal(1)), minute=2)])
    assert then == [{"items[18200].id": (None, "18200"), "items[18200].sku": (None, "A")}]


def test_a_value_that_is_taken_back_is_a_change_although_the_alias_never_had_it() -> None:
    held = Item(id="18200", disposition=Disposition.HOLD, disposition_raw="ohd")
    then = changes(
        [
            observe(held, minute=1),
            observe(LINE, minute=2),
            observe(Item(id="18200", aliases=("38219",), disposition_raw="new"), minute=3),
        ]
    )
    assert then == [
        {"items[18200].aliases": ([], ["38219"])},
        {"items[18200].disposition": ("hold", None), "items[18200].disposition_raw": ("ohd", "new")},
    ]


def test_a_change_of_an_item_without_an_id_has_an_event() -> None:
    then = changes([observe(LINE, minute=1), observe(evolve(LINE, images=(ONE, TWO)), minute=2)])
    assert then == [{"items[38219].images": ([ONE], [ONE, TWO])}]


CHAIN = [
    observe(LINE, minute=1),
    observe(SERVICE, minute=2),
    observe(LINK, minute=3),
    observe(INVENTORY, minute=4),
]


@pytest.mark.parametrize("history", list(permutations(CHAIN)))
def test_items_that_share_an_alias_are_one_in_any_order(history: tuple[Observation, ...]) -> None:
    state, _ = merge_all(history)
    whole = Item(id="18200", aliases=("38219", "vas:2665"), sku="A", images=(ONE,), condition="opened")
    assert state.ret.items == (whole,)


def test_a_chain_of_aliases_without_an_id_is_one_item_by_the_first_of_them() -> None:
    chain = [Item(aliases=("d", "c")), Item(aliases=("b", "a"), sku="A"), Item(aliases=("c", "b"), rma="R1")]
    for items in permutations(chain):
        state, _ = merge_all(observe(item, minute=minute) for minute, item in enumerate(items))
        assert state.ret.items == (Item(aliases=("a", "b", "c", "d"), sku="A", rma="R1"),)


def test_the_newest_fact_of_a_chain_wins_whatever_its_alias() -> None:
    older, newer = Item(aliases=("vas:2665",), condition="new"), Item(aliases=("38219",), condition="broken")
    history = [observe(newer, minute=2), observe(older, minute=1), observe(LINK), observe(INVENTORY)]
    for seen in permutations(history):
        state, _ = merge_all(seen)
        assert [item.condition for item in state.ret.items] == ["broken"]


def test_joining_aliases_changes_the_aliases_only() -> None:
    then = changes([observe(LINE, minute=1), observe(SERVICE, minute=2), observe(LINK, minute=3)])
    assert then == [{"items[38219].aliases": (["38219"], ["38219", "vas:2665"])}]


def test_a_chain_that_reaches_an_item_changes_the_aliases_only() -> None:
    then = changes([observe(INVENTORY, LINE, minute=1), observe(SERVICE, minute=2), observe(LINK, minute=3)])
    assert then == [{"items[18200].aliases": (["38219"], ["38219", "vas:2665"])}]


def test_items_with_an_id_are_not_joined_by_an_alias_they_share() -> None:
    resent = [Item(id=str(number), aliases=(str(number * 10), "resend:1")) for number in (1, 2)]
    of_one, of_both = Item(aliases=("20",), sku="B"), Item(aliases=("resend:1",), rma="R1")
    state, _ = merge_all([observe(of_one, of_both, *resent)])
    assert state.ret.items == (evolve(resent[0], rma="R1"), evolve(resent[1], rma="R1", sku="B"))


def test_many_aliases_in_one_chain_are_joined_in_good_time() -> None:
    chain = [Item(aliases=(f"{number:06}", f"{number + 1:06}")) for number in range(5000)]
    state, _ = merge_all([observe(Item(aliases=("000000",), sku="A"), minute=1), observe(*chain, minute=2)])
    (only,) = state.ret.items
    assert (len(only.aliases), only.sku) == (5001, "A")


def test_another_spelling_of_a_known_disposition_is_no_event() -> None:
    by_webhook = Item(id="1", disposition=Disposition.UNDECIDED, disposition_raw="0")
    in_list = Item(id="1", disposition=Disposition.UNDECIDED, disposition_raw="tbc")
    assert changes([observe(by_webhook, minute=1), observe(in_list, minute=2)]) == []
    state, _ = merge_all([observe(by_webhook, minute=1), observe(in_list, minute=2)])
    assert state.ret.items[0].disposition_raw == "tbc"


def test_another_spelling_beside_an_item_that_nothing_names_is_no_event() -> None:
    named = Item(id="1", disposition=Disposition.UNDECIDED, disposition_raw="0")
    first = observe(named, Item(sku="A"), minute=1)
    assert changes([first, observe(evolve(named, disposition_raw="tbc"), Item(sku="A"), minute=2)]) == []


def test_items_that_nothing_names_in_another_order_are_no_event() -> None:
    one, other = Item(sku="A"), Item(sku="B")
    assert changes([observe(one, other, minute=1), observe(other, one, minute=2)]) == []
    (change,) = changes([observe(one, other, minute=1), observe(one, one, minute=2)])
    assert change.keys() == {"items"}


@pytest.mark.parametrize("unmapped", [None, Disposition.UNKNOWN])
def test_another_word_without_a_meaning_is_an_event(unmapped: Disposition | None) -> None:
    first = Item(id="1", disposition=unmapped, disposition_raw="x9")
    then = changes([observe(first, minute=1), observe(evolve(first, disposition_raw="y9"), minute=2)])
    assert then == [{"items[1].disposition_raw": ("x9", "y9")}]


def test_a_disposition_that_went_on_has_an_event_without_its_other_spelling() -> None:
    first = Item(id="1", disposition=Disposition.FORWARD, disposition_raw="2")
    then = evolve(first, disposition_status=DispositionStatus.DONE, disposition_raw="3")
    assert changes([observe(first, minute=1), observe(then, minute=2)]) == [
        {"items[1].disposition_status": (None, "done")},
    ]


def test_another_spelling_of_where_a_parcel_is_is_no_event() -> None:
    by_webhook = of(minute=1, shipments=(Shipment(id="s1", status=ShipmentStatus.DELIVERED),))
    in_list = of(minute=2, shipments=(Shipment(id="s1", status=ShipmentStatus.DELIVERED, status_raw="received"),))
    assert changes([by_webhook, in_list]) == []
    state, _ = merge_all([by_webhook, in_list])
    assert state.ret.shipments[0].status_raw == "received"


def test_a_parcel_that_moved_has_an_event_with_the_vendor_s_word() -> None:
    first = of(minute=1, shipments=(Shipment(id="s1", status=ShipmentStatus.IN_TRANSIT, status_raw="sent"),))
    then = of(minute=2, shipments=(Shipment(id="s1", status=ShipmentStatus.DELIVERED, status_raw="received"),))
    assert changes([first, then]) == [
        {"shipments[s1].status": ("in_transit", "delivered"), "shipments[s1].status_raw": ("sent", "received")}
    ]


@pytest.mark.parametrize("unmapped", [None, ShipmentStatus.UNKNOWN])
def test_another_word_without_a_meaning_for_a_parcel_is_an_event(unmapped: ShipmentStatus | None) -> None:
    first = Shipment(id="s1", status=unmapped, status_raw="2")
    then = evolve(first, status_raw="3")
    assert changes([of(minute=1, shipments=(first,)), of(minute=2, shipments=(then,))]) == [
        {"shipments[s1].status_raw": ("2", "3")}
    ]


def test_another_word_for_the_status_of_a_return_is_an_event() -> None:
    first, then = of(minute=1, status_raw="1"), of(minute=2, status_raw="2")
    assert changes([first, then]) == [{"status_raw": ("1", "2")}]


ALIASES = st.lists(st.sampled_from("vwxyz"), max_size=3, unique=True).map(tuple)
ITEMS = st.builds(
    Item,
    id=st.none() | st.sampled_from("12"),
    aliases=ALIASES,
    sku=st.none() | st.sampled_from("AB"),
).filter(lambda item: bool(item.id or item.aliases))
HISTORIES = st.lists(st.lists(ITEMS, max_size=2), min_size=1, max_size=6)


def in_time(history: Iterable[list[Item]]) -> list[Observation]:
    return [observe(*items, minute=minute) for minute, items in enumerate(history)]


def reachable(names: set[str], history: Iterable[Observation]) -> set[str]:
    """These names, and every alias that items without an id tie to one of them: looked for until no more is found."""
    tied = [{*item.aliases} for seen in history for item in seen.ret.items if not item.id]
    while more := set().union(*(aliases for aliases in tied if aliases & names)) - names:
        names = names | more
    return names


@given(history=HISTORIES.map(in_time), data=st.data())
def test_an_item_has_every_alias_that_is_tied_to_it(history: list[Observation], data: st.DataObject) -> None:
    state, _ = merge_all(data.draw(st.permutations(history)))
    items = [item for seen in history for item in seen.ret.items]
    expected: dict[str | None, list[set[str]]] = {}
    for key in sorted({item.id for item in items if item.id}):
        # Through items without an id only: an alias that two items with an id share does not tie them.
        own = {alias for item in items if item.id == key for alias in item.aliases}
        expected[key] = [reachable(own, history)]
    owned = set().union(*(aliases for (aliases,) in expected.values()))
    loose = {alias for item in items for alias in item.aliases} - owned
    while loose:
        expected.setdefault(None, []).append(group := reachable({min(loose)}, history))
        loose -= group
    shown: dict[str | None, list[set[str]]] = {}
    for item in state.ret.items:
        shown.setdefault(item.id, []).append({*item.aliases})
    assert shown == expected


@given(history=HISTORIES.map(in_time), data=st.data())
def test_an_item_shows_the_newest_value_under_any_of_its_names(history: list[Observation], data: st.DataObject) -> None:
    state, _ = merge_all(data.draw(st.permutations(history)))
    for item in state.ret.items:
        by_age = [
            {each.sku for each in seen.ret.items if each.sku and is_about(item, each)} for seen in reversed(history)
        ]
        # Two items of one observation may say different things of one item.
        newest = next(filter(None, by_age), {None})
        assert item.sku in newest


def is_about(item: Item, other: Item) -> bool:
    return other.id == item.id if other.id else not {*item.aliases}.isdisjoint(other.aliases)


@given(history=HISTORIES.map(in_time), data=st.data())
def test_no_value_that_was_known_under_an_alias_is_a_change_again(
    history: list[Observation], data: st.DataObject
) -> None:
    state, _ = merge_all([observe()])
    for observation in data.draw(st.permutations(history)):
        before, merged = state, merge(state, observation, account="acme")
        state = merged.state
        news = [(place, now) for event in merged.events for place, (_, now) in event.changes.items()]
        for item in state.ret.items:
            place = f"items[{item.id or item.aliases[0]}].sku"
            olds = [old for old in before.ret.items if not old.id and is_about(item, old)]
            assert not any(old.sku and (place, old.sku) in news for old in olds)
