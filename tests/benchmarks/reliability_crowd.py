"""Many copies of many deliveries, from many senders at once, to many servers and workers on one PostgreSQL.

    python tests/benchmarks/reliability_crowd.py [--deliveries N] [--copies N] [--senders N] [--servers N] [--workers N]

Servers and workers are the command's own: ``returns-hub serve --no-work`` and ``returns-hub work --hub``. In the end every
delivery must be stored once, with all its copies counted, and processed once; its event must be dispatched once.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import reliability_parts as parts
from reliability_parts import Outcome, require, wait_for

PLATFORM = f"""
import os
from pathlib import Path
from returns_hub import Hub

hub = Hub.from_config()
lines = Path("told").open("a", buffering=1)

@hub.on(name="{parts.CONSUMER}", since="beginning")
def write_down(event):
    lines.write(f"{{os.getpid()}} {{event.id}}\\n")
"""


def run(url: str, directory: Path, wanted: argparse.Namespace) -> None:
    """Send it all, and compare; print what came of it."""
    with ExitStack() as held:
        vendor = held.enter_context(parts.vendor(wanted.deliveries))
        (directory / "returns-hub.toml").write_text(f'store = "{url}"\n{vendor.configuration}')
        (directory / "platform_of_the_campaign.py").write_text(PLATFORM)
        start = partial(parts.command, directory)
        servers = [held.enter_context(start("serve", "--no-work", "--port", "0")) for _ in range(wanted.servers)]
        for _ in range(wanted.workers):
            held.enter_context(start("work", "--hub", "platform_of_the_campaign:hub"))
        senders = held.enter_context(parts.senders([server.port for server in servers], wanted.senders))
        copies = vendor.deliveries(wanted.deliveries) * wanted.copies
        random.Random(2026).shuffle(copies)
        began = time.monotonic()
        senders.send(copies)
        senders.wait_until_acknowledged(600)
        acknowledged = time.monotonic() - began
        wait_for(lambda: parts.pending(url) == 0, 600, "something is not processed")
        processed = time.monotonic() - began
        wait_for(lambda: len(told(directory)) >= wanted.deliveries, 60, "an event is not dispatched")
    outcome = Outcome.of(url)
    outcome.check(senders.sent, senders.acknowledged())
    require(len(outcome.bodies) == wanted.deliveries, f"{len(outcome.bodies)} deliveries are stored")
    expected = len(copies) - wanted.deliveries
    require(senders.answers() == {200: len(copies)}, f"answers: {senders.answers()}")
    require(outcome.duplicates == expected, f"{outcome.duplicates} duplicates are counted, not {expected}")
    require(outcome.attempts == wanted.deliveries, f"{outcome.attempts} attempts for what nothing stood in the way of")
    ids = Counter(identity for _, identity in told(directory))
    require(ids == Counter(outcome.event_ids), f"dispatched twice: {ids - Counter(outcome.event_ids)}")
    shares = sorted(Counter(process for process, _ in told(directory)).values(), reverse=True)
    print(
        f"{wanted.deliveries} deliveries x {wanted.copies} copies, {wanted.senders} senders, {wanted.servers} servers, "
        f"{wanted.workers} workers: all acknowledged after {acknowledged:.1f} s, processed after {processed:.1f} s"
    )
    print(
        f"{len(copies)} copies acknowledged, {len(outcome.bodies)} applied, {outcome.duplicates} counted as duplicates, "
        f"{outcome.events.total()} events, each dispatched once (by worker: {', '.join(map(str, shares))})"
    )


def told(directory: Path) -> list[tuple[str, str]]:
    """Which process has dispatched which event."""
    file = directory / "told"
    lines = file.read_text().splitlines() if file.exists() else []
    return [(process, identity) for process, identity in map(str.split, lines)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--deliveries", type=int, default=1000)
    parser.add_argument("--copies", type=int, default=10)
    parser.add_argument("--senders", type=int, default=8)
    parser.add_argument("--servers", type=int, default=2)
    parser.add_argument("--workers", type=int, default=4)
    wanted = parser.parse_args()
    with parts.postgresql() as server, tempfile.TemporaryDirectory() as directory:
        try:
            run(server.empty("campaign"), Path(directory), wanted)
        except parts.Violation as violation:
            print(violation)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
