"""What ``import returns_hub`` costs beside ``import httpx``, each in a fresh interpreter.

    python tests/benchmarks/import_time.py [--rounds N] [--max-ratio R]

An interpreter that imports nothing is taken off both. Rounds are interleaved, so that whatever else the machine does
falls on all alike; the ratio is the median of the rounds'. ``import httpx`` also imports rich and click where they are
installed, which would flatter us: they are hidden from it. With ``--max-ratio`` the exit status is 1 above it.
"""

import argparse
import statistics
import subprocess
import sys
import time

HIDE = "import sys; sys.modules.update(click=None, rich=None)"
MEASURED = ("import returns_hub", "from returns_hub import connect", "from returns_hub import Hub")


def seconds(statement: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"{HIDE}; {statement}"], check=True)
    return time.perf_counter() - started


def measure(rounds: int) -> dict[str, list[float]]:
    """Seconds beyond an empty interpreter's, by statement."""
    statements = ("import httpx", *MEASURED)
    for statement in statements:
        seconds(statement)  # writes the byte code
    times: dict[str, list[float]] = {statement: [] for statement in statements}
    for _ in range(rounds):
        empty = seconds("pass")
        for statement in statements:
            times[statement].append(seconds(statement) - empty)
    return times


def main(rounds: int, max_ratio: float | None) -> int:
    times = measure(rounds)
    httpx = times["import httpx"]
    print(f"{'statement':34} {'ms':>6} {'ratio':>6}")
    print(f"{'import httpx':34} {statistics.median(httpx) * 1000:6.0f} {1:6.2f}")
    worst = 0.0
    for statement in MEASURED:
        ratio = statistics.median(ours / theirs for ours, theirs in zip(times[statement], httpx, strict=True))
        worst = max(worst, ratio)
        print(f"{statement:34} {statistics.median(times[statement]) * 1000:6.0f} {ratio:6.2f}")
    return int(max_ratio is not None and worst > max_ratio)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--max-ratio", type=float)
    options = parser.parse_args()
    sys.exit(main(options.rounds, options.max_ratio))
