"""``reconcile`` against the ReturnMate simulator over real HTTP."""

from collections.abc import Callable
from typing import Any

import pytest

from returns_hub import HttpAnswer
from returns_hub_returnmate.sandbox import ReturnMateSandbox

Run = Callable[..., Any]

REPORT_KEYS = [
    "account",
    "requests",
    "pages",
    "checked",
    "missing",
    "changed",
    "repaired",
    "differences",
    "gone",
    "gone_ids",
    "invalid_records",
    "unreadable",
    "unknown_words",
    "gaps",
    "duration_s",
    "error",
    "retry_at",
    "skipped",
]


@pytest.fixture
def synced(configure: Callable[..., None], run: Run) -> None:
    """The account is mirrored."""
    assert run("sync").code == 0


def test_the_summary_as_json_has_the_documented_keys(synced: None, run: Run) -> None:
    ran = run("reconcile", "--json")
    (report,) = ran.objects
    assert (ran.code, ran.err, list(report)) == (0, "", REPORT_KEYS)
    assert (report["account"], report["checked"], report["gone_ids"]) == ("acme-au", 60, [])


def test_a_mirror_in_step_is_one_line(synced: None, run: Run) -> None:
    ran = run("reconcile")
    assert (ran.code, ran.err, len(ran.lines)) == (0, "", 1)
    assert ran.out.startswith("acme-au: 60 checked, 0 missing, 0 changed, 0 repaired, 0 gone (1 request, ")


def test_what_was_lost_is_found_once(synced: None, run: Run, vendor: ReturnMateSandbox) -> None:
    closed = [return_id for return_id, rma in vendor.rmas.items() if rma["status"] == "completed"]
    for return_id in closed[:5]:
        vendor.set_status(return_id, "rejected")
    assert run("reconcile").out.startswith("acme-au: 60 checked, 0 missing, 5 changed, 5 repaired, 0 gone (")
    assert run("reconcile").out.startswith("acme-au: 60 checked, 0 missing, 0 changed, 0 repaired, 0 gone (")


def test_what_the_vendor_has_no_more_is_named_and_stays(synced: None, run: Run, vendor: ReturnMateSandbox) -> None:
    vendor.delete("rma_abc123")
    ran = run("reconcile")
    assert ran.lines[1:] == ["acme-au: not at the vendor any more: rma_abc123"]
    assert len(run("returns", "--json").lines) == 60


def test_a_terminal_gets_a_progress_bar(synced: None, show: Callable[..., str]) -> None:
    written = show(80, "reconcile")
    assert "acme-au reconcile" in written
    assert "60 of 60" in written


def test_an_unknown_account_is_refused(synced: None, run: Run) -> None:
    ran = run("reconcile", "acme-uk")
    assert (ran.code, ran.err) == (2, "returns-hub: there is no account 'acme-uk'; did you mean 'acme-au'?\n")


def test_a_failure_is_said(synced: None, run: Run, vendor: ReturnMateSandbox) -> None:
    vendor.faults.answer_with(HttpAnswer(status=401), "unauthorized")
    ran = run("reconcile")
    assert (ran.code, ran.err) == (
        1,
        (
            "returns-hub: acme-au: returnmate list_returns: The vendor does not accept the credentials "
            "(HTTP 401, asked at 127.0.0.1)\n"
        ),
    )


def test_a_field_that_cannot_be_read_is_named_and_is_no_failure(
    synced: None, run: Run, vendor: ReturnMateSandbox
) -> None:
    vendor.rmas["rma_abc123"]["created_at"] = {"not": "a time"}
    ran = run("reconcile")
    assert (ran.code, ran.err) == (0, "")
    assert ran.lines[-1] == "acme-au: could not be read and left empty: rma_abc123 created_at"


def test_a_record_that_cannot_be_read_is_a_failure(synced: None, run: Run, vendor: ReturnMateSandbox) -> None:
    vendor.rmas["rma_abc123"]["id"] = {"not": "an id"}
    ran = run("reconcile")
    assert (ran.code, ran.lines[0][:40]) == (1, "acme-au: 59 checked, 0 missing, 0 change")
    assert "could not be read; they are missing in the mirror" in ran.err
