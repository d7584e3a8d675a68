"""Syncs in processes of their own: killed with SIGKILL wherever it hurts, and watched at 10,000 RMAs."""

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from returns_hub.store import Store
from returns_hub.testing import serve
from returns_hub_returnmate.sandbox import ReturnMateSandbox

# Syncs the account, and kills itself when it stores something for the nth time: before that, inside the transaction
# (everything is written, nothing committed), or after it.
SYNC: str = """
import json, os, resource, signal, sys
from returns_hub import Account, Hub
from returns_hub.store import Store, mirror

base_url, store, options, point, nth = sys.argv[1:]
stored = 0

def die(here):
    if here == point and stored == int(nth):
        os.kill(os.getpid(), signal.SIGKILL)

def apply(self, *args, real=Store.apply, **kwargs):
    global stored
    stored += 1
    die("before")
    applied = real(self, *args, **kwargs)
    die("after")
    return applied

def save_checkpoints(*args, real=mirror.save_checkpoints):
    real(*args)
    die("inside")

Store.apply, mirror.save_checkpoints = apply, save_checkpoints
account = Account(
    name="acme", provider="returnmate", base_url=base_url, rate_limit="none", options=json.loads(options)
)
with Hub([account], store=store) as hub:
    (report,) = hub.sync()
assert report.error is None, report.error
print(json.dumps({"created": report.created, "kilobytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))
"""

StartSync: TypeAlias = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start_sync(sqlite_url: str) -> Iterator[Callable[..., StartSync]]:
    """For a simulator: a function that starts a sync of it in another process."""
    started: list[subprocess.Popen[bytes]] = []

    def of(base_url: str, sandbox: ReturnMateSandbox) -> StartSync:
        def start(*, point: str = "", nth: int = 0) -> "subprocess.Popen[bytes]":
            arguments = [base_url, sqlite_url, json.dumps(dict(sandbox.options)), point, str(nth)]
            process = subprocess.Popen([sys.executable, "-c", SYNC, *arguments], stdout=subprocess.PIPE)
            started.append(process)
            return process

        return start

    yield of
    for process in started:
        with process:
            process.kill()


def mirrored(url: str) -> set[str]:
    with Store.open(url) as store:
        return {stored.ret.id for stored in store.returns()}


def told(url: str) -> list[tuple[str, str]]:
    with Store.open(url) as store:
        return sorted((event.return_id, event.type) for event in store.events())


# Before the transaction that stores a page, inside it, and after it.
POINTS = [
    pytest.param("before", marks=pytest.mark.campaign),
    "inside",
    pytest.param("after", marks=pytest.mark.campaign),
]


@pytest.mark.parametrize("point", POINTS)
def test_a_backfill_killed_at_every_page_emits_each_return_once(
    start_sync: Callable[..., StartSync], sqlite_url: str, point: str
) -> None:
    sandbox = ReturnMateSandbox(count=450)
    with serve(sandbox) as running:
        start = start_sync(running.url + sandbox.base_path, sandbox)
        # What it stores second is the page behind the first one of this run: each run gets a page further.
        exits = [start(point=point, nth=2).wait() for _ in range(3)]
        assert exits == [-signal.SIGKILL] * 3
        assert start().wait() == 0
    assert mirrored(sqlite_url) == sandbox.return_ids
    assert told(sqlite_url) == sorted((return_id, "return.created") for return_id in sandbox.return_ids)


@pytest.mark.parametrize("point", POINTS)
def test_a_reading_of_changes_killed_everywhere_emits_each_change_once(
    start_sync: Callable[..., StartSync], sqlite_url: str, point: str
) -> None:
    sandbox = ReturnMateSandbox(count=300)
    with serve(sandbox) as running:
        start = start_sync(running.url + sandbox.base_path, sandbox)
        assert start().wait() == 0
        pending = [rma_id for rma_id, rma in sandbox.rmas.items() if rma["status"] == "pending"][:4]
        for rma_id, word in zip(pending, ["approved", "completed", "rejected", "Quality Hold"], strict=True):
            sandbox.set_status(rma_id, word)
        new = sandbox.add_rma()
        exits = [start(point=point, nth=nth).wait() for nth in range(1, 8)]
        assert start().wait() == 0
    assert exits.count(-signal.SIGKILL) >= 4
    changes = [(rma_id, "return.status_changed") for rma_id in pending]
    created = [(rma_id, "return.created") for rma_id in sandbox.return_ids]
    assert told(sqlite_url) == sorted(created + changes)
    assert new in mirrored(sqlite_url)


@pytest.mark.campaign
def test_a_backfill_killed_at_any_moment_emits_each_return_once(
    start_sync: Callable[..., StartSync], sqlite_url: str
) -> None:
    sandbox = ReturnMateSandbox(count=3000)
    moments = random.Random(2026)
    with serve(sandbox) as running:
        start = start_sync(running.url + sandbox.base_path, sandbox)
        for _ in range(10):
            seen = len(sandbox.requests)
            process = start()
            while process.poll() is None and len(sandbox.requests) == seen:
                time.sleep(0.001)
            time.sleep(moments.uniform(0, 0.15))
            process.kill()
            process.wait()
        assert start().wait() == 0
    assert mirrored(sqlite_url) == sandbox.return_ids
    assert told(sqlite_url) == sorted((return_id, "return.created") for return_id in sandbox.return_ids)


def test_two_syncs_of_one_account_at_once_emit_each_return_once(
    start_sync: Callable[..., StartSync], sqlite_url: str
) -> None:
    sandbox = ReturnMateSandbox(count=1000)
    with serve(sandbox) as running:
        start = start_sync(running.url + sandbox.base_path, sandbox)
        both = [start(), start()]
        assert [process.wait() for process in both] == [0, 0]
    assert mirrored(sqlite_url) == sandbox.return_ids
    assert told(sqlite_url) == sorted((return_id, "return.created") for return_id in sandbox.return_ids)


def test_a_mirror_killed_while_it_is_made_is_made_by_the_next(sqlite_url: str) -> None:
    code = (
        "import os, signal; from returns_hub.store import Store, database; real = database._upgrade\n"
        "database._upgrade = lambda connection: (real(connection), os.kill(os.getpid(), signal.SIGKILL))\n"
        f"Store.open({sqlite_url!r})"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    assert mirrored(sqlite_url) == set()


@pytest.mark.campaign
def test_ten_thousand_are_read_exactly_with_hardly_more_requests_than_pages_and_flat_memory(
    start_sync: Callable[..., StartSync], tmp_path: Path, sqlite_url: str
) -> None:
    small, large = ReturnMateSandbox(count=1_000), ReturnMateSandbox(count=10_000)
    with serve(small) as running:
        few = finished(start_sync(running.url + small.base_path, small)())
    Path(sqlite_url.removeprefix("sqlite:///")).unlink()
    with serve(large) as running:
        many = finished(start_sync(running.url + large.base_path, large)())
    assert mirrored(sqlite_url) == large.return_ids
    # A hundred pages. They overlap by a second, so that no row that moves is passed over.
    assert len(large.requests) <= 110
    assert many["kilobytes"] <= 1.2 * few["kilobytes"]


def finished(process: "subprocess.Popen[bytes]") -> Any:
    output, _ = process.communicate()
    return json.loads(output)
