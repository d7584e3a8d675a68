"""What a return takes in the mirror, table by table, and the processor time to store it: 5,000 RMAs with two items each, on average.

python tests/benchmarks/store_size.py                                  # SQLite
python tests/benchmarks/store_size.py postgresql://user@host/empty     # PostgreSQL: a database for it alone
"""

import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from decode import decode, rma
from sqlalchemy import text

from returns_hub import Origin, Reply, Return, Secret
from returns_hub.merge import observed
from returns_hub.store import Store
from returns_hub_returnmate import ReturnMate

RETURNS: Final = 5_000
PAGE: Final = 100
NOON: Final = datetime(2025, 1, 1, 12, tzinfo=UTC)
SIZES: Final = {
    "sqlite": "SELECT name, sum(pgsize) FROM dbstat GROUP BY name ORDER BY 2 DESC",
    "postgresql": "SELECT relname, pg_relation_size(oid) FROM pg_class WHERE relkind IN ('r', 'i', 't') ORDER BY 2 DESC",
}


def pages() -> Iterator[Sequence[Return]]:
    """The RMAs as the adapter reads them."""
    adapter = ReturnMate(api_key=Secret("none"))
    for begin in range(0, RETURNS, PAGE):
        rows = [rma(number) for number in range(begin, begin + PAGE)]
        page = {"page": 1, "limit": PAGE, "total": PAGE, "total_pages": 1}
        body = json.dumps({"data": rows, "pagination": page}).encode()
        yield decode(adapter, Reply(status=200, headers={}, body=body)).items


def store_all(store: Store, at: datetime) -> float:
    """Store the RMAs; the microseconds of this process's processor time for each."""
    worked = 0.0
    for page in pages():
        begun = time.process_time()
        store.apply("acme", [observed(ret, seen_at=at, origin=Origin.BACKFILL) for ret in page])
        worked += time.process_time() - begun
    return worked / RETURNS * 1e6


def main(address: str) -> None:
    with Store.open(address) as store:
        print(f"{'new':<44}{store_all(store, NOON):>8.0f} µs of this process")
        print(f"{'again, unchanged':<44}{store_all(store, NOON + timedelta(hours=1)):>8.0f} µs of this process")
        with store.database.reading() as connection:
            sizes = [(row[0], row[1] / RETURNS) for row in connection.execute(text(SIZES[store.database.dialect]))]
    for name, size in sizes:
        if size >= 10 and not name.startswith("pg_"):
            print(f"{name:<44}{size:>8.0f} bytes a return")
    print(f"{'in all':<44}{sum(size for name, size in sizes if not name.startswith('pg_')):>8.0f} bytes a return")


if __name__ == "__main__":
    if sys.argv[1:]:
        main(sys.argv[1])
    else:
        with tempfile.TemporaryDirectory() as directory:
            main(f"sqlite:///{Path(directory)}/mirror.db")
