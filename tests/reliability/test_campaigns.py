"""The campaigns behind ``docs/reliability.md``, each in a small version; and that they find what they are there to find."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import pytest

Campaign: TypeAlias = Callable[..., str]

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"

# Between the first byte of a delivery and the end of its handler.
POINTS = (
    "first bytes:before",
    "verify:after",
    "queue:after",
    "insert:inside",
    "insert:after",
    "stored:after",
    "answer:after",
    "claim:inside",
    "claim:after",
    "read:after",
    "finish:inside",
    "finish:after",
    "claim events:after",
    "handler:inside",
    "handler:after",
    "settle:inside",
)
AT_POSTGRESQL = ("insert:inside", "insert:after", "claim:after", "finish:inside", "finish:after", "handler:inside")
# One on either side of each promise: stored and not answered, claimed, processed and not ended, the handler run and not settled.
DECISIVE = ("insert:after", "claim:after", "finish:inside", "handler:after")


@pytest.mark.parametrize(
    ("database", "points"),
    [
        ("sqlite", DECISIVE),
        ("postgresql", ("finish:inside",)),
        pytest.param("sqlite", POINTS, marks=pytest.mark.campaign),
        pytest.param("postgresql", AT_POSTGRESQL, marks=pytest.mark.campaign),
    ],
)
def test_kills_lose_nothing_and_do_nothing_twice(campaign: Campaign, database: str, points: Sequence[str]) -> None:
    out = campaign("reliability_kills.py", "--times", "1", "--databases", database, "--points", ",".join(points))
    assert f"{len(points)} kills" in out
    assert "none lost, no effect twice" in out


SABOTAGE = """
import runpy, sys, time
from concurrent.futures import Future
from returns_hub.dispatcher import EventDispatcher
from returns_hub.deliveries import Inbox
from returns_hub.deliveries.sanitizer import sanitize_delivery

async def answer_at_once(self, *delivery):
    self._enqueue(sanitize_delivery(*delivery), Future())
    return 0

def store_later(self, arrivals, real=Inbox._store):
    time.sleep(0.2)
    real(self, arrivals)

def tell_twice(self, consumer, claimed, real=EventDispatcher._call):
    real(self, consumer, claimed)
    return real(self, consumer, claimed)

{sabotage}
script = sys.argv.pop(1)
sys.path.insert(0, script.rpartition("/")[0])
runpy.run_path(script, run_name="__main__")
"""


@pytest.mark.parametrize(
    ("sabotage", "point", "complaint"),
    [
        pytest.param(
            "Inbox.put_async, Inbox._store = answer_at_once, store_later",
            "insert:before",
            "acknowledged deliveries are lost",
            marks=pytest.mark.campaign,
        ),
        ("EventDispatcher._call = tell_twice", "finish:after", "too often"),
    ],
)
def test_a_campaign_finds_what_is_wrong(sabotage: str, point: str, complaint: str) -> None:
    arguments = ["--times", "1", "--databases", "sqlite", "--points", point]
    script = str(BENCHMARKS / "reliability_kills.py")
    command = [sys.executable, "-c", SABOTAGE.format(sabotage=sabotage), script, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1, done.stderr
    assert complaint in done.stdout


def test_copies_are_applied_once(campaign: Campaign) -> None:
    out = campaign("reliability_crowd.py", "--deliveries", "20", "--copies", "5", "--senders", "3", "--workers", "2")
    assert "100 copies acknowledged, 20 applied, 80 counted as duplicates, 20 events, each dispatched once" in out


@pytest.mark.campaign
@pytest.mark.skipif(
    shutil.which("pgbouncer", path=f"{os.environ.get('PATH')}:/usr/sbin") is None,
    reason="PgBouncer is not on this machine",
)
def test_all_is_processed_behind_a_pooler_or_the_start_is_refused(campaign: Campaign) -> None:
    out = campaign("reliability_pgbouncer.py", "--deliveries", "20", "--modes", "transaction,statement")
    assert "pool_mode = transaction, 3 sessions: 20 acknowledged" in out
    assert out.count("refused: ") == 2


@pytest.mark.campaign
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_what_hangs_holds_up_nobody_else_and_is_caught_up_with(campaign: Campaign, database: str) -> None:
    options = ["--seconds", "8", "--p99", "30", "--red", "30", "--slack", "30", "--databases", database]
    out = campaign("reliability_hangs.py", *options, "--scenes", "mute database,mute vendor")
    assert len(out.splitlines()) == 3


@pytest.mark.parametrize(
    "scene",
    ["full disk", *(pytest.param(other, marks=pytest.mark.campaign) for other in ("read-only", "server crashed"))],
)
def test_a_database_that_fails_is_never_a_success_and_needs_no_hand(campaign: Campaign, scene: str) -> None:
    options = ["--deliveries", "15", "--seconds", "0.2", "--no-work", "--scenes", scene]
    (line,) = campaign("reliability_failures.py", *options).splitlines()[1:]
    assert line.startswith(scene)


@pytest.mark.campaign
def test_what_is_sent_arrives_by_every_way(campaign: Campaign) -> None:
    out = campaign("proxies.py", "--only", "direct serve")
    assert "| direct | 1 | right | right |" in out
    assert "**" not in out


@pytest.mark.campaign
def test_hostile_senders_are_bounded(campaign: Campaign) -> None:
    out = campaign("hostile_senders.py", "--senders", "20", "--seconds", "0.6")
    assert "0 lost, 0 never sent with a signature" in out


@pytest.mark.campaign
def test_what_throughput_counts_is_stored(campaign: Campaign) -> None:
    out = campaign("webhook_throughput.py", "--rounds", "1", "--seconds", "0.2", "--databases", "sqlite")
    told = re.findall(r"sqlite, (.*): ([1-9]\d*) acknowledged, (\d+) stored", out)
    assert [kind for kind, _, _ in told] == ["returns-hub", "each", "grouped"]
    assert [acknowledged for _, acknowledged, _ in told] == [stored for _, _, stored in told]


def test_further_vendors_are_read_exactly_and_do_nothing_twice(campaign: Campaign) -> None:
    out = campaign("further_vendors.py", "--records", "100", "--kills", "0", "--losses", "1")
    assert out.count("100 read, 900 values compared: 0 wrong") == 3
    assert out.count("changes and new returns, each emitted once: 0 wrong") == 3


def test_forged_deliveries_are_refused(campaign: Campaign) -> None:
    assert campaign("signature_attacks.py").count(" 0 taken, 0 stored") == 3
