"""How long the questions take that people and programs wait for, in a mirror of a million returns.

The rows are those that the store writes, put in by the database's own bulk way. Each question is asked through ``Hub`` a few times, each time
with other words, and its answer is read as far as a table or a page shows it (50 returns, 500 events).

    python tests/benchmarks/mirror_queries.py                                            # SQLite, 1,000,000 returns, some minutes
    python tests/benchmarks/mirror_queries.py --returns 100000
    python tests/benchmarks/mirror_queries.py --store postgresql://user@host/empty       # a database for it alone
    python tests/benchmarks/mirror_queries.py --store sqlite:///file.db                  # kept, and asked again the next time
"""

import argparse
import itertools
import math
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Table

from returns_hub import (
    Account,
    Attention,
    Customer,
    Hub,
    Item,
    OrderRef,
    Return,
    ReturnCreated,
    Shipment,
    ShipmentStatus,
    Status,
)
from returns_hub.events import Origin
from returns_hub.merge import Layer, Stamp, State
from returns_hub.store import Store, rows
from returns_hub.store.schema import (
    CHECKPOINTS,
    CONSUMERS,
    EVENTS,
    ITEMS,
    MERGE_STATE,
    NAMES,
    RETURNS,
    SHIPMENTS,
    TERMS,
)
from returns_hub.store.search import UNDATED, terms_of
from returns_hub.store.subscriptions import Subscriptions

AIM_MS: Final = 20.0
ACCOUNTS: Final = tuple(f"shop-{number:02d}" for number in range(10))
BEGIN: Final = datetime(2020, 1, 1, tzinfo=UTC)
GAP: Final = timedelta(minutes=3)
SKUS: Final = 5_000
AT_ONCE: Final = 5_000
TABLES: Final = (RETURNS, ITEMS, SHIPMENTS, MERGE_STATE, NAMES, TERMS, EVENTS)
# How often a return stands where; the last one is common, and the first one is not there at all.
STATUSES: Final = (
    *((Status.REQUESTED, 0.04), (Status.APPROVED, 0.04), (Status.IN_TRANSIT, 0.05), (Status.RECEIVED, 0.04)),
    *((Status.REJECTED, 0.03), (Status.RESOLVED, 0.10), (Status.CLOSED, 0.70)),
)

Rows = Mapping[Table, Sequence[Mapping[str, Any]]]


def a_return(number: int, chance: random.Random) -> Return:
    """A return of two items that stands somewhere, one in twenty of them with something to look at."""
    status = chance.choices([status for status, _ in STATUSES], [weight for _, weight in STATUSES])[0]
    seen = chance.random()
    attention = {Attention.REVIEW} if seen < 0.04 else {Attention.LABEL_FAILED} if seen < 0.05 else set()
    lines: list[dict[str, Any]] = [
        {"sku": f"PROD-{int(SKUS * chance.random() ** 2):05d}", "quantity": 1, "price": 19.95} for _ in range(2)
    ]
    email = f"customer{chance.randrange(10**9) % 400_000}@example.com"
    raw = {
        "id": f"rma_{number:08x}",
        "rma_number": f"RMA-{number:08d}",
        "status": status.value,
        "order_number": f"#{number:08d}",
        "customer": {"email": email, "name": "Jane Doe"},
        "items": lines,
    }
    return Return(
        provider="returnmate",
        id=f"rma_{number:08x}",
        number=f"RMA-{number:08d}",
        status=status,
        status_raw=status.value,
        attention=frozenset(attention),
        order=OrderRef(number=f"#{number:08d}"),
        customer=Customer(email=email, name="Jane Doe"),
        items=tuple(Item(id=f"{number}-{place}", sku=line["sku"], raw=line) for place, line in enumerate(lines)),
        shipments=(Shipment(id=f"s{number}", tracking_number=f"1Z{number:012d}", status=ShipmentStatus.IN_TRANSIT),),
        created_at=BEGIN + GAP * number,
        raw=raw,
    )


def rows_of(number: int, chance: random.Random) -> Iterator[tuple[Table, Mapping[str, Any]]]:
    """The rows of a return, as the store writes them."""
    account, ret = ACCOUNTS[number % len(ACCOUNTS)], a_return(number, chance)
    encoded = rows.EncodedReturn.of(ret)
    state = State(ret=ret, layers=(Layer(stamp=Stamp(BEGIN, BEGIN), ret=ret),))
    key = {"account": account, "return_id": ret.id}
    yield RETURNS, rows.return_row(account, encoded)
    yield MERGE_STATE, rows.merge_row(account, state, rows.digest_return(ret) or "")
    yield from ((ITEMS, row) for row in rows.item_rows(account, encoded))
    yield from ((SHIPMENTS, row) for row in rows.shipment_rows(account, encoded))
    yield from ((NAMES, {**key, "name": name}) for name in rows.names(ret))
    created_at = ret.created_at or UNDATED
    yield from ((TERMS, {**key, "term": term, "created_at": created_at}) for term in terms_of(encoded.data))
    event = ReturnCreated(
        id=f"{number:032x}",
        account=account,
        return_id=ret.id,
        occurred_at=BEGIN,
        recorded_at=BEGIN,
        origin=Origin.BACKFILL,
        changes={"status": (None, ret.status.value), "status_raw": (None, ret.status_raw)},
    )
    yield EVENTS, {"sequence": number + 1, **rows.event_row(event)}


def fill(store: Store, count: int) -> None:
    """Put so many returns into an empty mirror."""
    chance = random.Random(15)
    with closing(store.database.dedicated()) as connection:
        write = _write_sqlite if store.database.dialect == "sqlite" else _write_postgresql
        cursor = connection.cursor()
        if store.database.dialect == "sqlite":
            for pragma in ("cache_size = -1500000", "synchronous = OFF", "secure_delete = OFF"):
                cursor.execute(f"PRAGMA {pragma}")
        for begin in range(0, count, AT_ONCE):
            new_rows: dict[Table, list[Mapping[str, Any]]] = {table: [] for table in TABLES}
            for number in range(begin, min(begin + AT_ONCE, count)):
                for table, row in rows_of(number, chance):
                    new_rows[table].append(row)
            write(cursor, new_rows)
            connection.commit()
        others: Rows = {
            CONSUMERS: [{"name": f"handler-{n}", "after": n * count // 4, "updated_at": BEGIN} for n in range(5)],
            CHECKPOINTS: [
                {"account": account, "name": name, "value": "null"} for account in ACCOUNTS for name in ("a", "b", "c")
            ],
        }
        write(cursor, others)
        connection.commit()
        if store.database.dialect == "postgresql":
            connection.driver_connection.limit = math.inf  # type: ignore[union-attr]
            cursor.execute("SELECT setval(pg_get_serial_sequence('events', 'sequence'), %s)", (count,))
            cursor.execute("ANALYZE")
            connection.commit()


def _columns(table: Table, new_rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return [column.name for column in table.c if column.name in new_rows[0]]


def _write_sqlite(cursor: Any, new_rows: Rows) -> None:
    cursor.execute("BEGIN")
    for table, some in new_rows.items():
        columns = _columns(table, some)
        marks = ", ".join("?" * len(columns))
        values = ([_text(row[column]) for column in columns] for row in some)
        cursor.executemany(f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks})", values)


def _text(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return value


def _write_postgresql(cursor: Any, new_rows: Rows) -> None:
    for table, some in new_rows.items():
        columns = _columns(table, some)
        with cursor.copy(f"COPY {table.name} ({', '.join(columns)}) FROM STDIN") as copy:
            for row in some:
                copy.write_row([row[column] for column in columns])


def questions(hub: Hub, store: Store, count: int) -> dict[str, Callable[[random.Random], object]]:
    """The questions by their names; each is asked with words of its own choice."""

    def number(chance: random.Random) -> int:
        return chance.randrange(count)

    filters: dict[str, Callable[[random.Random], Any]] = {
        "account": lambda chance: chance.choice(ACCOUNTS),
        "status": lambda chance: chance.choice([*Status]),
        "attention": lambda chance: chance.choice([Attention.REVIEW, Attention.LABEL_FAILED, Attention.ON_HOLD]),
        "since": lambda chance: BEGIN + GAP * number(chance),
        "order": lambda chance: f"#{number(chance):08d}",
        "number": lambda chance: f"RMA-{number(chance):08d}",
        "email": lambda chance: f"customer{chance.randrange(400_000)}@example.com",
        "tracking": lambda chance: f"1Z{number(chance):012d}",
        "sku": lambda chance: f"PROD-{chance.choice([0, 1, SKUS // 2, SKUS - 1]):05d}",
    }

    def returns(*names: str) -> Callable[[random.Random], object]:
        return lambda chance: list(hub.returns(**{name: filters[name](chance) for name in names}, limit=51))

    def key(chance: random.Random) -> tuple[str, str]:
        chosen = number(chance)
        return ACCOUNTS[chosen % len(ACCOUNTS)], f"rma_{chosen:08x}"

    def show(chance: random.Random) -> object:
        account, return_id = key(chance)
        return hub.get_return(account, return_id), list(hub.events(account=account, return_id=return_id))

    subscriptions = Subscriptions(store.database)
    return {
        "returns": returns(),
        **{f"returns {name}": returns(name) for name in filters},
        **{f"returns {' + '.join(pair)}": returns(*pair) for pair in itertools.combinations(filters, 2)},
        **{f"find {name}": _finding(hub, filters[name]) for name in ("order", "number", "email", "tracking", "sku")},
        "find id": lambda chance: list(hub.find(key(chance)[1], limit=51)),
        "find nothing": lambda chance: list(hub.find(f"none-{number(chance)}", limit=51)),
        "show": show,
        "events --after": lambda chance: list(hub.events(after=number(chance), limit=500)),
        "events --after, account": lambda chance: list(
            hub.events(after=number(chance), account=chance.choice(ACCOUNTS), limit=500)
        ),
        "events (latest)": lambda _: list(hub.events(latest=50)),
        "handler's next page": lambda chance: subscriptions.claim(
            f"handler-{chance.randrange(4)}", ["return.created"], max_attempts=3
        ),
        "handler's next page, passing over backfill": lambda chance: subscriptions.claim(
            f"handler-{chance.randrange(4)}", ["return.status_changed"], max_attempts=3, backfill=False
        ),
        "/healthz": lambda _: hub.health(),
        "doctor: unreadable fields": lambda chance: hub.unreadable_fields(chance.choice(ACCOUNTS)),
        "doctor: store": lambda _: list(hub.returns(limit=1)),
    }


def _finding(hub: Hub, word: Callable[[random.Random], Any]) -> Callable[[random.Random], object]:
    return lambda chance: list(hub.find(word(chance), limit=51))


def ask(question: Callable[[random.Random], object], rounds: int) -> tuple[list[float], list[float]]:
    """The milliseconds of each asking, and those of this process's processor time.

    The first one opens connections and prepares statements, and is not counted.
    """
    chance = random.Random(7)
    taken, worked = [], []
    for _ in range(rounds + 1):
        begun, begun_working = time.perf_counter(), time.process_time()
        question(chance)
        taken.append((time.perf_counter() - begun) * 1e3)
        worked.append((time.process_time() - begun_working) * 1e3)
    return taken[1:], worked[1:]


def main(address: str, count: int, rounds: int) -> int:
    slow = 0
    accounts = [Account(name=name, provider="returnmate", options={"api_key": "none"}) for name in ACCOUNTS]
    with Store.open(address) as store, Hub(accounts, store=address) as hub:
        if next(store.returns(limit=1), None) is None:
            begun = time.perf_counter()
            fill(store, count)
            print(f"{count:,} returns put in within {time.perf_counter() - begun:.0f} s", flush=True)
        print(f"{'':<46}{'fastest':>11}{'median':>11}{'processor':>11}")
        for name, question in questions(hub, store, count).items():
            taken, worked = ask(question, rounds)
            slow += min(taken) > AIM_MS
            figures = "".join(f"{each:>8.1f} ms" for each in (min(taken), *map(statistics.median, (taken, worked))))
            print(f"{name:<46}{figures}{'  above the aim' if min(taken) > AIM_MS else ''}", flush=True)
    print(f"aim: {AIM_MS:g} ms at most; {slow} above it")
    return 1 if slow else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", help="the address of a mirror that is kept; without one, a SQLite file that is not")
    parser.add_argument("--returns", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=15)
    chosen = parser.parse_args()
    if chosen.store:
        sys.exit(main(chosen.store, chosen.returns, chosen.rounds))
    with tempfile.TemporaryDirectory() as directory:
        sys.exit(main(f"sqlite:///{Path(directory)}/mirror.db", chosen.returns, chosen.rounds))
