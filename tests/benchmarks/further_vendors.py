"""AfterShip, Redo and Returnless V2 against their simulators over HTTP: read exactly, changed while read, killed while read, replies lost.

    python tests/benchmarks/further_vendors.py [--only PART_OF_A_NAME] [--records N] [--kills N] [--losses N]

What the mirror says is compared with the vendor's data, which ``further_vendors_parts.py`` reads without the adapter. The
exit code is 1 where anything was lost, came twice, or was done twice.
"""

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from fnmatch import fnmatch
from functools import partial
from math import ceil
from pathlib import Path
from typing import Any

from attrs import define
from further_vendors_parts import COUNT_FOR_WRITES, VENDORS, Facts, Sandbox, Vendor, Write, facts_of

from returns_hub import Account, Event, Hub, ProviderError, SyncReport, connect
from returns_hub.testing import serve

RECORDS = 10_000
KILLS = 20
LOSSES = 10
CHANGES = 72
IN_KILLED_WALKS = 2_000


@define
class Disturbed:
    """A vendor as an application. After every answer to a reading ``then`` is called, with how many there were."""

    sandbox: Sandbox
    then: Callable[[int], None]
    answered: int = 0

    @property
    def sends_date(self) -> bool:
        return bool(getattr(self.sandbox, "sends_date", False))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.sandbox(scope, receive, send)
        if scope["type"] == "http" and scope["method"] == "GET":
            self.answered += 1
            self.then(self.answered)


@contextmanager
def mirror(vendor: Vendor, sandbox: Sandbox, then: Callable[[int], None] = lambda _: None) -> Iterator[Hub]:
    with (
        serve(Disturbed(sandbox, then)) as running,
        tempfile.TemporaryDirectory() as directory,
        Hub([vendor.account(sandbox, running.url)], store=f"sqlite:///{Path(directory)}/x.db") as hub,
    ):
        yield hub


def sync(hub: Hub) -> SyncReport:
    (report,) = hub.sync()
    if report.error or report.gaps or report.invalid_records or report.unreadable:
        raise RuntimeError(f"{report.error} {report.gaps[:1]} {report.invalid_records} {report.unreadable[:1]}")
    return report


def compare(vendor: Vendor, sandbox: Sandbox, found: dict[str, Facts]) -> list[str]:
    """A sentence for each return that the mirror lacks, has in excess, or has with other values."""
    truth = vendor.truth(sandbox)
    return [
        *(f"{one} is missing" for one in truth.keys() - found.keys()),
        *(f"{one} is not the vendor's" for one in found.keys() - truth.keys()),
        *(
            f"{one}: {name} is {found[one][name]!r}, and {value!r} at the vendor"
            for one in truth.keys() & found.keys()
            for name, value in truth[one].items()
            if found[one][name] != value
        ),
    ]


def mirrored(hub: Hub) -> dict[str, Facts]:
    rows = list(hub.returns())
    if len({stored.ret.id for stored in rows}) != len(rows):
        raise RuntimeError("a return is in the mirror twice")
    return {stored.ret.id: facts_of(stored.ret) for stored in rows}


def emitted(events: Iterator[Event]) -> Counter[tuple[str, str]]:
    return Counter((str(event.return_id), event.type) for event in events)


def surprises(found: Counter[tuple[str, str]], expected: Counter[tuple[str, str]]) -> list[str]:
    """A sentence for each event that is missing, or is one too many. An event of a shipment beside that of its return is expected."""
    own = Counter({key: count for key, count in found.items() if key[1] in ("return.created", "return.status_changed")})
    return [
        *(f"{count} x {kind} of {one} missing" for (one, kind), count in (expected - own).items()),
        *(f"{count} x {kind} of {one} too many" for (one, kind), count in (own - expected).items()),
    ]


class Changes:
    """What the vendor's staff do: returns move, each once and to a word that means something else, and new ones are filed."""

    def __init__(self, vendor: Vendor, sandbox: Sandbox, seed: int) -> None:
        self.vendor, self.sandbox = vendor, sandbox
        movable = sorted(one for one, record in vendor.records(sandbox).items() if vendor.can_move(record))
        random.Random(seed).shuffle(movable)
        self._movable = iter(movable)
        self.expected: Counter[tuple[str, str]] = Counter()
        self._filed = 0

    def move(self) -> None:
        return_id = next(self._movable)
        self.vendor.move(self.sandbox, return_id)
        self.expected[return_id, "return.status_changed"] += 1

    def insert(self) -> None:
        self._filed += 1
        return_id = f"{self._filed:032x}"
        self.vendor.file(self.sandbox, return_id)
        self.expected[return_id, "return.created"] += 1


def read_all(vendor: Vendor, count: int) -> tuple[list[str], str]:
    """A first sync of so many returns: what is wrong with the mirror, and the line of the table."""
    sandbox = vendor.sandbox(count=count)
    with mirror(vendor, sandbox) as hub:
        report = sync(hub)
        problems = compare(vendor, sandbox, mirrored(hub))
        problems += surprises(
            emitted(hub.events()), Counter({(one, "return.created"): 1 for one in sandbox.return_ids})
        )
    fewest = ceil(count / vendor.page)
    values = sum(len(facts) for facts in vendor.truth(sandbox).values())
    return problems, (
        f"{count:,} read, {values:,} values compared: {len(problems)} wrong; {report.requests} requests, {fewest} full pages; "
        f"{report.duration_s:.1f} s"
    )


def read_changes(vendor: Vendor, count: int) -> tuple[list[str], str]:
    """Returns move and are filed between two syncs, and while the second one reads: each is emitted once by it and the third."""
    sandbox = vendor.sandbox(count=count)
    changes = Changes(vendor, sandbox, seed=1)
    wanted = min(CHANGES, count // 25)
    is_busy = False

    def then(answered: int) -> None:
        if is_busy and sum(changes.expected.values()) < wanted:
            changes.move()
            if answered % 5 == 0:
                changes.insert()

    with mirror(vendor, sandbox, then) as hub:
        sync(hub)
        before = max(event.sequence for event in hub.events())
        for _ in range(wanted // 3):
            changes.move()
        for _ in range(wanted // 10):
            changes.insert()
        is_busy = True
        busy = sync(hub)
        is_busy = False
        while sum(changes.expected.values()) < wanted:
            changes.move()
        quiet, last = sync(hub), sync(hub)
        problems = surprises(emitted(hub.events(after=before)), changes.expected)
        problems += compare(vendor, sandbox, mirrored(hub))
    if last.events:
        problems.append(f"a sync that finds nothing new emitted {last.events} events")
    return problems, (
        f"{sum(changes.expected.values())} changes and new returns, each emitted once: {len(problems)} wrong; "
        f"{busy.requests}, {quiet.requests} and {last.requests} requests"
    )


def killed(vendor: Vendor, count: int, kills: int) -> tuple[list[str], str]:
    """Walks whose process is killed after some answers, at random, until so many were: nothing is lost, or emitted twice."""
    rng, problems, deaths, walks = random.Random(3), list[str](), 0, 0
    while deaths < kills:
        walks += 1
        found, died = killed_walk(vendor, count, rng)
        problems, deaths = problems + found, deaths + died
    return problems, f"{deaths} kills in {walks} walks of {count:,} returns, changes included: {len(problems)} wrong"


def killed_walk(vendor: Vendor, count: int, rng: random.Random) -> tuple[list[str], int]:
    """A first sync and one that reads changes, killed again and again; compared with an uninterrupted one."""
    sandbox = vendor.sandbox(count=count)
    changes = Changes(vendor, sandbox, seed=2)
    expected = Counter({(one, "return.created"): 1 for one in sandbox.return_ids})
    process: subprocess.Popen[bytes] | None = None
    deadline = deaths = 0

    def then(answered: int) -> None:
        if process is not None and answered == deadline:
            process.send_signal(signal.SIGKILL)

    app = Disturbed(sandbox, then)
    size = min(vendor.page, max(1, count // 40))
    with serve(app) as running, tempfile.TemporaryDirectory() as directory:
        store = f"sqlite:///{Path(directory)}/x.db"
        account = vendor.account(sandbox, running.url, page_size=size)
        given = json.dumps(
            {
                "provider": vendor.provider,
                "base_url": account.base_url,
                "options": dict(account.options),
                "history_start": account.history_start.isoformat(),
            }
        )
        for is_changed in (False, True):
            for _ in range(10 if is_changed else 0):
                changes.move()
                changes.insert()
            code, reach = -signal.SIGKILL, 12
            while code == -signal.SIGKILL:
                # A walk of changes begins anew each time: it must get further before the next kill, or it never ends.
                deadline, reach = app.answered + rng.randint(1, reach), reach + 4
                process = subprocess.Popen([sys.executable, __file__, "--sync", given, store])
                code = process.wait()
                deaths += code == -signal.SIGKILL
            if code:
                raise RuntimeError(f"a sync ended with {code}")
        process = None
        with Hub([account], store=store) as hub:
            problems = compare(vendor, sandbox, mirrored(hub))
            problems += surprises(emitted(hub.events()), expected + changes.expected)
            broken = [stored.ret for stored in hub.returns()]
    with mirror(vendor, sandbox) as hub:
        # Redo's simulator gives each change a second of its own: the last ones are a little ahead, for the second sync to find.
        sync(hub)
        sync(hub)
        unbroken = {stored.ret.id: stored.ret for stored in hub.returns()}
    problems += [f"{ret.id} is not what an unbroken walk makes of it" for ret in broken if ret != unbroken.get(ret.id)]
    return problems, deaths


def fail_after_work(sandbox: Sandbox) -> Callable[..., object]:
    return partial(sandbox.faults.server_error, after_work=True)


def lose_replies(vendor: Vendor, write: Write, losses: int) -> tuple[list[str], str]:
    """The vendor does the work, and its reply is lost, cut off or an error: done once, and the caller knows that it may be."""
    problems: list[str] = []
    answered, raised, asked = 0, 0, Counter[int]()
    sandbox = vendor.sandbox(count=COUNT_FOR_WRITES)
    free = iter([one for one, record in vendor.records(sandbox).items() if write.applies_to(record)])
    with serve(sandbox) as running:
        account = vendor.account(sandbox, running.url)
        for number in range(losses):
            return_id = next(free)
            before, effects = len(sandbox.requests), write.effects(sandbox, return_id)
            lose = (sandbox.faults.drop_after_commit, sandbox.faults.cut_off, fail_after_work(sandbox))[number % 3]
            for method in ("POST", "PUT", "PATCH"):
                lose(method=method, path=write.path, times=1)
            # A client of its own each time: retries are rationed where everything fails.
            with connect(vendor.provider, base_url=account.base_url, rate_limit="none", **account.options) as client:
                try:
                    write.call(client, return_id)
                except ProviderError as error:
                    raised += 1
                    if not error.maybe_applied:
                        problems.append(f"{write.name}: {type(error).__name__} says that nothing happened")
                else:
                    answered += 1
            sandbox.faults.clear()
            writes = [
                each for each in sandbox.requests[before:] if each.method != "GET" and fnmatch(each.path, write.path)
            ]
            asked[len(writes)] += 1
            if not write.repeats and len(writes) != 1:
                problems.append(f"{write.name}: asked {len(writes)} times")
            if write.effects(sandbox, return_id) - effects != 1:
                problems.append(f"{write.name}: done {write.effects(sandbox, return_id) - effects} times")
    times = ", ".join(f"{count} x {number}" for count, number in sorted(asked.items()))
    return (
        problems,
        f"{write.name}: {losses} replies lost; answered {answered}, may have happened {raised}; asked {times}",
    )


def run_sync(given: str, store: str) -> None:
    """One sync, in a process that will be killed."""
    options = json.loads(given)
    history_start = date.fromisoformat(options.pop("history_start"))
    account = Account(name="acme", rate_limit="none", history_start=history_start, **options)
    with Hub([account], store=store) as hub:
        sync(hub)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="vendors with this in their name")
    parser.add_argument("--records", type=int, default=RECORDS)
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--losses", type=int, default=LOSSES)
    parser.add_argument("--sync", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.sync:
        run_sync(*arguments.sync)
        return 0
    good = True
    for vendor in VENDORS:
        if arguments.only not in vendor.provider:
            continue
        began = time.monotonic()
        print(f"{vendor.provider}:", flush=True)
        parts = [
            partial(read_all, vendor, arguments.records),
            partial(read_changes, vendor, arguments.records),
            partial(killed, vendor, min(IN_KILLED_WALKS, arguments.records), arguments.kills),
            *(partial(lose_replies, vendor, write, arguments.losses) for write in vendor.writes),
        ]
        for part in parts:
            problems, line = part()
            print(f"  {line}", *problems[:5], sep="\n    ", flush=True)
            good = good and not problems
        print(f"  {time.monotonic() - began:.0f} s", flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
