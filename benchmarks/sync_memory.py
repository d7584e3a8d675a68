"""Peak memory and time of a first sync of 1,000 and of 10,000 RMAs, and of a second one that finds nothing new.

The simulator runs in a process of its own, and so does every pair of syncs: each has its own peak.

    python benchmarks/sync_memory.py
"""

import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from returns_hub import Account, Hub

SIZES = (1_000, 10_000)
AIM = 1.2


def main() -> int:
    results = {size: measured(size) for size in SIZES}
    print(f"{'RMAs':>7}{'requests':>10}{'first sync':>12}{'a record':>11}{'second sync':>13}{'peak RSS':>11}")
    for size, result in results.items():
        per_record = f"{result['first_s'] / size * 1e6:.0f} µs"
        print(
            f"{size:>7,}{result['requests']:>10}{result['first_s']:>10.2f} s{per_record:>11}"
            f"{result['second_s']:>11.2f} s{result['kilobytes'] / 1024:>8.1f} MB"
        )
    small, large = (results[size]["kilobytes"] for size in SIZES)
    ratio = large / small
    print(f"peak RSS of {SIZES[1]:,} to {SIZES[0]:,}: {ratio:.3f} (aim: {AIM} at most)")
    return 0 if ratio <= AIM else 1


def measured(size: int) -> dict[str, Any]:
    with simulator(size) as base_url:
        done = subprocess.run(
            [sys.executable, __file__, "sync", base_url], stdout=subprocess.PIPE, text=True, check=True
        )
    result: dict[str, Any] = json.loads(done.stdout)
    assert result["created"] == size, "not every RMA was read"
    return result


@contextmanager
def simulator(size: int) -> Iterator[str]:
    command = [sys.executable, __file__, "serve", str(size)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


def serve_simulator(size: int) -> None:
    from returns_hub.testing.sandbox import serve
    from returns_hub_returnmate.sandbox import ReturnMateSandbox

    sandbox = ReturnMateSandbox(count=size, api_key="benchmark")
    with serve(sandbox) as running:
        print(running.url + sandbox.base_path, flush=True)
        sys.stdin.read()


def sync(base_url: str) -> None:
    options = {"api_key": "benchmark"}
    account = Account(name="acme", provider="returnmate", base_url=base_url, rate_limit="none", options=options)
    with tempfile.TemporaryDirectory() as directory, Hub([account], store=f"sqlite:///{Path(directory)}/x.db") as hub:
        (first,), (second,) = hub.sync(), hub.sync()
    assert first.error is second.error is None
    result = {
        "created": first.created,
        "requests": first.requests,
        "first_s": first.duration_s,
        "second_s": second.duration_s,
        "kilobytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", size]:
            serve_simulator(int(size))
        case ["sync", base_url]:
            sync(base_url)
        case _:
            sys.exit(main())
