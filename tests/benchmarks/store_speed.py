"""What storing a page costs: ``Store.apply`` against the same rows written by the database's own driver, and nothing else.

The driver gets finished rows, one bulk upsert a table and page. ``apply`` is given what an adapter read: it encodes it, looks up
what is known, merges, makes events and writes all of it. Pages of 100 RMAs, a transaction each; then all of them once more,
unchanged.

    python tests/benchmarks/store_speed.py                                  # SQLite
    python tests/benchmarks/store_speed.py postgresql://user@host/empty     # PostgreSQL: a database for it alone
"""

import contextlib
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from attrs import define
from sqlalchemy import PoolProxiedConnection, Table

from returns_hub import Customer, Item, OrderRef, Reason, Return, Status
from returns_hub.events import Origin
from returns_hub.merge import Observation, merge, observed
from returns_hub.store import Store, rows
from returns_hub.store.schema import EVENTS, ITEMS, MERGE_STATE, NAMES, RETURNS, TERMS
from returns_hub.store.search import terms_of

PAGES: Final = 100
ROWS: Final = 100
NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)

Rows = Mapping[Table, Sequence[Mapping[str, Any]]]


def main(address: str | None) -> None:
    raw, new, again = Costs(), Costs(), Costs()
    with (
        tempfile.TemporaryDirectory() as directory,
        Store.open(address or f"sqlite:///{Path(directory)}/raw.db") as bare,
        Store.open(address or f"sqlite:///{Path(directory)}/store.db") as store,
        contextlib.closing(bare.database.dedicated()) as connection,
    ):
        # In turns: what else the machine does slows down all of them alike.
        for number in range(PAGES):
            write_raw(bare, connection, finished(a_page(number)), raw)
            apply(store, number, a_page(number), NOON, new)
        for number in range(PAGES):
            apply(store, number, a_page(number), NOON + timedelta(hours=1), again)
        events = sum(1 for _ in store.events(account="acme"))
    count = PAGES * ROWS
    assert events == count, "not every return was emitted once"
    print(f"{'':<34}{'a record':>10}{'processor':>11}{'of raw':>9}{'processor':>11}")
    for name, costs in (
        ("the driver's bulk upsert", raw),
        ("Store.apply, all new", new),
        ("Store.apply, unchanged", again),
    ):
        clock, processor = (1e6 * each / count for each in (costs.clock, costs.processor))
        of_raw = f"{costs.clock / raw.clock:>9.2f}{costs.processor / raw.processor:>11.2f}"
        print(f"{name:<34}{clock:>7.0f} µs{processor:>8.0f} µs{of_raw}")


@define
class Costs:
    """Seconds by the clock, and of this process's processor."""

    clock: float = 0.0
    processor: float = 0.0

    @contextlib.contextmanager
    def measured(self) -> Iterator[None]:
        clock, processor = time.perf_counter(), time.process_time()
        yield
        self.clock += time.perf_counter() - clock
        self.processor += time.process_time() - processor


def a_page(number: int) -> list[Return]:
    """Made anew when it is wanted: a sync has one page in memory, and no more is for the collector to look through."""
    return [a_return(number * ROWS + row) for row in range(ROWS)]


def a_return(number: int) -> Return:
    items = [{"sku": f"PROD-{number % 97:03d}", "quantity": 1, "reason": "defective"}]
    raw = {
        "id": f"rma_{number:08d}",
        "status": "completed",
        "order_number": f"#{number}",
        "customer": {"email": f"customer{number % 997}@example.com", "name": f"Customer {number % 997}"},
        "items": items,
    }
    return Return(
        provider="returnmate",
        id=f"rma_{number:08d}",
        number=f"RMA-{number:08d}",
        status=Status.CLOSED,
        status_raw="completed",
        order=OrderRef(number=f"#{number}"),
        customer=Customer(email=f"customer{number % 997}@example.com", name=f"Customer {number % 997}"),
        items=(Item(sku=f"PROD-{number % 97:03d}", reason=Reason(code="defective"), raw=items[0]),),
        created_at=NOON - timedelta(minutes=number),
        raw=raw,
    )


def finished(page: Iterable[Return]) -> Rows:
    """The rows that a page comes to."""
    merged = [merge(None, seen(ret, NOON), account="raw") for ret in page]
    encoded = [rows.EncodedReturn.of(each.state.ret) for each in merged]
    return {
        RETURNS: [rows.return_row("raw", each) for each in encoded],
        MERGE_STATE: [rows.merge_row("raw", each.state, rows.fingerprint(each.state.ret.id)) for each in merged],
        ITEMS: [row for each in encoded for row in rows.item_rows("raw", each)],
        NAMES: [
            {"account": "raw", "name": name, "return_id": each.ret.id}
            for each in encoded
            for name in rows.names(each.ret)
        ],
        TERMS: [
            {"account": "raw", "term": term, "return_id": each.ret.id, "created_at": each.ret.created_at}
            for each in encoded
            for term in terms_of(each.data)
        ],
        EVENTS: [rows.event_row(event) for each in merged for event in each.events],
    }


def seen(ret: Return, at: datetime) -> Observation:
    return observed(ret, seen_at=at, origin=Origin.BACKFILL)


def write_raw(store: Store, connection: PoolProxiedConnection, page: Rows, costs: Costs) -> None:
    """Write a page with the driver itself; what it takes to make the rows is not counted."""
    is_file = store.database.dialect == "sqlite"
    mark = "?" if is_file else "%s"
    bulks = [(upsert(table, mark), [bound(table, row, store) for row in page[table]]) for table in page]
    with costs.measured():
        cursor = connection.cursor()
        if is_file:
            cursor.execute("BEGIN IMMEDIATE")
        for statement, values in bulks:
            cursor.executemany(statement, values)
        connection.commit()


def upsert(table: Table, mark: str) -> str:
    columns = [column.name for column in table.c if column.name != "sequence"]
    key = ["id"] if table is EVENTS else [column.name for column in table.primary_key]
    changes = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in key)
    marks = ", ".join(mark for _ in columns)
    conflict = f"DO UPDATE SET {changes}" if changes else "DO NOTHING"
    return f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks}) ON CONFLICT ({', '.join(key)}) {conflict}"


def bound(table: Table, row: Mapping[str, Any], store: Store) -> tuple[Any, ...]:
    """The row as the driver takes it."""
    values = []
    for column in table.c:
        if column.name != "sequence":
            value = row.get(column.name)
            if isinstance(value, datetime) and store.database.dialect == "sqlite":
                value = value.isoformat(timespec="microseconds").replace("+00:00", "Z")
            values.append(value)
    return tuple(values)


def apply(store: Store, number: int, page: Sequence[Return], at: datetime, costs: Costs) -> None:
    with costs.measured():
        store.apply("acme", [seen(ret, at) for ret in page], checkpoints={"page": number})


if __name__ == "__main__":
    main(sys.argv[1] if sys.argv[1:] else None)
