"""What becomes an event of a return that is put together from several rows, and what is right when a run reconciles."""

from collections.abc import Callable
from datetime import datetime
from operator import itemgetter
from typing import Any, TypeAlias
from uuid import uuid4

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, select

from returns_hub import Item, Origin, Return, Shipment, Status
from returns_hub.merge import Observation, derive_nothing, observed
from returns_hub.store import Store
from returns_hub.store.ingestion import Pass, apply, prepare_batch
from returns_hub.store.schema import ITEMS, MERGE_STATE, NAMES, RETURNS, SHIPMENTS, TERMS

At: TypeAlias = Callable[[float], datetime]
MakeReturn: TypeAlias = Callable[..., Return]

PARCEL = Shipment(id="s1", tracking_number="1Z999")
INVENTORY = Item(id="i1", sku="PROD-1")


def emitted(store: Store) -> list[tuple[str, str]]:
    return [(each.type, each.origin.value) for each in store.events()]


def derive(ret: Return) -> Return:
    """As at a vendor that has no status of a return: what is there says how far it has come."""
    return evolve(ret, status=Status.RECEIVED if ret.items else Status.APPROVED)


@pytest.fixture
def rows(a_return: MakeReturn, at: At) -> Callable[[Origin, float], list[Observation]]:
    """The rows of one return in two lists of its vendor."""

    def make(origin: Origin, minutes: float) -> list[Observation]:
        return [
            observed(a_return("r1", shipments=(PARCEL,), created_at=at(-8)), seen_at=at(minutes), origin=origin),
            observed(a_return("r1", items=(INVENTORY,), created_at=at(-9)), seen_at=at(minutes + 0.1), origin=origin),
        ]

    return make


@pytest.mark.parametrize("origin", [Origin.BACKFILL, Origin.POLL])
def test_a_return_of_two_lists_is_created_once_whether_they_come_together_or_not(
    store: Store, rows: Any, at: At, origin: Origin
) -> None:
    run = Pass(started=at(0))
    store.apply("together", rows(origin, 1), derive=derive, of_pass=run)
    for row in rows(origin, 1):
        store.apply("apart", [row], derive=derive, of_pass=run)
    assert emitted(store) == [("return.created", origin.value)] * 2
    both = [store.get_return(account, "r1") for account in ("together", "apart")]
    assert [stored and (stored.ret.status, stored.ret.items, stored.ret.shipments) for stored in both] == [
        (Status.RECEIVED, (INVENTORY,), (PARCEL,))
    ] * 2


def test_what_changes_while_a_return_is_put_together_is_an_event(store: Store, a_return: MakeReturn, at: At) -> None:
    run = Pass(started=at(0))
    for minutes, status in ((1, Status.REQUESTED), (2, Status.APPROVED)):
        ret = a_return("r1", status=status)
        store.apply("acme", [observed(ret, seen_at=at(minutes), origin=Origin.BACKFILL)], of_pass=run)
    assert emitted(store) == [("return.created", "backfill"), ("return.status_changed", "backfill")]


def test_a_backfill_that_goes_on_later_still_puts_together(store: Store, rows: Any, at: At) -> None:
    first, second = rows(Origin.BACKFILL, 1)
    store.apply("acme", [first], of_pass=Pass(started=at(0)))
    store.apply("acme", [second], of_pass=Pass(started=at(1.05)))
    assert emitted(store) == [("return.created", "backfill")]


def test_a_later_run_s_polls_and_deliveries_have_events_of_their_own(store: Store, rows: Any, at: At) -> None:
    first, second = rows(Origin.POLL, 1)
    store.apply("later run", [first], of_pass=Pass(started=at(0)))
    store.apply("later run", [second], of_pass=Pass(started=at(1.05)))
    for row in rows(Origin.WEBHOOK, 1):
        store.apply("deliveries", [row])
    types = [each.type for each in store.events(account="later run")]
    assert types[0] == "return.created"
    assert len(types) > 1
    assert types == [each.type for each in store.events(account="deliveries")]


def test_what_waited_for_a_return_that_is_backfilled_has_events_of_its_own(
    store: Store, a_return: MakeReturn, at: At
) -> None:
    waiting = a_return("", shipments=(Shipment(id="s1", tracking_number="1Z999"),))
    store.apply("acme", [observed(waiting, seen_at=at(0), origin=Origin.WEBHOOK)])
    row = observed(a_return("r1", shipments=(Shipment(id="s1"),)), seen_at=at(1), origin=Origin.BACKFILL)
    store.apply("acme", [row], of_pass=Pass(started=at(0)))
    assert emitted(store) == [("return.created", "backfill"), ("shipment.updated", "webhook")]


def test_where_a_run_reconciles_the_vendor_s_value_stands_and_does_so_once(
    store: Store, a_return: MakeReturn, at: At
) -> None:
    newer = a_return("r1", status=Status.APPROVED, updated_at=at(20))
    older = a_return("r1", status=Status.REQUESTED, updated_at=at(10))
    store.apply("acme", [observed(newer, seen_at=at(21))])
    for minutes in (30, 40):
        run = Pass(started=at(minutes), overrules=True)
        applied = store.apply("acme", [observed(older, seen_at=at(minutes + 1))], of_pass=run)
        stored = store.get_return("acme", "r1")
        assert stored is not None
        assert (stored.ret.status, applied.reread) == (Status.REQUESTED, ())
    assert emitted(store) == [("return.created", "poll"), ("return.status_changed", "poll")]
    store.apply("acme", [observed(newer, seen_at=at(50))], of_pass=Pass(started=at(50)))
    stored = store.get_return("acme", "r1")
    assert stored is not None
    assert stored.ret.status is Status.APPROVED


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_applying_takes_one_exchange_to_read_and_one_to_write(store: Store, a_return: MakeReturn, at: At) -> None:
    statements: list[str] = []
    ret = a_return("r1", status=Status.APPROVED, items=(INVENTORY, Item(id="i2", aliases=("a2",))), shipments=(PARCEL,))
    changed = evolve(ret, status=Status.RECEIVED, number="7", items=(INVENTORY,))
    for minutes, observation in enumerate((ret, changed, changed)):
        with store.database.writing() as connection:
            event.listen(connection, "before_cursor_execute", lambda *given: statements.append(given[2]))
            batch = prepare_batch([observed(observation, seen_at=at(minutes))])
            apply(connection, "acme", batch, derive_nothing)
    assert [statement.split()[0] for statement in statements] == ["SELECT", "WITH"] * 3
    assert emitted(store) == [("return.created", "poll"), ("return.updated", "poll"), ("return.status_changed", "poll")]


WORDS = st.sampled_from([None, "one", "two"])
ITEMS_SEEN = st.builds(Item, id=st.sampled_from(["i1", "i2"]), sku=WORDS, disposition_raw=WORDS)
OBSERVED = st.tuples(
    st.sampled_from(["r1", "r2", "r3"]),
    st.fixed_dictionaries(
        {
            "number": WORDS,
            "status": st.sampled_from([Status.UNKNOWN, Status.APPROVED, Status.RECEIVED]),
            "items": st.lists(ITEMS_SEEN, max_size=2, unique_by=lambda item: item.id).map(tuple),
            "shipments": st.builds(Shipment, id=st.just("s1"), tracking_number=WORDS).map(lambda one: (one,)),
        }
    ),
    st.integers(0, 3),
)


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(facts_seen=st.lists(OBSERVED, min_size=1, max_size=8), size=st.integers(2, 4))
def test_what_comes_at_once_in_batches_or_one_by_one_comes_to_the_same_mirror_and_events(
    store: Store, a_return: MakeReturn, at: At, facts_seen: Any, size: int
) -> None:
    observations = [
        observed(a_return(key, **facts), seen_at=at(minute), origin=Origin.WEBHOOK) for key, facts, minute in facts_seen
    ]
    found = []
    for at_once in (len(observations), size, 1):
        account = uuid4().hex
        for begin in range(0, len(observations), at_once):
            store.apply(account, observations[begin : begin + at_once])
        found.append(everything(store, account))
    assert found[0] == found[1] == found[2]


def everything(store: Store, account: str) -> dict[str, list[Any]]:
    """What is in the tables of an account; the events of each return in their order."""
    without = {"account", "fingerprint", "sequence"}
    found = {}
    with store.database.reading() as connection:
        for table in (RETURNS, ITEMS, SHIPMENTS, NAMES, TERMS, MERGE_STATE):
            query = select(table).where(table.c.account == account).order_by(*table.primary_key)
            found[table.name] = [
                {name: value for name, value in row.items() if name not in without}
                for row in connection.execute(query).mappings()
            ]
    events = [(each.return_id, each.type, each.occurred_at, each.changes) for each in store.events(account=account)]
    return {**found, "events": sorted(events, key=itemgetter(0))}
