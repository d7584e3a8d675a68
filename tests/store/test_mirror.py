"""The store: what goes in comes out, all or nothing, on SQLite and PostgreSQL; and what it says when it cannot."""

import functools
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from returns_hub import (
    Address,
    Attention,
    Customer,
    Disposition,
    Item,
    Label,
    LabelStatus,
    Money,
    Note,
    OrderRef,
    Origin,
    Return,
    ReturnStatusChanged,
    Shipment,
    Status,
    TimelineEntry,
    dump,
)
from returns_hub.merge import Observation, observed
from returns_hub.store import Store

At: TypeAlias = Callable[[float], datetime]
MakeReturn: TypeAlias = Callable[..., Return]
SideBySide: TypeAlias = Callable[[Sequence[Callable[[], None]]], None]
Put: TypeAlias = Callable[..., None]


@pytest.fixture
def put(at: At) -> Put:
    """Store returns of the account ``acme``, as they were shown so many minutes after noon."""

    def apply(store: Store, *returns: Return, minute: float = 0, account: str = "acme") -> None:
        store.apply(account, [observed(ret, seen_at=at(minute)) for ret in returns])

    return apply


def ids(store: Store, **filters: Any) -> list[str]:
    return [stored.ret.id for stored in store.returns(**filters)]


def everything(a_return: MakeReturn, at: At) -> Return:
    """A return with every kind of value in it."""
    return a_return(
        "rma_abc123",
        number="RMA-2024-001234",
        status=Status.RECEIVED,
        status_raw="Quality Hold",
        attention=frozenset({Attention.REVIEW, Attention.ON_HOLD}),
        order=OrderRef(number="#1001"),
        customer=Customer(email="customer@example.com", name="José ﷽ \U0001f4e6"),
        address=Address(line1="1 First St", country="AU"),
        items=(
            Item(
                sku="PROD-001",
                quantity=Decimal(1),
                value=Money(amount=Decimal("450.00"), currency="AUD"),
                images=("https://img.example/1",),
                disposition=Disposition.HOLD,
                raw={"price": Decimal("450.00")},
            ),
        ),
        shipments=(
            Shipment(
                id="s1",
                label=Label(status=LabelStatus.READY, url="https://labels.example/1"),
                raw={"weight": Decimal("1.10")},
            ),
        ),
        notes=(Note(text="fragile", internal=True),),
        timeline=(TimelineEntry(kind="status", occurred_at=at(-5)),),
        goods_expected=True,
        custom_fields={"colour": "red"},
        created_at=at(-10),
        updated_at=at(-1),
        raw={
            "id": "rma_abc123",
            "total": Decimal("12500.00"),
            "big": 2**70,
            "list": [1, None, True, {"a": Decimal("9.10")}],
        },
    )


def test_a_return_comes_back_as_it_went_in(store: Store, put: Put, a_return: MakeReturn, at: At) -> None:
    ret = everything(a_return, at)
    put(store, ret)
    stored = store.get_return("acme", "rma_abc123")
    assert stored is not None
    assert dump(stored.ret, raw=True) == dump(ret, raw=True)


def test_numbers_of_the_vendor_come_back_digit_for_digit(store: Store, put: Put, a_return: MakeReturn) -> None:
    put(store, a_return(raw={"a": Decimal("0.10"), "b": Decimal("1E+3"), "c": 12345678901234567890123}))
    stored = store.get_return("acme", "r1")
    assert stored is not None
    assert str(stored.ret.raw) == "{'a': Decimal('0.10'), 'b': Decimal('1E+3'), 'c': 12345678901234567890123}"


def test_what_is_not_there_is_none(store: Store) -> None:
    assert store.get_return("acme", "nothing") is None


def test_an_id_that_no_database_can_hold_is_none(store: Store) -> None:
    assert store.get_return("acme", "a\ud800\0") is None


def test_accounts_do_not_see_each_other(store: Store, put: Put, a_return: MakeReturn) -> None:
    put(store, a_return("r1", number="ours"), account="ours")
    put(store, a_return("r1", number="theirs"), account="theirs")
    assert [stored.ret.number for stored in store.returns(account="ours")] == ["ours"]


def test_returns_come_newest_first_and_those_without_a_time_last(
    store: Store, put: Put, a_return: MakeReturn, at: At
) -> None:
    put(store, a_return("old", created_at=at(1)), a_return("none"), a_return("new", created_at=at(2)))
    assert ids(store) == ["new", "old", "none"]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"status": Status.APPROVED}, ["b", "a"]),
        ({"attention": Attention.ON_HOLD}, ["b"]),
        ({"attention": Attention.OTHER}, []),
        ({"account": "nobody"}, []),
        ({"since": date(2026, 3, 2)}, ["c", "b"]),
        ({"since": datetime(2026, 3, 2, 0, 0, 1, tzinfo=UTC)}, ["c"]),
        ({"limit": 1}, ["c"]),
        ({"limit": 0}, []),
        ({"status": Status.APPROVED, "since": date(2026, 3, 2)}, ["b"]),
    ],
)
def test_returns_can_be_filtered(
    store: Store, put: Put, a_return: MakeReturn, filters: dict[str, Any], expected: list[str]
) -> None:
    days = [datetime(2026, 3, day, tzinfo=UTC) for day in (1, 2, 3)]
    put(
        store,
        a_return("a", status=Status.APPROVED, created_at=days[0]),
        a_return("b", status=Status.APPROVED, attention=frozenset({Attention.ON_HOLD}), created_at=days[1]),
        a_return("c", status=Status.RECEIVED, attention=frozenset({Attention.REVIEW}), created_at=days[2]),
    )
    assert ids(store, **filters) == expected


def test_events_come_in_order_from_where_one_asks(store: Store, put: Put, a_return: MakeReturn) -> None:
    put(store, a_return("a"), a_return("b"), a_return("c"))
    assert [(event.sequence, event.return_id) for event in store.events(after=1)] == [(2, "b"), (3, "c")]


def test_events_can_be_filtered(store: Store, put: Put, a_return: MakeReturn) -> None:
    put(store, a_return("a"), a_return("b"))
    put(store, a_return("b"), account="other")
    assert [(e.account, e.return_id) for e in store.events(account="acme", return_id="b")] == [("acme", "b")]


def test_more_events_than_are_read_at_once(store: Store, put: Put, a_return: MakeReturn) -> None:
    put(store, *(a_return(f"r{number}") for number in range(1201)))
    assert [event.sequence for event in store.events(limit=1100)] == list(range(1, 1101))


def test_an_event_comes_back_as_it_was(store: Store, a_return: MakeReturn, at: At) -> None:
    store.apply("acme", [observed(a_return(status=Status.REQUESTED), seen_at=at(0), origin=Origin.BACKFILL)])
    store.apply("acme", [observed(a_return(status=Status.APPROVED, updated_at=at(1)), seen_at=at(2))])
    _, event = store.events()
    assert event == ReturnStatusChanged(
        sequence=2,
        id=event.id,
        account="acme",
        return_id="r1",
        occurred_at=at(1),
        recorded_at=at(2),
        origin=Origin.POLL,
        changes={"status": ("requested", "approved")},
    )


def test_what_became_of_a_page_is_counted(store: Store, put: Put, a_return: MakeReturn, at: At) -> None:
    put(store, a_return("same"), a_return("moved", status=Status.REQUESTED))
    page = [a_return("same"), a_return("moved", status=Status.APPROVED), a_return("new"), a_return("")]
    applied = store.apply("acme", [observed(ret, seen_at=at(1)) for ret in page])
    counted = (applied.created, applied.changed, applied.unchanged, applied.events, applied.refused)
    assert counted == (1, 1, 1, 2, 1)


def test_an_unchanged_return_is_not_written_again(store: Store, put: Put, a_return: MakeReturn) -> None:
    put(store, a_return(number="RMA-1"))
    # What somebody wrote into the row stays, so the row was left alone.
    _execute(store, "UPDATE returns SET number = 'mine'")
    put(store, a_return(number="RMA-1"), minute=1)
    assert _select(store, "SELECT number FROM returns") == [("mine",)]


def test_an_unchanged_return_is_known_to_have_been_seen(store: Store, put: Put, a_return: MakeReturn, at: At) -> None:
    put(store, a_return(status=Status.APPROVED))
    put(store, a_return(status=Status.APPROVED), minute=5)
    assert (store.last_seen("acme"), store.open_unseen("acme", at(5))) == (at(5), ())


def test_a_late_observation_loses_against_a_repeated_one(store: Store, put: Put, a_return: MakeReturn, at: At) -> None:
    put(store, a_return(status=Status.APPROVED), minute=0)
    put(store, a_return(status=Status.APPROVED), minute=10)
    late = Observation(ret=a_return(status=Status.RECEIVED), at=at(5), seen_at=at(11), origin=Origin.WEBHOOK)
    assert store.apply("acme", [late]).events == 0


def test_facts_of_different_age_survive_the_store(store: Store, put: Put, a_return: MakeReturn, at: At) -> None:
    put(store, a_return(status=Status.APPROVED, timeline=(TimelineEntry(kind="system"),)), minute=0)
    put(store, a_return(status=Status.RECEIVED), minute=10)
    between = a_return(status=Status.CLOSED, timeline=(TimelineEntry(kind="system"), TimelineEntry(kind="status")))
    put(store, between, minute=5)
    stored = store.get_return("acme", "r1")
    assert stored is not None
    assert (stored.ret.status, len(stored.ret.timeline)) == (Status.RECEIVED, 2)


def test_one_return_twice_in_a_page_is_stored_once(store: Store, put: Put, a_return: MakeReturn) -> None:
    put(store, a_return(number="RMA-1"), a_return(number="RMA-1"))
    assert (ids(store), [event.type for event in store.events()]) == (["r1"], ["return.created"])


def test_items_and_shipments_follow_their_return(store: Store, put: Put, a_return: MakeReturn) -> None:
    put(store, a_return(items=(Item(sku="A"), Item(sku="B")), shipments=(Shipment(id="s1", tracking_number="T1"),)))
    put(store, a_return(items=(Item(sku="C", quantity=Decimal(2)),)), minute=1)
    assert _select(store, "SELECT position, sku, quantity FROM items") == [(0, "C", 2.0)]
    assert _select(store, "SELECT id, tracking_number FROM shipments") == [("s1", "T1")]


def test_checkpoints_are_kept_by_account(store: Store) -> None:
    store.apply("acme", checkpoints={"page": {"cursor": "2"}, "done": True})
    store.apply("other", checkpoints={"page": {"cursor": "9"}})
    assert store.checkpoints("acme") == {"page": {"cursor": "2"}, "done": True}


def test_a_checkpoint_is_replaced_and_removed(store: Store) -> None:
    store.apply("acme", checkpoints={"a": 1, "b": 1})
    store.apply("acme", checkpoints={"a": 2, "b": None})
    assert store.checkpoints("acme") == {"a": 2}


def test_a_page_is_stored_with_its_events_and_checkpoint_or_not_at_all(
    store: Store, a_return: MakeReturn, at: At
) -> None:
    with pytest.raises(TypeError):
        store.apply("acme", [observed(a_return(), seen_at=at(0))], checkpoints={"page": object()})
    assert (ids(store), list(store.events()), store.checkpoints("acme")) == ([], [], {})


def test_open_returns_are_those_at_no_terminal_status(store: Store, put: Put, a_return: MakeReturn, at: At) -> None:
    put(
        store,
        a_return("a", status=Status.REQUESTED, status_raw="pending", created_at=at(-2)),
        a_return("b", status=Status.UNKNOWN, status_raw="Quality Hold", created_at=at(-1)),
        a_return("c", status=Status.CLOSED, status_raw="completed", created_at=at(-9)),
        a_return("d", status=Status.REJECTED, status_raw="rejected", created_at=at(-9)),
    )
    assert store.open_status_words("acme") == ("Quality Hold", "pending")
    assert store.oldest_open("acme") == at(-2)
    assert store.open_unseen("acme", at(1)) == ("a", "b")


def test_open_returns_are_listed_in_portions(store: Store, put: Put, a_return: MakeReturn, at: At) -> None:
    put(store, *(a_return(f"r{number:04}") for number in range(501)))
    first = store.open_unseen("acme", at(1))
    assert (len(first), store.open_unseen("acme", at(1), after=first[-1])) == (500, ("r0500",))


@pytest.mark.parametrize("return_id", ["", "x" * 256, "nul\0", "half\ud800"])
def test_a_return_that_cannot_be_found_again_is_refused(
    store: Store, a_return: MakeReturn, at: At, return_id: str
) -> None:
    assert store.apply("acme", [observed(a_return(return_id), seen_at=at(0))]).refused == 1


def test_a_return_that_could_not_be_read_back_is_refused(store: Store, a_return: MakeReturn, at: At) -> None:
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    applied = store.apply("acme", [observed(a_return("deep", raw={"a": nested}), seen_at=at(0))])
    assert (applied.refused, ids(store)) == (1, [])


def test_text_that_a_column_cannot_hold_is_whole_in_the_object(store: Store, put: Put, a_return: MakeReturn) -> None:
    put(store, a_return(number="a\0b\ud800" + "c" * 1000))
    assert _select(store, "SELECT number FROM returns") == [("ab" + "c" * 498,)]
    stored = store.get_return("acme", "r1")
    assert stored is not None
    assert stored.ret.number == "a\0b\ud800" + "c" * 1000


def test_sequence_numbers_are_never_given_twice(store: Store, put: Put, a_return: MakeReturn) -> None:
    put(store, a_return("a"), a_return("b"))
    _execute(store, "DELETE FROM events")
    put(store, a_return("c"))
    assert [event.sequence for event in store.events()] == [3]


def test_a_return_removed_by_hand_is_read_anew_without_a_second_event(
    store: Store, put: Put, a_return: MakeReturn
) -> None:
    put(store, a_return())
    _execute(store, "DELETE FROM returns")
    _execute(store, "DELETE FROM merge_state")
    put(store, a_return(), minute=1)
    assert (ids(store), len(list(store.events()))) == (["r1"], 1)


def test_writers_take_turns(store_url: str, side_by_side: SideBySide, a_return: MakeReturn, at: At) -> None:
    def write(worker: int) -> None:
        with Store.open(store_url) as store:
            for number in range(10):
                store.apply("acme", [observed(a_return(f"{worker}-{number}"), seen_at=at(0))])

    side_by_side([functools.partial(write, worker) for worker in range(4)])
    with Store.open(store_url) as store:
        assert [event.sequence for event in store.events()] == list(range(1, 41))


def test_a_reader_may_write_while_it_reads(store: Store, put: Put, a_return: MakeReturn) -> None:
    put(store, *(a_return(f"r{number}") for number in range(600)))
    seen = []
    for stored in store.returns():
        seen.append(stored.ret.id)
        if stored.ret.id.endswith("0"):
            put(store, a_return(stored.ret.id, number="read"), minute=1)
    assert (len(seen), len(set(seen))) == (600, 600)
    assert sum(stored.ret.number == "read" for stored in store.returns()) == 60


@given(
    raw=st.recursive(
        st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    ),
    text=st.text(),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_a_vendor_sends_comes_back(sqlite_store: Store, at: At, raw: Any, text: str) -> None:
    ret = Return(provider="memory", id="r1", number=text or None, notes=(Note(text=text),), raw={"sent": raw})
    account = f"account {hash(repr(raw) + text)}"
    sqlite_store.apply(account, [observed(ret, seen_at=at(0))])
    stored = sqlite_store.get_return(account, "r1")
    assert stored is not None
    assert dump(stored.ret, raw=True) == dump(ret, raw=True)


def _select(store: Store, statement: str) -> list[tuple[Any, ...]]:
    with store.database.reading() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(statement)]


def _execute(store: Store, statement: str) -> None:
    with store.database.writing() as connection:
        connection.exec_driver_sql(statement)


def test_a_request_is_not_listed_beside_the_return_that_grew_from_it(
    store: Store, put: Put, a_return: MakeReturn
) -> None:
    put(store, a_return("request:481049"), a_return("request:7"))
    put(store, a_return("371141", request_id="request:481049"), minute=1)
    assert sorted(ids(store)) == ["371141", "request:7"]


def test_a_request_of_another_account_is_not_hidden(store: Store, put: Put, a_return: MakeReturn) -> None:
    put(store, a_return("request:481049"), account="other")
    put(store, a_return("371141", request_id="request:481049"))
    assert sorted(ids(store)) == ["371141", "request:481049"]


def test_by_the_id_of_its_request_a_return_is_found(store: Store, put: Put, a_return: MakeReturn) -> None:
    put(store, a_return("request:481049"), a_return("371141", request_id="request:481049"))
    found = store.get_return("acme", "request:481049")
    assert found is not None
    assert found.ret.id == "371141"


def test_a_return_without_a_request_is_found_by_its_own_id(store: Store, put: Put, a_return: MakeReturn) -> None:
    put(store, a_return("371141", request_id="request:481049"))
    found = store.get_return("acme", "371141")
    assert found is not None
    assert found.ret.id == "371141"


def test_a_return_tells_the_events_of_its_request_too(store: Store, put: Put, a_return: MakeReturn) -> None:
    put(store, a_return("request:481049"), a_return("request:7"))
    put(store, a_return("371141", request_id="request:481049"), minute=1)
    told = [(event.type, event.return_id) for event in store.events(account="acme", return_id="371141")]
    assert told == [("return.created", "request:481049"), ("return.created", "371141")]


@pytest.mark.parametrize("minute", [1, 2])
def test_what_still_happens_to_a_request_that_grew_is_no_event(
    store: Store, put: Put, a_return: MakeReturn, minute: int
) -> None:
    put(store, a_return("request:481049", status=Status.APPROVED))
    put(store, a_return("371141", request_id="request:481049"), minute=1)
    put(store, a_return("request:481049", status=Status.READY_TO_SHIP), minute=minute)
    assert [event.return_id for event in store.events()] == ["request:481049", "371141"]


def test_a_request_first_seen_after_its_return_is_no_event(
    store: Store, put: Put, a_return: MakeReturn, at: At
) -> None:
    put(store, a_return("371141", request_id="request:481049"))
    applied = store.apply("acme", [observed(a_return("request:481049"), seen_at=at(1))])
    assert (applied.created, applied.events) == (0, 0)
    assert [event.return_id for event in store.events()] == ["371141"]


def test_a_grown_request_is_not_open_any_more(store: Store, put: Put, a_return: MakeReturn, at: At) -> None:
    put(store, a_return("request:481049", status=Status.READY_TO_SHIP))
    put(store, a_return("371141", status=Status.CLOSED, request_id="request:481049"), minute=1)
    assert store.open_unseen("acme", at(5)) == ()
