"""The same backfill three ways: returns-hub, a script of one's own (httpx and sqlite3), and dlt's REST API source into SQLite and DuckDB.

    python tests/benchmarks/by_hand.py [--sizes 10000 50000] [--rounds 3]

The vendor is the simulator of ReturnMate in a process of its own, over HTTP, without a rate limit. Each way starts with nothing and reads
every RMA; then the vendor gets 100 new RMAs, 100 pending ones are completed, and the same program runs once more. Every run is a process
of its own: its start and its imports are in the figures, which are medians of the rounds, and the ways alternate. Each way's rows are
counted against the vendor's. Once each program is killed in the middle and started again. dlt and DuckDB come with the extra ``bench``, which ``make bench`` installs.
"""

import argparse
import importlib.util
import inspect
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from returns_hub.testing import Simulator

# This process stays small and imports none of what is measured: the peak memory of a child begins at that of its parent.

PAGE: Final = 100
CHANGES: Final = 100


def with_returns_hub(base_url: str, api_key: str, folder: str) -> None:
    from returns_hub import Account, Hub

    options = {"api_key": api_key}
    account = Account(name="shop", provider="returnmate", base_url=base_url, rate_limit="none", options=options)
    with Hub([account], store=f"sqlite:///{folder}/rows.db") as hub:
        (report,) = hub.sync()
    if report.error is not None:
        raise RuntimeError(str(report.error))


def with_httpx(base_url: str, api_key: str, folder: str) -> None:
    import sqlite3
    from contextlib import closing

    import httpx

    headers = {"Authorization": f"Bearer {api_key}"}
    with closing(sqlite3.connect(f"{folder}/rows.db")) as database, httpx.Client(headers=headers) as client:
        database.execute(
            "CREATE TABLE IF NOT EXISTS rmas (id PRIMARY KEY, number, status, order_number, email, name, created_at)"
        )
        database.execute(
            "CREATE TABLE IF NOT EXISTS items (rma_id, place, sku, quantity, reason, PRIMARY KEY (rma_id, place))"
        )
        (newest,) = database.execute("SELECT max(created_at) FROM rmas").fetchone()
        query: dict[str, Any] = {"sort": "created_at", "order": "asc", "per_page": 100} | (
            {"created_after": newest} if newest else {}
        )
        page = 1
        while rows := client.get(f"{base_url}/rmas", params={**query, "page": page}).raise_for_status().json()["data"]:
            with database:
                for row in rows:
                    customer = row["customer"]
                    values = (
                        row["id"],
                        row["rma_number"],
                        row["status"],
                        row["order_number"],
                        customer["email"],
                        customer["name"],
                    )
                    database.execute("REPLACE INTO rmas VALUES (?, ?, ?, ?, ?, ?, ?)", (*values, row["created_at"]))
                    for place, item in enumerate(row["items"]):
                        line = (item["sku"], item["quantity"], item.get("reason"))
                        database.execute("REPLACE INTO items VALUES (?, ?, ?, ?, ?)", (row["id"], place, *line))
            page += 1


def with_dlt(base_url: str, api_key: str, folder: str, destination: str) -> None:
    import dlt
    from dlt.sources.rest_api import rest_api_source

    rmas = {
        "name": "rmas",
        "primary_key": "id",
        "write_disposition": "merge",
        "endpoint": {
            "path": "rmas",
            "data_selector": "data",
            "params": {"sort": "created_at", "order": "asc", "per_page": 100},
            "paginator": {"type": "page_number", "base_page": 1, "total_path": None},
            "incremental": {"cursor_path": "created_at", "start_param": "created_after"},
        },
    }
    client = {"base_url": base_url, "auth": {"type": "bearer", "token": api_key}}
    into = dlt.destinations.duckdb(f"{folder}/rows.duckdb")
    if destination == "sqlite":
        into = dlt.destinations.sqlalchemy(f"sqlite:///{folder}/rows.db")
    pipeline = dlt.pipeline("shop", pipelines_dir=f"{folder}/state", destination=into, dataset_name="main")
    pipeline.run(rest_api_source({"client": client, "resources": [rmas]}))


def with_dlt_into_sqlite(base_url: str, api_key: str, folder: str) -> None:
    with_dlt(base_url, api_key, folder, "sqlite")


def with_dlt_into_duckdb(base_url: str, api_key: str, folder: str) -> None:
    with_dlt(base_url, api_key, folder, "duckdb")


@dataclass(frozen=True)
class Way:
    """A program, and where its rows are: their tables, and the columns of a return's id and of the vendor's status."""

    name: str
    run: Callable[[str, str, str], None]
    code: Callable[..., None]
    returns: str
    items: str
    id: str
    status: str
    file: str = "rows.db"


WAYS: Final = {
    way.run.__name__: way
    for way in (
        Way("returns-hub", with_returns_hub, with_returns_hub, "returns", "items", "id", "status_raw"),
        Way("by hand: httpx, sqlite3", with_httpx, with_httpx, "rmas", "items", "id", "status"),
        Way("dlt into SQLite", with_dlt_into_sqlite, with_dlt, "rmas", "rmas__items", "id", "status"),
        Way("dlt into DuckDB", with_dlt_into_duckdb, with_dlt, "main.rmas", "main.rmas__items", "id", "status", "rows.duckdb"),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Spent:
    """What a process took."""

    seconds: float
    processor: float
    megabytes: float


def main(sizes: list[int], rounds: int, into: Path | None) -> int:
    for module in ("dlt", "duckdb"):
        if importlib.util.find_spec(module) is None:
            print(
                f"{module} is not installed. Install what the benchmarks compare with: pip install -c constraints.txt -e '.[bench]'"
            )
            return 2
    complete = True
    lost: dict[str, int] = {}
    found_small: dict[str, Mapping[str, int]] = {}
    lines = [
        "| RMAs | | Elapsed | Processor | a record | Peak memory | Second run | its processor |",
        "| --- " * 8 + "|",
    ]
    for size in sizes:
        first: dict[str, list[Spent]] = {name: [] for name in WAYS}
        second: dict[str, list[Spent]] = {name: [] for name in WAYS}
        found: dict[str, Mapping[str, int]] = {}
        with Vendor.serving(size) as vendor:
            for number in range(rounds):
                for name in WAYS:
                    with tempfile.TemporaryDirectory() as folder:
                        first[name].append(child("run", name, vendor.base_url, vendor.api_key, folder))
                        before = rows_of(name, folder, {})
                        change = vendor.ask("change")
                        second[name].append(child("run", name, vendor.base_url, vendor.api_key, folder))
                        found[name] = rows_of(name, folder, change)
                        vendor.ask("restore")
                    facts = vendor.facts
                    if (before["returns"], before["items"]) != (facts["returns"], facts["items"]):
                        complete = False
                        print(
                            f"{WAYS[name].name}: {before}, where the vendor has {facts['returns']} returns and {facts['items']} items"
                        )
                    print(
                        f"  {size:,} RMAs, round {number + 1}: {WAYS[name].name}, {first[name][-1].seconds:.1f} s",
                        flush=True,
                    )
            if size == min(sizes):
                lost = {name: pages_lost(name, vendor) for name in WAYS}
                found_small = found
        lines += costs_table(size, first, second)
    lines += ["", *finds_table(min(sizes), found_small, lost), ""]
    lines.append(
        f"CPython {sys.version.split()[0]}, {os.cpu_count()} cores, dlt {version('dlt')}, DuckDB {version('duckdb')}; medians of {rounds}."
    )
    print("\n".join(["", *lines]))
    if into is not None:
        into.mkdir(parents=True, exist_ok=True)
        (into / "by_hand.md").write_text("\n".join(lines) + "\n", "utf-8")
        print(f"written: {into / 'by_hand.md'}")
    return 0 if complete else 1


def costs_table(size: int, first: Mapping[str, list[Spent]], second: Mapping[str, list[Spent]]) -> Iterator[str]:
    for name, way in WAYS.items():
        runs, again = first[name], second[name]
        processor = statistics.median(run.processor for run in runs)
        cells = (
            f"{size:,}",
            way.name,
            f"{statistics.median(run.seconds for run in runs):.1f} s",
            f"{processor:.1f} s",
            f"{processor / size * 1e6:.0f} µs",
            f"{statistics.median(run.megabytes for run in runs):.0f} MB",
            f"{statistics.median(run.seconds for run in again):.1f} s",
            f"{statistics.median(run.processor for run in again):.1f} s",
        )
        yield f"| {' | '.join(cells)} |"


def finds_table(size: int, found: Mapping[str, Mapping[str, int]], lost: Mapping[str, int]) -> Iterator[str]:
    yield "| | Lines of one's own | Second run: new ones found | changed ones found | Pages to read again after a kill half way |"
    yield "| --- | --- | --- | --- | --- |"
    for name, way in WAYS.items():
        new, changed = (f"{found[name][what]} of {CHANGES}" for what in ("new", "changed"))
        yield f"| {way.name} | {lines_of(way.code)} | {new} | {changed} | {lost[name]} of {size // PAGE // 2} |"


def pages_lost(name: str, vendor: "Vendor") -> int:
    """How many of the pages that were read are not stored, where the program is killed half way; after that it must find the rest."""
    before, half = vendor.pages(), vendor.facts["returns"] // PAGE // 2
    with tempfile.TemporaryDirectory() as folder:
        arguments = ("run", name, vendor.base_url, vendor.api_key, folder)
        with subprocess.Popen([sys.executable, __file__, *arguments], env=quiet_environment(folder)) as process:
            while vendor.pages() - before < half and process.poll() is None:
                time.sleep(0.002)
            process.kill()
        read = vendor.pages() - before
        stored = rows_of(name, folder, {})["returns"] // PAGE
        child(*arguments)
        if rows_of(name, folder, {})["returns"] != vendor.facts["returns"]:
            raise RuntimeError(f"{name}: after a kill not every return was found")
    return max(0, read - stored)


def lines_of(function: Callable[..., None]) -> int:
    """Its lines with something on them, without the first."""
    return sum(1 for line in inspect.getsource(function).splitlines()[1:] if line.strip())


# Children.


def child(*arguments: str) -> Spent:
    """Run a part of this file in a process of its own."""
    begun = time.perf_counter()
    process = subprocess.Popen([sys.executable, __file__, *arguments], env=quiet_environment(arguments[-1]))
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    megabytes = usage.ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)
    return Spent(time.perf_counter() - begun, usage.ru_utime + usage.ru_stime, megabytes)


def quiet_environment(folder: str) -> dict[str, str]:
    """dlt sends no telemetry, keeps its state in the folder, and warns of nothing."""
    return os.environ | {
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "PYTHONWARNINGS": "ignore",
        "DLT_DATA_DIR": folder,
        "DLT_PROJECT_DIR": folder,
    }


def rows_of(name: str, folder: str, change: Mapping[str, Any]) -> Mapping[str, int]:
    """How many returns and items there are, and how many of the new and of the changed returns."""
    asked = [sys.executable, __file__, "count", name, folder]
    answer = subprocess.run(asked, input=json.dumps(change), capture_output=True, text=True, check=True)
    counted: Mapping[str, int] = json.loads(answer.stdout)
    return counted


def count(name: str, folder: str, change: Mapping[str, Any]) -> Mapping[str, int]:
    way = WAYS[name]
    if way.file.endswith("duckdb"):
        import duckdb as driver
    else:
        import sqlite3 as driver
    connection = driver.connect(f"{folder}/{way.file}")
    try:
        status = dict(connection.execute(f"SELECT {way.id}, {way.status} FROM {way.returns}").fetchall())
        (items,) = connection.execute(f"SELECT count(*) FROM {way.items}").fetchone()
    except driver.Error:
        # It was killed before it had made its tables.
        status, items = {}, 0
    connection.close()
    return {
        "returns": len(status),
        "items": items,
        "new": sum(return_id in status for return_id in change.get("new", ())),
        "changed": sum(status[return_id] == "completed" for return_id in change.get("changed", ())),
    }


# The vendor.


@dataclass
class Vendor:
    """The simulator, in a process that changes what it is asked to."""

    facts: Mapping[str, Any]
    process: "subprocess.Popen[str]"

    @classmethod
    @contextmanager
    def serving(cls, size: int) -> Iterator["Vendor"]:
        command = [sys.executable, __file__, "serve", str(size)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            yield cls(json.loads(process.stdout.readline()), process)
            process.terminate()

    @property
    def base_url(self) -> str:
        return str(self.facts["base_url"])

    @property
    def api_key(self) -> str:
        return str(self.facts["api_key"])

    def ask(self, word: str) -> Mapping[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()
        answer: Mapping[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def pages(self) -> int:
        """How many requests it has had."""
        return int(self.ask("pages")["pages"])


def serve_vendor(size: int) -> None:
    from returns_hub.testing import serve
    from returns_hub_returnmate.sandbox import ReturnMateSandbox

    simulator = ReturnMateSandbox(count=size)
    rmas = simulator.rmas
    items = sum(len(rma["items"]) for rma in rmas.values())
    waiting = [return_id for return_id, rma in rmas.items() if rma["status"] == "pending"]
    # All over the years, the oldest among them.
    changed = waiting[:: len(waiting) // CHANGES][:CHANGES]
    new: list[str] = []
    with serve(simulator) as running:
        facts = {"base_url": running.url + simulator.base_path, "api_key": simulator.options["api_key"]}
        print(json.dumps({**facts, "returns": len(rmas), "items": items}), flush=True)
        for line in sys.stdin:
            match line.strip():
                case "change":
                    new = [simulator.add_rma(order_number=f"#{number}") for number in range(CHANGES)]
                    move(simulator, changed, "completed")
                case "restore":
                    for return_id in new:
                        simulator.delete(return_id)
                    move(simulator, changed, "pending")
            print(json.dumps({"new": new, "changed": changed, "pages": len(simulator.requests)}), flush=True)


def move(simulator: "Simulator", ids: Iterable[str], word: str) -> None:
    for return_id in ids:
        simulator.set_status(return_id, word)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", size]:
            serve_vendor(int(size))
        case ["run", name, base_url, api_key, folder]:
            WAYS[name].run(base_url, api_key, folder)
        case ["count", name, folder]:
            print(json.dumps(count(name, folder, json.load(sys.stdin))))
        case _:
            parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
            parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 50_000])
            parser.add_argument("--rounds", type=int, default=3)
            parser.add_argument("--into", type=Path, help="a folder for the tables")
            wanted = parser.parse_args()
            sys.exit(main(wanted.sizes, wanted.rounds, wanted.into))
