"""What lists show: a page at a time in one order, counts that stop, and the hours of a day."""

from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import pytest
from sqlalchemy import event, update

from returns_hub import Attention, OrderRef, Return, Status, WebhookRequest
from returns_hub.events import Origin
from returns_hub.merge import observed
from returns_hub.reports import DeliveryState
from returns_hub.store import Store
from returns_hub.store.audit import AuditLog, ConsoleSessions, NewAuditEntry, Outcome
from returns_hub.store.delivery_writer import DeliveryWriter, NewDelivery
from returns_hub.store.overview import MAX_COUNT, Overview
from returns_hub.store.schema import AUDIT, CONSOLE_SESSIONS, DELIVERIES

At: TypeAlias = Callable[[float], datetime]
NO_WORDS: dict[str, str | None] = {}


def put(store: Store, *returns: Return, account: str = "acme") -> None:
    store.apply(account, [observed(ret, seen_at=store.now(), origin=Origin.POLL) for ret in returns])


def a_return(id: str, created_at: datetime | None = None, **told: Any) -> Return:
    return Return(provider="returnmate", id=id, created_at=created_at, **told)


def ids_of_pages(overview: Overview, size: int, **filters: Any) -> list[str]:
    """The ids of all rows, read a page at a time."""
    found: list[str] = []
    after = None
    while rows := overview.returns(**{"words": NO_WORDS, **filters}, after=after, limit=size):
        found += [row.id for row in rows]
        after = (rows[-1].created_at, rows[-1].account, rows[-1].id)
    return found


def test_pages_follow_one_another_with_equal_times_and_without_any(store: Store, at: At) -> None:
    put(
        store,
        a_return("a", at(1)),
        a_return("b", at(2)),
        a_return("c", at(2)),
        a_return("d"),
        a_return("e"),
        a_return("f", at(3)),
    )
    overview = Overview(store.database)
    for size in (1, 2, 3, 4, 6):
        assert ids_of_pages(overview, size) == ["f", "c", "b", "a", "d", "e"]
    assert ids_of_pages(overview, 4, since=at(2)) == ["f", "c", "b"]


def test_pages_of_what_has_a_word_follow_one_another(store: Store, at: At) -> None:
    review: dict[str, Any] = {"attention": {Attention.REVIEW}, "order": OrderRef(number="1001")}
    put(
        store,
        a_return("a", at(1), **review),
        a_return("b", **review),
        a_return("c", at(2), **review),
        a_return("d", at(3)),
    )
    overview = Overview(store.database)
    for filters in ({"attention": Attention.REVIEW}, {"words": {"order": "#1001"}}):
        assert ids_of_pages(overview, 1, **filters) == ["c", "a", "b"]
    row = overview.returns(attention=Attention.REVIEW, words=NO_WORDS, limit=1)[0]
    assert (row.account, row.order_number, row.attention) == ("acme", "1001", (Attention.REVIEW,))


def test_counts_are_of_what_the_list_shows(store: Store, at: At) -> None:
    put(store, a_return("request:1", at(1), status=Status.REQUESTED), a_return("r2", at(1), status=Status.REQUESTED))
    put(store, a_return("r1", at(2), status=Status.APPROVED, request_id="request:1", attention={Attention.REVIEW}))
    overview = Overview(store.database)
    assert overview.by_status() == {Status.REQUESTED: 1, Status.APPROVED: 1}
    assert overview.by_attention() == {Attention.REVIEW: 1}
    assert overview.count_returns(words=NO_WORDS) == 2
    assert overview.count_returns(words=NO_WORDS, status=Status.REQUESTED, account="acme") == 1
    assert overview.count_returns(words=NO_WORDS, account="other") == 0


def test_counts_stop(store: Store) -> None:
    put(store, *(a_return(f"r{number}", status=Status.CLOSED) for number in range(MAX_COUNT + 20)))
    overview = Overview(store.database)
    assert overview.by_status() == {Status.CLOSED: MAX_COUNT + 1}
    assert overview.count_returns(words=NO_WORDS) == MAX_COUNT + 1


def test_words_without_a_meaning_are_counted_by_account(store: Store) -> None:
    unknown: dict[str, Any] = {"status": Status.UNKNOWN}
    put(
        store,
        a_return("a", status_raw="odd", **unknown),
        a_return("b", status_raw="odd", **unknown),
        a_return("c", status_raw="odder", **unknown),
    )
    put(store, a_return("d", status_raw="other", **unknown), account="else")
    assert Overview(store.database).unknown_words("acme") == {"odd": 2, "odder": 1}


def deliver(
    store: Store, keys: Sequence[str], received_at: datetime, account: str = "acme", subject: str = "r1"
) -> None:
    request = WebhookRequest(method="POST", url="/", body=b"{}", received_at=received_at)
    new = [NewDelivery(account=account, dedupe_key=key, subject=subject, request=request) for key in keys]
    with closing(DeliveryWriter.of(store.database)) as writer:
        writer.put(new)


def test_deliveries_are_listed_newest_first_by_what_is_asked_for(store: Store, at: At) -> None:
    deliver(store, ["a", "b"], at(1))
    deliver(store, ["c"], at(2), account="else", subject="r2")
    with store.database.writing() as connection:
        connection.execute(update(DELIVERIES).where(DELIVERIES.c.dedupe_key == "a").values(state="dead", error="why"))
    overview = Overview(store.database)
    rows = overview.deliveries(limit=10)
    assert [row.account for row in rows] == ["else", "acme", "acme"]
    assert overview.deliveries(limit=10, before=rows[1].id) == rows[2:]
    assert [row.error for row in overview.deliveries(state=DeliveryState.DEAD, limit=10)] == ["why"]
    assert [row.subject for row in overview.deliveries(account="else", subjects=["r2", "shipment:1"], limit=10)] == [
        "r2"
    ]
    assert overview.count_deliveries(account="acme") == 2
    assert overview.newest()[1:] == [rows[0].id, 0, 2, 1, 0]


def test_the_deliveries_about_a_return_are_found_by_index(sqlite_store: Store) -> None:
    asked: list[tuple[str, Any]] = []
    event.listen(
        sqlite_store.database._engine, "before_cursor_execute", lambda *given: asked.append((given[2], given[3]))
    )
    Overview(sqlite_store.database).deliveries(account="acme", subjects=["r1", "shipment:1"], limit=20)
    (statement, values) = next(each for each in asked if "deliveries" in each[0])
    with sqlite_store.database.reading() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
    assert any("deliveries_of_subject (subject=? AND account=?)" in row[-1] for row in plan), plan


def test_hours_are_found_without_reading_them(store: Store) -> None:
    this_hour = store.now().replace(minute=0, second=0, microsecond=0)
    for number, hours in enumerate((30, 23, 5, 5, 0)):
        deliver(store, [f"{number}"], this_hour - timedelta(hours=hours))
    overview = Overview(store.database)
    for _ in range(2):
        counts = overview.deliveries_by_hour()
        assert (len(counts), counts[-1].hour) == (24, this_hour)
        assert {(this_hour - each.hour) // timedelta(hours=1): each.count for each in counts if each.count} == {
            23: 1,
            5: 2,
            0: 1,
        }
    assert [each.count for each in overview.events_by_hour()] == [0] * 24


def test_an_act_is_written_down_once_for_its_form(store: Store) -> None:
    log = AuditLog(store.database)
    new = NewAuditEntry(person="ada", session="s", action="unmask", account="acme", subject="r1", detail="", token="t")
    entry = log.begin(new)
    assert entry is not None
    assert log.begin(new) is None
    wanted = {"session": "s", "action": "unmask", "account": "acme", "subject": "r1"}
    hour = timedelta(hours=1)
    # What was not done allows nothing.
    assert not log.was_done_since(hour, **wanted)
    log.finish(entry, Outcome.DONE, "Shown.")
    assert log.was_done_since(hour, **wanted)
    for name in wanted:
        assert not log.was_done_since(hour, **{**wanted, name: "other"})
    with store.database.writing() as connection:
        connection.execute(update(AUDIT).values(at=store.now() - hour))
    assert not log.was_done_since(hour, **wanted)
    assert [(each.person, each.outcome, each.message) for each in log.find(subject="r1")] == [
        ("ada", Outcome.DONE, "Shown.")
    ]
    assert log.find(account="other") == []
    assert [log.begin(NewAuditEntry(person="ada", session="s", action="log in")) is not None for _ in range(2)] == [
        True,
        True,
    ]


@pytest.mark.parametrize("column", ["began_at", "seen_at"])
def test_a_session_that_has_ended_is_nobodys_and_is_removed(store: Store, column: str) -> None:
    sessions = ConsoleSessions(store.database, lifetime=timedelta(hours=12), idle=timedelta(hours=2))
    sessions.begin("k1", "ada")
    assert (sessions.person("k1"), sessions.person("k2")) == ("ada", None)
    with store.database.writing() as connection:
        connection.execute(update(CONSOLE_SESSIONS).values({column: store.now() - timedelta(hours=13)}))
    assert sessions.person("k1") is None
    sessions.begin("k2", "ron")
    with store.database.reading() as connection:
        assert connection.execute(CONSOLE_SESSIONS.select()).all()[0].key == "k2"
    sessions.end("k2")
    assert sessions.person("k2") is None


def test_a_rehearsal_says_what_would_change_and_changes_nothing(store: Store, at: At) -> None:
    put(store, a_return("r1", status=Status.REQUESTED, status_raw="pending"))
    later = observed(
        a_return("r1", status=Status.APPROVED, status_raw="approved"), seen_at=store.now(), origin=Origin.REPLAY
    )
    before = len(list(store.events()))
    assert [event.type for event in store.rehearse("acme", [later])] == ["return.status_changed"]
    assert len(list(store.events())) == before
    stored = store.get_return("acme", "r1")
    assert stored is not None
    assert stored.ret.status is Status.REQUESTED
    assert store.rehearse("acme", [observed(stored.ret, seen_at=store.now(), origin=Origin.REPLAY)]) == []
