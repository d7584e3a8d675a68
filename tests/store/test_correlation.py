"""What names a return by its parts only: it reaches the return that is meant, in whatever order the two come."""

from collections.abc import Callable
from itertools import count
from typing import Any, TypeAlias

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from returns_hub import Item, Label, LabelStatus, Origin, Return, Shipment, ShipmentStatus, Status, dump
from returns_hub.merge import Observation, observed
from returns_hub.store import ApplyResult, Store

At: TypeAlias = Callable[[float], Any]
MakeReturn: TypeAlias = Callable[..., Return]
Tell: TypeAlias = Callable[..., ApplyResult]

READY = Label(status=LabelStatus.READY, url="https://labels.example/1.pdf")
LABELLED = Shipment(id="s1", label=READY)


@pytest.fixture
def tell(store: Store, a_return: MakeReturn, at: At) -> Tell:
    """Apply one observation, made so many minutes after noon, of a return without an id unless given."""

    def apply(return_id: str = "", minute: float = 0, account: str = "acme", **told: Any) -> ApplyResult:
        seen = Observation(ret=a_return(return_id, **told), at=at(minute), seen_at=at(minute), origin=Origin.WEBHOOK)
        return store.apply(account, [seen])

    return apply


def known(store: Store, return_id: str = "r1") -> Return:
    stored = store.get_return("acme", return_id)
    assert stored is not None
    return stored.ret


def waiting(store: Store) -> int:
    with store.database.reading() as connection:
        count: int = connection.execute(text("SELECT count(DISTINCT fingerprint) FROM waiting")).scalar_one()
    return count


def test_a_shipment_names_its_return(store: Store, tell: Tell) -> None:
    tell("r1", shipments=(Shipment(id="s1"),))
    applied = tell(minute=1, shipments=(LABELLED,))
    assert (applied.changed, applied.events, applied.waiting) == (1, 1, 0)
    assert known(store).shipments == (LABELLED,)


def test_what_names_no_known_return_waits_for_it(store: Store, tell: Tell) -> None:
    applied = tell(minute=0, shipments=(LABELLED,))
    assert (applied.created, applied.events, applied.waiting) == (0, 0, 1)
    assert list(store.returns()) == []
    applied = tell("r1", minute=1, shipments=(Shipment(id="s1", carrier="tnt"),))
    assert (applied.created, applied.changed, applied.events, waiting(store)) == (1, 0, 2, 0)
    assert known(store).shipments == (evolve(LABELLED, carrier="tnt"),)
    assert [(event.type, event.origin) for event in store.events()] == [
        ("return.created", Origin.WEBHOOK),
        ("label.ready", Origin.WEBHOOK),
    ]


@pytest.mark.parametrize(
    "named",
    [Item(id="77"), Item(aliases=("line-9",)), Item(id="77", aliases=("line-9",)), Item(id="78", aliases=("line-9",))],
)
def test_an_item_names_its_return_by_its_id_and_by_its_aliases(store: Store, tell: Tell, named: Item) -> None:
    tell("r1", items=(Item(id="77", aliases=("line-9",)),))
    assert tell(minute=1, items=(evolve(named, sku="A"),)).waiting == 0
    assert "A" in [item.sku for item in known(store).items]


def test_an_id_is_no_alias(store: Store, tell: Tell) -> None:
    tell("r1", items=(Item(id="77"),))
    tell("r2", items=(Item(id="78", aliases=("77",)),))
    tell(minute=1, items=(Item(id="77", sku="A"),))
    tell(minute=1, items=(Item(aliases=("77",), sku="B"),))
    assert [known(store, key).items[0].sku for key in ("r1", "r2")] == ["A", "B"]


def test_a_name_of_several_returns_is_not_guessed_at(store: Store, tell: Tell) -> None:
    tell("r1", items=(Item(id="1", aliases=("order-line",)),))
    tell("r2", items=(Item(id="2", aliases=("order-line",)),))
    assert tell(minute=1, items=(Item(aliases=("order-line",), sku="A"),)).waiting == 1
    assert [known(store, key).items[0].sku for key in ("r1", "r2")] == [None, None]


def test_another_part_settles_which_of_several_returns_is_meant(store: Store, tell: Tell) -> None:
    tell("r1", items=(Item(id="1", aliases=("order-line",)),), shipments=(Shipment(id="s1"),))
    tell("r2", items=(Item(id="2", aliases=("order-line",)),))
    tell(minute=1, items=(Item(aliases=("order-line",), sku="A"),), shipments=(Shipment(id="s1"),))
    assert [known(store, key).items[0].sku for key in ("r1", "r2")] == ["A", None]


def test_a_name_that_comes_later_settles_what_waited(store: Store, tell: Tell) -> None:
    tell("r1", items=(Item(id="1", aliases=("order-line",)),))
    tell("r2", items=(Item(id="2", aliases=("order-line",)),))
    assert tell(minute=1, items=(Item(aliases=("order-line",), sku="A"),), shipments=(Shipment(id="s2"),)).waiting == 1
    tell("r2", minute=2, shipments=(Shipment(id="s2"),))
    assert [known(store, key).items[0].sku for key in ("r1", "r2")] == [None, "A"]


def test_parts_of_different_returns_are_not_guessed_at(store: Store, tell: Tell) -> None:
    tell("r1", items=(Item(id="1"),))
    tell("r2", shipments=(Shipment(id="s2"),))
    assert tell(minute=1, items=(Item(id="1", sku="A"),), shipments=(Shipment(id="s2"),)).waiting == 1


def test_what_arrives_may_bring_the_name_that_another_one_waits_for(store: Store, tell: Tell) -> None:
    tell(minute=2, items=(Item(aliases=("line-9",), sku="A"),))
    tell(minute=1, items=(Item(id="77", aliases=("line-9",)),), shipments=(Shipment(id="s1"),))
    applied = tell("r1", shipments=(Shipment(id="s1"),))
    assert (applied.created, waiting(store)) == (1, 0)
    assert known(store).items == (Item(id="77", aliases=("line-9",), sku="A"),)


def test_another_account_s_parts_name_nothing(store: Store, tell: Tell) -> None:
    tell("r1", account="other", shipments=(Shipment(id="s1"),))
    assert tell(shipments=(LABELLED,)).waiting == 1


def test_what_waits_comes_twice_and_is_emitted_once(store: Store, tell: Tell) -> None:
    tell(shipments=(LABELLED,))
    tell(shipments=(LABELLED,))
    assert waiting(store) == 1
    assert tell("r1", minute=1, shipments=(Shipment(id="s1"),)).events == 2


@pytest.mark.parametrize("told", [{}, {"items": (Item(sku="A"),)}, {"shipments": (Shipment(id="x" * 300),)}])
def test_what_names_nothing_is_refused(tell: Tell, told: dict[str, Any]) -> None:
    assert tell(**told).refused == 1


def test_returns_are_found_by_their_parts(store: Store, tell: Tell) -> None:
    tell("r1", items=(Item(id="77", aliases=("line-9",)),), shipments=(Shipment(id="s1"),))
    tell("r2", items=(Item(id="78", aliases=("line-9",)),))
    found = [
        store.find_return("acme", aliases) for aliases in (["item:77"], ["shipment:s1"], ["item:line-9", "item:78"])
    ]
    assert found == ["r1", "r1", "r2"]


@pytest.mark.parametrize(
    "aliases", [[], ["item:line-9"], ["item:1"], ["item:77", "item:78"], ["item:" + "x" * 300], ["item:\0"]]
)
def test_no_return_is_guessed_from_its_parts(store: Store, tell: Tell, aliases: list[str]) -> None:
    tell("r1", items=(Item(id="77", aliases=("line-9",)),))
    tell("r2", items=(Item(id="78", aliases=("line-9",)),))
    assert store.find_return("acme", aliases) is None


def test_an_alias_that_was_given_long_ago_still_names_its_return(store: Store, tell: Tell) -> None:
    tell("r1", items=(Item(aliases=("line-9", "vas:5")),))
    tell("r1", minute=1, items=(Item(id="77", aliases=("line-9",)),))
    assert store.find_return("acme", ["item:vas:5"]) == "r1"


def by_shipments(ret: Return) -> Return:
    moving = any(shipment.status is ShipmentStatus.IN_TRANSIT for shipment in ret.shipments)
    return evolve(ret, status=Status.IN_TRANSIT if moving else Status.APPROVED)


def test_what_follows_from_the_parts_is_stored_and_emitted(store: Store, a_return: MakeReturn, at: At) -> None:
    for minute, status in enumerate([ShipmentStatus.PRE_TRANSIT, ShipmentStatus.IN_TRANSIT, None]):
        ret = a_return(shipments=(Shipment(id="s1", status=status),))
        store.apply("acme", [observed(ret, seen_at=at(minute))], derive=by_shipments)
    assert known(store).status is Status.IN_TRANSIT
    assert [stored.ret.id for stored in store.returns(status=Status.IN_TRANSIT)] == ["r1"]
    assert [event.changes.get("status") for event in store.events()] == [
        (None, "approved"),
        ("approved", "in_transit"),
        None,
    ]


def test_news_of_what_follows_reaches_nobody_twice(store: Store, a_return: MakeReturn, at: At) -> None:
    seen = [observed(a_return(shipments=(Shipment(id="s1"),)), seen_at=at(minute)) for minute in (0, 1)]
    assert [store.apply("acme", [each], derive=by_shipments).events for each in seen] == [1, 0]


PARTS = st.sampled_from(["a", "b"])
NAMELESS = st.fixed_dictionaries(
    {},
    optional={
        "items": st.builds(lambda key, sku: (Item(aliases=(key,), sku=sku),), PARTS, st.sampled_from(["A", "B"])),
        "shipments": st.builds(lambda carrier: (Shipment(id="s", carrier=carrier),), st.sampled_from(["tnt", "dhl"])),
    },
).filter(bool)
NAMED = st.builds(lambda key: {"items": (Item(id="1", aliases=(key,)),), "shipments": (Shipment(id="s"),)}, PARTS)
TELLINGS = st.lists(st.tuples(st.just(""), NAMELESS) | st.tuples(st.just("r1"), NAMED), min_size=2, max_size=5).map(
    lambda told: [(key, minute, facts) for minute, (key, facts) in enumerate(told)]
)


ACCOUNTS = count(1)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_order_of_arrival_does_not_matter(
    data: st.DataObject, sqlite_store: Store, a_return: MakeReturn, at: At
) -> None:
    told = data.draw(TELLINGS)
    states = []
    for order in (told, data.draw(st.permutations(told))):
        account = f"acme{next(ACCOUNTS)}"  # which nothing is known of yet
        for key, minute, facts in order:
            sqlite_store.apply(account, [observed(a_return(key, **facts), seen_at=at(minute))])
        states.append([dump(stored.ret) for stored in sqlite_store.returns(account=account)])
    assert states[0] == states[1]
