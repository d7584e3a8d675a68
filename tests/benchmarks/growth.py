"""What a sync, a delivery and a query cost, by the number of returns stored: a table, and a picture.

    python tests/benchmarks/growth.py                                        # SQLite to 1,000,000 returns, PostgreSQL to 100,000: some minutes
    python tests/benchmarks/growth.py --sizes 1000 10000 --databases sqlite
    python tests/benchmarks/growth.py --into docs/measured                   # writes growth.md and growth.svg there, as make bench does

For each size a process of its own, and a mirror of its own: a first sync of so many RMAs, over HTTP from a vendor in another process; a
second one, which finds nothing changed; each query of that mirror; then as many deliveries are stored as there are returns, all of
them pending, and some more are received and processed, each of which has its return read from the vendor. PostgreSQL is started where it is
installed, with ``fsync``, and is analyzed before the deliveries are stored. A sync's figure is the whole divided by the records,
all others are medians.
"""

import argparse
import hashlib
import hmac
import importlib.util
import itertools
import json
import math
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeAlias

import reliability_parts as parts
from attrs import frozen
from mirror_queries import AIM_MS, ask
from sqlalchemy import insert, literal, select, text
from sync_memory import Shop

from returns_hub import Account, Hub, WebhookRequest
from returns_hub.store import Store
from returns_hub.store.schema import DELIVERIES

SIZES: Final = (1_000, 10_000, 100_000, 1_000_000)
NAMES: Final = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
POSTGRESQL_MOST: Final = 100_000
ACCOUNT: Final = "shop"
SECRET: Final = "growth"
ROUNDS: Final = 15
DELIVERIES_A_ROUND: Final = 20
MADE: Final = 1_000
FIRST: Final = "first sync, a record"
SECOND: Final = "second sync, nothing changed, in all"
FULL: Final = "full sync again, nothing changed, a record"
RECEIVE: Final = "receive a delivery, so many stored"
PROCESS: Final = "process a delivery, so many pending"
NEWEST: Final = "the newest 50 returns"
ORDER: Final = "find by order"
SHOW: Final = "show with its events"
EVENTS: Final = "events --after, 500 of them"
MEASURES: Final = (FIRST, FULL, SECOND, RECEIVE, PROCESS, NEWEST, ORDER, SHOW, EVENTS)
# Colours that are readable on white and on black.
LOOKS: Final = (
    *(("o", "#4c8bd6"), ("s", "#e08a1e"), ("D", "#3aa655"), ("^", "#e0524d"), ("v", "#9d7fd1")),
    *(("<", "#b07c54"), (">", "#d667b0"), ("P", "#9a9a2e"), ("X", "#25a9b8")),
)
# Of the largest to the second smallest size, for at the smallest a sync is mostly its start.
AIM_OF_GROWTH: Final = 1.2
AIM_OF_SECOND: Final = 0.2


@frozen
class Cost:
    """Microseconds on the clock, and of the process's own processor time."""

    clock: float
    processor: float

    def __str__(self) -> str:
        return f"{_rounded(self.clock)} ({_rounded(self.processor)})"


Costs: TypeAlias = Mapping[str, Cost]
Found: TypeAlias = Mapping[str, Mapping[int, Costs]]
"""By database, and then by size."""


def main(sizes: Sequence[int], databases: Sequence[str], into: Path | None) -> int:
    if into is not None and importlib.util.find_spec("matplotlib") is None:
        print(
            "The picture is drawn with matplotlib, which is not installed: pip install -c constraints.txt -e '.[bench]'. "
            "Without --into the table is printed only."
        )
        return 2
    found: dict[str, dict[int, Costs]] = {}
    memory: dict[int, float] = {}
    with parts.postgresql() if "postgresql" in databases else nullcontext() as server:
        for database in databases:
            for size in sizes:
                if database == "postgresql" and size > POSTGRESQL_MOST:
                    continue
                begun = time.monotonic()
                with tempfile.TemporaryDirectory() as folder, vendor(size) as base_url:
                    address = (
                        f"sqlite:///{folder}/mirror.db"
                        if server is None or database == "sqlite"
                        else server.empty("growth")
                    )
                    found.setdefault(database, {})[size], memory_mb = measured(size, address, base_url)
                if database == "sqlite":
                    memory[size] = memory_mb
                print(f"{database}, {size:,}: measured in {time.monotonic() - begun:.0f} s", flush=True)
    lines = table(found, memory)
    print("\n".join(lines))
    if into is not None:
        into.mkdir(parents=True, exist_ok=True)
        (into / "growth.md").write_text("\n".join(lines) + "\n", "utf-8")
        draw(found, into / "growth.svg")
        print(f"written: {into / 'growth.md'}, {into / 'growth.svg'}")
    return 1 if missed(found, memory) else 0


def table(found: Found, memory: Mapping[int, float]) -> list[str]:
    sizes = sorted({size for by_size in found.values() for size in by_size})
    lines = [
        f"| µs on the clock (of the processor) | {' | '.join(f'{size:,}' for size in sizes)} | Growth |",
        f"| --- |{' --- |' * (len(sizes) + 1)}",
    ]
    for database, by_size in found.items():
        for measure in MEASURES:
            cells = [str(by_size[size][measure]) if size in by_size else "" for size in sizes]
            growth = by_size[max(by_size)][measure].clock / by_size[min(by_size)][measure].clock
            lines.append(f"| {NAMES[database]}: {measure} | {' | '.join(cells)} | {growth:.2f} |")
    if memory:
        growth = memory[max(memory)] / memory[min(memory)]
        cells = [f"{memory[size]:.0f} MB" if size in memory else "" for size in sizes]
        lines.append(f"| SQLite: peak memory of the syncs | {' | '.join(cells)} | {growth:.2f} |")
    lines += [
        "",
        f"CPython {sys.version.split()[0]}, {os.cpu_count()} cores. Growth is the clock's, from the smallest size to the largest.",
    ]
    return lines


def missed(found: Found, memory: Mapping[int, float]) -> bool:
    """Print the aims and what was reached; true if one is missed."""
    reached: list[tuple[str, float, float]] = []
    for database, by_size in found.items():
        *smaller, largest = sorted(by_size)
        last, reference = by_size[largest], by_size[smaller[1] if len(smaller) > 1 else min(by_size)]
        first, second = last[FIRST].processor, last[SECOND].processor
        growth = first / reference[FIRST].processor
        slowest = max(last[measure].clock for measure in (NEWEST, ORDER, SHOW, EVENTS)) / 1e3
        reached += [
            (f"{database}: a record of the first sync, growth of processor time", growth, AIM_OF_GROWTH),
            (f"{database}: second sync to first, processor time", second / first / largest, AIM_OF_SECOND),
            (f"{database}: full sync again to first, processor time", last[FULL].processor / first, AIM_OF_SECOND),
            (f"{database}: the slowest question, ms", slowest, AIM_MS),
        ]
    if memory:
        reached.append(("peak memory of syncs, growth", memory[max(memory)] / memory[min(memory)], AIM_OF_GROWTH))
    for name, figure, aim in reached:
        print(f"{'met   ' if figure <= aim else 'MISSED'} {name}: {figure:.2f} (aim: {aim:g} at most)")
    return any(figure > aim for _, figure, aim in reached)


def draw(found: Found, path: Path) -> None:
    """The same as a picture: readable on a white and on a black page, its text kept as text."""
    import matplotlib as mpl

    mpl.use("svg")
    grey = "#777777"
    settings = {
        "svg.fonttype": "none",
        "svg.hashsalt": "growth",
        "font.size": 9,
        "font.family": "sans-serif",
        **dict.fromkeys(
            ["text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color", "grid.color"], grey
        ),
    }
    with mpl.rc_context(settings):
        from matplotlib.figure import Figure
        from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

        figure = Figure(figsize=(8.4, 4.6), layout="constrained")
        panels = figure.subplots(1, len(found), sharey=True, squeeze=False)[0]
        for panel, (database, by_size) in zip(panels, found.items(), strict=True):
            sizes = sorted(by_size)
            for measure, (marker, colour) in zip(MEASURES, LOOKS, strict=True):
                costs = [by_size[size][measure].clock / 1e3 for size in sizes]
                panel.plot(sizes, costs, marker, linestyle="-", color=colour, markersize=4, label=measure)
            panel.set(xscale="log", yscale="log", xlabel="returns in the mirror, and deliveries", title=NAMES[database])
            panel.xaxis.set_major_locator(FixedLocator(sizes))
            panel.xaxis.set_minor_locator(NullLocator())
            panel.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
            panel.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
            panel.grid(alpha=0.3)
        panels[0].set_ylabel("milliseconds each")
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
        figure.savefig(path, transparent=True, metadata={"Date": None, "Creator": None})
    path.write_text("\n".join(line.rstrip() for line in path.read_text("utf-8").splitlines()) + "\n", "utf-8")


def _rounded(value: float) -> str:
    """Three figures of it."""
    digits = max(0, 2 - math.floor(math.log10(value))) if value > 0 else 0
    return f"{value:,.0f}" if digits == 0 else f"{value:.{digits}f}"


# The process that is measured.


def measured(size: int, address: str, base_url: str) -> tuple[Costs, float]:
    """What everything cost, and the syncs' peak memory in MB."""
    done = subprocess.run(
        [sys.executable, __file__, "measure", str(size), address, base_url],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    answer = json.loads(done.stdout)
    return {name: Cost(*cost) for name, cost in answer["costs"].items()}, answer["megabytes"]


def measure(size: int, address: str, base_url: str) -> Mapping[str, Any]:
    options = {"api_key": "growth", "webhook_secrets": [SECRET]}
    account = Account(name=ACCOUNT, provider="returnmate", base_url=base_url, rate_limit="none", options=options)
    costs: dict[str, tuple[float, float]] = {}
    with Hub([account], store=address) as hub, Store.open(address) as store:
        for name, each in ((FIRST, size), (SECOND, 1), (FULL, size)):
            clock, processor = time.perf_counter(), time.process_time()
            (report,) = hub.sync(full=name == FULL)
            clock, processor = time.perf_counter() - clock, time.process_time() - processor
            costs[name] = (1e6 / each * clock, 1e6 / each * processor)
            if report.error is not None or report.created != (size if name == FIRST else 0):
                raise RuntimeError(f"{name}: {report.created} of {size} RMAs are new: {report.error}")
            progress(f"{name}, {clock:.1f} s")
        kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with store.database.writing() as connection:
            if store.database.dialect == "postgresql":
                connection.execute(text("ANALYZE"))
        for name, question in questions(hub, size).items():
            taken, worked = ask(question, ROUNDS)
            costs[name] = (1e3 * statistics.median(taken), 1e3 * statistics.median(worked))
        clock = time.perf_counter()
        seed(hub, store, size)
        progress(f"{size:,} deliveries stored, {time.perf_counter() - clock:.1f} s")
        new = deliveries(random.Random(5), size, "new")
        costs[RECEIVE] = median_of(lambda: receive(hub, new))
        costs[PROCESS] = median_of(lambda: process(hub))
    return {"costs": costs, "megabytes": kilobytes / 1024}


def progress(done: str) -> None:
    print(f"  {done}", file=sys.stderr, flush=True)


def questions(hub: Hub, size: int) -> Mapping[str, Callable[[random.Random], object]]:
    def show(chance: random.Random) -> object:
        return_id = f"rma_{chance.randrange(size):08d}"
        return hub.get_return(ACCOUNT, return_id), list(hub.events(account=ACCOUNT, return_id=return_id))

    return {
        NEWEST: lambda _: list(hub.returns(limit=50)),
        ORDER: lambda chance: list(hub.find(f"#{chance.randrange(size)}", limit=51)),
        SHOW: show,
        EVENTS: lambda chance: list(hub.events(after=chance.randrange(size - 500), limit=500)),
    }


def median_of(act_often: Callable[[], object]) -> tuple[float, float]:
    """The microseconds of an act, done some times a round: on the clock, and of the processor."""
    clocks, processors = [], []
    for _ in range(ROUNDS + 1):
        clock, processor = time.perf_counter(), time.process_time()
        act_often()
        clocks.append(1e6 / DELIVERIES_A_ROUND * (time.perf_counter() - clock))
        processors.append(1e6 / DELIVERIES_A_ROUND * (time.process_time() - processor))
    # The first round opens connections and prepares statements.
    return statistics.median(clocks[1:]), statistics.median(processors[1:])


def process(hub: Hub) -> None:
    if hub.process(limit=DELIVERIES_A_ROUND) != DELIVERIES_A_ROUND:
        raise RuntimeError("a delivery was not processed")


def receive(hub: Hub, new: Iterator[WebhookRequest]) -> None:
    for request in itertools.islice(new, DELIVERIES_A_ROUND):
        hub.receive(ACCOUNT, request)


def deliveries(chance: random.Random, size: int, name: str) -> Iterator[WebhookRequest]:
    """Signed deliveries about some of the RMAs, no two alike."""
    number = 0
    while True:
        number += 1
        rma_id = f"rma_{chance.randrange(size):08d}"
        told = {
            "id": f"{name}_{number}",
            "event": "rma.updated",
            "data": {"id": rma_id, "rma_number": f"RMA-{rma_id[4:]}"},
        }
        body = json.dumps(told).encode()
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        headers = {"content-type": "application/json", "x-webhook-signature": signature}
        yield WebhookRequest(
            method="POST", url=f"/webhooks/{ACCOUNT}", headers=headers, body=body, received_at=datetime.now(UTC)
        )


def seed(hub: Hub, store: Store, size: int) -> None:
    """Store so many deliveries: a thousand as they are received, and then their copies, each about a subject of its own."""
    old = deliveries(random.Random(4), size, "old")
    for _ in range(min(size, MADE)):
        hub.receive(ACCOUNT, next(old))
    copied = {column.name: column for column in DELIVERIES.c if column.name != "id"}
    for copy in range(1, -(-size // MADE)):
        # The number first: what is inserted together then lies together in the indexes too.
        values = copied | {name: literal(f"copy {copy} of ") + copied[name] for name in ("dedupe_key", "subject")}
        originals = select(*values.values()).where(DELIVERIES.c.id <= MADE)
        with store.database.writing() as connection:
            connection.execute(insert(DELIVERIES).from_select(list(values), originals))


# The vendor.


class Vendor(Shop):
    """The shop of many RMAs, which also answers with one of them."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        _, _, name = scope["path"].rpartition("/")
        if name == "rmas":
            await super().__call__(scope, receive, send)
            return
        body = json.dumps({"success": True, "data": self.row(int(name.removeprefix("rma_")))}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@contextmanager
def vendor(size: int) -> Iterator[str]:
    """The address of a vendor in a process of its own."""
    command = [sys.executable, __file__, "serve", str(size)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def serve_vendor(size: int) -> None:
    from returns_hub.testing import serve

    with serve(Vendor(size)) as running:
        print(running.url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", size]:
            serve_vendor(int(size))
        case ["measure", size, address, base_url]:
            print(json.dumps(measure(int(size), address, base_url)))
        case _:
            parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
            parser.add_argument(
                "--sizes", type=int, nargs="+", default=SIZES, help="numbers of returns, 1,000 at least"
            )
            parser.add_argument("--databases", nargs="+", choices=parts.DATABASES, default=parts.databases_here())
            parser.add_argument("--into", type=Path, help="a folder for the table and the picture")
            wanted = parser.parse_args()
            sys.exit(main(sorted(wanted.sizes), wanted.databases, wanted.into))
