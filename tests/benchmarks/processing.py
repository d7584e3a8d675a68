"""What processing a delivery costs, against the same rows written by the database's own driver, and nothing else.

The driver gets finished rows: one transaction a delivery, in which the delivery is marked as processed. The processor claims the
delivery, parses it, looks up what is known, merges, makes the events, and commits all that. One thread each. First every delivery
tells of a new return; then every one of another status of a return that is known.

    python tests/benchmarks/processing.py                                  # SQLite
    python tests/benchmarks/processing.py postgresql://user@host/empty     # PostgreSQL: a database for it alone
"""

import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Final, cast

from attrs import evolve
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
from returns_hub.json_codec import encode_json
from returns_hub.store import Store
from returns_hub.testing.fake import FakeAdapter

COUNT: Final = 500


class Telling(FakeAdapter):
    """A vendor whose deliveries are returns."""

    def read_webhook(self, request: WebhookRequest) -> Receipt:
        told = load(decode_json(request.body), Return)
        event = ReturnObserved(name="told", observed=told, occurred_at=request.received_at)
        return Receipt(events=(event,), answer=HttpAnswer(status=200), dedupe_key=body_digest(request.body))


class Reading:
    """A client that is asked for nothing but how to read."""

    adapter = Telling(api_key=Secret("unused"))


def main(address: str | None) -> None:
    new = [a_return(number) for number in range(COUNT)]
    moved = [evolve(ret, status=Status.RECEIVED, status_raw="received") for ret in new]
    with tempfile.TemporaryDirectory() as directory, Store.open(address or f"sqlite:///{directory}/s.db") as store:
        raw = write_raw(store, [finished([ret]) for ret in new], receive(store, "raw", new, 0))
        first = process(store, new, 1)
        second = process(store, moved, 2)
    print(f"{'':<38}{'a delivery':>12}{'of raw':>9}{'deliveries a second':>22}")
    for name, seconds in (
        ("the driver's statements", raw),
        ("Processor, a new return each", first),
        ("Processor, another status each", second),
    ):
        print(f"{name:<38}{seconds / COUNT * 1e6:>9.0f} µs{seconds / raw:>9.1f}{COUNT / seconds:>22,.0f}")


def receive(store: Store, account: str, told: Sequence[Return], hour: int) -> list[int]:
    """The numbers of the deliveries, stored."""
    numbers = []
    with Inbox(store) as inbox:
        for ret in told:
            body = encode_json(dump(ret, raw=True)).encode()
            at = NOON + timedelta(hours=hour)
            request = WebhookRequest(method="POST", url="/w", body=body, received_at=at)
            numbers.append(inbox.put(account, request, Reading.adapter.read_webhook(request)))
    return numbers


def process(store: Store, told: Sequence[Return], hour: int) -> float:
    receive(store, "acme", told, hour)
    processor = Processor(store, lambda _: cast("Client", Reading()))
    begun = time.perf_counter()
    processed = processor.process_due()
    seconds = time.perf_counter() - begun
    assert processed == COUNT, "not every delivery was processed"
    return seconds


def write_raw(store: Store, deliveries: Sequence[Rows], numbers: Sequence[int]) -> float:
    """Write what each delivery comes to with the driver itself; the seconds that took."""
    connection = store.database.dedicated()
    sqlite = store.database.dialect == "sqlite"
    mark = "?" if sqlite else "%s"
    processed = f"UPDATE deliveries SET state = 'processed', events = 1 WHERE id = {mark}"
    made = [
        [(upsert(table, mark), bound(table, row, store)) for table, told in each.items() for row in told]
        for each in deliveries
    ]
    begun = time.perf_counter()
    try:
        for statements, number in zip(made, numbers, strict=True):
            cursor = connection.cursor()
            cursor.execute("BEGIN IMMEDIATE" if sqlite else "BEGIN")
            for statement, values in [*statements, (processed, (number,))]:
                cursor.execute(statement, values)
            connection.commit()
    finally:
        connection.close()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main(sys.argv[1] if sys.argv[1:] else None)
