"""The queries that people wait for are answered by an index, however many returns and events there are."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import combinations
from typing import Any, TypeAlias

from sqlalchemy import event, text

from returns_hub import Attention, Return, Status, UnreadableField
from returns_hub.merge import observed
from returns_hub.store import Store
from returns_hub.store.erasure import Erasures
from returns_hub.store.inbox import Deliveries
from returns_hub.store.known import read_known
from returns_hub.store.overview import Overview
from returns_hub.store.refusals import Refusals
from returns_hub.store.subscriptions import Subscriptions
from returns_hub.store.sync_log import SyncLog

At: TypeAlias = Callable[[float], datetime]
MakeReturn: TypeAlias = Callable[..., Return]

FILTERS: dict[str, Any] = {
    "account": "acme",
    "status": Status.REJECTED,
    "attention": Attention.REVIEW,
    "since": datetime(2026, 3, 1, tzinfo=UTC),
    "order": "#1001",
    "number": "RMA-1",
    "email": "jane@example.com",
    "tracking": "1Z999",
    "sku": "X-1",
}


KEY = (datetime(2026, 3, 1, tzinfo=UTC), "acme", "r1")


def by(*some: str) -> Callable[[Store], Any]:
    return lambda store: list(store.returns(**{name: FILTERS[name] for name in some}, limit=50))


def prepare(store: Store) -> None:
    """A consumer with an event that is to come, so that all is asked that there is to ask."""
    Subscriptions(store.database).subscribe("shop", at_end=False)
    store.apply("other", [observed(Return(provider="memory", id="o1"), seen_at=datetime(2026, 3, 1, tzinfo=UTC))])


def known_before_merging(store: Store) -> None:
    with store.database.reading() as connection:
        read_known(connection, "acme", ["r1", "r2"], ["digest"])


CALLS: dict[str, Callable[[Store], Any]] = {
    "what is known before merging": known_before_merging,
    "get_return by id": lambda store: store.get_return("acme", "r1"),
    "get_return by a request's id": lambda store: store.get_return("acme", "request:1"),
    "newest returns": lambda store: list(store.returns(limit=50)),
    "newest returns of an account": lambda store: list(store.returns(account="acme", limit=50)),
    "newest returns at a status": lambda store: list(store.returns(status=Status.REJECTED, limit=50)),
    "newest of an account at a status": lambda store: list(
        store.returns(account="acme", status=Status.REJECTED, limit=50)
    ),
    "events of a return": lambda store: list(store.events(account="acme", return_id="r1")),
    "events of a return in any account": lambda store: list(store.events(return_id="r1", limit=500)),
    "latest events of a return": lambda store: store.latest_events(50, "acme", "r1"),
    "events of an account": lambda store: list(store.events(account="acme", after=3)),
    "latest events": lambda store: store.latest_events(50),
    "latest events of an account": lambda store: store.latest_events(50, "acme"),
    "open returns not seen": lambda store: store.open_unseen("acme", datetime(2026, 3, 1, tzinfo=UTC)),
    "unreadable fields": lambda store: store.unreadable("acme"),
    "oldest open return": lambda store: store.oldest_open("acme"),
    "words of open returns": lambda store: store.open_status_words("acme"),
    "events after": lambda store: list(store.events(after=3, limit=500)),
    "health": lambda store: store.health("acme"),
    "a handler's next page": lambda store: Subscriptions(store.database).claim(
        "shop", ["return.created"], max_attempts=2
    ),
    "a handler's next due": lambda store: Subscriptions(store.database).next_due("shop"),
    "health of handlers": lambda store: Subscriptions(store.database).health(),
    "health of syncs": lambda store: SyncLog(store.database).health_of(["acme"]),
    "health of deliveries": lambda store: Deliveries(store.database).backlog(),
    "next due delivery": lambda store: Deliveries(store.database).next_due(),
    "refusals": lambda store: Refusals(store.database).total(),
    "names of a return to erase": lambda store: Erasures(store.database).names("acme", "r1"),
    "find": lambda store: list(store.find("X-1", limit=50)),
    "find in an account": lambda store: list(store.find("X-1", account="acme", limit=50)),
    "find all": lambda store: list(store.find("X-1")),
    "what was found": lambda store: store._stored([("acme", "r1"), ("acme", "r2"), ("other", "r3")]),
    "console: returns by status": lambda store: Overview(store.database).by_status(),
    "console: returns by attention": lambda store: Overview(store.database).by_attention(),
    "console: unknown words": lambda store: Overview(store.database).unknown_words("acme"),
    "console: events by the hour": lambda store: Overview(store.database).events_by_hour(),
    "console: deliveries by the hour": lambda store: Overview(store.database).deliveries_by_hour(),
    "console: deliveries": lambda store: Overview(store.database).deliveries(limit=50),
    "console: a later page of returns": lambda store: Overview(store.database).returns(words={}, after=KEY, limit=50),
    "console: a later page of a SKU's returns": lambda store: Overview(store.database).returns(
        words={"sku": "X-1"}, after=KEY, limit=50
    ),
    "console: how many returns": lambda store: Overview(store.database).count_returns(words={}),
    "console: how many returns of a SKU": lambda store: Overview(store.database).count_returns(words={"sku": "X-1"}),
    **{f"returns by {' and '.join(some)}": by(*some) for count in (1, 2) for some in combinations(FILTERS, count)},
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


def executed_by(store: Store, name: str) -> list[tuple[str, Any]]:
    with statements(store) as executed:
        CALLS[name](store)
    assert executed, name
    return executed


# SQLite: what may be sorted are the few hits of a search by several kinds, and returns of one account and one time.
SORTED = ("UNION USING TEMP B-TREE", "USE TEMP B-TREE FOR RIGHT PART OF ORDER BY")
EXPECTED = {
    "what is known before merging": ["SCAN CONSTANT ROW", "SCAN always"],  # one row, which is there in any case
    "latest events": ["SCAN events"],
    "refusals": ["SCAN refusals"],  # a row for each account and reason
    "console: deliveries": ["SCAN deliveries"],  # from their newest on, as the events
    "console: unknown words": ["USE TEMP B-TREE FOR GROUP BY", "USE TEMP B-TREE FOR ORDER BY"],  # of a thousand at most
    "events of a return in any account": ["USE TEMP B-TREE FOR ORDER BY"],
    "find": ["USE TEMP B-TREE FOR ORDER BY"],
    "find in an account": ["USE TEMP B-TREE FOR ORDER BY"],
    "find all": ["USE TEMP B-TREE FOR ORDER BY"],
}
# These hold only what is looked for, in the order in which it is looked for.
IN_ORDER = (
    "returns_newest_of_account ",
    "returns_open ",
    "returns_open_words ",
    "returns_unreadable ",
    "events_of_account ",
    # Whether there are any is all that is asked.
    "autoindex_erased_1 ",
    "autoindex_waiting_1 ",
)


def test_sqlite_reads_no_whole_table_or_account_and_sorts_nothing(sqlite_store: Store) -> None:
    prepare(sqlite_store)
    wrong = []
    for name in CALLS:
        found = []
        for statement, parameters in executed_by(sqlite_store, name):
            with sqlite_store.database.reading() as connection:
                explained = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                steps = [row.detail for row in explained]
            # The events are in the order of their key, so that the newest are the last; the name of a subquery begins so.
            # What is asked for comes as JSON.
            found += [
                step
                for step in steps
                if (
                    step.startswith("SCAN")
                    and " USING " not in step
                    and "anon_" not in step
                    and "json_each" not in step
                )
                or ("TEMP B-TREE" in step and step not in SORTED)
                or ("(account=?)" in step and not any(key in step for key in IN_ORDER))
            ]
        if found != EXPECTED.get(name, []):
            wrong.append((name, found))
    assert not wrong, "\n".join(map(str, wrong))


# PostgreSQL: it plans by what it knows of the rows.
ROWS = (
    """INSERT INTO returns SELECT 'acme', 'r' || n, 'memory', 'RMA-' || n, 'unknown', (ARRAY['closed', 'rejected'])[1 + mod(n, 2)], NULL, '  ',
    '#' || n, NULL, NULL, CASE mod(n, 3) WHEN 0 THEN 'request:' || n END, NULL, '2026-01-01'::timestamptz + n * interval '1 hour', NULL, '{}'
    FROM generate_series(1, 5000) n""",
    """INSERT INTO terms SELECT kind || mod(n, most), '2026-01-01'::timestamptz + n * interval '1 hour', 'acme', 'r' || n
    FROM generate_series(1, 5000) n, (VALUES ('order:', 5000), ('number:rma-', 5000), ('email:', 900), ('sku:', 50)) kinds(kind, most)""",
    """INSERT INTO names SELECT 'item:' || n, 'acme', 'r' || n FROM generate_series(1, 5000) n""",
    """INSERT INTO events SELECT n + 9, 'e' || n, 'return.created', 'acme', 'r' || n, '2026-01-01', '2026-01-01', 'poll', '{}'
    FROM generate_series(1, 5000) n""",
    """INSERT INTO deliveries SELECT n, 'acme', 'd' || n, 'r' || n, '2026-01-01', 'POST', '', '', '', 'processed', 'webhook', 0, 1, '2026-01-01',
    NULL, NULL, NULL, NULL, 1 FROM generate_series(1, 5000) n""",
    "ANALYZE",
)
# What is read as far as it is asked for, in the order of an index; what an index holds nothing else of; and the smallest tables.
MAY_BE_READ_WHOLE = {
    *("returns_newest", "events_pkey", "deliveries_pkey"),
    *("deliveries_in_order", "deliveries_due", "deliveries_dead", "parked_events_by_return"),
    *("consumers_pkey", "refusals"),
}


# A thousand of what half of the rows are is soon counted along any index.
COUNTED = ("console: returns by status", "console: how many returns")


def test_postgresql_reads_no_whole_table_or_account(postgresql_url: str) -> None:
    with Store.open(postgresql_url) as store:
        prepare(store)
        executed = [(name, *each) for name in CALLS for each in executed_by(store, name)]
        wrong = []
        with store.database.writing() as connection:
            for statement in ROWS:
                connection.exec_driver_sql(statement)
        with store.database.reading() as connection:
            # A small table is rightly read whole: here it shall be where there is no other way only.
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            for name, statement, parameters in executed:
                explained = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
                nodes = list(nodes_of(explained.scalar_one()[0]["Plan"]))
                whole = [
                    node.get("Index Name") or node["Relation Name"]
                    for node in nodes
                    if node["Node Type"] == "Seq Scan" or ("Index Name" in node and "Index Cond" not in node)
                ]
                if not MAY_BE_READ_WHOLE.issuperset(whole) and name not in COUNTED:
                    wrong.append((name, whole, statement))
    assert not wrong, "\n".join(map(str, wrong))


def nodes_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes_of(part)


PENDING_ROWS = """INSERT INTO deliveries (account, dedupe_key, subject, received_at, method, url, headers, body, state, origin, duplicates,
    attempts, due_at, events) WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count})
    SELECT '{account}', '{count}-' || n, 'r' || n, {at}, 'POST', '', '[]', '', 'pending', 'webhook', 0, 0, {at}, 0 FROM numbers"""
AT = {"sqlite": "'2026-03-01T12:00:00.000000Z'", "postgresql": "TIMESTAMP WITH TIME ZONE '2026-03-01 12:00:00Z'"}


def add_pending(store: Store, account: str, count: int) -> None:
    with store.database.writing() as connection:
        rows = PENDING_ROWS.format(account=account, count=count, at=AT[store.database.dialect])
        connection.execute(text(rows))


def work_of_a_claim(store: Store, busy: Collection[str] = ()) -> int:
    """How many steps a claim takes on SQLite, how many rows it reads on PostgreSQL."""
    queue, done = Deliveries(store.database)._queue, [0]
    with store.database.writing() as connection:
        driver: Any = connection.connection.dbapi_connection
        if store.database.dialect == "sqlite":
            driver.set_progress_handler(lambda: done.append(1), 1)
            queue.claim(connection, max_attempts=2, busy=busy)
            driver.set_progress_handler(None, 1)
            return len(done)
        asked: list[Any] = []
        engine = store.database._engine

        def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
            asked.append((f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters))

        with connection.begin_nested() as claimed:
            event.listen(engine, "before_cursor_execute", note)
            queue.claim(connection, max_attempts=2, busy=busy)
            event.remove(engine, "before_cursor_execute", note)
            claimed.rollback()
        ((plan,),) = connection.exec_driver_sql(*asked[-1]).scalars()
        read = (
            (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
            for node in nodes_of(plan["Plan"])
        )
        return int(sum(read))


def test_a_claim_takes_no_longer_beside_a_backlog(store: Store) -> None:
    add_pending(store, "acme", 100)
    with store.database.writing() as connection:
        # Statistics of few rows have misled PostgreSQL about many.
        connection.exec_driver_sql("ANALYZE")
    few, few_busy = work_of_a_claim(store), work_of_a_claim(store, busy=["acme"])
    add_pending(store, "acme", 5000)
    many, many_busy = work_of_a_claim(store), work_of_a_claim(store, busy=["acme", "other"])
    assert (many < 2 * few, many_busy < 2 * few_busy) == (True, True), (few, many, few_busy, many_busy)


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
