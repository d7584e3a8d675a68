"""Runs the benchmarks one after the other, and says in the end which goals were met; ``make bench``.

    python tests/benchmarks/run.py                      # all: about an hour
    python tests/benchmarks/run.py growth by_hand       # these; make bench ONLY="growth by_hand"
    python tests/benchmarks/run.py --list

Each script runs by itself too, and says with ``--help`` or in its first lines what it can be told. Those that take the address of a
PostgreSQL run once more with an empty database, on a server of their own, where one is installed. A script that misses a goal ends with
status 1; that is said, and is no failure of the run.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Final

import reliability_parts as parts
from attrs import frozen

HERE: Final = Path(__file__).parent
MEASURED: Final = HERE.parents[1] / "docs" / "measured"
DATABASE: Final = "DATABASE"
"""In arguments: the address of an empty database on PostgreSQL."""


@frozen
class Benchmark:
    """A script, about how many minutes it takes on two cores, and what it is told; ``postgresql``: to run it there, once more."""

    name: str
    minutes: float
    arguments: Sequence[str] = ()
    postgresql: Sequence[str] | None = None


BENCHMARKS: Final = (
    Benchmark("call_paths", 0.1),
    Benchmark("decode", 0.5),
    Benchmark("signature_timing", 0.5),
    Benchmark("client_overhead", 1),
    Benchmark("import_time", 1),
    Benchmark("store_size", 0.2, postgresql=[DATABASE]),
    Benchmark("store_speed", 0.5, postgresql=[DATABASE]),
    Benchmark("processing", 0.2, postgresql=[DATABASE]),
    Benchmark("sync_memory", 1, ["100000"]),  # a million is what growth syncs
    Benchmark("sync_speed", 5),
    Benchmark(
        *("webhook_throughput", 3, ["--rounds", "3", "--seconds", "3", "--databases", "sqlite"]),
        postgresql=["--rounds", "3", "--seconds", "3", "--databases", "postgresql"],
    ),
    Benchmark("console_pages", 3),
    Benchmark("mirror_queries", 8, postgresql=["--returns", "100000", "--store", DATABASE]),
    Benchmark("by_hand", 8, ["--into", str(MEASURED)]),
    Benchmark("growth", 10, ["--into", str(MEASURED)]),
)


@frozen
class Run:
    """A script that has ended."""

    name: str
    seconds: float
    outcome: str


def main(names: Sequence[str]) -> int:
    chosen = [each for each in BENCHMARKS if not names or each.name in names]
    runs: list[Run] = []
    with parts.postgresql() if parts.postgresql_programs() else nullcontext() as server:
        if server is None:
            print("PostgreSQL's server programs are not on this machine: everything runs on SQLite only")
        for place, benchmark in enumerate(chosen, 1):
            for where, arguments in told(benchmark, server):
                print(
                    f"== [{place}/{len(chosen)}] {benchmark.name}{where}, about {benchmark.minutes:g} min", flush=True
                )
                begun = time.monotonic()
                outcome = run(benchmark.name, arguments)
                runs.append(Run(benchmark.name + where, time.monotonic() - begun, outcome))
    print(f"\n{'':<32}{'seconds':>9}")
    for each in runs:
        print(f"{each.name:<32}{each.seconds:>9.0f}   {each.outcome}")
    return 1 if any(each.outcome == FAILED for each in runs) else 0


FAILED: Final = "FAILED: see its output"


def told(benchmark: Benchmark, server: parts.PostgreSQL | None) -> Iterator[tuple[str, Sequence[str]]]:
    """Where a benchmark runs, and its arguments there."""
    yield "", benchmark.arguments
    if server is not None and benchmark.postgresql is not None:
        address = server.empty("bench")
        yield ", PostgreSQL", [address if argument == DATABASE else argument for argument in benchmark.postgresql]


def run(name: str, arguments: Sequence[str]) -> str:
    """Run a script, pass its output on, and say what became of it."""
    command = [sys.executable, str(HERE / f"{name}.py"), *arguments]
    failed = False
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            # An exception ends a script with status 1 too.
            failed = failed or line.startswith("Traceback")
    if failed or process.returncode not in {0, 1}:
        return FAILED
    return "a goal was missed" if process.returncode else "done"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[[], *(each.name for each in BENCHMARKS)], metavar="NAME")
    parser.add_argument("--list", action="store_true", help="print the names, and about how many minutes each takes")
    wanted = parser.parse_args()
    if wanted.list:
        for each in BENCHMARKS:
            print(f"{each.name:<24}{each.minutes:>5g} min{', and on PostgreSQL' if each.postgresql else ''}")
        sys.exit()
    sys.exit(main(wanted.names))
