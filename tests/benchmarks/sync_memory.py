"""Peak memory and cost of a first sync of 10,000 and of 1,000,000 RMAs, of a second one that finds nothing new, and of one that reads
all of them again and finds nothing changed (``full=True``). Costs are this process's processor time; the vendor has its own.

The vendor computes its rows and runs in a process of its own, and so does every pair of syncs: each has its own peak.

    python tests/benchmarks/sync_memory.py            # takes some minutes
    python tests/benchmarks/sync_memory.py 100000     # instead of a million
    python tests/benchmarks/sync_memory.py 100000 postgresql://user@host/empty   # there, instead of in SQLite
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from attrs import frozen

from returns_hub import Account, Hub, SyncReport, format_time, parse_time

SMALL = 10_000
LARGE = 1_000_000
AIM = 1.2
RUNS = ("first", "second", "again")
BEGIN = datetime(2021, 1, 1, tzinfo=UTC)
GAP = timedelta(seconds=120)


def main(large: int, store: str | None) -> int:
    print(f"{'':>32}{'processor time a record':>36}")
    print(f"{'RMAs':>9}{'requests':>10}{'first sync':>13}{'first':>12}{'second':>12}{'all again':>12}{'peak RSS':>12}")
    peaks, costs = [], []
    for size in (SMALL, large):
        result = measured(size, store)
        peaks.append(result["kilobytes"])
        costs.append(result["first"] / size)
        each = "".join(f"{result[name] / size * 1e6:>9.1f} µs" for name in ("first", "second", "again"))
        print(
            f"{size:>9,}{result['requests']:>10,}{result['first_s']:>11.2f} s{each}"
            f"{result['kilobytes'] / 1024:>9.1f} MB",
            flush=True,
        )
    print(f"a record of {large:,} to one of {SMALL:,}: {costs[1] / costs[0]:.2f}")
    ratio = peaks[1] / peaks[0]
    print(f"peak RSS of {large:,} to {SMALL:,}: {ratio:.3f} (aim: {AIM} at most)")
    return 0 if ratio <= AIM else 1


def measured(size: int, store: str | None) -> dict[str, Any]:
    with vendor(size) as base_url, tempfile.TemporaryDirectory() as directory:
        address = store or f"sqlite:///{Path(directory)}/x.db"
        done = subprocess.run(
            [sys.executable, __file__, "sync", base_url, address, f"shop-{size}"],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    result: dict[str, Any] = json.loads(done.stdout)
    assert result["created"] == size, "not every RMA was read"
    return result


@contextmanager
def vendor(size: int) -> Iterator[str]:
    command = [sys.executable, __file__, "serve", str(size)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


@frozen
class Shop:
    """The list of RMAs of the ReturnMate API reference, of so many RMAs that it computes them as they are asked for."""

    size: int

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        query = {name: values[0] for name, values in parse_qs(scope["query_string"].decode()).items()}
        first = -((parse_time(query["created_after"]) - BEGIN) // -GAP) if "created_after" in query else 0
        last = (parse_time(query["created_before"]) - BEGIN) // GAP if "created_before" in query else self.size - 1
        first, end = max(first, 0), min(last + 1, self.size)
        page, per_page = int(query["page"]), int(query["per_page"])
        start = first + (page - 1) * per_page
        rows = [self.row(number) for number in range(start, min(start + per_page, end))]
        meta = {"page": page, "per_page": per_page, "total": max(0, end - first)}
        body = json.dumps({"success": True, "data": rows, "meta": meta}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def row(self, number: int) -> dict[str, Any]:
        return {
            "id": f"rma_{number:08d}",
            "rma_number": f"RMA-{number:08d}",
            "status": "completed",
            "order_number": f"#{number}",
            "customer": {"email": f"customer{number % 9973}@example.com", "name": f"Customer {number % 9973}"},
            "items": [{"sku": f"PROD-{number % 97:03d}", "quantity": 1, "reason": "defective"}],
            "created_at": format_time(BEGIN + number * GAP),
        }


def serve_shop(size: int) -> None:
    from returns_hub.testing import serve

    with serve(Shop(size)) as running:
        print(running.url, flush=True)
        sys.stdin.read()


def sync(base_url: str, store: str, name: str) -> None:
    options = {"api_key": "benchmark"}
    account = Account(name=name, provider="returnmate", base_url=base_url, rate_limit="none", options=options)
    reports: list[SyncReport] = []
    with Hub([account], store=store) as hub:
        list(hub.returns(limit=1))  # the mirror is made, and everything imported that it needs
        seconds = [time.process_time()]
        for full in (False, False, True):
            reports += hub.sync(full=full)
            seconds.append(time.process_time())
    assert not any(report.error for report in reports)
    result = {
        "created": reports[0].created,
        "requests": reports[0].requests,
        "first_s": reports[0].duration_s,
        **{name: after - before for name, before, after in zip(RUNS, seconds, seconds[1:], strict=False)},
        "kilobytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", size]:
            serve_shop(int(size))
        case ["sync", base_url, store, name]:
            sync(base_url, store, name)
        case [] | [_] | [_, _]:
            sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else LARGE, sys.argv[2] if sys.argv[2:] else None))
        case _:
            sys.exit("python tests/benchmarks/sync_memory.py [RMAS [STORE]]")
