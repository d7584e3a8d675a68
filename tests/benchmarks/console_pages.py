"""How long the server is at each page of the console, over mirrors of a thousand, a hundred thousand and a million returns and deliveries.

Each page is asked for a few times through the whole application, without a network. Said are the median of the time on the clock and of the
processor's time, which a busy machine does not lengthen.

    python tests/benchmarks/console_pages.py                       # SQLite, some minutes
    python tests/benchmarks/console_pages.py --sizes 1000 10000
    python tests/benchmarks/console_pages.py --store postgresql://user@host/empty --sizes 100000
"""

import argparse
import asyncio
import re
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from mirror_queries import ACCOUNTS, fill
from sqlalchemy import text

from returns_hub import Account, Hub
from returns_hub.console import create_console
from returns_hub.store import Store

AIM_MS: Final = 100.0
SIZES: Final = (1_000, 100_000, 1_000_000)
REPEATS: Final = 7
# Rows beyond these are copies of them under other ids: making returns takes longer than asking for them.
MADE: Final = 100_000
NAMED: Final = re.compile(r":(copy|behind|most)\b")
COPIES: Final = (
    """INSERT INTO returns (account, id, provider, number, kind, status, status_raw, attention, order_number, customer_email, created_at, object)
       SELECT account, id || :copy, provider, number || :copy, kind, status, status_raw, attention, order_number || :copy, customer_email, created_at, object
       FROM returns WHERE instr(id, '-') = 0""",
    """INSERT INTO merge_state (account, return_id, at, seen_at, fingerprint, layers)
       SELECT account, return_id || :copy, at, seen_at, fingerprint, layers FROM merge_state WHERE instr(return_id, '-') = 0""",
    """INSERT INTO terms (term, created_at, account, return_id)
       SELECT CASE WHEN term LIKE 'sku:%' OR term LIKE 'email:%' OR term LIKE 'attention:%' THEN term ELSE term || :copy END,
       created_at, account, return_id || :copy FROM terms WHERE instr(return_id, '-') = 0""",
    """INSERT INTO events (sequence, id, type, account, return_id, occurred_at, recorded_at, origin, changes)
       SELECT sequence + :behind, id || :copy, type, account, return_id || :copy, occurred_at, recorded_at, origin, changes FROM events WHERE sequence <= :most""",
)  # fmt: skip
# Deliveries of a week, of which the newest are dead or pending, as they come: a thousand at a time.
DELIVERIES: Final = {
    "sqlite": """
        WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < :count - 1)
        INSERT INTO deliveries (account, dedupe_key, subject, received_at, method, url, headers, body, state, origin, duplicates, attempts, due_at, events)
        SELECT 'shop-0' || (i % 10), 'key-' || i, printf('rma_%08x', i),
            strftime('%Y-%m-%dT%H:%M:%S.000000Z', 'now', '-' || CAST(604800.0 * (:count - i) / :count AS INTEGER) || ' seconds'),
            'POST', '/', '[]', x'7b7d', CASE WHEN i % 500 = 0 THEN 'dead' ELSE 'processed' END, 'webhook', 0, 1, '2026-01-01T00:00:00.000000Z', 1 FROM n
        """,
    "postgresql": """
        INSERT INTO deliveries (account, dedupe_key, subject, received_at, method, url, headers, body, state, origin, duplicates, attempts, due_at, events)
        SELECT 'shop-0' || (i % 10), 'key-' || i, 'rma_' || lpad(to_hex(i), 8, '0'), now() - (604800.0 * (:count - i) / :count) * interval '1 second',
            'POST', '/', '[]', '{}', CASE WHEN i % 500 = 0 THEN 'dead' ELSE 'processed' END, 'webhook', 0, 1, now(), 1 FROM generate_series(0, :count - 1) i
        """,
}  # fmt: skip


def pages(count: int) -> Mapping[str, str]:
    """The pages by what they are."""
    chosen = min(count, MADE) // 2
    middle = f"rma_{chosen:08x}"
    account = ACCOUNTS[chosen % len(ACCOUNTS)]
    return {
        "home": "/console/",
        "returns, the newest": "/console/returns",
        "returns, rare attention": "/console/returns?attention=label_failed",
        "returns, a status in an account": f"/console/returns?status=requested&account={account}",
        "returns, one SKU": "/console/returns?sku=PROD-00001",
        "found by order": f"/console/returns?find=%23{chosen:08d}",
        "a return": f"/console/returns/{account}/{middle}",
        "deliveries, the newest": "/console/deliveries",
        "deliveries, dead of an account": f"/console/deliveries?state=dead&account={ACCOUNTS[0]}",
        "a delivery": f"/console/deliveries/{count // 2}",
        "handlers": "/console/handlers",
        "refused": "/console/refused",
        "accounts": "/console/accounts",
        "an account": f"/console/accounts/{account}",
        "audit": "/console/audit",
    }


def main() -> None:
    """Fill, ask, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--store", default="")
    arguments = parser.parse_args()
    found: dict[str, list[str]] = {}
    for count in arguments.sizes:
        with tempfile.TemporaryDirectory() as folder:
            address = arguments.store or f"sqlite:///{Path(folder) / 'returns.db'}"
            for what, (wall, processor) in measure(address, count).items():
                print(f"{count:>9,} {what:<36}{wall:>8.1f} ms{processor:>8.1f} ms of the processor", flush=True)
                found.setdefault(what, []).append(f"{wall:.0f} ({processor:.0f})")
    print("| page | " + " | ".join(f"{count:,}" for count in arguments.sizes) + " |")
    print("| --- |" + " --- |" * len(arguments.sizes))
    for what, cells in found.items():
        print(f"| {what} | " + " | ".join(cells) + " |")
    print(f"milliseconds on the clock (of the processor), medians of {REPEATS}; aim: below {AIM_MS:.0f}")


def measure(address: str, count: int) -> dict[str, tuple[float, float]]:
    """Milliseconds of each page, on the clock and of the processor."""
    with Store.open(address) as store:
        fill(store, min(count, MADE))
        with store.database.writing() as connection:
            for copy in range(1, -(-count // MADE)):
                values = {"copy": f"-{copy}", "behind": copy * MADE, "most": MADE}
                for statement in COPIES:
                    connection.execute(text(statement), {name: values[name] for name in NAMED.findall(statement)})
        with store.database.writing() as connection:
            connection.execute(text(DELIVERIES[store.database.dialect]), {"count": count})
    accounts = [Account(name=name, provider="returnmate", options={"api_key": "k"}) for name in ACCOUNTS]
    with Hub(accounts, store=address) as hub:
        console = create_console(hub)
        return {what: _median(console, path) for what, path in pages(count).items()}


def _median(console: Any, path: str) -> tuple[float, float]:
    times = []
    for _ in range(REPEATS + 1):
        wall, processor = time.perf_counter(), time.process_time()
        status, location = asyncio.run(_ask(console, path))
        if status == 303:
            status, _ = asyncio.run(_ask(console, location))
        times.append((1000 * (time.perf_counter() - wall), 1000 * (time.process_time() - processor)))
        if status != 200:
            raise SystemExit(f"{path}: answered {status}")
    _, *rest = times
    walls, processors = zip(*rest, strict=True)
    return statistics.median(walls), statistics.median(processors)


async def _ask(console: Any, path: str) -> tuple[int, str]:
    target = urlsplit(path)
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": unquote(target.path),
        "root_path": "",
        "query_string": target.query.encode(),
        "headers": [(b"host", b"127.0.0.1")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "scheme": "http",
    }
    await console(scope, receive, send)
    headers = {name: value.decode() for name, value in sent[0]["headers"]}
    return int(sent[0]["status"]), headers.get(b"location", "")


if __name__ == "__main__":
    main()
