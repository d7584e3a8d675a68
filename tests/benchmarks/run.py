"""Runs the benchmarks one after the other, and says in the end which goals were met; ``make bench``.

    python tests/benchmarks/run.py                      # all: about an hour
    python tests/benchmarks/run.py growth by_hand       # these; make bench ONLY="growth by_hand"
    python tests/benchmarks/run.py --list

Each script runs by itself too, and says with ``--help`` or in its first lines what options it takes. Those that take the address of a
PostgreSQL run once more with an empty database, on a server of their own, where one is installed. A script that misses a goal ends with
status 1; that is said, and is no failure of the run.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from enum import Enum
from pathlib import Path
from typing import Final

import reliability_parts as parts
from attrs import frozen

HERE: Final = Path(__file__).parent
MEASURED: Final = HERE.parents[1] / "docs" / "measured"
DATABASE: Final = "DATABASE"
"""In arguments: the address of an empty database on PostgreSQL."""


class Outcome(Enum):
    """What became of a script."""

    DONE = "done"
    MISSED = "a goal was missed"
    FAILED = "FAILED: see what it printed"


@frozen
class Benchmark:
    """A script, about how many minutes it takes on two cores, and its arguments; ``postgresql``: to run it there, once more."""

    name: str
    minutes: float
    arguments: Sequence[str] = ()
    postgresql: Sequence[str] | None = None


BENCHMARKS: Final = (
    Benchmark("call_paths", 0.1),
    Benchmark("decode", 0.5),
    Benchmark("decoders", 0.5),
    Benchmark("signature_timing", 0.5),
    Benchmark("client_overhead", 1, ["--max-ratio", "1.15"]),
    Benchmark("import_time", 1, ["--max-ratio", "1.4"]),
    Benchmark("many_accounts", 0.5),
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


def main(names: Sequence[str]) -> int:
    chosen = [each for each in BENCHMARKS if not names or each.name in names]
    ended: list[tuple[str, float, Outcome]] = []
    installed = parts.postgresql_programs() is not None
    if not installed:
        print("PostgreSQL's server programs are not on this machine: everything runs on SQLite only")
    with parts.postgresql() if installed and any(each.postgresql for each in chosen) else nullcontext() as server:
        for place, benchmark in enumerate(chosen, 1):
            for where, arguments in runs_of(benchmark, server):
                print(
                    f"== [{place}/{len(chosen)}] {benchmark.name}{where}, about {benchmark.minutes:g} min", flush=True
                )
                begun = time.monotonic()
                outcome = run(benchmark.name, arguments)
                ended.append((benchmark.name + where, time.monotonic() - begun, outcome))
    print(f"\n{'':<32}{'seconds':>9}")
    for name, seconds, outcome in ended:
        print(f"{name:<32}{seconds:>9.0f}   {outcome.value}")
    return 1 if any(outcome is Outcome.FAILED for _, _, outcome in ended) else 0


def runs_of(benchmark: Benchmark, server: parts.PostgreSQL | None) -> Iterator[tuple[str, Sequence[str]]]:
    """Where a benchmark runs, and its arguments there."""
    yield "", benchmark.arguments
    if server is not None and benchmark.postgresql is not None:
        address = server.empty("bench")
        yield ", PostgreSQL", [address if argument == DATABASE else argument for argument in benchmark.postgresql]


def run(name: str, arguments: Sequence[str]) -> Outcome:
    """Run a script, and pass its output on."""
    command = [sys.executable, str(HERE / f"{name}.py"), *arguments]
    failed = False
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            # An exception ends a script with status 1 too.
            failed = failed or line.startswith("Traceback")
    if failed or process.returncode not in {0, 1}:
        return Outcome.FAILED
    return Outcome.MISSED if process.returncode else Outcome.DONE


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--list", action="store_true", help="print the names, and about how many minutes each takes")
    wanted = parser.parse_args()
    unknown = set(wanted.names) - {each.name for each in BENCHMARKS}
    if unknown:
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}: --list prints their names")
    if wanted.list:
        for each in BENCHMARKS:
            print(f"{each.name:<24}{each.minutes:>5g} min{', and on PostgreSQL' if each.postgresql else ''}")
        sys.exit()
    sys.exit(main(wanted.names))
