"""``sync`` against the ReturnMate simulator over real HTTP."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from returns_hub_returnmate.sandbox import ReturnMateSandbox

Run = Callable[..., Any]

REPORT_KEYS = [
    "account",
    "requests",
    "pages",
    "read",
    "created",
    "changed",
    "unchanged",
    "events",
    "set_aside",
    "unknown_words",
    "gaps",
    "duration_s",
    "error",
]


@pytest.fixture
def synced(configure: Callable[..., None], run: Run) -> Any:
    """The first sync of an account."""
    return run("sync", "--json")


def test_the_summary_as_json_has_the_documented_keys(synced: Any) -> None:
    (report,) = synced.objects
    assert (synced.code, synced.err, list(report)) == (0, "", REPORT_KEYS)


def test_the_first_sync_reads_everything(synced: Any, vendor: ReturnMateSandbox) -> None:
    (report,) = synced.objects
    assert (report["account"], report["read"], report["created"], report["events"]) == ("acme-au", 60, 60, 60)


def test_the_mirror_has_the_exact_set(synced: Any, vendor: ReturnMateSandbox, run: Run) -> None:
    assert {ret["id"] for ret in run("returns", "--json").objects} == set(vendor.rmas)


def test_the_second_sync_changes_nothing(synced: Any, run: Run) -> None:
    (report,) = run("sync", "--json").objects
    assert (report["created"], report["changed"], report["events"]) == (0, 0, 0)


def test_a_change_at_the_vendor_is_one_event(synced: Any, vendor: ReturnMateSandbox, run: Run) -> None:
    last = run("events", "--json").objects[-1]["sequence"]
    vendor.set_status("rma_abc123", "approved")
    (report,) = run("sync", "--json").objects
    (event,) = run("events", "--after", str(last), "--json").objects
    assert report["events"] == 1
    assert (event["type"], event["return_id"], event["changes"]) == (
        "return.status_changed",
        "rma_abc123",
        {"status": ["requested", "approved"], "status_raw": ["pending", "approved"]},
    )


def test_an_unknown_word_is_counted_and_explained(
    synced: Any, vendor: ReturnMateSandbox, configure: Callable[..., None], run: Run
) -> None:
    vendor.set_status("rma_abc123", "Warten auf Teile")
    ran = run("sync")
    assert (ran.code, ran.err) == (0, "")
    assert "acme-au: unknown words: 'Warten auf Teile' (" in ran.out


def test_a_word_mapped_in_the_configuration_is_known(
    vendor: ReturnMateSandbox, configure: Callable[..., None], run: Run
) -> None:
    vendor.set_status("rma_abc123", "Quality Hold")
    configure('status_map = { "Quality Hold" = { status = "received", attention = ["review"] } }')
    run("sync")
    (ret,) = run("show", "acme-au", "rma_abc123", "--json").objects
    assert (ret["status"], ret["status_raw"], ret["attention"]) == ("received", "Quality Hold", ["review"])


def test_people_get_a_line_for_each_account(configure: Callable[..., None], run: Run) -> None:
    ran = run("sync")
    assert (ran.code, len(ran.lines)) == (0, 1)
    assert ran.out.startswith("acme-au: 60 read, 60 new, 0 changed, 60 events (1 request, ")


def test_a_terminal_gets_a_progress_bar(configure: Callable[..., None], show: Callable[..., str]) -> None:
    written = show(80, "sync")
    assert "acme-au backfill" in written
    assert "60/60" in written


def test_a_record_that_cannot_be_read_is_reported_and_the_others_are_kept(
    vendor: ReturnMateSandbox, configure: Callable[..., None], run: Run
) -> None:
    vendor.rmas["rma_abc123"]["created_at"] = {"not": "a time"}
    ran = run("sync")
    assert (ran.code, ran.err) == (
        1,
        "returns-hub: acme-au: 1 record could not be read; the mirror does not have what they tell\n",
    )
    assert len(run("returns", "--json").lines) == 59


def test_an_unknown_account_is_refused_before_anything_is_read(
    vendor: ReturnMateSandbox, configure: Callable[..., None], run: Run
) -> None:
    ran = run("sync", "acme-uk")
    assert (ran.code, ran.err) == (2, "returns-hub: there is no account 'acme-uk'; did you mean 'acme-au'?\n")
    assert vendor.requests == ()


@pytest.mark.parametrize("arguments", [["sync"], ["sync", "--json"], ["--verbose", "sync"], ["--verbose", "doctor"]])
def test_the_credential_appears_nowhere(
    configure: Callable[..., None], run: Run, tmp_path: Path, arguments: list[str]
) -> None:
    ran = run(*arguments)
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert "rm-canary-5d1c0f7e" not in ran.out + ran.err
    assert b"rm-canary-5d1c0f7e" not in written


def test_verbose_logs_the_requests(configure: Callable[..., None], run: Run) -> None:
    ran = run("sync", "--verbose", "--json")
    assert len(ran.objects) == 1
    assert "returnmate GET /rmas: 200 in " in ran.err


def test_the_store_is_beside_the_configuration(
    configure: Callable[..., None], run: Run, tmp_path: Path, environment: dict[str, str]
) -> None:
    run("sync", "--config", str(tmp_path / "returns-hub.toml"))
    with sqlite3.connect(tmp_path / "returns.db") as database:
        assert database.execute("select count(*) from returns").fetchone() == (60,)
