"""How long a page of 100 RMAs takes from bytes to Return objects, as a ratio to ``orjson.loads`` of the same bytes.

    python tests/benchmarks/decode.py [--rounds N] [--max-ratio R]

Rounds are interleaved, so that whatever else the machine does falls on both alike; medians are compared. With
``--max-ratio`` the exit status is 1 above it.
"""

import argparse
import gc
import json
import statistics
import sys
import time
from collections.abc import Callable

import orjson

from returns_hub import Page, Reply, Return, ReturnQuery, Secret, decode_json
from returns_hub_returnmate import ReturnMate

ROWS = 100
STATUSES = ("pending", "approved", "label_sent", "in_transit", "received", "completed", "rejected")
REASONS = (
    ("defective", "Screen not working"),
    ("wrong_size", "Ordered M, would need L"),
    ("changed_mind", None),
)
PRODUCTS = (
    ("PROD-001", "Wireless headphones, black"),
    ("PROD-014", "Merino crew neck, navy, M"),
    ("PROD-107", "Travel kettle 0.8 l"),
)
NAMES = ("John Smith", "Ana María Gómez", "Priya Raman", "Łukasz Nowak")


def rma(number: int) -> dict[str, object]:
    """A row as the list of the ReturnMate API Reference shows it; its items as the reference writes them."""
    return {
        "id": f"rma_{number:06x}",
        "rma_number": f"RMA-2024-{number:06d}",
        "status": STATUSES[number % len(STATUSES)],
        "order_number": f"#{1001 + number}",
        "customer": {"email": f"customer{number}@example.com", "name": NAMES[number % len(NAMES)]},
        "items": [item(number + line) for line in range(1 + number % 3)],
        "created_at": f"2024-12-{1 + number % 28:02d}T10:30:{number % 60:02d}Z",
    }


def item(number: int) -> dict[str, object]:
    sku, name = PRODUCTS[number % len(PRODUCTS)]
    reason, notes = REASONS[number % len(REASONS)]
    return {
        "id": f"item_{number:06x}",
        "sku": sku,
        "name": name,
        "quantity": 1 + number % 2,
        "reason": reason,
        "notes": notes,
        "price": 19.95 + number,
    }


def decode(adapter: ReturnMate, reply: Reply) -> Page[Return]:
    operation = adapter.list_returns(ReturnQuery())
    next(operation)
    try:
        operation.send(reply)
    except StopIteration as stop:
        page: Page[Return] = stop.value
        return page
    raise AssertionError("one reply is enough for one page")


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    for _ in range(10):
        work()
    return (time.perf_counter() - started) / 10


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--max-ratio", type=float)
    arguments = parser.parse_args()

    rows = [rma(number) for number in range(ROWS)]
    body = json.dumps({"success": True, "data": rows, "meta": {"page": 1, "per_page": ROWS, "total": 150}}).encode()
    adapter = ReturnMate(api_key=Secret("benchmark"))

    page = decode(adapter, Reply(status=200, body=body))
    assert len(page.items) == ROWS
    assert not page.invalid_records
    assert page.items[0].items[0].sku == "PROD-001"

    baseline, decoded, mapped = [], [], []
    gc.collect()
    for _ in range(arguments.rounds):
        baseline.append(seconds(lambda: orjson.loads(body)))
        decoded.append(seconds(lambda: decode_json(body)))
        mapped.append(seconds(lambda: decode(adapter, Reply(status=200, body=body))))
    ratio = statistics.median(mapped) / statistics.median(baseline)
    json_ratio = statistics.median(decoded) / statistics.median(baseline)
    rate = ROWS / statistics.median(mapped)
    items = sum(len(ret.items) for ret in page.items)
    print(f"page: {ROWS} RMAs, {items} items, {len(body):,} bytes")
    print(f"orjson.loads: {statistics.median(baseline) * 1e6:,.0f} µs")
    print(f"bytes to Return: {statistics.median(mapped) * 1e6:,.0f} µs, {rate:,.0f} records/s")
    print(f"ratio: {ratio:.2f}, of which JSON to exact Python values: {json_ratio:.2f}")
    return int(arguments.max_ratio is not None and ratio > arguments.max_ratio)


if __name__ == "__main__":
    sys.exit(main())
