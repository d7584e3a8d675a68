"""What a page of returns costs from bytes to ``Return`` objects, as a ratio to ``orjson.loads`` of the same bytes, for every vendor.

    python tests/benchmarks/decode.py [PROVIDER ...] [--rounds N] [--profile]

ReturnMate's page is made of rows as its reference shows them; the others' are what their simulators answered. A listing is
asked for its page once, over HTTP, and then given the same replies again and again. Processor time: rounds are interleaved, so that
whatever else the machine does falls on both alike, and medians are compared.
"""

import argparse
import cProfile
import gc
import json
import pstats
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import attrs
import httpx
import orjson
from attrs import frozen

from returns_hub import Adapter, Page, Reply, Return, ReturnQuery, decode_json
from returns_hub.accounts import build_adapter
from returns_hub.registry import adapter_class, sandbox_class
from returns_hub.testing import serve

ROWS = 100
QUERIES = {
    # A window of two months is full where the simulator's returns are so dense.
    "return_helper": ReturnQuery(
        created_after=datetime(2024, 11, 1, tzinfo=UTC), created_before=datetime(2024, 12, 25, tzinfo=UTC)
    ),
}
AIMS = {"returnmate": 9.0, "return_helper": 9.0, "returnless": 9.0}
PROVIDERS = (*AIMS, "aftership", "redo", "returnless_v2")

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


def returnmate_body() -> bytes:
    rows = [rma(number) for number in range(ROWS)]
    return json.dumps({"success": True, "data": rows, "meta": {"page": 1, "per_page": ROWS, "total": 150}}).encode()


def decode(adapter: Adapter, *answers: Reply, query: ReturnQuery | None = None) -> Page[Return]:
    """The page of a listing that these are the replies for, from bytes that were not decoded before."""
    operation = adapter.list_returns(query or ReturnQuery())
    next(operation)
    try:
        for answer in answers:
            operation.send(Reply(status=answer.status, headers=answer.headers, body=answer.body))
    except StopIteration as stop:
        page: Page[Return] = stop.value
        return page
    raise AssertionError("the listing asks for more replies")


@frozen
class Recorded:
    """What was asked of a vendor for one page, and answered."""

    adapter: Adapter
    query: ReturnQuery
    answers: Sequence[Reply]

    def read(self) -> Page[Return]:
        return decode(self.adapter, *self.answers, query=self.query)


def record(provider: str) -> Recorded:
    """A page of the vendor's listing as large as the vendor allows, up to 100 rows; of ReturnMate's, one of our own rows."""
    vendor = sandbox_class(provider)(count=3_000)
    query = QUERIES.get(provider, ReturnQuery(page_size=ROWS))
    with serve(vendor) as running, httpx.Client() as http:
        urls = vendor.base_urls(running.url)
        adapter = build_adapter(adapter_class(provider), vendor.options)
        answers: list[Reply] = []
        if provider == "returnmate":
            return Recorded(adapter, query, [Reply(status=200, body=returnmate_body())])
        operation = adapter.list_returns(query)
        try:
            request = next(operation)
            while True:
                sent = adapter.authorize(request)
                root = urls["extra_base_urls"][sent.base] if sent.base else urls["base_url"]
                found = http.request(sent.method, f"{root}{sent.path}", params=sent.query, headers=sent.headers)
                answers.append(
                    Reply(status=found.status_code, headers=tuple(found.headers.items()), body=found.content)
                )
                request = operation.send(answers[-1])
        except StopIteration:
            return Recorded(adapter, query, answers)


def built_of(value: Any) -> Iterator[tuple[Any, dict[str, Any]]]:
    """What the object and those in it are built of, without what has its default value."""
    given = {}
    for field in attrs.fields(type(value)):
        part = getattr(value, field.name)
        for inner in part if isinstance(part, tuple) else [part]:
            if attrs.has(type(inner)):
                yield from built_of(inner)
        if part != field.default and part != {}:
            given[field.name] = part
    yield type(value), given


def seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    for _ in range(5):
        work()
    return (time.process_time() - started) / 5


def measure(provider: str, rounds: int) -> None:
    recorded = record(provider)
    bodies = [answer.body for answer in recorded.answers]
    page = recorded.read()
    assert not page.invalid_records
    assert not any(ret.unreadable for ret in page.items)

    objects = [part for ret in page.items for part in built_of(ret)]

    baseline, decoded, built, mapped = [], [], [], []
    gc.collect()
    for _ in range(rounds):
        baseline.append(seconds(lambda: [orjson.loads(body) for body in bodies]))
        decoded.append(seconds(lambda: [decode_json(body) for body in bodies]))
        built.append(seconds(lambda: [kind(**fields) for kind, fields in objects]))
        mapped.append(seconds(recorded.read))
    floor = statistics.median(baseline)
    json_ratio, build_ratio, ratio = (statistics.median(times) / floor for times in (decoded, built, mapped))
    items = sum(len(ret.items) for ret in page.items)
    aim = f"≤ {AIMS[provider]:.0f}" if provider in AIMS else ""
    print(
        f"| {provider} | {len(page.items)} | {items} | {sum(map(len, bodies)) / 1000:.1f} kB | {floor * 1e6:,.0f} µs "
        f"| {json_ratio:.2f} | {build_ratio:.1f} | **{ratio:.1f}** | {aim} |",
        flush=True,
    )


def profile(provider: str) -> None:
    recorded = record(provider)
    with cProfile.Profile() as profiler:
        for _ in range(50):
            recorded.read()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(35)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("providers", nargs="*", default=PROVIDERS, metavar="PROVIDER")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--profile", action="store_true", help="print where the time goes instead")
    arguments = parser.parse_args()
    if arguments.profile:
        for provider in arguments.providers:
            profile(provider)
        return
    print(
        "| Page of | Returns | Items | Bytes | `orjson.loads` | Exact JSON, ratio | The objects alone, ratio "
        "| Bytes to `Return`, ratio | Aim |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for provider in arguments.providers:
        measure(provider, arguments.rounds)


if __name__ == "__main__":
    main()
