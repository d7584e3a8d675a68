"""The queries that people wait for are answered by an index, however many returns and events there are."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeAlias

import pytest
from sqlalchemy import event

from returns_hub import Return, Status, UnreadableField
from returns_hub.merge import observed
from returns_hub.store import Store

At: TypeAlias = Callable[[float], datetime]
MakeReturn: TypeAlias = Callable[..., Return]

CALLS: dict[str, Callable[[Store], Any]] = {
    "get_return by id": lambda store: store.get_return("acme", "r1"),
    "get_return by a request's id": lambda store: store.get_return("acme", "request:1"),
    "newest returns": lambda store: list(store.returns(limit=50)),
    "newest returns of an account": lambda store: list(store.returns(account="acme", limit=50)),
    "newest returns at a status": lambda store: list(store.returns(status=Status.REJECTED, limit=50)),
    "newest of an account at a status": lambda store: list(
        store.returns(account="acme", status=Status.REJECTED, limit=50)
    ),
    "events of a return": lambda store: list(store.events(account="acme", return_id="r1")),
    "events of an account": lambda store: list(store.events(account="acme", after=3)),
    "latest events": lambda store: store.latest_events(50),
    "latest events of an account": lambda store: store.latest_events(50, "acme"),
    "open returns not seen": lambda store: store.open_unseen("acme", datetime(2026, 3, 1, tzinfo=UTC)),
    "unreadable fields": lambda store: store.unreadable("acme"),
}


@contextmanager
def statements(store: Store) -> Iterator[list[tuple[str, Any]]]:
    """The statements that are executed meanwhile, with their parameters."""
    found: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, ___: Any, ____: Any) -> None:
        if statement.lstrip().startswith("SELECT"):
            found.append((statement, parameters))

    engine = store.database._engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", note)


def plan(store: Store, statement: str, parameters: Any) -> Sequence[str]:
    with store.database.reading() as connection:
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        return [row.detail for row in rows]


@pytest.mark.parametrize("name", CALLS)
def test_it_reads_no_whole_table_and_sorts_nothing(sqlite_store: Store, name: str) -> None:
    with statements(sqlite_store) as executed:
        CALLS[name](sqlite_store)
    assert executed
    for statement, parameters in executed:
        steps = plan(sqlite_store, statement, parameters)
        # The events are in the order of their key, so that the newest are the last.
        scans = [step for step in steps if step.startswith("SCAN") and " USING " not in step]
        assert scans == (["SCAN events"] if name == "latest events" else []), statement
        assert not [step for step in steps if "TEMP B-TREE" in step], (statement, steps)


@pytest.mark.parametrize("name", ["get_return by id", "get_return by a request's id"])
def test_a_return_is_found_by_its_key_and_not_by_its_account(sqlite_store: Store, name: str) -> None:
    with statements(sqlite_store) as executed:
        CALLS[name](sqlite_store)
    steps = [step for statement, parameters in executed for step in plan(sqlite_store, statement, parameters)]
    assert [step for step in steps if "(account=?)" in step] == []


def test_returns_of_one_time_and_without_one_come_whole_in_portions(store: Store, a_return: MakeReturn, at: At) -> None:
    dated = [a_return(f"r{n}", created_at=at(n // 2)) for n in range(6)]
    undated = [a_return("u1"), a_return("u2")]
    store.apply("acme", [observed(ret, seen_at=at(9)) for ret in (*dated, *undated)])
    every = [stored.ret.id for stored in store.returns()]
    assert every == ["r5", "r4", "r3", "r2", "r1", "r0", "u1", "u2"]
    assert [[stored.ret.id for stored in store.returns(limit=n)] for n in range(9)] == [every[:n] for n in range(9)]


def test_the_latest_events_come_in_their_order(store: Store, a_return: MakeReturn, at: At) -> None:
    for account in ("acme", "other", "acme"):
        store.apply(account, [observed(a_return(f"{account}{n}"), seen_at=at(0)) for n in range(3)])
    assert [event.return_id for event in store.latest_events(2)] == ["other1", "other2"]
    assert [event.return_id for event in store.latest_events(2, "acme")] == ["acme1", "acme2"]
    assert [event.return_id for event in store.latest_events(9, "acme", "acme0")] == ["acme0"]


def test_what_could_not_be_read_of_a_return_is_known_until_it_is_read(
    store: Store, a_return: MakeReturn, at: At
) -> None:
    store.apply("acme", [observed(a_return("r1", unreadable=("created_at", "items[0].quantity")), seen_at=at(0))])
    assert store.unreadable("acme") == (
        UnreadableField(id="r1", field="created_at"),
        UnreadableField(id="r1", field="items[0].quantity"),
    )
    assert store.unreadable("other") == ()
    store.apply("acme", [observed(a_return("r1", number="1", raw={"id": "r1"}), seen_at=at(1))])
    assert store.unreadable("acme") == ()
