"""What processing costs: ``Processor`` against the same finished rows written by the driver itself, a transaction a delivery.

First every delivery is about a new return; then every one about another status of a return that is known. Then their events go to
a handler. With PostgreSQL each round trip of a delivery and of an event is listed. At last a claim is timed beside 1,000, 10,000 and
100,000 deliveries that are pending, and on PostgreSQL with several threads side by side.

    python tests/benchmarks/processing.py                                  # SQLite
    python tests/benchmarks/processing.py postgresql://user@host/empty     # PostgreSQL: a database for it alone
"""

import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from itertools import groupby
from typing import Any, Final, cast

from attrs import evolve, frozen
from sqlalchemy import event, text
from store_speed import NOON, Rows, a_return, bound, finished, upsert

from returns_hub import (
    Client,
    HttpAnswer,
    Receipt,
    Return,
    ReturnObserved,
    Secret,
    Status,
    WebhookRequest,
    body_digest,
    decode_json,
    dump,
    load,
)
from returns_hub.deliveries import Inbox, Processor
from returns_hub.dispatcher import EventDispatcher
from returns_hub.handlers import HandlerRegistry
from returns_hub.json_codec import encode_json
from returns_hub.store import Store
from returns_hub.store.inbox import Deliveries
from returns_hub.testing.fake import FakeAdapter

COUNT: Final = 1_000
BACKLOGS: Final = (1_000, 10_000, 100_000)
CLAIMS: Final = 20
THREADS: Final = (1, 2, 4)
FILL: Final = """INSERT INTO deliveries (account, dedupe_key, subject, received_at, method, url, headers, body, state, origin, duplicates,
    attempts, due_at, events)
    WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count})
    SELECT 'backlog', 'b' || n, 'r' || (n % {returns}), {at}, 'POST', '', '[]', {body}, 'pending', 'webhook', 0, 0, {at}, 0 FROM numbers"""


class Sending(FakeAdapter):
    """A vendor whose deliveries are returns."""

    def read_webhook(self, request: WebhookRequest) -> Receipt:
        observed = load(decode_json(request.body), Return)
        event = ReturnObserved(name="return", observed=observed, occurred_at=request.received_at)
        return Receipt(events=(event,), answer=HttpAnswer(status=200), dedupe_key=body_digest(request.body))


class Reading:
    """A client that is asked for nothing but how to read."""

    adapter = Sending(api_key=Secret("unused"))


@frozen
class Cost:
    """Seconds by the clock, and of this process's processor."""

    clock: float
    processor: float


@contextmanager
def costing(costs: list[Cost]) -> Iterator[None]:
    began, used = time.perf_counter(), time.process_time()
    yield
    costs.append(Cost(time.perf_counter() - began, time.process_time() - used))


def main(address: str | None) -> None:
    new = [a_return(number) for number in range(COUNT)]
    moved = [evolve(ret, status=Status.RECEIVED, status_raw="received") for ret in new]
    with tempfile.TemporaryDirectory() as directory, Store.open(address or f"sqlite:///{directory}/s.db") as store:
        costs: list[Cost] = []
        dispatcher = a_dispatcher(store)
        write_raw(store, [finished([ret]) for ret in new], receive(store, "raw", new, 0), costs)
        process(store, new, 1, costs)
        process(store, moved, 2, costs)
        with costing(costs):
            handled = dispatcher.dispatch_due()
        assert handled == 2 * COUNT, "not every event was taken"
        raw = costs[0]
        print(f"{'':<38}{'a delivery':>12}{'of raw':>9}{'processor':>12}{'a second':>12}")
        for name, cost, count in zip(
            ("the driver's statements", "a new return each", "another status each", "an event to a handler"),
            costs,
            (COUNT, COUNT, COUNT, 2 * COUNT),
            strict=True,
        ):
            each, of_raw = cost.clock / count, cost.clock / count * COUNT / raw.clock
            used = f"{cost.processor / count * 1e6:.0f} µs"
            print(f"{name:<38}{each * 1e6:>9.0f} µs{of_raw:>9.1f}{used:>12}{1 / each:>12,.0f}")
        if address:
            list_round_trips(store, dispatcher)
            time_threads(store)
        time_claims(store)


def a_dispatcher(store: Store) -> EventDispatcher:
    handlers = HandlerRegistry(awaits=False)
    handlers.on(name="shop")(lambda _: None)
    dispatcher = EventDispatcher(store, handlers)
    dispatcher.subscribe()
    return dispatcher


def list_round_trips(store: Store, dispatcher: EventDispatcher) -> None:
    """Print the round trips to PostgreSQL for one delivery of each kind, and for an event."""
    processor = Processor(store, lambda _: cast("Client", Reading()))
    ret = a_return(COUNT)
    again = evolve(ret, status=Status.RECEIVED, status_raw="received")
    for name, observed, hour in (("a new return", ret, 3), ("another status", again, 4)):
        receive(store, "acme", [observed], hour)
        show_round_trips(store, name, lambda: processor.process_due(1))
    # Up to a hundred events are claimed together, before the first of them is dispatched.
    dispatcher.dispatch_due(1)
    show_round_trips(store, "an event", lambda: dispatcher.dispatch_due(1))


def show_round_trips(store: Store, name: str, do: Callable[[], object]) -> None:
    """Print what is sent to the server meanwhile, a line for each round trip."""

    def begin(driver: Any, *_: object) -> None:
        driver.prepare_threshold = None  # so that it says what it executes
        driver.pgconn.trace(lines.fileno())

    def end(driver: Any, *_: object) -> None:
        driver.pgconn.untrace()

    engine = store.database._engine
    with tempfile.TemporaryFile("w+") as lines:
        event.listen(engine, "checkout", begin)
        event.listen(engine, "checkin", end)
        do()
        event.remove(engine, "checkout", begin)
        event.remove(engine, "checkin", end)
        lines.seek(0)
        sent = re.findall(r"\t([FB])\t\d+\t(?:(?:Parse|Query)\t ([^\n]*(?:\n *SELECT)?))?", lines.read())
    round_trips = [
        [shown(text) for _, text in each if text] for side, each in groupby(sent, lambda one: one[0]) if side == "F"
    ]
    print(f"\n{name}: {len(round_trips)} round trips")
    for number, statements in enumerate(round_trips, 1):
        print(f"  {number}. {'; '.join(statements)}")


def shown(statement: str) -> str:
    found = re.search(r"(?:WITH|SELECT set_config|SELECT|INSERT INTO \w+|UPDATE \w+|DELETE FROM \w+|[A-Z]+)", statement)
    return found[0] if found else statement[:30]


def time_threads(store: Store) -> None:
    print(f"\n{'threads side by side':<38}{'deliveries a second':>22}{'of one':>9}")
    alone = 0.0
    for count in THREADS:
        receive(store, "acme", [a_return(10_000 * count + number) for number in range(COUNT)], 5)
        processor = Processor(store, lambda _: cast("Client", Reading()))
        begun = time.perf_counter()
        with ThreadPoolExecutor(count) as pool:
            done = sum(pool.map(lambda _: processor.process_due(), range(count)))  # noqa: B023 - it ends in the loop
        assert done == COUNT, "not every delivery was processed"
        a_second = COUNT / (time.perf_counter() - begun)
        alone = alone or a_second
        print(f"{count:<38}{a_second:>22,.0f}{a_second / alone:>9.2f}")


def time_claims(store: Store) -> None:
    """Claims beside more and more deliveries that are pending: the next one, and where all of an account have to wait."""
    deliveries = Deliveries(store.database)
    is_server = store.database.dialect == "postgresql"
    at, body = ("now()", "''") if is_server else ("'2026-03-01T12:00:00.000000Z'", "x''")
    print(f"\n{'pending':<38}{'a claim':>12}{'none of a busy account':>26}")
    for count in BACKLOGS:
        with store.database.writing() as connection:
            connection.execute(text("DELETE FROM deliveries"))
            connection.execute(text(FILL.format(count=count, returns=count // 2, at=at, body=body)))
        deliveries.claim(max_attempts=12)
        begun = time.perf_counter()
        assert all(deliveries.claim(max_attempts=12) for _ in range(CLAIMS)), "nothing to claim"
        found = time.perf_counter() - begun
        begun = time.perf_counter()
        assert not any(deliveries.claim(max_attempts=12, busy=["backlog"]) for _ in range(CLAIMS)), "a busy account"
        none = time.perf_counter() - begun
        print(f"{count:<38,}{found / CLAIMS * 1e3:>9.1f} ms{none / CLAIMS * 1e3:>23.1f} ms")


def receive(store: Store, account: str, observed: Sequence[Return], hour: int) -> list[int]:
    """The numbers of the deliveries, stored."""
    numbers = []
    with Inbox(store) as inbox:
        for ret in observed:
            body = encode_json(dump(ret, raw=True)).encode()
            at = NOON + timedelta(hours=hour)
            request = WebhookRequest(method="POST", url="/w", body=body, received_at=at)
            numbers.append(inbox.put(account, request, Reading.adapter.read_webhook(request)))
    return numbers


def process(store: Store, observed: Sequence[Return], hour: int, costs: list[Cost]) -> None:
    receive(store, "acme", observed, hour)
    processor = Processor(store, lambda _: cast("Client", Reading()))
    with costing(costs):
        processed = processor.process_due()
    assert processed == COUNT, "not every delivery was processed"


def write_raw(store: Store, deliveries: Sequence[Rows], numbers: Sequence[int], costs: list[Cost]) -> None:
    """Write what each delivery comes to with the driver itself."""
    connection = store.database.dedicated()
    sqlite = store.database.dialect == "sqlite"
    mark = "?" if sqlite else "%s"
    processed = f"UPDATE deliveries SET state = 'processed', events = 1 WHERE id = {mark}"
    made = [
        [(upsert(table, mark), bound(table, row, store)) for table, some in each.items() for row in some]
        for each in deliveries
    ]
    try:
        with costing(costs):
            for statements, number in zip(made, numbers, strict=True):
                cursor = connection.cursor()
                cursor.execute("BEGIN IMMEDIATE" if sqlite else "BEGIN")
                for statement, values in [*statements, (processed, (number,))]:
                    cursor.execute(statement, values)
                connection.commit()
    finally:
        connection.close()


if __name__ == "__main__":
    main(sys.argv[1] if sys.argv[1:] else None)
